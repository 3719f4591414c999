"""What labels look like: spellings of one, missing ones, and ones that mean "fits no label"."""

import shlex
from collections.abc import Collection, Mapping

from labelmend.data.cells.spellings import alike, folded, numbers, shown, whole_number
from labelmend.voice.speak import note

_SHOWN_GROUPS = 5
"""In a note."""

_MISSING = {
    folded(word)
    for word in (
        *("-1", "nan", "null", "nil", "<na>", "na", "n/a", "#n/a", '""', "''", "?", "-"),
        *("unlabelled", "unlabeled", "not labelled", "not labeled", "no label", "missing"),
        *("нет метки", "без метки", "не размечено"),
    )
}
"""What tools and people write where they have no label."""

_OPEN = {
    folded(word)
    for word in (
        *("other", "others", "misc", "miscellaneous", "none", "unknown", "undefined", "unclear"),
        *("none of the above", "no intent", "nothing", "rest", "не определено", "неопределено"),
        *("не определен", "другое", "прочее", "иное", "разное", "остальное", "неизвестно"),
        *("sonstiges", "andere", "autre", "autres", "otro", "otros", "altro", "其他", "其它"),
    )
}
"""What people call texts that fit no label, or that they could not place."""

_EITHER = {folded(word) for word in ("none", "unknown", "undefined", "не определено")}
"""What may mean that nobody has placed the text yet, too."""

_FEELINGS = ({"-1", "1"}, {"-1", "0", "1"})
"""Labels among which -1 is one: negative, neutral and positive."""


def label_hints(rows: Mapping[str, int], labels: Collection[str], *, ask: bool) -> list[str]:
    """Return notes on what labels look like.

    Args:
        rows: that carry each label.
        labels: the label set.
        ask: whether no label is known to mean "fits no label".
    """
    return [*missing_notes(rows), *spelling_notes(labels), *(open_notes(rows) if ask else ())]


def spelling_notes(labels: Collection[str]) -> list[str]:
    """Return a note on labels that are spellings of one."""
    groups = [" = ".join(map(shown, group)) for group in alike(labels)]
    if not groups:
        return []
    more = f" and {len(groups) - _SHOWN_GROUPS} more" if len(groups) > _SHOWN_GROUPS else ""
    told = note(
        "labels that differ only by case, white space, hidden characters, the writing of accents, "
        "underscores or hyphens are not merged: {groups}; --merge-spellings merges them",
        groups="; ".join(groups[:_SHOWN_GROUPS]) + more,
    )
    return [told]


def missing_notes(rows: Mapping[str, int]) -> list[str]:
    """Return a note on labels that look like missing ones.

    Args:
        rows: that carry each label.
    """
    found = {label: count for label, count in sorted(rows.items()) if _is_missing(label)}
    if not _is_code(rows):
        found = {label: count for label, count in found.items() if not numbers([label])}
    if not found:
        return []
    flags = " ".join(f"--missing-label {shlex.quote(label.strip())}" for label in found)
    told = note(
        "{labels} {count:one=looks like a missing label|other=look like missing labels}; if so, "
        "give {flags}",
        labels=_counted(found),
        count=len(found),
        flags=flags,
    )
    return [told]


def open_notes(rows: Mapping[str, int]) -> list[str]:
    """Return a note that asks whether a label means "fits no label", where none does as yet.

    Args:
        rows: that carry each label.
    """
    found = {label: count for label, count in sorted(rows.items()) if folded(label) in _OPEN}
    if not found:
        return []
    flag = f"--oos-label {shlex.quote(next(iter(found)))}"
    question = "does it mean that a text fits no label?"
    if len(found) > 1:
        flag, question = "--oos-label", "does one of them mean that a text fits no label?"
    either = [label for label in found if folded(label) in _EITHER]
    flags = " ".join(f"--missing-label {shlex.quote(label.strip())}" for label in either)
    rest = f"; where it only says that nobody has placed the text, give {flags}" if flags else ""
    return [f"{_counted(found)}: {question} Then name it with {flag}{rest}"]


def _is_missing(label: str) -> bool:
    return folded(label) in _MISSING or whole_number(label) == "-1"


def _is_code(rows: Mapping[str, int]) -> bool:
    """Whether -1 stands out: other labels are numbers that count from 0, not feelings."""
    labels = {label.strip().removesuffix(".0") for label in rows}
    return labels not in _FEELINGS and not any(
        label.startswith("-") and label != "-1" for label in labels if numbers([label])
    )


def _counted(found: Mapping[str, int]) -> str:
    """Return labels with their rows."""
    words = [
        f"{label!r} ({count} {'row' if count == 1 else 'rows'})" for label, count in found.items()
    ]
    return f"label{'s' * (len(words) > 1)} {', '.join(words)}"
