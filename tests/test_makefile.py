"""`make` says what it will do, goes on saying that it does it, and hands on what comes of it.

The Makefile is the real one; Python and pip are scripts, so that nothing is downloaded or compiled.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
STILL = ROOT / "tools" / "still_running.sh"
TICK = "still installing into .venv: "

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

PYTHON = """#!/bin/sh
# As `python -m venv FOLDER`.
mkdir -p "$3/bin"
cp pip.py "$3/bin/python"
"""

PIP = f"""#!{sys.executable}
# As `python -m pip install ...`. No shell: that forgets a Ctrl-C between two commands.
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("pip:", *sys.argv[1:], flush=True)
if code := int(os.environ.get("FAKE_CODE", 0)):
    sys.exit(code)
with open(".venv/bin/labelmend", "w") as file:
    file.write('#!/bin/sh\\necho "labelmend: $*"\\n')
os.chmod(".venv/bin/labelmend", 0o755)
time.sleep(float(os.environ.get("FAKE_SECONDS", 0)))
"""


@pytest.fixture
def clone(tmp_path):
    """What `make` reads, in a folder of its own."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    shutil.copy(STILL, tmp_path / "tools")
    for name, source in (("python.sh", PYTHON), ("pip.py", PIP)):
        (tmp_path / name).write_text(source)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def start(clone, *words, **environment):
    """`make` without a terminal, in a session of its own; what it says is one stream."""
    ours = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.Popen(
        ["make", "PYTHON=./python.sh", *words],
        cwd=clone,
        env={**ours, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def make(clone, *words, **environment):
    started = start(clone, *words, **environment)
    said, _ = started.communicate(timeout=60)
    return started.returncode, said.splitlines()


def ours(clone):
    """Processes that run in the clone."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        there = process.info["cwd"] == str(clone) and process.info["status"] != psutil.STATUS_ZOMBIE
        found += [process.info["cmdline"]] if there else []
    return found


def gone(clone, seconds=5.0):
    until = time.monotonic() + seconds
    while ours(clone) and time.monotonic() < until:
        time.sleep(0.1)
    return not ours(clone)


def place(lines, start):
    """Where the one line stands that begins so."""
    (found,) = [i for i, line in enumerate(lines) if line.strip().startswith(start)]
    return found


@pytest.mark.parametrize("options", [(), ("-s",), ("-j4",), ("-s", "SHELL=/bin/dash")])
def test_the_demo_says_first_what_it_will_do(clone, options):
    if options[-1:] == ("SHELL=/bin/dash",) and shutil.which("dash") is None:
        pytest.skip("dash is not installed")
    code, said = make(clone, "demo", *options)
    assert code == 0
    assert said[0] == "make demo, in two steps; times are those of 2 cores:"
    plan = " ".join(" ".join(said[: place(said, "pip: ")]).split())
    for words in (
        "compile llama.cpp for this machine: about 4 minutes",
        "mend a table, about 3 minutes; train a classifier, a few seconds;",
        "compare classifiers and write the report, about a minute",
        "Nothing of yours is sent anywhere.",
        "demo-output/report/report.html",
    ):
        assert words in plan
    installed = "pip: -m pip install --quiet --constraint constraints.txt --editable "
    assert f"{installed}.[embedded-llm]" in said
    assert said[-1] == "labelmend: demo"
    assert max(map(len, said[:8])) <= 88
    # Once it is installed, only the command itself speaks.
    assert make(clone, "demo", "-s") == (0, ["labelmend: demo"])


def test_a_set_up_for_tests_says_what_it_will_do_too(clone):
    code, said = make(clone, "setup", "-s")
    assert code == 0
    assert said[0].startswith("First, once: labelmend and what its tests need are installed")
    assert said[-1] == "pip: -m pip install --quiet --constraint constraints.txt --editable .[dev]"
    assert make(clone, "setup", "-s") == (0, [])
    # All that the demo needs is among it.
    assert make(clone, "demo", "-s") == (0, ["labelmend: demo"])


def test_other_pins_install_anew(clone):
    make(clone, "demo")
    with (clone / "constraints.txt").open("a") as file:
        file.write("# another pin\n")
    _, said = make(clone, "demo", "-s")
    assert said[0].startswith("make demo, in two steps")
    place(said, "pip: ")


def test_a_long_silence_is_broken_until_pip_ends(clone):
    code, said = make(clone, "demo", "-s", FAKE_SECONDS="4.5", STILL_RUNNING_EVERY="1")
    assert code == 0
    told = [i for i, line in enumerate(said) if line.startswith(TICK)]
    assert 2 <= len(told) <= 5
    assert said[told[0]] in {f"{TICK}0 min {seconds} s so far" for seconds in (1, 2)}
    assert place(said, "pip: ") < told[0]
    assert told[-1] < place(said, "labelmend: ")
    assert gone(clone, 3)


def test_nothing_is_said_of_a_short_one(clone):
    _, said = make(clone, "demo", "-s", FAKE_SECONDS="2.5")
    assert not [line for line in said if line.startswith(TICK)]


def test_what_pip_ends_with_is_handed_on(clone):
    code, said = make(clone, "demo", "-s", FAKE_CODE="3")
    assert code == 2
    assert said[-1].endswith("Error 3")
    assert not list((clone / ".venv").glob(".installed*"))
    assert not [line for line in said if line.startswith("labelmend: ")]
    assert gone(clone, 3)
    # Nothing counts as installed.
    assert "labelmend: demo" in make(clone, "demo", "-s")[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_leaves_nothing_running(clone, number):
    started = start(clone, "demo", FAKE_SECONDS="50", STILL_RUNNING_EVERY="1")
    assert any(line.startswith("pip: ") for line in started.stdout)
    began = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(started.pid, number)  # Ctrl-C goes to all that run in the terminal
    else:
        started.send_signal(number)
    started.communicate(timeout=20)
    assert started.returncode != 0
    assert gone(clone)
    assert time.monotonic() - began < 20


def test_a_dry_run_installs_nothing(clone):
    code, said = make(clone, "-n", "demo")
    assert code == 0
    assert any("pip install" in line for line in said)
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_the_script_ends_as_its_command_does(command, code):
    done = subprocess.run(["sh", STILL, "words", "sh", "-c", command], timeout=20)
    assert done.returncode == code


def test_the_script_hands_over_words_and_streams():
    done = subprocess.run(
        ["sh", STILL, "words", "sh", "-c", 'cat; echo "$2" >&2', "name", "a b", "c  d *"],
        input="in",
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == ("in", "c  d *\n")


def test_the_script_counts_minutes(tmp_path):
    # A minute and a second go by between two looks at this clock.
    clock = tmp_path / "date"
    clock.write_text("#!/bin/sh\ncat now\necho $(($(cat now) + 61)) >now\n")
    clock.chmod(0o755)
    (tmp_path / "now").write_text("1700000000\n")
    done = subprocess.run(
        ["sh", STILL, "words", "sleep", "2.5"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr.splitlines()[:2] == [f"words: {n} min {n} s so far" for n in (1, 2)]
