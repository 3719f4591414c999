"""`labelmend models`: list, check, pull."""

from typing import Annotated

import typer

from labelmend.cli import completion, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes
from labelmend.cli.terminal import open_console

app = typer.Typer(
    help="Where the models come from, and whether they are here.", no_args_is_help=True
)

_BAD = 2
"""Exit status if a model is not the pinned one."""

_WIDE = 200
"""Columns where the output is no terminal: one line a model, for grep and the like."""


@app.command(
    "list",
    **help_page.page(
        help_page.COMMANDS, "List the known models, and which are here.", "labelmend models list"
    ),
)
def list_models() -> None:
    """List the known models: source, size, licence, and whether they are here."""
    _print_inventory(trust_cache=True)


@app.command(
    "check",
    **help_page.page(
        help_page.COMMANDS, "Hash every model that is here.", "labelmend models check"
    ),
)
def check_models() -> None:
    """Hash every model that is here; exit code 2 if one is not the pinned one."""
    wrong = _print_inventory(trust_cache=False)
    if wrong:
        raise typer.Exit(_BAD)


@app.command(
    "pull",
    **help_page.page(
        help_page.COMMANDS,
        "Download hub models, and verify them.",
        "labelmend models pull bge-large-en-v1.5 bge-reranker-v2-m3",
    ),
)
def pull_models(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Names from `labelmend models list`.", autocompletion=completion.pulled_models
        ),
    ],
    quiet: options.Quiet = False,
) -> None:
    """Download hub models at their pinned revision, and verify them."""
    from labelmend.weights.pull import pull

    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        pulled = [pull(name, bars) for name in names]
    if not quiet:
        for model in pulled:
            typer.echo(f"{model.name}: {model.path} ({model.source})")


def _print_inventory(*, trust_cache: bool) -> list[str]:
    """Print the table of models, and return the names of those with a wrong hash."""
    from rich.table import Table

    from labelmend.cli.summary import size_in_words
    from labelmend.weights.locate import inventory

    statuses = inventory(trust_cache=trust_cache)
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "kind", "state", "size"):
        table.add_column(heading, no_wrap=True)
    for heading in ("licence", "source"):
        table.add_column(heading, overflow="fold")
    styles = {"here": "green", "missing": "dim", "wrong hash": "bold red", "other version": "red"}
    for s in statuses:
        size = size_in_words(s.size_bytes) if s.size_bytes else "?"
        state = f"[{styles[s.state]}]{s.state}[/]"
        table.add_row(s.name, s.kind, state, size, s.licence, s.source)
    console = open_console()
    if not console.is_terminal:
        console = open_console(width=_WIDE)
    console.print(table)
    for s in statuses:
        if s.problem:
            console.print(s.problem, highlight=False, markup=False, soft_wrap=True)
    return [s.name for s in statuses if s.state == "wrong hash"]
