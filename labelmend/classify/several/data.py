"""Tables of label sets to training sets: distinct texts and the labels of each."""

import hashlib
from dataclasses import dataclass

import numpy as np

from labelmend.classify.data import LEAST_TEXTS, RareLabels
from labelmend.data.duplicates import given_counts, smallest_spellings, text_groups
from labelmend.data.sets.label_sets import LabelSets
from labelmend.errors import InputError
from labelmend.types import Bools, Doubles, Ints
from labelmend.voice.speak import note

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""


@dataclass(frozen=True)
class SetTraining:
    """Distinct texts and the labels of each, in the order of the texts' keys.

    Rows of one text are one, so that no fold divides them, and the order of rows can't matter.

    Attributes:
        texts: distinct texts, [u].
        labels: the label set, sorted.
        carried: bool [u, L], the labels that at least half of a text's rows carry.
        weights: float64 [u], the rows of each text.
        digest: sha256 of texts, labels and weights: two tables that say the same share it.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    carried: Bools
    weights: Doubles
    digest: str

    def rarest(self) -> Ints:
        """Return int64 [u], the rarest label of each text, L where it has none."""
        count = self.carried.sum(axis=0)
        order = np.argsort(count, kind="stable")
        first: Ints = order[self.carried[:, order].argmax(axis=1)]
        return np.where(self.carried.any(axis=1), first, len(self.labels))


def set_training(sets: LabelSets) -> SetTraining:
    """Gather the rows of a table into distinct texts."""
    of_row = text_groups(sets.texts)
    texts = smallest_spellings(sets.texts, of_row)
    return _gathered(texts, sets.labels, common_labels(sets.given, of_row), np.bincount(of_row))


def common_labels(given: Bools, of_row: Ints) -> Bools:
    """Return bool [u, L], the labels that at least half of the rows of each text carry.

    Args:
        given: bool [n, L].
        of_row: int64 [n], the text of each row.
    """
    rows, carried = np.nonzero(given)
    of_text = np.bincount(of_row)
    counts = given_counts(of_row[rows], carried, (len(of_text), given.shape[1]))
    common: Bools = 2 * counts.toarray() >= of_text[:, None]
    return common


def trainable(
    data: SetTraining, where: str, rare: RareLabels = "drop"
) -> tuple[SetTraining, tuple[str, ...]]:
    """Return what is trained on, and say what became of labels that fewer than two texts carry.

    Args:
        data: all labels.
        where: what the message calls the table and its column.
        rare: whether they are left out, kept, which leaves nothing to measure them on, or an
            error.

    Raises:
        InputError: no label has two texts, or one has fewer and `rare` says so.
    """
    count = data.carried.sum(axis=0)
    few = np.flatnonzero(count < LEAST_TEXTS)
    names = ", ".join(repr(data.labels[k]) for k in few[:_SHOWN_LABELS])
    names += f" and {len(few) - _SHOWN_LABELS} more" if len(few) > _SHOWN_LABELS else ""
    has = "label has" if len(few) == 1 else "labels have"
    if len(few) == len(data.labels):
        raise InputError(
            f"{where}: no label has two distinct texts, one to learn from and one to be measured "
            "on; give more texts"
        )
    if len(few) and rare == "error":
        raise InputError(
            f"{where}: {len(few)} {has} fewer than two distinct texts, too few to learn from and "
            f"be measured on: {names}; give each two texts or more, merge it, or leave such labels "
            "out with --rare-labels drop"
        )
    if not len(few):
        return data, ()
    if rare == "keep":
        said = note(
            "{count} {count:one=label has|other=labels have} fewer than two distinct texts, so "
            "nothing measures how well they are learned: {labels}",
            count=len(few),
            labels=names,
        )
        return data, (said,)
    said = note(
        "{count} {count:one=label has|other=labels have} fewer than two distinct texts and "
        "{count:one=is|other=are} left out of training: {labels} (--rare-labels keep trains on "
        "them)",
        count=len(few),
        labels=names,
    )
    kept = np.flatnonzero(count >= LEAST_TEXTS)
    labels = tuple(data.labels[k] for k in kept)
    return _gathered(data.texts, labels, data.carried[:, kept], data.weights), (said,)


def _gathered(
    texts: tuple[str, ...], labels: tuple[str, ...], carried: Bools, weights: Ints | Doubles
) -> SetTraining:
    digest = hashlib.sha256(repr((labels, carried.shape)).encode())
    for text, row, weight in zip(texts, carried, weights.tolist(), strict=True):
        digest.update(f"{text}\0{np.flatnonzero(row).tolist()}\0{float(weight)!r}\n".encode())
    return SetTraining(texts, labels, carried, weights.astype(np.float64), digest.hexdigest())
