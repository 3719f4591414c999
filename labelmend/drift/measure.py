"""All that is asked of a log at once, and what of it is no chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labelmend.drift.distance import MOST_ROWS, PERMUTATIONS, Distance, Test, compare_embeddings
from labelmend.drift.intents import NewIntent, new_intents
from labelmend.drift.sample import Sample
from labelmend.drift.shares import LabelChange, ShareChange, label_change, share_change
from labelmend.evaluation.compare import holm

Question = Literal["labels", "out_of_scope", "embeddings", "new_intents"]

_LEAST_EMBEDDED = 4
"""Texts of a side from which embeddings are compared: two to learn from and two to test."""


@dataclass(frozen=True)
class DriftSettings:
    """How a log is compared.

    Attributes:
        level: share of logs without any drift that are said to drift, at most.
        test: of embeddings.
        permutations: of the test `mmd`.
        most_rows: texts of a side whose embeddings are compared.
        seed: of all that is drawn.
        language: of the texts, as an ISO 639 code; None where it is not known.
    """

    level: float = 0.05
    test: Test = "mmd"
    permutations: int = PERMUTATIONS
    most_rows: int = MOST_ROWS
    seed: int = 0
    language: str | None = None


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes:
        before: texts of the reference.
        now: texts of the log.
        labels: whether labels are spread as before; None where one side has none.
        outside: whether as many texts fit no label; None where one side doesn't say.
        embeddings: whether texts are as before; None where there are too few.
        adjusted: p of each question that was asked, after Holm's (1979) correction over them.
        intents: new ones, each below the level after a correction among themselves.
        level: as set.
    """

    before: int
    now: int
    labels: LabelChange | None
    outside: ShareChange | None
    embeddings: Distance | None
    adjusted: Mapping[Question, float]
    intents: tuple[NewIntent, ...]
    level: float

    @property
    def found(self) -> tuple[Question, ...]:
        """The questions whose answer is drift."""
        return tuple(name for name, p in self.adjusted.items() if p < self.level)

    @property
    def changed_labels(self) -> tuple[ShareChange, ...]:
        """Labels whose share is another one, the surest first."""
        changes = () if self.labels is None else self.labels.labels
        return tuple(one for one in changes if one.p_value < self.level)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "drift": bool(self.found),
            "found": list(self.found),
            "level": self.level,
            "rows": {"reference": self.before, "log": self.now},
            "adjusted_p": dict(self.adjusted),
            "labels": None if self.labels is None else _labels(self.labels, self.level),
            "out_of_scope": None if self.outside is None else _share(self.outside),
            "embeddings": None if self.embeddings is None else vars(self.embeddings),
            "new_intents": [_intent(one) for one in self.intents],
        }


def find_drift(before: Sample, now: Sample, settings: DriftSettings) -> Drift:
    """Compare a log with a reference.

    Args:
        before: the reference; at least one text.
        now: the log, with texts; at least one.
        settings: how.
    """
    seed = settings.seed
    names = before.known_labels, now.known_labels
    labels = label_change(*names, seed) if all(names) else None
    outside = None
    if before.outside is not None and now.outside is not None:
        outside = share_change(
            *(int(before.outside.sum()), len(before)), *(int(now.outside.sum()), len(now))
        )
    embeddings = None
    if min(len(before), len(now)) >= _LEAST_EMBEDDED:
        embeddings = compare_embeddings(
            before.some(settings.most_rows, seed),
            now.some(settings.most_rows, seed),
            settings.test,
            seed,
            settings.permutations,
        )
    asked: dict[Question, float] = {}
    if labels is not None:
        asked["labels"] = labels.p_value
    if outside is not None:
        asked["out_of_scope"] = outside.p_value
    if embeddings is not None:
        asked["embeddings"] = embeddings.p_value
    asked["new_intents"], intents = new_intents(
        before, now, settings.level, seed, settings.language
    )
    return Drift(
        before=len(before),
        now=len(now),
        labels=labels,
        outside=outside,
        embeddings=embeddings,
        adjusted=dict(zip(asked, holm(list(asked.values())), strict=True)),
        intents=intents,
        level=settings.level,
    )


def _share(one: ShareChange) -> dict[str, Any]:
    return {
        "before": one.before,
        "before_of": one.before_of,
        "now": one.now,
        "now_of": one.now_of,
        "share_before": one.share_before,
        "share_now": one.share_now,
        "p_value": one.p_value,
    }


def _labels(found: LabelChange, level: float) -> dict[str, Any]:
    return {
        "g": found.statistic,
        "p_value": found.p_value,
        "jensen_shannon": found.distance,
        "labels": [
            {"label": one.name, **_share(one), "changed": one.p_value < level}
            for one in found.labels
        ],
    }


def _intent(one: NewIntent) -> dict[str, Any]:
    return {
        "name": one.name,
        "words": list(one.words),
        "texts": len(one.rows),
        "rows": [row + 1 for row in one.rows.tolist()],
        "tested": {
            "before": one.before,
            "before_of": one.before_of,
            "now": one.now,
            "now_of": one.now_of,
        },
        "p_value": one.p_value,
        "labelled_now": [{"label": label, "share": share} for label, share in one.labels],
    }
