"""Long work beside the page: child processes, one at a time, that never make a key wait.

A child runs a command of labelmend at low priority. What it leaves behind is looked at when it has
ended well; one that was killed leaves nothing, since commands write all their files or none.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Phase = Literal["idle", "running", "done", "failed"]

_LOW_PRIORITY = 10
"""Added to the process's nice value: a key gets nine times the processor that a child gets."""

_LAST_WORDS = 400
"""Characters of what a failed child said last."""

_PATIENCE = 10.0
"""Seconds that a child has to end by itself when the page is closed."""


@dataclass(frozen=True)
class JobState:
    """What a kind of work does now.

    Attributes:
        phase: of it; "done" and "failed" are of the last time.
        since: when it began, `time.monotonic`.
        said: by a child that failed: its last line.
    """

    phase: Phase = "idle"
    since: float = 0.0
    said: str = ""


class Job:
    """One kind of work, which runs at most once at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = JobState()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def state(self) -> JobState:
        """What it does now."""
        return self._state

    def start(self, words: Sequence[str], then: Callable[[], None]) -> bool:
        """Start a child unless one runs; tell whether it was started.

        Args:
            words: of the command.
            then: what is done when it has ended well, in another thread; what it raises is kept as
                what the job said.
        """
        with self._lock:
            if self._closed or self._state.phase == "running":
                return False
            self._state = JobState("running", time.monotonic())
            threading.Thread(target=self._run, args=(list(words), then), daemon=True).start()
            return True

    def close(self) -> None:
        """End the child; nothing is started any more."""
        with self._lock:
            self._closed = True
            child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()

    def _run(self, words: list[str], then: Callable[[], None]) -> None:
        said = ""
        try:
            with self._lock:
                if self._closed:
                    return
                self._child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            _lower(self._child.pid)
            _, errors = self._child.communicate()
            if self._child.returncode:
                lines = errors.decode(errors="replace").strip().splitlines()
                said = lines[-1][-_LAST_WORDS:] if lines else f"exit {self._child.returncode}"
            else:
                then()
        except Exception as error:  # noqa: BLE001 - a page goes on without this work, and says so
            said = str(error) or type(error).__name__
        with self._lock:
            self._state = replace(self._state, phase="failed" if said else "done", said=said)


def _lower(process: int) -> None:
    """Let a process wait for others, where the system knows how."""
    if hasattr(os, "setpriority"):
        try:
            os.setpriority(os.PRIO_PROCESS, process, _LOW_PRIORITY)
        except OSError:  # it has ended already
            return
