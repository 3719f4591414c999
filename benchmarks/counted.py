"""An executor that notes how much of a stage's processor time is carried in blocks."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from labelmend.parallel import LOCAL

Block = TypeVar("Block")
Result = TypeVar("Result")


class Counted:
    """Threads of this process, and the seconds of the blocks that they carry.

    Attributes:
        seconds: of processor time in blocks, by stage.
        spread: the same, each call's divided by its blocks: what would be left on as many cores as
            there are blocks.
    """

    def __init__(self, stage: Callable[[], str]) -> None:
        """Take notes.

        Args:
            stage: says which one is at work.
        """
        self._stage = stage
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}
        self.spread: dict[str, float] = {}

    def tasks(self) -> dict[str, float]:
        """Return how many blocks may run side by side, by stage: the mean over its seconds."""
        return {stage: took / max(self.spread[stage], 1e-9) for stage, took in self.seconds.items()}

    def map_blocks(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], *, one_core: bool = False
    ) -> Iterator[Result]:
        """Yield `work(block)` of each block, in order."""
        stage, carried = self._stage(), 0.0
        clock = time.thread_time if one_core else time.process_time

        def counted(block: Block) -> Result:
            nonlocal carried
            began = clock()
            try:
                return work(block)
            finally:
                took = clock() - began
                with self._lock:
                    carried += took

        done = 0
        for result in LOCAL.map_blocks(counted, blocks, one_core=one_core):
            done += 1
            yield result
        self.seconds[stage] = self.seconds.get(stage, 0.0) + carried
        self.spread[stage] = self.spread.get(stage, 0.0) + carried / max(done, 1)

    def map_loaded(
        self, work: Callable[[Block], Result], blocks: Iterable[Block | None]
    ) -> Iterator[Result | None]:
        """Yield `work(block)` of each block, in order; the stand-in's time is no one's."""
        return LOCAL.map_loaded(work, blocks)
