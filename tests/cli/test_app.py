import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labelmend.version import __version__

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("onnx", "pydantic"),
    *("torch", "llama_cpp", "sklearn", "pandas", "faiss", "transformers", "onnxruntime"),
    *("numpy", "scipy", "pyarrow", "sentence_transformers", "huggingface_hub", "lightgbm"),
)
COMMANDS = (
    *("relabel", "describe", "explain", "train-classifier", "predict"),
    *("export", "compare-baseline", "tune-embedder"),
    *("config", "corrupt", "doctor", "models", "demo", "version"),
)


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from labelmend.cli.app import main
sys.argv = ["labelmend", "--help"]
try:
    main()
except SystemExit as leave:
    print("code", leave.code or 0)
print("heavy", [name for name in {HEAVY!r} if name in sys.modules])
"""
    ran = python("-c", code)
    assert ran.stdout.splitlines()[-2:] == ["code 0", "heavy []"]
    assert ran.stderr == ""
    assert all(f"\n  {name} " in ran.stdout for name in COMMANDS)


def test_help_answers_at_once(tmp_path):
    # Where the environment forbids bytecode, each start would compile all of it anew.
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}

    def processor_seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python("-m", "labelmend", "--help", **bytecode).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # One of several: what else runs on this machine slows its processor down.
    assert any(processor_seconds() < 0.3 for _ in range(10))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(cli, command):
    ran = cli(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: ")


def test_version(cli):
    assert cli("version").out == f"labelmend {__version__}\n"


def test_an_unknown_command(cli):
    ran = cli("relable", "x.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "No such command 'relable'" in ran.err


def test_an_unknown_option(cli):
    ran = cli("relabel", "x.csv", "--max-harms", "1")
    assert (ran.code, ran.out) == (2, "")
    assert "--max-harms" in ran.err


def test_without_a_command_the_help_is_printed(cli):
    assert cli().code == 2
    assert "relabel" in cli().err + cli().out


def test_a_terminal_that_lacks_characters_is_no_reason_to_fail():
    ran = python("-m", "labelmend", "relabel", "счёт.csv", PYTHONIOENCODING="ascii")
    assert ran.returncode == 2
    assert ran.stderr.startswith("labelmend: \\u0441\\u0447")
    assert "no such file" in ran.stderr


SLEEPING = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from labelmend.runs import look_up
def sleep(*_):
    print("at work", flush=True)
    time.sleep(60)
look_up.look_up = sleep
from labelmend.cli.app import main
main()
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_command_that_a_signal_ends_says_so(number, code):
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPING, "explain", "t.csv", "--row", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "at work\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (code, "labelmend: interrupted; nothing was written\n")
