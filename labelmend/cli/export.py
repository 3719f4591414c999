"""`labelmend export`."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from labelmend.cli import help_page, options, soft_options
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
    triton: Annotated[
        Path | None,
        typer.Option(
            "--triton",
            help="Write a model repository of NVIDIA's Triton there, and no folder with ONNX.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    triton_runtime: Annotated[
        Literal["onnxruntime", "python"],
        typer.Option(
            "--triton-runtime",
            help="Triton's backend that runs the graphs; texts are read by the Python one anyway.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = "onnxruntime",
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
    pair: soft_options.Pair = None,
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
    """Write a model and its encoders as ONNX, after they were seen to predict the same.

    Models of several labels a text and of soft targets, too.
    """
    from labelmend.cli.classify_summary import print_export
    from labelmend.data.request import TableRequest
    from labelmend.errors import ConfigError
    from labelmend.workflows.export import export_file, export_triton

    if pair is not None and check is None:
        raise ConfigError("--pair: names columns of the table of --check; give that too")
    if triton is not None and output is not None:
        raise ConfigError("--output and --triton: give one of them; each is a run of its own")
    place = Path(os.path.realpath(model))  # a model called `.` has a name so
    target = output or place.parent / f"{place.name}-onnx"
    table = None
    if check is not None:
        table = TableRequest(check, text_column, label_column, encoding=encoding, header=header)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        if triton is None:
            outcome = export_file(
                *(model, target, table, bars), int8=int8, trust_key=trust_key, pair=pair
            )
        else:
            outcome = export_triton(
                *(model, triton, table, bars),
                runtime=triton_runtime,
                int8=int8,
                trust_key=trust_key,
            )
    if not quiet:
        print_export(outcome)
