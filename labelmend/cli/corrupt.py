"""`labelmend corrupt`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import completion, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes


def corrupt(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The noisy table.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    noise: Annotated[
        list[str],
        typer.Option(
            "--noise",
            metavar="KIND=RATE",
            help="uniform=0.2, nearest=0.2, difficult=0.2 or oos-swap=0.2; may be repeated for a "
            "mixture.",
            show_default=False,
            rich_help_panel=help_page.NOISE,
            autocompletion=completion.noise,
        ),
    ],
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
) -> None:
    """Inject seeded label noise, for evaluation; the right labels stay in true_label."""
    from labelmend.configs.load import load_config
    from labelmend.data.noise import parse_share
    from labelmend.data.request import TableRequest
    from labelmend.workflows.corrupt import corrupt_file

    config = load_config(profile, options.overrides(settings, seed))
    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    request = TableRequest(
        table, text_column, label_column, None, oos_label, encoding, (), rules, header=header
    )
    shares = [parse_share(text) for text in noise]
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        given = options.given_profile(profile)
        done = corrupt_file(request, output, shares, config.seed, config, bars, others=given)
    if not quiet:
        typer.echo(f"{done.flipped} of {done.rows} labels changed (seed {config.seed}) in {output}")
