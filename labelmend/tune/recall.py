"""Recall of candidates: how often the right label is among the first that retrieval finds."""

from dataclasses import dataclass

import numpy as np

from labelmend.errors import InputError
from labelmend.retrieval.dense import DescriptionRetriever
from labelmend.types import Ints

DEPTHS = (1, 5, 10)
"""Ranks at which recall is told; nothing else depends on them."""


@dataclass(frozen=True)
class Questions:
    """Held-out texts and the labels that retrieval should find for them.

    Attributes:
        texts: int64 [m].
        labels: int64 [m]; one that has no passage is never found.
    """

    texts: Ints
    labels: Ints


def candidate_recall(retriever: DescriptionRetriever, questions: Questions) -> dict[int, float]:
    """Return, by depth k, the share of the texts whose label is among the first k candidates.

    Args:
        retriever: finds labels by their descriptions and exemplars.
        questions: at least one.

    Raises:
        InputError: there is none.
    """
    if not len(questions.texts):
        raise InputError("no held-out text to measure recall on; give more rows")
    ranking = retriever.search(questions.texts, max(DEPTHS))
    found = ranking.labels == questions.labels[:, None]
    return {depth: float(np.mean(found[:, :depth].any(axis=1))) for depth in DEPTHS}
