"""The rounds: evidence that learns from the posterior's labels, and the posterior it leads to.

In each round the supervised sources (an out-of-fold classifier, words, prototypes, neighbours) are
trained on what the last posterior believes, the noise channel is learned at the anchors, and the
sources' weights by likelihood. The given labels stay the observations throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import log_softmax

from labelmend.arrays import gather, given_shares, memberships_from
from labelmend.configs.schema import Config
from labelmend.protocols import Progress
from labelmend.relabel.evidence.classifier import EmbeddingClassifier
from labelmend.relabel.evidence.lexical import lexical_scores
from labelmend.relabel.evidence.sources import Sources
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
    learn_channel,
    observe,
)
from labelmend.retrieval.candidates import Candidates, score_in_blocks
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.neighbours import NeighbourRetriever
from labelmend.types import Bools, Doubles, Evidence, Floats

_LEAST_MEMBERSHIP = 0.02
"""Posterior mass below this carries no label into the next round."""

_ANCHORS = 0.5
"""Share of each label's texts, the most decisive ones, that the noise channel is learned from."""

_REINFORCED = 0.15
"""Evidence of later rounds has learned from labels that the text's own given label helped to
settle, so the likelihood finds it better than it is. Errors that scatter cancel out there; those
that go from one label to its neighbour add up, where they meet. So evidence counts less by this,
times the squared share of errors that go to similar labels."""

_BLUNDERS = 0.0012
"""Share of well-labelled texts on which even decisive evidence is wrong, or a person would call
the label doubtful."""

_UNSEEN_BLUNDERS = 0.5
"""Blunders among the anchors, however few they are (Jeffreys' prior): ten anchors can't tell that
one text in a thousand misleads."""

_MOST_BLUNDERS = 0.95
"""Of contradictions: a table too small or too clean to show any noise still has some."""

_SETTLED = 0.001
"""Mean change of a text's posterior below which no further round is worth its time."""

_PASSES = (3, 2)
"""Times that channel and weights are learned in turn, in the first round and in later ones."""


@dataclass(frozen=True)
class Settled:
    """The outcome of the rounds.

    Attributes:
        fit: the fusion of the last round.
        evidence: all sources over the kept candidates, as the last round saw them.
        learned: the noise channel and the counts behind it.
        blunder: share of contradictions taken for the evidence's own blunders.
        rounds: how many it took.
    """

    fit: Fit
    evidence: tuple[Evidence, ...]
    learned: LearnedChannel
    blunder: float
    rounds: int


def settle(sources: Sources, config: Config, progress: Progress) -> Settled:
    """Gather supervised evidence and fuse, until the posterior settles.

    Args:
        sources: the texts, and what is known of them.
        config: its `suspect`, `fusion` and `retrieval` parts.
        progress: advances by folds of the classifier.
    """
    candidates, rounds = sources.candidates, config.fusion.rounds
    width, labels = candidates.kept.shape[1], sources.given.shape[1]
    memberships = given_shares(sources.given)
    share = gather(memberships, np.arange(len(candidates.labels)), candidates.kept)
    if sources.first is not None:
        # A wrong one does little: the rounds weigh it against what they learn.
        memberships = memberships + sources.first
    classifier = EmbeddingClassifier(
        sources.embeddings, labels, config.suspect, config.seed, progress
    )
    is_out = is_oos(candidates, sources.oos)
    observed = np.diff(sources.given.indptr) > 0
    sample = learning_sample(observed, config.seed)
    progress.start("suspect", rounds * config.suspect.folds)
    weights: Weights | None = None
    channel, turn = FIRST_GUESS, 0
    fit: Fit | None = None
    for turn in range(rounds):
        evidence, prototypes = _gather(sources, memberships, classifier, turn, config)
        stack, spread = unit_spread(evidence)
        seen = observe(sources.given, candidates.labels, prototypes, sources.oos)
        discount = 1 - _REINFORCED * channel.similar_share**2 if turn else 1.0
        weights = weights or Weights(np.ones(len(stack)), 0.0)
        log_prior = _log_prior(weights, stack, is_out, candidates, discount)
        sampled = stack[:, sample].astype(np.float64)
        for _ in range(_PASSES[min(turn, 1)]):
            anchors = _anchors(log_prior, candidates, labels) & observed
            # An anchor is taken to carry the label that its evidence speaks for. Were it shared out
            # by probability, evidence too soft would find less noise, and then be found softer.
            responsibility = _best(log_prior)[seen.text]
            responsibility[~anchors[seen.text]] = 0.0
            learned = learn_channel(seen, responsibility, channel)
            channel = learned.channel
            log_likelihood = learned.log_likelihood(seen)
            objective = Objective(
                stack=sampled,
                is_oos=is_out[sample],
                offset=candidates.log_counts,
                log_likelihood=log_likelihood[sample],
                toward=np.full(len(stack), _PRIOR_WEIGHT),
                penalty=config.fusion.weight_penalty,
            )
            weights = learn_weights(objective, weights, config.fusion)
            log_prior = _log_prior(weights, stack, is_out, candidates, discount)
        scaled = Weights(weights.by_source * discount, weights.oos_bias * discount)
        blunder = _blunder(learned)
        posterior = posterior_of(
            log_prior,
            log_likelihood,
            candidates,
            channel,
            named_weights(evidence, scaled, spread),
            scaled.oos_bias,
            blunder,
            share,
        )
        previous, fit = fit, Fit(posterior, log_prior, log_likelihood, observed)
        if previous is not None and _change(previous, fit) < _SETTLED:
            break
        likely = np.exp(log_softmax(log_prior + log_likelihood, axis=1))[:, :width]
        mass = np.where(likely >= _LEAST_MEMBERSHIP, likely, 0.0)
        memberships = memberships_from(candidates.kept, mass, labels)
    assert fit is not None
    kept = tuple(Evidence(e.source, e.scores[:, :width], row_means(e.scores)) for e in evidence)
    return Settled(fit, kept, learned, blunder, turn + 1)


_PRIOR_WEIGHT = 0.5


def _gather(
    sources: Sources,
    memberships: csr_array,
    classifier: EmbeddingClassifier,
    turn: int,
    config: Config,
) -> tuple[list[Evidence], Floats]:
    """Return all evidence over all candidates, and the labels' prototypes."""
    labels, block = sources.candidates.labels, config.retrieval.block_rows
    prototype = PrototypeRetriever(sources.embeddings, memberships)
    neighbour = NeighbourRetriever(
        sources.neighbours, memberships, config.retrieval.neighbour_sharpness
    )
    evidence = [
        *sources.fixed,
        Evidence("neighbour", score_in_blocks(neighbour.score, labels, block)),
        Evidence("classifier", classifier.scores(memberships, labels, turn)),
    ]
    if sources.words is not None:
        evidence.append(Evidence("lexical", lexical_scores(sources.words, memberships, labels)))
    return evidence, prototype.prototypes()


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


def _best(log_prior: Doubles) -> Doubles:
    """Return float64 [u, c]: 1 for each text's best candidate."""
    best = np.zeros_like(log_prior)
    best[np.arange(len(best)), log_prior.argmax(axis=1)] = 1.0
    return best


def _anchors(log_prior: Doubles, candidates: Candidates, labels: int) -> Bools:
    """Return bool [u]: the texts of each label for which the evidence speaks most decisively."""
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
    decisive: Bools = place < np.ceil(_ANCHORS * counts)[best]
    return decisive


def _blunder(learned: LearnedChannel) -> float:
    """Return the share of contradictions that are blunders of the evidence, not noise.

    The noise is taken at its lower bound, of a Wilson (1927) interval of two standard errors.
    """
    noise, count, z = 1 - learned.channel.keep_rate, max(learned.anchors, 1.0), 2.0
    spread = z * np.sqrt(noise * (1 - noise) / count + (z / (2 * count)) ** 2)
    certain = max(float(noise + z**2 / (2 * count) - spread) / (1 + z**2 / count), 0.0)
    blunders = (_BLUNDERS + _UNSEEN_BLUNDERS / count) * (1 - certain)
    return min(blunders / (blunders + certain), _MOST_BLUNDERS)


def _change(before: Fit, after: Fit) -> float:
    """Return the mean over texts of the largest change of a candidate's probability."""
    difference = np.abs(after.posterior.probabilities - before.posterior.probabilities)
    return float(difference.max(axis=1, initial=0.0).mean()) if len(difference) else 0.0
