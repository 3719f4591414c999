"""`Executor` on a Ray cluster: tasks for plain functions, actors for what holds a model."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from labelmend.engines.ray_cluster import RETRIES, nodes_of, said_by
from labelmend.engines.ray_pool import CHECK_SECONDS, ActorPool, lost_block
from labelmend.engines.ray_worker import carry
from labelmend.errors import ClusterError
from labelmend.parallel import LOCAL, Executor

Block = TypeVar("Block")
Result = TypeVar("Result")


class RayExecutor:
    """Carries blocks to the nodes of a cluster (Moritz et al. 2018, "Ray").

    The work of a call is put into the object store once, whatever it holds, and each process that
    carries blocks of it reads it once. A few blocks more than the cluster has room for are on their
    way, so that neither it nor this process fills up. Blocks of a process or node that is lost are
    carried again.
    """

    def __init__(self, ray: Any, *, model_cores: int = 0, model_gpus: float = 0.0) -> None:
        """Use a cluster that this process has joined.

        Args:
            ray: the module.
            model_cores: of each process that holds a model; 0 for those of the smallest node.
            model_gpus: the same of GPUs.
        """
        self._ray = ray
        self._model_cores, self._model_gpus = model_cores, model_gpus
        self._pool: tuple[object, ActorPool] | None = None

    def __reduce__(self) -> tuple[Callable[[], Executor], tuple[()]]:
        """Be this process's threads in a worker: work that is carried there stays there."""
        return _local, ()

    def map_blocks(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], *, one_core: bool = False
    ) -> Iterator[Result]:
        """Yield `work(block)` of each block, in order, from tasks.

        Raises:
            ClusterError: the cluster can't carry it.
        """
        self.close()  # models hold cores that tasks may need
        nodes = [node.cores for node in self._nodes()]
        cores = 1 if one_core else min(nodes)
        most = sum(nodes) if one_core else len(nodes)
        reference = self._put(work)
        task = self._ray.remote(carry).options(num_cpus=cores, max_retries=RETRIES)
        waiting: deque[Any] = deque()
        # The few that are left on an error are not cancelled: Ray 2.60 ends this process where one
        # ends as it is cancelled. They end with the cluster, or by themselves.
        for block in blocks:
            waiting.append(task.remote([reference], block, cores))
            if len(waiting) > most:
                yield self._result(waiting.popleft(), cores)
        while waiting:
            yield self._result(waiting.popleft(), cores)

    def map_loaded(
        self, work: Callable[[Block], Result], blocks: Iterable[Block | None]
    ) -> Iterator[Result | None]:
        """Yield `work(block)` of each block, in order, from actors that load the model once each.

        The actors of the last work stay until other work comes.

        Raises:
            ClusterError: the cluster can't carry it.
        """
        source = iter(blocks)
        for block in source:
            if block is None:
                yield None
                continue
            yield from self._from_actors(work, _with_first(block, source))

    def close(self) -> None:
        """End the actors."""
        if self._pool is not None:
            self._pool[1].close()
        self._pool = None

    def _from_actors(
        self, work: Callable[[Block], Result], blocks: Iterable[Block | None]
    ) -> Iterator[Result | None]:
        if self._pool is None or self._pool[0] is not work:
            self.close()
            cores = self._model_cores or min(node.cores for node in self._nodes())
            self._pool = work, ActorPool(self._ray, self._put(work), cores, self._model_gpus)
        is_whole = False
        try:
            yield from self._pool[1].map(blocks)
            is_whole = True
        finally:
            if not is_whole:  # they may still be at work on what nobody waits for
                self.close()

    def _put(self, work: object) -> Any:
        """Put the work of a call into the object store."""
        try:
            return self._ray.put(work)
        except Exception as error:
            raise ClusterError(
                f"this work can't be sent to Ray's workers ({said_by(error)}); leave --executor out"
            ) from error

    def _result(self, reference: Any, cores: int) -> Any:
        errors = self._ray.exceptions
        while True:
            try:
                return self._ray.get(reference, timeout=CHECK_SECONDS)
            except errors.GetTimeoutError:
                if all(node.cores < cores for node in self._nodes()):
                    raise ClusterError(
                        f"the Ray cluster has lost all nodes with {cores} cores; start them again, "
                        "then run the command again"
                    ) from None
            except errors.RayTaskError as error:
                raise error.cause from None
            except errors.RayError as error:
                raise lost_block(error) from None

    def _nodes(self) -> Any:
        nodes = nodes_of(self._ray)
        if not nodes:
            raise ClusterError("no node of the Ray cluster has a core for work")
        return nodes


def _local() -> Executor:
    return LOCAL


def _with_first(first: Block, rest: Iterator[Block | None]) -> Iterator[Block | None]:
    yield first
    yield from rest
