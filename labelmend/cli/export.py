"""`labelmend export`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes


def export(
    model: options.Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the export; MODEL-onnx if not given.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    onnx: Annotated[  # noqa: ARG001 -- there is one format, and commands that name it go on to work
        bool,
        typer.Option(
            "--onnx", help="As ONNX, the one format there is.", rich_help_panel=help_page.OUTPUT
        ),
    ] = True,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Quantize the encoders, and say what that costs.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            help="Table whose texts the export is checked on; the demo's test texts if not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="Of the table of the check: what --int8 is scored against.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    trust_key: options.TrustKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Write a classifier and its encoders as ONNX, after they were seen to predict the same."""
    from labelmend.cli.classify_summary import print_export
    from labelmend.data.request import TableRequest
    from labelmend.workflows.export import export_file

    place = Path(os.path.realpath(model))  # a model called `.` has a name so
    target = output or place.parent / f"{place.name}-onnx"
    table = None
    if check is not None:
        table = TableRequest(check, text_column, label_column, encoding=encoding, header=header)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = export_file(model, target, table, bars, int8=int8, trust_key=trust_key)
    if not quiet:
        print_export(outcome)
