"""The report where rows may have several labels, as one HTML file that loads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmend.evaluation.comparison import BEFORE
from labelmend.evaluation.set_runs import SetComparison
from labelmend.extras import require
from labelmend.report.certificate import certificate_numbers, people_numbers
from labelmend.report.classifier_plots import change_plot
from labelmend.report.comparison import share_numbers
from labelmend.report.drawing import BLUE, VERMILION, Numbers, Plot, as_json, short
from labelmend.report.html import Fact, headline_of, rendered
from labelmend.report.made import made_of, settings_of
from labelmend.report.page import SECTIONS
from labelmend.report.row import changed_in_words, review_in_words
from labelmend.report.several.comparison import (
    conditions_of,
    figures,
    how_tested,
    in_words,
    label_numbers,
)
from labelmend.report.several.mending import (
    LabelTurnover,
    SetAccuracy,
    SetMending,
    ShownSetRow,
    noise_in_words,
)
from labelmend.voice.speak import number, retell, tell

_DRAWN_LABELS = 20
"""Labels that are drawn; the table has all."""

_LEFT_OUT = "errors"
"""A section that only tables with one label a row have."""


@dataclass(frozen=True)
class _Kind:
    name: str
    figures: Numbers
    labels: Numbers


@dataclass(frozen=True)
class _Row:
    """What the page says of a row: see `ShownSetRow`; `mended` is None where nothing changed."""

    number: str
    text: str
    given: str
    mended: str | None
    truth: str | None
    reason: str


def sets_html_page(comparison: SetComparison, mending: SetMending | str) -> str:
    """Return the report.

    Args:
        comparison: of the classifiers.
        mending: what was changed; or why that can't be said.
    """
    known = None if isinstance(mending, str) else mending
    change = change_plot(comparison.outcomes)
    turnover = None if known is None else turnover_plot(known.labels)
    changed = () if known is None else known.changed_rows
    review = () if known is None else known.review_rows
    certificate = None if known is None else known.certificate
    run = None if known is None else known.run
    return rendered(
        "several/page.html.jinja",
        [change, *([turnover] if turnover is not None else [])],
        name=Path(str(comparison.record["input"][BEFORE]["path"])).name,
        headline=headline_of(str(comparison.record["verdict"])),
        facts=_facts(comparison, known),
        sections=[(key, tell(title)) for key, title in SECTIONS if key != _LEFT_OUT],
        missing=[*map(retell, [mending] if isinstance(mending, str) else mending.missing)],
        mending_words=_mending_words(known),
        turnover=turnover,
        accuracy_words=_accuracy_words(known),
        accuracy=accuracy_numbers(known.accuracy) if known and known.accuracy else None,
        certificate=None if certificate is None else certificate_numbers(certificate),
        people=None if certificate is None else people_numbers(certificate),
        verdicts=[in_words(outcome) for outcome in comparison.outcomes],
        how_tested=how_tested(comparison),
        comparison_notes=[*map(retell, comparison.notes)],
        change=change,
        kinds=[
            _Kind(o.kind, _figures(comparison, o.kind), label_numbers(comparison, o.kind))
            for o in comparison.outcomes
        ],
        changed_title=tell("{rows} changed rows" if changed else "Changed rows", rows=len(changed)),
        changed_words=changed_in_words(None if known is None else known.changed, len(changed)),
        changed_rows=[*map(_row, changed)],
        review_title=tell(
            "{rows} rows for review" if review else "Rows for review", rows=len(review)
        ),
        review_words=review_in_words(
            None if known is None else known.review, len(review), ranked=run is not None
        ),
        review_rows=[*map(_row, review)],
        made=made_of(comparison.record, run),
        run_notes=[] if run is None else [*map(retell, run.notes)],
        configs=settings_of(comparison.record, run),
    )


def turnover_plot(labels: Sequence[LabelTurnover]) -> Plot | None:
    """Show to how many rows each label was added and from how many it was taken, if any."""
    moved = [one for one in labels if one.added or one.removed]
    if not moved:
        return None
    require("plotly")
    import plotly.graph_objects as go

    shown = moved[:_DRAWN_LABELS]
    places = list(range(len(shown)))
    figure = go.Figure()
    for name, rows, colour in (
        (tell("taken away"), [-one.removed for one in shown], VERMILION),
        (tell("added"), [one.added for one in shown], BLUE),
    ):
        figure.add_bar(
            x=rows,
            y=places,
            orientation="h",
            name=name,
            marker={"color": colour},
            customdata=[abs(count) for count in rows],
            hovertemplate=tell("%{{customdata:,}} rows") + "<extra></extra>",
        )
    figure.update_xaxes(title=tell("rows; left of 0 those that lost the label"))
    figure.update_yaxes(
        tickvals=places, ticktext=[short(one.label) for one in shown], autorange="reversed"
    )
    figure.update_layout(barmode="relative", height=150 + 26 * len(shown))
    return Plot(
        "turnover",
        tell("Labels added and taken away"),
        tell(
            "Rows to which a label was added, and rows from which it was taken."
            if len(shown) == len(moved)
            else "Rows to which a label was added, and rows from which it was taken; the {labels} "
            "labels with most changes.",
            labels=len(shown),
        ),
        as_json(figure),
        Numbers(
            tell("Labels added and taken away, by label"),
            (tell("label"), tell("added"), tell("taken away")),
            tuple((one.label, number(one.added, ","), number(one.removed, ",")) for one in moved),
        ),
    )


def accuracy_numbers(found: SetAccuracy) -> Numbers:
    """Return how right labels and changes are, as a table."""
    shares = (
        (tell("rows wholly right as given"), found.rows_before),
        (tell("rows wholly right when mended"), found.rows_after),
        (tell("given labels that hold"), found.given),
        (tell("mended labels that hold"), found.mended),
        (tell("added labels that hold"), found.added),
        (tell("labels taken away that don't hold"), found.removed),
        (tell("given labels that hold and were taken away"), found.broken),
        (tell("missing labels that were added"), found.found),
    )
    held = tell("Held against the true labels of {rows:,} rows", rows=found.rows)
    return share_numbers(held, tell("count"), shares)


def _facts(comparison: SetComparison, mending: SetMending | None) -> list[Fact]:
    facts = []
    if mending is not None:
        changed = tell("of {rows:,} rows changed", rows=mending.rows)
        facts.append(Fact(number(mending.changed, ","), changed))
        moved = f"+{number(mending.added, ',')} -{number(mending.removed, ',')}"
        facts.append(Fact(moved, tell("labels added and taken away")))
        if mending.review is not None:
            words = tell("{rows:one=rows|other=rows} for review", rows=mending.review)
            facts.append(Fact(number(mending.review, ","), words))
    for outcome in comparison.outcomes:
        micro = outcome.differences[0]
        words = tell("micro-F1 of {kind}, as given and mended", kind=outcome.kind)
        change = f"{number(micro.before, '.1%')} → {number(micro.after, '.1%')}"
        facts.append(Fact(change, words))
    return facts


def _mending_words(mending: SetMending | None) -> list[str]:
    if mending is None:
        return []
    lines = [
        tell(
            "Of {rows:,} rows with {given:,} labels, {changed:,} were changed: {added:,} labels "
            "were added and {removed:,} taken away.",
            rows=mending.rows,
            given=mending.given,
            changed=mending.changed,
            added=mending.added,
            removed=mending.removed,
        )
    ]
    run = mending.run
    if run is None:
        return lines
    if run.noise is not None:
        lines.append(noise_in_words(run.noise))
    harm = tell(
        "Of {holding:,.0f} labels that hold, {broken:.1f} are expected to have been taken away, "
        "and {false:.1f} that don't to have been added; the harm budget is {budget:.2%} of them "
        "for each.",
        holding=run.harm.expected_holding,
        broken=run.harm.expected_broken,
        false=run.harm.expected_false,
        budget=run.harm.budget,
    )
    return [*lines, harm]


def _accuracy_words(mending: SetMending | None) -> str:
    if mending is None or mending.accuracy is None:
        return tell(
            "That isn't known here: no column with true labels was given (--gold-column). Read the "
            "changed rows below, which are drawn by chance: how many of them you find right is "
            "about how many of all changes are."
        )
    return tell(
        "Each row's labels, held against its true ones. Intervals are Wilson's; they take rows and "
        "labels for a sample of many like them."
    )


def _figures(comparison: SetComparison, kind: str) -> Numbers:
    return Numbers(
        tell("{kind}, by the labels that it was trained on; in per cent", kind=kind),
        (tell("figure"), *conditions_of(comparison, kind)),
        tuple((name, *cells) for name, cells in figures(comparison, kind)),
    )


def _row(row: ShownSetRow) -> _Row:
    def named(labels: Sequence[str]) -> str:
        return ", ".join(labels) or tell("no label")

    return _Row(
        number=number(row.number, ","),
        text=row.text,
        given=named(row.given),
        mended=None if row.mended == row.given else named(row.mended),
        truth=None if row.truth is None else named(row.truth),
        reason=retell(row.reason),
    )
