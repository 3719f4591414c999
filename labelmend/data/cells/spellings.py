"""Labels that are one label, spelled in several ways."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping

_HIDDEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
"""Characters that nobody sees, such as the zero-width space, and what copying leaves of them."""

_BREAKS = re.compile(r"(?<=[^\s_-])[\s_-]+(?=[^\s_-])")
"""What parts words. At either end a sign tells labels apart: -1, A-."""

_WHOLE = re.compile(r"([+-]?(?:0|[1-9]\d*))(?:\.0+)?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def folded(label: str) -> str:
    """Return what the spellings of one label share.

    They differ by case, white space, underscores, hyphens, characters that nobody sees, and by how
    Unicode writes accents (NFC and NFD).
    """
    plain = unicodedata.normalize("NFC", label.translate(_HIDDEN)).casefold().strip()
    return unicodedata.normalize("NFC", _BREAKS.sub(_joint, plain))


def _joint(found: re.Match[str]) -> str:
    """Return what stands in the place of a break: nothing, but between digits, as in 1-2."""
    before, after = found.string[found.start() - 1], found.string[found.end()]
    if not (before.isdigit() and after.isdigit()):
        return ""
    return "-" if "-" in found[0] else " "


def shown(label: str) -> str:
    """Return a label in quotes; hidden characters and loose accents are told by code points."""
    if unicodedata.is_normalized("NFC", label):
        return repr(label)
    escaped = (
        c.encode("unicode_escape").decode() if unicodedata.combining(c) else repr(c)[1:-1]
        for c in label
    )
    return f"'{''.join(escaped)}'"


def alike(labels: Collection[str]) -> list[list[str]]:
    """Return the groups of labels that are spellings of one, each in the order of code points."""
    groups = defaultdict(list)
    for label in sorted(labels):
        groups[folded(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def merged_spellings(counts: Mapping[str, int], known: Collection[str] = ()) -> dict[str, str]:
    """Return for each label that is another one's spelling the one that stands for both.

    That is a known one, else the most frequent, and of equally frequent ones the first by code
    points.

    Args:
        counts: rows by label.
        known: labels whose spelling stays.
    """
    stay = set(known)
    merged: dict[str, str] = {}
    for group in alike({*counts, *stay}):
        chosen = min(group, key=lambda label: (label not in stay, -counts.get(label, 0), label))
        merged |= {label: chosen for label in group if label != chosen and label not in stay}
    return merged


def numbers(labels: Collection[str]) -> bool:
    """Tell whether there are labels and all of them are numbers."""
    return bool(labels) and all(_NUMBER.fullmatch(label.strip()) for label in labels)


def whole_number(label: str) -> str | None:
    """Return 3 for 3 and 3.0; None for what is no whole number, such as 007, which is a name."""
    found = _WHOLE.fullmatch(label.strip())
    return None if found is None else found[1]


def merged_numbers(labels: Collection[str], known: Collection[str] = ()) -> dict[str, str]:
    """Return for 3.0 and the like the 3 that it is, where a number is spelled in both ways.

    Where none is, all labels stay as they are.

    Args:
        labels: numbers, as they are spelled.
        known: labels whose spelling stays.
    """
    spelled: dict[str, set[str]] = defaultdict(set)
    for label in {*labels, *known}:
        whole = whole_number(label)
        if whole is not None:
            spelled[whole].add(label)
    if all(len(spellings) < _TWO for spellings in spelled.values()):
        return {}
    merged: dict[str, str] = {}
    for number, spellings in spelled.items():
        theirs = sorted(spellings & set(known))
        target = theirs[0] if theirs else number
        merged |= {label: target for label in spellings if label != target and label not in known}
    return merged


_TWO = 2
"""Spellings of one number."""
