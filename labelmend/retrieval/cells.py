"""The nearest of very many texts: looked for in the cells around, first on a few leading axes.

Texts are cut into cells by k-means on their leading axes of variance. All texts of a cell look into
the same cells, those around their own, so that one product of matrices compares them all. Cosines
are estimated on the leading axes, as if what is left of two texts were orthogonal, and reckoned for
the few that are then nearest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelmend.arrays import dot_products, largest_places, principal_axes
from labelmend.parallel import blocks_of
from labelmend.types import Floats, Ints


@dataclass(frozen=True)
class Cells:
    """Texts by cells.

    Attributes:
        embeddings: float32 [u, d], unit rows.
        leading: float32 [u, m + 1]: centred texts on the leading axes of variance, and the cosine
            with the mean of all, not of unit length.
        sequence: int64 [u], the texts, cell by cell, and in a cell by their keys.
        starts: int64 [cells + 1], where the cells begin in it.
        nearest: int64 [cells, cells]: all cells by the distance from each, its own first.
        searched: texts that each is compared with at least, where there are so many.
    """

    embeddings: Floats
    leading: Floats
    sequence: Ints
    starts: Ints
    nearest: Ints
    searched: int

    @classmethod
    def of(cls, embeddings: Floats, searched: int) -> "Cells":
        """Cut texts into cells.

        Args:
            embeddings: float32 [u, d], unit rows; one at least.
            searched: texts that each is compared with.
        """
        mean, axes = principal_axes(embeddings, _LEADING_AXES)
        leading = np.empty((len(embeddings), axes.shape[1] + 1), dtype=np.float32)
        for rows in blocks_of(len(embeddings), _PROJECTED_ROWS):
            leading[rows, :-1] = (embeddings[rows] - mean) @ axes
            leading[rows, -1] = embeddings[rows] @ mean
        centres = _centres(leading[:, :-1])
        squared = np.einsum("cm,cm->c", centres, centres) / 2
        cell_of = np.empty(len(embeddings), dtype=np.int64)
        for rows in blocks_of(len(embeddings), _PROJECTED_ROWS):
            cell_of[rows] = (leading[rows, :-1] @ centres.T - squared).argmax(axis=1)
        sequence = np.argsort(cell_of, kind="stable")
        starts = np.searchsorted(cell_of[sequence], np.arange(len(centres) + 1))
        closeness = centres @ centres.T - squared
        np.fill_diagonal(closeness, np.inf)
        nearest = np.argsort(-closeness, axis=1, kind="stable")
        return cls(embeddings, leading, sequence, starts, nearest, searched)

    @property
    def count(self) -> int:
        """The cells, some of which may be empty."""
        return len(self.nearest)

    def members(self, cell: int) -> Ints:
        """Return int64 [b], the texts of a cell."""
        return self.sequence[self.starts[cell] : self.starts[cell + 1]]

    def nearest_to(self, cell: int, width: int) -> tuple[Ints, Floats]:
        """Find the texts nearest to those of a cell, which is not empty.

        Returns:
            int64 and float32 [b, w], the texts, best first, and the cosines; w is `width`, or less
            where the cells around do not hold so many.
        """
        members, others = self.members(cell), self._around(cell)
        leading = self.leading[others]
        found, cosines = [], []
        for rows in blocks_of(len(members), _SEARCHED_ROWS):
            shortlist = self._shortlist(members[rows], others, leading, width)
            dots = dot_products(self.embeddings[members[rows]], self.embeddings, shortlist)
            best = np.lexsort((shortlist, -dots), axis=1)[:, :width]
            found.append(np.take_along_axis(shortlist, best, axis=1))
            cosines.append(np.take_along_axis(dots, best, axis=1))
        return np.concatenate(found), np.concatenate(cosines)

    def _around(self, cell: int) -> Ints:
        """Return the texts of the cell and of those around it, ascending."""
        cells = self.nearest[cell]
        held = np.cumsum(np.diff(self.starts)[cells])
        enough = cells[: int(np.searchsorted(held, self.searched)) + 1]
        return np.sort(np.concatenate([self.members(one) for one in enough.tolist()]))

    def _shortlist(self, texts: Ints, others: Ints, leading: Floats, width: int) -> Ints:
        """Return int64 [b, s]: those that look nearest to some texts, and not the texts.

        Args:
            texts: int64 [b].
            others: int64 [m], ascending, the texts among them.
            leading: float32 [m, axes + 1], of the others.
            width: texts wanted.
        """
        room = min(_SHORTLISTED * width, len(others) - 1)
        left = self.leading[texts]
        left[:, -1] = 1.0
        estimates = left @ leading.T
        estimates[np.arange(len(texts)), np.searchsorted(others, texts)] = -np.inf
        return others[largest_places(estimates, room)]


_LEADING_AXES = 192
"""Axes that cosines are estimated on. Chosen by hand, like the next three: the recall of each run
is measured."""

_SHORTLISTED = 2
"""Texts whose cosines are reckoned, for each one wanted."""

_TEXTS_PER_CELL = 1000
"""Texts in a cell, about."""

_MOST_CELLS = 4096
"""Cells, whose distances from each other are held."""

_SAMPLE_PER_CELL = 64
"""Texts a cell from which the cells are learned: faiss asks for 39 at least."""

_PROJECTED_ROWS = 1 << 14
"""Texts worked on at a time where cells are made."""

_SEARCHED_ROWS = 256
"""Texts that search at a time, whose estimates are held."""


def _centres(leading: Floats) -> Floats:
    """Return float32 [cells, m], the centres of k-means."""
    import faiss

    total, axes = leading.shape
    cells = max(1, min(_MOST_CELLS, total // _TEXTS_PER_CELL))
    size = min(total, _SAMPLE_PER_CELL * cells)
    sample = np.sort(np.random.default_rng(0).choice(total, size, replace=False))
    clustering: Any = faiss.Kmeans(
        axes,
        cells,
        niter=10,
        seed=0,
        min_points_per_centroid=1,
        max_points_per_centroid=_SAMPLE_PER_CELL,
    )
    clustering.train(np.ascontiguousarray(leading[sample]))
    return np.asarray(clustering.centroids, dtype=np.float32)
