"""Which rows say the same."""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelmend.types import NO_LABEL, Dataset, Ints, UniqueTexts

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def text_key(text: str) -> str:
    """Return what two copies of one text share: NFKC, case-folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_groups(texts: Sequence[str]) -> Ints:
    """Return int64 [n], one number for all rows of the same `text_key`.

    Groups are numbered from 0 in the order of their keys, so the order of rows does not matter.
    """
    keys = [text_key(text) for text in texts]
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def unique_texts(dataset: Dataset) -> UniqueTexts:
    """Return the distinct texts of a dataset, each with the labels it was given.

    The representative of a text is the smallest of its spellings.
    """
    of_row = text_groups(dataset.texts)
    count = int(of_row.max(initial=-1)) + 1
    smallest: list[str | None] = [None] * count
    for text, group in zip(dataset.texts, of_row.tolist(), strict=True):
        known = smallest[group]
        if known is None or text < known:
            smallest[group] = text
    representatives = tuple(text for text in smallest if text is not None)
    rows, labels = dataset.assignments()
    given = given_counts(of_row[rows], labels, (count, len(dataset.labels)))
    return UniqueTexts(representatives, of_row, given)


def given_counts(of_row: Ints, labels: Ints, shape: tuple[int, int]) -> "csr_array":
    """Return float32 sparse [u, K]: how many rows of each text carry each label.

    Args:
        of_row: int64 [n], the text of each row.
        labels: int64 [n], or `NO_LABEL`.
        shape: (u, K).
    """
    from scipy.sparse import coo_array

    labelled = labels != NO_LABEL
    ones = np.ones(labelled.sum(), np.float32)
    return coo_array((ones, (of_row[labelled], labels[labelled])), shape=shape).tocsr()
