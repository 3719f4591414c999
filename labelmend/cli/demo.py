"""`labelmend demo`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import options
from labelmend.cli.console import ProgressBars, keeping_votes


def demo(
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the demo's files; made if missing.")
    ] = Path("demo-output"),
    settings: options.Settings = None,
    seed: options.Seed = None,
    no_llm: options.NoLlm = False,
    verbose: options.Verbose = False,
) -> None:
    """Mend the demo data (a bank app's support messages), and score it: the truth is known here."""
    from labelmend.cli.summary import print_score, print_summary
    from labelmend.configs.load import load_config
    from labelmend.relabel.demo import run_demo
    from labelmend.relabel.job import OutputPaths

    config = load_config("embedded", options.overrides(settings, seed))
    store = None if no_llm else OutputPaths.beside(folder / "mended.csv").store
    typer.echo("labelmend demo: messages to a bank app's support bot, 15 % of the labels wrong")
    with keeping_votes(store), ProgressBars(quiet=False) as bars:
        outcome, score = run_demo(folder, config, bars, use_llm=not no_llm)
    print_summary(outcome, verbose=verbose)
    print_score(score)
