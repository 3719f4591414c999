"""A comparison in Markdown."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelmend.classify.calibrate import Goal
from labelmend.evaluation.baseline import TrainingRun, by_condition
from labelmend.evaluation.compare import Difference, Outcome
from labelmend.evaluation.evaluate import LabelScores, Metrics
from labelmend.report.drawing import Numbers
from labelmend.types import Share
from labelmend.voice.speak import LANGUAGES, meant, number, retell, speaking, tell

if TYPE_CHECKING:
    from labelmend.evaluation.comparison import Comparison

FIGURES: tuple[tuple[str, Callable[[Metrics], float | None], bool], ...] = (
    (meant("accuracy"), lambda m: m.accuracy, True),
    (meant("accuracy, no flag"), lambda m: m.plain_accuracy, True),
    (meant("macro-F1"), lambda m: m.macro_f1, True),
    (meant("weighted F1"), lambda m: m.weighted_f1, True),
    (meant("ROC AUC"), lambda m: m.roc_auc, True),
    (meant("in-scope accuracy"), lambda m: m.in_scope_accuracy, True),
    (meant("oos recall"), lambda m: m.oos_recall, True),
    (meant("oos precision"), lambda m: m.oos_precision, True),
    (meant("oos AUROC"), lambda m: m.oos_auroc, True),
    (meant("log loss"), lambda m: m.log_loss, False),
    (meant("ECE"), lambda m: m.ece, False),
)

LABEL_FIGURES: Mapping[str, Callable[[LabelScores], float]] = {
    meant("F1"): lambda scores: scores.f1,
    meant("precision"): lambda scores: scores.precision,
    meant("recall"): lambda scores: scores.recall,
}
"""What tables show, and whether it is shown in per cent."""

_WORST_LABELS = 10
"""Labels in the table of a text page; the HTML page has all."""

_BARS: dict[Goal, str] = {
    "in-scope-loss": meant(
        "calling texts out of scope loses at most {value:.1%} of the right in-scope ones"
    ),
    "in-scope-accuracy": meant(
        "calling texts out of scope leaves {value:.1%} of the in-scope ones right"
    ),
    "oos-recall": meant("{value:.1%} of the out-of-scope texts are called so"),
}


def page(comparison: "Comparison") -> str:
    """Return the comparison for people."""
    lines = [
        _title(),
        "",
        f"**{verdict_in_words(comparison.record['verdict']).capitalize()}.**",
        "",
        *(f"- {line}" for line in verdicts(comparison)),
        "",
        how_tested(comparison),
    ]
    lines += ["", *(f"> {retell(note)}" for note in comparison.notes)] if comparison.notes else []
    for outcome in comparison.outcomes:
        conditions = by_condition(comparison.runs, outcome.kind)
        lines += ["", f"## {outcome.kind}", "", *_figure_table(conditions)]
        heads = (tell("mended - as given"), tell("change"), tell("95 % interval"))
        lines += ["", f"| {' | '.join(heads)} |", "|---|---|---|"]
        lines += [
            f"| {retell(d.figure)} | {points(d.change)} | {interval_in_words(d)} |"
            for d in outcome.differences
        ]
        lines += ["", *_label_table(conditions)]
    return "\n".join(lines) + "\n"


def interval_in_words(difference: Difference) -> str:
    """Return the interval of a difference, in points."""
    return from_to(points(difference.low), points(difference.high))


def from_to(low: str, high: str) -> str:
    """Return an interval of two numbers in words."""
    return tell("{low} to {high}", low=low, high=high)


def share_numbers(
    caption: str, counted: str, shares: Sequence[tuple[str, Share | None]]
) -> Numbers:
    """Return counted shares as a table.

    Args:
        caption: of the table.
        counted: what is counted.
        shares: what each is, and its value; those that are None are left out.
    """
    return Numbers(
        caption,
        ("", counted, tell("of"), tell("per cent"), tell("95 % interval")),
        tuple(
            (
                words,
                number(s.count, ","),
                number(s.total, ","),
                number(100 * s.rate, ".2f") if s.total else "",
                from_to(number(100 * s.low, ".2f"), number(100 * s.high, ".2f")) if s.total else "",
            )
            for words, s in shares
            if s is not None
        ),
    )


def titles() -> tuple[str, ...]:
    """Return the first line of the page in each language."""
    found = []
    for language in LANGUAGES:
        with speaking(language):
            found.append(_title())
    return tuple(found)


def _title() -> str:
    return f"# {tell('Did the classifier get better?')}"


def how_tested(comparison: "Comparison") -> str:
    """Return what was trained on and tested on, and what a verdict takes."""
    record, point = comparison.record, comparison.record["operating_point"]
    weighed = tell(", mended rows by their confidence") if record["weighted_by_confidence"] else ""
    conditions = ", ".join(
        tell("{name:name} ({rows:,} rows)", name=name, rows=rows)
        for name, rows in comparison.conditions.items()
    )
    return tell(
        "Trained on {conditions}; {tested} {rows:,} rows; seeds {seeds}. On held-out training "
        "rows, {bar}. Intervals are paired bootstraps over the test rows, 95 %. A verdict other "
        'than "no difference shown" needs an interval that leaves out 0, and McNemar\'s exact test '
        "below 0.05 after Holm's correction over the classifiers. Neither knows what other "
        "training sets would have given.",
        conditions=conditions + weighed,
        tested=tell("cross-validated on" if comparison.cross_validated else "tested on"),
        rows=comparison.test_rows,
        seeds=", ".join(map(str, record["seeds"])),
        bar=tell(_BARS[point["goal"]], value=point["value"]),
    )


def in_words(outcome: Outcome) -> str:
    """Return one sentence on one kind of classifier."""
    accuracy, test = outcome.differences[0], outcome.test
    return tell(
        "{kind}: {verdict:words}; accuracy {before:.2%} -> {after:.2%} ({change} points, 95 % "
        "interval {low} to {high}; {won} rows won, {lost} lost, p {p})",
        kind=outcome.kind,
        verdict=outcome.verdict,
        before=accuracy.before,
        after=accuracy.after,
        change=points(accuracy.change),
        low=points(accuracy.low),
        high=points(accuracy.high),
        won=test.only_after,
        lost=test.only_before,
        p=p_in_words(test.adjusted),
    )


def verdicts(comparison: "Comparison") -> list[str]:
    """Return a sentence on each kind of classifier, and one on what new texts did for it."""
    helped = [augmented_in_words(outcome) for outcome in comparison.augmentation]
    return [*(in_words(outcome) for outcome in comparison.outcomes), *helped]


def augmented_in_words(outcome: Outcome) -> str:
    """Return one sentence on what new texts did for one kind of classifier."""
    found = {difference.figure: difference for difference in outcome.differences}
    f1 = found["macro-F1"]
    return tell(
        "with the new texts, {outcome}; macro-F1 {before:.2%} -> {after:.2%} ({change} points, "
        "95 % interval {low} to {high})",
        outcome=in_words(outcome),
        before=f1.before,
        after=f1.after,
        change=points(f1.change),
        low=points(f1.low),
        high=points(f1.high),
    )


def points(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return number(share * 100, "+.2f")


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
    return number(value * 100, ".2f") if per_cent else number(value, ".4f")


def p_in_words(value: float) -> str:
    """Return a p-value, of small ones that they are."""
    if value < _LEAST_SHOWN:
        return f"< {number(_LEAST_SHOWN, '.4f')}"
    return number(value, ".4f")


_LEAST_SHOWN = 1e-4
"""A p-value below it is shown as less than it."""


def _figure_table(conditions: Mapping[str, list[TrainingRun]]) -> list[str]:
    heads = " | ".join(map(retell, conditions))
    lines = [f"| | {heads} |", "|---" * (len(conditions) + 1) + "|"]
    for name, figure, per_cent in FIGURES:
        values = [mean_figure(runs, figure) for runs in conditions.values()]
        if any(value is not None for value in values):
            cells = " | ".join(shown(value, per_cent=per_cent) for value in values)
            lines.append(f"| {retell(name)} | {cells} |")
    return lines


def _label_table(conditions: Mapping[str, list[TrainingRun]]) -> list[str]:
    """Return the labels whose F1 changed most between the first two conditions."""
    (first, before), (second, after), *_ = conditions.items()
    titles = label_heads((first, second))
    changed = tell("label, F1 changed most")
    lines = [f"| {changed} | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for label, _, _ in label_f1(before, after)[:_WORST_LABELS]:
        means = [
            number(label_mean(runs, label, figure) * 100, ".1f")
            for figure in LABEL_FIGURES.values()
            for runs in (before, after)
        ]
        lines.append(f"| {cell_text(label)} | {' | '.join(means)} |")
    return lines


def label_heads(conditions: Sequence[str]) -> list[str]:
    """Return the heads of a table of labels: each figure under each condition."""
    return [
        tell("{figure:words} {condition:name}", figure=figure, condition=condition)
        for figure in LABEL_FIGURES
        for condition in conditions
    ]


def verdict_in_words(verdict: str) -> str:
    """Return the verdict on all classifiers, as `comparison.json` has it, for people."""
    return "; ".join(map(retell, verdict.split("; ")))


def cell_text(label: str) -> str:
    """Return a text that stays in its cell of a table, and is no markup whatever it holds."""
    plain = html.escape(" ".join(label.split()), quote=False)
    return _MARKUP.sub(r"\\\1", plain)


_MARKUP = re.compile(r"([\\`*\[\]|~])")
