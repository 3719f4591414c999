"""What a user reads of a relabelling: columns, evidence, the run's record."""

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config
from labelmend.data.table import NewColumn
from labelmend.llm.types import VoterReport
from labelmend.relabel.diagnostics.explain import RowReader, oos_nats
from labelmend.relabel.diagnostics.label_set import diagnose
from labelmend.relabel.diagnostics.self_test import record as self_test_record
from labelmend.relabel.labelmodel.decisions import given_probability
from labelmend.relabel.labelmodel.fusion import contribution
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL, Doubles, Ints
from labelmend.version import __version__
from labelmend.weights.locate import LocatedModel

COLUMNS = (
    *("mended_label", "decision", "label_quality", "confidence"),
    *("candidates", "votes", "reason"),
)

_LIBRARIES = ("numpy", "scikit-learn", "sentence-transformers", "torch", "llama-cpp-python")


@dataclass(frozen=True)
class ConfusedPair:
    """A label that annotators write for another.

    Attributes:
        true: the label that the texts seem to have.
        given: the label that they were given.
        rows: expected number of such rows.
        rate: P(given | true), the expected share of such rows among those with that true label.
    """

    true: str
    given: str
    rows: float
    rate: float


def estimated_noise(result: Relabelling) -> float:
    """Return the expected share of wrong labels among the given ones."""
    quality = given_probability(result.dataset.given, result.unique.of_row, result.posterior)
    labelled = quality[~np.isnan(quality)]
    return float(1 - labelled.mean()) if len(labelled) else 0.0


def confused_pairs(result: Relabelling, count: int) -> tuple[ConfusedPair, ...]:
    """Return the label pairs that are most often confused, by expected rows."""
    labels, given = result.dataset.labels, result.dataset.given
    labelled = np.flatnonzero(given != NO_LABEL)
    texts = result.unique.of_row[labelled]
    true, mass = result.posterior.candidates[texts], result.posterior.probabilities[texts]
    carried = np.bincount(true.ravel(), weights=mass.ravel(), minlength=len(labels))
    row, column = np.nonzero((true != given[labelled, None]) & (mass > _NEGLIGIBLE))
    codes, place = np.unique(
        true[row, column] * len(labels) + given[labelled[row]], return_inverse=True
    )
    rows = np.bincount(place, weights=mass[row, column], minlength=len(codes))
    # Rounded first: sums that are equal on paper tie, and go to the smaller label index.
    ranked = np.lexsort((codes, -np.round(rows, 9)))[:count]
    pairs = ((*divmod(int(codes[i]), len(labels)), float(rows[i])) for i in ranked)
    return tuple(
        ConfusedPair(labels[t], labels[g], round(n, 2), round(n / float(carried[t]), 4))
        for t, g, n in pairs
    )


_NEGLIGIBLE = 1e-3


def rows_moved(result: Relabelling) -> dict[str, int]:
    """Return for each source the number of rows that it moves.

    These would have another most probable label without it. The posterior is taken before
    blunders, the noise channel as learned.
    """
    posterior = result.posterior
    total = oos_nats(result) + posterior.channel_nats
    for source in result.evidence:
        total += contribution(source, posterior)
    best = _best(total, posterior.candidates)
    rows = np.bincount(result.unique.of_row, minlength=len(best))
    moved = {}
    for source in result.evidence:
        without = _best(total - contribution(source, posterior), posterior.candidates)
        moved[source.source] = int(rows[without != best].sum())
    return moved


def _best(nats: Doubles, candidates: Ints) -> Ints:
    """Return the best label of each text; ties go to the smaller label index."""
    tied = nats >= nats.max(axis=1, keepdims=True) - _EQUAL
    return np.asarray(np.where(tied, candidates, np.iinfo(np.int64).max).min(axis=1))


_EQUAL = 1e-9


def columns_of(result: Relabelling) -> tuple[NewColumn, ...]:
    """Return our columns, in the order of the rows."""
    decisions, labels = result.decisions, result.dataset.labels
    rows = range(len(result.dataset))
    reader = RowReader(result)
    values: dict[str, tuple[str | float | None, ...]] = {
        "mended_label": tuple(labels[k] if k != NO_LABEL else None for k in decisions.mended),
        "decision": decisions.actions,
        "label_quality": tuple(float(q) for q in decisions.quality),
        "confidence": tuple(float(c) for c in decisions.confidence),
        "candidates": tuple(reader.candidates(row) for row in rows),
        "votes": tuple(_votes(reader.votes(row)) for row in rows),
        "reason": tuple(reader.reason(row) for row in rows),
    }
    return tuple(NewColumn(name, values[name]) for name in COLUMNS)


def _votes(votes: Mapping[str, str]) -> str | None:
    return " | ".join(f"{voter}: {label}" for voter, label in votes.items()) or None


def evidence_lines(result: Relabelling) -> Iterator[str]:
    """Yield one JSON line a row: its explanation."""
    for explanation in RowReader(result).explanations(np.arange(len(result.dataset))):
        yield explanation.to_line()


def _advice(result: Relabelling) -> dict[str, Any]:
    """Return what is to be said of the label set; JSON has no NaN."""
    advice = asdict(diagnose(result))
    trust = advice["trust"].items()
    advice["trust"] = {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in trust}
    return advice


def _voter_record(report: VoterReport, weights: Mapping[str, float]) -> dict[str, Any]:
    """Return what one voter did and was worth; what isn't known is null."""
    worth = {"agreement": report.agreement, "luck": report.luck, "information": report.information}
    weight = weights.get(report.voter)
    return {
        **asdict(report),
        "seconds": round(report.seconds, 2),
        "spent": round(report.spent, 2),
        "tokens_per_second": round(report.tokens_per_second, 1),
        "weight": None if weight is None else round(weight, 6),
        "worse_than_chance": report.worse_than_chance,
        **{key: None if value is None else round(value, 6) for key, value in worth.items()},
    }


def run_record(
    result: Relabelling,
    config: Config,
    models: Mapping[str, LocatedModel],
    source: Mapping[str, Any],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """Return what `mended.run.json` says: enough to defend the outcome and to repeat it."""
    channel, decisions = result.posterior.channel, result.decisions
    moved = rows_moved(result)
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
        "advice": _advice(result),
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
        "self_test": None if result.self_test is None else self_test_record(result.self_test),
        "sources": {
            source: {"weight": round(weight, 6), "moved": moved[source]}
            for source, weight in result.posterior.weights.items()
        },
        "voters": [_voter_record(v, result.posterior.weights) for v in result.voters],
        "review_order": [result.dataset.ids[row] for row in decisions.review_order],
        "notes": list(notes),
        "seconds": {stage: round(s, 2) for stage, s in result.seconds.items()},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
    }
