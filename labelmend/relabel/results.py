"""What a user reads of a relabelling: columns, evidence, the run's record."""

import importlib.metadata
import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelmend import __version__
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config
from labelmend.data.write import NewColumn
from labelmend.relabel.decide import given_probability
from labelmend.types import NO_LABEL, Ints, Relabelling
from labelmend.weights.locate import LocatedModel

COLUMNS = (
    *("mended_label", "decision", "label_quality", "confidence"),
    *("candidates", "votes", "reason"),
)

_SHOWN_CANDIDATES = 3
_EVIDENCE_CANDIDATES = 5
_EVIDENCE_NEIGHBOURS = 5
_LIBRARIES = ("numpy", "scikit-learn", "sentence-transformers", "torch", "llama-cpp-python")


@dataclass(frozen=True)
class ConfusedPair:
    """A label that annotators write for another.

    Attributes:
        true: the label that the texts seem to have.
        given: the label that they were given.
        rows: expected number of such rows.
    """

    true: str
    given: str
    rows: float


def estimated_noise(result: Relabelling) -> float:
    """Return the expected share of wrong labels among the given ones."""
    quality = given_probability(result.dataset.given, result.unique.of_row, result.posterior)
    labelled = quality[~np.isnan(quality)]
    return float(1 - labelled.mean()) if len(labelled) else 0.0


def confused_pairs(result: Relabelling, count: int) -> tuple[ConfusedPair, ...]:
    """Return the label pairs that are most often confused, by expected rows."""
    labels, given = result.dataset.labels, result.dataset.given
    candidates = result.posterior.candidates[result.unique.of_row]
    wrong = (candidates != given[:, None]) & (given != NO_LABEL)[:, None]
    mass = np.where(wrong, result.posterior.probabilities[result.unique.of_row], 0.0)
    rows, columns = np.nonzero(mass > _NEGLIGIBLE)
    pairs: Counter[tuple[int, int]] = Counter()
    for row, column in zip(rows, columns, strict=True):
        pairs[int(candidates[row, column]), int(given[row])] += float(mass[row, column])  # type: ignore[assignment]
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ConfusedPair(labels[t], labels[g], round(n, 2)) for (t, g), n in ranked[:count])


_NEGLIGIBLE = 1e-3


def columns_of(result: Relabelling) -> tuple[NewColumn, ...]:
    """Return our columns, in the order of the rows."""
    decisions, labels = result.decisions, result.dataset.labels
    rows = range(len(result.dataset))
    reader = _Reader(result)
    values: dict[str, tuple[str | float | None, ...]] = {
        "mended_label": tuple(labels[k] if k != NO_LABEL else None for k in decisions.mended),
        "decision": decisions.actions,
        "label_quality": tuple(float(q) for q in decisions.quality),
        "confidence": tuple(float(c) for c in decisions.confidence),
        "candidates": tuple(reader.candidates(row) for row in rows),
        "votes": tuple(reader.votes(row) for row in rows),
        "reason": tuple(reader.reason(row) for row in rows),
    }
    return tuple(NewColumn(name, values[name]) for name in COLUMNS)


def evidence_lines(result: Relabelling) -> Iterator[str]:
    """Yield one JSON line a row: candidates with each source's score, and neighbours."""
    reader = _Reader(result)
    for row in range(len(result.dataset)):
        yield json.dumps(reader.evidence(row), ensure_ascii=False)


def run_record(
    result: Relabelling,
    config: Config,
    models: Mapping[str, LocatedModel],
    source: Mapping[str, Any],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """Return what `mended.run.json` says: enough to defend the outcome and to repeat it."""
    channel, decisions = result.posterior.channel, result.decisions
    return {
        "labelmend": __version__,
        "input": dict(source),
        "seed": config.seed,
        "config": config_to_dict(config),
        "models": {
            role: {"name": m.name, "sha256": m.digest, "source": m.source}
            for role, m in models.items()
        },
        "labels": len(result.dataset.labels),
        "oos_label": None
        if result.dataset.oos is None
        else result.dataset.labels[result.dataset.oos],
        "counts": dict(sorted(Counter(decisions.actions).items())),
        "noise": {
            "estimated_rate": round(estimated_noise(result), 6),
            "channel": asdict(channel),
            "confused_pairs": [asdict(pair) for pair in confused_pairs(result, 20)],
        },
        "harm": {
            "expected_broken": round(decisions.expected_harm, 4),
            "expected_good": round(decisions.expected_good, 4),
            "budget": config.decision.max_harm,
        },
        "weights": {source: round(w, 6) for source, w in result.posterior.weights.items()},
        "voters": [{**asdict(v), "seconds": round(v.seconds, 2)} for v in result.voters],
        "review_order": [result.dataset.ids[row] for row in decisions.review_order],
        "notes": list(notes),
        "seconds": {stage: round(s, 2) for stage, s in result.seconds.items()},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
    }


class _Reader:
    """Reads single rows out of a relabelling."""

    def __init__(self, result: Relabelling) -> None:
        self._result = result
        self._labels = result.dataset.labels
        given = result.unique.given
        counts = np.asarray(given.sum(axis=1)).ravel()
        main = np.asarray(given.argmax(axis=1)).ravel()
        self._main_label: Ints = np.where(counts > 0, main, NO_LABEL).astype(np.int64)
        self._voters = {report.voter for report in result.voters}

    def ranked(self, row: int) -> list[tuple[int, float]]:
        """Return the candidates' columns by posterior, ties by label index."""
        text = self._result.unique.of_row[row]
        probabilities = self._result.posterior.probabilities[text]
        labels = self._result.posterior.candidates[text]
        order = np.lexsort((labels, -probabilities))
        return [(int(column), float(probabilities[column])) for column in order]

    def candidates(self, row: int) -> str:
        """Return the most probable labels with their posterior."""
        labels = self._result.posterior.candidates[self._result.unique.of_row[row]]
        shown = self.ranked(row)[:_SHOWN_CANDIDATES]
        return " | ".join(f"{self._labels[labels[column]]} {p:.3f}" for column, p in shown)

    def votes(self, row: int) -> str | None:
        """Return each voter's choice; None where nobody was asked."""
        text = self._result.unique.of_row[row]
        labels = self._result.posterior.candidates[text]
        said = []
        for source in self._result.evidence:
            scores = source.scores[text]
            if source.source in self._voters and not np.isnan(scores).all():
                choice = labels[np.nanargmax(scores)]
                said.append(f"{source.source}: {self._labels[choice]}")
        return " | ".join(said) or None

    def reason(self, row: int) -> str:
        """Return one sentence that a person can check."""
        decisions = self._result.decisions
        proposed, given = int(decisions.proposed[row]), int(self._result.dataset.given[row])
        name, action = self._labels[proposed], decisions.actions[row]
        if action == "keep":
            return (
                f"{self._carry(row, given)} {self._labels[given]}; "
                f"its probability is {_percent(decisions.quality[row])}."
            )
        best = _percent(self.ranked(row)[0][1])
        if given == NO_LABEL:
            start = (
                "No label was given" if action == "label" else "No label was given, none is sure"
            )
            return f"{start}: {self._carry(row, proposed)} {name}; its probability is {best}."
        if proposed == given:
            quality = _percent(decisions.quality[row])
            return f"{self._carry(row, given)} {name}; its probability is only {quality}."
        verdict = "" if action == "change" else "Not sure enough to change: "
        return (
            f"{verdict}{self._carry(row, proposed)} {name}, {self._count(row, given)} carry "
            f"{self._labels[given]}; their probabilities are {best} and "
            f"{_percent(decisions.quality[row])}."
        )

    def evidence(self, row: int) -> dict[str, Any]:
        """Return all that speaks for or against the row's leading labels."""
        result, text = self._result, self._result.unique.of_row[row]
        labels, given = result.posterior.candidates[text], int(result.dataset.given[row])
        ranked = self.ranked(row)
        shown = ranked[:_EVIDENCE_CANDIDATES]
        shown += [pair for pair in ranked[_EVIDENCE_CANDIDATES:] if labels[pair[0]] == given]
        return {
            "id": result.dataset.ids[row],
            "text": result.dataset.texts[row],
            "given": self._labels[given] if given != NO_LABEL else None,
            "decision": result.decisions.actions[row],
            "candidates": [
                {
                    "label": self._labels[labels[column]],
                    "posterior": round(p, 6),
                    "scores": {
                        e.source: round(float(e.scores[text, column]), 4)
                        for e in result.evidence
                        if not np.isnan(e.scores[text, column])
                    },
                }
                for column, p in shown
            ],
            "neighbours": [
                {
                    "text": result.unique.texts[i],
                    "label": self._labels[self._main_label[i]]
                    if self._main_label[i] != NO_LABEL
                    else None,
                    "similarity": round(float(s), 4),
                }
                for i, s in zip(
                    result.neighbours[text][:_EVIDENCE_NEIGHBOURS],
                    result.neighbour_scores[text][:_EVIDENCE_NEIGHBOURS],
                    strict=True,
                )
                if i >= 0
            ],
        }

    def _count(self, row: int, label: int) -> int:
        """Return how many of the neighbours were given a label."""
        near = self._result.neighbours[self._result.unique.of_row[row]]
        return int((self._main_label[near[near >= 0]] == label).sum())

    def _carry(self, row: int, label: int) -> str:
        near = self._result.neighbours[self._result.unique.of_row[row]]
        return f"{self._count(row, label)} of the {int((near >= 0).sum())} nearest texts carry"


def _percent(probability: float) -> str:
    """Return a probability in per cent; one that is all but 0 or 1 is not rounded to it."""
    if 0 < probability < _ALL_BUT or 1 - _ALL_BUT < probability < 1:
        return f"under {_ALL_BUT:.1%}" if probability < _ALL_BUT else f"over {1 - _ALL_BUT:.1%}"
    return f"{probability:.1%}"


_ALL_BUT = 0.001
