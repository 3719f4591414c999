"""The time of a run's stages, told by the stages themselves."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol


class Clock(Protocol):
    """Hears when a stage begins and ends; stages may stand within others."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Attribute what happens in a block to a stage."""
        ...


class Stopwatch:
    """Seconds by stage, in the order in which they began; an inner stage's are not the outer's.

    Args:
        listener: hears the same; None for nobody.

    Attributes:
        seconds: by the clock on the wall.
    """

    def __init__(self, listener: Clock | None = None) -> None:
        self._listener = listener
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Attribute the time of a block."""
        self._attribute()
        self._open.append(name)
        self.seconds.setdefault(name, 0.0)
        try:
            with nullcontext() if self._listener is None else self._listener.stage(name):
                yield
        finally:
            self._attribute()
            self._open.pop()

    def _attribute(self) -> None:
        now = time.monotonic()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now
