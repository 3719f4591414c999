"""Rows of a table or of the log of a served model, as far as they say something of drift."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.classify.data import CONFIDENCE, MENDED, row_texts
from labelmend.data.dataset import choose_columns
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.table import SourceTable
from labelmend.errors import InputError
from labelmend.journal.read import reading
from labelmend.types import Bools, Doubles
from labelmend.voice.speak import note

PREDICTED = "predicted_label"
PROBABILITY = "probability"
FLAG = "is_oos"
"""Columns that `labelmend predict` writes."""

_UNSURE = 0.5
"""Probability of the label below which it is doubtful: another one, or none, is likelier."""

_MAGIC = b"SQLite format 3\x00"
"""How a database of SQLite begins."""

_TRUE = {"true", "1", "yes"}


@dataclass(frozen=True)
class Observed:
    """Rows that have a text, in the order of their texts and labels.

    Attributes:
        path: of the file.
        rows: of the file, from 1, or ids of the log's requests.
        texts: [n].
        labels: [n], "" where a row has none; None where none has one.
        outside: bool [n], flagged as fitting no label; None where that is not known.
        doubtful: bool [n], whose label is not sure; None where that is not known.
        predicted: whether labels are a model's.
        notes: what the user should know, one line each.
    """

    path: Path
    rows: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...] | None
    outside: Bools | None
    doubtful: Bools | None
    predicted: bool
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def some(self, most: int, seed: int) -> "Observed":
        """Return at most so many rows, drawn without replacement, in their order."""
        if len(self) <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), size=most, replace=False))
        return replace(
            self,
            rows=tuple(self.rows[i] for i in rows),
            texts=tuple(self.texts[i] for i in rows),
            labels=None if self.labels is None else tuple(self.labels[i] for i in rows),
            outside=None if self.outside is None else self.outside[rows],
            doubtful=None if self.doubtful is None else self.doubtful[rows],
        )


def is_log(path: Path) -> bool:
    """Tell whether a file is a database of SQLite, as the log of `labelmend serve` is."""
    if not path.is_file():  # opening a pipe would wait for somebody who writes to it
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def observed_log(path: Path, limit: int, newest: int | None = None) -> Observed:
    """Read the log of a served model; a sender's copies of one text count once.

    Args:
        path: of the log.
        limit: longer texts are cut to so many characters.
        newest: requests that are read at most, those that were asked last; None for all.

    Raises:
        LabelmendError: it can't be read, or keeps no texts.
    """
    with reading(path, "labelmend monitor") as log:
        asked = {(one.sender, one.text_hash): one for one in log.requests(newest)}
    kept = [one for one in asked.values() if one.text is not None and one.text.strip()]
    if not kept:
        raise InputError(
            f"{path}: keeps no texts, so nothing can be compared; serve with --log-texts"
        )
    kept.sort(key=lambda one: (one.text or "", one.guesses[0].label, one.id))
    notes = []
    if len(kept) < len(asked):
        told = note(
            "{rows:,} of {of:,} requests are left out: their texts were not kept",
            rows=len(asked) - len(kept),
            of=len(asked),
        )
        notes.append(told)
    first = [one.guesses[0] for one in kept]
    return Observed(
        path,
        tuple(one.id for one in kept),
        tuple((one.text or "")[:limit] for one in kept),
        tuple(guess.label for guess in first),
        np.array([guess.is_oos for guess in first], dtype=bool),
        np.array([guess.probability < _UNSURE for guess in first], dtype=bool),
        predicted=True,
        notes=tuple(notes),
    )


def observed_table(
    request: TableRequest, limit: int, text_columns: Sequence[str] | None = None
) -> Observed:
    """Read a table; its labels are those of a model where it has a column of such.

    Args:
        request: the table and its columns; of labels `predicted_label` if none is named, or
            `mended_label`, or what looks like one.
        limit: longer texts are cut to so many characters.
        text_columns: to take where the request names none and the table has them.

    Raises:
        LabelmendError: it can't be used.
    """
    table = read_table(request.path, request.encoding, header=request.header)
    label = request.label_column
    if label is None:
        label = next((name for name in (PREDICTED, MENDED) if name in table.columns), None)
    texts = request.text_column
    if texts is None and text_columns and set(text_columns) <= set(table.columns):
        texts = text_columns
    columns = choose_columns(table, texts, label, label_needed=False)
    found, places = row_texts(table, columns, limit)
    names = [] if columns.label is None else table.values(columns.label)
    labels = [names[row].strip() for row in places.tolist()] if names else [""] * len(found)
    sure = _sure(table)
    order = sorted(range(len(found)), key=lambda i: (found[i], labels[i], i))
    rows = places[order]
    flags = None
    if FLAG in table.columns:
        said = table.values(FLAG)
        flags = np.array([said[row].strip().lower() in _TRUE for row in rows], dtype=bool)
    elif request.oos_label is not None:
        flags = np.array([labels[i] == request.oos_label for i in order], dtype=bool)
    return Observed(
        request.path,
        tuple(str(row + 1) for row in rows.tolist()),
        tuple(found[i] for i in order),
        tuple(labels[i] for i in order) if any(labels) else None,
        flags,
        None if sure is None else np.asarray(sure[rows] < _UNSURE, dtype=bool),
        predicted=columns.label == PREDICTED,
        notes=table.notes,
    )


def _sure(table: SourceTable) -> Doubles | None:
    """Return float64 [rows], the probability of each row's label; None without such a column."""
    for name in (PROBABILITY, CONFIDENCE):
        if name in table.columns:
            try:
                return np.array([float(value or 1) for value in table.values(name)])
            except ValueError:
                return None  # a column of the user's that is called so
    return None
