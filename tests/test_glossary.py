"""The glossary names what exists: options, settings, and a meaning for every new word."""

import re
from pathlib import Path

import typer

from labelmend.cli.app import app
from labelmend.configs.load import config_to_dict, load_config

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
WORDS, _, OLD = GLOSSARY.partition("## Words of our own")


def rows(text):
    """The cells of a page's tables, their heads left out."""
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]


def options():
    commands = typer.main.get_command(app).commands.values()
    return {name for command in commands for param in command.params for name in param.opts}


def test_every_word_has_a_meaning_and_a_place():
    table = rows(WORDS)
    assert len(table) > 40
    assert all(len(row) == 3 and all(row) for row in table)
    words = [row[0] for row in table]
    assert len(set(words)) == len(words)


def test_every_new_word_for_an_old_one_is_explained():
    defined = {row[0].partition(" (")[0] for row in rows(WORDS)}
    table = rows(OLD)
    assert len(table) == 11
    assert {new.partition(" (")[0] for _, new in table} <= defined


def test_the_options_that_it_names_exist():
    named = set(re.findall(r"`(--[a-z-]+)`", GLOSSARY))
    assert len(named) > 8
    assert named <= options()


def test_the_settings_that_it_names_exist():
    sections = set(config_to_dict(load_config()))
    named = [
        key for key in re.findall(r"`([a-z]+\.[\w.]+)`", GLOSSARY) if not key.startswith("mended.")
    ]
    found = [key.split(".") for key in named if key.split(".")[0] in sections]
    assert len(found) > 3
    for path in found:
        value = config_to_dict(load_config())
        for key in path:
            value = value[0] if key == "N" else value[key]
