"""Batches of what arrives together: one thread computes, and the event loop waits for nothing.

Each request is a job. A batch takes from all jobs that wait in turn, so that a request of one text
does not wait for all of a request of a thousand. While a batch is computed the next one gathers; a
lone text waits for company for a few milliseconds at most.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from labelmend.serve.answer import AnyPrediction
from labelmend.serve.models.engines import Vectors
from labelmend.serve.models.loaded import AnyLoaded
from labelmend.serve.models.scored import AnyScored

_LOG = logging.getLogger("labelmend.serve")

_MOMENTUM = 0.9
"""Weight of what was known of the speed before a batch: some ten batches are remembered."""

_ERRANDS_APART = 0.5
"""Seconds between two things that are done aside while requests wait: each may take some 50 ms."""

_Found = TypeVar("_Found")

_LONGEST_RETRY = 60
"""Seconds after which a refused client is told to come back at most."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of batches and of what waits for them.

    Attributes:
        most_waiting: texts that may wait; with more, requests are refused.
        wait: seconds that a text waits for company at most.
        most_batch: texts of a batch.
    """

    most_waiting: int = 512
    wait: float = 0.001
    most_batch: int = 64


class FullError(Exception):
    """Too many texts wait.

    Attributes:
        retry_after: whole seconds until they are likely to be done.
    """

    def __init__(self, retry_after: int) -> None:
        """Remember the seconds."""
        super().__init__(f"try again after {retry_after} s")
        self.retry_after = retry_after


class Watcher(Protocol):
    """Hears what was computed, in the thread that computes."""

    def batch(self, texts: int, seconds: float) -> None:
        """A batch was computed."""
        ...

    def predicted(self, role: str, model: AnyLoaded, scored: AnyScored) -> None:
        """A model said something of texts."""
        ...


@dataclass(eq=False)
class Job:
    """A request that waits for its predictions.

    Attributes:
        texts: that it asks about.
        models: that are asked, by their roles; a swap does not change them.
        near: whether the nearest training texts are asked for.
        is_gone: tells whether the client left, so that nobody hears the answer.
        done: is resolved when all is computed, in the loop that made it.
        said: what each model says, by its role, text by text; None where it could not.
        order: the texts' places, shortest first: texts of like length are cheapest together.
        taken: texts that went into a batch.
        left: texts that no batch has computed yet.
        is_dropped: whether it was given up, for its client left.
        arrived: when, by the monotonic clock.
    """

    texts: Sequence[str]
    models: Mapping[str, AnyLoaded]
    near: bool
    is_gone: Callable[[], bool]
    done: "asyncio.Future[None]"
    said: dict[str, list[AnyPrediction | None]] = field(default_factory=dict)
    order: Sequence[int] = (0,)
    taken: int = 0
    left: int = 0
    arrived: float = 0.0
    is_dropped: bool = False

    def __post_init__(self) -> None:
        """Make room for what is said."""
        self.left = count = len(self.texts)
        self.said = {role: [None] * count for role in self.models}
        if count > 1:
            self.order = sorted(range(count), key=lambda at: len(self.texts[at]))


@dataclass(frozen=True)
class _Errand:
    """What is done in the thread that computes, for somebody who waits for it elsewhere."""

    do: Callable[[], Any]
    done: "Future[Any]"

    def run(self) -> None:
        """Do it; whoever waits for it hears what went wrong."""
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            self.done.set_result(self.do())
        except Exception as error:  # noqa: BLE001 -- it must not end the thread
            self.done.set_exception(error)


@dataclass(frozen=True)
class _Part:
    """Texts of a job that are in one batch."""

    job: Job
    rows: Sequence[int]


class Batcher:
    """A thread that computes what waits; use it from one event loop."""

    def __init__(self, bounds: Bounds, watcher: Watcher) -> None:
        """Start the thread.

        Args:
            bounds: of batches and of what waits.
            watcher: hears what was computed.
        """
        self._bounds = bounds
        self._watcher = watcher
        self._jobs: deque[Job] = deque()
        self._errands: deque[_Errand] = deque()
        self._next_errand = 0.0
        self._texts = 0
        self._changed = threading.Condition()
        self._closing = False
        self._pace = 0.0
        self._thread = threading.Thread(target=self._work, name="labelmend-infer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Texts that wait."""
        return self._texts

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn.

        A job that finds nothing waiting is let in, however many texts it has.

        Raises:
            FullError: too many texts wait.
        """
        count = len(job.texts)
        with self._changed:
            if self._texts and self._texts + count > self._bounds.most_waiting:
                seconds = math.ceil(self._texts * self._pace)
                raise FullError(min(max(seconds, 1), _LONGEST_RETRY))
            job.arrived = time.monotonic()
            self._jobs.append(job)
            self._texts += count
            self._changed.notify()

    def aside(self, do: Callable[[], _Found]) -> "Future[_Found]":
        """Do something in the thread that computes while nothing waits, and seldom while it does.

        Engines are used by one thread at a time; what is asked of them should take milliseconds.

        Returns:
            what comes of it; cancelled where the thread ends before.
        """
        done: Future[_Found] = Future()
        with self._changed:
            if self._closing:
                done.cancel()
                return done
            self._errands.append(_Errand(do, done))
            self._changed.notify()
        return done

    def close(self) -> None:
        """Compute what waits, and end the thread; what was to be done aside is cancelled."""
        with self._changed:
            self._closing = True
            while self._errands:
                self._errands.popleft().done.cancel()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            errand, parts = None, []
            with self._changed:
                while not self._jobs and not self._errands:
                    if self._closing:
                        return
                    self._changed.wait()
                if self._errands and (not self._jobs or time.monotonic() >= self._next_errand):
                    errand = self._errands.popleft()
                else:
                    self._gather()
                    parts = self._take()
            if errand is not None:
                errand.run()
                self._next_errand = time.monotonic() + _ERRANDS_APART
            elif parts:
                self._compute(parts)

    def _gather(self) -> None:
        """Wait for company, until the first job has waited long enough."""
        end = self._jobs[0].arrived + self._bounds.wait
        while self._texts < self._bounds.most_batch and not self._closing:
            left = end - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _take(self) -> list[_Part]:
        """Take a batch: a share of each job, from the one that waits longest on, in turn."""
        parts: list[_Part] = []
        room = self._bounds.most_batch
        while room and self._jobs:
            share = max(1, room // len(self._jobs))
            for _ in range(len(self._jobs)):
                job = self._jobs.popleft()
                if job.is_gone():
                    self._texts -= len(job.texts) - job.taken
                    job.is_dropped = True
                    _resolved([job])
                    continue
                start = job.taken
                job.taken = min(len(job.texts), start + min(share, room))
                parts.append(_Part(job, job.order[start : job.taken]))
                room -= job.taken - start
                self._texts -= job.taken - start
                if job.taken < len(job.texts):
                    self._jobs.append(job)
                if not room:
                    break
        return parts

    def _compute(self, parts: list[_Part]) -> None:
        began = time.monotonic()
        try:
            self._predict(parts)
        except Exception:  # noqa: BLE001 -- one text must not take the others down with it
            self._singly(parts)
        seconds = time.monotonic() - began
        count = sum(len(part.rows) for part in parts)
        pace = seconds / count
        self._pace = pace if not self._pace else _MOMENTUM * self._pace + (1 - _MOMENTUM) * pace
        self._watcher.batch(count, seconds)
        finished = []
        for part in parts:
            part.job.left -= len(part.rows)
            if not part.job.left:
                finished.append(part.job)
        _resolved(finished)

    def _singly(self, parts: list[_Part]) -> None:
        """Compute text by text what could not be computed together."""
        for part in parts:
            for row in part.rows:
                try:
                    self._predict([_Part(part.job, [row])])
                except Exception as error:  # noqa: BLE001 -- that request hears of it, and no other
                    _LOG.error("a text could not be predicted: %s", type(error).__name__)

    def _predict(self, parts: list[_Part]) -> None:
        """Embed each text once a space, and let each model say what it is asked."""
        asked: dict[tuple[str, int], list[_Part]] = {}
        models: dict[tuple[str, int], AnyLoaded] = {}
        for part in parts:
            for role, model in part.job.models.items():
                models[role, id(model)] = model
                asked.setdefault((role, id(model)), []).append(part)
        vectors: dict[tuple[str, int], _Embedded] = {}
        for key, model in models.items():
            space = model.engine.space, model.max_text_chars
            if space not in vectors:
                here = [
                    part
                    for part in parts
                    if any(
                        (other.engine.space, other.max_text_chars) == space
                        for other in part.job.models.values()
                    )
                ]
                vectors[space] = _Embedded.of(here, model)
            self._say(key[0], model, asked[key], vectors[space])

    def _say(self, role: str, model: AnyLoaded, parts: list[_Part], embedded: "_Embedded") -> None:
        asking = [part.job.near for part in parts for _ in part.rows]
        near = np.flatnonzero(asking)
        said, scored = model.predictions(embedded.of_parts(parts), near)
        at = 0
        for part in parts:
            mine = part.job.said[role]
            for row in part.rows:
                mine[row] = said[at]
                at += 1
        self._watcher.predicted(role, model, scored)


@dataclass(frozen=True)
class _Embedded:
    """The vectors of the texts of some parts, in one space."""

    parts: list[_Part]
    vectors: Vectors

    @classmethod
    def of(cls, parts: list[_Part], model: AnyLoaded) -> "_Embedded":
        """Embed the texts of parts, cut as the model cuts them."""
        most = model.max_text_chars
        texts = [part.job.texts[row][:most] for part in parts for row in part.rows]
        return cls(parts, model.engine.embed(texts))

    def of_parts(self, parts: list[_Part]) -> Vectors:
        """Return the vectors of some of the parts."""
        if len(parts) == len(self.parts):
            return self.vectors
        wanted = {id(part) for part in parts}
        keep = np.array([id(part) in wanted for part in self.parts for _ in part.rows])
        return {name: vectors[keep] for name, vectors in self.vectors.items()}


def _resolved(jobs: Sequence[Job]) -> None:
    """Tell the loop that jobs are done."""
    if not jobs:
        return
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        jobs[0].done.get_loop().call_soon_threadsafe(_resolve, jobs)


def _resolve(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_result(None)
