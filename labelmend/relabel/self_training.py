"""From label cards to a posterior, where few texts or none were given a label.

    L_i(k)  =  t * cos(x_i, m_k without i) + c * mean over views v of cos(x_i, v_k)
    m_k     =  sum_i p_i(k) * x_i  +  sum of the texts that were given k  +  n * card of k
    p_i     =  softmax over k of L_i(k) + b_k

The prototypes m are learned in turn with p, from where the cards alone put the texts: a mixture of
directions whose prior means are the cards (Banerjee et al. 2005, "Clustering on the unit
hypersphere"), each text left out of the prototype that judges it.

Some cards attract texts of all kinds, and the rounds would make that worse. Were all labels as
frequent, the biases b could be set so that they get as many texts each (Sinkhorn's scaling, as in
Caron et al. 2020); but labels are not. So b is a part r of those biases: of the spread of the
shares that a first run without b finds, r is the part that such attraction alone has been seen to
make. Where shares are more uneven than that, they are taken for what they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.special import log_softmax, logsumexp

from labelmend.arrays import gather, given_shares
from labelmend.configs.schema import SelfTrainingConfig
from labelmend.relabel.labelmodel.fusion import Fit, posterior_of, row_means
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS, LearnedChannel
from labelmend.relabel.labelmodel.rounds import Estimated, Given
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.ranking import top_columns
from labelmend.types import Bools, Doubles, Evidence, Floats, Ints, Ranking
from labelmend.voice.speak import note

CARD, PROTOTYPE = "card", "self-training"
"""Names of what speaks for a label: its card, and the texts that the rounds gave it."""

_STEPS = 20
"""Steps of Sinkhorn's scaling: shares of 150 labels are even to a thousandth after ten."""

_TINY = 1e-12
"""Keeps logs and quotients finite."""


@dataclass(frozen=True)
class SelfTrained:
    """What the rounds ended with.

    Attributes:
        card: float32 [u, K], mean cosine to the views of each label's card; NaN without a card.
        prototype: float32 [u, K], cosine to each label's prototype, the text itself left out.
        bias: float64 [K], b.
        balance: r.
        rounds: how many each run took.
        config: the weights.
    """

    card: Floats
    prototype: Floats
    bias: Doubles
    balance: float
    rounds: int
    config: SelfTrainingConfig

    @cached_property
    def logits(self) -> Doubles:
        """Return float64 [u, K], L + b; -inf for labels of which nothing is known."""
        return _logits(self.card, self.prototype, self.config) + self.bias

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the most probable labels, at most `limit`."""
        logits = self.logits[texts].astype(np.float32)
        labels = top_columns(logits, limit)
        return Ranking(labels, np.take_along_axis(logits, labels, axis=1))

    def evidence(self, labels: Ints) -> tuple[Evidence, ...]:
        """Return what speaks for candidates int64 [u, c]."""
        found = []
        for name, scores in ((CARD, self.card), (PROTOTYPE, self.prototype)):
            chosen = np.take_along_axis(scores, labels, axis=1)
            found.append(Evidence(name, chosen, row_means(chosen)))
        return tuple(found)

    def fit(self, candidates: Candidates, given: csr_array) -> Fit:
        """Return the posterior over candidates; a given label speaks by a channel not yet learned.

        Args:
            candidates: the labels that are looked at.
            given: sparse [u, K], how many rows of the text were given each label.
        """
        logits = np.take_along_axis(self.logits, candidates.labels, axis=1)
        log_prior = np.asarray(log_softmax(logits, axis=1))
        keep, labels = FIRST_GUESS.keep_rate, given.shape[1]
        told = gather(given, np.arange(len(log_prior)), candidates.labels)
        nats = np.log(keep * max(labels - 1, 1) / (1 - keep))
        log_likelihood = np.sqrt(told) * nats
        kept = candidates.kept
        share = gather(given_shares(given), np.arange(len(kept)), kept)
        weights = {CARD: self.config.card_nats, PROTOTYPE: self.config.text_nats}
        posterior = posterior_of(
            *(log_prior, log_likelihood, candidates, FIRST_GUESS, weights, 0.0, 0.0, share)
        )
        return Fit(posterior, log_prior, log_likelihood, np.diff(given.indptr) > 0)


def is_needed(given: csr_array, config: SelfTrainingConfig) -> bool:
    """Tell whether too few texts were given a label to learn from these.

    Args:
        given: sparse [u, K], how many rows of the text were given each label.
        config: how many are few.
    """
    texts, labels = given.shape
    labelled = int((np.diff(given.indptr) > 0).sum())
    return 2 * labelled < texts and labelled < config.few_rows * labels


def no_channel(given: csr_array) -> LearnedChannel:
    """Return the channel that nothing was learned of."""
    labels = given.shape[1]
    counts = coo_array(([0.0], ([0], [0])), shape=(labels, labels)).tocsr()
    return LearnedChannel(FIRST_GUESS, counts, csr_array(np.zeros((0, 1), dtype=np.float32)))


def notes_on_cards(trained: SelfTrained | None) -> tuple[str, ...]:
    """Return a sentence on what labels from cards alone can't tell."""
    if trained is None:
        return ()
    return (
        note(
            "labels come from what the cards say, hardly from labelled rows: the table can't tell "
            "how many are right, and the confidence is a guess; look at 100 rows: labelmend audit"
        ),
    )


def from_cards(start: Given, trained: SelfTrained) -> Estimated:
    """Return what self-training found, in the place of the rounds.

    Args:
        start: the texts.
        trained: what label cards lead to.
    """
    evidence = trained.evidence(start.candidates.kept)
    fit = trained.fit(start.candidates, start.given)
    return Estimated(fit, evidence, no_channel(start.given), 0.0, trained.rounds)


def self_train(
    embeddings: Floats, views: Sequence[Floats], given: csr_array, config: SelfTrainingConfig
) -> SelfTrained:
    """Learn which text is of which label.

    Args:
        embeddings: float32 [u, d], unit rows.
        views: each float32 [K, d], unit rows, what a label's card is like; rows of zeros without.
        given: sparse [u, K], how many rows of the text were given each label.
        config: the weights.
    """
    described = np.any([np.any(view, axis=1) for view in views], axis=0)
    card = np.full((len(embeddings), given.shape[1]), np.nan, dtype=np.float32)
    card[:, described] = np.mean([embeddings @ view[described].T for view in views], axis=0)
    middle = np.sum(views, axis=0, dtype=np.float64)
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), _TINY)
    start = SelfTrained(card, np.zeros_like(card), np.zeros(given.shape[1]), 0.0, 0, config)
    known = described | (np.asarray(given.sum(axis=0)).ravel() > 0)
    free = _rounds(start, embeddings, middle, given, known)
    shares = np.exp(log_softmax(free.logits, axis=1)).mean(axis=0)[known]
    spread = np.log(known.sum()) + float((shares * np.log(np.maximum(shares, _TINY))).sum())
    balance = config.balance * min(1.0, config.attraction / max(spread, _TINY))
    return _rounds(replace(start, balance=balance), embeddings, middle, given, known)


def _rounds(
    start: SelfTrained, embeddings: Floats, cards: Doubles, given: csr_array, known: Bools
) -> SelfTrained:
    """Learn prototypes and labels in turn."""
    config, shares = start.config, given_shares(given)
    observed = np.diff(given.indptr) > 0
    told = shares[np.flatnonzero(observed)].toarray()
    first = _logits(start.card, None, config)
    for label in np.flatnonzero(np.isneginf(first).all(axis=0) & known).tolist():
        # It has no card, and begins where its labelled texts lie.
        middle = np.asarray(shares[:, [label]].T @ embeddings, dtype=np.float64)
        middle /= max(float(np.linalg.norm(middle)), _TINY)
        first[:, label] = config.first_nats * (embeddings @ middle[0])
    bias = _bias(first, start.balance, known)
    probable = _softmax(first + bias)
    probable[observed] = told
    prototype = start.prototype
    for _ in range(config.rounds):
        prototype = _cosines(embeddings, probable, cards, config.card_texts)
        logits = _logits(start.card, prototype, config)
        bias = _bias(logits, start.balance, known)
        before, probable = probable, _softmax(logits + bias)
        probable[observed] = told
        if np.abs(probable - before).sum(axis=1).mean() < config.settled:
            break
    return replace(start, prototype=prototype, bias=bias, rounds=config.rounds)


def _logits(card: Floats, prototype: Floats | None, config: SelfTrainingConfig) -> Doubles:
    """Return L without b, float64 [u, K]; by the cards alone before there are prototypes."""
    unknown = np.isnan(card)
    described = np.where(unknown, 0.0, card).astype(np.float64)
    if prototype is None:
        return np.where(unknown, -np.inf, config.first_nats * described)
    logits = config.text_nats * prototype + config.card_nats * described
    if unknown.any():
        # A label without a card is no likelier for that than the mean card makes it.
        mean = described.sum(axis=1, keepdims=True) / np.maximum((~unknown).sum(axis=1), 1)[:, None]
        logits = np.where(unknown, logits + config.card_nats * mean, logits)
        logits[:, ~np.any(prototype, axis=0)] = -np.inf
    return np.asarray(logits, dtype=np.float64)


def _softmax(logits: Doubles) -> Doubles:
    return np.asarray(np.exp(log_softmax(logits, axis=1)))


def _bias(logits: Doubles, balance: float, known: Bools) -> Doubles:
    """Return b, float64 [K]: the part `balance` of what gives all labels as many texts."""
    bias = np.zeros(logits.shape[1])
    if not balance or not known.any():
        return bias
    level = np.log(len(logits) / known.sum())
    for _ in range(_STEPS):
        columns = logsumexp(log_softmax(logits + bias, axis=1), axis=0)
        step = np.where(np.isfinite(columns), level - columns, 0.0)
        bias = balance * (bias + step)
    return bias


def _cosines(embeddings: Floats, probable: Doubles, cards: Doubles, card_texts: float) -> Floats:
    """Return float32 [u, K], cosines to the prototypes, the text itself left out."""
    sums = probable.T @ embeddings + card_texts * cards
    dots = embeddings @ sums.T
    lengths = np.einsum("kd,kd->k", sums, sums)
    others = lengths - 2 * probable * dots + probable**2
    return np.asarray((dots - probable) / np.sqrt(np.maximum(others, _TINY)), dtype=np.float32)
