"""Gathers the sentences of the source into labelmend/voice/ru.po, and compiles it to ru.mo.

Run it after a sentence was written or changed, translate what it names, and run it again.
"""

import ast
import io
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "labelmend"
FOLDER = PACKAGE / "voice"

CALLS = ("tell", "note", "meant")
"""The functions whose first argument is a sentence."""

CATEGORIES = ("one", "many")
"""The message by whose plural forms the categories are named: see `labelmend.voice.catalogue`."""


@cache
def gathered() -> Mapping[str, frozenset[tuple[str, str]]]:
    """Return all sentences of the source, with the files that say them and by which function."""
    found: dict[str, set[tuple[str, str]]] = {}

    def add(sentence: str, path: Path, call: str) -> None:
        found.setdefault(sentence, set()).add((path.relative_to(ROOT).as_posix(), call))

    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text("utf-8")
        if "labelmend.voice" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and node.args and _called(node.func) in CALLS:
                for sentence in literals(node.args[0]):
                    add(sentence, path, _called(node.func))
    for path in sorted(PACKAGE.rglob("*.jinja")):
        if path.is_relative_to(PACKAGE / "prompts"):  # what LLMs are told
            continue
        parsed = Environment(autoescape=True).parse(path.read_text("utf-8"))
        for _, call, said in extract_from_ast(parsed, CALLS):
            add(str(said[0] if isinstance(said, tuple) else said), path, call)
    return {sentence: frozenset(places) for sentence, places in found.items()}


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def literals(argument: ast.expr) -> list[str]:
    """Return the sentences that an argument may be: one, or one of several."""
    if isinstance(argument, ast.IfExp):
        return [*literals(argument.body), *literals(argument.orelse)]
    if isinstance(argument, ast.JoinedStr):
        raise TypeError(f"line {argument.lineno}: a sentence can't be an f-string")
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    return []


def read(language: str) -> Catalog:
    """Return the catalogue of a language, as its file has it."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def brought_up(language: str) -> Catalog:
    """Return the catalogue with the sentences of the source, and no others."""
    catalogue, sentences = read(language), gathered()
    for message in list(catalogue):
        if message.id and not message.context and message.id not in sentences:
            catalogue.delete(message.id)
    for sentence, places in sentences.items():
        known = catalogue.get(sentence)
        said = known.string if known is not None else ""
        if known is not None:
            catalogue.delete(sentence)
        # Lines are left out: they would change with every edit above them.
        files = [(name, 0) for name in sorted({name for name, _ in places})]
        catalogue.add(sentence, said, locations=files, flags=())
    return catalogue


def untold(catalogue: Catalog) -> list[str]:
    """Return the sentences that are not translated."""
    return [str(message.id) for message in catalogue if message.id and not all_of(message.string)]


def all_of(said: object) -> bool:
    """Whether a message has all its forms."""
    return bool(said) and (not isinstance(said, tuple) or all(said))


def written(catalogue: Catalog) -> bytes:
    """Return the catalogue as its file has it."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """Return the catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> int:
    """Bring the catalogues up to the source, and say what is missing."""
    catalogue = brought_up("ru")
    (FOLDER / "ru.po").write_bytes(written(catalogue))
    (FOLDER / "ru.mo").write_bytes(compiled(catalogue))
    missing = untold(catalogue)
    for sentence in missing:
        sys.stdout.write(f"not translated: {sentence}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
