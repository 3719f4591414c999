"""`labelmend train-classifier`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.classify.heads.registry import kinds
from labelmend.cli import completion, help_page, options, soft_options
from labelmend.cli.console import ProgressBars, keeping_checkpoints, say_note

if TYPE_CHECKING:
    from labelmend.classify.calibrate import OperatingPoint
    from labelmend.classify.data import RareLabels
    from labelmend.configs.schema import Config
    from labelmend.data.request import TableRequest
    from labelmend.workflows.profile import ChosenProfile


def train_classifier(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the model.",
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
    label_columns: options.LabelColumns = None,
    target_columns: soft_options.TargetColumns = None,
    pair: soft_options.Pair = None,
    group_column: soft_options.GroupColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help=f"One of {', '.join(kinds())}.",
            show_default="logreg",
            rich_help_panel=help_page.TRAINING,
            autocompletion=completion.classifiers,
        ),
    ] = None,
    weight_by_confidence: Annotated[
        bool,
        typer.Option(
            "--weight-by-confidence",
            help="Rows count by the confidence that labelmend gave them.",
            rich_help_panel=help_page.TRAINING,
        ),
    ] = False,
    rare_labels: options.RareLabels = "drop",
    keep_texts: Annotated[
        bool,
        typer.Option(
            "--keep-texts",
            help="Keep texts of the table in the model: serve then shows those that are nearest.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    in_scope_accuracy: Annotated[
        str | None,
        typer.Option(
            "--in-scope-accuracy",
            help="Call as much out of scope as leaves this held-out accuracy: 0.93 or 93%.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    oos_recall: Annotated[
        str | None,
        typer.Option(
            "--oos-recall",
            help="Call as little out of scope as finds this share of it: 0.85 or 85%.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    wish_precision: Annotated[
        str | None,
        typer.Option(
            "--wish-precision",
            help="Several labels a text: call as much as keeps this precision of each label, 0.9 "
            "or 90%; the best F1 if not given.",
            show_default=False,
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    embedder: options.Embedder = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="finetune: what to tune, by its name in `labelmend models list` or its folder.",
            show_default="all-MiniLM-L6-v2",
            rich_help_panel=help_page.TRAINING,
            autocompletion=completion.encoders,
        ),
    ] = None,
    lora: Annotated[
        bool | None,
        typer.Option(
            "--lora/--full",
            help="finetune: train adapters or all weights.",
            rich_help_panel=help_page.TRAINING,
        ),
    ] = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    mlflow: options.Mlflow = None,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Train a classifier on a table's labels, calibrated, with a bar for what fits no label."""
    from labelmend.classify.heads.registry import find_head
    from labelmend.cli.classify_summary import print_training
    from labelmend.data.request import TableRequest
    from labelmend.data.soft.targets import SoftRequest
    from labelmend.workflows.train import checkpoints_of, train_file

    single: dict[str, object] = {
        "--oos-label": oos_label,
        "--weight-by-confidence": weight_by_confidence,
        "--keep-texts": keep_texts,
        "--in-scope-accuracy": in_scope_accuracy,
        "--oos-recall": oos_recall,
        "--mlflow": mlflow,
    }
    of_labels: dict[str, object] = {
        "--label-column": label_column,
        "--label-columns": label_columns,
        "--wish-precision": wish_precision,
        "--label-separator": label_separator,
        "--missing-label": missing_label,
        "--merge-spellings": merge_spellings,
    }
    texts = (text_column, pair, group_column, encoding, strict, header)
    asked = SoftRequest(table, tuple(target_columns or ()), *texts)
    soft = soft_options.soft_request(asked, single | of_labels)
    changes = options.overrides(settings, seed)
    if soft is not None:
        tuning = partial(_with_encoder, embedder=embedder, encoder=encoder, lora=lora)
        chosen_by = profile, changes, embedder
        soft_options.train_soft(soft, output, kind, chosen_by, tuning, quiet=quiet)
        return
    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        *(table, text_column, label_column, None, oos_label, encoding, (), rules, strict, header),
        tuple(label_columns or ()),
    )
    config, chosen = options.chosen_config(profile, request, changes, embedder, quiet=quiet)
    head = find_head(kind or config.classify.kind)
    several = _sets_request(request, wish_precision, single)
    config = _with_encoder(
        config, head.name, tunes=head.tunes_encoder, embedder=embedder, encoder=encoder, lora=lora
    )
    if several is not None:
        setting = config, chosen, rare_labels
        _train_sets(several, output, head.name, setting, wish_precision, quiet=quiet)
        return
    point = _point(in_scope_accuracy, oos_recall, config)
    server = options.mlflow_server(mlflow)
    with keeping_checkpoints(checkpoints_of(output)), ProgressBars(quiet=quiet) as bars:
        outcome = train_file(
            request,
            output,
            config,
            head.name,
            point,
            bars,
            weigh=weight_by_confidence,
            keep_texts=keep_texts,
            rare_labels=rare_labels,
            others=options.given_profile(chosen.name),
            chosen=chosen.notes,
            tell=None if quiet else say_note,
        )
    if not quiet:
        print_training(outcome)
    if server is not None:
        from labelmend.workflows.track import log_training

        options.say_logged(server, log_training(server, outcome), quiet=quiet)


def _sets_request(
    request: "TableRequest", wish: str | None, others: Mapping[str, object]
) -> "TableRequest | None":
    """Return the request if rows may have several labels.

    Raises:
        ConfigError: they may, and options of one label a row are given, or the other way round.
    """
    from labelmend.errors import ConfigError
    from labelmend.workflows.train_sets import sets_request

    several = sets_request(request)
    if several is None:
        if wish is not None:
            raise ConfigError("--wish-precision goes with tables in which rows have several labels")
        return None
    for name, given in others.items():
        if given:
            raise ConfigError(
                f"{name} does not go with several labels a row, as {request.path} has; leave it out"
            )
    return several


def _train_sets(
    request: "TableRequest",
    output: Path,
    kind: str,
    setting: "tuple[Config, ChosenProfile, RareLabels]",
    wish_precision: str | None,
    *,
    quiet: bool,
) -> None:
    from labelmend.cli.classify_sets_summary import print_sets_training
    from labelmend.workflows.train import checkpoints_of
    from labelmend.workflows.train_sets import train_sets_file

    config, chosen, rare_labels = setting
    work = checkpoints_of(output)
    wish = None if wish_precision is None else options.share("--wish-precision", wish_precision)
    with keeping_checkpoints(work), ProgressBars(quiet=quiet) as bars:
        outcome = train_sets_file(
            *(request, output, config, kind, bars),
            wish=wish,
            rare_labels=rare_labels,
            others=options.given_profile(chosen.name),
            chosen=chosen.notes,
            tell=None if quiet else say_note,
        )
    if not quiet:
        print_sets_training(outcome, wish)


def _with_encoder(
    config: "Config",
    kind: str,
    *,
    tunes: bool,
    embedder: str | None,
    encoder: str | None,
    lora: bool | None,
) -> "Config":
    """Return the configuration with what is asked of the encoder that a kind tunes.

    Raises:
        ConfigError: the kind tunes none, or the one that it reads as it is was asked for.
    """
    from dataclasses import replace

    from labelmend.errors import ConfigError

    if tunes and embedder is not None:
        raise ConfigError(
            f"--embedder is for kinds that read an encoder as it is; --kind {kind} takes "
            f"--encoder {embedder}"
        )
    if not tunes and (encoder is not None or lora is not None):
        raise ConfigError(
            "--encoder, --lora and --full go with --kind finetune; other kinds read the encoders "
            "of the profile"
        )
    settings = config.classify.finetune
    if encoder is not None:
        settings = replace(settings, encoder=encoder)
    if lora is not None:
        settings = replace(settings, method="lora" if lora else "full")
    return replace(config, classify=replace(config.classify, finetune=settings))


def _point(
    in_scope_accuracy: str | None, oos_recall: str | None, config: "Config"
) -> "OperatingPoint":
    from labelmend.classify.calibrate import OperatingPoint
    from labelmend.errors import ConfigError
    from labelmend.workflows.train import default_point

    if in_scope_accuracy is not None and oos_recall is not None:
        raise ConfigError(
            "--in-scope-accuracy and --oos-recall are both given: one fixes the other; give one"
        )
    if in_scope_accuracy is not None:
        share = options.share("--in-scope-accuracy", in_scope_accuracy)
        return OperatingPoint("in-scope-accuracy", share)
    if oos_recall is not None:
        return OperatingPoint("oos-recall", options.share("--oos-recall", oos_recall))
    return default_point(config)
