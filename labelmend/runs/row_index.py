"""The index of a mended table, `mended.index.arrow`: of all rows at once what a page needs of them.

An Arrow file of one batch, not compressed, so that it is mapped into memory instead of read. Its
hash stands in the record of the run; `read_row_index` checks that and every field before anybody
uses it. A mended table without one is read from the table and the evidence themselves.
"""

import hashlib
import mmap
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from labelmend.errors import InputError
from labelmend.regular_file import open_regular
from labelmend.runs.layout import MARK_OF_INDEX
from labelmend.runs.mapped_texts import MappedTexts
from labelmend.runs.text_hashes import TextHashes
from labelmend.types import NO_LABEL, Doubles, Floats, Ints

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "1"
"""Of the columns; an index of another version is not read."""

DECISIONS = ("", "keep", "change", "review", "label", "answered")
"""What was decided of a row, by its code; of one without text, nothing."""

_MOST_LABELS = 1 << 24
"""Far more than a label set has; an index that has more is damaged."""

_MOST_AXES = 4096
"""Numbers of a text's vector at most; runs write some dozens."""

_HASH_BYTES = 32
"""Of a sha256."""

_Number = TypeVar("_Number", bound=np.generic)
Halves = npt.NDArray[np.float16]
Checks = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class RowIndex:
    """What is known of n rows, those without text among them.

    Attributes:
        ids: of the rows.
        texts: whole, as the table has them.
        hashes: of the texts, as answers have them.
        labels: all names that a row may be given, sorted.
        descriptions: of the labels; empty where there is none.
        given: int64 [n], the label that a row came with, or `NO_LABEL`.
        mended: int64 [n], the label after mending, or `NO_LABEL`.
        proposed: int64 [n], the most probable label, or `NO_LABEL`.
        decision: int64 [n], codes of `DECISIONS`.
        doubt: float64 [n], probability that the label after mending is wrong.
        place: int64 [n], in the order of a look as the run ranks its rows, the first is 0; -1 for a
            row without text.
        starts: int64 [n + 1], where each row's line of evidence begins, and the end of the last.
        checks: uint32 [n], CRC-32 of these lines; None where they were not known when it was made.
        points: float32 [n, 2], places on a map of the texts, NaN for a row without text; None where
            nobody drew one.
        vectors: float16 [n, m], the texts' embeddings on their leading axes; None as above.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    hashes: TextHashes
    labels: tuple[str, ...]
    descriptions: tuple[str, ...]
    given: Ints
    mended: Ints
    proposed: Ints
    decision: Ints
    doubt: Doubles
    place: Ints
    starts: Ints
    checks: Checks | None = None
    points: Floats | None = None
    vectors: Halves | None = None

    def __len__(self) -> int:
        return len(self.given)


def write_row_index(path: Path, index: RowIndex) -> None:
    """Write the file in place: call this inside `atomic_files`.

    Raises:
        ValueError: the index lacks checks, points or vectors.
        OSError: as writing goes.
    """
    import pyarrow as pa

    if index.checks is None or index.points is None or index.vectors is None:
        raise ValueError("an index of a run has checks, points and vectors")
    schema = _schema(index.vectors.shape[1])
    columns = {
        "id": _texts(index.ids),
        "text": _texts(index.texts),
        "text_sha256": _fixed(schema.field("text_sha256").type, index.hashes.digests, len(index)),
        "given": _coded(index.given, index.labels),
        "description": _coded(index.given, index.descriptions),
        "mended": pa.array(index.mended, pa.int32()),
        "proposed": pa.array(index.proposed, pa.int32()),
        "decision": pa.array(index.decision, pa.uint8()),
        "doubt": pa.array(index.doubt, pa.float64()),
        "place": pa.array(index.place, pa.int32()),
        "evidence_bytes": pa.array(np.diff(index.starts), pa.int64()),
        "evidence_crc32": pa.array(index.checks, pa.uint32()),
        "x": pa.array(index.points[:, 0], pa.float32()),
        "y": pa.array(index.points[:, 1], pa.float32()),
        "vector": pa.FixedSizeListArray.from_arrays(
            pa.array(index.vectors.ravel(), pa.float16()), index.vectors.shape[1]
        ),
    }
    batch = pa.record_batch(list(columns.values()), schema=schema)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_batch(batch)


def read_row_index(path: Path, sha256: str | None, evidence_bytes: int) -> RowIndex:
    """Map an index into memory, and check all that it says.

    Args:
        path: of the file.
        sha256: that the record of the run has of it; None where it has none.
        evidence_bytes: size of the evidence file, of whose lines it tells.

    Raises:
        FileNotFoundError: there is none.
        InputError: it can't be read, is of another run, or is damaged.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: can't be read: {said}") from None
    with ThreadPoolExecutor(1) as thread:
        digest = thread.submit(lambda: hashlib.sha256(mapped).hexdigest())
        import pyarrow as pa  # as long as the hash takes
    if digest.result() != sha256:
        raise InputError(f"{path}: is of another run, or was changed since")
    try:
        with pa.ipc.open_file(pa.py_buffer(mapped)) as opened:
            table = opened.read_all()
        # Offsets and codes that point outside are only seen here.
        table.validate(full=True)
        return _checked(table, evidence_bytes)
    except (pa.ArrowException, ValueError, OSError, KeyError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: is damaged: {said[0]}") from None


def _schema(axes: int) -> "pa.Schema":
    import pyarrow as pa

    names = pa.dictionary(pa.int32(), pa.large_string())
    return pa.schema(
        {
            "id": pa.large_string(),
            "text": pa.large_string(),
            "text_sha256": pa.binary(_HASH_BYTES),
            "given": names,
            "description": names,
            "mended": pa.int32(),
            "proposed": pa.int32(),
            "decision": pa.uint8(),
            "doubt": pa.float64(),
            "place": pa.int32(),
            "evidence_bytes": pa.int64(),
            "evidence_crc32": pa.uint32(),
            "x": pa.float32(),
            "y": pa.float32(),
            "vector": pa.list_(pa.float16(), axes),
        },
        metadata={MARK_OF_INDEX: VERSION},
    )


def _texts(values: Sequence[str]) -> "pa.Array":
    import pyarrow as pa

    # Half a character has no bytes in UTF-8.
    whole = [value.encode(errors="replace").decode() for value in values]
    return pa.array(whole, pa.large_string())


def _coded(codes: Ints, names: Sequence[str]) -> "pa.Array":
    import pyarrow as pa

    known = pa.array(codes, pa.int32(), mask=codes == NO_LABEL)
    return pa.DictionaryArray.from_arrays(known, _texts(names))


def _fixed(kind: "pa.DataType", digests: npt.NDArray[np.uint8], count: int) -> "pa.Array":
    import pyarrow as pa

    buffer = pa.py_buffer(np.ascontiguousarray(digests))
    return pa.FixedSizeBinaryArray.from_buffers(kind, count, [None, buffer])


def _checked(table: "pa.Table", evidence_bytes: int) -> RowIndex:
    """Return what a file says.

    Raises:
        ValueError: it can't be.
    """
    version = (table.schema.metadata or {}).get(MARK_OF_INDEX.encode())
    _demand(version == VERSION.encode(), "it is of another version")
    axes = getattr(table.schema.field("vector").type, "list_size", 0)
    _demand(0 < axes <= _MOST_AXES, "vector")
    _demand(table.schema.remove_metadata() == _schema(axes).remove_metadata(), "its columns")
    _demand(table.num_rows > 0 and table["id"].num_chunks == 1, "its batches")
    count = table.num_rows
    columns = {name: table[name].chunk(0) for name in table.column_names}
    named = columns["given"], columns["description"]
    for name, column in columns.items():
        _demand(column.null_count == 0 or column in named, name)
    labels, descriptions = (tuple(each.dictionary.to_pylist()) for each in named)
    _demand(0 < len(labels) == len(descriptions) <= _MOST_LABELS, "description")
    _demand(len(set(labels)) == len(labels) and None not in {*labels, *descriptions}, "given")
    given = _codes(columns["given"])
    _demand(np.array_equal(given, _codes(columns["description"])), "description")
    found = {name: _numbers(columns[name], kind).astype(np.int64) for name, kind in _WHOLE.items()}
    for name in ("mended", "proposed"):
        _demand(_within(found[name], NO_LABEL, len(labels) - 1), name)
    _demand(_within(given, NO_LABEL, len(labels) - 1), "given")
    _demand(_within(found["decision"], 0, len(DECISIONS) - 1), "decision")
    ranked = np.sort(found["place"])
    ranked = ranked[np.searchsorted(ranked, 0) :]
    _demand(np.array_equal(ranked, np.arange(len(ranked))), "place")
    _demand(bool((found["place"] >= -1).all()), "place")
    _demand(_within(found["evidence_bytes"], 1, evidence_bytes), "evidence_bytes")
    starts = np.concatenate([[0], np.cumsum(found["evidence_bytes"])])
    _demand(int(starts[-1]) == evidence_bytes, "evidence_bytes")
    doubt = _numbers(columns["doubt"], np.float64)
    _demand(_within(doubt, 0, 1), "doubt")
    points = np.stack([_numbers(columns[name], np.float32) for name in ("x", "y")], axis=1)
    shown = found["place"] >= 0
    _demand(bool(np.isfinite(points[shown]).all()), "x and y")
    begin = columns["vector"].offset
    vectors = _numbers(columns["vector"].values, np.float16).reshape(-1, axes)
    vectors = vectors[begin : begin + count]
    _demand(not ((vectors.view(np.uint16) & _NO_NUMBER) == _NO_NUMBER).any(), "vector")
    return RowIndex(
        ids=_strings(columns["id"]),
        texts=_strings(columns["text"]),
        hashes=TextHashes(_bytes_of(columns["text_sha256"], count)),
        labels=labels,
        descriptions=descriptions,
        given=given,
        mended=found["mended"],
        proposed=found["proposed"],
        decision=found["decision"],
        doubt=doubt,
        place=found["place"],
        starts=starts,
        checks=_numbers(columns["evidence_crc32"], np.uint32),
        points=points,
        vectors=vectors,
    )


_NO_NUMBER = np.uint16(0x7C00)
"""The bits of the exponent that infinities and NaN have in IEEE 754's half precision."""

_WHOLE: Mapping[str, type[np.number[Any]]] = {
    "mended": np.int32,
    "proposed": np.int32,
    "decision": np.uint8,
    "place": np.int32,
    "evidence_bytes": np.int64,
}
"""Columns of whole numbers, as the schema has them."""


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} can't be so")


def _within(values: Any, least: float, most: float) -> bool:
    # NaN is not, either.
    return bool(((values >= least) & (values <= most)).all())


def _codes(column: "pa.DictionaryArray") -> Ints:
    codes = _numbers(column.indices, np.int32).astype(np.int64)
    if column.null_count:
        bits = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), bitorder="little")
        codes[bits[column.offset :][: len(column)] == 0] = NO_LABEL
    return codes


def _numbers(column: "pa.Array", kind: type[_Number]) -> npt.NDArray[_Number]:
    """Return the numbers of a column where they lie: Arrow would load pandas, which takes long.

    What stands where a column has none may be anything.
    """
    return np.frombuffer(column.buffers()[1], kind)[column.offset :][: len(column)]


def _strings(column: "pa.Array") -> MappedTexts:
    _, ends, buffer = column.buffers()
    starts = np.frombuffer(ends, np.int64)[column.offset :][: len(column) + 1]
    content = np.frombuffer(buffer, np.uint8) if buffer else np.empty(0, np.uint8)
    return MappedTexts(starts, content)


def _bytes_of(column: "pa.FixedSizeBinaryArray", count: int) -> npt.NDArray[np.uint8]:
    flat = np.frombuffer(column.buffers()[1], dtype=np.uint8, count=count * _HASH_BYTES)
    return flat.reshape(count, _HASH_BYTES)
