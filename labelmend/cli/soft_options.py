"""Options of soft targets, and what commands do that are given such."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_checkpoints, keeping_votes, say_note

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.data.request import TableRequest
    from labelmend.data.soft.targets import SoftRequest
    from labelmend.engines.choose import Engine

TargetColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--target-columns",
        metavar="NAME",
        help="Columns with soft targets, numbers from 0 to 1: names or patterns such as 'q_*'. May "
        "be given several times.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
Pair = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--pair",
        metavar="QUESTION ANSWER",
        help="Soft targets: two columns of text that are read as a pair.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group-column",
        help="Soft targets: rows of one value are never learned from and measured on at once; the "
        "text if not given, of a pair the first.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]


def soft_request(request: "SoftRequest", others: Mapping[str, object]) -> "SoftRequest | None":
    """Return the request if it is for soft targets.

    Args:
        request: with or without target columns.
        others: options of labels, by name, which soft targets can't take.

    Raises:
        ConfigError: it is, and options of labels are given, or the other way round.
    """
    from labelmend.errors import ConfigError

    if not request.targets:
        for name, asked in (("--pair", request.pair), ("--group-column", request.group_column)):
            if asked is not None:
                raise ConfigError(
                    f"{name} goes with soft targets; name their columns with --target-columns"
                )
        return None
    for name, given in others.items():
        if given:
            raise ConfigError(f"{name} and --target-columns: soft targets can't take it")
    return request


def train_soft(
    request: "SoftRequest",
    output: Path,
    kind: str | None,
    settings: tuple[str, list[str], str | None],
    tuned: Callable[..., "Config"],
    *,
    quiet: bool,
) -> None:
    """Train a model of soft targets.

    Args:
        request: the table and its columns.
        output: folder of the model.
        kind: of the model; None for that of the settings.
        settings: the profile, overrides, and an encoder in place of the profile's.
        tuned: returns the configuration with what is asked of an encoder that a kind tunes.
        quiet: print nothing but errors.

    Raises:
        LabelmendError: it can't be trained or written.
    """
    from labelmend.classify.soft.train import FINETUNE
    from labelmend.cli.classify_summary import print_soft_training
    from labelmend.data.request import TableRequest
    from labelmend.workflows.train import checkpoints_of
    from labelmend.workflows.train_soft import train_soft_file

    texts = request.pair or request.text_column
    plain = TableRequest(request.path, texts, encoding=request.encoding, header=request.header)
    profile, changes, embedder = settings
    config, chosen = options.chosen_config(profile, plain, changes, embedder, quiet=quiet)
    kind = kind or config.classify.kind
    config = tuned(config, kind, tunes=kind == FINETUNE)
    with keeping_checkpoints(checkpoints_of(output)), ProgressBars(quiet=quiet) as bars:
        outcome = train_soft_file(
            *(request, output, config, kind, bars),
            others=options.given_profile(chosen.name),
            chosen=chosen.notes,
            tell=None if quiet else say_note,
        )
    if not quiet:
        print_soft_training(outcome)


def predict_soft(
    model: Path,
    request: "TableRequest",
    output: Path,
    config: "Config",
    pair: tuple[str, str] | None,
    trust_key: Path | None,
    engine: "Engine",
    *,
    excel_safe: bool,
    quiet: bool,
) -> None:
    """Predict soft targets; see `predict_soft_file`.

    Raises:
        LabelmendError: it can't be done.
    """
    from labelmend.cli.classify_summary import print_soft_prediction
    from labelmend.workflows.predict_soft import predict_soft_file

    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        outcome = predict_soft_file(
            *(model, request, output, config, bars),
            pair=pair,
            trust_key=trust_key,
            excel_safe=excel_safe,
            engine=engine,
        )
    if not quiet:
        print_soft_prediction(outcome)
