"""What a whole table takes, here and on more machines, from a sample and the fitted growth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmend.configs.schema import Config
from labelmend.engines.growth import CLASSIFIER, Growth, Part, Ways, fitted_growth
from labelmend.relabel.evidence.classifier import ClassifierOptions
from labelmend.voice.speak import meant, note

ENCODED = 1024
"""Texts that a process encodes at a time: what other machines are handed."""

_MOSTLY_ALONE = 0.5
"""Share of a stage's time in blocks below which one core does most of it."""

_TELLS = 0.05
"""Seconds that a stage takes at least which says how fast a machine is."""

_MOST_SLOWER = 20.0
"""What seems to be more, or less than one by it, is a sample that says nothing."""

_FLOAT = 4
"""Bytes of a number of a vector."""

_KEY = 64
"""Bytes that the cache of embeddings takes for a text beside its vector, about."""

_AFTER = ("decide", "write")
"""Stages that a sample does not go through."""


@dataclass(frozen=True)
class Cluster:
    """A run on machines like this one; an estimate.

    Attributes:
        machines: how many.
        seconds: by the clock.
        node_bytes: of memory on each but the one that holds the whole; on that, if it is alone.
    """

    machines: int
    seconds: float
    node_bytes: int


def ways_of(config: Config) -> Ways:
    """Return which way stages take, by the size of a table."""
    source = config.evidence.get("classifier")
    options = {} if source is None else source.options
    defaults = ClassifierOptions()
    return Ways(
        config.retrieval.exact_up_to,
        options.get("large_scores", defaults.large_scores),
        options.get("max_scores", defaults.max_scores),
        options.get("least_texts", defaults.least_texts),
    )


@dataclass(frozen=True)
class Forecast:
    """From a sample to the table that it was drawn from.

    Attributes:
        sampled: texts of the sample.
        texts: of the table.
        rows: of the table.
        labels: of both.
        width: numbers of a text's vector.
        growth: the fitted table.
    """

    sampled: int
    texts: int
    rows: int
    labels: int
    width: int
    growth: Growth

    @classmethod
    def of(cls, sampled: int, texts: int, rows: int, labels: int, width: int) -> "Forecast":
        """Return the one of labelmend's own table."""
        return cls(sampled, texts, rows, labels, width, fitted_growth())

    def parts(self, took: Mapping[str, float], ways: Ways) -> list[tuple[str, Part]]:
        """Return the parts of the run, each with the stage under which it is told.

        Args:
            took: seconds of the sample by stage, by the clock.
            ways: of the profile.
        """
        found = [
            (stage.partition(":")[0], self._part(stage, seconds, ways))
            for stage, seconds in took.items()
        ]
        speed = self._speed(took, ways)
        for stage in _AFTER:
            law = self.growth.stages[stage].seconds
            found.append((stage, Part(speed * law.at(self.rows, self.labels))))
        return found

    def _part(self, stage: str, seconds: float, ways: Ways) -> Part:
        """Return what a stage takes on the whole table."""
        times = self.texts / self.sampled
        if stage == "embed":
            return Part(seconds * times, 1.0, math.ceil(self.texts / ENCODED), whole_machines=True)
        if stage == "index":  # cards of labels are encoded, whatever the rows
            return Part(seconds)
        grown = self.growth.stages.get(ways.of(stage, self.texts, self.labels))
        before = self.growth.stages.get(self._tried(stage, ways))
        if grown is None or before is None:
            return Part(seconds * times)
        now = grown.seconds.at(self.texts, self.labels)
        times = now / before.seconds.at(self.sampled, self.labels)
        tasks = 1.0 if grown.tasks is None else grown.tasks.at(self.texts, self.labels)
        return Part(seconds * times, grown.divides, tasks)

    def _tried(self, stage: str, ways: Ways) -> str:
        """Return the way that the sample took: its classifier's is that of the whole table."""
        return ways.of(stage, self.texts if stage == CLASSIFIER else self.sampled, self.labels)

    def _speed(self, took: Mapping[str, float], ways: Ways) -> float:
        """Return how many times as long this machine takes as that of the fit, one core each.

        It is 1 where the sample took too little time to tell.
        """
        mine = theirs = 0.0
        for stage, seconds in took.items():
            known = self.growth.stages.get(self._tried(stage, ways))
            if stage in {"embed", "index"} or known is None or known.divides >= _MOSTLY_ALONE:
                continue
            expected = known.seconds.at(self.sampled, self.labels)
            if expected >= _TELLS:
                mine += seconds
                theirs += expected
        return min(max(mine / theirs, 1 / _MOST_SLOWER), _MOST_SLOWER) if theirs else 1.0

    def memory(self, loaded: int) -> int:
        """Return bytes at the peak of the process that is started.

        Args:
            loaded: bytes of this process now, and of the models.
        """
        wider = 2 * _FLOAT * self.texts * (self.width - self.growth.width)
        fitted = self.growth.peak_bytes.at(self.texts, self.labels) + wider
        return int(loaded + max(fitted, _FLOAT * self.texts * self.width))

    def disk(self, table: int, config: Config) -> int:
        """Return bytes that are written, the embeddings that are kept among them.

        Args:
            table: bytes of the table.
            config: whether and how much is kept.
        """
        kept = 0
        if any(encoder.cache for encoder in config.encoders):
            most = max(encoder.cache_gib for encoder in config.encoders) * 2**30
            kept = int(min(self.texts * (_FLOAT * self.width + _KEY), most))
        laws = (self.growth.evidence_bytes, self.growth.column_bytes)
        return int(table + kept + sum(law.at(self.rows, self.labels) for law in laws))

    def clusters(
        self, parts: Sequence[Part], machines: Sequence[int], cores: int, loaded: int
    ) -> tuple[Cluster, ...]:
        """Return the run on several numbers of machines that are like this one.

        Args:
            parts: of the run, all of them.
            machines: how many, each at least one.
            cores: of each.
            loaded: bytes of a process and of the models.
        """
        each = loaded + _FLOAT * self.texts * self.width
        return tuple(
            Cluster(
                count,
                sum(part.on(count, cores) for part in parts),
                each if count > 1 else self.memory(loaded),
            )
            for count in machines
        )

    def notes(self, clusters: Sequence[Cluster], cores: int) -> tuple[str, ...]:
        """Return what the estimate can't know, one line each."""
        said = []
        if self.texts > self.growth.rows or self.labels > self.growth.labels:
            most = {"rows": self.growth.rows, "labels": self.growth.labels}
            said.append(note(_BEYOND, **most))
            if self.growth.drawn_out_by:
                said.append(note(_BY, times=self.growth.drawn_out_by))
        if clusters:
            said.append(note(_ALIKE, cores=cores))
        return tuple(said)


_BEYOND = meant(
    "the growth was measured up to {rows:,} rows and {labels:,} labels: beyond, times, memory and "
    "disk are drawn out, and may be far off"
)
_BY = meant(
    "a growth that was fitted without its largest runs told their time to a factor of {times:.2f}"
)
_ALIKE = meant(
    "the machines are taken to be like this one, {cores} cores each. Not known, and not counted: "
    "what Ray takes to start and to send work, slower or lost machines, and work of others"
)
