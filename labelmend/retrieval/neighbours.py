"""Retrieval of labels by the nearest other texts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, largest_products
from labelmend.configs.schema import RetrievalConfig
from labelmend.parallel import LOCAL, Executor, blocks_of
from labelmend.retrieval.cells import Cells
from labelmend.retrieval.ranking import rank_labels
from labelmend.types import NO_LABEL, Floats, Ints, Ranking
from labelmend.voice.speak import note


@dataclass(frozen=True)
class Neighbours:
    """The nearest other texts of each text.

    Attributes:
        indices: int64 [u, m], best first, -1 where there are fewer than m.
        similarities: float32 [u, m], cosine; -1 where there is none.
        recall: share of the nearest texts that these are, as measured on a sample; 1 where the
            search was exact.
    """

    indices: Ints
    similarities: Floats
    recall: float = 1.0

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence where some of the nearest texts were missed."""
        if self.recall == 1:
            return ()
        told = note(
            "of the texts nearest to each, {recall:.1%} were found among so many, as measured on a "
            "sample; a larger retrieval.searched_texts finds more",
            recall=self.recall,
        )
        return (told,)


_MOST_EMPTY = 1000
"""Places that a small table leaves empty: more are not made room for. Nobody asks for so many."""


def find_neighbours(
    embeddings: Floats,
    count: int,
    block: int,
    *,
    exact_up_to: int = RetrievalConfig.exact_up_to,
    searched_texts: int = RetrievalConfig.searched_texts,
    executor: Executor = LOCAL,
) -> Neighbours:
    """Find the `count` nearest other texts of each text.

    The search is exact up to `exact_up_to` texts. Of more, those in the cells around the text are
    searched, so a neighbour may be missed, and the outcome is the same every time.

    Texts are distinct, so leaving out the text itself leaves out every copy of it. Those found
    are in the order of similarity, then of the texts' keys; which of equally near texts take the
    last places is up to the cells where the search is approximate.

    Args:
        embeddings: float32 [u, d], unit rows.
        count: neighbours to find.
        block: texts searched at a time, where the search is exact.
        exact_up_to: texts.
        searched_texts: that each text is compared with, of more.
        executor: carries the work by blocks of texts, or by cells.
    """
    total = len(embeddings)
    width = min(count, max(total - 1, 0))
    room = min(count, max(width, _MOST_EMPTY))
    indices = np.full((total, room), -1, dtype=np.int64)
    similarities = np.full((total, room), -1.0, dtype=np.float32)
    if total <= exact_up_to:
        rows_of, search = _among_all(embeddings, width, block)
    else:
        rows_of, search = _in_cells(embeddings, width, searched_texts)
    done = executor.map_blocks(search, range(len(rows_of)), one_core=True)
    for rows, (nearest, near) in zip(rows_of, done, strict=True):
        indices[rows, : nearest.shape[1]] = nearest
        similarities[rows, : nearest.shape[1]] = near
    recall = 1.0 if total <= exact_up_to else _recall(embeddings, indices[:, :width])
    return Neighbours(indices, similarities, recall)


_Search = Callable[[int], tuple[Ints, Floats]]
"""Of a part of the texts, int64 and float32 [b, w]: the texts nearest to each, best first, and the
cosines."""


def _among_all(embeddings: Floats, width: int, block: int) -> tuple[list[Ints], _Search]:
    """Return parts of the texts, and an exact search."""
    parts = [np.arange(rows.start, rows.stop) for rows in blocks_of(len(embeddings), block)]

    def search(part: int) -> tuple[Ints, Floats]:
        return largest_products(embeddings[parts[part]], embeddings, width, parts[part])

    return parts, search


def _in_cells(embeddings: Floats, width: int, searched: int) -> tuple[list[Ints], _Search]:
    """Return the texts of each cell, and a search in the cells around."""
    cells = Cells.of(embeddings, searched)
    filled = [cell for cell in range(cells.count) if len(cells.members(cell))]

    def search(part: int) -> tuple[Ints, Floats]:
        return cells.nearest_to(filled[part], width)

    return [cells.members(cell) for cell in filled], search


def _recall(embeddings: Floats, indices: Ints) -> float:
    """Return the share of the nearest texts that were found, on a sample of texts."""
    size = min(_SAMPLE, len(embeddings))
    sample = np.random.default_rng(0).choice(len(embeddings), size, replace=False)
    nearest, _ = largest_products(embeddings[sample], embeddings, indices.shape[1], sample)
    return float((nearest[:, :, None] == indices[sample][:, None, :]).any(axis=2).mean())


_SAMPLE = 200
"""Texts on which recall is measured: with 30 neighbours each, to a point or so."""


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
