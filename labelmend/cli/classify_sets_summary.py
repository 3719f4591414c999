"""Prints what training and predicting found where a text may have several labels."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.cli.classify_summary import held_out_in_words
from labelmend.cli.summary import read_in_words
from labelmend.cli.terminal import harmless, open_console
from labelmend.evaluation.set_metrics import SetMetrics, set_headline
from labelmend.evaluation.set_runs import SetComparison
from labelmend.report.comparison import verdict_in_words
from labelmend.report.several.comparison import conditions_of, figures, in_words
from labelmend.voice.speak import number, retell, tell
from labelmend.workflows.predict_sets import PredictSetsOutcome
from labelmend.workflows.train_sets import SetTrainOutcome


def print_sets_training(outcome: SetTrainOutcome, wish: float | None) -> None:
    """Print what was trained, and how good held-out texts say it is."""
    console = open_console()
    data = outcome.data
    trained = tell(
        "{kind} on {texts:,} distinct texts with {labels} labels, of which a text may have several",
        kind=outcome.trained.classifier.kind,
        texts=len(data.texts),
        labels=len(data.labels),
    )
    console.print(trained, highlight=False, soft_wrap=True)
    console.print(Text(harmless(read_in_words(outcome.columns))), soft_wrap=True)
    title = held_out_in_words(len(outcome.trained.tested), len(data.texts))
    _print_figures(console, outcome.held_out, title)
    bars = (
        tell("Thresholds: one a label, for the best F1")
        if wish is None
        else tell("Thresholds: one a label, for a precision of {wish:.0%}", wish=wish)
    )
    console.print(bars, highlight=False, soft_wrap=True)
    _print_notes(console, outcome.notes)
    console.print(Text(tell("model: {folder}", folder=outcome.folder)), soft_wrap=True)


def print_sets_prediction(outcome: PredictSetsOutcome) -> None:
    """Print how many labels were called, how good that is where it is known, and the files."""
    console = open_console()
    classified = tell(
        "{texts:,} texts classified, {labels:,} labels called",
        texts=outcome.rows,
        labels=outcome.labels,
    )
    console.print(classified, highlight=False)
    console.print(Text(harmless(read_in_words(outcome.columns))), soft_wrap=True)
    if outcome.metrics is not None:
        _print_figures(console, outcome.metrics, tell("Against the labels of the table"))
    _print_notes(console, outcome.notes)
    console.print(Text(tell("table: {path}", path=outcome.output)), soft_wrap=True)
    if outcome.metrics_file is not None:
        console.print(Text(tell("metrics: {path}", path=outcome.metrics_file)), soft_wrap=True)


def print_sets_comparison(comparison: SetComparison) -> None:
    """Print the figures by classifier and condition, the verdict in words, and the files."""
    console = open_console()
    for outcome in comparison.outcomes:
        title = tell("{kind} on {rows:,} test rows", kind=outcome.kind, rows=comparison.test_rows)
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("")
        for name in conditions_of(comparison, outcome.kind):
            table.add_column(name, justify="right")
        for name, cells in figures(comparison, outcome.kind):
            table.add_row(name, *cells)
        console.print(table, highlight=False)
    read = "; ".join(f"{retell(name)}: {said}" for name, said in comparison.read.items())
    console.print(Text(harmless(tell("Read: {columns}.", columns=read))), soft_wrap=True)
    _print_notes(console, comparison.notes)
    trained = tell(
        "Trained on the mended labels: {verdict}",
        verdict=verdict_in_words(comparison.record["verdict"]),
    )
    console.print(Text(trained, style="bold"), soft_wrap=True)
    for outcome in comparison.outcomes:
        console.print(Text(in_words(outcome)), soft_wrap=True)
    for path in comparison.files:
        console.print(Text(harmless(tell("report: {path}", path=path))), soft_wrap=True)


def _print_figures(console: Console, metrics: SetMetrics, title: str) -> None:
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for name, figure in set_headline(metrics).items():
        between = ""
        if figure.low is not None and figure.high is not None:
            ends = number(figure.low, ".2%"), number(figure.high, ".2%")
            between = tell("({low} to {high})", low=ends[0], high=ends[1])
        table.add_row(retell(name), number(figure.value, ".2%"), between)
    console.print(table, highlight=False)


def _print_notes(console: Console, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(Text(tell("Note: {note:name}", note=harmless(note))), soft_wrap=True)
