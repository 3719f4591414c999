"""The index of a run: what is known of each row when its files are written."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.data.answers import text_sha256
from labelmend.relabel.result import Relabelling
from labelmend.runs.columns import Places, doubt_after
from labelmend.runs.row_index import DECISIONS, Checks, RowIndex
from labelmend.runs.text_hashes import TextHashes
from labelmend.types import NO_LABEL, Ints


@dataclass(frozen=True)
class WrittenLines:
    """The lines of a file as they were written.

    Attributes:
        sizes: int64 [n], bytes of each, its end counted.
        checks: uint32 [n], CRC-32 of each.
    """

    sizes: Ints
    checks: Checks


def write_lines(path: Path, lines: Iterable[str]) -> WrittenLines:
    """Write lines in UTF-8, and tell where they lie.

    Raises:
        OSError: as writing goes.
    """
    sizes, checks = [], []
    with path.open("wb") as file:
        for line in lines:
            raw = f"{line}\n".encode()
            file.write(raw)
            sizes.append(len(raw))
            checks.append(zlib.crc32(raw))
    return WrittenLines(np.array(sizes, dtype=np.int64), np.array(checks, dtype=np.uint32))


def index_of(
    result: Relabelling, places: Places, texts: Sequence[str], lines: WrittenLines
) -> RowIndex:
    """Gather the index of a run.

    Args:
        result: of the run; it has a layout.
        places: where its rows stand in the table.
        texts: whole, of all rows of the table.
        lines: of its evidence.

    Raises:
        ValueError: the result has no layout.
    """
    if result.layout is None:
        raise ValueError("an index needs the layout of the texts")
    rows, total, of_row = places.rows, len(places.ids), result.unique.of_row
    decisions, dataset = result.decisions, result.dataset
    codes = {name: code for code, name in enumerate(DECISIONS)}
    place = np.full(total, -1, dtype=np.int64)
    place[rows[decisions.review_order]] = np.arange(len(rows))
    points = np.full((total, 2), np.nan, dtype=np.float32)
    points[rows] = result.layout.points[of_row]
    vectors = np.zeros((total, result.layout.leading.shape[1]), dtype=np.float16)
    vectors[rows] = result.layout.leading[of_row]
    doubt = np.ones(total)
    answered = np.array([action == "answered" for action in decisions.actions])
    doubt[rows] = doubt_after(
        dataset.given, decisions.mended, answered, decisions.quality, decisions.confidence
    )
    # Answers know a text as the models read it, cut where it is very long.
    read = dict(zip(rows.tolist(), dataset.texts, strict=True))
    return RowIndex(
        ids=places.ids,
        texts=texts,
        hashes=TextHashes.of(text_sha256(read.get(row, text)) for row, text in enumerate(texts)),
        labels=dataset.labels,
        descriptions=tuple(card.description for card in result.cards),
        given=_spread(dataset.given, rows, total),
        mended=_spread(decisions.mended, rows, total),
        proposed=_spread(decisions.proposed, rows, total),
        decision=_spread(
            np.array([codes[action] for action in decisions.actions]), rows, total, other=0
        ),
        doubt=doubt,
        place=place,
        starts=np.concatenate([[0], np.cumsum(lines.sizes)]),
        checks=lines.checks,
        points=points,
        vectors=vectors,
    )


def _spread(values: Ints, rows: Ints, total: int, other: int = NO_LABEL) -> Ints:
    """Return int64 [total], values at their rows."""
    found = np.full(total, other, dtype=np.int64)
    found[rows] = values
    return found
