"""What can be searched of a label: its description, and each of its exemplars."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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

    def places(self, texts: Ints, candidates: Ints) -> Ints:
        """Return where the passages of each candidate stand, the text's own copies left out.

        Args:
            texts: int64 [b].
            candidates: int64 [b, c].

        Returns:
            int64 [b, c, most_per_label]; -1 where there is none.
        """
        first = np.searchsorted(self.label_of, candidates, side="left")
        end = np.searchsorted(self.label_of, candidates, side="right")
        places = first[:, :, None] + np.arange(self.most_per_label)
        places[places >= end[:, :, None]] = -1
        if len(self):
            places[self.text_of[places] == texts[:, None, None]] = -1
        return places

    @cached_property
    def in_turns(self) -> Ints:
        """The first passage of each label, then the second of each that has one ..., int64 [p]."""
        _, turns = self._turns
        return np.concatenate(turns) if turns else np.empty(0, dtype=np.int64)

    def best_per_label(self, scores: Floats, texts: Ints, label_count: int) -> Floats:
        """Return the best passage score of every label, the text's own copies left out.

        Args:
            scores: float32 [b, p], of every passage for each text, in the order of `in_turns`; own
                copies are overwritten.
            texts: int64 [b].
            label_count: K.

        Returns:
            float32 [b, K]; -inf where a label has no passage left.
        """
        best = np.full((len(texts), label_count), -np.inf, dtype=np.float32)
        if len(self):
            scores[self._own(texts)] = -np.inf
            labels, turns = self._turns
            first = end = len(labels)
            for passages in turns[1:]:
                some = scores[:, : len(passages)]
                np.maximum(some, scores[:, end : end + len(passages)], out=some)
                end += len(passages)
            best[:, self._columns] = scores[:, :first]
        return best

    @cached_property
    def _turns(self) -> tuple[Ints, list[Ints]]:
        """Return the labels that have passages, int64 [l], and their first, second ... passages.

        Labels with more come first, so that each turn is of the labels at the front: the passages
        of a turn stand in the order of the labels.
        """
        labels, starts, counts = np.unique(self.label_of, return_index=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        starts, counts = starts[order], counts[order]
        turns = [starts[counts > turn] + turn for turn in range(self.most_per_label)]
        return labels[order], turns

    @cached_property
    def _columns(self) -> Ints | slice:
        """Where the labels of `_turns` stand among all; as a slice if they follow each other.

        So they do where each has as many passages, and a slice is written to in less time.
        """
        labels, _ = self._turns
        follow = bool((np.diff(labels) == 1).all())
        return slice(int(labels[0]), int(labels[-1]) + 1) if follow else labels

    @cached_property
    def _by_text(self) -> tuple[Ints, Ints]:
        """Return places in `in_turns` by the texts that passages repeat, and those, [p] each."""
        text_of = self.text_of[self.in_turns]
        order = np.argsort(text_of, kind="stable")
        return order, text_of[order]

    def _own(self, texts: Ints) -> tuple[Ints, Ints]:
        """Return rows and places in `in_turns`, int64 [m] each, of passages that are the text."""
        order, ranked = self._by_text
        first = np.searchsorted(ranked, texts, side="left")
        counts = np.searchsorted(ranked, texts, side="right") - first
        rows = np.repeat(np.arange(len(texts)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, order[np.repeat(first, counts) + within]


def best_found(scores: Floats, places: Ints) -> Floats:
    """Return the best over the last axis where `places` is not -1, float32; NaN where none is."""
    best = np.where(places < 0, -np.inf, scores).max(axis=-1, initial=-np.inf)
    return np.where(np.isneginf(best), np.nan, best).astype(np.float32)


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
