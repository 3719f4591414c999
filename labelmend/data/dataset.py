"""Tables to datasets: which column is what, the label set, and what a user should know of both."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import DataConfig
from labelmend.data.duplicates import text_groups
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, InputError, nearest, row_list
from labelmend.types import NO_LABEL, Dataset, Ints

TEXT_NAMES = (
    *("text", "query", "utterance", "message", "sentence"),
    *("question", "content", "body", "input", "prompt"),
)
LABEL_NAMES = ("label", "intent", "category", "class", "target", "topic", "tag", "y")
ID_NAMES = ("id", "row_id", "uid", "uuid", "index")

_FEW_ROWS = 3
"""Labels of fewer rows are told of; nothing else depends on it."""

_LEAST_LABELS = 2
"""With one, there is nothing to mend."""

_SHOWN_GROUPS = 5
"""In a note."""

_TELLING_ROWS = 10
"""So many labelled rows, each with a label of its own, are no accident: it's the wrong column."""


@dataclass(frozen=True)
class ColumnChoice:
    """Which column is what.

    Attributes:
        text: what is classified.
        label: the given label; None where all rows are labelled from scratch.
        id: names the rows; None where their numbers do.
    """

    text: str
    label: str | None
    id: str | None


@dataclass(frozen=True)
class LoadedDataset:
    """A dataset and what was seen while it was made.

    Attributes:
        dataset: what the stages work on.
        notes: facts about the data that a user should know, one line each.
        truncated: number of texts that were cut.
    """

    dataset: Dataset
    notes: tuple[str, ...]
    truncated: int


def choose_columns(
    table: SourceTable,
    text: str | None = None,
    label: str | None = None,
    id_column: str | None = None,
    *,
    label_needed: bool = True,
) -> ColumnChoice:
    """Take the columns a user named, and find the others by their names.

    Args:
        table: the user's table.
        text: the text column's name, or None to find it.
        label: the label column's name, or None to find it.
        id_column: the id column's name, or None to find one whose values are unique.
        label_needed: False where a labels file gives the labels, so that no row needs one.

    Raises:
        ColumnError: a named column is missing or named twice, or none can be found.
    """
    named = {"--text-column": text, "--label-column": label, "--id-column": id_column}
    given = {flag: name for flag, name in named.items() if name is not None}
    for flag, name in given.items():
        check_column(table, name, flag)
    for name, times in Counter(given.values()).items():
        if times > 1:
            flags = " and ".join(flag for flag in given if given[flag] == name)
            raise ColumnError(f"{table.path}: {flags} both name {name!r}; name two columns")
    taken = set(given.values())
    text = text or _find(table, TEXT_NAMES, taken, "--text-column")
    if text is None:
        raise ColumnError(_not_found(table, "text", "--text-column"))
    label = label or _find(table, LABEL_NAMES, taken | {text}, "--label-column")
    if label is None and label_needed:
        raise ColumnError(_not_found(table, "label", "--label-column"))
    free = [
        name for name in table.columns if name not in {text, label} and _names_rows(table, name)
    ]
    by_name = {name.strip().casefold(): name for name in free}
    found = next((by_name[name] for name in ID_NAMES if name in by_name), None)
    return ColumnChoice(text, label, id_column or found)


def to_dataset(
    table: SourceTable,
    columns: ColumnChoice,
    config: DataConfig,
    oos_label: str | None,
    extra_labels: Sequence[str] = (),
) -> LoadedDataset:
    """Make the dataset.

    Labels stay as the table has them, white space and all; a blank one is `NO_LABEL`.

    Args:
        table: the user's table.
        columns: which column is what.
        config: how rows are read.
        oos_label: the label that means "fits no label", added where no row carries it; None takes
            the first of `config.oos_labels` that there is.
        extra_labels: labels of a labels file, which rows may carry or not.

    Raises:
        InputError: texts or ids are missing, ids repeat, or the labels can't be learned from.
    """
    whole = table.values(columns.text)
    blank = [row for row, text in zip(table.row_numbers, whole, strict=True) if not text.strip()]
    if blank:
        raise InputError(
            f"{table.path}: {row_list(blank)}: no text in column {columns.text!r}; "
            "fill it in or remove the row"
        )
    ids = _ids(table, columns.id)
    carried = table.values(columns.label) if columns.label is not None else [""] * len(table)
    carried = [label if label.strip() else "" for label in carried]
    extra = {*extra_labels} | ({oos_label} if oos_label else set())
    labels = tuple(sorted({*filter(None, carried)} | extra))
    _check_labels(table, columns.label, carried, labels, described=bool(extra_labels))
    index = {label: i for i, label in enumerate(labels)} | {"": NO_LABEL}
    given = np.array([index[label] for label in carried], dtype=np.int64)
    limit = config.max_text_chars
    truncated = sum(len(text) > limit for text in whole)
    notes = (
        *_label_notes(carried, labels),
        *_duplicate_notes(table, whole, given),
        *_note(truncated, "text is", "texts are", f"cut to {limit} characters for the models"),
    )
    dataset = Dataset(
        ids=ids,
        texts=tuple(text[:limit] for text in whole),
        given=given,
        labels=labels,
        oos=_oos_index(labels, oos_label, config.oos_labels),
    )
    return LoadedDataset(dataset, notes, truncated)


def check_column(table: SourceTable, column: str, flag: str) -> None:
    """Make sure that a column that the user named is there.

    Raises:
        ColumnError: it is not.
    """
    if column not in table.columns:
        raise ColumnError(
            f"{table.path}: {flag}: no column {column!r}{nearest(column, table.columns)}; "
            f"there are {_names(table.columns)}"
        )


def label_indices(labels: Sequence[str], values: Iterable[str | None]) -> Ints:
    """Return int64 [n], each value's place among the labels; `NO_LABEL` for all else."""
    index: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    return np.array([index.get(value, NO_LABEL) for value in values], dtype=np.int64)


def vote_indices(table: SourceTable, column: str, dataset: Dataset) -> Ints:
    """Return int64 [n], a column of other annotators' labels as indices of the label set.

    A blank is `NO_LABEL`, and so is what is no label of the set.

    Raises:
        ColumnError: there is no such column.
        InputError: none of its values is a label of the set.
    """
    check_column(table, column, "--vote-column")
    votes = label_indices(dataset.labels, table.values(column))
    if len(votes) and not (votes != NO_LABEL).any():
        raise InputError(
            f"{table.path}: --vote-column {column}: none of its values is a label of this table; "
            "name a column with labels"
        )
    return votes


def _find(
    table: SourceTable, names: Iterable[str], taken: Collection[str], flag: str
) -> str | None:
    for name in names:
        found = [c for c in table.columns if c.strip().casefold() == name and c not in taken]
        if len(found) > 1:
            raise ColumnError(f"{table.path}: {_names(found)} all fit; choose one with {flag}")
        if found:
            return found[0]
    return None


def _not_found(table: SourceTable, what: str, flag: str) -> str:
    return (
        f"{table.path}: no {what} column found; name one with {flag}: "
        f"there are {_names(table.columns)}"
    )


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(repr, columns))


def _names_rows(table: SourceTable, column: str) -> bool:
    values = table.values(column)
    return len(set(values)) == len(values) and all(value.strip() for value in values)


def _ids(table: SourceTable, column: str | None) -> tuple[str, ...]:
    if column is None:
        return tuple(map(str, table.row_numbers))
    values = table.values(column)
    times = Counter(values)
    numbered = list(zip(table.row_numbers, values, strict=True))
    blank = [row for row, value in numbered if not value.strip()]
    repeated = [row for row, value in numbered if times[value] > 1]
    for rows, problem in ((blank, "no id"), (repeated, "the same id more than once")):
        if rows:
            raise InputError(
                f"{table.path}: {row_list(rows)}: {problem} in column {column!r}; "
                "give each row an id of its own, or name another column with --id-column"
            )
    return tuple(values)


def _check_labels(
    table: SourceTable,
    column: str | None,
    carried: Sequence[str],
    labels: Sequence[str],
    *,
    described: bool,
) -> None:
    used = Counter(filter(None, carried))
    where = f"{table.path}: column {column!r}" if column is not None else str(table.path)
    if not labels:
        raise InputError(
            f"{where}: no row has a label; name another column with --label-column, "
            "or give the labels with --labels"
        )
    if len(labels) < _LEAST_LABELS:
        raise InputError(
            f"{where}: {labels[0]!r} is the only label; at least two are needed to tell apart: "
            "name another column with --label-column, or give more labels with --labels"
        )
    # Labels that a file describes need no rows to be learned from.
    if len(labels) > len(table) and not described:
        raise InputError(
            f"{where}: {len(labels)} labels for {len(table)} rows, more labels than rows; "
            "if it is the wrong column, name another with --label-column"
        )
    if used.total() == len(used) >= _TELLING_ROWS:
        raise InputError(
            f"{where}: each of the {len(used)} labelled rows has a label of its own, so nothing "
            "can be learned; it is probably the wrong column: name another with --label-column"
        )


def _oos_index(labels: Sequence[str], oos_label: str | None, known: Iterable[str]) -> int | None:
    if oos_label:
        return labels.index(oos_label)
    folded = [label.strip().casefold() for label in labels]
    return next((folded.index(k.casefold()) for k in known if k.casefold() in folded), None)


def _note(count: int, one: str, many: str, rest: str) -> list[str]:
    return [f"{count} {one if count == 1 else many} {rest}"] if count else []


def _label_notes(carried: Sequence[str], labels: Sequence[str]) -> list[str]:
    notes = _note(carried.count(""), "row has", "rows have", "no label: labelled from scratch")
    alike = defaultdict(list)
    for label in labels:
        alike[re.sub(r"[\s_-]+", "", label.casefold())].append(label)
    groups = [" = ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    if groups:
        more = f" and {len(groups) - _SHOWN_GROUPS} more" if len(groups) > _SHOWN_GROUPS else ""
        notes.append(
            "labels that differ only by case, spaces, underscores or hyphens are not merged: "
            f"{'; '.join(groups[:_SHOWN_GROUPS])}{more}"
        )
    rows = Counter(carried)
    few = sum(rows[label] < _FEW_ROWS for label in labels)
    return notes + _note(few, "label has", "labels have", f"fewer than {_FEW_ROWS} rows")


def _duplicate_notes(table: SourceTable, texts: Sequence[str], given: Ints) -> list[str]:
    groups = text_groups(texts).tolist()
    seen: dict[int, set[int]] = defaultdict(set)
    for group, label in zip(groups, given.tolist(), strict=True):
        if label != NO_LABEL:
            seen[group].add(label)
    torn = {group for group, labels in seen.items() if len(labels) > 1}
    rows = [row for row, group in zip(table.row_numbers, groups, strict=True) if group in torn]
    return [
        *_note(
            len(texts) - len(set(texts)),
            "row repeats",
            "rows repeat",
            "the text of an earlier row exactly",
        ),
        *_note(
            len(torn),
            "text carries",
            "texts carry",
            f"different labels in different rows: {row_list(rows)}",
        ),
    ]
