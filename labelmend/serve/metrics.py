"""What Prometheus is told: requests, latency, batches, labels, out-of-scope, doubt; no text."""

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from labelmend.serve.models.loaded import AnyLoaded
from labelmend.serve.models.scored import AnyScored

KIND = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of `Metrics.page`."""

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
"""Upper bounds of latencies: a text takes some milliseconds, and a full queue some seconds."""

_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper bounds of batch sizes."""

_DOUBTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Upper bounds of doubt, which is 1 less the probability of the label, or of all labels."""


class Metrics:
    """The figures of one server.

    Attributes:
        registry: of prometheus-client; other parts of the server add theirs to it.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.registry = registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "labelmend_requests",
            "Requests, by what was asked and the status of the answer.",
            ("path", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            "labelmend_predict_seconds",
            "From the last byte of a request to its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "labelmend_batch_texts", "Texts of a batch.", buckets=_TEXTS, registry=registry
        )
        self._computing = Counter(
            "labelmend_compute_seconds", "Spent on batches.", registry=registry
        )
        self._texts = Counter(
            "labelmend_texts", "Texts that a model said something of.", ("role",), registry=registry
        )
        self._flagged = Counter(
            "labelmend_oos_texts", "Texts that were flagged as out of scope.", ("role",),
            registry=registry,
        )  # fmt: skip
        self._labels = Counter(
            "labelmend_labels", "Labels that were predicted.", ("role", "label"), registry=registry
        )
        self._doubt = Histogram(
            "labelmend_doubt",
            "1 less the probability of the label, or that all labels of a text are right.",
            ("role",),
            buckets=_DOUBTS,
            registry=registry,
        )
        self._waiting = Gauge("labelmend_waiting_texts", "Texts that wait.", registry=registry)
        self._served = Gauge(
            "labelmend_model", "The models that are served.", ("role", "name", "version"),
            registry=registry,
        )  # fmt: skip
        self._swaps = Counter(
            "labelmend_swaps", "Models that took the place of another.", ("role",),
            registry=registry,
        )  # fmt: skip
        self._roles: dict[str, tuple[str, str, str]] = {}

    def request(self, path: str, status: int) -> None:
        """A request was answered."""
        self._requests.labels(path, str(status)).inc()

    def answered(self, seconds: float) -> None:
        """Predictions were made for a request."""
        self._latency.observe(seconds)

    def batch(self, texts: int, seconds: float) -> None:
        """A batch was computed."""
        self._batches.observe(texts)
        self._computing.inc(seconds)

    def predicted(self, role: str, model: AnyLoaded, scored: AnyScored) -> None:
        """A model said something of texts."""
        tally = scored.tally()
        self._texts.labels(role).inc(tally.texts)
        self._flagged.labels(role).inc(tally.flagged)
        found, counts = np.unique(tally.labels, return_counts=True)
        for label, count in zip(found.tolist(), counts.tolist(), strict=True):
            self._labels.labels(role, model.labels[label]).inc(count)
        doubt = self._doubt.labels(role)
        for value in tally.doubts.tolist():
            doubt.observe(value)

    def serves(self, role: str, model: AnyLoaded) -> None:
        """A model is served from now on."""
        before = self._roles.get(role)
        if before is not None:
            self._served.remove(*before)
            self._swaps.labels(role).inc()
        self._roles[role] = (role, model.name, model.version)
        self._served.labels(*self._roles[role]).set(1)

    def page(self, waiting: int) -> bytes:
        """Return all figures as Prometheus reads them.

        Args:
            waiting: texts that wait now.
        """
        self._waiting.set(waiting)
        return generate_latest(self.registry)
