"""`labelmend error-analysis`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note

if TYPE_CHECKING:
    from labelmend.workflows.error_analysis import ErrorAnalysisOutcome


def error_analysis(
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The table with a kind a row; TABLE.analysis.csv if not given.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
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
    label_columns: options.LabelColumns = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    embedder: options.Embedder = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Say what stands behind each label: an error, a hard text, too few examples, or nothing.

    What a small model can't learn although it is overfitted on purpose is crossed with what a
    larger one gets wrong that has not seen the text. kind, learned, held_out, predicted and
    kind_reason are added to your columns.
    """
    from labelmend.data.formats.find import beside
    from labelmend.data.request import TableRequest
    from labelmend.workflows.error_analysis import analyse_file

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        *(table, text_column, label_column, None, oos_label, encoding, (), rules, strict, header),
        tuple(label_columns or ()),
    )
    changes = options.overrides(settings, seed)
    config, chosen = options.chosen_config(profile, request, changes, embedder, quiet=quiet)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = analyse_file(
            request,
            output or beside(table, "analysis"),
            config,
            bars,
            others=options.given_profile(chosen.name),
            chosen=chosen.notes,
            tell=None if quiet else say_note,
            excel_safe=excel_safe,
        )
    if not quiet:
        _print(outcome)


def _print(outcome: "ErrorAnalysisOutcome") -> None:
    from rich.table import Table
    from rich.text import Text

    from labelmend.cli.summary import read_in_words
    from labelmend.cli.terminal import harmless, open_console
    from labelmend.evaluation.error_analysis.kinds import KINDS
    from labelmend.report.errors import (
        ADVICE,
        NAMES,
        crossed_numbers,
        how_found,
        most_in,
        shortened,
    )
    from labelmend.voice.speak import meant, number, retell, tell

    console, counts = open_console(), outcome.counts

    def say(line: str) -> None:
        console.print(Text(harmless(line)), soft_wrap=True)

    sentence = (
        meant(
            "{given:,} labels of {rows:,} {rows:one=row|other=rows}, of {labels:,} different ones"
        )
        if outcome.several
        else meant("{rows:,} {rows:one=row|other=rows} with {labels:,} labels")
    )
    say(tell(sentence, rows=outcome.rows, labels=outcome.labels, given=counts.rows))
    say(read_in_words(outcome.columns))
    numbers = crossed_numbers(counts)
    table = Table(box=None, pad_edge=False)
    for head in numbers.columns:
        table.add_column(head)
    for row in numbers.rows:
        table.add_row(*(cell.replace("; ", "\n") for cell in row))
    console.print(table, highlight=False)
    say(how_found(counts))
    for kind in KINDS:
        rows = counts.kinds[kind]
        part = number(rows / max(counts.rows, 1), ".1%")
        say(f"{tell(NAMES[kind])}: {number(rows, ',')} ({part}); {tell(ADVICE[kind])}")
        if kind == "fine" or not rows:
            continue
        say(f"  {tell('most in')}: {most_in(counts, kind)}")
        for one in counts.examples[kind]:
            why = retell(one.reason)
            say(f"  {one.row}, {one.label}: {shortened(one.text)!r}: {why}")
    for line in outcome.notes:
        say(tell("Note: {note:name}", note=retell(line)))
    say(tell("table: {path}", path=outcome.output))
