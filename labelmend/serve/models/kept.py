"""The training texts that a model keeps, and those of a label that are nearest to a text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.classify.classifier import Nearness
from labelmend.serve.answer import Near
from labelmend.types import Floats, Ints

CARD_KEY = "kept_texts"
"""What a model card calls them: `texts`, and `labels` by their places, of `Nearness.references`."""

_EACH = 2
"""Texts of a label that are shown: of three labels they fit a telephone."""

_DIGITS = 4
"""Of cosines: references are kept in half precision."""


class KeptTexts:
    """Texts of the training, with their labels and vectors."""

    def __init__(
        self,
        texts: Sequence[str],
        labels: Ints,
        names: Sequence[str],
        references: npt.NDArray[np.float16],
    ) -> None:
        """Sort them by labels.

        Args:
            texts: r of them.
            labels: int64 [r], places of their labels.
            names: of all labels.
            references: float16 [r, d], unit rows in the space that the model reads.
        """
        self._texts, self._references = tuple(texts), references
        self._rows = {name: np.flatnonzero(labels == k) for k, name in enumerate(names)}

    def near(self, placed: Floats, labels: Sequence[str]) -> tuple[Near, ...]:
        """Return the texts of some labels that are nearest to a text, label by label.

        Args:
            placed: float32 [d], the text in the same space.
            labels: best first; the out-of-scope label has no texts.
        """
        found: list[Near] = []
        for label in labels:
            rows = self._rows[label]
            cosines = self._references[rows].astype(np.float32) @ placed
            # Equal ones in the order of their texts, so that none depends on the table's order.
            order = sorted(range(len(rows)), key=lambda i: (-cosines[i], self._texts[rows[i]]))
            for i in order[:_EACH]:
                similarity = min(round(float(cosines[i]), _DIGITS), 1.0)
                found.append(Near(self._texts[rows[i]], label, similarity))
        return tuple(found)


def kept_texts(
    card: Mapping[str, Any], names: Sequence[str], nearness: Nearness
) -> KeptTexts | None:
    """Return the texts that a model keeps; None where it keeps none, or its card is amiss.

    Args:
        card: of the model.
        names: of its labels.
        nearness: has the texts' vectors.
    """
    found = card.get(CARD_KEY)
    if not isinstance(found, Mapping):
        return None
    texts, labels = found.get("texts"), found.get("labels")
    count = len(nearness.references)
    if not isinstance(texts, list) or not isinstance(labels, list):
        return None
    if len(texts) != count or len(labels) != count:
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    if not all(type(label) is int and 0 <= label < len(names) for label in labels):
        return None
    return KeptTexts(texts, np.array(labels, dtype=np.int64), names, nearness.references)
