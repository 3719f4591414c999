"""What can be searched of a label: its description, and each of its exemplars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.data.duplicates import text_key
from labelmend.types import Floats, Ints, LabelCard

NOT_A_TEXT = -2
"""Stands in `text_of` for a passage that is no text of the dataset."""


@dataclass(frozen=True)
class LabelPassages:
    """The passages of all labels, sorted by label.

    Attributes:
        passages: [p] texts.
        label_of: int64 [p], ascending.
        text_of: int64 [p], the dataset's text that the passage repeats, or `NOT_A_TEXT`.
        most_per_label: the largest number of passages that one label has.
    """

    passages: tuple[str, ...]
    label_of: Ints
    text_of: Ints
    most_per_label: int

    def __len__(self) -> int:
        return len(self.passages)

    def best_per_candidate(self, scores: Floats, texts: Ints, candidates: Ints) -> Floats:
        """Return each candidate's best passage score, the text's own copies left out.

        Args:
            scores: float32 [b, p], of every passage for each text.
            texts: int64 [b].
            candidates: int64 [b, c].

        Returns:
            float32 [b, c]; NaN where a candidate has no passage left.
        """
        own = self.text_of[None, :] == texts[:, None]
        usable = np.where(own, -np.inf, scores)
        labels, starts = np.unique(self.label_of, return_index=True)
        best = np.full((len(texts), int(candidates.max(initial=0)) + 1), -np.inf, dtype=np.float32)
        within = labels < best.shape[1]
        best[:, labels[within]] = np.maximum.reduceat(usable, starts, axis=1)[:, within]
        gathered = np.take_along_axis(best, candidates, axis=1)
        return np.where(np.isneginf(gathered), np.nan, gathered).astype(np.float32)


def label_passages(
    cards: Sequence[LabelCard], texts: Sequence[str], oos: int | None
) -> LabelPassages:
    """Collect the passages of every label's card.

    The out-of-scope label has passages only where the user's file describes it: its name and the
    built-in description resemble no text.

    Args:
        cards: one a label, in the order of the label set.
        texts: the dataset's distinct texts.
        oos: index of the out-of-scope label, or None.
    """
    known = {text_key(text): i for i, text in enumerate(texts)}
    passages: list[str] = []
    label_of: list[int] = []
    text_of: list[int] = []
    most = 0
    for index, card in enumerate(cards):
        described = f"{card.name}: {card.description}" if card.description else card.name
        own = [] if index == oos and card.source != "user" else [described, *card.exemplars]
        most = max(most, len(own))
        passages += own
        label_of += [index] * len(own)
        text_of += [known.get(text_key(p), NOT_A_TEXT) for p in own]
    return LabelPassages(
        tuple(passages), np.array(label_of, np.int64), np.array(text_of, np.int64), most
    )
