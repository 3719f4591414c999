"""Evidence of other annotators or models: what they said of the texts."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares
from labelmend.data.duplicates import given_counts
from labelmend.relabel.evidence.base import Corpus, Phase, Resources
from labelmend.types import NO_LABEL, Floats, Ints, UniqueTexts

VOTE_COLUMN = "votes: "
"""Stands before the name of a vote column, which may be called as one of our own sources is."""


class AnnotatorSource:
    """The share of an annotator's words on a text, and its copies, that each label got."""

    phase: Phase = "fixed"

    def __init__(self, annotator: str) -> None:
        self.name = f"{VOTE_COLUMN}{annotator}"
        self._annotator = annotator

    @classmethod
    def for_run(cls, corpus: Corpus, resources: Resources) -> Sequence[Self]:
        """Return one source a vote column."""
        return [cls(name) for name in corpus.said]

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Look up what was said."""
        self._shares = corpus.said[self._annotator]
        return self

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return float32 [b, c], 0 to 1; NaN for texts of which nothing was said."""
        shares = gather(self._shares, texts, candidates).astype(np.float32)
        shares[np.diff(self._shares.indptr)[texts] == 0] = np.nan
        return shares


def agreed_against(given: Ints, votes: Mapping[str, Ints]) -> Ints:
    """Return int64 [n], the label that all annotators who speak name against the given one.

    `NO_LABEL` where fewer than two speak, where they differ, where they name the given label, and
    where none was given.

    Args:
        given: int64 [n].
        votes: by annotator, int64 [n], `NO_LABEL` where nothing was said.
    """
    said = np.array(list(votes.values()), dtype=np.int64).reshape(-1, len(given))
    speaks = said != NO_LABEL
    named = said.max(axis=0, initial=NO_LABEL)
    agree = ((said == named) | ~speaks).all(axis=0) & (speaks.sum(axis=0) >= _QUORUM)
    return np.where(agree & (given != NO_LABEL) & (named != given), named, NO_LABEL)


_QUORUM = 2
"""One annotator against another is a draw."""


def vote_shares(unique: UniqueTexts, votes: Ints) -> csr_array:
    """Return sparse [u, K]: the share of a text's votes int64 [n] that each label got."""
    return given_shares(given_counts(unique.of_row, votes, unique.given.shape))
