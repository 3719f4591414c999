import errno
from pathlib import Path

import pytest

from labelmend.cli import version
from labelmend.cli.unexpected import log_unexpected, of_the_machine


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path))
    return tmp_path


def broken(monkeypatch, error):
    def fails():
        raise error

    monkeypatch.setattr("labelmend.version.__version__", "1.0")
    monkeypatch.setattr(version.typer, "echo", lambda _: fails())


def test_what_nobody_expected_is_one_line_and_a_log(cli, home, monkeypatch):
    error = ValueError("could not convert 'my card is lost' to float")
    error.__cause__ = KeyError("a customer's words")
    broken(monkeypatch, error)
    ran = cli("version")
    assert (ran.code, ran.out) == (70, "")
    (line,) = ran.err.splitlines()
    (log,) = (home / "cache" / "logs").iterdir()
    assert line.startswith("labelmend: unexpected ValueError in labelmend/cli/version.py:")
    assert f"please report this line with {log}, which holds none of your rows" in line
    text = log.read_text("utf-8")
    assert "command: version\n" in text
    assert "KeyError: '...'\n" in text
    assert "ValueError: could not convert '...' to float\n" in text
    assert text.count("Traceback (most recent call last):") == 2
    assert "customer" not in text
    assert "my card" not in text
    assert log.stat().st_mode & 0o077 == 0


def test_the_log_has_no_argument(home):
    arguments = ["relabel", "secret.csv", "--text-column", "secret", "--set=a=secret", "--s\x1b"]
    line = log_unexpected(RuntimeError("x" * 1000), arguments)
    assert line.startswith("unexpected RuntimeError in labelmend: ")
    text = Path(line.split("this line with ")[1].split(", which")[0]).read_text("utf-8")
    assert "command: relabel --text-column --set\n" in text
    assert f"RuntimeError: {'x' * 300}\n" in text


def test_a_folder_that_takes_no_log(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    assert f"with {tmp_path / 'temporary'}/labelmend-" in log_unexpected(ValueError(), [])
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "file"))
    assert log_unexpected(ValueError(), []).endswith("please report this line")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("Unable to allocate 894. GiB"), "memory is not enough (Unable to allocate"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x\x1b"), "x\\x1b: File name too long;"),
        (OSError(errno.ENOSPC, "No space left on device"), "labelmend: No space left on device; "),
    ],
)
def test_what_lies_with_the_machine_is_bad_input(cli, monkeypatch, error, said):
    broken(monkeypatch, error)
    ran = cli("version")
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert said in line


def test_an_error_without_a_file_is_ours():
    assert of_the_machine(OSError(errno.EINVAL, "Invalid argument")) is None
    assert of_the_machine(ValueError()) is None
