"""`labelmend predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import engine_options, help_page, options, soft_options
from labelmend.cli.console import ProgressBars, keeping_votes

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.data.request import TableRequest
    from labelmend.engines.choose import Engine


def predict(
    model: options.Model,
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The table with the predictions; TABLE.predicted.csv if not given. Of shards, a "
            "new folder.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    pair: soft_options.Pair = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="Several labels a text: what holds, to measure the predictions by; the column of "
            "the training if it is there.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    label_columns: options.LabelColumns = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    strict: options.Strict = False,
    settings: options.Settings = None,
    executor: engine_options.Executor = "local",
    ray_address: engine_options.RayAddress = None,
    trust_key: options.TrustKey = None,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Classify texts: predicted_label, probability, is_oos and top_3 are added to your columns.

    A model of several labels a text adds predicted_labels and probabilities, or two columns a label
    where it was trained on such. A model of soft targets adds a column predicted_TARGET a target.
    """
    from dataclasses import replace

    from labelmend.classify.folder import task_of
    from labelmend.cli.classify_summary import print_prediction
    from labelmend.configs.load import load_config
    from labelmend.data.request import TableRequest
    from labelmend.data.shards.find import default_output
    from labelmend.errors import ConfigError
    from labelmend.workflows.predict import predict_file

    engine = engine_options.engine(executor, ray_address)
    config = load_config("embedded", options.overrides(settings, None))
    target = output or default_output(table, "predicted")
    request = TableRequest(table, text_column, encoding=encoding, strict=strict, header=header)
    task = task_of(model)
    if task == "several" and pair is None:
        truth = replace(
            request, label_column=label_column, label_columns=tuple(label_columns or ())
        )
        _predict_sets(
            *(model, truth, target, config, trust_key, engine), excel_safe=excel_safe, quiet=quiet
        )
        return
    if label_column is not None or label_columns:
        raise ConfigError(
            f"--label-column and --label-columns go with models of several labels a text, and "
            f"{model} is none; `labelmend compare-baseline` measures others"
        )
    if task == "soft":
        soft_options.predict_soft(
            *(model, request, target, config, pair, trust_key, engine),
            excel_safe=excel_safe,
            quiet=quiet,
        )
        return
    if pair is not None:
        raise ConfigError(
            f"--pair goes with models of soft targets, and {model} is none; name the columns with "
            "--text-column"
        )
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = predict_file(
            *(model, request, target, config, bars),
            trust_key=trust_key,
            excel_safe=excel_safe,
            engine=engine,
        )
    if not quiet:
        print_prediction(outcome)


def _predict_sets(
    model: Path,
    request: "TableRequest",
    output: Path,
    config: "Config",
    trust_key: Path | None,
    engine: "Engine",
    *,
    excel_safe: bool,
    quiet: bool,
) -> None:
    from labelmend.cli.classify_sets_summary import print_sets_prediction
    from labelmend.workflows.predict_sets import predict_sets_file

    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = predict_sets_file(
            *(model, request, output, config, bars),
            trust_key=trust_key,
            excel_safe=excel_safe,
            engine=engine,
        )
    if not quiet:
        print_sets_prediction(outcome)
