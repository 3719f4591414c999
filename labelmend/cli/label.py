"""`labelmend label`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import engine_options, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note


def label(
    table: options.Table,
    labels: Annotated[
        Path,
        typer.Option(
            "--labels",
            help="Every label there is, with a description and, if there are any, exemplars.",
            show_default=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The labelled table; TABLE.labelled.csv if not given. Of shards, a new folder.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="What people said of rows, as `labelmend answers import` keeps it: their rows are "
            "settled, and the others learn from them.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ] = None,
    embedder: options.Embedder = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    executor: engine_options.Executor = "local",
    ray_address: engine_options.RayAddress = None,
    machines: engine_options.Machines = None,
    no_llm: options.NoLlm = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Forget the votes of an earlier run.", rich_help_panel=help_page.LLMS
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be done and what it would cost.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Label texts by descriptions of the labels, with no labelled row or a few.

    The table comes back with mended_label and the other columns of `relabel`. Labels that rows have
    are kept. What is in doubt is marked `review`, and has its likeliest label all the same.
    """
    from labelmend.cli.summary import print_plan, print_summary
    from labelmend.data.request import TableRequest
    from labelmend.data.shards.find import default_output
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.label import label_file, labelling
    from labelmend.workflows.plan import plan_file

    engine = engine_options.engine(executor, ray_address)
    counts = engine_options.machines(machines, executor, dry_run=dry_run)
    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        *(table, text_column, label_column, id_column, oos_label, encoding, (), rules, strict),
        header=header,
    )
    config, chosen = options.chosen_config(
        profile, request, options.overrides(settings, seed), embedder, quiet=quiet
    )
    if dry_run:
        with keeping_votes(None):
            plan, models, notes = plan_file(
                *(request, labelling(config), labels, answers, None),
                use_llm=not no_llm,
                chosen=chosen.notes,
                machines=counts,
            )
            print_plan(plan, models, notes)
        return
    target = output or default_output(table, "labelled")
    store = None if no_llm else OutputPaths.of(table, target).store
    with keeping_votes(store), ProgressBars(quiet=quiet) as bars:
        outcome = label_file(
            request,
            target,
            config,
            bars,
            labels_file=labels,
            answers_file=answers,
            use_llm=not no_llm,
            fresh=fresh,
            tell=None if quiet else say_note,
            others=options.given_profile(chosen.name),
            excel_safe=excel_safe,
            chosen=chosen.notes,
            engine=engine,
        )
    if not quiet:
        print_summary(outcome, verbose=verbose)
