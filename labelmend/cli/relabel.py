"""`labelmend relabel`."""

from pathlib import Path
from typing import Annotated

import typer

from labelmend.cli import options
from labelmend.cli.console import ProgressBars, keeping_votes


def relabel(
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The mended table; TABLE.mended.csv if not given.",
            readable=False,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    oos_label: options.OosLabel = None,
    encoding: options.Encoding = None,
    vote_columns: Annotated[
        list[str] | None,
        typer.Option(
            "--vote-column",
            help="What another annotator or model said of each row: a source of evidence, of "
            "learned weight. May be given several times.",
            show_default=False,
        ),
    ] = None,
    labels: options.Labels = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    max_harm: Annotated[
        str | None,
        typer.Option("--max-harm", help="Share of good labels that may be broken: 0.005 or 0.5%."),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Mend known errors as well, and spend less of --max-harm if it isn't kept.",
        ),
    ] = False,
    seed: options.Seed = None,
    no_llm: options.NoLlm = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the votes of an earlier run.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and what it would cost.")
    ] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Find wrong labels, fix those that are certain, queue the doubtful ones for review.

    The table comes back with mended_label, decision, label_quality, confidence, candidates, votes
    and reason added to your own columns, which stay as they are.
    """
    from labelmend.cli.summary import print_plan, print_summary
    from labelmend.configs.load import load_config
    from labelmend.relabel.job import OutputPaths, TableRequest, plan_file, relabel_file

    config = load_config(profile, [*options.overrides(settings, seed), *_harm(max_harm)])
    request = TableRequest(
        table,
        text_column,
        label_column,
        id_column,
        oos_label,
        encoding,
        tuple(dict.fromkeys(vote_columns or ())),
    )
    if dry_run:
        with keeping_votes(None):
            plan, models, notes = plan_file(request, config, labels, use_llm=not no_llm)
            print_plan(plan, models, (*notes, *([_TWICE] if self_test else [])))
        return
    target = output or table.parent / f"{table.stem}.mended{table.suffix}"
    store = None if no_llm else OutputPaths.beside(target).store
    with keeping_votes(store), ProgressBars(quiet=quiet) as bars:
        outcome = relabel_file(
            request,
            target,
            config,
            bars,
            labels_file=labels,
            use_llm=not no_llm,
            fresh=fresh,
            self_test=self_test,
        )
    if not quiet:
        print_summary(outcome, verbose=verbose)


_TWICE = (
    "--self-test mends a second time without LLM, reranker and embedding: the times above do not "
    "count it"
)


def _harm(text: str | None) -> list[str]:
    """Return the override of `--max-harm`, given as a share or in per cent."""
    if text is None:
        return []
    from labelmend.errors import ConfigError

    number, per_cent = text.removesuffix("%"), text.endswith("%")
    try:
        share = float(number) / (100 if per_cent else 1)
    except ValueError:
        raise ConfigError(f"--max-harm {text}: give a share such as 0.005, or 0.5%") from None
    return [f"decision.max_harm={share!r}"]
