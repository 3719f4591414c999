"""Tables to datasets: which column is what, the label set, and what a user should know of both."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelmend.data.cells.hints import label_hints
from labelmend.data.cells.label_set import check_labels, oos_index
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules, counted_note, cut_note, read_labels
from labelmend.data.duplicates import text_groups
from labelmend.data.label_edits.file import NO_EDITS, EditsFile
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, InputError, nearest, row_list
from labelmend.types import NO_LABEL, Dataset, Ints
from labelmend.voice.speak import meant, note, tell

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig

TEXT_NAMES = (
    *("text", "query", "utterance", "message", "sentence"),
    *("question", "content", "body", "input", "prompt"),
)
LABEL_NAMES = (
    *("label", "intent", "category", "class", "target", "topic", "tag", "y"),
    *("labels", "intents", "categories", "classes", "targets", "topics", "tags"),
)
ID_NAMES = ("id", "row_id", "uid", "uuid", "index")

_FEW_ROWS = 3
"""Labels of fewer rows are told of; nothing else depends on it."""

_SHOWN_NAMES = 100
"""Characters of a first row that may be data: enough to know it by."""


@dataclass(frozen=True)
class ColumnChoice:
    """Which column is what.

    Attributes:
        text: what is classified.
        label: the given label; None where all rows are labelled from scratch.
        id: names the rows; None where their numbers do.
        more_text: further columns of text, in their order behind `text`.
    """

    text: str
    label: str | None
    id: str | None
    more_text: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All columns of text."""
        return (self.text, *self.more_text)

    @property
    def in_words(self) -> str:
        """What is read, for a summary."""
        columns = " and ".join(map(repr, self.texts))
        parts = [tell("text from {columns}", columns=columns)]
        parts += [tell("labels from {label!r}", label=self.label)] if self.label is not None else []
        parts += [tell("ids from {id!r}", id=self.id)] if self.id is not None else []
        return ", ".join(parts)

    def text_values(self, table: SourceTable) -> list[str]:
        """Return what is classified, a text a row: the columns joined by line breaks.

        A column that is blank in a row leaves no line there.
        """
        if not self.more_text:
            return table.values(self.text)
        rows = zip(*(table.values(column) for column in self.texts), strict=True)
        return ["\n".join(part for part in parts if part.strip()) for parts in rows]


@dataclass(frozen=True)
class LoadedDataset:
    """A dataset and what was seen while it was made.

    Attributes:
        dataset: what the stages work on; a row without text has no label in it.
        notes: facts about the data that a user should know, one line each.
        cut: that of the notes which counts texts that were cut, if any were.
        blank: int64 [b], the rows without text, from 0.
        hints: those of the notes that say how labels were read, and what they look like.
    """

    dataset: Dataset
    notes: tuple[str, ...]
    cut: tuple[str, ...]
    blank: Ints
    hints: tuple[str, ...]


def choose_columns(
    table: SourceTable,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    id_column: str | None = None,
    *,
    label_needed: bool = True,
    reserved: Collection[str] = (),
) -> ColumnChoice:
    """Take the columns a user named, and find the others by their names.

    Args:
        table: the user's table.
        text: the text column's name, or those of several, or None to find it.
        label: the label column's name, or None to find it.
        id_column: the id column's name, or None to find one whose values are unique.
        label_needed: False where a labels file gives the labels, so that no row needs one.
        reserved: columns that are something else, and so are not found by their names.

    Raises:
        ColumnError: a named column is missing or named twice, or none can be found.
    """
    texts = [text] if isinstance(text, str) else list(text or ())
    named = {"--label-column": label, "--id-column": id_column}
    given = [("--text-column", name) for name in texts]
    given += [(flag, name) for flag, name in named.items() if name is not None]
    for flag, name in given:
        check_column(table, name, flag)
    for name, times in Counter(name for _, name in given).items():
        if times > 1:
            flags = " and ".join(flag for flag, other in given if other == name)
            raise ColumnError(f"{table.path}: {flags} both name {name!r}; name two columns")
    taken = {name for _, name in given} | {*reserved}
    first = texts[0] if texts else _known(table.text_column, taken)
    first = first or _find(table, TEXT_NAMES, taken, "--text-column")
    if first is None:
        raise ColumnError(_not_found(table, "text", "--text-column"))
    texts = texts or [first]
    label = label or _known(table.label_column, {*taken, *texts})
    label = label or _find(table, LABEL_NAMES, {*taken, *texts}, "--label-column")
    if label is None and label_needed:
        raise ColumnError(_not_found(table, "label", "--label-column"))
    free = [
        name
        for name in table.columns
        if name.strip().casefold() in ID_NAMES
        and name not in {*taken, *texts, label}
        and _names_rows(table, name)
    ]
    by_name = {name.strip().casefold(): name for name in free}
    found = next((by_name[name] for name in ID_NAMES if name in by_name), None)
    return ColumnChoice(first, label, id_column or found, tuple(texts[1:]))


def to_dataset(
    table: SourceTable,
    columns: ColumnChoice,
    config: "DataConfig",
    oos_label: str | None,
    extra_labels: Sequence[str] = (),
    *,
    rules: LabelRules = AS_IT_LOOKS,
    known: Collection[str] = (),
    strict: bool = False,
    edits: EditsFile = NO_EDITS,
) -> LoadedDataset:
    """Make the dataset.

    Labels stay as the table has them, white space and all; a missing one is `NO_LABEL`.

    Args:
        table: the user's table.
        columns: which column is what.
        config: how rows are read.
        oos_label: the label that means "fits no label", added where no row carries it; None takes
            the first of `config.oos_labels` that there is.
        extra_labels: labels of a labels file, which rows may carry or not.
        rules: how labels are read.
        known: labels of another table, whose spelling stays.
        strict: refuse a table with rows without text.
        edits: of labels; the dataset knows their new names only, but for what it keeps of others.

    Raises:
        InputError: no row has a text, ids are missing or repeat, a row has several labels, the
            edits are of another table, or the labels can't be learned from.
    """
    whole = columns.text_values(table)
    blank = blank_rows(table, columns, whole, strict=strict)
    ids = row_ids(table, columns.id, blank)
    former = edits.labels.names
    stay = {*extra_labels} | ({oos_label} if oos_label else set())
    carried, read = given_labels(table, columns.label, rules, {*stay, *former}, known)
    for row in blank.tolist():
        carried[row] = ""
    edits.check({*filter(None, carried)}, extra_labels)
    edited = edits.in_words(sum(label in former for label in carried))
    carried = [former.get(label, label) for label in carried]
    extra = {former.get(label, label) for label in stay} | edits.labels.made
    labels = tuple(sorted({*filter(None, carried)} | extra))
    check_labels(table, columns.label, carried, labels, described=bool(extra_labels))
    index = {label: i for i, label in enumerate(labels)} | {"": NO_LABEL}
    given = np.array([index[label] for label in carried], dtype=np.int64)
    oos = oos_index(labels, oos_label, config.oos_labels, former)
    limit = config.max_text_chars
    rows = np.setdiff1d(np.arange(len(whole)), blank).tolist()
    counts = Counter(carried[row] for row in rows)
    missing = counts.pop("", 0)
    cut = cut_note(whole, limit)
    hints = (*read, *label_hints(counts, labels, ask=oos is None))
    notes = (
        *table.notes,
        *_blank_notes(blank, columns),
        *counted_note(missing, _NO_LABEL_GIVEN),
        *edited,
        *hints,
        *counted_note(
            sum(counts[label] < _FEW_ROWS for label in labels) if counts else 0,
            meant("{count} {count:one=label has|other=labels have} fewer than {least} rows"),
            least=_FEW_ROWS,
        ),
        *_duplicate_notes(whole, given, rows),
        *cut,
    )
    dataset = Dataset(
        ids=ids,
        texts=tuple(text[:limit] for text in whole),
        given=given,
        labels=labels,
        oos=oos,
        former_names=former,
    )
    return LoadedDataset(dataset, notes, tuple(cut), blank, hints)


def check_column(table: SourceTable, column: str, flag: str) -> None:
    """Make sure that a column that the user named is there.

    Raises:
        ColumnError: it is not.
    """
    if column not in table.columns:
        raise ColumnError(
            no_header(table)
            or f"{table.path}: {flag}: no column {column!r}{nearest(column, table.columns)}; "
            f"there are {_names(table.columns)}"
        )


def label_indices(labels: Sequence[str], values: Iterable[str | None]) -> Ints:
    """Return int64 [n], each value's place among the labels; `NO_LABEL` for all else."""
    index: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    return np.array([index.get(value, NO_LABEL) for value in values], dtype=np.int64)


def blank_rows(
    table: SourceTable, columns: ColumnChoice, texts: Sequence[str], *, strict: bool
) -> Ints:
    """Return int64 [b], ascending, the rows without text.

    Raises:
        InputError: all rows are, or any is and `strict` says so.
    """
    blank = [row for row, text in enumerate(texts) if not text.strip()]
    where = _columns_in_words(columns)
    if len(blank) == len(texts):
        raise InputError(
            f"{table.path}: no row has a text in {where}; name another with --text-column"
        )
    if blank and strict:
        raise InputError(
            f"{table.path}: {row_list(row + 1 for row in blank)}: no text in {where}; fill it in, "
            "remove the row, or leave --strict out"
        )
    return np.array(blank, dtype=np.int64)


def given_labels(
    table: SourceTable,
    column: str | None,
    rules: LabelRules,
    described: Collection[str] = (),
    known: Collection[str] = (),
) -> tuple[list[str], tuple[str, ...]]:
    """Return the label of each row, "" where it has none, and notes on how they were read.

    Args:
        table: the user's table.
        column: with the labels; None where no row has one.
        rules: how labels are read.
        described: labels that are there whatever the rows carry; their spelling stays.
        known: labels of another table, whose spelling stays, too.

    Raises:
        InputError: a row has several.
    """
    if column is None:
        return [""] * len(table), ()
    cells = table.values(column)
    read = read_labels(cells, rules, described=described, known=known)
    labels = read.single(cells, f"{table.path}: column {column!r}")
    return labels, (*read.notes_on_lists, *read.notes)


def vote_indices(
    table: SourceTable, column: str, dataset: Dataset, rules: LabelRules = AS_IT_LOOKS
) -> Ints:
    """Return int64 [n], a column of other annotators' labels as indices of the label set.

    A missing one is `NO_LABEL`, and so is what is no label of the set.

    Raises:
        ColumnError: there is no such column.
        InputError: none of its values is a label of the set, or a row has several.
    """
    check_column(table, column, "--vote-column")
    former = dataset.former_names
    said, _ = given_labels(table, column, rules, {*dataset.labels, *former})
    votes = label_indices(dataset.labels, [former.get(label, label) for label in said])
    if len(votes) and not (votes != NO_LABEL).any():
        raise InputError(
            f"{table.path}: --vote-column {column}: none of its values is a label of this table; "
            "name a column with labels"
        )
    return votes


def _known(column: str | None, taken: Collection[str]) -> str | None:
    """Return the column that the table's format knows, unless it is another one already."""
    return None if column in taken else column


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
    return no_header(table) or (
        f"{table.path}: no {what} column found; name one with {flag}: "
        f"there are {_names(table.columns)}"
    )


def no_header(table: SourceTable) -> str:
    """Return what to say where the first row is one more row, not names; else an empty string."""
    if not table.headless:
        return ""
    return (
        f"{table.path}: the first row looks like data ({_names(table.columns)[:_SHOWN_NAMES]}), "
        "not like names of columns; if the file has no header, give --no-header"
    )


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(repr, columns))


def _names_rows(table: SourceTable, column: str) -> bool:
    values = table.values(column)
    return len(set(values)) == len(values) and all(value.strip() for value in values)


def row_ids(table: SourceTable, column: str | None, left_out: Ints) -> tuple[str, ...]:
    """Return a unique name of each row: its id, or its number.

    Args:
        table: the user's table.
        column: with ids; None where numbers do.
        left_out: int64 [b], rows that need no id.

    Raises:
        InputError: a row has no id, or two have the same.
    """
    if column is None:
        return tuple(map(str, table.row_numbers))
    values = table.values(column)
    times = Counter(values)
    numbered = [(i + 1, v) for i, v in enumerate(values) if v.strip() or i not in left_out]
    blank = [row for row, value in numbered if not value.strip()]
    repeated = [row for row, value in numbered if times[value] > 1]
    for rows, problem in ((blank, "no id"), (repeated, "the same id more than once")):
        if rows:
            raise InputError(
                f"{table.path}: {row_list(rows)}: {problem} in column {column!r}; "
                "give each row an id of its own, or name another column with --id-column"
            )
    return tuple(value if value.strip() else str(i + 1) for i, value in enumerate(values))


def _blank_notes(blank: Ints, columns: ColumnChoice) -> list[str]:
    rows = row_list((blank + 1).tolist())
    return counted_note(
        len(blank),
        meant(
            "{count} {count:one=row has|other=rows have} no text in {columns:name} and "
            "{count:one=is|other=are} left out: {rows:name} (--strict refuses such a table)"
        ),
        columns=_columns_in_words(columns),
        rows=rows,
    )


def _columns_in_words(columns: ColumnChoice) -> str:
    names = " and ".join(map(repr, columns.texts))
    return note("columns {columns}" if columns.more_text else "column {columns}", columns=names)


def _duplicate_notes(texts: Sequence[str], given: Ints, rows: Sequence[int]) -> list[str]:
    """Return notes on texts that stand in several rows, among those given by index."""
    texts = [texts[row] for row in rows]
    groups = text_groups(texts).tolist()
    seen: dict[int, set[int]] = defaultdict(set)
    for group, label in zip(groups, given[rows].tolist(), strict=True):
        if label != NO_LABEL:
            seen[group].add(label)
    torn = {group for group, labels in seen.items() if len(labels) > 1}
    places = [row + 1 for row, group in zip(rows, groups, strict=True) if group in torn]
    return [
        *counted_note(
            len(texts) - len(set(texts)),
            meant(
                "{count} {count:one=row repeats|other=rows repeat} the text of an earlier row "
                "exactly"
            ),
        ),
        *counted_note(
            len(torn),
            meant(
                "{count} {count:one=text carries|other=texts carry} different labels in different "
                "rows: {rows:name}"
            ),
            rows=row_list(places),
        ),
    ]


_NO_LABEL_GIVEN = meant(
    "{count} {count:one=row has|other=rows have} no label: labelled from scratch"
)
