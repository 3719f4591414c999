"""A mended table as the page shows it, with the files that lie beside it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.audit.mended import MendedTable, read_mended
from labelmend.data.answers import text_sha256
from labelmend.data.labels_file import read_labels_file
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.review.evidence import EvidenceIndex
from labelmend.review.ranking.indexed import Indexed, read_indexed
from labelmend.review.ranking.ranking import Ranking
from labelmend.runs.again import label_cards
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_run
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import DECISIONS, RowIndex
from labelmend.runs.text_hashes import RowsOf, TextHashes
from labelmend.types import NO_LABEL, Bools, Doubles, Ints


@dataclass(frozen=True)
class ReviewTable:
    """A table that people review.

    Attributes:
        mended: the table as an audit reads it.
        run: the record of the run that wrote it.
        evidence: of its rows.
        texts: whole, as the file has them; rows without one are never shown.
        keys: of each row its text's hash, as answers have it.
        rows_of: the rows of each text, by its hash.
        order: int64, rows in the order of a look: those under review, then the others, as the run
            ranks them; of copies of a text only the first.
        doubt: float64 [n], probability that a row's label after mending is wrong, as far as the run
            can tell, 0 to 1.
        in_review: texts that the run leaves to people, by hash.
        label_set: all labels that an answer may name.
        descriptions: of labels, by name; labels without one are missing.
        index: that the run left; None where the table was read without one.
        notes: what the user should know, one line each.
    """

    mended: MendedTable
    run: RunRecord
    evidence: EvidenceIndex
    texts: Sequence[str]
    keys: TextHashes
    rows_of: RowsOf
    order: Ints
    doubt: Doubles
    in_review: frozenset[str]
    label_set: frozenset[str]
    descriptions: Mapping[str, str]
    index: RowIndex | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, request: TableRequest, labels: Path | None = None) -> "ReviewTable":
        """Read a table and what lies beside it: by its index, else row by row.

        Args:
            request: the mended table.
            labels: the labels file of the run; None for the one that it was given or wrote.

        Raises:
            InputError: a file is missing or can't be used.
        """
        found, problem = read_indexed(request, labels)
        if found is not None:
            return cls._of_index(found)
        mended = read_mended(request)
        run, amiss = read_run(request.path, len(mended.dataset))
        if run is None:
            raise InputError(str(amiss).replace("to have it in the report", "and then review"))
        labels = labels or label_cards(request.path, run)
        cards = read_labels_file(labels) if labels else {}
        evidence = EvidenceIndex.read(
            OutputPaths.beside(request.path).evidence, len(mended.dataset)
        )
        texts = mended.columns.text_values(mended.table)
        keys = TextHashes.of(map(text_sha256, mended.dataset.texts))
        shown = np.array([bool(text.strip()) for text in texts], dtype=bool)
        review = np.array([decision == "review" for decision in evidence.decisions], dtype=bool)
        return cls(
            mended=mended,
            run=run,
            evidence=evidence,
            texts=texts,
            keys=keys,
            rows_of=RowsOf(keys, shown),
            order=looked_at(rows_named(mended.dataset.ids, run.review_order), keys, shown, review),
            doubt=mended.doubt,
            in_review=texts_of(review, keys),
            label_set=frozenset(mended.dataset.labels),
            descriptions={
                name: card.description for name, card in cards.items() if card.description
            },
            notes=() if problem is None else (problem,),
        )

    @classmethod
    def _of_index(cls, found: Indexed) -> "ReviewTable":
        index, keys = found.index, found.index.hashes
        shown = index.place >= 0
        review = index.decision == DECISIONS.index("review")
        ranked = np.flatnonzero(shown)
        ranked = ranked[np.argsort(index.place[ranked])]
        return cls(
            mended=found.mended,
            run=found.run,
            evidence=found.evidence,
            texts=index.texts,
            keys=keys,
            rows_of=RowsOf(keys, shown),
            order=looked_at(ranked, keys, shown, review),
            doubt=index.doubt,
            in_review=texts_of(review, keys),
            label_set=frozenset(index.labels),
            descriptions=found.descriptions,
            index=index,
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def ids(self) -> Sequence[str]:
        """The names of the rows."""
        return self.mended.dataset.ids

    @property
    def former_names(self) -> Mapping[str, str]:
        """Other names that labels had."""
        return self.mended.dataset.former_names

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels by name."""
        return self.mended.dataset.labels

    def given(self, row: int) -> str | None:
        """Return the label that a row came with."""
        label = int(self.mended.dataset.given[row])
        return None if label == NO_LABEL else self.labels[label]

    def ranked_anew(self, path: Path) -> "ReviewTable":
        """Return this table in another order, with other doubts; its evidence stays.

        Args:
            path: of a ranking.

        Raises:
            InputError: it is of another table.
        """
        # What the run left to people does not come first: it was left to them before they answered.
        found = Ranking.read(path, len(self))
        nothing = np.zeros(len(self), dtype=bool)
        order = looked_at(found.ranked, self.keys, ~nothing, nothing)
        return replace(self, order=order, doubt=found.doubt)

    def as_run_anew(self, table: Path) -> "ReviewTable":
        """Return this table with the evidence and the order of a later run on the same rows.

        Args:
            table: that the later run wrote.

        Raises:
            InputError: what lies beside it can't be read.
        """
        later = ReviewTable.read(TableRequest(table))
        if len(later) != len(self):
            raise InputError(f"{table}: has {len(later):,} rows, and {len(self):,} are reviewed")
        places = self.evidence.places if later.evidence.places is None else later.evidence.places
        evidence = replace(later.evidence, places=places)
        return replace(self, evidence=evidence, order=later.order, doubt=later.doubt)


def looked_at(ranked: Ints, keys: TextHashes, shown: Bools, review: Bools) -> Ints:
    """Return the rows as people look at them: those under review first; of copies of a text one.

    Without answers a run ranks by doubt of the given label, whatever became of it. What was left to
    people comes before what was changed for certain.

    Args:
        ranked: int64, rows as the run ranks them.
        keys: of all n rows.
        shown: bool [n], rows that have a text.
        review: bool [n], rows that were left to people.
    """
    ranked = ranked[shown[ranked]]
    if not keys.all_differ:
        _, first = np.unique(keys.short[ranked], return_index=True)
        ranked = ranked[np.sort(first)]
    return ranked[np.argsort(~review[ranked], kind="stable")]


def rows_named(ids: Sequence[str], order: Iterable[str]) -> Ints:
    """Return int64, the rows of names in their order; of rows of one name the first come first."""
    places: dict[str, list[int]] = defaultdict(list)
    for row in range(len(ids) - 1, -1, -1):
        places[ids[row]].append(row)
    return np.array([places[name].pop() for name in order if places.get(name)], dtype=np.int64)


def texts_of(chosen: Bools, keys: TextHashes) -> frozenset[str]:
    """Return the texts of chosen rows, by hash; `chosen` is bool [n]."""
    return frozenset(keys[row] for row in np.flatnonzero(chosen).tolist())
