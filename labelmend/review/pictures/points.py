"""The texts of a table as points of a picture, and what of them leaves the server."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.arrays import row_blocks
from labelmend.audit.mended import ANSWERED
from labelmend.review.evidence import Names
from labelmend.review.table import ReviewTable
from labelmend.types import Bools, Doubles, Floats, Ints

DECISIONS = ("keep", "change", "review", "label", ANSWERED)
"""What can have become of a text; a point has the index."""

UNKNOWN, HIDDEN = -1, -2
"""In the place of an index: nothing was decided or no label is there; or it is not to be seen."""


@dataclass(frozen=True)
class Points:
    """The texts of a table, each once, in the order in which people are asked about them.

    Attributes:
        rows: int64 [m], the row of each text in the table.
        given: int64 [m], index of the given label, or `NO_LABEL`.
        proposed: int64 [m], of the most probable one, likewise.
        decisions: int64 [m], index in `DECISIONS`, or `UNKNOWN`.
        places: float32 [m, 2], on the map; None where the run left none.
        labels: their names.
    """

    rows: Ints
    given: Ints
    proposed: Ints
    decisions: Ints
    places: Floats | None
    labels: tuple[str, ...]

    @classmethod
    def of(cls, table: ReviewTable) -> "Points":
        """Return the texts of a table."""
        rows, places = table.order, table.evidence.places
        labels = {name: number for number, name in enumerate(table.labels)}
        kinds = {name: number for number, name in enumerate(DECISIONS)}
        return cls(
            rows=rows,
            given=table.mended.dataset.given[rows],
            proposed=_numbers(table.evidence.proposed, rows, labels),
            decisions=_numbers(table.evidence.decisions, rows, kinds),
            places=None if places is None else places[rows],
            labels=table.labels,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def packed(self, hidden: Bools, answered: Bools) -> bytes:
        """Return the map as a page draws it: little-endian, no gaps.

        uint32 m; float32 [m] x; float32 [m] y; int32 [m] rows, given, proposed; int8 [m] decisions;
        then, to the end, the names of the labels as JSON in ASCII.

        Args:
            hidden: bool [m], texts whose labels and decision are `HIDDEN`.
            answered: bool [m], texts that a person has answered since the run.
        """
        assert self.places is not None
        decisions = np.where(answered, DECISIONS.index(ANSWERED), self.decisions)
        given, proposed, decisions = (
            np.where(hidden, HIDDEN, values) for values in (self.given, self.proposed, decisions)
        )
        parts = [self.places[:, axis].astype("<f4") for axis in (0, 1)]
        parts += [values.astype("<i4") for values in (self.rows, given, proposed)]
        parts.append(decisions.astype("i1"))
        names = json.dumps(self.labels).encode("ascii")
        return b"".join([struct.pack("<I", len(self)), *(p.tobytes() for p in parts), names])


def inside(places: Floats, corners: Doubles) -> Bools:
    """Tell which places lie in a polygon, by the even-odd rule (Shimrat, 1962), bool [m].

    A place without coordinates lies nowhere. On an edge, either may be said.

    Args:
        places: float32 [m, 2].
        corners: float64 [c, 2]; the last one is joined to the first.
    """
    found = np.zeros(len(places), dtype=bool)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((places >= low) & (places <= high)).all(axis=1))
    x, y = places[near].astype(np.float64).T
    odd = np.zeros(len(near), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            beside = x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            odd ^= ((y1 > y) != (y2 > y)) & beside
    found[near] = odd
    return found


def nearest(space: npt.NDArray[Any], one: int, count: int) -> Ints:
    """Return a point and those nearest to it, nearest first, of equally near ones the first.

    Args:
        space: float16 or float32 [m, d], where the points lie; NaN where one has no place.
        one: the point, which comes first.
        count: of all that are returned.
    """
    middle = space[one].astype(np.float64)
    away = np.empty(len(space))
    for rows in row_blocks(len(space), space.shape[1]):
        away[rows] = ((space[rows] - middle) ** 2).sum(axis=1)
    away[np.isnan(away)] = np.inf
    away[one] = -1
    found: Ints = np.argsort(away, kind="stable")[:count]
    known: Ints = found[np.isfinite(away[found])]
    return known


def _numbers(values: Sequence[str | None], rows: Ints, known: Mapping[str, int]) -> Ints:
    """Return int64 [m], the numbers of the rows' names; `UNKNOWN` for a name that has none."""
    if isinstance(values, Names):
        # Each name is looked up once.
        _, first, place = np.unique(values.codes[rows], return_index=True, return_inverse=True)
        return _numbers([values[int(row)] for row in rows[first]], np.arange(len(first)), known)[
            place
        ]
    named = (values[row] for row in rows.tolist())
    found = [UNKNOWN if name is None else known.get(name, UNKNOWN) for name in named]
    return np.array(found, dtype=np.int64)
