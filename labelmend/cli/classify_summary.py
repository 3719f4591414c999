"""Prints what training, predicting and comparing classifiers found."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.classify.job import PredictOutcome, TrainOutcome, headline
from labelmend.cli.console import harmless


def print_training(outcome: TrainOutcome) -> None:
    """Print what was trained, and how good held-out texts say it is."""
    console = Console()
    classifier, data = outcome.training.classifier, outcome.data
    console.print(
        Text(
            harmless(
                f"{classifier.kind} on {len(data.texts):,} distinct texts with "
                f"{len(data.labels)} labels of column {outcome.label_column!r}"
            )
        ),
        soft_wrap=True,
    )
    title = "Held-out folds of these texts"
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in headline(outcome.held_out).items():
        if value is not None:
            shown = f"{value:.4f}" if name in _NO_SHARES else f"{value:.2%}"
            table.add_row(name, shown)
    console.print(table, highlight=False)
    point = outcome.training.point
    console.print(
        f"Out-of-scope bar: {point.goal} {point.value:g}, learned from "
        f"{classifier.detector.source}",
        highlight=False,
        soft_wrap=True,
    )
    _print_notes(console, outcome.notes)
    console.print(Text(f"model: {outcome.folder}"), soft_wrap=True)


_NO_SHARES = ("log loss", "expected calibration error")


def print_prediction(outcome: PredictOutcome) -> None:
    """Print how many texts were classified, and where the table is."""
    console = Console()
    console.print(
        f"{outcome.rows:,} texts classified, {outcome.flagged:,} of them out of scope",
        highlight=False,
    )
    _print_notes(console, outcome.notes)
    console.print(Text(f"table: {outcome.output}"), soft_wrap=True)


def _print_notes(console: Console, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(Text(f"Note: {harmless(note)}"), soft_wrap=True)
