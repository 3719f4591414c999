"""What all commands share on the terminal: progress, errors, Ctrl-C and what ends like it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, Self

from labelmend.cli.terminal import harmless, open_console
from labelmend.voice.speak import tell

if TYPE_CHECKING:
    from rich.progress import TaskID

INTERRUPTED = 130
"""The shell's exit code for a program that Ctrl-C ended."""

_BY_SIGNAL = 128
"""The shell's exit code for a program that a signal ended is so much more than its number."""


_DUMB = ("dumb", "unknown")
"""Names of terminals that can't move their cursor."""

_LONGEST_LINE = 2000
"""Characters of an error's line: a name of a hundred thousand says no more."""

_MEASURABLE = 0.1
"""Seconds from which on a rate is shown: of fewer, it would say how fast the clock is."""

_SECONDS_BETWEEN_LINES = 60.0
"""How often a long stage tells a log that it goes on."""


class ProgressBars:
    """How far the work is, on stderr: a bar a stage in a terminal, lines elsewhere; or nothing.

    A terminal is what can move its cursor: a file, a pipe and a CI log can't, whatever
    `FORCE_COLOR` says, and neither can a dumb terminal.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._drawn: _Bars | _Lines | None = None
        if not quiet:
            moves = sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _DUMB
            self._drawn = _Bars() if moves else _Lines()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn is not None:
            self._drawn.close()

    def start(self, stage: str, total: int) -> None:
        """A stage begins that has `total` steps; of one without steps nothing is shown."""
        if self._drawn is not None and total:
            self._drawn.start(stage, total)

    def advance(self, steps: int = 1) -> None:
        """`steps` more steps of the current stage are done."""
        if self._drawn is not None:
            self._drawn.advance(steps)


class _Bars:
    """One bar a stage, with rate and ETA."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            """Steps a second."""

            def render(self, task: Task) -> Text:
                """Draw it; empty until it is known."""
                speed = task.finished_speed or task.speed
                return Text(f"{speed:,.1f}/s" if speed else "", style="progress.data.speed")

        self._progress = Progress(
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Rate(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=open_console(stderr=True),
        )
        self._task: TaskID | None = None

    def start(self, stage: str, total: int) -> None:
        self._progress.start()
        self._task = self._progress.add_task(harmless(stage), total=total)

    def advance(self, steps: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, steps)

    def close(self) -> None:
        # Where no stage has begun, stopping would print an empty line above the error's.
        if self._task is not None:
            self._progress.stop()


class _Lines:
    """A line where a stage begins, one where it ends, and one a minute in between.

    Steps may come from several threads, and the line a minute comes from one of its own: a single
    step may take many minutes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock: threading.Thread | None = None
        self._stage = ""
        self._total = self._done = 0
        self._began = self._told = 0.0

    def start(self, stage: str, total: int) -> None:
        with self._lock:
            self._end()
            self._stage, self._total, self._done = harmless(stage), total, 0
            self._began = self._told = time.monotonic()
            self._say(f"begins, {_steps(total)}")
        if self._clock is None:
            self._clock = threading.Thread(target=self._tell, name="progress", daemon=True)
            self._clock.start()

    def advance(self, steps: int) -> None:
        with self._lock:
            if self._stage:
                self._done += steps
                if self._done >= self._total:
                    self._end()

    def close(self) -> None:
        self._closed.set()
        if self._clock is not None:
            self._clock.join()
        with self._lock:
            self._end()

    def _tell(self) -> None:
        """Say once a minute how far a stage is."""
        # The reader of our output may have left, as `head` does: the next line of ours says so.
        with suppress(OSError, ValueError):
            while not self._closed.wait(_SECONDS_BETWEEN_LINES / 60):
                with self._lock:
                    if self._stage and time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
                        self._say(f"{self._done:,} of {_steps(self._total)}, {self._speed()}")
                        self._told = time.monotonic()

    def _end(self) -> None:
        if not self._stage:
            return
        whole = self._done >= self._total
        done = _steps(self._done) if whole else f"{self._done:,} of {_steps(self._total)}"
        self._say(f"{'done' if whole else 'ends'}, {done}, {self._speed()}")
        self._stage = ""

    def _speed(self) -> str:
        seconds = time.monotonic() - self._began
        if not self._done or seconds < _MEASURABLE:
            return f"{seconds:,.1f} s"
        rate = self._done / seconds
        each = f"{rate:,.1f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
        return f"{each}, {seconds:,.1f} s"

    def _say(self, words: str) -> None:
        sys.stderr.write(f"{self._stage}: {words}\n")
        sys.stderr.flush()


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end.

    Attributes:
        code: the exit code that says which.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = _BY_SIGNAL + number


_codes: list[int] = []
"""The exit code of a signal that came: Ray raises an interruption of its own in its place."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does; one that is ignored stays so."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        _codes.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    stopped = Stopped(number)
    _codes.append(stopped.code)
    raise stopped


def leave_interrupted(error: BaseException, lost: str = "nothing was written") -> NoReturn:
    """Say what became of the work, and exit.

    Args:
        error: what interrupted it; it says so itself where the work was done.
        lost: what else is said.
    """
    say_error(f"interrupted; {str(error) or lost}")
    sys.exit(getattr(error, "code", _codes[-1] if _codes else INTERRUPTED))


@contextmanager
def keeping_votes(store: Path | None, replies: str = "label descriptions") -> Iterator[None]:
    """On Ctrl-C, say what was kept and how to go on.

    Args:
        store: of what LLMs said; None for none.
        replies: what those that are no votes are.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        leave_interrupted(error, f"nothing was written{_kept_votes(store, replies)}")


@contextmanager
def keeping_checkpoints(work: Path | None) -> Iterator[None]:
    """On Ctrl-C, say whether checkpoints were kept in the folder and how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        kept = work is not None and any(work.glob("checkpoint-*"))
        how = f"; checkpoints are kept in {work}: run the same command again to resume"
        leave_interrupted(error, f"no model was written{how if kept else ''}")


def _kept_votes(store: Path | None, replies: str) -> str:
    if store is None or not store.exists():
        return ""
    from labelmend.errors import OutputError
    from labelmend.llm.store import Store

    try:
        with Store(store) as opened:
            counts = {"votes": opened.count(), replies: opened.count_replies()}
    except OutputError as error:
        return f"; {error}"
    kept = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"; {kept} are kept in {store}: run the same command again to resume" if kept else ""


def say_note(message: str) -> None:
    """Print a note to stderr, before the work that it is about."""
    say_error(tell("note: {message:name}", message=message))


def say_error(message: str) -> None:
    """Print one line to stderr, spelled and not endless."""
    line = harmless(" ".join(message.split()))
    more = f"... ({len(line):,} characters)" if len(line) > _LONGEST_LINE else ""
    sys.stderr.write(f"labelmend: {line[:_LONGEST_LINE]}{more}\n")
