"""Work by blocks of rows, and who carries it: threads of this process, or another engine."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


class Executor(Protocol):
    """Carries pure functions of blocks: what one returns depends on its block alone.

    Another engine pickles the work, the blocks and the results, and may carry a block twice. What
    it hands over is not written to: arrays may be shared, and then they are read-only.
    """

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

    def map_loaded(
        self, work: Callable[[Block], Result], blocks: Iterable[Block | None]
    ) -> Iterator[Result | None]:
        """Yield `work(block)` of each block, in order, where the work is to load a model first.

        Args:
            work: loads its model at its first block, and keeps it. It uses all cores that it is
                given. Where another process carries it, it loads a model of its own, once.
            blocks: None needs no work, and gives None.
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

    def map_loaded(
        self, work: Callable[[Block], Result], blocks: Iterable[Block | None]
    ) -> Iterator[Result | None]:
        """Yield `work(block)` of each block, in order; the model is this process's."""
        return (None if block is None else work(block) for block in blocks)


LOCAL = LocalExecutor()


def blocks_of(total: int, size: int) -> Iterator[slice]:
    """Cut `total` rows into slices of at most `size`, in order."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


_granted: ContextVar[int | None] = ContextVar("granted", default=None)


@contextmanager
def granted_cores(count: int) -> Iterator[None]:
    """Hold the work of a block, and the libraries that it calls, to so many cores.

    Args:
        count: of cores, at least one.
    """
    from threadpoolctl import threadpool_limits

    before = _granted.set(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        _granted.reset(before)


def usable_cores() -> int:
    """Return the cores that this process may use, which a container or an engine may limit."""
    there = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    granted = _granted.get()
    return there if granted is None else min(granted, there)
