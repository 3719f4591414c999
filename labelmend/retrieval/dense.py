"""Dense retrieval of labels: by their descriptions and exemplars, and by their prototypes."""

import numpy as np
from scipy.sparse import csr_array

from labelmend.retrieval.passages import LabelPassages
from labelmend.retrieval.ranking import rank_labels
from labelmend.types import Doubles, Floats, Ints, Ranking


class DescriptionRetriever:
    """Cosine of the text to the nearest passage (description or exemplar) of a label.

    A passage that is the text itself is left out, since it stands there for its given label.
    """

    name = "description"

    def __init__(self, embeddings: Floats, passages: LabelPassages, vectors: Floats) -> None:
        """Index the passages.

        Args:
            embeddings: float32 [u, d], unit rows, of the dataset's texts.
            passages: [p] passages with their labels.
            vectors: float32 [p, d], unit rows, of the passages.
        """
        import faiss

        self._embeddings = embeddings
        self._passages = passages
        self._vectors = vectors
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest passages; at most `limit`."""
        most = min(limit * self._passages.most_per_label + 1, len(self._passages))
        scores, found = self._index.search(self._embeddings[texts], most)
        own = self._passages.text_of[found] == texts[:, None]
        return rank_labels(
            self._passages.label_of[found], np.where(own, np.nan, scores).astype(np.float32), limit
        )

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best cosine among each candidate's passages, float32 [b, c]."""
        similarity = self._embeddings[texts] @ self._vectors.T
        return self._passages.best_per_candidate(similarity, texts, candidates)


_NOTHING = 1e-6
"""A sum of vectors with no more than this squared length is no prototype."""


class PrototypeRetriever:
    """Cosine of the text to a label's prototype: the mean of the texts that carry the label.

    The text itself is taken out of the mean (leave-one-out), so its given label is not seen.
    """

    name = "prototype"

    def __init__(self, embeddings: Floats, memberships: csr_array) -> None:
        """Index the prototypes.

        Args:
            embeddings: float32 [u, d], unit rows.
            memberships: sparse [u, K], the weight with which each text carries each label.
        """
        import faiss

        self._embeddings = embeddings
        self._memberships = memberships
        self._sums: Doubles = np.asarray(memberships.T @ embeddings.astype(np.float64))
        self._squared = np.einsum("kd,kd->k", self._sums, self._sums)
        self._empty = int((self._squared <= _NOTHING).sum())
        self._index = faiss.IndexFlatIP(embeddings.shape[1])
        self._index.add(self.prototypes())

    def prototypes(self) -> Floats:
        """Return float32 [K, d], unit rows; a label that no text carries has a row of zeros."""
        norms = np.sqrt(np.where(self._squared > _NOTHING, self._squared, np.inf))[:, None]
        unit: Floats = (self._sums / norms).astype(np.float32)
        return unit

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest prototypes, the text itself taken out of them.

        The index holds prototypes with the text, which are nearer to it than those without: as
        many more labels are fetched as a text carries, and as have no prototype.
        """
        own = int(np.diff(self._memberships[texts].indptr).max(initial=0))
        fetched = limit + own + self._empty
        _, found = self._index.search(self._embeddings[texts], min(fetched, len(self._squared)))
        labels = found.astype(np.int64)
        return rank_labels(labels, self.score(texts, labels), limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return leave-one-out cosines, float32 [b, c]; NaN where no other text has the label."""
        vectors = self._embeddings[texts].astype(np.float64)
        dots = np.einsum("bd,bcd->bc", vectors, self._sums[candidates])
        own = gather(self._memberships, texts, candidates)
        length = np.einsum("bd,bd->b", vectors, vectors)[:, None]  # 1, but for rounding
        others = dots - own * length
        squared = self._squared[candidates] - 2 * own * dots + own**2 * length
        enough = squared > _NOTHING
        norms = np.sqrt(np.where(enough, squared, 1.0))
        cosines: Floats = np.where(enough, others / norms, np.nan).astype(np.float32)
        return cosines


def gather(sparse: csr_array, rows: Ints, columns: Ints) -> Doubles:
    """Return float64 [b, c]: `sparse[rows[i], columns[i, j]]`."""
    dense: Doubles = sparse[rows].toarray().astype(np.float64)
    return np.take_along_axis(dense, columns, axis=1)


def memberships_from(labels: Ints, weights: Doubles, label_count: int) -> csr_array:
    """Return float32 sparse [u, K] from label indices int64 [u, c] and their weights [u, c]."""
    count, width = labels.shape
    starts = np.arange(0, count * width + 1, width)
    values = weights.ravel().astype(np.float32)
    # A copy: scipy sorts indices in place, and these are the candidates of everybody else too.
    matrix = csr_array((values, labels.flatten(), starts), shape=(count, label_count))
    matrix.eliminate_zeros()
    return matrix
