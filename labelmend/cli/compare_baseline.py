"""`labelmend compare-baseline`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.classify.heads.registry import kinds as known_kinds
from labelmend.cli import completion, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note


def compare_baseline(
    before: Annotated[
        Path,
        typer.Argument(
            help="Table with the labels as given.",
            metavar="DIRTY",
            show_default=False,
            readable=False,
        ),
    ],
    after: Annotated[
        Path | None,
        typer.Argument(
            help="Table with the mended ones; not needed where DIRTY has both.",
            metavar="[MENDED]",
            show_default=False,
            readable=False,
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the report; made if missing.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = Path("report"),
    test: Annotated[
        Path | None,
        typer.Option(
            "--test",
            help="Table with labels that a person checked; without it, cross-validation.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = None,
    augmented: Annotated[
        Path | None,
        typer.Option(
            "--augmented",
            help="The mended table with new texts, from `labelmend augment`: say whether they "
            "helped.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    mended_column: Annotated[
        str | None,
        typer.Option(
            "--mended-column",
            help="mended_label if there is one, else found by name.",
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    gold_column: Annotated[
        str | None,
        typer.Option(
            "--gold-column",
            help="True labels of the training texts, where known.",
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    test_label_column: Annotated[
        str | None,
        typer.Option(
            "--test-label-column",
            help="Of the test table; found by name.",
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help=f"One of {', '.join(known_kinds())}; may be repeated. logreg and linear-svm "
            "if not given.",
            show_default=False,
            rich_help_panel=help_page.TRAINING,
            autocompletion=completion.classifiers,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            help="Trainings of each, with other folds.",
            min=1,
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = 3,
    peer: Annotated[
        str | None,
        typer.Option(
            "--peer",
            help="cleanlab: compare with what it makes of the labels.",
            rich_help_panel=help_page.COMPARISON,
            autocompletion=completion.peers,
        ),
    ] = None,
    keep_overlap: Annotated[
        bool,
        typer.Option(
            "--keep-overlap",
            help="Test on texts that are trained on, too.",
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = False,
    embedder: options.Embedder = None,
    weight_by_confidence: Annotated[
        bool,
        typer.Option(
            "--weight-by-confidence",
            help="Mended rows count by the confidence that labelmend gave them.",
            rich_help_panel=help_page.TRAINING,
        ),
    ] = False,
    rare_labels: options.RareLabels = "drop",
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    mlflow: options.Mlflow = None,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Train the same classifiers on the labels as given and as mended, and say which is better."""
    from labelmend.classify.heads.registry import find_head
    from labelmend.cli.classify_summary import print_report
    from labelmend.data.request import TableRequest
    from labelmend.evaluation.comparison import ComparisonRequest
    from labelmend.workflows.report import report_files
    from labelmend.workflows.train import default_point

    table = TableRequest(before, text_column, encoding=encoding, header=header)
    changes = options.overrides(settings, seed)
    config, used = options.chosen_config(profile, table, changes, embedder, quiet=quiet)
    chosen = dict.fromkeys(find_head(kind).name for kind in kinds or ("logreg", "linear-svm"))
    request = ComparisonRequest(
        before=before,
        after=after,
        test=test,
        text_column=text_column,
        label_column=label_column,
        mended_column=mended_column,
        gold_column=gold_column,
        test_label_column=test_label_column,
        oos_label=oos_label,
        encoding=encoding,
        header=header,
        keep_overlap=keep_overlap,
        rules=options.label_rules(label_separator, missing_label, merge_spellings),
        strict=strict,
        rare_labels=rare_labels,
        weigh=weight_by_confidence,
        augmented=augmented,
    )
    server = options.mlflow_server(mlflow)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        report = report_files(
            request,
            output,
            config,
            list(chosen),
            range(config.seed, config.seed + seeds),
            default_point(config),
            used.beginning(bars, None if quiet else say_note),
            peer=options.peer(peer),
            others=options.given_profile(used.name),
        )
    if not quiet:
        print_report(report)
    if server is not None:
        from labelmend.workflows.track import log_comparison

        options.say_logged(server, log_comparison(server, report), quiet=quiet)
