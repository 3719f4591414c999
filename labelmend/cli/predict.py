"""`labelmend predict`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes


def predict(
    model: options.Model,
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The table with the predictions; TABLE.predicted.csv if not given.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    strict: options.Strict = False,
    settings: options.Settings = None,
    trust_key: options.TrustKey = None,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Classify texts: predicted_label, probability, is_oos and top_3 are added to your columns."""
    from labelmend.cli.classify_summary import print_prediction
    from labelmend.configs.load import load_config
    from labelmend.data.formats.find import beside
    from labelmend.data.request import TableRequest
    from labelmend.workflows.predict import predict_file

    config = load_config("embedded", options.overrides(settings, None))
    target = output or beside(table, "predicted")
    request = TableRequest(table, text_column, encoding=encoding, strict=strict, header=header)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = predict_file(
            model, request, target, config, bars, trust_key=trust_key, excel_safe=excel_safe
        )
    if not quiet:
        print_prediction(outcome)
