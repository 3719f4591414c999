"""What other annotators or models said of the texts, as evidence."""

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares
from labelmend.data.duplicates import given_counts
from labelmend.types import Floats, Ints, UniqueTexts


def vote_scores(votes: csr_array, labels: Ints) -> Floats:
    """Return float32 [u, c]: each candidate's share; NaN for texts without a vote."""
    shares = gather(votes, np.arange(len(labels)), labels).astype(np.float32)
    shares[np.diff(votes.indptr) == 0] = np.nan
    return shares


def vote_shares(unique: UniqueTexts, votes: Ints) -> csr_array:
    """Return sparse [u, K]: the share of a text's votes that each label got."""
    return given_shares(given_counts(unique.of_row, votes, unique.given.shape))
