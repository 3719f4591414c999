"""Labels that no row was given: which unlabelled texts may be theirs.

What learns from given labels is silent on such a label, and beside labels whose exemplars can be
searched, too, its one passage seldom wins. So texts are compared with cards alone, one passage a
label.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.configs.schema import RetrievalConfig
from labelmend.parallel import blocks_of
from labelmend.retrieval.passages import LabelPassages
from labelmend.types import NO_LABEL, Floats, Ints, Ranking

_BLOCK = 4096
"""Texts that are compared with all cards at a time: memory depends on it, and no outcome."""


@dataclass(frozen=True)
class NewLabels:
    """What the cards say of the unlabelled texts, where there are labels without a row.

    Attributes:
        nearest: int64 [u, m], the new labels nearest to each unlabelled text, nearest first;
            `NO_LABEL` for the other texts.
        cosines: float32 [u, m], -inf where `nearest` is `NO_LABEL`.
        first: sparse float32 [u, K], 1 where the card that is nearest to an unlabelled text, of
            all labels, is that of a new one.
    """

    nearest: Ints
    cosines: Floats
    first: csr_array

    def exemplars(self, count: int) -> Mapping[int, Ints]:
        """Return the best first texts of each new label, at most `count`, nearest first, int64."""
        texts, labels = (np.asarray(places, dtype=np.int64) for places in self.first.nonzero())
        found: dict[int, Ints] = {}
        for label in np.unique(labels).tolist():
            own = texts[labels == label]
            order = np.lexsort((own, -self.cosines[own, 0]))
            found[label] = own[order[:count]]
        return found

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the nearest new labels, at most `limit`."""
        return Ranking(self.nearest[texts, :limit], self.cosines[texts, :limit])


def find_new_labels(
    embeddings: Floats,
    given: csr_array,
    passages: LabelPassages,
    vectors: Floats,
    oos: int | None,
    *,
    most: int = RetrievalConfig.new_labels,
) -> NewLabels:
    """Compare the unlabelled texts with the labels' cards.

    Args:
        embeddings: float32 [u, d], unit rows.
        given: sparse [u, K], how many rows of the text were given each label.
        passages: [p] of them; a label's first one is its name and description.
        vectors: float32 [p, d], unit rows, of the passages.
        oos: index of the out-of-scope label, which needs no row to be found; or None.
        most: new labels that each text is compared with.
    """
    texts, labels = given.shape
    described, places = np.unique(passages.label_of, return_index=True)
    empty = np.asarray(given.sum(axis=0)).ravel() == 0
    if oos is not None:
        empty[oos] = False
    is_new = empty[described]
    width = min(most, int(is_new.sum()))
    nearest = np.full((texts, width), NO_LABEL, dtype=np.int64)
    cosines = np.full((texts, width), -np.inf, dtype=np.float32)
    unlabelled = np.flatnonzero(np.diff(given.indptr) == 0)
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for part in blocks_of(len(unlabelled) if width else 0, _BLOCK):
        block = unlabelled[part]
        scores = embeddings[block] @ vectors[places].T
        best = scores.argmax(axis=1)
        rows.append(block[is_new[best]])
        columns.append(described[best[is_new[best]]])
        scores[:, ~is_new] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :width]
        nearest[block] = described[order]
        cosines[block] = np.take_along_axis(scores, order, axis=1)
    row, column = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(row), dtype=np.float32)
    return NewLabels(nearest, cosines, csr_array((ones, (row, column)), shape=(texts, labels)))
