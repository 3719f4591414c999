"""Cells that hold a list of labels, or several labels joined by a sign.

Tools write a row's labels as JSON (`["a", "b"]`), as Python or NumPy print them (`['a', 'b']`,
`['a' 'b']`), as Label Studio does (`{"choices": ["a", "b"]}`, which pandas prints as
`{'choices': ['a', 'b']}`), or joined (`a;b`).
"""

import ast
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from labelmend.data.cells.spellings import folded

NONE = "none"
"""In the place of a separator: a cell is one label as it stands."""

_SEPARATORS = (";", "|", ",", "\n")
"""Looked for where none is named."""

_CHOICES = "choices"
"""The one field of an object that holds labels, as Label Studio writes them."""

_MOST_CHARS = 100_000
"""A longer cell is no list of labels."""

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_BARE = r"""[-+]?\d[\d.]*|None|nan|null|True|False"""
_ITEM = re.compile(rf"\s*(?P<quoted>{_QUOTED})|\s*(?P<bare>{_BARE})(?=[\s,\])])", re.DOTALL)
_BETWEEN = re.compile(r"\s*,\s*|\s+|(?=['\"])")
_NOTHING = {"None", "nan", "null"}
_PRINTED_CHOICES = re.compile(rf"\{{\s*['\"]{_CHOICES}['\"]\s*:\s*(?P<value>.*)\}}", re.DOTALL)


def listed_labels(cell: str) -> tuple[str, ...] | None:
    """Return the labels of a cell that holds a list, in its order; None where it holds none.

    A label that stands twice counts once; null and blank ones are none.
    """
    text = cell.strip()
    if len(text) > _MOST_CHARS or text[:1] + text[-1:] not in {"[]", "{}", "()"}:
        return None
    if text[0] == "(":
        return _printed(text)
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return _printed_choices(text) if text[0] == "{" else _printed(text)
    return _leaves(found if isinstance(found, list) else [found])


def in_shape_of(cell: str, label: str) -> str:
    """Return what a cell is with another label: in a list, or in choices, where its own is so.

    Args:
        cell: that holds one label at most.
        label: as `listed_labels` gives it; one that is a list itself stays as it is.
    """
    if listed_labels(cell) is None or listed_labels(label) is not None:
        return label
    try:
        return json.dumps(_with_label(json.loads(cell), label), ensure_ascii=False)
    except ValueError:
        pass
    try:
        return repr(_with_label(ast.literal_eval(cell.strip()), label))
    except (ValueError, SyntaxError):  # such as [nan]
        return f"[{label!r}]"


def _with_label(found: Any, label: str) -> Any:
    """Return nested lists and choices with one label in the place of theirs."""
    if isinstance(found, (list, tuple)):
        return type(found)([_with_label(found[0] if found else None, label)])
    if isinstance(found, dict):
        return {_CHOICES: _with_label(found.get(_CHOICES), label)}
    return int(label) if isinstance(found, int) and label.lstrip("-").isdecimal() else label


def split_labels(cell: str, separator: str) -> tuple[str, ...]:
    """Return the labels between the separators, without white space around them, each once."""
    parts = (part.strip() for part in cell.split(separator))
    return tuple(dict.fromkeys(part for part in parts if part))


def joined_labels(
    cells: Mapping[str, int], known: Collection[str]
) -> tuple[str, frozenset[str]] | None:
    """Find cells that hold several labels, joined by a sign.

    Cells with a sign in them may well be single labels, such as "salt; pepper". They are several
    only where each part is a label of its own elsewhere: alone in a cell, or at one end of a joined
    cell and further on in another.

    Args:
        cells: each with its number of rows; none of them is a list.
        known: labels, whatever signs they hold.

    Returns:
        the sign of most such rows, and the cells that it joins; or None.
    """
    whole = set(known)
    best: tuple[str, frozenset[str]] | None = None
    most = 0
    for sign in _SEPARATORS:
        parts = {
            cell: split_labels(cell, sign) for cell in cells if sign in cell and cell not in whole
        }
        parts = {cell: found for cell, found in parts.items() if len(found) > 1}
        if not parts:
            continue
        single = {folded(label) for label in (*(c for c in cells if c not in parts), *whole)}
        first = {folded(found[0]) for found in parts.values()}
        later = {folded(part) for found in parts.values() for part in found[1:]}
        single |= first & later
        joined = [c for c, found in parts.items() if all(folded(p) in single for p in found)]
        rows = sum(cells[cell] for cell in joined)
        if rows > most:
            best, most = (sign, frozenset(joined)), rows
    return best


def _printed_choices(text: str) -> tuple[str, ...] | None:
    """Return the labels of choices as Python prints them."""
    found = _PRINTED_CHOICES.fullmatch(text)
    if found is None:
        return None
    value = found["value"].strip()
    if value[:1] + value[-1:] in {"[]", "()"}:
        return _printed(value)
    labels = _printed(f"[{value}]")
    return labels if labels is None or len(labels) <= 1 else None


def _printed(text: str) -> tuple[str, ...] | None:
    """Return the labels of a list as Python or NumPy print it."""
    inside, place, found = text[1:-1].strip(), 0, []
    if not inside:
        return ()
    # A name in brackets, such as [other] or (other), is no list, and neither is (1).
    if text[0] == "(" and "," not in inside:
        return None
    inside += " "
    while place < len(inside.rstrip()):
        item = _ITEM.match(inside, place)
        if item is None:
            return None
        found.append(_value(item))
        place = item.end()
        between = _BETWEEN.match(inside, place)
        if between is None:
            return None
        place = between.end()
    return _leaves(found)


def _value(item: re.Match[str]) -> str | None:
    """Return a printed item as text; None for one that stands for nothing."""
    if item["quoted"] is None:
        return None if item["bare"] in _NOTHING else item["bare"]
    try:
        return str(ast.literal_eval(item["quoted"]))
    except (ValueError, SyntaxError, MemoryError):
        return item["quoted"][1:-1]


def _leaves(found: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the labels of a list of lists and choices; None where it holds something else."""
    labels: dict[str, None] = {}
    rest = list(reversed(found))
    while rest:
        item = rest.pop()
        if isinstance(item, list):
            rest += reversed(item)
        elif isinstance(item, dict):
            if not set(item) <= {_CHOICES}:
                return None
            rest.append(item.get(_CHOICES))
        elif item is not None and str(item).strip() and item == item:  # NaN is unlike itself
            labels[str(item)] = None
    return tuple(labels)
