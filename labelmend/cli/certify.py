"""`labelmend certify`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import tell


def certify(
    table: options.Table,
    answers: Annotated[
        Path,
        typer.Option(
            "--answers",
            help="What people said: answers.jsonl.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.INPUT,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The certificate; TABLE.certificate.json if not given.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
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
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Say what the answers to an audit prove of a mended table, with 95 % confidence."""
    from labelmend.audit.words import in_words
    from labelmend.cli.summary import read_in_words
    from labelmend.data.request import TableRequest
    from labelmend.workflows.certify import certify_file

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        *(table, text_column, label_column, id_column, oos_label, encoding, (), rules),
        header=header,
        label_columns=tuple(label_columns or ()),
    )
    done = certify_file(request, answers, output)
    if quiet:
        return
    for line in in_words(done.certificate):
        typer.echo(harmless(line))
    typer.echo(harmless(read_in_words(done.columns)))
    for note in done.certificate.notes:
        typer.echo(tell("Note: {note:name}", note=harmless(note)), err=True)
    typer.echo(tell("certificate: {path}", path=harmless(str(done.output))))
