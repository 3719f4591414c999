"""Fusion: evidence and given labels become a posterior, through a noise channel.

For text i with candidates C_i and evidence e_s(i, k):

    p_w(k | i)  =  softmax over k in C_i of sum_s w_s * e_s(i, k),  w_s = softplus(v_s) >= 0
    q_i(k)      ~  p_w(k | i) * product over the text's given labels g of P(g | k)

P is the `NoiseChannel`. The weights and the channel maximise the likelihood of the given labels,
sum_i log sum_k p_w(k | i) * prod_g P(g | k), so no threshold is set by hand.

Kin: conditional logit (Train 2009), annotator confusion by EM (Dawid & Skene 1979), forward
correction (Patrini et al. 2017), confident learning (Northcutt et al. 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, logsumexp, softmax

from labelmend.configs.schema import FusionConfig
from labelmend.relabel.channel import ChannelTerms, Observations, channel_terms
from labelmend.retrieval.candidates import Candidates
from labelmend.types import Bools, Doubles, Evidence, Floats, NoiseChannel, Posterior

FIRST_GUESS = NoiseChannel(keep_rate=0.9, similar_share=0.3, temperature=0.1)
"""Where the search for the channel begins."""

_PRIOR_RIGHT, _PRIOR_WRONG = 9.0, 1.0
"""Pseudo-counts of the keep rate: nine right labels and a wrong one, before any data."""

_LOG_SHARPNESS = float(np.log(10.0))
"""Mean of the normal prior (sd 1) on the log of 1 / temperature."""


@dataclass(frozen=True)
class Objective:
    """What `fuse` minimises: minus the penalised log-likelihood of the given labels.

    Attributes:
        stack: float64 [s, u, c], the sources' evidence, centred and of unit spread.
        log_counts: float64 [c], of the candidates.
        seen: the given labels against the candidates.
        penalty: on the weights.
    """

    stack: Doubles
    log_counts: Doubles
    seen: Observations
    penalty: float

    def log_prior(self, weights: Doubles) -> Doubles:
        """Return log p_w(k | i), float64 [u, c]."""
        scores = np.tensordot(weights, self.stack, axes=1) + self.log_counts
        return np.asarray(log_softmax(scores, axis=1))

    def __call__(self, theta: Doubles) -> tuple[float, Doubles]:
        """Return the value and the gradient at theta: v of each source, then the channel's."""
        sources = len(self.stack)
        weights = np.logaddexp(0, theta[:sources])
        channel = _channel_at(theta[sources:])
        log_prior = self.log_prior(weights)
        terms = channel_terms(self.seen, channel)
        joint = log_prior + terms.log_likelihood
        posterior = softmax(joint, axis=1)
        observed = np.zeros(self.seen.total_texts, dtype=bool)
        observed[self.seen.text] = True
        pull = np.where(observed[:, None], posterior - np.exp(log_prior), 0.0)
        by_weight = np.tensordot(self.stack, pull, axes=2) - self.penalty * weights
        value, by_channel = _channel_prior(theta[sources:], channel)
        value += logsumexp(joint, axis=1)[observed].sum()
        value -= 0.5 * self.penalty * (weights**2).sum()
        by_channel += _channel_pull(posterior, terms)
        gradient = np.concatenate([by_weight * expit(theta[:sources]), by_channel])
        return -float(value), -gradient


@dataclass(frozen=True)
class RoutedObjective:
    """What `fuse_routed` minimises: the same of the audit, by the routed sources' weights alone.

    Attributes:
        stack: float64 [s, a, c], their evidence on the audit, centred and of unit spread.
        log_prior: float64 [a, c], from the evidence on all texts.
        log_likelihood: float64 [a, c], of the given labels, by the learned channel.
        penalty: on the weights.
    """

    stack: Doubles
    log_prior: Doubles
    log_likelihood: Doubles
    penalty: float

    def __call__(self, theta: Doubles) -> tuple[float, Doubles]:
        """Return the value and the gradient at theta: v of each source."""
        weights = np.logaddexp(0, theta)
        scores = self.log_prior + np.tensordot(weights, self.stack, axes=1)
        log_prior = log_softmax(scores, axis=1)
        joint = log_prior + self.log_likelihood
        value = logsumexp(joint, axis=1).sum() - 0.5 * self.penalty * (weights**2).sum()
        pull = softmax(joint, axis=1) - np.exp(log_prior)
        by_weight = np.tensordot(self.stack, pull, axes=2) - self.penalty * weights
        return -float(value), -by_weight * expit(theta)


@dataclass(frozen=True)
class Fit:
    """A fitted fusion.

    Attributes:
        posterior: over the kept candidates.
        log_prior: float64 [u, c], log p_w(k | i), the tail's columns with it.
    """

    posterior: Posterior
    log_prior: Doubles


def fuse(
    evidence: Sequence[Evidence],
    candidates: Candidates,
    seen: Observations,
    config: FusionConfig,
    start: NoiseChannel = FIRST_GUESS,
) -> Fit:
    """Learn source weights and the noise channel from all given labels.

    Args:
        evidence: one or more sources, each over all candidates, [u, c].
        candidates: the labels that are looked at.
        seen: the given labels against the candidates.
        config: the penalty on weights and the optimiser's limit.
        start: where the channel's search begins.
    """
    stack, spread = _unit_spread(evidence)
    sources = len(stack)
    objective = Objective(stack, candidates.log_counts, seen, config.weight_penalty)
    first = np.concatenate([np.full(sources, _ONE), _theta_of(start)])
    bounds = [(-8.0, 4.0)] * sources + [(-3.0, 9.2), (-6.0, 6.0), (0.0, 5.0)]
    found = minimize(
        objective,
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": config.max_iterations},
    )
    weights = np.logaddexp(0, found.x[:sources])
    channel = _channel_at(found.x[sources:])
    log_prior = objective.log_prior(weights)
    named = {e.source: float(w / s) for e, w, s in zip(evidence, weights, spread, strict=True)}
    return Fit(_posterior(log_prior, candidates, seen, channel, named), log_prior)


def fuse_routed(
    fit: Fit,
    evidence: Sequence[Evidence],
    candidates: Candidates,
    seen: Observations,
    audit: Bools,
    config: FusionConfig,
) -> Fit:
    """Add evidence that was gathered on routed texts only.

    Its weights are learned on the audit, which was drawn at random: texts that were routed because
    their given label is in doubt would teach that voters are wrong where the annotator is. The
    penalty pulls the weights to 0, so what the audit does not speak for is not heard.

    Args:
        fit: from the evidence on all texts; its weights and channel stay.
        evidence: over the kept candidates, [u, c - tail]; NaN where a text was not routed.
        candidates: the labels that are looked at.
        seen: the given labels against the candidates.
        audit: bool [u], the texts drawn at random.
        config: the penalty and the optimiser's limit.
    """
    silent = np.full((len(audit), candidates.tail), np.nan, dtype=np.float32)
    padded = [Evidence(e.source, np.concatenate([e.scores, silent], axis=1)) for e in evidence]
    stack, spread = _unit_spread(padded)
    channel = fit.posterior.channel
    likelihood = channel_terms(seen, channel).log_likelihood
    learned_from = np.flatnonzero(audit & np.isin(np.arange(len(audit)), seen.text))
    bounds = [(-8.0, 4.0)] * len(stack)
    found = minimize(
        RoutedObjective(
            stack[:, learned_from],
            fit.log_prior[learned_from],
            likelihood[learned_from],
            config.routed_weight_penalty,
        ),
        np.full(len(stack), -2.0),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": config.max_iterations},
    )
    weights = np.logaddexp(0, found.x)
    log_prior = np.asarray(
        log_softmax(fit.log_prior + np.tensordot(weights, stack, axes=1), axis=1)
    )
    named = {e.source: float(w / s) for e, w, s in zip(evidence, weights, spread, strict=True)}
    named = {**fit.posterior.weights, **named}
    return Fit(_posterior(log_prior, candidates, seen, channel, named), log_prior)


def centre(scores: Floats) -> Doubles:
    """Return float64 scores with each row's mean taken out, and 0 where a source is silent."""
    known = ~np.isnan(scores)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    filled = np.where(known, scores, 0.0).astype(np.float64)
    return np.where(known, filled - filled.sum(axis=1, keepdims=True) / count, 0.0)


def _unit_spread(evidence: Sequence[Evidence]) -> tuple[Doubles, Doubles]:
    """Return centred evidence [s, u, c] with unit spread where it speaks, and the spreads [s]."""
    stack = np.stack([centre(source.scores) for source in evidence])
    spread = np.ones(len(stack))
    for s, source in enumerate(stack):
        speaking = source[np.any(source != 0, axis=1)]
        if speaking.size:
            spread[s] = max(float(np.sqrt((speaking**2).mean())), 1e-6)
    return stack / spread[:, None, None], spread


def _posterior(
    log_prior: Doubles,
    candidates: Candidates,
    seen: Observations,
    channel: NoiseChannel,
    weights: dict[str, float],
) -> Posterior:
    joint = log_prior + channel_terms(seen, channel).log_likelihood
    kept = softmax(joint, axis=1)[:, : candidates.kept.shape[1]]
    return Posterior(candidates.kept, kept, channel, weights)


def _channel_at(theta: Doubles) -> NoiseChannel:
    return NoiseChannel(
        keep_rate=float(expit(theta[0])),
        similar_share=float(expit(theta[1])),
        temperature=float(np.exp(-theta[2])),
    )


def _theta_of(channel: NoiseChannel) -> Doubles:
    """Return the channel as the optimiser sees it: logits, and the log of 1 / temperature."""
    log_sharpness = -np.log(channel.temperature)
    return np.array([logit(channel.keep_rate), logit(channel.similar_share), log_sharpness])


def _channel_pull(posterior: Doubles, terms: ChannelTerms) -> Doubles:
    """Return the derivatives of the likelihood by the channel's three numbers."""
    derivatives = (terms.by_keep_rate, terms.by_similar_share, terms.by_sharpness)
    return np.array([(posterior * derivative).sum() for derivative in derivatives])


def _channel_prior(theta: Doubles, channel: NoiseChannel) -> tuple[float, Doubles]:
    """Return the log-prior of the channel, and its derivatives by theta."""
    rho, mu, off = channel.keep_rate, channel.similar_share, theta[2] - _LOG_SHARPNESS
    value = _PRIOR_RIGHT * np.log(rho) + _PRIOR_WRONG * np.log1p(-rho)
    value += np.log(mu) + np.log1p(-mu) - 0.5 * off**2
    by_keep_rate = _PRIOR_RIGHT - (_PRIOR_RIGHT + _PRIOR_WRONG) * rho
    return float(value), np.array([by_keep_rate, 1 - 2 * mu, -off])


_ONE = float(np.log(np.expm1(1.0)))
"""softplus of this is 1: each source begins with weight 1."""
