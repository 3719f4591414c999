import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest

from labelmend.cli import console
from labelmend.cli.console import (
    ProgressBars,
    keeping_checkpoints,
    keeping_votes,
    say_error,
    stopped_by_signals,
)
from labelmend.data.outputs.publication import WRITTEN
from labelmend.llm.store import Store


def test_an_error_is_one_line(capsys):
    say_error("a.csv: two\nlines\tand a tab")
    assert capsys.readouterr().err == "labelmend: a.csv: two lines and a tab\n"


def test_no_stage_no_bar(capsys):
    with ProgressBars(quiet=False):
        pass
    assert capsys.readouterr() == ("", "")


def test_quiet_bars(capsys):
    with ProgressBars(quiet=True) as bars:
        bars.start("embed", 2)
        bars.advance()
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_whose_stage_is_no_markup(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressBars(quiet=False) as bars:
        bars.start("vote [/red].gguf", 2)
        bars.advance(2)
    shown = screen.getvalue()
    assert "vote [/red].gguf " in shown
    assert "2/2" in shown
    assert "begins" not in shown


class Clock:
    """A clock that is moved by hand; `time.monotonic` of the console alone."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    moved = Clock()
    monkeypatch.setattr(console, "time", moved)
    return moved


def test_a_log_gets_a_line_where_a_stage_begins_and_one_where_it_ends(capsys, clock):
    with ProgressBars(quiet=False) as bars:
        bars.start("embed texts", 4166)
        assert capsys.readouterr().err == "embed texts: begins, 4,166 steps\n"
        clock.now += 10
        bars.advance(4000)
        assert capsys.readouterr().err == ""
        clock.now += 10.5
        bars.advance(166)
        # 4,166 in 20.5 seconds are 203.2 a second.
        assert capsys.readouterr().err == "embed texts: done, 4,166 steps, 203.2/s, 20.5 s\n"
        bars.advance()
        bars.start("empty", 0)
        assert capsys.readouterr().err == ""
        bars.start("train logreg", 1)
        bars.advance()
    # No rate of a stage that took no time.
    said = "train logreg: begins, 1 step\ntrain logreg: done, 1 step, 0.0 s\n"
    assert capsys.readouterr() == ("", said)


def test_a_stage_that_is_cut_off_says_how_far_it_came(capsys, clock):
    def interrupted():
        with ProgressBars(quiet=False) as bars:
            bars.start("vote a\x1b[31m.gguf", 40)
            bars.advance(10)
            clock.now += 20
            bars.start("rerank", 8)
            clock.now += 5
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err.splitlines() == [
        r"vote a\x1b[31m.gguf: begins, 40 steps",
        r"vote a\x1b[31m.gguf: ends, 10 of 40 steps, 2.0 s each, 20.0 s",
        "rerank: begins, 8 steps",
        "rerank: ends, 0 of 8 steps, 5.0 s",
    ]


def test_a_long_stage_tells_a_log_once_a_minute_that_it_goes_on(monkeypatch, capsys, clock):
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.6)  # so it looks every 10 ms
    said = io.StringIO()

    def heard(lines):
        until = time.monotonic() + 10
        while said.getvalue().count("\n") < lines and time.monotonic() < until:
            said.write(capsys.readouterr().err)
            time.sleep(0.01)
        time.sleep(0.1)  # were there more, they would come now
        said.write(capsys.readouterr().err)
        return said.getvalue().splitlines()[1:]

    with ProgressBars(quiet=False) as bars:
        bars.start("tune encoder", 100)
        assert heard(1) == []
        clock.now += 0.59
        assert heard(1) == []
        clock.now += 1.41
        assert heard(2) == ["tune encoder: 0 of 100 steps, 2.0 s"]
        bars.advance(50)
        clock.now += 0.5
        assert len(heard(2)) == 1
        clock.now += 0.5
        # 50 in 3 seconds.
        assert heard(3)[1:] == ["tune encoder: 50 of 100 steps, 16.7/s, 3.0 s"]
    assert heard(4)[2:] == ["tune encoder: ends, 50 of 100 steps, 16.7/s, 3.0 s"]
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_steps_of_several_threads_all_count(capsys):
    with ProgressBars(quiet=False) as bars:
        bars.start("vote", 4000)
        threads = [
            threading.Thread(target=lambda: [bars.advance() for _ in range(1000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "\nvote: done, 4,000 steps, " in capsys.readouterr().err


DRAWS = """
from labelmend.cli.console import ProgressBars
with ProgressBars(quiet=False) as bars:
    bars.start("embed texts", 3)
    bars.advance(3)
"""


def drawn(terminal, **environment):
    """What a process writes to a standard error that is a terminal, or a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", DRAWS],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    assert done.stdout == b""
    return said.decode()


def test_bars_are_for_terminals_that_can_move_their_cursor():
    assert "\x1b[" in drawn(True, TERM="xterm-256color")
    # CI sets FORCE_COLOR, and still has no cursor.
    for said in (drawn(True, TERM="dumb"), drawn(False, TERM="xterm", FORCE_COLOR="1")):
        assert "\x1b" not in said
        first, last = said.splitlines()
        assert first == "embed texts: begins, 3 steps"
        assert last.startswith("embed texts: done, 3 steps, ")


@pytest.mark.parametrize(
    ("votes", "replies", "kept"),
    [
        (0, 0, ""),
        (2, 0, "2 votes"),
        (0, 3, "3 label descriptions"),
        (1, 1, "1 votes and 1 label descriptions"),
    ],
)
def test_what_ctrl_c_keeps(capsys, tmp_path, votes, replies, kept):
    path = tmp_path / "v.sqlite"
    with Store(path) as store:
        store.put_votes([(str(i), (1.0,)) for i in range(votes)])
        store.put_replies([(str(i), "said") for i in range(replies)])
    with pytest.raises(SystemExit) as leave, keeping_votes(path):
        raise KeyboardInterrupt
    rest = f"; {kept} are kept in {path}: run the same command again to resume" if kept else ""
    assert leave.value.code == 130
    assert capsys.readouterr().err == f"labelmend: interrupted; nothing was written{rest}\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_sigterm_and_sighup_keep_what_ctrl_c_keeps(capsys, tmp_path, number, code):
    path = tmp_path / "v.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as leave, stopped_by_signals(), keeping_votes(path):
        signal.raise_signal(number)
    assert leave.value.code == code
    assert "nothing was written; 1 votes are kept in" in capsys.readouterr().err
    assert signal.getsignal(number) == before


def test_a_library_that_raises_an_interruption_of_its_own_for_a_signal():
    def call():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None

    with pytest.raises(SystemExit) as leave, stopped_by_signals(), keeping_votes(None):
        call()
    assert leave.value.code == 143
    with pytest.raises(SystemExit) as leave, stopped_by_signals(), keeping_votes(None):
        raise KeyboardInterrupt
    assert leave.value.code == 130


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_was_written_is_not_said_to_be_lost(capsys):
    with pytest.raises(SystemExit) as leave, keeping_votes(None):
        raise KeyboardInterrupt(WRITTEN)
    assert leave.value.code == 130
    assert capsys.readouterr().err == "labelmend: interrupted; all files were written\n"


@pytest.mark.parametrize("damage", ["text", "pages"])
def test_ctrl_c_with_a_damaged_store_is_one_line(capsys, tmp_path, damage):
    path = tmp_path / "v.sqlite"
    with Store(path) as store:
        store.put_votes([(f"key {i}", (1.0,) * 50) for i in range(500)])
    raw = path.read_bytes()
    assert len(raw) > 20 * 4096
    good = 0 if damage == "text" else 4096
    path.write_bytes(raw[:good] + b"x" * (len(raw) - good))
    with pytest.raises(SystemExit) as leave, keeping_votes(path):
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert leave.value.code == 130
    assert said.startswith(f"labelmend: interrupted; nothing was written; {path}: can't be used")
    assert said.count("\n") == 1


@pytest.mark.parametrize("steps", [(), (20, 40)])
def test_ctrl_c_says_whether_checkpoints_are_kept(tmp_path, capsys, steps):
    for step in steps:
        (tmp_path / f"checkpoint-{step}").mkdir()
    with pytest.raises(SystemExit) as ended, keeping_checkpoints(tmp_path):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    kept = f"; checkpoints are kept in {tmp_path}: run the same command again to resume"
    expected = f"labelmend: interrupted; no model was written{kept if steps else ''}\n"
    assert capsys.readouterr().err == expected
