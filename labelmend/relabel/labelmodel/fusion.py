"""Fusion: evidence and given labels become a posterior, through a noise channel.

For text i with candidates C_i and evidence e_s(i, k):

    p_w(k | i)  =  softmax over k in C_i of sum_s w_s * e_s(i, k) + b * [k = oos],  w_s >= 0
    q_i(k)      ~  p_w(k | i) * product over the text's given labels g of P(g | k)

P is the noise channel, learned at the anchors. Given P, the weights and the leaning b towards
out-of-scope maximise the likelihood of the given labels, sum_i log sum_k p_w(k | i) * prod_g
P(g | k), so the evidence is as sharp as it deserves and no threshold is set by hand.

Kin: conditional logit (Train 2009), annotator confusion by EM (Dawid & Skene 1979), forward
correction (Patrini et al. 2017), confident learning (Northcutt et al. 2021).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, log_softmax, softmax

from labelmend.configs.schema import FusionConfig
from labelmend.parallel import blocks_of
from labelmend.relabel.labelmodel.types import NoiseChannel, Posterior
from labelmend.retrieval.candidates import Candidates
from labelmend.types import NO_LABEL, Bools, Doubles, Evidence, Floats, Ints


@dataclass(frozen=True)
class Weights:
    """How loud each source is.

    Attributes:
        by_source: float64 [s], >= 0, of evidence of unit spread.
        oos_bias: added to the log-score of out-of-scope.
    """

    by_source: Doubles
    oos_bias: float

    def scores(self, stack: Floats, is_oos: Bools) -> Doubles:
        """Return the weighted sum of evidence [s, a, c] of texts, float64 [a, c]."""
        total = np.asarray(self.oos_bias * is_oos, dtype=np.float64)
        for weight, scores in zip(self.by_source, stack, strict=True):
            total += weight * scores
        return total


@dataclass(frozen=True)
class Objective:
    """What learning the weights minimises: minus the penalised log-likelihood of given labels.

    Attributes:
        stack: float64 [s, a, c], the sources' evidence, centred and of unit spread.
        is_oos: bool [a, c], the out-of-scope label.
        offset: float64, broadcasts to [a, c], log-scores that are not learned.
        log_likelihood: float64 [a, c], of the given labels, by the noise channel.
        toward: float64 [s], the weights before any data.
        penalty: p of the normal prior: a weight w costs p * (w - toward)^2 / 2.
    """

    stack: Doubles
    is_oos: Bools
    offset: Doubles
    log_likelihood: Doubles
    toward: Doubles
    penalty: float

    def __call__(self, theta: Doubles) -> tuple[float, Doubles]:
        """Return the value and the gradient at theta: softplus^-1 of each weight, then the bias."""
        weights, bias = np.logaddexp(0, theta[:-1]), theta[-1]
        off = weights - self.toward
        value = -0.5 * self.penalty * ((off**2).sum() + bias**2)
        by_weight, by_bias = -self.penalty * off, -self.penalty * bias
        likelihood, best = self._likelihood
        offset = np.broadcast_to(self.offset, self.is_oos.shape)
        for rows, part in self._parts:
            is_out = self.is_oos[rows]
            prior = (weights @ part).reshape(is_out.shape)
            prior += bias * is_out + offset[rows]
            prior -= prior.max(axis=1, keepdims=True)
            np.exp(prior, out=prior)
            prior /= prior.sum(axis=1, keepdims=True)
            pull = prior * likelihood[rows]
            total = np.maximum(pull.sum(axis=1, keepdims=True), _TINY)
            value += np.log(total).sum() + best[rows].sum()
            pull /= total
            pull -= prior
            by_weight += part @ pull.ravel()
            by_bias += pull[is_out].sum()
        return -float(value), -np.append(by_weight * expit(theta[:-1]), by_bias)

    @cached_property
    def _parts(self) -> list[tuple[slice, Doubles]]:
        """The evidence, [s, b * c] of a few texts at a time, each in one piece of memory."""
        blocks = blocks_of(len(self.is_oos), _CACHED_TEXTS)
        return [(rows, self.stack[:, rows].reshape(len(self.stack), -1)) for rows in blocks]

    @cached_property
    def _likelihood(self) -> tuple[Doubles, Doubles]:
        """Float64 [a, c], the likelihood as a share of each text's best; [a, 1], the best's log."""
        best = self.log_likelihood.max(axis=1, keepdims=True)
        return np.exp(self.log_likelihood - best), best


_CACHED_TEXTS = 256
"""Texts whose evidence fits in the processor's cache; the outcome's last bits depend on it."""

_TINY = float(np.finfo(np.float64).tiny)


def learn_weights(objective: Objective, start: Weights, config: FusionConfig) -> Weights:
    """Return the weights that minimise the objective."""
    from scipy.optimize import minimize  # half a second that reading a record must not take

    theta = np.log(np.expm1(np.maximum(start.by_source, _LEAST_WEIGHT)))
    bounds = [(-8.0, 4.0)] * len(theta)
    bias = config.max_oos_bias
    bounds += [(-bias, bias) if objective.is_oos.any() else (0.0, 0.0)]
    found = minimize(
        objective,
        np.append(theta, np.clip(start.oos_bias, *bounds[-1])),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": config.max_iterations},
    )
    return Weights(np.logaddexp(0, found.x[:-1]), float(found.x[-1]))


_LEAST_WEIGHT = 1e-3
"""Where the search for a weight begins at least: at 0 its logarithm has no end."""


@dataclass(frozen=True)
class Fit:
    """A fitted fusion.

    Attributes:
        posterior: over the kept candidates.
        log_prior: float64 [u, c], log p_w(k | i), the tail's columns with it.
        log_likelihood: float64 [u, c], of the given labels, the tail's columns with it.
        observed: bool [u], texts that were given a label.
    """

    posterior: Posterior
    log_prior: Doubles
    log_likelihood: Doubles
    observed: Bools


def learning_sample(observed: Bools, most: int, seed: int) -> np.ndarray:
    """Return int64, sorted: the texts that weights are learned from, `most` at most."""
    texts = np.flatnonzero(observed)
    if len(texts) > most:
        texts = np.random.default_rng(seed).choice(texts, size=most, replace=False)
    return np.sort(texts)


def fuse_routed(
    fit: Fit,
    evidence: Sequence[Evidence],
    candidates: Candidates,
    audit: Bools,
    source_error_rate: float,
    config: FusionConfig,
) -> Fit:
    """Add evidence that was gathered on routed texts only.

    Its weights are learned on the audit, which was drawn at random: texts that were routed because
    their given label is in doubt would teach that it is wrong where the annotator is. (Votes are
    weighed in another way, see `vote_weights`.) The penalty pulls the weights to 0, so what the
    audit does not speak for is not heard.

    Args:
        fit: from the evidence on all texts; its weights and channel stay.
        evidence: over the kept candidates, [u, c - tail]; NaN where a text was not routed.
        candidates: the labels that are looked at.
        audit: bool [u], the texts drawn at random.
        source_error_rate: see `posterior_of`.
        config: the penalty, and the optimiser's start and limit.
    """
    silent = np.full((len(audit), candidates.tail), np.nan, dtype=np.float32)
    padded = [Evidence(e.source, np.concatenate([e.scores, silent], axis=1)) for e in evidence]
    stack, spread = unit_spread(padded)
    learned_from = np.flatnonzero(audit & fit.observed)
    nothing = np.zeros(len(stack))
    objective = Objective(
        stack=stack[:, learned_from].astype(np.float64),
        is_oos=np.zeros((len(learned_from), candidates.labels.shape[1]), dtype=bool),
        offset=fit.log_prior[learned_from],
        log_likelihood=fit.log_likelihood[learned_from],
        toward=nothing,
        penalty=config.routed_weight_penalty,
    )
    weights = learn_weights(objective, Weights(nothing + config.routed_first_weight, 0.0), config)
    return add_evidence(fit, evidence, weights.by_source / spread, candidates, source_error_rate)


def add_evidence(
    fit: Fit,
    evidence: Sequence[Evidence],
    weights: Doubles,
    candidates: Candidates,
    source_error_rate: float,
) -> Fit:
    """Add evidence whose weights are known.

    Args:
        fit: from the evidence so far; its weights and channel stay.
        evidence: over the kept candidates, [u, c - tail]; NaN where a text was not routed.
        weights: float64 [s], nats a unit of each source's scores.
        candidates: the labels that are looked at.
        source_error_rate: see `posterior_of`.
    """
    width = candidates.kept.shape[1]
    joint = fit.log_prior.copy()
    for source, weight in zip(evidence, weights, strict=True):
        joint[:, :width] += weight * centre(source.scores, source.centre)
    log_prior = np.asarray(log_softmax(joint, axis=1))
    named = {e.source: float(weight) for e, weight in zip(evidence, weights, strict=True)}
    posterior = posterior_of(
        log_prior,
        fit.log_likelihood,
        candidates,
        fit.posterior.channel,
        {**fit.posterior.weights, **named},
        fit.posterior.oos_bias,
        source_error_rate,
        fit.posterior.given_share,
    )
    return Fit(posterior, log_prior, fit.log_likelihood, fit.observed)


def named_weights(
    evidence: Sequence[Evidence], weights: Weights, spread: Doubles
) -> Mapping[str, float]:
    """Return each source's weight in nats per unit of its own scores."""
    pairs = zip(evidence, weights.by_source, spread, strict=True)
    return {e.source: float(w / s) for e, w, s in pairs}


def row_means(scores: Floats) -> Doubles:
    """Return float64 [u], each row's mean score; 0 for a row of NaN."""
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0.0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(known.sum(axis=1), 1))


def centre(scores: Floats, means: Doubles | None = None) -> Doubles:
    """Return float64 scores with each row's mean taken out, and 0 where a source is silent.

    Args:
        scores: float32 [u, c], NaN where the source is silent.
        means: float64 [u], what is taken out; None for the rows' own means.
    """
    means = row_means(scores) if means is None else means
    return np.where(np.isnan(scores), 0.0, scores - means[:, None])


def unit_spread(evidence: Sequence[Evidence]) -> tuple[Floats, Doubles]:
    """Return centred evidence, float32 [s, u, c], with unit spread where it speaks; the spreads."""
    total, width = evidence[0].scores.shape
    stack = np.empty((len(evidence), total, width), dtype=np.float32)
    spread = np.ones(len(evidence))
    for s, source in enumerate(evidence):
        squares, speaking = 0.0, 0
        for rows in blocks_of(total, _SPREAD_TEXTS):
            scores = centre(source.scores[rows])
            scores = scores[np.any(scores != 0, axis=1)]
            squares += float((scores**2).sum())
            speaking += scores.size
        if speaking:
            spread[s] = max(float(np.sqrt(squares / speaking)), 1e-6)
        for rows in blocks_of(total, _SPREAD_TEXTS):
            stack[s, rows] = centre(source.scores[rows]) / spread[s]
    return stack, spread


_SPREAD_TEXTS = 1 << 16
"""Texts whose evidence is held in float64 at a time; of more, the spread's last bits depend on
it."""


def posterior_of(
    log_prior: Doubles,
    log_likelihood: Doubles,
    candidates: Candidates,
    channel: NoiseChannel,
    weights: Mapping[str, float],
    oos_bias: float,
    source_error_rate: float,
    given_share: Doubles,
) -> Posterior:
    """Return q, kept from being surer than the data allow.

    Among the texts whose evidence contradicts the given label, some are noise and some are the
    evidence's own errors: where the noise is rarer than these, a contradiction says little,
    however decisive it looks. So with a probability s_i a text's given labels stand after all,

        q_i  =  (1 - s_i) * p_i + s_i * given_share_i,    s_i  =  f * exp(-g_i * (1 - f) / (2 * f))

    where p is the posterior without source errors, g_i what it leaves the given labels, and f
    `source_error_rate`: all of f where p leaves them nothing, and little where p is in doubt
    itself. The order of the texts by g_i stays.

    Args:
        log_prior: float64 [u, c].
        log_likelihood: float64 [u, c].
        candidates: the labels that are looked at.
        channel: for the record.
        weights: for the record.
        oos_bias: for the record.
        source_error_rate: share of contradictions that are the evidence's own errors, 0 to 1.
        given_share: float64 [u, c - tail], each text's given labels as shares; rows of 0 without.
    """
    width = candidates.kept.shape[1]
    probabilities = np.empty(candidates.kept.shape)
    for rows in blocks_of(len(probabilities), _FUSED_TEXTS):
        kept = softmax(log_prior[rows] + log_likelihood[rows], axis=1)[:, :width]
        probabilities[rows] = _doubted(kept, given_share[rows], source_error_rate)
    return Posterior(
        candidates=candidates.kept,
        probabilities=probabilities,
        channel=channel,
        weights=dict(weights),
        oos_bias=oos_bias,
        channel_nats=log_likelihood[:, :width],
        given_share=given_share,
    )


_FUSED_TEXTS = 4096
"""Texts worked on at a time: memory depends on it, and no outcome."""


def _doubted(kept: Doubles, given_share: Doubles, source_error_rate: float) -> Doubles:
    """Return q of p, float64 [n, c]: see `posterior_of`."""
    is_given = given_share > 0
    on_given = (kept * is_given).sum(axis=1, keepdims=True)
    stands = source_error_rate * np.exp(
        -on_given * (1 - source_error_rate) / (2 * max(source_error_rate, _TINY))
    )
    stands *= is_given.any(axis=1, keepdims=True)
    return np.asarray((1 - stands) * kept + stands * given_share)


_TINY = 1e-12
"""Keeps a quotient finite."""


def posterior_for(
    fit: Fit, texts: Ints, given_share: Doubles, total_labels: int, source_error_rate: float
) -> Doubles:
    """Return the posterior of texts if they had been given other labels, float64 [a, c].

    The channel is taken for its keep rate alone, all errors as likely.

    Args:
        fit: what was learned from the labels as they are.
        texts: int64 [a].
        given_share: float64 [a, c], the other labels, as shares.
        total_labels: K.
        source_error_rate: see `posterior_of`.
    """
    keep = fit.posterior.channel.keep_rate
    right, wrong = np.log(max(keep, _TINY)), np.log(max(1 - keep, _TINY) / max(total_labels - 1, 1))
    width = given_share.shape[1]
    said = given_share * (right - wrong)
    kept = np.asarray(softmax(fit.log_prior[texts, :width] + said, axis=1))
    return _doubted(kept, given_share, source_error_rate)


def is_oos(candidates: Candidates, oos: int | None) -> Bools:
    """Return bool [u, c]: where the out-of-scope label stands."""
    return np.equal(candidates.labels, NO_LABEL if oos is None else oos)


def contribution(evidence: Evidence, posterior: Posterior, texts: Ints | None = None) -> Doubles:
    """Return a source's nats for each candidate, float64 [u, c], of all texts or of some."""
    chosen = slice(None) if texts is None else texts
    means = None if evidence.centre is None else evidence.centre[chosen]
    centred = centre(evidence.scores[chosen], means)
    return posterior.weights.get(evidence.source, 0.0) * centred
