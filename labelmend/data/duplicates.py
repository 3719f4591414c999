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
    texts = smallest_spellings(dataset.texts, of_row)
    rows, labels = dataset.assignments()
    given = given_counts(of_row[rows], labels, (len(texts), len(dataset.labels)))
    return UniqueTexts(texts, of_row, given)


def smallest_spellings(texts: Sequence[str], of_row: Ints) -> tuple[str, ...]:
    """Return the smallest spelling of each distinct text.

    Args:
        texts: one a row, [n].
        of_row: int64 [n], of `text_groups`.
    """
    smallest: list[str | None] = [None] * (int(of_row.max(initial=-1)) + 1)
    for text, group in zip(texts, of_row.tolist(), strict=True):
        known = smallest[group]
        if known is None or text < known:
            smallest[group] = text
    return tuple(text for text in smallest if text is not None)


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
