"""A comparison in Markdown."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelmend.classify.calibrate import Goal
from labelmend.evaluation.baseline import TrainingRun, by_condition
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.evaluate import LabelScores, Metrics

if TYPE_CHECKING:
    from labelmend.evaluation.comparison import Comparison

FIGURES: tuple[tuple[str, Callable[[Metrics], float | None], bool], ...] = (
    ("accuracy", lambda m: m.accuracy, True),
    ("accuracy, no flag", lambda m: m.plain_accuracy, True),
    ("macro-F1", lambda m: m.macro_f1, True),
    ("weighted F1", lambda m: m.weighted_f1, True),
    ("ROC AUC", lambda m: m.roc_auc, True),
    ("in-scope accuracy", lambda m: m.in_scope_accuracy, True),
    ("oos recall", lambda m: m.oos_recall, True),
    ("oos precision", lambda m: m.oos_precision, True),
    ("oos AUROC", lambda m: m.oos_auroc, True),
    ("log loss", lambda m: m.log_loss, False),
    ("ECE", lambda m: m.ece, False),
)

LABEL_FIGURES: Mapping[str, Callable[[LabelScores], float]] = {
    "F1": lambda scores: scores.f1,
    "precision": lambda scores: scores.precision,
    "recall": lambda scores: scores.recall,
}
"""What tables show, and whether it is shown in per cent."""

_WORST_LABELS = 10
"""Labels in the table of a text page; the HTML page has all."""

_BARS: dict[Goal, str] = {
    "in-scope-loss": "calling texts out of scope loses at most {:.1%} of the right in-scope ones",
    "in-scope-accuracy": "calling texts out of scope leaves {:.1%} of the in-scope ones right",
    "oos-recall": "{:.1%} of the out-of-scope texts are called so",
}


def page(comparison: "Comparison") -> str:
    """Return the comparison for people."""
    lines = [
        "# Did the classifier get better?",
        "",
        f"**{comparison.record['verdict'].capitalize()}.**",
        "",
        *(f"- {line}" for line in verdicts(comparison)),
        "",
        how_tested(comparison),
    ]
    lines += ["", *(f"> {note}" for note in comparison.notes)] if comparison.notes else []
    for outcome in comparison.outcomes:
        conditions = by_condition(comparison.runs, outcome.kind)
        lines += ["", f"## {outcome.kind}", "", *_figure_table(conditions)]
        lines += ["", "| mended - as given | change | 95 % interval |", "|---|---|---|"]
        lines += [
            f"| {d.figure} | {points(d.change)} | {points(d.low)} to {points(d.high)} |"
            for d in outcome.differences
        ]
        lines += ["", *_label_table(conditions)]
    return "\n".join(lines) + "\n"


def how_tested(comparison: "Comparison") -> str:
    """Return what was trained on and tested on, and what a verdict takes."""
    record, point = comparison.record, comparison.record["operating_point"]
    tested = "cross-validated on" if comparison.cross_validated else "tested on"
    conditions = ", ".join(
        f"{name} ({rows:,} rows)" for name, rows in comparison.conditions.items()
    )
    weighed = ", mended rows by their confidence" if record["weighted_by_confidence"] else ""
    return (
        f"Trained on {conditions}{weighed}; {tested} {comparison.test_rows:,} rows; "
        f"seeds {', '.join(map(str, record['seeds']))}. On held-out training rows, "
        f"{_BARS[point['goal']].format(point['value'])}. Intervals are paired bootstraps over the "
        'test rows, 95 %. A verdict other than "no difference shown" needs an interval that leaves '
        "out 0, and McNemar's exact test below 0.05 after Holm's correction over the classifiers. "
        "Neither knows what other training sets would have given."
    )


def in_words(outcome: Outcome) -> str:
    """Return one sentence on one kind of classifier."""
    accuracy, test = outcome.differences[0], outcome.test
    return (
        f"{outcome.kind}: {outcome.verdict}; accuracy {accuracy.before:.2%} -> "
        f"{accuracy.after:.2%} ({points(accuracy.change)} points, 95 % interval "
        f"{points(accuracy.low)} to {points(accuracy.high)}; {test.only_after} rows won, "
        f"{test.only_before} lost, p {_p(test.adjusted)})"
    )


def verdicts(comparison: "Comparison") -> list[str]:
    """Return a sentence on each kind of classifier, and one on what new texts did for it."""
    helped = [augmented_in_words(outcome) for outcome in comparison.augmentation]
    return [*(in_words(outcome) for outcome in comparison.outcomes), *helped]


def augmented_in_words(outcome: Outcome) -> str:
    """Return one sentence on what new texts did for one kind of classifier."""
    found = {difference.figure: difference for difference in outcome.differences}
    f1 = found["macro-F1"]
    return (
        f"with the new texts, {in_words(outcome)}; macro-F1 {f1.before:.2%} -> {f1.after:.2%} "
        f"({points(f1.change)} points, 95 % interval {points(f1.low)} to {points(f1.high)})"
    )


def points(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{share * 100:+.2f}"


def mean_figure(
    runs: Sequence[TrainingRun], figure: Callable[[Metrics], float | None]
) -> float | None:
    """Return the mean over the seeds, None where a seed has none."""
    values = [figure(run.metrics) for run in runs]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def label_mean(
    runs: Sequence[TrainingRun], label: str, figure: Callable[[LabelScores], float]
) -> float:
    """Return the mean of a label's figure over the seeds."""
    return float(np.mean([figure(run.metrics.labels[label]) for run in runs]))


def label_f1(
    before: Sequence[TrainingRun], after: Sequence[TrainingRun]
) -> list[tuple[str, float, float]]:
    """Return label, F1 before and after as means over the seeds, most changed first."""
    f1 = LABEL_FIGURES["F1"]
    scores = [
        (label, label_mean(before, label, f1), label_mean(after, label, f1))
        for label in before[0].metrics.labels
    ]
    return sorted(scores, key=lambda row: (-abs(row[2] - row[1]), row[0]))


def shown(value: float | None, *, per_cent: bool) -> str:
    """Return a figure as a table shows it."""
    if value is None:
        return ""
    return f"{value * 100:.2f}" if per_cent else f"{value:.4f}"


def _p(value: float) -> str:
    return "< 0.0001" if value < _LEAST_SHOWN else f"{value:.4f}"


_LEAST_SHOWN = 1e-4
"""A p-value below it is shown as less than it."""


def _figure_table(conditions: Mapping[str, list[TrainingRun]]) -> list[str]:
    lines = [f"| | {' | '.join(conditions)} |", "|---" * (len(conditions) + 1) + "|"]
    for name, figure, per_cent in FIGURES:
        values = [mean_figure(runs, figure) for runs in conditions.values()]
        if any(value is not None for value in values):
            cells = " | ".join(shown(value, per_cent=per_cent) for value in values)
            lines.append(f"| {name} | {cells} |")
    return lines


def _label_table(conditions: Mapping[str, list[TrainingRun]]) -> list[str]:
    """Return the labels whose F1 changed most between the first two conditions."""
    (first, before), (second, after), *_ = conditions.items()
    titles = [f"{figure} {condition}" for figure in LABEL_FIGURES for condition in (first, second)]
    lines = [f"| label, F1 changed most | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for label, _, _ in label_f1(before, after)[:_WORST_LABELS]:
        means = [
            f"{label_mean(runs, label, figure) * 100:.1f}"
            for figure in LABEL_FIGURES.values()
            for runs in (before, after)
        ]
        lines.append(f"| {cell_text(label)} | {' | '.join(means)} |")
    return lines


def cell_text(label: str) -> str:
    """Return a text that stays in its cell of a table, and is no markup whatever it holds."""
    plain = html.escape(" ".join(label.split()), quote=False)
    return _MARKUP.sub(r"\\\1", plain)


_MARKUP = re.compile(r"([\\`*\[\]|~])")
