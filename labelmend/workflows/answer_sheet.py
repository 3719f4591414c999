"""A table that people filled in: whose answer each cell is, and what it says."""

import getpass
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labelmend.data.answers import Answer, Saw, Shown, Verdict, label_list, now, text_sha256
from labelmend.data.cells.read import LabelRules, read_labels
from labelmend.data.dataset import ColumnChoice, check_column, choose_columns
from labelmend.data.outputs.spreadsheet import are_guarded, unguarded
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError, ConfigError, InputError, row_list
from labelmend.review.exchange.marks import (
    LABELS,
    NONE_WORD,
    NOTHING,
    UNSURE_WORD,
    is_text_sha256,
)
from labelmend.review.exchange.sheet import SAW, SHOWN, TEXT_SHA256
from labelmend.runs.columns import COLUMNS
from labelmend.runs.sets.columns import MENDED
from labelmend.workflows.answered_table import AnsweredTable

if TYPE_CHECKING:
    from labelmend.configs.schema import DataConfig

ANSWER = "answer"
"""The column with the answers, where none is named."""

NONE_WORDS = (NONE_WORD,)
"""What a cell says for "no label fits", where nothing else is named."""

_UNSURE = UNSURE_WORD

_DESIGN = ("design", "stratum", "inclusion")
"""Columns that an audit writes."""


@dataclass(frozen=True)
class Filled:
    """What people wrote into a table.

    Attributes:
        columns: with the answers; of several, each is named for the person who filled it in.
        who: the person of a single column; None for the name of the login.
        none_words: cells, whatever their case, that say that no label fits.
        sets: how a cell with several labels is read; None where each is one label.
    """

    columns: tuple[str, ...] = (ANSWER,)
    who: str | None = None
    none_words: tuple[str, ...] = NONE_WORDS
    sets: LabelRules | None = None


@dataclass(frozen=True)
class CellWords:
    """What a cell, or another tool's choice, says.

    Attributes:
        known: labels that there are, as far as it can be told.
        aliases: what else a cell may say for a known label.
        none_words: folded.
    """

    known: Collection[str]
    aliases: Mapping[str, str]
    none_words: Collection[str]

    @classmethod
    def of(cls, known: Collection[str], none_words: Collection[str]) -> "CellWords":
        """Return the words beside some labels."""
        folded = {_folded(word) for word in none_words}
        return cls(known, _aliases(known, {*folded, _UNSURE}), folded)

    def verdict(self, cell: str) -> tuple[Verdict, tuple[str, ...]]:
        """Read a cell; a label wins over the words that stand for none."""
        word = _folded(cell)
        special = word in self.none_words or word == _UNSURE
        label = cell if cell in self.known else self.aliases.get(cell.strip())
        if label is None and special:
            label = self.aliases.get(word)
        if label is None and special:
            return ("none" if word in self.none_words else "unsure"), ()
        return "label", (label or cell.strip(),)


@dataclass(frozen=True)
class Sheet:
    """A table with answers in it.

    Attributes:
        table: as it was read.
        texts: of the rows, as the models would read them.
        keys: their hashes, as answers have them; where the sheet has them, those of its texts as
            they were exported.
        ids: of the rows.
        carried: labels that rows carry, where there is a column of them.
        words: what cells say.
        people: by column, who filled it in.
        saw: of each row, what the table shows beside the text.
        when: it is read.
        is_safe: what a spreadsheet would run has a ' before it.
        sets: the labels of each cell with several, by what it says; None where each is one label.
    """

    table: SourceTable
    texts: Sequence[str]
    keys: Sequence[str]
    ids: Sequence[str]
    carried: Collection[str]
    words: CellWords
    people: Mapping[str, str]
    saw: Sequence[Saw]
    when: str
    is_safe: bool
    sets: Mapping[str, tuple[str, ...]] | None = None

    @classmethod
    def read(
        cls,
        request: TableRequest,
        filled: Filled,
        config: "DataConfig",
        of: AnsweredTable | None = None,
    ) -> "Sheet":
        """Read a table and find its columns.

        Args:
            request: the table.
            filled: which columns hold answers, and whose.
            config: how texts are read.
            of: the table that the sheet's rows are of: it knows more labels, and the texts of ids.

        Raises:
            LabelmendError: it can't be read, a column is missing, or nobody can have answered.
        """
        table = read_table(request.path, request.encoding, header=request.header)
        people = _people(filled)
        for column in people:
            check_column(table, column, "--answer-column")
        chosen = _chosen(table, request, set(people), of)
        whole = _whole(table, chosen, of)
        given = table.values(chosen.label) if chosen.label is not None else []
        # A sheet of `labelmend audit --excel-safe`: what was put before its texts goes again.
        is_safe = _DESIGN[0] in table.columns and are_guarded([*whole, *given])
        as_it_was = unguarded if is_safe else str
        carried = {as_it_was(label) for label in given if label.strip()}
        limit = config.max_text_chars if of is None else of.max_text_chars
        texts = [as_it_was(text)[:limit] for text in whole]
        sets = _sets(table, tuple(people), given, filled.sets, as_it_was)
        known = carried if of is None else carried | {*of.labels}
        if sets is not None:  # a cell with one label is it, also where rows have it beside others
            known = known.union(*(sets[cell] for cell in given))
        proposed = any(name in {*COLUMNS, MENDED} for name in table.columns)
        shows = Saw(given=bool(carried), proposed=proposed)
        return cls(
            table=table,
            texts=texts,
            keys=_keys(table, texts),
            ids=[as_it_was(each) for each in table.values(chosen.id)]
            if chosen.id
            else [str(row) for row in table.row_numbers],
            carried=carried,
            words=CellWords.of(known, filled.none_words),
            people=people,
            saw=_saw(table, shows),
            when=now(),
            is_safe=is_safe,
            sets=sets,
        )

    def cells(self) -> Iterator[tuple[int, str, str]]:
        """Yield each cell that says something: the place of its row, its column, what it says."""
        for column in self.people:
            for place, cell in enumerate(self.table.values(column)):
                if cell.strip():
                    yield place, column, cell

    def filled(self) -> int:
        """Return the number of cells that say something."""
        return sum(1 for _ in self.cells())

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """Yield the answers, each with the number of its row.

        Raises:
            InputError: a row with an answer has no text, or a design without its inclusion.
        """
        numbers = self.table.row_numbers
        empty = text_sha256("")
        blank = [numbers[place] for place, _, _ in self.cells() if self.keys[place] == empty]
        if blank:
            raise InputError(
                f"{self.table.path}: {row_list(sorted(set(blank)))}: an answer, but no text; "
                "fill it in or empty the answer"
            )
        draws = self._draws()
        for place, column, cell in self.cells():
            verdict, labels = self.verdict(cell)
            yield (
                numbers[place],
                Answer(
                    text_sha256=self.keys[place],
                    id=self.ids[place],
                    verdict=verdict,
                    labels=labels,
                    who=self.people[column],
                    when=self.when,
                    shown=draws[place],
                    saw=self.saw[place],
                    task="single" if self.sets is None else "several",
                ),
            )

    def verdict(self, cell: str) -> tuple[Verdict, tuple[str, ...]]:
        """Read a cell."""
        keep = cell in self.words.known or not self.is_safe
        verdict, labels = self.words.verdict(cell if keep else unguarded(cell))
        if verdict == "label" and self.sets is not None:
            # In one order, so that two cells that say the same are the same.
            labels = tuple(sorted(self.sets[cell]))
            return ("label", labels) if labels else ("none", ())
        return verdict, labels

    def strange_labels(self) -> Iterator[str]:
        """Yield a note on answers with labels that no row carries."""
        # An audit's rows are too few to have all labels; `relabel` tells of those that are none.
        if not self.carried or _DESIGN[0] in self.table.columns or self.sets is not None:
            return
        said = Counter(label for _, _, cell in self.cells() for label in self.verdict(cell)[1])
        strange = {label: count for label, count in said.items() if label not in self.carried}
        if strange:
            total = sum(strange.values())
            yield (
                f"{self.table.path}: {total} answer{'s' if total > 1 else ''} with labels that no "
                f"row of this table carries: {label_list(strange, self.carried)}; taken as they are"
            )

    def changed_texts(self) -> Iterator[str]:
        """Yield a note on texts that are not those that were exported."""
        rows = [
            self.table.row_numbers[place]
            for place in dict.fromkeys(place for place, _, _ in self.cells())
            if self.texts[place].strip() and text_sha256(self.texts[place]) != self.keys[place]
        ]
        if rows:
            yield (
                f"{self.table.path}: {row_list(rows)}: another text than was exported; the answers "
                "are kept for the exported one"
            )

    def _draws(self) -> list[Shown]:
        """Return why each row was shown."""
        table = self.table
        design, stratum, inclusion = (
            table.values(name) if name in table.columns else [""] * len(table) for name in _DESIGN
        )
        rows = zip(table.row_numbers, design, stratum, inclusion, strict=True)
        asked = table.values(SHOWN) if SHOWN in table.columns else [""] * len(table)
        return [
            self._drawn(number, *(value.strip() for value in values))
            if values[0].strip()
            else Shown("queue" if why.strip() == "queue" else "import")
            for (number, *values), why in zip(rows, asked, strict=True)
        ]

    def _drawn(self, number: int, design: str, stratum: str, inclusion: str) -> Shown:
        try:
            # Spreadsheets write the point as their country does.
            return Shown("audit", design, stratum or None, float(inclusion.replace(",", ".")))
        except ValueError:
            raise InputError(
                f"{self.table.path}: row {number}: column 'inclusion' has {inclusion!r}, which is "
                "no probability above 0; give the columns that `labelmend audit` wrote"
            ) from None


def _sets(
    table: SourceTable,
    columns: Sequence[str],
    given: Sequence[str],
    rules: LabelRules | None,
    as_it_was: Callable[[str], str],
) -> dict[str, tuple[str, ...]] | None:
    """Return the labels of each cell; what labels there are is seen from those that rows carry."""
    if rules is None:
        return None
    cells = [*(cell for column in columns for cell in table.values(column)), *given]
    read = read_labels([as_it_was(cell) for cell in cells], rules)
    return dict(zip(cells, read.sets, strict=True))


def _people(filled: Filled) -> dict[str, str]:
    """Return who filled in each column.

    Raises:
        ConfigError: one person for several columns, or a blank name.
    """
    columns = tuple(dict.fromkeys(filled.columns))
    if len(columns) == 1:
        return {columns[0]: person_named(filled.who)}
    if filled.who is not None:
        raise ConfigError(
            f"--who {filled.who}: there are {len(columns)} answer columns, each named for its "
            "person; leave --who out, or import one column at a time"
        )
    return {column: column for column in columns}


def person_named(who: str | None) -> str:
    """Return a person's name: the login's where none is given.

    Raises:
        ConfigError: it is blank.
    """
    if who is None:
        try:
            who = getpass.getuser()
        except (KeyError, OSError, ImportError):  # a container may know no names
            who = ""
        return who.strip() or "me"
    if not who.strip():
        raise ConfigError("--who: the name is blank; give the name of who answered")
    # What a shell hands over may be no Unicode.
    return who.strip().encode(errors="replace").decode()


def _chosen(
    table: SourceTable,
    request: TableRequest,
    answers: Collection[str],
    of: AnsweredTable | None,
) -> ColumnChoice:
    """Find the columns beside the answers.

    Raises:
        ColumnError: they can't be found, or one of them is a column of answers.
    """
    named = {request.label_column, request.id_column} - {None}
    try:
        chosen = choose_columns(
            table, request.text_column, request.label_column, request.id_column, label_needed=False
        )
    except ColumnError:
        # The ids alone are enough where the texts are known by them.
        row_id = request.id_column or ("id" if "id" in table.columns else None)
        if of is None or request.text_column or row_id not in table.columns:
            raise
        chosen = ColumnChoice(row_id, None, row_id)
    label = None if chosen.label in answers and chosen.label not in named else chosen.label
    row_id = None if chosen.id in answers and chosen.id not in named else chosen.id
    for column in sorted(answers & {*chosen.texts, label, row_id}):  # type: ignore[operator]
        raise ColumnError(
            f"{table.path}: --answer-column {column}: holds the texts, given labels or ids; "
            "name a column with answers"
        )
    return replace(chosen, label=label, id=row_id)


def _whole(table: SourceTable, chosen: ColumnChoice, of: AnsweredTable | None) -> list[str]:
    """Return the rows' texts; where one is missing, that of the row of its id."""
    by_id_alone = chosen.text == chosen.id
    texts = [""] * len(table) if by_id_alone else list(chosen.text_values(table))
    if of is None or chosen.id is None:
        return texts
    ids = table.values(chosen.id)
    return [
        text if text.strip() else of.texts.get(name, "")
        for text, name in zip(texts, ids, strict=True)
    ]


def _keys(table: SourceTable, texts: Sequence[str]) -> list[str]:
    """Return the hashes of texts, those that the sheet was exported with first."""
    exported = table.values(TEXT_SHA256) if TEXT_SHA256 in table.columns else [""] * len(table)
    return [
        told if is_text_sha256(told) else text_sha256(text)
        for told, text in zip(exported, texts, strict=True)
    ]


def _saw(table: SourceTable, shows: Saw) -> list[Saw]:
    """Return what each row shows beside its text; an export says it row by row."""
    told = table.values(SAW) if SAW in table.columns else [""] * len(table)
    each = {NOTHING: Saw(given=False, proposed=False), LABELS: Saw(given=True, proposed=True)}
    return [each.get(one.strip(), shows) for one in told]


def _aliases(known: Collection[str], words: Collection[str]) -> dict[str, str]:
    """Return known labels without white space around them, and those that read like a word."""
    aliases: dict[str, str] = {}
    for label in sorted(known, key=lambda name: (name != name.strip(), name)):
        aliases.setdefault(label.strip(), label)
        if _folded(label) in words:
            aliases.setdefault(_folded(label), label)
    return aliases


def _folded(word: str) -> str:
    return " ".join(word.casefold().split())
