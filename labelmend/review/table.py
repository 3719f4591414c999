"""A mended table as the page shows it, with the files that lie beside it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.audit.mended import MendedTable, read_mended
from labelmend.data.answers import text_sha256
from labelmend.data.labels_file import read_labels_file
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.review.evidence import EvidenceIndex
from labelmend.runs.again import label_cards
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_run
from labelmend.runs.record import RunRecord
from labelmend.types import NO_LABEL, Doubles, Ints


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
    """

    mended: MendedTable
    run: RunRecord
    evidence: EvidenceIndex
    texts: tuple[str, ...]
    keys: tuple[str, ...]
    rows_of: Mapping[str, tuple[int, ...]]
    order: Ints
    doubt: Doubles
    in_review: frozenset[str]
    label_set: frozenset[str]
    descriptions: Mapping[str, str]

    @classmethod
    def read(cls, request: TableRequest, labels: Path | None = None) -> "ReviewTable":
        """Read a table and what lies beside it.

        Args:
            request: the mended table.
            labels: the labels file of the run; None for the one that it was given or wrote.

        Raises:
            InputError: a file is missing or can't be used.
        """
        mended = read_mended(request)
        run, problem = read_run(request.path, len(mended.dataset))
        if run is None:
            raise InputError(str(problem).replace("to have it in the report", "and then review"))
        paths = OutputPaths.beside(request.path)
        labels = labels or label_cards(request.path, run)
        cards = read_labels_file(labels) if labels else {}
        keys = tuple(map(text_sha256, mended.dataset.texts))
        rows_of: dict[str, list[int]] = defaultdict(list)
        texts = tuple(mended.columns.text_values(mended.table))
        for row, key in enumerate(keys):
            if texts[row].strip():
                rows_of[key].append(row)
        evidence = EvidenceIndex.read(paths.evidence, len(mended.dataset))
        return cls(
            mended=mended,
            run=run,
            evidence=evidence,
            texts=texts,
            keys=keys,
            rows_of={key: tuple(rows) for key, rows in rows_of.items()},
            order=_order(mended.dataset.ids, run, evidence, keys, texts),
            doubt=mended.doubt,
            in_review=frozenset(
                key
                for key, decision in zip(keys, evidence.decisions, strict=True)
                if decision == "review"
            ),
            label_set=frozenset(mended.dataset.labels),
            descriptions={
                name: card.description for name, card in cards.items() if card.description
            },
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels by name."""
        return self.mended.dataset.labels

    def given(self, row: int) -> str | None:
        """Return the label that a row came with."""
        label = int(self.mended.dataset.given[row])
        return None if label == NO_LABEL else self.labels[label]

    def as_run_anew(self, table: Path) -> "ReviewTable":
        """Return this table with the evidence and the order of a later run on the same rows.

        Args:
            table: that the later run wrote.

        Raises:
            InputError: what lies beside it can't be read.
        """
        run, problem = read_run(table, len(self))
        if run is None:
            raise InputError(str(problem))
        evidence = EvidenceIndex.read(OutputPaths.beside(table).evidence, len(self))
        sure = [float(value or 0) for value in read_table(table).values("confidence")]
        return replace(
            self,
            evidence=evidence,
            order=_order(self.mended.dataset.ids, run, evidence, self.keys, self.texts),
            doubt=1 - np.array(sure),
        )


def _order(
    ids: tuple[str, ...],
    run: RunRecord,
    evidence: EvidenceIndex,
    keys: tuple[str, ...],
    texts: tuple[str, ...],
) -> Ints:
    """Return the rows as a run ranks them, those under review first; of copies of a text one.

    Without answers a run ranks by doubt of the given label, whatever became of it. What was left to
    people comes before what was changed for certain.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for row in range(len(ids) - 1, -1, -1):
        places[ids[row]].append(row)
    seen: set[str] = set()
    first = []
    for name in run.review_order:
        if not places.get(name):
            continue
        row = places[name].pop()
        if keys[row] not in seen and texts[row].strip():
            seen.add(keys[row])
            first.append(row)
    first.sort(key=lambda row: evidence.decisions[row] != "review")
    return np.array(first, dtype=np.int64)
