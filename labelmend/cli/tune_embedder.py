"""`labelmend tune-embedder`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_checkpoints, say_note
from labelmend.cli.terminal import harmless, open_console

if TYPE_CHECKING:
    from rich.console import Console

    from labelmend.workflows.tune import Recalls, TuneOutcome


def tune_embedder(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tuned encoder.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    text_column: options.TextColumn = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="mended_label if there is one, else found by name.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    gold_column: Annotated[
        str | None,
        typer.Option(
            "--gold-column",
            help="True labels, to measure by them too; nothing learns from them.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    labels: options.Labels = None,
    embedder: options.Embedder = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    mlflow: options.Mlflow = None,
    quiet: options.Quiet = False,
) -> None:
    """Fine-tune the sentence encoder on your texts and label descriptions.

    Part of the texts is held out, and tells how much better the right label is found. A run that
    was interrupted goes on when it is started again.
    """
    from labelmend.data.request import TableRequest
    from labelmend.workflows.train import checkpoints_of
    from labelmend.workflows.tune import tune_file

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        table, text_column, label_column, None, oos_label, encoding, (), rules, header=header
    )
    changes = options.overrides(settings, seed)
    config, chosen = options.chosen_config(profile, request, changes, embedder, quiet=quiet)
    server = options.mlflow_server(mlflow)
    with keeping_checkpoints(checkpoints_of(output)), ProgressBars(quiet=quiet) as bars:
        outcome = tune_file(
            request,
            output,
            config,
            chosen.beginning(bars, None if quiet else say_note),
            labels_file=labels,
            gold_column=gold_column,
            others=options.given_profile(chosen.name),
        )
    if not quiet:
        _print_tuning(outcome)
    if server is not None:
        from labelmend.workflows.track import log_tuning

        options.say_logged(server, log_tuning(server, outcome), quiet=quiet)


def _print_tuning(outcome: "TuneOutcome") -> None:
    """Print recall before and after, and how the encoder is used."""
    from rich.text import Text

    console = open_console()
    trained, resumed = int(outcome.texts.trained.sum()), outcome.resumed
    went_on = f", the first {resumed:,} of them by an earlier run" if resumed else ""
    console.print(
        Text(
            f"{outcome.base.name} tuned on {trained:,} distinct texts in "
            f"{len(outcome.losses):,} steps{went_on}"
        ),
        soft_wrap=True,
    )
    console.print(Text(harmless(f"Read: {outcome.columns.in_words}.")), soft_wrap=True)
    _print_recall(console, outcome.recall, f"{outcome.measured:,} held-out texts")
    if outcome.gold_recall is not None:
        title = f"{outcome.gold_measured:,} held-out texts, by their true labels"
        _print_recall(console, outcome.gold_recall, title)
    for note in outcome.notes:
        console.print(Text(f"Note: {harmless(note)}"), soft_wrap=True)
    console.print(Text(f"encoder: {outcome.folder}"), soft_wrap=True)
    console.print(
        Text(f"Use it on other texts: labelmend relabel NEW.csv --embedder {outcome.folder}"),
        soft_wrap=True,
    )


_ROWS = {"before": "as it was", "profile": "the profile's encoders", "after": "tuned"}


def _print_recall(console: "Console", recalls: "Recalls", title: str) -> None:
    from rich.table import Table

    table = Table(
        title=f"Right label among the candidates: {title}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("")
    for depth in next(iter(recalls.values())):
        table.add_column(f"Recall@{depth}", justify="right")
    for name, words in _ROWS.items():
        if name in recalls:
            table.add_row(words, *(f"{share:.2%}" for share in recalls[name].values()))
    console.print(table, highlight=False)
