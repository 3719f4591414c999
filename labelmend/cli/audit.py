"""`labelmend audit`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import tell


def audit(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The CSV to fill in: a new file.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    rows: Annotated[
        int,
        typer.Option(
            "--rows",
            help="To draw now; 0 writes again what was drawn so far.",
            min=0,
            rich_help_panel=help_page.ROWS,
        ),
    ] = 100,
    new: Annotated[
        bool,
        typer.Option(
            "--new", help="Start anew, whatever was drawn before.", rich_help_panel=help_page.ROWS
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say how much answers would tell; write nothing.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    label_columns: options.LabelColumns = None,
    id_column: options.IdColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    seed: options.Seed = None,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Draw rows of a mended table for a person to look at; run again to go on with it."""
    from labelmend.audit.sets.sheet import LISTS
    from labelmend.audit.words import forecast_in_words
    from labelmend.cli.summary import read_in_words
    from labelmend.data.request import TableRequest
    from labelmend.workflows.audit import audit_file

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        *(table, text_column, label_column, id_column, oos_label, encoding, (), rules),
        header=header,
        label_columns=tuple(label_columns or ()),
    )
    done = audit_file(
        *(request, rows, output),
        seed=seed,
        new=new,
        dry_run=dry_run,
        excel_safe=excel_safe,
    )
    if quiet:
        return
    typer.echo(harmless(read_in_words(done.columns)))
    for stratum, drawn in zip(done.design.strata, done.design.drawn.tolist(), strict=True):
        line = tell(
            "{stratum:name}: {drawn:,} of {rows:,} rows",
            stratum=stratum.name,
            drawn=drawn,
            rows=len(stratum),
        )
        typer.echo(line)
    typer.echo(
        tell("Width of the 95 % intervals, in points, about (more while a draw is unfinished):")
    )
    for size, widths in done.widths.items():
        typer.echo(f"  {forecast_in_words(size, widths)}")
    for note in done.notes:
        typer.echo(tell("Note: {note:name}", note=harmless(note)))
    if dry_run:
        typer.echo(tell("Nothing was written: this was a dry run."))
        return
    sheet = harmless(str(done.output))
    line = tell(
        "{rows:,} further rows to look at: {sheet}"
        if done.continued and rows
        else "{rows:,} rows to look at: {sheet}",
        rows=len(done.rows),
        sheet=sheet,
    )
    typer.echo(line)
    how = tell(
        "Fill in the column answer (a label, none of these, or unsure), then: labelmend answers "
        "import {sheet} -o answers.jsonl"
        if done.joined_by is None
        else "Fill in the column answer (all labels that hold, in a list, [] for none, or unsure), "
        "then: labelmend answers import {sheet} -o answers.jsonl"
        if done.joined_by == LISTS
        else "Fill in the column answer (all labels that hold, joined by {sign!r}, [] for none, or "
        "unsure), then: labelmend answers import {sheet} -o answers.jsonl",
        sheet=sheet,
        sign=done.joined_by,
    )
    typer.echo(how)
