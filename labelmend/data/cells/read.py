"""A column of labels to a set of labels a row: the one place that knows how labels are written."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from labelmend.data.cells.lists import NONE, joined_labels, listed_labels, split_labels
from labelmend.data.cells.spellings import (
    merged_numbers,
    merged_spellings,
    numbers,
    whole_number,
)
from labelmend.errors import ConfigError, InputError, nearest
from labelmend.voice.speak import meant, note

_SHOWN_CHARS = 60
"""Of a cell in a message."""

_NAN = "nan"
"""What libraries print, in any case, for a number that is missing."""


@dataclass(frozen=True)
class LabelRules:
    """How cells with labels are read.

    Attributes:
        separator: stands between the labels of a cell; "none" where each cell is one label as it
            stands; None to see whether cells hold lists or joined labels.
        missing: what stands for a label that is missing, beside blanks.
        merge_spellings: spellings of one label are one; else they are told of.
    """

    separator: str | None = None
    missing: tuple[str, ...] = ()
    merge_spellings: bool = False

    def __post_init__(self) -> None:
        if self.separator is not None and not self.separator:
            raise ConfigError(
                "--label-separator: is empty; give the sign between labels, such as ';', or none"
            )

    @property
    def as_they_stand(self) -> "LabelRules":
        """The same rules for cells that hold one label each, as our own columns do."""
        return LabelRules(NONE, self.missing, self.merge_spellings)


AS_IT_LOOKS = LabelRules()


@dataclass(frozen=True)
class LabelCells:
    """A column of labels, read.

    Attributes:
        sets: of each row, its labels in the order of the cell, each once; none where it is missing.
        notes: what a user should know, one line each.
        joined_by: the sign that joins the labels of a cell; None where cells hold lists, or one
            label each.
        notes_on_lists: what a user should know besides where each row has one label.
    """

    sets: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    joined_by: str | None
    notes_on_lists: tuple[str, ...] = ()

    def single(self, cells: Sequence[str], where: str) -> list[str]:
        """Return one label a row, "" where it is missing.

        Args:
            cells: that were read.
            where: what a message calls the table and its column.

        Raises:
            InputError: a row has several.
        """
        several = [row for row, labels in enumerate(self.sets) if len(labels) > 1]
        if several:
            count, cell = len(several), cells[several[0]]
            how = "in a list" if self.joined_by is None else f"joined by {self.joined_by!r}"
            raise InputError(
                f"{where}: {count} {'row holds' if count == 1 else 'rows hold'} several labels "
                f"each, {how}, such as {cell[:_SHOWN_CHARS]!r} in row {several[0] + 1}; labelmend "
                "mends one label a row: leave one in each cell, or give --label-separator none if "
                "such a cell is one label"
            )
        return [labels[0] if labels else "" for labels in self.sets]


def read_labels(
    cells: Sequence[str],
    rules: LabelRules = AS_IT_LOOKS,
    *,
    described: Collection[str] = (),
    known: Collection[str] = (),
) -> LabelCells:
    """Read a column of labels.

    Args:
        cells: one a row.
        rules: how they are read.
        described: labels that are there whatever the rows carry; a cell with such a name is that
            label, and their spelling stays.
        known: labels of another table, whose spelling stays, too.
    """
    counts = Counter(cells)
    sets, listed, joined_by = _sets(counts, rules, described)
    gone = _missing(sets, counts, rules, described)
    sets = {cell: tuple(k for k in labels if k not in gone) for cell, labels in sets.items()}
    rows: Counter[str] = Counter()
    for cell, labels in sets.items():
        for label in labels:
            rows[label] += counts[cell]
    stay = {*described, *known}
    same = merged_numbers(rows, stay) if numbers({*rows, *stay}) else {}
    spelled = {} if not rules.merge_spellings else merged_spellings(_counted(rows, same), stay)
    target = {label: spelled.get(same.get(label, label), same.get(label, label)) for label in rows}
    sets = {
        cell: tuple(dict.fromkeys(target[label] for label in labels))
        for cell, labels in sets.items()
    }
    other = sum(count for label, count in rows.items() if label in spelled)
    lists = counted_note(
        sum(counts[cell] for cell in listed if len(sets[cell]) == 1),
        meant(
            "{count} {count:one=row holds|other=rows hold} a list of one label: it is taken "
            "out of the list"
        ),
    )
    notes = [
        *counted_note(
            other,
            meant(
                "{count} {count:one=row carries|other=rows carry} another spelling of a label: "
                "merged"
            ),
        ),
        *_unheard(rules.missing, counts, gone),
    ]
    rows_of = tuple(sets[cell] for cell in cells)
    return LabelCells(rows_of, tuple(notes), joined_by, tuple(lists))


def _sets(
    counts: Counter[str], rules: LabelRules, described: Collection[str]
) -> tuple[dict[str, tuple[str, ...]], set[str], str | None]:
    """Return the labels of each cell, the cells that are lists, and the sign that joins others."""
    whole = {cell for cell in counts if rules.separator == NONE or cell in described}
    sets: dict[str, tuple[str, ...]] = {c: (c,) if c.strip() else () for c in counts}
    found = {cell: listed_labels(cell) for cell in counts if cell not in whole}
    listed = {cell: labels for cell, labels in found.items() if labels is not None}
    plain = {cell: counts[cell] for cell in found if cell not in listed and sets[cell]}
    joined: Collection[str] = ()
    sign = rules.separator if rules.separator != NONE else None
    if sign is not None:
        joined = plain
    elif rules.separator is None:
        sign, joined = joined_labels(plain, described) or (None, ())
    sets |= listed
    if sign is not None:
        sets |= {cell: split_labels(cell, sign) for cell in joined}
    return sets, set(listed), sign if any(len(sets[cell]) > 1 for cell in joined) else None


def _missing(
    sets: dict[str, tuple[str, ...]],
    counts: Counter[str],
    rules: LabelRules,
    described: Collection[str],
) -> set[str]:
    """Return the labels that are none: what the user says, and NaN among numbers."""
    labels = {label for cell in counts for label in sets[cell]}
    gone = {label for label in labels if any(_is(label, value) for value in rules.missing)}
    nan = {label for label in labels - set(described) if label.strip().casefold() == _NAN}
    return gone | nan if nan and numbers(labels - nan - gone) else gone


def _is(label: str, value: str) -> bool:
    """Whether a label is the value that stands for a missing one; -1.0 is -1."""
    number = whole_number(label)
    return label.strip() == value.strip() or (number is not None and number == whole_number(value))


def _counted(rows: Counter[str], same: dict[str, str]) -> Counter[str]:
    """Return the rows of each label once numbers are one."""
    counted: Counter[str] = Counter()
    for label, count in rows.items():
        counted[same.get(label, label)] += count
    return counted


def counted_note(count: int, sentence: str, **facts: object) -> list[str]:
    """Return a note on so many rows or labels; none on none of them.

    Args:
        count: of them.
        sentence: as `note` takes it, of which `count` is a fact.
        facts: the others.
    """
    return [note(sentence, count=count, **facts)] if count else []


def cut_note(texts: Sequence[str], limit: int) -> list[str]:
    """Return a note on texts of more characters than the models get."""
    count = sum(len(text) > limit for text in texts)
    sentence = meant(
        "{count} {count:one=text is|other=texts are} cut to {limit} characters for the models"
    )
    return counted_note(count, sentence, limit=limit)


def _unheard(
    missing: Collection[str], cells: Collection[str], labels: Collection[str]
) -> list[str]:
    """Return notes on values that are to be missing, and that no row has."""
    stripped = {cell.strip() for cell in cells}
    return [
        note("--missing-label {value}: no row has it", value=value)
        + nearest(value, sorted(stripped))
        for value in missing
        if value.strip() not in stripped and not any(_is(label, value) for label in labels)
    ]
