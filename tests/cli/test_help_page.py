"""Every option of every command stands in a group, and every command has examples that parse."""

import re
import shlex
from unittest.mock import patch

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from labelmend.cli import help_page
from labelmend.cli.app import app

_WIDTH = 80
"""Columns of a terminal."""


def commands(group=None, name="labelmend"):
    """All commands with their whole names, those of groups too."""
    for word, command in (group or get_command(app)).commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_every_option_stands_in_a_group(name):
    loose = [
        parameter.opts
        for parameter in ALL[name].params
        if parameter.param_type_name == "option"
        and parameter.rich_help_panel not in help_page.OPTION_GROUPS
    ]
    assert loose == []


def test_the_page_shows_groups_in_their_order_and_each_option_once(cli):
    out = cli("train-classifier", "--help").out
    titles = re.findall(r"^(\S.*):$", out, re.MULTILINE)
    assert titles == [
        *("Arguments", "Input", "Decisions", "Training", "Settings", "Output"),
        *("Options", "Examples"),
    ]
    training = out.partition("\nTraining:\n")[2].partition("\n\n")[0]
    assert re.findall(r"--[a-z-]+", training) == [
        *("--kind", "--weight-by-confidence", "--rare-labels", "--encoder", "--lora", "--full")
    ]
    assert out.count("--kind ") == 2  # its own line, and an example
    # What can only be turned off has nothing before its slash.
    assert re.search(r"^  --no-header  +The table", out, re.MULTILINE)


def test_every_command_has_a_place_and_a_line_on_the_first_page(cli):
    shown = cli("--help").out
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert titles == [*help_page.COMMAND_GROUPS, "Options", "Examples"]
    for name, command in get_command(app).commands.items():
        assert f"\n  {name:<16}  {command.short_help}\n" in shown
    assert max(map(len, shown.splitlines())) <= _WIDTH + 10
    assert "..." not in shown.replace("[ARGS]...", "")


def examples_of(page):
    return [line.strip() for line in (page or "").strip().splitlines()]


EXAMPLES = [
    (name, line)
    for name, command in [("labelmend", get_command(app)), *ALL.items()]
    for line in examples_of(command.epilog)
]


def test_every_command_has_an_example_and_its_page_shows_it_as_it_is_typed(cli):
    for name, command in ALL.items():
        first, *_ = examples_of(command.epilog)
        assert first.startswith(f"{name} ") or first == name
    pages = {name: cli(*name.split()[1:], "--help").out for name, _ in EXAMPLES}
    for name, line in EXAMPLES:
        assert f"\n  {line}\n" in pages[name]


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_an_example_parses(name, line, cli, tmp_path, monkeypatch):
    """By the command line's own parser, up to the point where work would begin."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)
    if ">" in words:
        words = words[: words.index(">")]
    parsed = []

    def stop(_, ctx):
        while ctx.parent is not None:
            parsed.insert(0, ctx.info_name)
            ctx = ctx.parent

    with patch.object(TyperCommand, "invoke", stop):
        ran = cli(*words[1:])
    assert (ran.code, ran.err) == (0, "")
    assert words[: 1 + len(parsed)] == ["labelmend", *parsed]
    # One that shows what comes next is of another command.
    assert parsed == name.split()[1:] or "#" in line


def test_an_example_that_names_an_option_that_is_none_is_found(cli):
    with patch.object(TyperCommand, "invoke", lambda self, ctx: None):
        assert cli("certify", "mended.csv", "--answer", "answers.jsonl").code == 2
        assert cli("certify", "mended.csv").code == 2
