"""A mended table with several labels a row, as the page shows it, and the evidence of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labelmend.audit.mended import probabilities
from labelmend.data.answers import text_sha256
from labelmend.data.dataset import ColumnChoice, blank_rows, check_column, row_ids
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, refuse_standard_input
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.relabel.assignments.explanation import SetExplanation
from labelmend.review.evidence import OpenFile, OpenParts, held_open, opened_evidence
from labelmend.review.table import looked_at, rows_named, texts_of
from labelmend.runs.companions import changed_since
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_set_run
from labelmend.runs.sets.record import SetRunRecord
from labelmend.runs.text_hashes import RowsOf, TextHashes
from labelmend.types import Doubles, Ints

_OURS = ("decision", "confidence")
"""Columns of `labelmend relabel` that are read."""

_REVIEW = "review"
"""The decision on a row that the run leaves to people."""


@dataclass(frozen=True)
class SetEvidence:
    """An evidence file, of which no line is read before it is shown.

    Attributes:
        file: stays open, so that rows can be read on when another run puts its own in its place.
        starts: int64 [n + 1], where each row's line begins, and the end of the last.
    """

    file: OpenFile | OpenParts
    starts: Ints

    @classmethod
    def read(cls, path: Path, rows: int) -> "SetEvidence":
        """Find the lines of a file.

        Args:
            path: of the evidence.
            rows: of its table.

        Raises:
            InputError: it can't be read, or has another number of lines.
        """
        with opened_evidence(path) as file:
            sizes = np.array([len(line) for line in file], dtype=np.int64)
            if len(sizes) != rows:
                raise InputError(
                    f"{path}: has {len(sizes):,} lines, and the table {rows:,} rows; run labelmend "
                    "relabel again"
                )
            held = held_open(file)
        return cls(held, np.concatenate([[0], np.cumsum(sizes)]))

    def explanation(self, row: int, text: str) -> SetExplanation | None:
        """Return a row's explanation, None where the file has none of this text any more.

        Args:
            row: its index, from 0.
            text: as the models read it.
        """
        try:
            found = SetExplanation.from_line(self.file.line(self.starts, row))
        except (OSError, ValueError):
            return None
        return found if found.text == text else None


@dataclass(frozen=True)
class SetTable:
    """A table with several labels a row that people review: see `Reviewed`.

    Attributes:
        run: the record of the run that wrote it.
        evidence: of its rows.
        ids: of the rows.
        texts: whole, as the file has them; rows without one are never shown.
        read: the texts as the models read them, cut where they are very long.
        keys: of each row its text's hash, as answers have it.
        rows_of: the rows of each text, by its hash.
        order: int64, rows as the run ranks them: those first of which most assignments are
            expected to be wrong; of copies of a text only the first.
        doubt: float64 [n], probability that a label of a row is wrong or missing after mending, as
            the run believes it, assignments taken to be wrong independently of each other.
        in_review: texts that the run leaves to people, by hash.
        label_set: all labels that an answer may name.
        former_names: none.
        notes: what the user should know, one line each.
    """

    run: SetRunRecord
    evidence: SetEvidence
    ids: Sequence[str]
    texts: Sequence[str]
    read: Sequence[str]
    keys: TextHashes
    rows_of: RowsOf
    order: Ints
    doubt: Doubles
    in_review: frozenset[str]
    label_set: frozenset[str]
    former_names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: TableRequest) -> "SetTable":
        """Read a table and what lies beside it.

        Args:
            request: the mended table.

        Raises:
            InputError: a file is missing or can't be used.
        """
        refuse_standard_input(request.path)
        settled = settle(request.path)
        table = read_table(request.path, request.encoding, header=request.header)
        run, amiss = read_set_run(request.path, len(table))
        if run is None:
            raise InputError(str(amiss).replace("to have it in the report", "and then review"))
        missing = [name for name in _OURS if name not in table.columns]
        if missing:
            raise InputError(
                f"{table.path}: no column {missing[0]!r}; give the table that labelmend relabel "
                "wrote"
            )
        columns = run.input.columns
        choice = ColumnChoice(columns.text, None, columns.id, columns.more_text)
        for column in (*choice.texts, *filter(None, [choice.id])):
            check_column(table, column, "the run read a column that is not there any more")
        texts = choice.text_values(table)
        blank = blank_rows(table, choice, texts, strict=False)
        ids = row_ids(table, choice.id, blank)
        shown = np.ones(len(texts), dtype=bool)
        shown[blank] = False
        limit = _longest(run)
        read = texts if limit is None else [text[:limit] for text in texts]
        keys = TextHashes.of(map(text_sha256, read))
        review = np.array([d == _REVIEW for d in table.values("decision")], dtype=bool)
        sure = probabilities(table, "confidence", shown)
        changed = changed_since(request.path)
        return cls(
            run=run,
            evidence=SetEvidence.read(OutputPaths.beside(request.path).evidence, len(table)),
            ids=ids,
            texts=texts,
            read=read,
            keys=keys,
            rows_of=RowsOf(keys, shown),
            # The run ranks by what is wrong after mending: what it leaves to people is first.
            order=looked_at(rows_named(ids, run.review_order), keys, shown, np.zeros_like(shown)),
            doubt=np.where(shown, 1 - sure, 0.0),
            in_review=texts_of(review & shown, keys),
            label_set=frozenset(run.labels),
            notes=(*settled, *(() if changed is None else (changed,))),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def as_run_anew(self, request: TableRequest) -> "SetTable":
        """Return this table with the evidence and the order of a later run on the same rows.

        Args:
            request: the table that the later run wrote.

        Raises:
            InputError: it, or what lies beside it, can't be read.
        """
        later = SetTable.of(request)
        if len(later) != len(self):
            raise InputError(
                f"{request.path}: has {len(later):,} rows, and {len(self):,} are reviewed"
            )
        return replace(self, evidence=later.evidence, order=later.order, doubt=later.doubt)


def _longest(run: SetRunRecord) -> int | None:
    """Return how many characters of a text the run read; None where its record doesn't tell."""
    said = run.config.get("data")
    limit = said.get("max_text_chars") if isinstance(said, Mapping) else None
    return limit if isinstance(limit, int) else None
