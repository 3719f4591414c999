"""`labelmend describe`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import engine_options, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note


def describe(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The YAML to write.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    labels: options.Labels = None,
    embedder: options.Embedder = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    executor: engine_options.Executor = "local",
    ray_address: engine_options.RayAddress = None,
    no_llm: options.NoLlm = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Forget the descriptions of an earlier run.",
            rich_help_panel=help_page.LLMS,
        ),
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Write an editable YAML with a description and exemplars for every label."""
    from labelmend.data.request import TableRequest
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.describe import describe_file

    engine = engine_options.engine(executor, ray_address)
    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        table, text_column, label_column, None, oos_label, encoding, (), rules, strict, header
    )
    changes = options.overrides(settings, seed)
    config, chosen = options.chosen_config(profile, request, changes, embedder, quiet=quiet)
    store = None if no_llm else OutputPaths.beside(output).store
    with keeping_votes(store), ProgressBars(quiet=quiet) as bars:
        described = describe_file(
            request,
            output,
            config,
            chosen.beginning(bars, None if quiet else say_note),
            labels_file=labels,
            use_llm=not no_llm,
            fresh=fresh,
            others=options.given_profile(chosen.name),
            engine=engine,
        )
    if not quiet:
        cards = described.cards
        sources = {
            "user": "your own",
            "llm": "written by the LLM",
            "name": "name and exemplars only",
        }
        counts = ", ".join(
            f"{sum(card.source == source for card in cards)} {words}"
            for source, words in sources.items()
            if any(card.source == source for card in cards)
        )
        typer.echo(f"{len(cards)} labels ({counts}) in {output}")
        for note in described.notes:
            typer.echo(f"Note: {note}")
