"""`labelmend demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes
from labelmend.voice.speak import meant, tell

if TYPE_CHECKING:
    from labelmend.configs.schema import Config

_STEPS = (
    meant("mend 2,083 messages to a bank app's support bot, 15 % of whose labels are wrong"),
    meant("train a classifier on the mended labels"),
    meant(
        "compare classifiers trained on the labels as given, mended and true, and write the report"
    ),
)
_MENDING, _MENDING_WITHOUT_LLM = meant("about 3 minutes"), meant("about a minute")
"""What the first step takes on 2 cores, with nothing in the caches."""


def demo(
    folder: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the demo's files; made if missing.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = Path("demo-output"),
    settings: options.Settings = None,
    seed: options.Seed = None,
    no_llm: options.NoLlm = False,
    _lang: options.Lang = "en",
    verbose: options.Verbose = False,
) -> None:
    """Mend the demo data (a bank app's support messages), train on it, and report what it gave.

    The truth is known here, so all of it is scored.
    """
    from labelmend.configs.load import load_config

    config = load_config("embedded", options.overrides(settings, seed))
    # Before anything heavy is imported: at once.
    typer.echo(_plan(folder, config, use_llm=not no_llm))
    from labelmend.cli.classify_summary import print_report, print_training
    from labelmend.cli.summary import print_score, print_summary
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.demo import report_demo, run_demo, train_demo

    store = None if no_llm else OutputPaths.beside(folder / "mended.csv").store
    _begin(1)
    with keeping_votes(store), ProgressBars(quiet=False) as bars:
        outcome, score = run_demo(folder, config, bars, use_llm=not no_llm)
    print_summary(outcome, verbose=verbose)
    print_score(score)
    table = outcome.paths.table
    _begin(2)
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        trained = train_demo(table, config, bars)
    print_training(trained)
    _begin(3)
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        report = report_demo(table, config, bars)
    print_report(report)


def _plan(folder: Path, config: "Config", *, use_llm: bool) -> str:
    """Return what will be done, how long it takes, and where its files will lie."""
    mending = tell(_MENDING if use_llm else _MENDING_WITHOUT_LLM)
    times = (mending, tell("a few seconds"), tell("about a minute"))
    steps = zip(_STEPS, times, strict=True)
    lines = [
        tell("labelmend demo, in {steps} steps; times are those of 2 cores:", steps=len(_STEPS))
    ]
    lines += [f"  {number}. {tell(what)}: {time}" for number, (what, time) in enumerate(steps, 1)]
    if not (use_llm and any(voter.server for voter in config.voters)):
        lines.append(tell("All of it runs on this machine, and nothing is sent anywhere."))
    where = tell(
        "Its files will lie in {folder}: mended.csv, model/, report/report.html, ...",
        folder=folder,
    )
    lines.append(where)
    return "\n".join(lines)


def _begin(step: int) -> None:
    step_in_words = tell(
        "Step {step} of {steps}: {what:words}", step=step, steps=len(_STEPS), what=_STEPS[step - 1]
    )
    typer.echo(f"\n{step_in_words}")
