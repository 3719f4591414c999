"""`labelmend demo`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes
from labelmend.voice.speak import meant, tell

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.workflows.demo import DemoLanguage

_LATER = (
    meant("train a classifier on the mended labels"),
    meant(
        "compare classifiers trained on the labels as given, mended and true, and write the report"
    ),
)
"""The steps after the first one."""


@dataclass(frozen=True)
class _Demo:
    """What runs on the messages in one language.

    Attributes:
        profile: whose models read it.
        steps: what is done, one sentence each.
        mending: how long the first step takes on 2 cores, with nothing in the caches.
        without_llm: the same where no LLM is asked.
    """

    profile: str
    steps: tuple[str, ...]
    mending: str
    without_llm: str


_DEMOS: "dict[DemoLanguage, _Demo]" = {
    "en": _Demo(
        "embedded",
        (
            meant(
                "mend 2,083 messages to a bank app's support bot, 15 % of whose labels are wrong"
            ),
            *_LATER,
        ),
        meant("about 3 minutes"),
        meant("about a minute"),
    ),
    # Its profile asks no LLM.
    "ru": _Demo(
        "multilingual",
        (
            meant(
                "mend 955 Russian messages to a marketplace's support, 15 % of whose labels are "
                "wrong"
            ),
            *_LATER,
        ),
        meant("about half a minute"),
        meant("about half a minute"),
    ),
}


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
    language: Annotated[
        Literal["en", "ru"],
        typer.Option(
            "--language",
            help="Of the messages: English ones to a bank app, or Russian ones to a marketplace.",
            rich_help_panel=help_page.INPUT,
        ),
    ] = "en",
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

    chosen = _DEMOS[language]
    config = load_config(chosen.profile, options.overrides(settings, seed))
    # Before anything heavy is imported: at once.
    typer.echo(_plan(chosen, folder, config, use_llm=not no_llm))
    from labelmend.cli.classify_summary import print_report, print_training
    from labelmend.cli.summary import print_score, print_summary
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.demo import report_demo, run_demo, train_demo

    store = None if no_llm else OutputPaths.beside(folder / "mended.csv").store
    _begin(chosen, 1)
    with keeping_votes(store), ProgressBars(quiet=False) as bars:
        outcome, score = run_demo(folder, config, bars, use_llm=not no_llm, language=language)
    print_summary(outcome, verbose=verbose)
    print_score(score)
    table = outcome.paths.table
    _begin(chosen, 2)
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        trained = train_demo(table, config, bars)
    print_training(trained)
    _begin(chosen, 3)
    with keeping_votes(None), ProgressBars(quiet=False) as bars:
        report = report_demo(table, config, bars, language)
    print_report(report)


def _plan(demo: _Demo, folder: Path, config: "Config", *, use_llm: bool) -> str:
    """Return what will be done, how long it takes, and where its files will lie."""
    mending = tell(demo.mending if use_llm else demo.without_llm)
    times = (mending, tell("a few seconds"), tell("about a minute"))
    steps = zip(demo.steps, times, strict=True)
    lines = [
        tell("labelmend demo, in {steps} steps; times are those of 2 cores:", steps=len(demo.steps))
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


def _begin(demo: _Demo, step: int) -> None:
    step_in_words = tell(
        "Step {step} of {steps}: {what:words}",
        step=step,
        steps=len(demo.steps),
        what=demo.steps[step - 1],
    )
    typer.echo(f"\n{step_in_words}")
