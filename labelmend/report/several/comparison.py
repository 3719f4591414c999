"""A comparison of classifiers of label sets, in Markdown and in words."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.set_metrics import SetMetrics
from labelmend.evaluation.set_runs import SetComparison, SetRun
from labelmend.report.comparison import (
    cell_text,
    interval_in_words,
    p_in_words,
    points,
    shown,
    titles,
    verdict_in_words,
)
from labelmend.report.drawing import Numbers
from labelmend.voice.speak import meant, retell, tell

__all__ = ["figures", "in_words", "label_numbers", "sets_page", "titles"]

_FIGURES: Mapping[str, Callable[[SetMetrics], float | None]] = {
    meant("micro-F1"): lambda m: m.micro_f1.value,
    meant("macro-F1"): lambda m: m.macro_f1.value,
    meant("subset accuracy"): lambda m: m.subset_accuracy.value,
    meant("label ranking average precision"): lambda m: m.ranking.value,
    meant("ROC AUC, mean over labels"): lambda m: m.roc_auc,
    meant("average precision, mean over labels"): lambda m: m.average_precision,
}

_LABELS = 10
"""Labels in the table, those whose F1 changed most."""


def sets_page(comparison: SetComparison) -> str:
    """Return the comparison for people."""
    lines = [
        titles()[0],
        "",
        f"**{verdict_in_words(comparison.record['verdict']).capitalize()}.**",
        "",
        *(f"- {in_words(outcome)}" for outcome in comparison.outcomes),
        "",
        how_tested(comparison),
    ]
    if comparison.notes:
        lines += ["", *(f"> {cell_text(retell(line))}" for line in comparison.notes)]
    for outcome in comparison.outcomes:
        conditions = _conditions(comparison, outcome.kind)
        heads = " | ".join(map(retell, conditions))
        lines += ["", f"## {outcome.kind}", "", f"| | {heads} |"]
        lines += ["|---" * (len(conditions) + 1) + "|"]
        lines += [
            f"| {name} | {' | '.join(cells)} |" for name, cells in figures(comparison, outcome.kind)
        ]
        changes = (tell("mended - as given"), tell("change"), tell("95 % interval"))
        lines += ["", f"| {' | '.join(changes)} |", "|---|---|---|"]
        lines += [
            f"| {retell(d.figure)} | {points(d.change)} | {interval_in_words(d)} |"
            for d in outcome.differences
        ]
        lines += ["", *_label_table(conditions)]
    return "\n".join(lines) + "\n"


def how_tested(comparison: SetComparison) -> str:
    """Return what was trained on and tested on, and what a verdict takes."""
    conditions = ", ".join(
        tell("{name:name} ({rows:,} rows)", name=name, rows=rows)
        for name, rows in comparison.conditions.items()
    )
    return tell(
        "Trained on {conditions}; tested on {rows:,} rows; seeds {seeds}. Intervals are paired "
        'bootstraps over the texts of the test rows, 95 %. A verdict other than "no difference '
        "shown\" needs an interval of micro-F1 that leaves out 0, and McNemar's exact test of "
        "subset accuracy below 0.05 after Holm's correction over the classifiers. Neither knows "
        "what other training sets would have given.",
        conditions=conditions,
        rows=comparison.test_rows,
        seeds=", ".join(map(str, comparison.record["seeds"])),
    )


def in_words(outcome: Outcome) -> str:
    """Return one sentence on one kind of classifier."""
    micro, test = outcome.differences[0], outcome.test
    return tell(
        "{kind}: {verdict:words}; micro-F1 {before:.2%} -> {after:.2%} ({change} points, 95 % "
        "interval {low} to {high}; {won} rows won, {lost} lost, p {p})",
        kind=outcome.kind,
        verdict=outcome.verdict,
        before=micro.before,
        after=micro.after,
        change=points(micro.change),
        low=points(micro.low),
        high=points(micro.high),
        won=test.only_after,
        lost=test.only_before,
        p=p_in_words(test.adjusted),
    )


def figures(comparison: SetComparison, kind: str) -> list[tuple[str, list[str]]]:
    """Return what tables show: the name of each figure, and its mean under each condition."""
    found = []
    for name, figure in _FIGURES.items():
        values = [
            [figure(run.metrics) for run in runs] for runs in _conditions(comparison, kind).values()
        ]
        known = [[v for v in side if v is not None] for side in values]
        means = [float(np.mean(side)) if side else None for side in known]
        if any(mean is not None for mean in means):
            found.append((retell(name), [shown(mean, per_cent=True) for mean in means]))
    return found


def conditions_of(comparison: SetComparison, kind: str) -> list[str]:
    """Return the versions of the labels, in their order, as people call them."""
    return [retell(name) for name in _conditions(comparison, kind)]


def _conditions(comparison: SetComparison, kind: str) -> dict[str, list[SetRun]]:
    found: dict[str, list[SetRun]] = {}
    for run in comparison.runs:
        if run.kind == kind:
            found.setdefault(run.condition, []).append(run)
    return found


def label_numbers(comparison: SetComparison, kind: str) -> Numbers:
    """Return each label's F1 as given and as mended as a table, those that changed most first."""
    conditions = _conditions(comparison, kind)
    return Numbers(
        tell("By label, per cent; most changed F1 first"),
        (tell("label"), *_label_heads(conditions)),
        tuple(
            (label, shown(one, per_cent=True), shown(two, per_cent=True))
            for label, one, two in _label_scores(conditions)
        ),
    )


def _label_scores(conditions: Mapping[str, Sequence[SetRun]]) -> list[tuple[str, float, float]]:
    """Return each label's F1 under the first two conditions, those that changed most first."""

    def mean(runs: Sequence[SetRun], label: str) -> float:
        return float(np.mean([run.metrics.labels[label].f1.value for run in runs]))

    before, after, *_ = conditions.values()
    scores = [
        (label, mean(before, label), mean(after, label)) for label in before[0].metrics.labels
    ]
    return sorted(scores, key=lambda row: (-abs(row[2] - row[1]), row[0]))


def _label_heads(conditions: Mapping[str, Sequence[SetRun]]) -> list[str]:
    return [
        tell("{figure:words} {condition:name}", figure="F1", condition=name)
        for name in list(conditions)[:2]
    ]


def _label_table(conditions: Mapping[str, Sequence[SetRun]]) -> list[str]:
    """Return the labels whose F1 changed most between the first two conditions."""
    heads = " | ".join(_label_heads(conditions))
    lines = [f"| {tell('label, F1 changed most')} | {heads} |", "|---|---|---|"]
    lines += [
        f"| {cell_text(label)} | {shown(one, per_cent=True)} | {shown(two, per_cent=True)} |"
        for label, one, two in _label_scores(conditions)[:_LABELS]
    ]
    return lines
