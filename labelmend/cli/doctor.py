"""`labelmend doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless, open_console

if TYPE_CHECKING:
    from labelmend.workflows.doctor import Diagnosis, Finding

CANNOT_RUN = 1
"""The exit code where the profile lacks something."""

_STYLES = {"OK": "green", "missing": "yellow", "wrong": "bold red", "note": "cyan"}


def doctor(
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    no_llm: options.NoLlm = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print all of it as JSON.", rich_help_panel=help_page.OUTPUT),
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what is installed, which models are here, and what a profile lacks.

    One line each, with the command that mends it. Nothing is downloaded, changed or sent. The exit
    code is 0 where `relabel` can run with the profile, and 1 where something that it needs is
    missing.
    """
    import json

    from labelmend.workflows.doctor import diagnose

    found = diagnose(profile, tuple(settings or ()), use_llm=not no_llm)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    elif not quiet:
        _print(found)
    if not found.can_run:
        raise typer.Exit(CANNOT_RUN)


def _print(found: "Diagnosis") -> None:
    _print_section("Installed", found.installed)
    _print_section("Extras", found.extras)
    _print_section("Models", found.models)
    _print_section("Processor", found.processor)
    _print_section("Folders", found.folders)
    without = "" if found.use_llm else ", without LLMs"
    _print_section(f"What the profile {found.profile} needs{without}", found.needs)
    if found.can_run:
        typer.echo(harmless(f"The profile {found.profile} can run."))
        return
    typer.echo(harmless(f"The profile {found.profile} can't run. What mends it:"))
    for remedy in found.remedies:
        typer.echo(f"  {harmless(remedy)}")


def _print_section(title: str, findings: "tuple[Finding, ...]") -> None:
    """Print a line a finding, whole: its end is a command to copy."""
    from rich.text import Text

    console = open_console(highlight=False)
    console.print(Text(harmless(title)), style="bold", soft_wrap=True)
    widest = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        line = Text(f"  {finding.state:<7}  ", style=_STYLES[finding.state])
        line.append(
            f"{harmless(finding.what):<{widest}}  {harmless(finding.in_words)}", style="none"
        )
        console.print(line, soft_wrap=True)
    console.print()
