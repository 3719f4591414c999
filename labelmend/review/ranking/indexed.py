"""A mended table by its index: what the page needs of all rows, without reading them."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from labelmend.audit.mended import ANSWERED, MendedTable, data_config
from labelmend.data.cells.read import AS_IT_LOOKS
from labelmend.data.dataset import ColumnChoice
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest
from labelmend.data.table import SourceTable
from labelmend.errors import InputError
from labelmend.review.evidence import EvidenceIndex, opened_evidence
from labelmend.runs.again import label_cards
from labelmend.runs.companions import INDEX, LABELS, TABLE, differs, digest_of
from labelmend.runs.layout import OutputPaths
from labelmend.runs.mapped_texts import MappedTexts
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import DECISIONS, RowIndex, read_row_index
from labelmend.types import NO_LABEL, Dataset, Ints


@dataclass(frozen=True)
class Indexed:
    """A mended table as its index has it.

    Attributes:
        mended: as an audit reads it; its source table has no columns.
        run: the record of the run that wrote it.
        index: of its rows, with the labels that a labels file has brought since.
        evidence: of its rows.
        descriptions: of labels, by name; labels without one are missing.
    """

    mended: MendedTable
    run: RunRecord
    index: RowIndex
    evidence: EvidenceIndex
    descriptions: Mapping[str, str]


def read_indexed(request: TableRequest, labels: Path | None) -> tuple[Indexed | None, str | None]:
    """Read a table by its index.

    Args:
        request: the mended table.
        labels: the labels file of the run; None for the one that it was given or wrote.

    Returns:
        the table, and why there is none: then it is read without its index, which says the same and
        takes longer. One of the two is None; both are where the request asks for something else
        than the run read.

    Raises:
        InputError: the evidence or a labels file can't be read.
        ConfigError: a labels file says something else than labels.
    """
    settled = settle(request.path)
    paths = OutputPaths.beside(request.path)
    in_shards = request.path.is_dir()
    with ThreadPoolExecutor(1) as thread:
        digest = thread.submit(lambda: None if in_shards else digest_of(request.path))
        try:
            run = RunRecord.read(paths.record)
        except (FileNotFoundError, InputError):
            return None, None  # whoever reads the table says why
    files = run.files or {}
    if not _as_the_run(request, run):
        return None, None
    if INDEX not in files:
        # Of a queue of a log there is none.
        older = run.files is None or run.schema_version < _FIRST_WITH_INDEX
        return None, f"{paths.index}: {_OLDER}; {_SLOWER}" if older else None
    try:
        if differs(run, TABLE, paths) if in_shards else digest.result() != files.get(TABLE):
            return None, None
    except OSError:
        return None, None
    with opened_evidence(paths.evidence) as file:
        try:
            size = file.seek(0, 2)
            index = read_row_index(paths.index, files[INDEX], size)
        except FileNotFoundError:
            return None, f"{paths.index}: no such file; {_SLOWER}"
        except InputError as error:
            return None, f"{error}; {_SLOWER}"
        if len(index) != run.input.rows:
            return None, f"{paths.index}: has another number of rows than its run; {_SLOWER}"
        index, descriptions = _labelled(index, _changed_cards(request.path, run, labels))
        evidence = EvidenceIndex.indexed(file, index)
    mended = _mended(request.path, run, index, settled)
    return Indexed(mended, run, index, evidence, descriptions), None


_FIRST_WITH_INDEX = 4
"""Schema version of records since which runs leave an index."""

_OLDER = "an older labelmend mended this table, and left no index"

_SLOWER = "the page opens slower without it, and labelmend relabel writes it anew"


def _as_the_run(request: TableRequest, run: RunRecord) -> bool:
    """Whether a request asks for what the run read, and for nothing else."""
    theirs = run.input.columns
    texts = (theirs.text, *theirs.more_text)
    asked = request.text_column
    named = None if asked is None else (asked,) if isinstance(asked, str) else tuple(asked)
    return (
        named in {None, texts}
        and request.label_column in {None, theirs.label}
        and request.id_column in {None, theirs.id}
        and request.oos_label in {None, run.oos_label}
        and request.rules == AS_IT_LOOKS
        and request.header
    )


def _changed_cards(table: Path, run: RunRecord, labels: Path | None) -> Path | None:
    """Return the labels file to read; None where it says what the run knew."""
    if labels is not None:
        return labels
    beside = OutputPaths.beside(table).labels
    cards = label_cards(table, run)
    # One that the run was given is found by its hash.
    if cards is None or cards != beside:
        return None
    try:
        return None if digest_of(beside) == (run.files or {}).get(LABELS) else beside
    except OSError:
        return None


def _labelled(index: RowIndex, cards: Path | None) -> tuple[RowIndex, Mapping[str, str]]:
    """Return an index with the labels of a labels file, and what is said of labels."""
    described = zip(index.labels, index.descriptions, strict=True)
    said = {name: text for name, text in described if text}
    if cards is None:
        return index, said
    written = read_labels_file(cards)
    said = {name: card.description for name, card in written.items() if card.description}
    return _with_names(index, written), said


def _with_names(index: RowIndex, names: Collection[str]) -> RowIndex:
    labels = tuple(sorted({*index.labels, *names}))
    if labels == index.labels:
        return index
    place = {name: code for code, name in enumerate(labels)}
    moved = np.array([*(place[name] for name in index.labels), NO_LABEL], dtype=np.int64)
    said = dict(zip(index.labels, index.descriptions, strict=True))
    return replace(
        index,
        labels=labels,
        descriptions=tuple(said.get(name, "") for name in labels),
        given=moved[index.given],
        mended=moved[index.mended],
        proposed=moved[index.proposed],
    )


def _mended(path: Path, run: RunRecord, index: RowIndex, notes: tuple[str, ...]) -> MendedTable:
    columns, rows = run.input.columns, len(index)
    said = run.config.get("data")
    limit = said.get("max_text_chars") if isinstance(said, Mapping) else None
    # The configuration takes longer to load than all else that is read here.
    most = limit if isinstance(limit, int) else data_config(run).max_text_chars
    texts = index.texts
    # Sequences, no tuples: who reviews a table asks for one row's text, and hardly ever for all.
    cut = texts.cut(most) if isinstance(texts, MappedTexts) else [text[:most] for text in texts]
    dataset = Dataset(
        ids=cast(Any, index.ids),
        texts=cast(Any, cut),
        given=index.given,
        labels=index.labels,
        oos=index.labels.index(run.oos_label) if run.oos_label in index.labels else None,
        former_names={} if run.input.label_edits is None else run.input.label_edits.names,
    )
    answered: Ints = index.decision == DECISIONS.index(ANSWERED)
    return MendedTable(
        # A frame without columns, of which nobody asks but for its length: pandas takes a while.
        table=SourceTable(path, "", (), cast(Any, range(rows))),
        columns=ColumnChoice(columns.text, columns.label, columns.id, columns.more_text),
        dataset=dataset,
        mended=index.mended,
        answered=answered.astype(bool),
        doubt=index.doubt,
        notes=notes,
    )
