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
    """Mend the demo data (a bank app's support messages), train on it, and report what it gave.

    The truth is known here, so all of it is scored.
    """
    from labelmend.cli.classify_summary import print_report, print_training
    from labelmend.cli.summary import print_score, print_summary
    from labelmend.configs.load import load_config
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.demo import report_demo, run_demo, train_demo

    config = load_config("embedded", options.overrides(settings, seed))
    store = None if no_llm else OutputPaths.beside(folder / "mended.csv").store
    typer.echo("labelmend demo: messages to a bank app's support bot, 15 % of the labels wrong")
    with keeping_votes(store), ProgressBars(quiet=False) as bars:
        outcome, score = run_demo(folder, config, bars, use_llm=not no_llm)
    print_summary(outcome, verbose=verbose)
    print_score(score)
    table = outcome.paths.table
    typer.echo("\nA classifier on the mended labels")
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        trained = train_demo(table, config, bars)
    print_training(trained)
    typer.echo("\nThe same classifiers on the labels as given, mended and true, on other messages")
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        report = report_demo(table, config, bars)
    print_report(report)
