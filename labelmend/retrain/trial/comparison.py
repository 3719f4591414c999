"""Champion against challenger on the same held-out rows, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmend.data.dataset import label_indices
from labelmend.data.duplicates import text_key
from labelmend.evaluation.baseline import TestSet, TrainingRun
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import compare_runs, outcome_record
from labelmend.evaluation.evaluate import headline
from labelmend.retrain.known import HeldOut
from labelmend.retrain.project import GateConfig, PromotionConfig
from labelmend.retrain.trial.challenger import CHALLENGER, CHAMPION
from labelmend.retrain.trial.gate import Called, look_at_labels
from labelmend.retrain.version import Verdict
from labelmend.voice.speak import meant, note


@dataclass(frozen=True)
class Compared:
    """A comparison and its verdict.

    Attributes:
        outcome: the differences with their intervals, and the test.
        verdict: what is to become of the challenger.
        reasons: why, one line each.
        metrics: of the challenger on the held-out rows, by name.
        record: all of it as JSON.
    """

    outcome: Outcome
    verdict: Verdict
    reasons: tuple[str, ...]
    metrics: dict[str, float | None]
    record: dict[str, Any]


def compare_versions(
    champion: TrainingRun,
    challenger: TrainingRun,
    held_out: HeldOut,
    earlier: Sequence[str],
    promotion: PromotionConfig,
    gate: GateConfig,
    seed: int,
) -> Compared:
    """Compare two versions by the paired bootstrap and McNemar's test, as `compare-baseline` does.

    Args:
        champion: its run on the held-out rows.
        challenger: its run on the same.
        held_out: these rows.
        earlier: texts that were held out before this step: labels are held to them alone, since
            poisoned rows would speak for themselves.
        promotion: when the challenger takes over.
        gate: when it is refused.
        seed: of the bootstrap.
    """
    test = held_out.test
    (outcome,) = compare_runs(
        [champion, challenger], [champion.kind], test, CHAMPION, CHALLENGER, seed
    )
    worse = look_at_labels(_called(champion, challenger, test, earlier), gate)
    verdict, reason = verdict_on(outcome, promotion, ACCURACY)
    if worse:
        verdict = "refused"
    accuracy = outcome.differences[0]
    return Compared(
        outcome=outcome,
        verdict=verdict,
        reasons=worse or (reason,),
        metrics=headline(challenger.metrics),
        record={
            **outcome_record(outcome),
            "held_out_rows": len(test.texts),
            "answered_by_people": held_out.answered,
            "champion": headline(champion.metrics),
            "challenger": headline(challenger.metrics),
            "accuracy": {"before": accuracy.before, "after": accuracy.after},
        },
    )


def _called(
    champion: TrainingRun, challenger: TrainingRun, test: TestSet, earlier: Sequence[str]
) -> Called:
    known = {text_key(text) for text in earlier}
    rows = np.array([text_key(text) in known for text in test.texts], dtype=bool)
    labels = tuple(sorted({*test.labels, *champion.called, *challenger.called}))
    return Called(
        truth=label_indices(labels, test.labels)[rows],
        champion=label_indices(labels, champion.called)[rows],
        challenger=label_indices(labels, challenger.called)[rows],
        labels=labels,
    )


@dataclass(frozen=True)
class Reasons:
    """What is said of a change of the first figure: `before`, `after`, `low`, `high` and `p`."""

    better: str
    worse: str
    no_difference: str
    equal: str


def verdict_on(
    outcome: Outcome, promotion: PromotionConfig, reasons: Reasons
) -> tuple[Verdict, str]:
    """Return what is to become of a challenger, and why.

    Args:
        outcome: of the comparison; its first difference decides.
        promotion: when it takes over.
        reasons: what is said of it.
    """
    accuracy, test = outcome.differences[0], outcome.test
    facts = {
        "before": accuracy.before,
        "after": accuracy.after,
        "low": accuracy.low,
        "high": accuracy.high,
        "p": test.adjusted,
    }
    if outcome.verdict == "better" and test.adjusted <= promotion.level:
        return "promoted", note(reasons.better, **facts)
    if outcome.verdict == "worse":
        return "not better", note(reasons.worse, **facts)
    equal = accuracy.low >= -promotion.equal_margin
    if promotion.promote_equal and equal:
        return "promoted", note(reasons.equal, **facts)
    return "not better", note(reasons.no_difference, **facts)


ACCURACY = Reasons(
    better=meant(
        "better: held-out accuracy {before:.2%} to {after:.2%}, the change {low:+.2%} to "
        "{high:+.2%}, p = {p:.2g}"
    ),
    worse=meant(
        "worse: held-out accuracy {before:.2%} to {after:.2%}, the change {low:+.2%} to "
        "{high:+.2%}, p = {p:.2g}"
    ),
    no_difference=meant(
        "no difference shown: held-out accuracy {before:.2%} to {after:.2%}, the change "
        "{low:+.2%} to {high:+.2%}, p = {p:.2g}"
    ),
    equal=meant(
        "no difference shown, and promoted as told: held-out accuracy {before:.2%} to {after:.2%}, "
        "the change {low:+.2%} to {high:+.2%}, p = {p:.2g}"
    ),
)
"""Of one label a text."""
