"""The report as one HTML file that loads nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmend.evaluation.baseline import TrainingRun, by_condition
from labelmend.evaluation.comparison import BEFORE, GOLD, Comparison
from labelmend.report.certificate import certificate_numbers, people_numbers
from labelmend.report.classifier_plots import (
    change_plot,
    label_plot,
    reliability_plot,
    trade_off_plot,
)
from labelmend.report.comparison import (
    FIGURES,
    how_tested,
    mean_figure,
    share_numbers,
    shown,
    verdicts,
)
from labelmend.report.drawing import Numbers, Plot
from labelmend.report.errors import (
    crossed_numbers,
    example_numbers,
    how_found,
    kind_numbers,
)
from labelmend.report.html import Fact, headline_of, rendered
from labelmend.report.made import made_of, settings_of
from labelmend.report.mending import ChangeAccuracy, Mending
from labelmend.report.mending_plots import confused_plot, decisions_plot, flow_plot
from labelmend.report.picture_plots import map_plot, matrix_plot
from labelmend.report.row import changed_in_words, review_in_words, row_in_words
from labelmend.voice.speak import meant, number, retell, tell

SECTIONS = (
    ("changes", meant("What was changed")),
    ("right", meant("Were the changes right?")),
    ("errors", meant("What stands behind the mended labels")),
    ("classifier", meant("Did the classifier get better?")),
    ("changed-rows", meant("Changed rows")),
    ("review-rows", meant("Rows for review")),
    ("made", meant("How this was made")),
)

GLOSSARY = (
    (
        "accuracy",
        meant("test rows that get their true label; one that is called out of scope gets that"),
    ),
    ("accuracy, no flag", meant("the same with the most probable label, whatever the bar says")),
    (
        "macro-F1",
        meant("mean over the labels of F1, in which small labels count as much as large ones"),
    ),
    ("weighted F1", meant("the same mean, each label counting by its rows")),
    (
        "ROC AUC",
        meant("how well probabilities put a label's own texts before others; 50 is by chance"),
    ),
    (
        "in-scope accuracy",
        meant("of the texts that fit a label, those that get it and aren't flagged"),
    ),
    (
        "oos recall",
        meant("of the texts that fit no label (oos: out of scope), those that are flagged"),
    ),
    ("oos precision", meant("of the flagged texts, those that do fit no label")),
    ("oos AUROC", meant("how well the out-of-scope score puts such texts first; 50 is by chance")),
    (
        "log loss",
        meant(
            "mean of -log of the true label's probability, whatever the bar says; lower is better"
        ),
    ),
    (
        "ECE",
        meant(
            "expected calibration error: how far the probability of the most probable label, "
            "whatever the bar says, is from the share that is right; lower is better"
        ),
    ),
)


@dataclass(frozen=True)
class _Kind:
    name: str
    figures: Numbers
    plots: tuple[Plot, ...]
    without: str


def html_page(comparison: Comparison, mending: Mending | str) -> str:
    """Return the report.

    Args:
        comparison: of the classifiers.
        mending: what was changed; or why that can't be said.
    """
    kinds = [_kind(o.kind, by_condition(comparison.runs, o.kind)) for o in comparison.outcomes]
    known = None if isinstance(mending, str) else mending
    run = None if known is None else known.run
    plots = _mending_plots(known)
    change = change_plot(comparison.outcomes)
    drawn = [*plots, change, *(plot for kind in kinds for plot in kind.plots)]
    changed_rows = () if known is None else known.changed_rows
    review_rows = () if known is None else known.review_rows
    return rendered(
        "page.html.jinja",
        drawn,
        name=Path(str(comparison.record["input"][BEFORE]["path"])).name,
        headline=headline_of(comparison.record["verdict"]),
        facts=_facts(comparison, known),
        sections=[
            (key, tell(title))
            for key, title in SECTIONS
            if key != "errors" or comparison.errors is not None
        ],
        missing=[*map(retell, [mending] if isinstance(mending, str) else mending.missing)],
        mending_words=_mending_words(known),
        mending_plots=plots,
        accuracy_words=_accuracy_words(known),
        accuracy=accuracy_numbers(known.accuracy) if known and known.accuracy else None,
        certificate=certificate_numbers(known.certificate) if known and known.certificate else None,
        people=people_numbers(known.certificate) if known and known.certificate else None,
        errors=_errors(comparison),
        errors_words=None if comparison.errors is None else how_found(comparison.errors),
        verdicts=verdicts(comparison),
        how_tested=how_tested(comparison),
        comparison_notes=[*map(retell, comparison.notes)],
        change=change,
        kinds=kinds,
        glossary=[(retell(term), tell(meaning)) for term, meaning in GLOSSARY],
        changed_title=tell(
            "{rows} changed rows" if changed_rows else "Changed rows", rows=len(changed_rows)
        ),
        changed_words=changed_in_words(None if known is None else known.changed, len(changed_rows)),
        changed_rows=[row_in_words(row) for row in changed_rows],
        review_title=tell(
            "{rows} rows for review" if review_rows else "Rows for review", rows=len(review_rows)
        ),
        review_words=review_in_words(
            None if known is None else known.review, len(review_rows), ranked=run is not None
        ),
        review_rows=[row_in_words(row) for row in review_rows],
        made=made_of(comparison.record, run),
        run_notes=[] if run is None else [*map(retell, run.notes)],
        configs=settings_of(comparison.record, run),
    )


def accuracy_numbers(found: ChangeAccuracy) -> Numbers:
    """Return how right the changes were, as a table."""
    shares = (
        (tell("given labels that are right"), found.before),
        (tell("mended labels that are right"), found.after),
        (tell("precision: changed rows that are right now"), found.precision),
        (tell("recall: wrong labels that are right now"), found.recall),
        (tell("wrong labels that were changed or are for review"), found.found),
        (tell("right labels that were broken"), found.broken),
        (tell("rows for review whose label is wrong"), found.review),
    )
    held = tell("Held against the true labels of {rows:,} rows", rows=found.rows)
    return share_numbers(held, tell("rows"), shares)


def mending_in_words(mending: Mending) -> str:
    """Return one sentence on what was changed."""
    parts = [tell("{rows:,} changed", rows=mending.changed)]
    if mending.filled:
        parts.append(tell("{rows:,} labelled from scratch", rows=mending.filled))
    if mending.review is not None:
        parts.append(tell("{rows:,} for review", rows=mending.review))
    parts.append(tell("{rows:,} kept", rows=mending.kept))
    noise = mending.estimated_noise
    said = ""
    if noise is not None:
        said = tell("; estimated noise {share:.1%} of the given labels", share=noise)
    open_ = None if mending.run is None else mending.run.noise.interval
    if open_ is not None:
        said += tell(", between {low:.1%} and {high:.1%}", low=open_.low, high=open_.high)
    return tell(
        "Of {rows:,} rows, {parts}{noise}.",
        rows=mending.rows,
        parts=", ".join(parts),
        noise=said,
    )


def _errors(comparison: Comparison) -> list[Numbers]:
    found = comparison.errors
    if found is None:
        return []
    return [kind_numbers(found), crossed_numbers(found), example_numbers(found)]


def _facts(comparison: Comparison, mending: Mending | None) -> list[Fact]:
    facts = []
    if mending is not None:
        changed = tell("of {rows:,} labels changed", rows=mending.rows, changed=mending.changed)
        facts.append(Fact(number(mending.changed, ","), changed))
        if mending.review is not None:
            words = tell("{rows:one=rows|other=rows} for review", rows=mending.review)
            facts.append(Fact(number(mending.review, ","), words))
        if mending.estimated_noise is not None:
            noise = number(mending.estimated_noise, ".1%")
            facts.append(Fact(noise, tell("estimated noise as given")))
        right = mending.accuracy
        if right is not None:
            words = tell("right labels, before and after")
            facts.append(Fact(_change(right.before.rate, right.after.rate), words))
    for outcome in comparison.outcomes:
        accuracy = outcome.differences[0]
        words = tell("test accuracy of {kind}, as given and mended", kind=outcome.kind)
        facts.append(Fact(_change(accuracy.before, accuracy.after), words))
    return facts


def _change(before: float, after: float) -> str:
    return f"{number(before, '.1%')} → {number(after, '.1%')}"


def _mending_words(mending: Mending | None) -> list[str]:
    if mending is None:
        return []
    lines = [mending_in_words(mending)]
    run = mending.run
    if run is not None:
        interval = run.noise.interval
        lines += [] if interval is None else [f"{retell(interval.words)}."]
        lines.append(run.channel_in_words)
        harm = tell(
            "Of {good:,.0f} good labels, {broken:.1f} are expected to have been broken; the harm "
            "budget is {budget:.2%} of them.",
            good=run.harm.expected_good,
            broken=run.harm.expected_broken,
            budget=run.harm.budget,
        )
        lines.append(harm)
        lines += [retell(run.self_test.verdict)] if run.self_test is not None else []
    return lines


def _mending_plots(mending: Mending | None) -> list[Plot]:
    if mending is None:
        return []
    plots = [decisions_plot(mending)]
    plots += [flow_plot(mending.flows)] if mending.flows else []
    run = mending.run
    confused = () if run is None else run.noise.confused_pairs
    plots += [confused_plot(confused)] if confused else []
    index = mending.index
    drawn = () if index is None else (matrix_plot(index), map_plot(index))
    return [*plots, *(plot for plot in drawn if plot is not None)]


def _accuracy_words(mending: Mending | None) -> str:
    if mending is None or mending.accuracy is None:
        return tell(
            "That isn't known here: no column with true labels was given (--gold-column). Read the "
            "changed rows below, which are drawn by chance: how many of them you find right is "
            "about how many of all changes are."
        )
    return tell(
        "Each row's labels, held against its true one. Intervals are Wilson's; they take the rows "
        "for a sample of many like them."
    )


def _kind(name: str, conditions: Mapping[str, Sequence[TrainingRun]]) -> _Kind:
    lines = []
    for figure, measure, per_cent in FIGURES:
        values = [mean_figure(runs, measure) for runs in conditions.values()]
        if any(value is not None for value in values):
            lines.append((retell(figure), *(shown(v, per_cent=per_cent) for v in values)))
    trade_off = trade_off_plot(name, conditions)
    plots = [label_plot(name, conditions), reliability_plot(name, conditions)]
    plots += [trade_off] if trade_off is not None else []
    return _Kind(
        name,
        Numbers(
            tell(
                "{kind}, by the labels that it was trained on (gold: the true ones, as a bound); "
                "in per cent, but log loss and ECE"
                if GOLD in conditions
                else "{kind}, by the labels that it was trained on; in per cent, but log loss and "
                "ECE",
                kind=name,
            ),
            (tell("figure"), *map(retell, conditions)),
            tuple(lines),
        ),
        tuple(plots),
        ""
        if trade_off is not None
        else tell(
            "There is no out-of-scope text among the test rows, so nothing can be said of what "
            "finding such texts costs."
        ),
    )
