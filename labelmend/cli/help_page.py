"""How `--help` is laid out: options and commands in groups, and examples below them.

Typer groups options only where Rich draws its panels. Rich takes as long to load as all the rest of
the help, and its boxes are no text that can be searched: the groups are plain sections here.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypedDict

from typer.core import TyperCommand, TyperGroup

INPUT = "Input"
ROWS = "Rows"
ANSWERS = "Answers"
EVIDENCE = "Evidence"
LLMS = "LLMs"
DECISIONS = "Decisions"
TRAINING = "Training"
NOISE = "Noise"
COMPARISON = "Comparison"
PAGE = "Page"
SERVER = "Server"
LOG = "Log of requests"
LIMITS = "Limits"
SETTINGS = "Settings"
OUTPUT = "Output"

OPTION_GROUPS = (
    *(INPUT, ROWS, ANSWERS, EVIDENCE, LLMS, DECISIONS, TRAINING, NOISE, COMPARISON, PAGE),
    *(SERVER, LOG, LIMITS, SETTINGS, OUTPUT),
)
"""The groups of options, in the order in which a page shows them."""

MEND = "Mend a table"
PEOPLE = "Ask people"
LEARN = "Learn from it"
TRY = "Try it"
INSTALLATION = "What is here"

COMMAND_GROUPS = (MEND, PEOPLE, LEARN, TRY, INSTALLATION)
"""The groups of commands, in the order in which the first page shows them."""

COMMANDS = "Commands"
"""The one group of commands that belong to another."""

REST = "Options"
"""Of every command, such as --help; their section comes last."""

Entry = tuple[str, str]
"""What is typed, and what it does."""


class CommandPage(TyperCommand):
    """A command whose options stand in groups, and whose epilog is a list of examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options by their groups."""
        _write_parameters(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- Click's signature
        """Write the examples."""
        _write_examples(self.epilog, formatter)


class GroupPage(TyperGroup):
    """Commands in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by their groups, then the options."""
        sections: dict[str, list[Any]] = defaultdict(list)
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                sections[getattr(command, "rich_help_panel", None) or COMMANDS].append(command)
        widest = max(len(name) for name in self.list_commands(ctx))
        for group in _in_order(sections, COMMAND_GROUPS):
            limit = formatter.width - 6 - widest
            entries = [
                (f"{command.name:<{widest}}", command.get_short_help_str(limit))
                for command in sections[group]
            ]
            _write_section(group, entries, formatter)
        _write_parameters(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- Click's signature
        """Write the examples."""
        _write_examples(self.epilog, formatter)


class PageOf(TypedDict):
    """What Typer's `command` is told of a command's page."""

    cls: type[TyperCommand]
    rich_help_panel: str
    short_help: str
    epilog: str


def page(group: str, short: str, *examples: str) -> PageOf:
    """Return how a command stands on the page above its own, and what ends its own.

    Args:
        group: of commands.
        short: one line of at most 55 characters, which a terminal of 80 columns shows whole.
        examples: commands as they are typed, each maybe with a `# comment` behind it.
    """
    told = "\n".join(examples)
    return PageOf(cls=CommandPage, rich_help_panel=group, short_help=short, epilog=told)


def _write_parameters(parameters: Iterable[Any], ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[Entry]] = defaultdict(list)
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        argument = parameter.param_type_name == "argument"
        group = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or REST
        # Of a switch that can only be turned off, nothing stands before the slash.
        sections[group].append((record[0].removeprefix(" / "), record[1]))
    for group in _in_order(sections, ("Arguments", *OPTION_GROUPS)):
        _write_section(group, sections[group], formatter)


def _in_order(sections: Iterable[str], known: tuple[str, ...]) -> list[str]:
    """Return the known groups that are there, in their order, and then the others."""
    there = list(sections)
    first = [group for group in known if group in there]
    return first + [group for group in there if group not in known]


def _write_section(title: str, entries: list[Entry], formatter: Any) -> None:
    with formatter.section(title):
        formatter.write_dl(entries)


def _write_examples(examples: str | None, formatter: Any) -> None:
    """Write them as they are: a command that is broken over two lines can't be copied."""
    if not examples:
        return
    with formatter.section("Examples"):
        for line in examples.strip().splitlines():
            formatter.write(f"  {line.strip()}\n")
