"""Dense retrieval of labels: by their descriptions and exemplars, and by their prototypes."""

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import dot_products, gather, principal_axes, row_blocks
from labelmend.retrieval.passages import LabelPassages, best_found
from labelmend.retrieval.ranking import rank_labels, top_columns
from labelmend.types import NO_LABEL, Doubles, Floats, Ints, Ranking


class DescriptionRetriever:
    """Cosine of the text to the nearest passage (description or exemplar) of a label.

    A passage that is the text itself is left out, since it stands there for its given label.
    """

    name = "description"

    def __init__(
        self,
        embeddings: Floats,
        passages: LabelPassages,
        vectors: Floats,
        exact_up_to: int | None = None,
    ) -> None:
        """Index the passages.

        Args:
            embeddings: float32 [u, d], unit rows, of the dataset's texts.
            passages: [p] passages with their labels.
            vectors: float32 [p, d], unit rows, of the passages.
            exact_up_to: texts times passages up to which all passages are compared in all
                dimensions to find the best labels; with more, on their leading axes. No bound if
                None.
        """
        self._embeddings = embeddings
        self._passages = passages
        self._vectors = vectors
        self._index, self._leading = None, None
        size = len(embeddings) * len(passages)
        if exact_up_to is not None and size > exact_up_to and vectors.shape[1] > _LEADING_AXES:
            mean, self._axes = principal_axes(vectors, _LEADING_AXES)
            self._leading = ((vectors - mean) @ self._axes)[passages.in_turns]
        else:
            import faiss

            self._index = faiss.IndexFlatIP(vectors.shape[1])
            self._index.add(vectors)

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest passages; at most `limit`.

        Above `exact_up_to` the scores are estimates: cosines on the leading axes, up to a constant
        a text.
        """
        if self._index is None:
            return self._likely(texts, limit)
        most = min(limit * self._passages.most_per_label + 1, len(self._passages))
        scores, found = self._index.search(self._embeddings[texts], most)
        own = self._passages.text_of[found] == texts[:, None]
        return rank_labels(
            self._passages.label_of[found], np.where(own, np.nan, scores).astype(np.float32), limit
        )

    def _likely(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels that are best on the leading axes, at most `limit`."""
        assert self._leading is not None
        label_count = int(self._passages.label_of[-1]) + 1
        limit = min(limit, label_count)
        labels = np.empty((len(texts), limit), dtype=np.int64)
        scores = np.empty((len(texts), limit), dtype=np.float32)
        # Of fewer texts at a time, the product takes twice as long.
        for rows in row_blocks(len(texts), len(self._passages) // _PRODUCT_BLOCKS + 1):
            # What a text has in common with all passages ranks none of them before another.
            own = self._embeddings[texts[rows]] @ self._axes
            estimated: Floats = np.matmul(own, self._leading.T, dtype=np.float32)
            best = self._passages.best_per_label(estimated, texts[rows], label_count)
            labels[rows] = top_columns(best, limit)
            scores[rows] = np.take_along_axis(best, labels[rows], axis=1)
        return Ranking(np.where(np.isneginf(scores), NO_LABEL, labels), scores)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return the best cosine among each candidate's passages, float32 [b, c]."""
        best = np.empty(candidates.shape, dtype=np.float32)
        for rows in row_blocks(len(texts), candidates.shape[1] * self._passages.most_per_label):
            places = self._passages.places(texts[rows], candidates[rows])
            columns = np.maximum(places.reshape(len(places), -1), 0)
            dots = dot_products(self._embeddings[texts[rows]], self._vectors, columns)
            best[rows] = best_found(dots.reshape(places.shape), places)
        return best


_NOTHING = 1e-6
"""A numerical floor: a sum of vectors with no more than this squared length is no prototype."""


_LEADING_AXES = 256
"""Axes on which passages are compared. On CLINC150's texts these find 99.9 % of the three nearest
and 95.5 % of the twelve nearest; 192 find 99.7 and 93.5 %."""

_PRODUCT_BLOCKS = 8
"""Blocks of a million products that are held at a time."""


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
        self._sums: Doubles = np.zeros((memberships.shape[1], embeddings.shape[1]))
        for start in range(0, len(embeddings), _SUMMED_ROWS):
            part = slice(start, start + _SUMMED_ROWS)
            self._sums += memberships[part].T @ embeddings[part].astype(np.float64)
        self._squared = np.einsum("kd,kd->k", self._sums, self._sums)
        self._filled = np.flatnonzero(self._squared > _NOTHING)
        self._index = faiss.IndexFlatIP(embeddings.shape[1])
        self._index.add(self.prototypes()[self._filled])

    def prototypes(self) -> Floats:
        """Return float32 [K, d], unit rows; a label that no text carries has a row of zeros."""
        norms = np.sqrt(np.where(self._squared > _NOTHING, self._squared, np.inf))[:, None]
        unit: Floats = (self._sums / norms).astype(np.float32)
        return unit

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the labels of the nearest prototypes, the text itself taken out of them.

        The index holds prototypes with the text, which are nearer to it than those without: as
        many more labels are fetched as a text carries.
        """
        own = int(np.diff(self._memberships[texts].indptr).max(initial=0))
        fetched = min(limit + own, len(self._squared))
        _, found = self._index.search(self._embeddings[texts], fetched)
        # Labels without a prototype are not in the index, and faiss fills up with -1.
        labels = np.append(self._filled, NO_LABEL)[found]
        return rank_labels(labels, self.score(texts, np.maximum(labels, 0)), limit)

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return leave-one-out cosines, float32 [b, c]; NaN where no other text has the label."""
        cosines = np.empty(candidates.shape, dtype=np.float32)
        own = gather(self._memberships, texts, candidates)
        for rows in row_blocks(len(texts), max(candidates.shape[1], self._sums.shape[1])):
            vectors = self._embeddings[texts[rows]].astype(np.float64)
            dots = dot_products(vectors, self._sums, candidates[rows])
            length = np.einsum("bd,bd->b", vectors, vectors)[:, None]  # 1, but for rounding
            others = dots - own[rows] * length
            squared = (
                self._squared[candidates[rows]] - 2 * own[rows] * dots + own[rows] ** 2 * length
            )
            enough = squared > _NOTHING
            norms = np.sqrt(np.where(enough, squared, 1.0))
            cosines[rows] = np.where(enough, others / norms, np.nan)
        return cosines


_SUMMED_ROWS = 1 << 16
"""Texts that are held in float64 at a time, for their memory."""
