"""Which rows say the same."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from labelmend.types import Ints


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
