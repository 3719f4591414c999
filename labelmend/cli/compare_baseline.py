"""`labelmend compare-baseline`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.classify.heads.registry import kinds as known_kinds
from labelmend.cli import completion, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.data.request import TableRequest
    from labelmend.evaluation.peer import Peer
    from labelmend.workflows.compare_sets import SetComparisonRequest
    from labelmend.workflows.profile import ChosenProfile


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
    label_columns: options.LabelColumns = None,
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
    from labelmend.workflows.compare_sets import SetComparisonRequest
    from labelmend.workflows.report import report_files
    from labelmend.workflows.train import default_point

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    table = TableRequest(
        *(before, text_column, label_column, None, oos_label, encoding, (), rules, strict, header),
        tuple(label_columns or ()),
    )
    changes = options.overrides(settings, seed)
    config, used = options.chosen_config(profile, table, changes, embedder, quiet=quiet)
    chosen = dict.fromkeys(find_head(kind).name for kind in kinds or ("logreg", "linear-svm"))
    sets = _sets_request(
        table,
        {
            "--oos-label": oos_label,
            "--augmented": augmented,
            "--peer": peer,
            "--weight-by-confidence": weight_by_confidence,
            "--mlflow": mlflow,
        },
    )
    if sets is not None:
        columns = mended_column, gold_column, test_label_column
        asked = SetComparisonRequest(sets, after, test, *columns, keep_overlap, rare_labels)
        _compare_sets(asked, output, (config, used), tuple(chosen), seeds, quiet=quiet)
        return
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
        rules=rules,
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
            peer=_peer(peer),
            others=options.given_profile(used.name),
        )
    if not quiet:
        print_report(report)
    if server is not None:
        from labelmend.workflows.track import log_comparison

        options.say_logged(server, log_comparison(server, report), quiet=quiet)


def _sets_request(request: "TableRequest", others: Mapping[str, object]) -> "TableRequest | None":
    """Return how the labels as given are read if rows may have several.

    Raises:
        ConfigError: they may, and options of one label a row are given.
    """
    from labelmend.data.sets.label_sets import has_several
    from labelmend.errors import ConfigError

    if not has_several(request):
        return None
    for name, given in others.items():
        if given:
            raise ConfigError(
                f"{name} does not go with several labels a row, as {request.path} has; leave it out"
            )
    return request


def _compare_sets(
    request: "SetComparisonRequest",
    output: Path,
    setting: "tuple[Config, ChosenProfile]",
    kinds: tuple[str, ...],
    seeds: int,
    *,
    quiet: bool,
) -> None:
    from labelmend.cli.classify_sets_summary import print_sets_comparison
    from labelmend.workflows.compare_sets import compare_sets_files

    config, used = setting
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        comparison = compare_sets_files(
            *(request, output, config, kinds, range(config.seed, config.seed + seeds)),
            used.beginning(bars, None if quiet else say_note),
            others=options.given_profile(used.name),
        )
    if not quiet:
        print_sets_comparison(comparison)


def _peer(name: str | None) -> "Peer | None":
    """Return the peer that was asked for, or None.

    Raises:
        ConfigError: it is unknown.
    """
    if name is None:
        return None
    from labelmend.errors import ConfigError, nearest
    from labelmend.evaluation.peer import PEERS

    for known in PEERS:
        if known == name:
            return known
    raise ConfigError(f"unknown peer {name!r}{nearest(name, PEERS)}: use {', '.join(PEERS)}")
