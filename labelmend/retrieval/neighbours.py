"""Retrieval of labels by the nearest other texts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, largest_products
from labelmend.configs.schema import RetrievalConfig
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.retrieval.ranking import rank_labels
from labelmend.types import NO_LABEL, Floats, Ints, Ranking

_TEXTS_PER_CELL = 100
"""Texts in a cell, about. It trades building the cells for searching them, like the two below; what
is found depends on `probed_cells`."""

_MOST_CELLS = 4096
"""Cells: with more, finding the nearest ones takes longer than searching them."""

_SAMPLE_PER_CELL = 64
"""Texts a cell from which the cells are learned: faiss asks for 39 at least."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest other texts of each text.

    Attributes:
        indices: int64 [u, m], best first, -1 where there are fewer than m.
        similarities: float32 [u, m], cosine; -1 where there is none.
    """

    indices: Ints
    similarities: Floats


_MOST_EMPTY = 1000
"""Places that a small table leaves empty: more are not made room for. Nobody asks for so many."""


def find_neighbours(
    embeddings: Floats,
    count: int,
    block: int,
    *,
    exact_up_to: int = RetrievalConfig.exact_up_to,
    probed_cells: int = RetrievalConfig.probed_cells,
    executor: Executor = LOCAL,
) -> Neighbours:
    """Find the `count` nearest other texts of each text.

    The search is exact up to `exact_up_to` texts. It is approximate above: only the cells nearest
    to the text are searched, so a neighbour may be missed, and the outcome is the same every time.

    Texts are distinct, so leaving out the text itself leaves out every copy of it. Those found
    are in the order of similarity, then of the texts' keys; which of equally near texts take the
    last places is up to the index where it is approximate, and it sees them in that order too.

    Args:
        embeddings: float32 [u, d], unit rows.
        count: neighbours to find.
        block: texts searched at a time.
        exact_up_to: texts.
        probed_cells: searched for each text.
        executor: carries the work by blocks of texts.
    """
    total = len(embeddings)
    width = min(count, max(total - 1, 0))
    room = min(count, max(width, _MOST_EMPTY))
    indices = np.full((total, room), -1, dtype=np.int64)
    similarities = np.full((total, room), -1.0, dtype=np.float32)
    is_exact = total <= exact_up_to
    if is_exact:
        search, sequence = _among_all(embeddings, width), np.arange(total)
    else:
        search, sequence = _in_cells(embeddings, width, probed_cells)

    def search_rows(part: slice) -> tuple[Ints, Floats]:
        return search(sequence[part])

    blocks = list(blocks_of(total, block))
    done = executor.map_blocks(search_rows, blocks, one_core=is_exact)
    for part, (nearest, near) in zip(blocks, done, strict=True):
        indices[sequence[part], :width] = nearest
        similarities[sequence[part], :width] = near
    return Neighbours(indices, similarities)


_Search = Callable[[Ints], tuple[Ints, Floats]]
"""Returns int64 and float32 [b, width], the texts nearest to some, best first, and the cosines."""


def _among_all(embeddings: Floats, width: int) -> _Search:
    """Return an exact search."""

    def search(rows: Ints) -> tuple[Ints, Floats]:
        return largest_products(embeddings[rows], embeddings, width, rows)

    return search


def _in_cells(embeddings: Floats, width: int, probed: int) -> tuple[_Search, Ints]:
    """Return a search of the nearest cells, and int64 [u]: the texts, cell by cell.

    Texts of one cell look into the same cells: searched in a row, they find them in the cache.
    """
    index, sequence = _cells(embeddings, probed)

    def search(rows: Ints) -> tuple[Ints, Floats]:
        scores, found = index.search(embeddings[rows], width + 1)
        scores[found < 0] = -1.0
        keys = np.where((found == rows[:, None]) | (found < 0), -np.inf, scores)
        order = np.lexsort((found, -keys), axis=1)[:, :width]
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(scores, order, axis=1)

    return search, sequence


def _cells(embeddings: Floats, probed: int) -> tuple[Any, Ints]:
    """Return an index of the texts in cells, and int64 [u]: the texts, cell by cell."""
    import faiss

    total, dimensions = embeddings.shape
    cells = max(1, min(_MOST_CELLS, total // _TEXTS_PER_CELL))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(dimensions), dimensions, cells, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.seed = 0
    index.cp.niter = 10
    index.cp.spherical = True
    index.cp.max_points_per_centroid = _SAMPLE_PER_CELL
    index.nprobe = min(probed, cells)
    size = min(total, _SAMPLE_PER_CELL * cells)
    sample = np.sort(np.random.default_rng(0).choice(total, size, replace=False))
    index.train(embeddings[sample])
    index.add(embeddings)
    lists: Any = index.invlists
    members = [
        faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)).copy()
        for cell in range(cells)
        if lists.list_size(cell)
    ]
    return index, np.concatenate(members).astype(np.int64)


class NeighbourRetriever:
    """Log of the share of a text's neighbours that carry a label, the nearer counting more."""

    name = "neighbour"

    def __init__(
        self,
        neighbours: Neighbours,
        memberships: csr_array,
        inverse_temperature: float,
        smoothing: float,
    ) -> None:
        """Bind neighbours to the labels they carry.

        Args:
            neighbours: of every text.
            memberships: sparse [u, K], the weight with which each text carries each label.
            inverse_temperature: a neighbour counts exp(inverse_temperature * (similarity - best
                similarity)).
            smoothing: share that a label gets that no neighbour carries; keeps the log finite.
        """
        self._neighbours = neighbours
        self._memberships = memberships
        self._inverse_temperature = inverse_temperature
        self._smoothing = smoothing

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that the neighbours carry, at most `limit`."""
        shares = self._shares(texts)
        width = max(1, int(np.diff(shares.indptr).max(initial=1)))
        labels = np.full((len(texts), width), NO_LABEL, dtype=np.int64)
        scores = np.full((len(texts), width), np.nan, dtype=np.float32)
        counts = np.diff(shares.indptr)
        place = np.arange(shares.nnz) - np.repeat(shares.indptr[:-1], counts)
        row = np.repeat(np.arange(len(texts)), counts)
        labels[row, place] = shares.indices
        scores[row, place] = np.log(shares.data + self._smoothing)
        return rank_labels(labels, scores, limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return log(share + smoothing), float32 [b, c]; NaN where no neighbour has a label."""
        shares = self._shares(texts)
        found = gather(shares, np.arange(len(texts)), candidates).astype(np.float32)
        scores: Floats = np.log(found + self._smoothing)
        scores[np.asarray(shares.sum(axis=1)).ravel() <= 0] = np.nan
        return scores

    def _shares(self, texts: Ints) -> csr_array:
        """Return sparse [b, K], sorted; rows sum to 1 or, where no neighbour has a label, to 0."""
        found = self._neighbours.indices[texts]
        near = self._neighbours.similarities[texts]
        weights = np.where(
            found >= 0, np.exp(self._inverse_temperature * (near - near[:, :1])), 0.0
        )
        count, width = found.shape
        votes = csr_array(
            (weights.ravel(), np.maximum(found, 0).ravel(), np.arange(0, count * width + 1, width)),
            shape=(count, self._memberships.shape[0]),
        )
        shares = csr_array(votes @ self._memberships)
        totals = np.asarray(shares.sum(axis=1)).ravel()
        shares.data = shares.data / np.repeat(np.maximum(totals, 1e-12), np.diff(shares.indptr))
        shares.sort_indices()
        return shares


def oos_scores(
    strength: Floats, candidates: Ints, oos: int | None, texts: Ints | None = None
) -> Floats:
    """Return evidence for out-of-scope: what nothing resembles fits no label.

    Args:
        strength: float32 [u], how well the best label or neighbour fits; NaN where unknown.
        candidates: int64 [b, c].
        oos: index of the out-of-scope label, or None.
        texts: int64 [b], those that are scored; None for all, in order.

    Returns:
        float32 [b, c]: for oos, by how many standard deviations the strength is below its mean;
        0 for other labels; a row of NaN where the strength is unknown.
    """
    mean, spread = np.nanmean(strength), max(float(np.nanstd(strength)), 1e-6)
    weakness = ((mean - (strength if texts is None else strength[texts])) / spread)[:, None]
    is_oos = candidates == (NO_LABEL if oos is None else oos)
    return np.where(is_oos, weakness, np.where(np.isnan(weakness), np.nan, 0.0)).astype(np.float32)
