"""Prints what training, predicting and comparing classifiers found."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.cli.summary import read_in_words
from labelmend.cli.terminal import harmless, open_console
from labelmend.evaluation.baseline import by_condition
from labelmend.evaluation.comparison import Comparison
from labelmend.evaluation.evaluate import headline
from labelmend.evaluation.soft_metrics import Figure, SoftMetrics, TargetMetrics
from labelmend.report.comparison import FIGURES, mean_figure, shown, verdict_in_words, verdicts
from labelmend.report.page import mending_in_words
from labelmend.types import Share
from labelmend.voice.speak import meant, number, retell, tell
from labelmend.workflows.export import ExportOutcome
from labelmend.workflows.predict import PredictOutcome
from labelmend.workflows.predict_soft import SoftPrediction
from labelmend.workflows.report import Report
from labelmend.workflows.train import TrainOutcome
from labelmend.workflows.train_soft import SoftOutcome


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
    title = held_out_in_words(len(outcome.training.tested), len(data.texts))
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


def held_out_in_words(tested: int, texts: int) -> str:
    """Return what stands over the figures of texts that were held out, some of them or all."""
    if tested < texts:
        return tell("{texts:,} held-out texts of these", texts=tested)
    return tell("Held-out folds of these texts")


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


def print_soft_training(outcome: SoftOutcome) -> None:
    """Print what was trained, and how good held-out groups say it is."""
    console = open_console()
    held_out, data = outcome.held_out, outcome.data
    line = tell(
        "{kind} on {rows:,} rows in {groups:,} groups with {targets:,} targets",
        kind=outcome.kind,
        rows=len(data),
        groups=int(data.groups.max()) + 1,
        targets=len(data.targets),
    )
    console.print(Text(harmless(line)), soft_wrap=True)
    console.print(
        Text(harmless(tell("Read: {columns}.", columns=data.texts.in_words))), soft_wrap=True
    )
    _print_soft_metrics(console, held_out, tell("Held-out groups of these rows"))
    _print_notes(console, outcome.notes)
    console.print(Text(tell("model: {folder}", folder=outcome.folder)), soft_wrap=True)


def print_soft_prediction(outcome: SoftPrediction) -> None:
    """Print how many rows were predicted, how well if it is known, and where the table is."""
    console = open_console()
    line = tell(
        "{targets:,} targets of {rows:,} rows predicted",
        targets=outcome.targets,
        rows=outcome.rows,
    )
    console.print(line, highlight=False)
    console.print(
        Text(harmless(tell("Read: {columns}.", columns=outcome.texts.in_words))), soft_wrap=True
    )
    if outcome.measured is not None:
        title = tell(
            "Against the targets in the table, {rows:,} rows in {groups:,} groups",
            rows=outcome.measured.rows,
            groups=outcome.measured.groups,
        )
        _print_soft_metrics(console, outcome.measured, title)
    _print_notes(console, outcome.notes)
    console.print(Text(tell("table: {path}", path=outcome.output)), soft_wrap=True)


def _print_soft_metrics(console: Console, metrics: SoftMetrics, title: str) -> None:
    """Print the mean figures with their intervals, and those of the first targets."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for name in (tell("Spearman"), tell("cross-entropy"), tell("absolute error")):
        table.add_column(name, justify="right", no_wrap=True)
    mean = tell("mean of {count:,} targets", count=len(metrics.targets))
    shown_targets = list(metrics.targets.items())[:_SHOWN_TARGETS]
    rows: list[tuple[str, SoftMetrics | TargetMetrics]] = [(mean, metrics), *shown_targets]
    for name, found in rows:
        losses = (found.cross_entropy.value, found.absolute_error.value)
        cells = ["-" if lost is None else number(lost, ".3f") for lost in losses]
        table.add_row(Text(harmless(name)), _in_signs(found.spearman), *cells)
    console.print(table, highlight=False)
    left = len(metrics.targets) - len(shown_targets)
    if left > 0:
        console.print(
            tell("and {count:,} more {count:one=target|other=targets}", count=left), highlight=False
        )


def _in_signs(figure: Figure) -> str:
    """Return a figure with its interval in the signs of the language that is spoken."""
    if figure.value is None:
        return "-"
    shown = number(figure.value, ".3f")
    if figure.low is None or figure.high is None:
        return shown
    return f"{shown} [{number(figure.low, '.3f')}; {number(figure.high, '.3f')}]"


_SHOWN_TARGETS = 40
"""Targets whose figures are printed: two screens."""


def print_export(outcome: ExportOutcome) -> None:
    """Print how well the export agrees with the model, and what int8 costs."""
    console = open_console()

    def say(line: str) -> None:
        console.print(Text(harmless(line)), soft_wrap=True)

    say(f"{outcome.kind} with {outcome.size}, checked on {outcome.checked_on}")
    for line in (*outcome.parity.in_words(), *(outcome.int8.in_words() if outcome.int8 else ())):
        say(line)
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
