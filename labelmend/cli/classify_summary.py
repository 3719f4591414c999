"""Prints what training, predicting and comparing classifiers found."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.cli.summary import read_in_words
from labelmend.cli.terminal import harmless, open_console
from labelmend.evaluation.baseline import by_condition
from labelmend.evaluation.comparison import Comparison
from labelmend.evaluation.evaluate import headline
from labelmend.report.comparison import FIGURES, mean_figure, shown, verdict_in_words, verdicts
from labelmend.report.page import mending_in_words
from labelmend.types import Share
from labelmend.voice.speak import meant, number, retell, tell
from labelmend.workflows.export import ExportOutcome
from labelmend.workflows.predict import PredictOutcome
from labelmend.workflows.report import Report
from labelmend.workflows.train import TrainOutcome


def print_training(outcome: TrainOutcome) -> None:
    """Print what was trained, and how good held-out texts say it is."""
    console = open_console()
    classifier, data = outcome.training.classifier, outcome.data
    console.print(
        Text(
            harmless(
                tell(
                    "{kind} on {texts:,} distinct texts with {labels} labels of column {column!r}",
                    kind=classifier.kind,
                    texts=len(data.texts),
                    labels=len(data.labels),
                    column=outcome.columns.label,
                )
            )
        ),
        soft_wrap=True,
    )
    console.print(Text(harmless(read_in_words(outcome.columns))), soft_wrap=True)
    title = tell("Held-out folds of these texts")
    if len(outcome.training.tested) < len(data.texts):
        title = tell("{texts:,} held-out texts of these", texts=len(outcome.training.tested))
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in headline(outcome.held_out).items():
        if value is not None:
            shown = number(value, ".4f" if name in _NO_SHARES else ".2%")
            table.add_row(retell(name), shown)
    console.print(table, highlight=False)
    point = outcome.training.point
    bar = tell(
        "Out-of-scope bar: {goal} {value:g}, learned from {source:name}",
        goal=point.goal,
        value=point.value,
        source=classifier.detector.source,
    )
    console.print(bar, highlight=False, soft_wrap=True)
    _print_notes(console, outcome.notes)
    console.print(Text(tell("model: {folder}", folder=outcome.folder)), soft_wrap=True)


_NO_SHARES = (meant("log loss"), meant("expected calibration error"))


def print_prediction(outcome: PredictOutcome) -> None:
    """Print how many texts were classified, and where the table is."""
    console = open_console()
    classified = tell(
        "{texts:,} texts classified, {flagged:,} of them out of scope",
        texts=outcome.rows,
        flagged=outcome.flagged,
    )
    console.print(classified, highlight=False)
    console.print(Text(harmless(read_in_words(outcome.columns))), soft_wrap=True)
    _print_notes(console, outcome.notes)
    console.print(Text(tell("table: {path}", path=outcome.output)), soft_wrap=True)


def print_export(outcome: ExportOutcome) -> None:
    """Print how well the export agrees with the model, and what int8 costs."""
    console = open_console()

    def say(line: str) -> None:
        console.print(Text(harmless(line)), soft_wrap=True)

    parity, cost = outcome.parity, outcome.int8
    say(f"{outcome.kind} with {outcome.labels} labels, checked on {outcome.checked_on}")
    say(
        f"Parity with predict on {parity.texts:,} texts: probabilities differ by at most "
        f"{parity.max_difference:.1e}; {parity.labels_agree:,} labels and {parity.flags_agree:,} "
        "out-of-scope flags agree"
    )
    if parity.on_edges:
        say(
            f"Note: {parity.on_edges:,} of them stand on a split of a tree, where the last bits of "
            f"a vector decide; they differ by up to {parity.edge_difference:.1e}"
        )
    if cost is not None:
        say(
            f"int8: {cost.labels_agree:,} of {cost.texts:,} texts keep their label, probabilities "
            f"move by at most {cost.max_difference:.3f}; encoders take {cost.int8_bytes / 1e6:.0f} "
            f"MB, before {cost.bytes / 1e6:.0f} MB"
        )
        if cost.accuracy is not None and cost.int8_accuracy is not None:
            say(
                f"int8: accuracy {cost.int8_accuracy:.2%}, before {cost.accuracy:.2%} "
                f"({cost.int8_accuracy - cost.accuracy:+.2%}), on {cost.labelled:,} labelled texts"
            )
    _print_notes(console, outcome.notes)
    console.print(Text(f"export: {outcome.folder}"), soft_wrap=True)


def print_report(report: Report) -> None:
    """Print what was changed and what it gave, and where the report is."""
    console = open_console()
    _print_comparison(console, report.comparison)
    mending = report.mending
    if isinstance(mending, str):
        _print_notes(console, (mending,))
    else:
        _print_notes(console, mending.missing)
        console.print(Text(mending_in_words(mending)), soft_wrap=True)
        if mending.accuracy is not None:
            right = mending.accuracy
            line = tell(
                "Changes, by the true labels: precision {precision}, recall {recall}; right labels "
                "broken {broken}",
                precision=_of(right.precision),
                recall=_of(right.recall),
                broken=_of(right.broken),
            )
            console.print(Text(line), soft_wrap=True)
    for path in report.files:
        console.print(Text(harmless(tell("report: {path}", path=path))), soft_wrap=True)


def _of(share: Share) -> str:
    if not share.total:
        return tell("none")
    return tell(
        "{share:.1%} ({count:,} of {total:,})",
        share=share.rate,
        count=share.count,
        total=share.total,
    )


def _print_comparison(console: Console, comparison: Comparison) -> None:
    """Print the figures by classifier and condition, and the verdict in words."""
    for outcome in comparison.outcomes:
        conditions = by_condition(comparison.runs, outcome.kind)
        title = tell("{kind} on {rows:,} test rows", kind=outcome.kind, rows=comparison.test_rows)
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("")
        for name in conditions:
            table.add_column(retell(name), justify="right")
        for name, figure, per_cent in FIGURES:
            values = [mean_figure(runs, figure) for runs in conditions.values()]
            if any(value is not None for value in values):
                table.add_row(retell(name), *(shown(v, per_cent=per_cent) for v in values))
        console.print(table, highlight=False)
    tables = {"as given": comparison.tables.before, "mended": comparison.tables.after}
    read = "; ".join(f"{retell(name)}: {t.columns.in_words}" for name, t in tables.items())
    console.print(Text(harmless(tell("Read: {columns}.", columns=read))), soft_wrap=True)
    _print_notes(console, comparison.notes)
    trained = tell(
        "Trained on the mended labels: {verdict}",
        verdict=verdict_in_words(comparison.record["verdict"]),
    )
    console.print(Text(trained, style="bold"), soft_wrap=True)
    for line in verdicts(comparison):
        console.print(Text(line), soft_wrap=True)


def _print_notes(console: Console, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(Text(tell("Note: {note:name}", note=harmless(note))), soft_wrap=True)
