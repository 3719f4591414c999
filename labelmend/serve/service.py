"""The models that are served, and the one way to ask them: by HTTP, by a bot, or by a test."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from labelmend.classify.folder import in_words
from labelmend.errors import ModelError
from labelmend.parallel import blocks_of
from labelmend.serve.answer import Answered, AnyPrediction, Said
from labelmend.serve.batcher import Batcher, Bounds, Job
from labelmend.serve.metrics import Metrics
from labelmend.serve.models.loaded import AnyLoaded
from labelmend.types import Floats

_LOG = logging.getLogger("labelmend.serve")

Role = Literal["main", "against"]

_ASIDE = 4
"""Texts that are placed at a time beside requests, one of which may wait for them: with two
encoders on two cores, for 25 ms."""


@dataclass(frozen=True)
class Limits:
    """Bounds of what is asked; more is refused.

    Attributes:
        most_texts: of a request.
        most_chars: of a text.
        most_body: bytes of a request's body.
        bounds: of batches, and of what waits for them.
    """

    most_texts: int = 1000
    most_chars: int = 10_000
    most_body: int = 1024 * 1024
    bounds: Bounds = field(default_factory=Bounds)


class FailedError(Exception):
    """A text could not be predicted."""


class GoneError(Exception):
    """The client left before its texts were predicted."""


class NoSuchModelError(Exception):
    """The other model is asked for, and there is none."""


Ear = Callable[[Answered], None]
"""Hears each request that was answered, in the event loop: it must not wait for anything."""


def _stays() -> bool:
    return False


class Service:
    """Answers for the models; use it from one event loop.

    Attributes:
        limits: of what is asked.
        metrics: of what was done.
        is_closing: whether the server is about to stop: what comes is still answered.
        problems: why a newer model could not take the place of one, by its role.
    """

    def __init__(
        self, main: AnyLoaded, against: AnyLoaded | None = None, limits: Limits | None = None
    ) -> None:
        """Start the thread that computes.

        Args:
            main: the model.
            against: another one that may be asked as well.
            limits: of what is asked; the usual ones if None.

        Raises:
            ModelError: they are of two tasks.
        """
        if against is not None:
            _check_task(against, main.task)
        self.limits = limits = limits or Limits()
        self.metrics = Metrics()
        self.is_closing = False
        self.problems: dict[str, str] = {}
        self.ears: list[Ear] = []
        self._models: dict[str, AnyLoaded] = {}
        self._batcher = Batcher(limits.bounds, self.metrics)
        self.replace("main", main)
        if against is not None:
            self.replace("against", against)

    @property
    def models(self) -> Mapping[str, AnyLoaded]:
        """The models, by their roles, `main` first."""
        return self._models

    @property
    def waiting(self) -> int:
        """Texts that wait to be predicted."""
        return self._batcher.waiting

    @property
    def task(self) -> str:
        """Of all models: what is asked, answered and kept depends on it."""
        return self._models["main"].task

    def check(self, model: AnyLoaded) -> None:
        """Make sure that a model is of the task of those that are served.

        Raises:
            ModelError: it is of another one.
        """
        _check_task(model, self.task)

    def replace(self, role: Role, model: AnyLoaded) -> None:
        """Let a model take the place of another: requests that wait are answered by the old one.

        Args:
            role: whose place.
            model: it is warm already, and of the task of the others.
        """
        # One assignment: who reads sees the models before or those after.
        self._models = {**self._models, role: model}
        self.problems.pop(role, None)
        self.metrics.serves(role, model)

    def placed_aside(self, model: AnyLoaded, texts: Sequence[str]) -> Floats:
        """Place texts in the space of a model while no request waits; not for the event loop.

        Args:
            model: one that is served, or was.
            texts: any number; the model cuts them.

        Returns:
            float32 [len(texts), d], unit rows.

        Raises:
            CancelledError: the server stops.
        """
        engine = model.engine
        cut = [text[: model.max_text_chars] for text in texts]

        def place(rows: slice) -> Floats:
            return engine.placed(engine.embed(cut[rows]))

        parts = [
            self._batcher.aside(partial(place, rows)).result()
            for rows in blocks_of(len(cut), _ASIDE)
        ]
        return np.concatenate(parts)

    async def answer(
        self,
        texts: Sequence[str],
        *,
        compare: bool = False,
        near: bool = False,
        sender: str = "",
        is_gone: Callable[[], bool] = _stays,
    ) -> Answered:
        """Predict the labels of texts.

        Args:
            texts: none is blank; the caller has held them to the limits.
            compare: ask the other model as well.
            near: name the nearest texts of the training, if the model keeps them.
            sender: who asks, for whoever hears of it.
            is_gone: tells whether the client left: what it asked need not be computed then.

        Raises:
            FullError: too many texts wait.
            NoSuchModelError: there is no other model.
            FailedError: a text could not be predicted.
            GoneError: the client left.
        """
        began = time.monotonic()
        models = self._models
        if not compare:
            models = {"main": models["main"]}
        elif "against" not in models:
            raise NoSuchModelError
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = Job(texts, models, near, is_gone, done)
        self._batcher.submit(job)
        await done
        if job.is_dropped:
            raise GoneError
        said = {role: _said(model, job.said[role]) for role, model in models.items()}
        answered = Answered(
            uuid.uuid4().hex,
            time.time(),
            time.monotonic() - began,
            sender,
            tuple(texts),
            said["main"],
            said.get("against"),
        )
        for ear in self.ears:
            try:
                ear(answered)
            except Exception as error:  # noqa: BLE001 -- who asked gets the answer all the same
                _LOG.error("a request could not be noted: %s", type(error).__name__)
        return answered

    def close(self) -> None:
        """Compute what waits, and end the thread."""
        self._batcher.close()


def _check_task(model: AnyLoaded, task: str) -> None:
    if model.task != task:
        raise ModelError(
            f"{model.name}: is a model of {in_words(model.task)}, and what is served is one of "
            f"{in_words(task)}; give one of the same task"
        )


def _said(model: AnyLoaded, predictions: Sequence[AnyPrediction | None]) -> Said:
    """Return what a model says.

    Raises:
        FailedError: it could not say something of a text.
    """
    whole = tuple(one for one in predictions if one is not None)
    if len(whole) < len(predictions):
        raise FailedError
    return Said(model.version, whole)
