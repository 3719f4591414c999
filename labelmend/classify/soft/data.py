"""Tables of soft targets to what is trained on: rows in an order of their own, and embedded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.classify.soft.train import SoftExamples
from labelmend.classify.space import Space
from labelmend.data.soft.targets import SoftTable
from labelmend.protocols import Progress
from labelmend.types import Doubles, Floats, Ints


@dataclass(frozen=True)
class SoftRows:
    """Texts with soft targets.

    Attributes:
        parts: the texts, [n], of each row; of a pair two.
        values: float64 [n, T], from 0 to 1.
        groups: int64 [n], from 0, each number taken; two at least.
    """

    parts: Sequence[Sequence[str]]
    values: Doubles
    groups: Ints


def row_order(parts: Sequence[Sequence[str]], values: Doubles) -> Ints:
    """Return int64 [n], the rows in an order that does not depend on that of the table.

    Args:
        parts: the texts, [n], of each row; of a pair two.
        values: float64 [n, T].
    """
    rows = list(zip(*parts, map(tuple, values.tolist()), strict=True))
    return np.array(sorted(range(len(rows)), key=rows.__getitem__), dtype=np.int64)


def distinct_texts(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return all texts of all parts, each once, sorted."""
    return tuple(sorted(set().union(*parts)))


def placed(parts: Sequence[Sequence[str]], texts: Sequence[str], vectors: Floats) -> list[Floats]:
    """Return float32 [n, d] of each part, from the vectors [u, d] of the distinct texts."""
    place = {text: i for i, text in enumerate(texts)}
    return [vectors[[place[text] for text in part]] for part in parts]


def ordered(table: SoftTable) -> SoftRows:
    """Return a table's rows in an order of their own."""
    order = row_order(table.parts, table.values)
    parts = [tuple(part[row] for row in order.tolist()) for part in table.parts]
    return SoftRows(parts, table.values[order], table.groups[order])


def embedded(rows: SoftRows, space: Space, progress: Progress) -> SoftExamples:
    """Embed rows.

    Args:
        rows: with soft targets.
        space: learns from their texts.
        progress: hears how far the work is.

    Raises:
        ModelError: an encoder can't load.
    """
    texts = distinct_texts(rows.parts)
    vectors = space.fit(texts, progress)
    return SoftExamples(tuple(placed(rows.parts, texts, vectors)), rows.values, rows.groups)


def content_digest(table: SoftTable) -> str:
    """Return the sha256 of texts, targets and values: two tables that say the same share it."""
    digest = hashlib.sha256(repr(table.targets).encode())
    for row in row_order(table.parts, table.values).tolist():
        texts = [part[row] for part in table.parts]
        digest.update(f"{texts!r} {table.values[row].tolist()!r}\n".encode())
    return digest.hexdigest()
