"""The noise channel P(given label | true label), lined up with the candidates of each text."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, find
from scipy.special import softmax

from labelmend.types import Bools, Doubles, Floats, Ints, NoiseChannel

_SIMILAR_LABELS = 10
"""Labels that S(. | k) spreads over; beyond the ten nearest, the uniform part covers."""


@dataclass(frozen=True)
class Observations:
    """The m given labels, each against the c candidates of its text.

    Attributes:
        text: int64 [m], the text that was given the label.
        count: float64 [m], rows of the text that were given it.
        same: bool [m, c], the candidate is the given label.
        candidate: int64 [m, c], the text's candidates.
        rank: int64 [m, c], the given label's place among the candidate's similar labels, or -1.
        similarities: float64 [K, s], cosine of each label's prototype to its similar labels'.
        total_texts: u.
    """

    text: Ints
    count: Doubles
    same: Bools
    candidate: Ints
    rank: Ints
    similarities: Doubles
    total_texts: int


def observe(given: csr_array, candidates: Ints, prototypes: Floats) -> Observations:
    """Line up the given labels with the candidates and the labels similar to these.

    Args:
        given: sparse [u, K], how many rows of the text were given each label.
        candidates: int64 [u, c].
        prototypes: float32 [K, d], unit rows (zeros where a label has no text).
    """
    text, label, count = find(given)
    similarity = (prototypes @ prototypes.T).astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    width = min(_SIMILAR_LABELS, len(prototypes) - 1)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :width]
    candidate = candidates[text]
    found = nearest[candidate] == label[:, None, None]
    return Observations(
        text=text.astype(np.int64),
        count=count.astype(np.float64),
        same=candidate == label[:, None],
        candidate=candidate,
        rank=np.where(found.any(axis=2), found.argmax(axis=2), -1),
        similarities=np.take_along_axis(similarity, nearest, axis=1),
        total_texts=given.shape[0],
    )


@dataclass(frozen=True)
class ChannelTerms:
    """log prod_g P(g | k) over each text's given labels, and its derivatives, each [u, c].

    Attributes:
        log_likelihood: the sum of logs; 0 for texts without a given label.
        by_keep_rate: derivative by the logit of the keep rate.
        by_similar_share: derivative by the logit of the similar share.
        by_sharpness: derivative by the log of 1 / temperature.
    """

    log_likelihood: Doubles
    by_keep_rate: Doubles
    by_similar_share: Doubles
    by_sharpness: Doubles


def channel_terms(seen: Observations, channel: NoiseChannel) -> ChannelTerms:
    """Evaluate the channel at the observations."""
    rho, mu, sharpness = channel.keep_rate, channel.similar_share, 1 / channel.temperature
    spread = softmax(seen.similarities * sharpness, axis=1)
    expected = (spread * seen.similarities).sum(axis=1)
    place = np.maximum(seen.rank, 0)
    share = np.where(seen.rank >= 0, spread[seen.candidate, place], 0.0)
    tilt = seen.similarities[seen.candidate, place] - expected[seen.candidate]
    uniform = 1 / (len(seen.similarities) - 1)
    mixed = (1 - mu) * uniform + mu * share
    wrong = ~seen.same
    terms = (
        np.where(wrong, np.log1p(-rho) + np.log(mixed), np.log(rho)),
        np.where(wrong, -rho, 1 - rho),
        np.where(wrong, mu * (1 - mu) * (share - uniform) / mixed, 0.0),
        np.where(wrong, mu * share * sharpness * tilt / mixed, 0.0),
    )
    rows = np.arange(len(seen.text))
    by_text = csr_array((seen.count, (seen.text, rows)), shape=(seen.total_texts, len(rows)))
    return ChannelTerms(*(by_text @ term for term in terms))
