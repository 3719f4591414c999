"""What all commands share on the terminal: progress bars, errors, Ctrl-C."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import TaskID

INTERRUPTED = 130
"""The shell's exit code for a program that Ctrl-C ended."""


class ProgressBars:
    """One bar a stage on stderr, with rate and ETA; nothing where `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
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
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Where no stage has begun, stopping would print an empty line above the error's.
        if self._task is not None:
            self._progress.stop()

    def start(self, stage: str, total: int) -> None:
        """A stage begins that has `total` steps; one without steps gets no bar."""
        if self._progress.disable or not total:
            return
        self._progress.start()
        self._task = self._progress.add_task(stage, total=total)

    def advance(self, steps: int = 1) -> None:
        """`steps` more steps of the current stage are done."""
        if self._task is not None:
            self._progress.advance(self._task, steps)


@contextmanager
def keeping_votes(store: Path | None) -> Iterator[None]:
    """On Ctrl-C, say what was kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        kept = _kept_votes(store)
        say_error(f"interrupted; nothing was written{kept}")
        sys.exit(INTERRUPTED)


@contextmanager
def keeping_checkpoints(work: Path | None) -> Iterator[None]:
    """On Ctrl-C, say whether checkpoints were kept in the folder and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        kept = work is not None and any(work.glob("checkpoint-*"))
        how = f"; checkpoints are kept in {work}: run the same command again to resume"
        say_error(f"interrupted; no model was written{how if kept else ''}")
        sys.exit(INTERRUPTED)


def _kept_votes(store: Path | None) -> str:
    if store is None or not store.exists():
        return ""
    from labelmend.errors import OutputError
    from labelmend.llm.store import Store

    try:
        with Store(store) as opened:
            counts = {"votes": opened.count(), "label descriptions": opened.count_replies()}
    except OutputError as error:
        return f"; {error}"
    kept = " and ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"; {kept} are kept in {store}: run the same command again to resume" if kept else ""


def say_error(message: str) -> None:
    """Print one line to stderr."""
    line = " ".join(message.split())
    sys.stderr.write(f"labelmend: {line}\n")


_JOINERS = "\u200c\u200d"
"""They shape emoji and some scripts, and do nothing to a terminal."""


def harmless(text: str) -> str:
    """Return a text on one line that can't steer the terminal: control characters are spelled."""
    return "".join(
        c
        if c.isprintable() or c in _JOINERS
        else " "
        if c.isspace()
        else c.encode("unicode_escape").decode()
        for c in text
    )
