"""Writes docs/cli.md from the commands themselves: `make pages`."""

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cli.md"

_HEAD = """# Command line

`labelmend COMMAND --help` says the same in the terminal. Exit codes: 0, all went well; 1, the
reader of the output left, or `doctor` found that a profile can't run; 2, there is something for you
to mend, told in one line; 3, `monitor --fail-on` found what it names; 70, something that nobody
expected, with a log ([files](files.md#what-may-be-read)).

This page is made from the commands by `make pages`.
"""


def cli_page() -> str:
    """Return the page: a section a command, a table a group of options."""
    import typer

    from labelmend.cli.app import app
    from labelmend.cli.help_page import COMMAND_GROUPS

    root = typer.main.get_command(app)
    commands = list(_commands(root, "labelmend", ""))
    listed = []
    for title in _in_order({group for group, _, _ in commands}, COMMAND_GROUPS):
        rows = [f"| {title} | |", "|---|---|"]
        for group, name, command in commands:
            if group == title:
                help_text = _first(command)
                rows.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(help_text)} |")
        listed.append("\n".join(rows))
    sections = [_section(name, command) for _, name, command in commands]
    return "\n\n".join(part.strip() for part in [_HEAD, *listed, *sections]) + "\n"


def _commands(group: Any, path: str, panel: str) -> Iterator[tuple[str, str, Any]]:
    """Yield group, name and command of all commands that are no groups."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        held = panel or getattr(command, "rich_help_panel", None) or "Commands"
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}", held)
        else:
            yield held, f"{path} {name}", command


def _in_order(groups: Iterable[str], known: tuple[str, ...]) -> list[str]:
    there = sorted(groups)
    return [group for group in known if group in there] + [g for g in there if g not in known]


def _first(command: Any) -> str:
    return inspect.cleandoc(command.help or "").split("\n\n")[0]


def _section(name: str, command: Any) -> str:
    import typer

    from labelmend.cli.help_page import OPTION_GROUPS

    context = typer.Context(command)
    tables: dict[str, list[str]] = {}
    usage = [name]
    for param in command.params:
        record = param.get_help_record(context)
        if record is None:
            continue
        argument = param.param_type_name == "argument"
        usage += param.get_usage_pieces(context) if argument else []
        group = "Arguments" if argument else getattr(param, "rich_help_panel", None) or "Options"
        shown = record[0].removeprefix(" / ")
        tables.setdefault(group, []).append(f"| `{_cell(shown)}` | {_cell(record[1])} |")
    parts = [f"## {name}", _paragraphs(inspect.cleandoc(command.help or ""))]
    parts.append(f"```text\n{' '.join(usage)} [OPTIONS]\n```")
    parts += [
        "\n".join([f"| {group} | |", "|---|---|", *tables[group]])
        for group in _in_order(tables, ("Arguments", *OPTION_GROUPS))
    ]
    if command.epilog:
        parts.append(f"```sh\n{inspect.cleandoc(command.epilog)}\n```")
    return "\n\n".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(_cell(block, "|") for block in re.split(r"\n\s*\n", text))


def _cell(text: str, bar: str = "\\|") -> str:
    return re.sub(r"\s+", " ", text).replace("|", bar).strip()


if __name__ == "__main__":
    PAGE.write_text(cli_page(), "utf-8")
