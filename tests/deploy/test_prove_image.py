"""What reads the Dockerfile in Docker's place; and, as a peer, the whole of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prove_image import NotProvenError, Stage, build, check, copy_into, instructions

ROOT = Path(__file__).resolve().parents[2]

TEXT = """# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
ARG EXTRAS=a,b
ENV ONE=1 TWO="two words"
WORKDIR /src
# a comment
COPY a.txt b ./
COPY a.txt /opt/
FROM build AS models
ARG MODELS=models
COPY ${MODELS} /models
FROM python:${PYTHON}-slim AS runtime
COPY --from=models /models /m
ENV PATH=/opt/bin:$PATH
USER 10001:10001
EXPOSE 80
HEALTHCHECK --interval=1s \\
  CMD ["x"]
CMD ["y", \\
  "z"]
"""


def test_instructions_are_words_and_what_follows():
    found = list(instructions(TEXT))
    assert found[0] == ("ARG", "PYTHON=3.12")
    assert found[-1] == ("CMD", '["y",   "z"]')
    assert ("HEALTHCHECK", '--interval=1s   CMD ["x"]') in found
    assert not [word for word, _ in found if word.startswith("#")]
    # A comment between two parts of an instruction is none of it.
    assert list(instructions("RUN a && \\\n# why\n  b\n")) == [("RUN", "a &&   b")]


@pytest.fixture
def context(tmp_path):
    place = tmp_path / "context"
    (place / "b").mkdir(parents=True)
    (place / "own" / "model").mkdir(parents=True)
    (place / "a.txt").write_text("a")
    (place / "b" / "c.txt").write_text("c")
    (place / "own" / "model" / "model.json").write_text("{}")
    (tmp_path / "base").mkdir()
    return place


def test_stages_are_copies_of_their_bases(context, tmp_path, capsys):
    last = build(TEXT, tmp_path, context, {"MODELS": "own"})
    capsys.readouterr()
    first, second = tmp_path / "build", tmp_path / "models"
    assert (first / "src/a.txt").read_text() == "a"
    assert (first / "src/c.txt").read_text() == "c"  # a folder's content, not the folder
    assert (first / "opt/a.txt").exists()
    assert (second / "src/a.txt").exists()
    assert (second / "models/model/model.json").exists()
    assert last.root == tmp_path / "runtime"
    assert (last.root / "m/model/model.json").exists()
    assert not (last.root / "src").exists()
    assert last.user == "10001:10001"
    assert last.environment["PATH"].startswith("/opt/bin:/usr/local/sbin:")
    assert "ONE" not in last.environment
    assert json.loads(last.settings["CMD"]) == ["y", "z"]


def test_values_are_put_in_place():
    stage = Stage(Path("/x"), {"A": "1"}, {"B": "2"})
    assert stage.expand("$A ${B} ${C}.") == "1 2 ."


def test_what_it_does_not_know_it_does_not_skip(context, tmp_path, capsys):
    with pytest.raises(NotProvenError, match="ONBUILD"):
        build("FROM x AS y\nONBUILD RUN z\n", tmp_path, context, {})
    with pytest.raises(NotProvenError, match="before the first FROM"):
        build("RUN z\n", tmp_path, context, {})
    capsys.readouterr()


def test_a_file_is_copied_to_a_name_or_into_a_folder(context, tmp_path):
    copy_into(context, ["a.txt"], tmp_path / "new" / "name.txt", is_folder=False)
    assert (tmp_path / "new/name.txt").read_text() == "a"
    copy_into(context, ["a.txt"], tmp_path / "new", is_folder=False)
    assert (tmp_path / "new/a.txt").exists()


def test_what_is_promised_is_checked(capsys):
    kept = {
        "answer": {"status": 200, "without": 401, "metrics": True},
        "user": "10001",
        "writable": ["/data"],
        "tools": [],
        "network": [],
    }
    check(kept)
    assert "there are no compilers" in capsys.readouterr().out
    for name, value, words in (
        ("user", "0", "nobody's user"),
        ("writable", ["/models", "/data"], "/data alone"),
        ("writable", [], "/data alone"),
        ("tools", ["gcc"], "no compilers"),
        ("network", ["eth0"], "no network"),
        ("answer", {"status": 200, "without": 200, "metrics": True}, "without a token"),
    ):
        with pytest.raises(NotProvenError, match=words):
            check({**kept, name: value})


@pytest.mark.peer
@pytest.mark.image
@pytest.mark.timeout(1200)
def test_the_dockerfile_makes_a_service_that_keeps_its_promises(tmp_path):
    """Debian, the wheel, the export and the service; see tools/prove_image.py."""
    if os.geteuid():
        pytest.skip("only root may change roots")
    for program, package in (("debootstrap", "debootstrap"), ("ip", "iproute2")):
        if shutil.which(program) is None:
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)
    models = tmp_path / "models"
    models.mkdir()
    table = ROOT / "labelmend/data/demo/train_noisy.csv"
    for words in (
        [
            sys.executable,
            "-m",
            "labelmend",
            "train-classifier",
            table,
            "-o",
            models / "model",
            "-q",
        ],
        [sys.executable, ROOT / "tools/prove_image.py", tmp_path / "image", models],
    ):
        ran = subprocess.run(words, capture_output=True, text=True)
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
    assert "proven: it answers; " in ran.stdout
