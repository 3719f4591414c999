"""The rounds: evidence that learns from the posterior's labels, and the posterior it leads to.

In each round the sources that learn (an out-of-fold classifier, words, neighbours, and others) are
trained on what the last posterior believes, the noise channel is learned at the anchors, and the
sources' weights by likelihood. The given labels stay the observations throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack
from scipy.special import log_softmax

from labelmend.arrays import gather, given_shares, memberships_from
from labelmend.configs.schema import FusionConfig
from labelmend.parallel import blocks_of
from labelmend.relabel.evidence.base import Corpus, EvidenceSource
from labelmend.relabel.evidence.guard import fitted, spoken
from labelmend.relabel.labelmodel.fusion import (
    Fit,
    Objective,
    Weights,
    is_oos,
    learn_weights,
    learning_sample,
    named_weights,
    posterior_of,
    row_means,
    unit_spread,
)
from labelmend.relabel.labelmodel.noise_channel import (
    FIRST_GUESS,
    LearnedChannel,
    Observations,
    learn_channel,
    observe,
    taken_to_carry,
)
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.large.room import leave_memory
from labelmend.types import NO_LABEL, Bools, Doubles, Evidence, Floats, Ints


@dataclass(frozen=True)
class Estimated:
    """The outcome of the rounds.

    Attributes:
        fit: the fusion of the last round.
        evidence: all sources over the kept candidates, as the last round saw them.
        learned: the noise channel and the counts behind it.
        source_error_rate: share of contradictions taken for the evidence's own errors.
        rounds: how many it took.
    """

    fit: Fit
    evidence: tuple[Evidence, ...]
    learned: LearnedChannel
    source_error_rate: float
    rounds: int


@dataclass(frozen=True)
class Given:
    """What the rounds start from.

    Attributes:
        corpus: the texts.
        given: float32 sparse [u, K], how many rows of the text were given each label.
        candidates: the labels that are looked at.
        fixed: evidence that no round changes.
        sources: those that learn from the posterior's labels.
        first: sparse float32 [u, K], the texts that labels start with which no row was given; or
            None.
        witnesses: what other annotators said, which is heard after the rounds.
    """

    corpus: Corpus
    given: csr_array
    candidates: Candidates
    fixed: tuple[Evidence, ...]
    sources: tuple[EvidenceSource, ...]
    first: csr_array | None = None
    witnesses: tuple[Evidence, ...] = ()

    @property
    def observed(self) -> Bools:
        """Return bool [u], texts that were given a label."""
        return np.diff(self.given.indptr) > 0


def expectation_maximisation(start: Given, config: FusionConfig) -> Estimated:
    """Gather supervised evidence and fuse, until the posterior settles.

    Args:
        start: the texts, and what is known of them.
        config: how evidence becomes a posterior.
    """
    corpus, candidates = start.corpus, start.candidates
    memberships = given_shares(start.given)
    share = gather(memberships, np.arange(len(candidates.labels)), candidates.kept)
    if start.first is not None:
        # A wrong one does little: the rounds weigh it against what they learn.
        memberships = memberships + start.first
    corpus.progress.start("rounds", config.rounds * sum(map(_steps, start.sources)))
    done: _Round | None = None
    before: _Learned | None = None
    believed: Doubles | None = None
    turn = 0
    for turn in range(config.rounds):
        if done is not None:
            memberships, before = _memberships(done.fit, start, config), done.learned
            believed = done.fit.posterior.probabilities
            done = None  # what else a round holds of all texts makes room for the next one
        done = _round(start, config, memberships, share, turn, before)
        now = done.fit.posterior.probabilities
        if believed is not None and _change(believed, now) < config.converged:
            break
    assert done is not None
    width = candidates.kept.shape[1]
    kept = tuple(
        Evidence(e.source, e.scores[:, :width], row_means(e.scores)) for e in done.evidence
    )
    errs = source_error_rate(done.learned.channel, config)
    return Estimated(done.fit, kept, done.learned.channel, errs, turn + 1)


@dataclass(frozen=True)
class _Learned:
    """What a round has learned.

    Attributes:
        weights: of the evidence.
        channel: the noise, and the counts behind it.
    """

    weights: Weights
    channel: LearnedChannel


@dataclass(frozen=True)
class _Round:
    """A round that is done.

    Attributes:
        evidence: all sources over all candidates.
        learned: from it.
        fit: where it led to.
    """

    evidence: list[Evidence]
    learned: _Learned
    fit: Fit


def _round(
    start: Given,
    config: FusionConfig,
    memberships: csr_array,
    share: Doubles,
    turn: int,
    before: _Learned | None,
) -> _Round:
    """Gather evidence that has learned from what is believed, and fuse it."""
    corpus, candidates = start.corpus, start.candidates
    evidence, prototypes = _gather(start, memberships, turn)
    stack, spread = unit_spread(evidence)
    with corpus.clock.stage("rounds: channel"):
        seen = observe(start.given, candidates.labels, prototypes, corpus.oos, config.channel)
    # Later rounds' evidence has learned from labels that the text's own given label helped to
    # settle, so the likelihood finds it better than it is. Errors that scatter cancel out there;
    # those that go from one label to its neighbour add up, where they meet. So it counts less
    # there.
    discount = 1.0
    if before is not None:
        discount -= config.reinforcement * before.channel.channel.similar_share**2
    learned, log_prior, log_likelihood = _learn(start, config, stack, seen, before, discount)
    # With what is taken off for evidence that has seen mended labels.
    heard = Weights(learned.weights.by_source * discount, learned.weights.oos_bias * discount)
    posterior = posterior_of(
        log_prior,
        log_likelihood,
        candidates,
        learned.channel.channel,
        named_weights(evidence, heard, spread),
        heard.oos_bias,
        source_error_rate(learned.channel, config),
        share,
    )
    return _Round(evidence, learned, Fit(posterior, log_prior, log_likelihood, start.observed))


def _memberships(fit: Fit, start: Given, config: FusionConfig) -> csr_array:
    """Return sparse [u, K], with which probability each text carries each label."""
    kept, labels = start.candidates.kept, start.given.shape[1]
    blocks: list[csr_array] = [csr_array(np.zeros((0, labels), dtype=np.float32))]
    for rows in blocks_of(len(kept), _BLOCK):
        joint = fit.log_prior[rows] + fit.log_likelihood[rows]
        likely = np.exp(log_softmax(joint, axis=1))[:, : kept.shape[1]]
        mass = np.where(likely >= config.min_membership, likely, 0.0)
        blocks.append(memberships_from(kept[rows], mass, labels))
    return csr_array(vstack(blocks, format="csr"))


def _learn(
    start: Given,
    config: FusionConfig,
    stack: Floats,
    seen: Observations,
    before: _Learned | None,
    discount: float,
) -> tuple[_Learned, Doubles, Doubles]:
    """Learn channel and weights in turn, from where the round before has left them.

    Returns:
        what was learned; log p_w, float64 [u, c]; the log-likelihood of the given labels,
        float64 [u, c].
    """
    corpus, candidates = start.corpus, start.candidates
    channel = FIRST_GUESS if before is None else before.channel.channel
    weights = Weights(np.ones(len(stack)), 0.0) if before is None else before.weights
    is_out = is_oos(candidates, corpus.oos)
    sample = learning_sample(start.observed, config.learn_from, corpus.seed)
    sampled = stack[:, sample].astype(np.float64)
    log_prior = _log_prior(weights, stack, is_out, candidates, discount)
    for _ in range(config.first_passes if before is None else config.later_passes):
        with corpus.clock.stage("rounds: channel"):
            anchors = start.observed & decisive_texts(
                log_prior, candidates, start.given.shape[1], config.channel.anchors
            )
            # An anchor is taken to carry the label that its evidence speaks for. Were it shared out
            # by probability, evidence too soft would find less noise, and then be found softer.
            best = _best_labels(log_prior, candidates)
            carried = taken_to_carry(seen, np.where(anchors, best, NO_LABEL))
            learned = learn_channel(seen, carried, channel, config.channel)
            channel = learned.channel
            log_likelihood = learned.log_likelihood(seen)
        with corpus.clock.stage("rounds: weights"):
            objective = Objective(
                stack=sampled,
                is_oos=is_out[sample],
                offset=candidates.log_counts,
                log_likelihood=log_likelihood[sample],
                toward=np.full(len(stack), config.prior_weight),
                penalty=config.weight_penalty,
            )
            weights = learn_weights(objective, weights, config)
        log_prior = _log_prior(weights, stack, is_out, candidates, discount)
    return _Learned(weights, learned), log_prior, log_likelihood


def _gather(start: Given, memberships: csr_array, turn: int) -> tuple[list[Evidence], Floats]:
    """Return all evidence over all candidates, and the labels' prototypes."""
    corpus = start.corpus
    evidence = list(start.fixed)
    for source in start.sources:
        with corpus.clock.stage(f"rounds: {source.name}"):
            ready = fitted(source, corpus, memberships, turn)
            evidence.append(spoken(ready, corpus, start.candidates.labels))
        leave_memory(corpus.embeddings)  # where they are mapped, and few sources read them
        if not hasattr(source, "steps"):
            corpus.progress.advance()
    with corpus.clock.stage("rounds: prototypes"):
        prototypes = PrototypeRetriever(corpus.embeddings, memberships).prototypes()
    leave_memory(corpus.embeddings)
    return evidence, prototypes


def _steps(source: EvidenceSource) -> int:
    """Return the steps of the progress bar that a round of a source takes."""
    return int(getattr(source, "steps", 1))


def _log_prior(
    weights: Weights, stack: Floats, is_out: Bools, candidates: Candidates, discount: float
) -> Doubles:
    """Return log p_w, float64 [u, c]."""
    log_prior = np.empty(is_out.shape)
    for rows in blocks_of(len(log_prior), _BLOCK):
        scores = discount * weights.scores(stack[:, rows], is_out[rows]) + candidates.log_counts
        log_prior[rows] = log_softmax(scores, axis=1)
    return log_prior


_BLOCK = 4096
"""Texts worked on at a time: memory depends on it, and no outcome."""


def _best_labels(log_prior: Doubles, candidates: Candidates) -> Ints:
    """Return int64 [u], each text's best candidate by the evidence."""
    best = log_prior.argmax(axis=1)[:, None]
    return np.asarray(np.take_along_axis(candidates.labels, best, axis=1)[:, 0])


def decisive_texts(log_prior: Doubles, candidates: Candidates, labels: int, share: float) -> Bools:
    """Return bool [u]: a share of each label's texts, those where evidence is most decisive."""
    best = _best_labels(log_prior, candidates)
    margin = np.zeros(len(log_prior))
    if log_prior.shape[1] > 1:
        for rows in blocks_of(len(log_prior), _BLOCK):
            top = np.partition(log_prior[rows], -2, axis=1)[:, -2:]
            margin[rows] = top[:, 1] - top[:, 0]
    order = np.lexsort((-margin, best))
    counts = np.bincount(best, minlength=labels)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    decisive: Bools = place < np.ceil(share * counts)[best]
    return decisive


def source_error_rate(learned: LearnedChannel, config: FusionConfig) -> float:
    """Return the share of contradictions that are errors of the evidence, not noise.

    The noise is taken at its lower bound, of a Wilson (1927) interval of two standard errors.
    """
    noise, count, z = 1 - learned.channel.keep_rate, max(learned.anchors, 1.0), 2.0
    spread = z * np.sqrt(noise * (1 - noise) / count + (z / (2 * count)) ** 2)
    certain = max(float(noise + z**2 / (2 * count) - spread) / (1 + z**2 / count), 0.0)
    source_errors = config.source_errors + config.unseen_source_errors / count
    source_errors *= 1 - certain
    if not source_errors:
        return 0.0
    return min(source_errors / (source_errors + certain), config.max_source_errors)


def _change(before: Doubles, after: Doubles) -> float:
    """Return the mean over texts of the largest change of a candidate's probability."""
    if not len(after):
        return 0.0
    largest = np.empty(len(after))
    for rows in blocks_of(len(after), _BLOCK):
        largest[rows] = np.abs(after[rows] - before[rows]).max(axis=1, initial=0.0)
    return float(largest.mean())
