"""The real texts of a table: which may be shown to the LLM, and which are kept for testing."""

import math

import numpy as np

from labelmend.arrays import main_labels
from labelmend.augment.plan import RealTexts, seed_of
from labelmend.data.duplicates import text_key, unique_texts
from labelmend.types import NO_LABEL, Bools, Dataset, Ints, UniqueTexts


def real_texts(dataset: Dataset, share: float, seed: int) -> tuple[RealTexts, UniqueTexts]:
    """Return the distinct texts of a table.

    Args:
        dataset: its rows that have a text.
        share: of each label's texts that is kept for testing; 0 for none.
        seed: draws these.
    """
    unique = unique_texts(dataset)
    label_of = main_labels(unique.given)
    kept = held_out(unique.texts, label_of, share, seed)
    real = RealTexts(unique.texts, tuple(label_of.tolist()), tuple((~kept).tolist()))
    return real, unique


def held_out(texts: tuple[str, ...], label_of: Ints, share: float, seed: int) -> Bools:
    """Return bool [u], about that share of each label's texts, never all of them.

    What is drawn depends on the texts and the seed, not on their order.
    """
    kept = np.zeros(len(texts), dtype=bool)
    if not share:
        return kept
    for label in np.unique(label_of[label_of != NO_LABEL]).tolist():
        places = np.flatnonzero(label_of == label).tolist()
        count = min(max(math.floor(share * len(places) + 0.5), 1), len(places) - 1)
        drawn = sorted(
            places, key=lambda p: (seed_of(seed, "split", text_key(texts[p])), text_key(texts[p]))
        )
        kept[drawn[:count]] = True
    return kept


def rows_that_stand(unique: UniqueTexts, dataset: Dataset, label_of: tuple[int, ...]) -> list[int]:
    """Return a row of the dataset for each distinct text: one of its label, by the smallest id."""
    best: dict[int, tuple[bool, str, int]] = {}
    for row, text in enumerate(unique.of_row.tolist()):
        other = int(dataset.given[row]) != label_of[text]
        candidate = (other, dataset.ids[row], row)
        if text not in best or candidate < best[text]:
            best[text] = candidate
    return [best[text][2] for text in range(len(unique))]
