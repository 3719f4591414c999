"""`labelmend config`: what the settings are, where each comes from, and what may be set."""

from dataclasses import replace
from typing import Annotated

import typer

from labelmend.cli import completion, help_page, options

app = typer.Typer(help="The settings of a profile, and what may be set.", no_args_is_help=True)


@app.command(
    "show",
    **help_page.page(
        help_page.COMMANDS,
        "Print the settings, and where each comes from.",
        "labelmend config show",
        "labelmend config show decision.max_harm --profile quality",
    ),
)
def show_settings(
    key: Annotated[
        str | None,
        typer.Argument(
            help="One setting or section, such as decision.max_harm or voters.0.",
            autocompletion=completion.settings,
        ),
    ] = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
) -> None:
    """Print the settings as YAML, each with where it comes from; with a KEY, what they mean too."""
    from labelmend.configs.load import resolve
    from labelmend.configs.show import shown
    from labelmend.relabel.evidence.registry import resolved_sources

    resolved = resolve(profile, settings or [])
    resolved = replace(resolved, config=resolved_sources(resolved.config))
    for line in shown(resolved, key):
        typer.echo(line)


@app.command(
    "schema",
    **help_page.page(
        help_page.COMMANDS,
        "Print the JSON schema of a profile.",
        "labelmend config schema > profile.schema.json",
    ),
)
def print_schema() -> None:
    """Print the JSON schema of a profile, with which an editor checks and completes it."""
    import json

    from labelmend.configs.reference import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
