"""Work by blocks of rows, and who carries it: threads of this process, or another engine."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


class Executor(Protocol):
    """Carries pure functions of blocks: what one returns depends on its block alone."""

    def map_blocks(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], *, one_core: bool = False
    ) -> Iterator[Result]:
        """Yield `work(block)` of each block, in the order of the blocks.

        Args:
            work: is called once a block.
            blocks: slices of rows, numbers of folds, or what else the work is cut into.
            one_core: a block keeps one core busy, so that as many may run as there are cores;
                else the work uses all cores by itself, as matrix products do.
        """
        ...


class LocalExecutor:
    """Threads of this process."""

    def map_blocks(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], *, one_core: bool = False
    ) -> Iterator[Result]:
        """Yield `work(block)` of each block, in order; few results more than cores wait."""
        if not one_core:
            yield from map(work, blocks)
            return
        from threadpoolctl import threadpool_limits

        threads = usable_cores()
        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[Result]] = deque()
            for block in blocks:
                waiting.append(pool.submit(work, block))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


LOCAL = LocalExecutor()


def blocks_of(total: int, size: int) -> Iterator[slice]:
    """Cut `total` rows into slices of at most `size`, in order."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def usable_cores() -> int:
    """Return the cores that this process may use, which a container may limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
