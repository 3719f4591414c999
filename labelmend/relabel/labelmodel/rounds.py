"""The rounds: evidence that learns from the posterior's labels, and the posterior it leads to.

In each round the sources that learn (an out-of-fold classifier, words, neighbours, and others) are
trained on what the last posterior believes, the noise channel is learned at the anchors, and the
sources' weights by likelihood. The given labels stay the observations throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import log_softmax

from labelmend.arrays import gather, given_shares, memberships_from
from labelmend.configs.schema import FusionConfig
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
)
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.types import Bools, Doubles, Evidence, Floats


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
    width, labels = candidates.kept.shape[1], start.given.shape[1]
    memberships = given_shares(start.given)
    share = gather(memberships, np.arange(len(candidates.labels)), candidates.kept)
    if start.first is not None:
        # A wrong one does little: the rounds weigh it against what they learn.
        memberships = memberships + start.first
    corpus.progress.start("rounds", config.rounds * sum(map(_steps, start.sources)))
    state: _Learned | None = None
    fit: Fit | None = None
    turn = 0
    for turn in range(config.rounds):
        evidence, prototypes = _gather(start, memberships, turn)
        stack, spread = unit_spread(evidence)
        with corpus.clock.stage("rounds: channel"):
            seen = observe(start.given, candidates.labels, prototypes, corpus.oos, config.channel)
        state = _learn(start, config, stack, seen, state)
        weights = named_weights(evidence, state.heard, spread)
        posterior = posterior_of(
            state.log_prior,
            state.log_likelihood,
            candidates,
            state.learned.channel,
            weights,
            state.heard.oos_bias,
            source_error_rate(state.learned, config),
            share,
        )
        previous, fit = fit, Fit(posterior, state.log_prior, state.log_likelihood, start.observed)
        if previous is not None and _change(previous, fit) < config.converged:
            break
        likely = np.exp(log_softmax(state.log_prior + state.log_likelihood, axis=1))[:, :width]
        mass = np.where(likely >= config.min_membership, likely, 0.0)
        memberships = memberships_from(candidates.kept, mass, labels)
    assert fit is not None
    assert state is not None
    kept = tuple(Evidence(e.source, e.scores[:, :width], row_means(e.scores)) for e in evidence)
    errs = source_error_rate(state.learned, config)
    return Estimated(fit, kept, state.learned, errs, turn + 1)


@dataclass(frozen=True)
class _Learned:
    """What a round has learned.

    Attributes:
        weights: of the evidence.
        heard: the same, with what is taken off for evidence that has seen mended labels.
        learned: the noise channel.
        log_prior: float64 [u, c], log p_w.
        log_likelihood: float64 [u, c], of the given labels.
    """

    weights: Weights
    heard: Weights
    learned: LearnedChannel
    log_prior: Doubles
    log_likelihood: Doubles


def _learn(
    start: Given, config: FusionConfig, stack: Floats, seen: Observations, before: _Learned | None
) -> _Learned:
    """Learn channel and weights in turn, from where the round before has left them.

    Later rounds' evidence has learned from labels that the text's own given label helped to settle,
    so the likelihood finds it better than it is. Errors that scatter cancel out there; those that
    go from one label to its neighbour add up, where they meet. So it counts less there.
    """
    corpus, candidates = start.corpus, start.candidates
    channel = FIRST_GUESS if before is None else before.learned.channel
    discount = 1.0 if before is None else 1 - config.reinforcement * channel.similar_share**2
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
            responsibility = _best(log_prior)[seen.text]
            responsibility[~anchors[seen.text]] = 0.0
            learned = learn_channel(seen, responsibility, channel, config.channel)
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
    heard = Weights(weights.by_source * discount, weights.oos_bias * discount)
    return _Learned(weights, heard, learned, log_prior, log_likelihood)


def _gather(start: Given, memberships: csr_array, turn: int) -> tuple[list[Evidence], Floats]:
    """Return all evidence over all candidates, and the labels' prototypes."""
    corpus = start.corpus
    evidence = list(start.fixed)
    for source in start.sources:
        with corpus.clock.stage(f"rounds: {source.name}"):
            ready = fitted(source, corpus, memberships, turn)
            evidence.append(spoken(ready, corpus, start.candidates.labels))
        if not hasattr(source, "steps"):
            corpus.progress.advance()
    with corpus.clock.stage("rounds: prototypes"):
        prototypes = PrototypeRetriever(corpus.embeddings, memberships).prototypes()
    return evidence, prototypes


def _steps(source: EvidenceSource) -> int:
    """Return the steps of the progress bar that a round of a source takes."""
    return int(getattr(source, "steps", 1))


def _log_prior(
    weights: Weights, stack: Floats, is_out: Bools, candidates: Candidates, discount: float
) -> Doubles:
    """Return log p_w, float64 [u, c]."""
    log_prior = np.empty(is_out.shape)
    for start in range(0, len(log_prior), _BLOCK):
        rows = slice(start, start + _BLOCK)
        scores = discount * weights.scores(stack[:, rows], is_out[rows]) + candidates.log_counts
        log_prior[rows] = log_softmax(scores, axis=1)
    return log_prior


_BLOCK = 4096
"""Texts worked on at a time: memory depends on it, and no outcome."""


def _best(log_prior: Doubles) -> Doubles:
    """Return float64 [u, c]: 1 for each text's best candidate."""
    best = np.zeros_like(log_prior)
    best[np.arange(len(best)), log_prior.argmax(axis=1)] = 1.0
    return best


def decisive_texts(log_prior: Doubles, candidates: Candidates, labels: int, share: float) -> Bools:
    """Return bool [u]: a share of each label's texts, those where evidence is most decisive."""
    best = np.take_along_axis(candidates.labels, log_prior.argmax(axis=1)[:, None], axis=1)[:, 0]
    if log_prior.shape[1] > 1:
        top = np.partition(log_prior, -2, axis=1)[:, -2:]
        margin = top[:, 1] - top[:, 0]
    else:
        margin = np.zeros(len(log_prior))
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


def _change(before: Fit, after: Fit) -> float:
    """Return the mean over texts of the largest change of a candidate's probability."""
    difference = np.abs(after.posterior.probabilities - before.posterior.probabilities)
    return float(difference.max(axis=1, initial=0.0).mean()) if len(difference) else 0.0
