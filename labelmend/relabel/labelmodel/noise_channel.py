"""The noise channel P(given label | true label), learned where the evidence is decisive.

For a label k and a given label g:

    P(g | k)  =  rho_k                                                            if g = k
                 (1 - rho_k) * [(n_kg + a * E(g | k)) / (n_k + a)]                else
    E(g | k)  =  (1 - mu - nu) / (K - 1) + mu * S(g | k) + nu * [g = oos]
    rho_k     =  (n_kk + b * rho) / (n_k. + b)

S is the softmax of prototype similarity over the labels nearest k. n counts the given labels of the
anchors: the texts of each label on which the evidence, which never saw their given label, is most
decisive. A channel learned from all texts can trade its keep rate against the sharpness of the
evidence, at no cost in likelihood; at the anchors it can't (anchor points: Liu & Tao 2016, Patrini
et al. 2017; counting among confident texts: Northcutt et al. 2021). The strengths a and b of the
Dirichlet and Beta priors are those that predict the anchors' own given labels best, each left out
of the counts that predict it (empirical Bayes); where pairs teach nothing, there are none.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, find
from scipy.special import softmax

from labelmend.arrays import gather, row_blocks
from labelmend.configs.schema import ChannelConfig
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.retrieval.ranking import top_columns
from labelmend.types import NO_LABEL, Bools, Doubles, Floats, Ints

FIRST_GUESS = NoiseChannel(
    keep_rate=0.9,
    similar_share=0.3,
    oos_share=0.1,
    temperature=0.1,
    pair_strength=None,
    label_strength=None,
)
"""Where the search for the channel begins."""

_LEAST_WEIGHT = 1e-4
"""Observations of less weight are rounding, and left out of the counts."""

_TINY = 1e-12
"""Keeps logs and quotients finite."""

_BLOCK = 4096
"""Observations worked on at a time: memory depends on it, and no outcome."""


@dataclass(frozen=True)
class Observations:
    """The m given labels, each against the c candidates of its text.

    Attributes:
        text: int64 [m], the text that was given the label.
        given: int64 [m], the label.
        count: float64 [m], the square root of the rows of the text that were given it.
        candidate: int64 [m, c], the text's candidates.
        rank: int8 [m, c], the given label's place among the candidate's similar labels, or -1.
        similarities: float64 [K, s], cosine of each label's prototype to its similar labels'.
        oos: index of the out-of-scope label, or None.
        total_texts: u.
    """

    text: Ints
    given: Ints
    count: Doubles
    candidate: Ints
    rank: np.ndarray
    similarities: Doubles
    oos: int | None
    total_texts: int

    @property
    def same(self) -> Bools:
        """Return bool [m, c]: the candidate is the given label."""
        return np.equal(self.candidate, self.given[:, None])


def observe(
    given: csr_array,
    candidates: Ints,
    prototypes: Floats,
    oos: int | None,
    config: ChannelConfig,
) -> Observations:
    """Line up the given labels with the candidates and the labels similar to these.

    Args:
        given: sparse [u, K], how many rows of the text were given each label.
        candidates: int64 [u, c].
        prototypes: float32 [K, d], unit rows (zeros where a label has no text).
        oos: index of the out-of-scope label, or None.
        config: how many labels are similar.
    """
    text, label, count = find(given)
    order = np.lexsort((label, text))
    text, label, count = text[order], label[order], count[order]
    nearest, similarities = _similar(prototypes, config.similar_labels)
    width = nearest.shape[1]
    candidate = candidates[text]
    rank = np.full(candidate.shape, -1, dtype=np.int8)
    for part in row_blocks(len(text), candidate.shape[1] * max(width, 1)):
        found = nearest[candidate[part]] == label[part, None, None]
        if width:
            rank[part] = np.where(found.any(axis=2), found.argmax(axis=2), -1)
    return Observations(
        text=text.astype(np.int64),
        given=label.astype(np.int64),
        # Copies of a text often copy its label: four are no more than two independent annotators.
        count=np.sqrt(count.astype(np.float64)),
        candidate=candidate,
        rank=rank,
        similarities=similarities,
        oos=oos,
        total_texts=given.shape[0],
    )


def _similar(prototypes: Floats, most: int) -> tuple[Ints, Doubles]:
    """Return the labels most similar to each, int64 [K, s], and their cosines, float64 [K, s]."""
    total = len(prototypes)
    width = min(most, max((total - 1) // 2, 1), total - 1)
    nearest = np.empty((total, width), dtype=np.int64)
    similarities = np.empty((total, width))
    similarity: Floats = prototypes @ prototypes.T
    np.fill_diagonal(similarity, -np.inf)
    for rows in row_blocks(total if width else 0, total):
        nearest[rows] = top_columns(similarity[rows], width)
        similarities[rows] = np.take_along_axis(similarity[rows], nearest[rows], axis=1)
    return nearest, similarities


@dataclass(frozen=True)
class LearnedChannel:
    """A noise channel and the counts of anchors that bend it.

    Attributes:
        channel: its numbers.
        counts: float64 sparse [K, K], anchors with true label k (row) that were given g (column).
        own: float32 sparse [m, c], what each observation put into the counts.
    """

    channel: NoiseChannel
    counts: csr_array
    own: csr_array

    @property
    def anchors(self) -> float:
        """Return the number of given labels that were counted."""
        return float(self.counts.sum())

    def for_others(self, seen: Observations) -> "LearnedChannel":
        """Return the same for observations that have put nothing into the counts."""
        nothing = csr_array(np.zeros(seen.candidate.shape, dtype=np.float32))
        return LearnedChannel(self.channel, self.counts, nothing)

    def log_likelihood(self, seen: Observations) -> Doubles:
        """Return log prod_g P(g | k), float64 [u, c]; 0 for texts without a given label.

        An anchor is left out of the counts that judge its own given label.
        """
        diagonal, totals = _row_sums(self.counts)
        transposed = csr_array(self.counts.T)
        similar = _similar_shares(self.channel, seen)
        # A text's labels stand one after another, the first of them at place 0.
        place = np.arange(len(seen.text)) - np.searchsorted(seen.text, seen.text)
        result = np.zeros((seen.total_texts, seen.candidate.shape[1]))
        for start in range(0, len(seen.text), _BLOCK):
            part = np.arange(start, min(start + _BLOCK, len(seen.text)))
            candidate = seen.candidate[part]
            same = np.equal(candidate, seen.given[part, None])
            pairs = gather(transposed, seen.given[part], candidate)
            log_p = _log_channel(
                self.channel,
                same,
                np.where(same, diagonal[candidate], pairs),
                diagonal[candidate],
                totals[candidate],
                self.own[part].toarray().astype(np.float64),
                _error_shares(self.channel, seen, part, candidate, similar),
            )
            log_p *= seen.count[part, None]
            # No text stands at one place twice, so that a plain sum adds up all that there is.
            for number in np.unique(place[part]):
                rows = np.flatnonzero(place[part] == number)
                result[seen.text[part[rows]]] += log_p[rows]
        return result


def learn_channel(
    seen: Observations, responsibility: csr_array, start: NoiseChannel, config: ChannelConfig
) -> LearnedChannel:
    """Learn the channel from the anchors.

    Args:
        seen: the given labels against the candidates.
        responsibility: float64 sparse [m, c], how far each observation's text is taken to carry
            each candidate; nothing for texts that are no anchors.
        start: where the search for the shares begins.
        config: the priors.
    """
    rows = np.repeat(np.arange(len(seen.text)), np.diff(responsibility.indptr))
    w = responsibility.data * seen.count[rows]
    counted = w > _LEAST_WEIGHT
    rows, columns, w = rows[counted], responsibility.indices[counted], w[counted]
    true, given = seen.candidate[rows, columns], seen.given[rows]
    size = len(seen.similarities)
    right = true == given
    keep_rate = (w[right].sum() + config.prior_right) / (
        w.sum() + config.prior_right + config.prior_wrong
    )
    wrong = ~right
    rank = seen.rank[rows, columns]
    shares = _learn_shares(seen, rank[wrong], true[wrong], given[wrong], w[wrong], start, config)
    counts = csr_array(coo_array((w, (true, given)), shape=(size, size)))
    base = NoiseChannel(float(keep_rate), *shares, pair_strength=None, label_strength=None)
    diagonal, totals = _row_sums(counts)
    pairs = gather(csr_array(counts), true, given[:, None])[:, 0] if len(w) else w
    similar = _similar_shares(base, seen)
    expected = _shares_at(base, seen, similar, rank, true, given)
    best, best_value = base, -np.inf
    for a, b in itertools.product((None, *config.pair_strengths), (None, *config.label_strengths)):
        channel = NoiseChannel(float(keep_rate), *shares, pair_strength=a, label_strength=b)
        log_p = _log_channel(channel, right, pairs, diagonal[true], totals[true], w, expected)
        value = float((w * log_p).sum())
        if value > best_value + config.min_gain:
            best, best_value = channel, value
    own = csr_array((w.astype(np.float32), (rows, columns)), shape=responsibility.shape)
    return LearnedChannel(best, counts, own)


def taken_to_carry(seen: Observations, labels: Ints) -> csr_array:
    """Return float64 sparse [m, c]: 1 for the candidate that each observation's text carries.

    Args:
        seen: the given labels against the candidates.
        labels: int64 [u], what each text is taken to carry; `NO_LABEL` for no anchors.
    """
    rows, places = [], []
    for part in row_blocks(len(seen.text), seen.candidate.shape[1]):
        row, place = np.nonzero(seen.candidate[part] == labels[seen.text[part], None])
        rows.append(row + part.start)
        places.append(place)
    row, place = (np.concatenate([*one, np.empty(0, dtype=np.int64)]) for one in (rows, places))
    return csr_array((np.ones(len(row)), (row, place)), shape=seen.candidate.shape)


def _row_sums(counts: csr_array) -> tuple[Doubles, Doubles]:
    """Return the diagonal and the row sums, float64 [K] each."""
    diagonal: Doubles = np.asarray(counts.diagonal(), dtype=np.float64)
    totals: Doubles = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    return diagonal, totals


def _log_channel(
    channel: NoiseChannel,
    same: Bools,
    pairs: Doubles,
    diagonal: Doubles,
    totals: Doubles,
    own: Doubles,
    expected: Doubles,
) -> Doubles:
    """Return log P(g | k), `own` taken out of the counts; all arrays have one shape."""
    off = totals - diagonal
    rho: Doubles | float = channel.keep_rate
    if channel.label_strength is not None:
        b = channel.label_strength
        kept = diagonal - np.where(same, own, 0.0)
        rho = (np.maximum(kept, 0.0) + b * rho) / (np.maximum(totals - own, 0.0) + b)
    share = expected
    if channel.pair_strength is not None:
        a = channel.pair_strength
        mine = np.where(same, 0.0, own)
        share = (np.maximum(pairs - mine, 0.0) + a * expected) / (np.maximum(off - mine, 0.0) + a)
    probability = np.where(same, rho, (1 - rho) * share)
    return np.log(np.maximum(probability, _TINY))


def _error_shares(
    channel: NoiseChannel, seen: Observations, part: Ints, candidate: Ints, similar: Doubles
) -> Doubles:
    """Return E(g | k) of a block of observations, float64 [b, c]."""
    given = np.broadcast_to(seen.given[part, None], candidate.shape)
    return _shares_at(channel, seen, similar, seen.rank[part], candidate, given)


def _similar_shares(channel: NoiseChannel, seen: Observations) -> Doubles:
    """Return S of each label's similar labels, float64 [K, s]."""
    if not seen.similarities.size:
        return seen.similarities
    shares: Doubles = softmax(seen.similarities / channel.temperature, axis=1)
    return shares


def _shares_at(
    channel: NoiseChannel,
    seen: Observations,
    similar: Doubles,
    rank: np.ndarray,
    true: Ints,
    given: Ints,
) -> Doubles:
    """Return E(given | true), of arrays of one shape, `similar` from `_similar_shares`."""
    uniform = 1 / max(len(seen.similarities) - 1, 1)
    near: Doubles | float = 0.0
    if similar.size:
        near = np.where(rank >= 0, similar[true, np.maximum(rank, 0)], 0.0)
    to_oos = given == (NO_LABEL if seen.oos is None else seen.oos)
    mixed: Doubles = np.asarray(
        (1 - channel.similar_share - channel.oos_share) * uniform
        + channel.similar_share * near
        + channel.oos_share * to_oos
    )
    if seen.oos is None:
        return mixed
    # What is out of scope can't be called so in error: its errors share what is left.
    return np.where(true == seen.oos, mixed / max(1 - channel.oos_share, _TINY), mixed)


def _learn_shares(
    seen: Observations,
    rank: np.ndarray,
    true: Ints,
    given: Ints,
    w: Doubles,
    start: NoiseChannel,
    config: ChannelConfig,
) -> tuple[float, float, float]:
    """Return the similar share, the oos share and the temperature that explain the errors best."""
    log_sharpness = float(np.log(config.prior_inverse_temperature))

    def at(theta: Doubles) -> NoiseChannel:
        uniform, similar, oos = softmax(np.array([0.0, theta[0], theta[1]]))
        if seen.oos is None:
            similar, oos = similar / (uniform + similar), 0.0
        temperature = float(np.exp(-theta[2]))
        return NoiseChannel(0.5, float(similar), float(oos), temperature, None, None)

    def loss(theta: Doubles) -> float:
        channel = at(theta)
        shares = _shares_at(channel, seen, _similar_shares(channel, seen), rank, true, given)
        prior = 0.5 * config.share_penalty * (theta[0] ** 2 + theta[1] ** 2)
        prior += 0.5 * (theta[2] - log_sharpness) ** 2
        return float(prior - (w * np.log(np.maximum(shares, _TINY))).sum())

    rest = max(1 - start.similar_share - start.oos_share, 1e-3)
    first = [
        np.log(max(start.similar_share, 1e-3) / rest),
        np.log(max(start.oos_share, 1e-3) / rest),
        -np.log(start.temperature),
    ]
    bounds = [(-6.0, 6.0), (-6.0, 6.0), (0.0, 5.0)]
    first = np.clip(first, *np.array(bounds).T)
    from scipy.optimize import minimize

    found = at(minimize(loss, first, method="L-BFGS-B", bounds=bounds).x)
    return found.similar_share, found.oos_share, found.temperature
