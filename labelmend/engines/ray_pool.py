"""Actors of Ray that hold a model each, and carry blocks until none is left."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labelmend.engines.ray_cluster import RETRIES, await_head, head_answers, nodes_of, said_by
from labelmend.engines.ray_worker import Holder
from labelmend.errors import ClusterError

CHECK_SECONDS = 10.0
"""Between two looks at whether the cluster still has room for the work."""

_AHEAD = 2
"""Blocks that an actor has at a time: the next one is there when it is done with one."""


@dataclass(eq=False)
class _Task:
    """A block on its way."""

    block: Any
    result: Any = None
    is_done: bool = False
    lost: int = 0
    actor: Any = None


class ActorPool:
    """Actors that hold one work each.

    An actor that is lost is replaced where the cluster has room, and its blocks go to the others:
    blocks depend on nothing but themselves, so that the results are the same.
    """

    def __init__(self, ray: Any, work: Any, cores: int, gpus: float) -> None:
        """Ask the cluster for as many actors as it has room for.

        Args:
            ray: the module.
            work: a reference to the work, which is pickled without its model.
            cores: of an actor.
            gpus: of an actor, or a part of one; 0 for none.

        Raises:
            ClusterError: no node has as many.
        """
        self._ray, self._work, self._cores, self._gpus = ray, work, cores, gpus
        self._ready: dict[Any, int] = {}  # by actor, the blocks that it has
        self._starting: dict[Any, Any] = {}  # by reference, the actor that is waited for
        self._sent: dict[Any, _Task] = {}
        self._failed = 0
        room = self._check_room()
        for _ in range(room):
            self._start()
        self._most = _AHEAD * room + 1

    def map(self, blocks: Iterable[Any | None]) -> Iterator[Any]:
        """Yield the result of each block in order, None for None; few results wait."""
        waiting: deque[_Task] = deque()
        unsent: deque[_Task] = deque()
        source, is_more = iter(blocks), True
        while waiting or is_more:
            while is_more and len(waiting) < self._most:
                for block in source:
                    task = _Task(block, is_done=block is None)
                    waiting.append(task)
                    if not task.is_done:
                        unsent.append(task)
                    break
                else:
                    is_more = False
            while waiting and waiting[0].is_done:
                yield waiting.popleft().result
            if waiting:
                self._send(unsent)
                self._wait(unsent)

    def close(self) -> None:
        """End the actors, and free what they held; with a lost head node they have ended."""
        actors = [*self._ready, *self._starting.values()]
        for actor in actors if actors and head_answers(self._ray) else ():
            self._end(actor)
        self._ready, self._starting, self._sent = {}, {}, {}

    def _start(self) -> None:
        await_head(self._ray)
        actor = (
            self._ray.remote(Holder)
            .options(num_cpus=self._cores, num_gpus=self._gpus, max_restarts=0)
            .remote(self._work, self._cores)
        )
        self._starting[actor.is_here.remote()] = actor

    def _end(self, actor: Any) -> None:
        with suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(actor, no_restart=True)

    def _send(self, unsent: deque[_Task]) -> None:
        while unsent and self._ready:
            actor = min(self._ready, key=self._ready.__getitem__)
            if self._ready[actor] >= _AHEAD:
                return
            task = unsent.popleft()
            task.actor = actor
            self._ready[actor] += 1
            self._sent[actor.carry.remote(task.block)] = task

    def _wait(self, unsent: deque[_Task]) -> None:
        """Wait until a block is done, or an actor has started or is lost."""
        known = [*self._sent, *self._starting]
        found, _ = self._ray.wait(known, num_returns=1, timeout=CHECK_SECONDS)
        if not found:
            self._check_room()
        for reference in found:
            if reference in self._starting:
                self._begin(reference)
            else:
                self._finish(reference, unsent)

    def _begin(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
            self._ready[actor] = 0
        except self._ray.exceptions.RayError as error:
            self._failed += 1
            if self._failed > RETRIES:
                raise ClusterError(
                    f"the Ray cluster starts no process for a model: {said_by(error)}"
                ) from None
            self._start()

    def _finish(self, reference: Any, unsent: deque[_Task]) -> None:
        task, errors = self._sent.pop(reference), self._ray.exceptions
        if task.actor in self._ready:
            self._ready[task.actor] -= 1
        try:
            task.result = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:
            task.lost += 1
            if task.lost > RETRIES:
                raise lost_block(error) from None
            unsent.appendleft(task)
            if isinstance(error, errors.RayActorError) and task.actor in self._ready:
                await_head(self._ray)
                del self._ready[task.actor]
                self._end(task.actor)
                self._start()
            return
        task.is_done = True
        self._failed = 0

    def _check_room(self) -> int:
        """Return for how many actors the cluster has room.

        Raises:
            ClusterError: for none, whoever else uses it.
        """
        nodes = nodes_of(self._ray)
        room = sum(node.holds(self._cores, self._gpus) for node in nodes)
        if not room:
            asked = f"{self._cores} cores" + f" and {self._gpus:g} GPUs" * bool(self._gpus)
            raise ClusterError(
                f"no node of the Ray cluster has the {asked} that a model is to have; set "
                "cluster.model_cores and cluster.model_gpus to what a node has"
            )
        return room


def lost_block(error: BaseException) -> ClusterError:
    """Return what is said of a block that was lost again and again."""
    return ClusterError(
        f"the Ray cluster lost the same block of work {RETRIES + 1} times ({said_by(error)}); see "
        "whether its nodes have enough memory, then run the command again"
    )
