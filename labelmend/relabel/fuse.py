"""Fusion: evidence and given labels become a posterior, through a noise channel.

For text i with candidates C_i and evidence e_s(i, k):

    p_w(k | i)  =  softmax over k in C_i of sum_s w_s * e_s(i, k),  w_s = softplus(v_s) >= 0
    q_i(k)      ~  p_w(k | i) * product over the text's given labels g of P(g | k)

P is `NoiseChannel`. The weights and the channel maximise the likelihood of the given labels,
sum_i log sum_k p_w(k | i) * prod_g P(g | k), so that no threshold is set by hand.

Kin: conditional logit (Train 2009), annotator confusion by EM (Dawid & Skene 1979), forward
correction (Patrini et al. 2017), confident learning (Northcutt et al. 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array, find
from scipy.special import expit, log_softmax, logit, logsumexp, softmax

from labelmend.configs.schema import FusionConfig
from labelmend.types import Doubles, Evidence, Floats, Ints, NoiseChannel, Posterior

_SIMILAR_LABELS = 10
"""Labels that S(. | k) spreads over; beyond the nearest ten, the uniform part covers."""

_PRIOR_RIGHT, _PRIOR_WRONG = 9.0, 1.0
"""Pseudo-counts of the keep rate: nine right labels and a wrong one, before any data."""


@dataclass(frozen=True)
class Observations:
    """The given labels, against each candidate of their text.

    Attributes:
        text: int64 [m], the text that an observation belongs to.
        count: float64 [m], rows of the text that were given this label.
        same: bool [m, c], the candidate is the given label.
        similar: int64 [m, c], the given label's rank among the candidate's similar labels, or -1.
        similarities: float64 [m, c, s], of each candidate's similar labels.
        total_labels: K.
        total_texts: u.
    """

    text: Ints
    count: Doubles
    same: np.ndarray
    similar: Ints
    candidate: Ints
    similarities: Doubles
    total_labels: int
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
    matches = nearest[candidate] == label[:, None, None]
    similar = np.where(matches.any(axis=2), matches.argmax(axis=2), -1)
    return Observations(
        text=text.astype(np.int64),
        count=count.astype(np.float64),
        same=candidate == label[:, None],
        similar=similar,
        candidate=candidate,
        similarities=np.take_along_axis(similarity, nearest, axis=1),
        total_labels=len(prototypes),
        total_texts=given.shape[0],
    )


@dataclass(frozen=True)
class _ChannelTerms:
    """log P(given | candidate) summed over a text's observations, and its derivatives."""

    log_likelihood: Doubles
    by_keep: Doubles
    by_similar: Doubles
    by_sharpness: Doubles


def _channel_terms(seen: Observations, channel: NoiseChannel) -> _ChannelTerms:
    rho, mu, sharpness = channel.keep_rate, channel.similar_share, 1 / channel.temperature
    spread = softmax(seen.similarities * sharpness, axis=1)
    expected = (spread * seen.similarities).sum(axis=1)
    rank = np.maximum(seen.similar, 0)
    present = seen.similar >= 0
    share = np.where(present, spread[seen.candidate, rank], 0.0)
    tilt = np.where(
        present, seen.similarities[seen.candidate, rank] - expected[seen.candidate], 0.0
    )
    uniform = 1 / (seen.total_labels - 1)
    mixed = (1 - mu) * uniform + mu * share
    log_p = np.where(seen.same, np.log(rho), np.log1p(-rho) + np.log(mixed))
    wrong = ~seen.same
    terms = (
        log_p,
        np.where(seen.same, 1 - rho, -rho),
        np.where(wrong, mu * (1 - mu) * (share - uniform) / mixed, 0.0),
        np.where(wrong, mu * share * sharpness * tilt / mixed, 0.0),
    )
    rows = np.arange(len(seen.text))
    collect = csr_array((seen.count, (seen.text, rows)), shape=(seen.total_texts, len(rows)))
    return _ChannelTerms(*(np.asarray(collect @ term) for term in terms))


def centre(scores: Floats) -> Doubles:
    """Return float64 scores with each row's mean taken out, and 0 where a source is silent."""
    known = ~np.isnan(scores)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    filled = np.where(known, scores, 0.0).astype(np.float64)
    return np.where(known, filled - filled.sum(axis=1, keepdims=True) / count, 0.0)


def _scaled(evidence: Sequence[Evidence]) -> tuple[Doubles, Doubles]:
    """Return centred evidence [s, u, c] with unit spread, and the spreads [s]."""
    stack = np.stack([centre(source.scores) for source in evidence])
    active = np.abs(stack).sum(axis=2) > 0
    spread = np.sqrt(np.array([
        (stack[s][active[s]] ** 2).mean() if active[s].any() else 1.0 for s in range(len(stack))
    ]))  # fmt: skip
    spread = np.maximum(spread, 1e-6)
    return stack / spread[:, None, None], spread


def fuse(
    evidence: Sequence[Evidence],
    candidates: Ints,
    log_counts: Doubles,
    seen: Observations,
    config: FusionConfig,
    start: NoiseChannel,
) -> Posterior:
    """Learn source weights and the noise channel, and return the posterior.

    Args:
        evidence: one or more sources, each [u, c].
        candidates: int64 [u, c].
        seen: from `observe`.
        config: the penalty on weights and the optimiser's limit.
        start: where the channel's search begins.
    """
    stack, spread = _scaled(evidence)
    sources = len(stack)
    observed = np.zeros(seen.total_texts, dtype=bool)
    observed[seen.text] = True

    def objective(theta: Doubles) -> tuple[float, Doubles]:
        weights = np.logaddexp(0, theta[:sources])
        channel = _channel(theta[sources:])
        log_prior = log_softmax(np.tensordot(weights, stack, axes=1) + log_counts, axis=1)
        terms = _channel_terms(seen, channel)
        joint = log_prior + terms.log_likelihood
        posterior = softmax(joint, axis=1)
        pull = np.where(observed[:, None], posterior - np.exp(log_prior), 0.0)
        gradient = np.empty_like(theta)
        by_weight = np.tensordot(stack, pull, axes=2) - config.weight_penalty * weights
        gradient[:sources] = by_weight * expit(theta[:sources])
        rho = channel.keep_rate
        total = _PRIOR_RIGHT + _PRIOR_WRONG
        gradient[sources] = (posterior * terms.by_keep).sum() + _PRIOR_RIGHT - total * rho
        gradient[sources + 1] = (posterior * terms.by_similar).sum() - 2 * channel.similar_share + 1
        gradient[sources + 2] = (posterior * terms.by_sharpness).sum() - _log_sharpness_pull(
            theta[-1]
        )
        value = logsumexp(joint, axis=1)[observed].sum()
        value += _PRIOR_RIGHT * np.log(rho) + _PRIOR_WRONG * np.log1p(-rho)
        value += np.log(channel.similar_share) + np.log1p(-channel.similar_share)
        value -= 0.5 * config.weight_penalty * (weights**2).sum()
        value -= 0.5 * _log_sharpness_pull(theta[-1]) * (theta[-1] - _LOG_SHARPNESS)
        return -float(value), -gradient

    first = np.concatenate([np.full(sources, _inverse_softplus(1.0)), _channel_theta(start)])
    bounds = [(-8.0, 4.0)] * sources + [(-3.0, 9.2), (-6.0, 6.0), (0.0, 5.0)]
    found = minimize(
        objective, first, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": config.max_iterations},
    )  # fmt: skip
    weights = np.logaddexp(0, found.x[:sources])
    channel = _channel(found.x[sources:])
    log_prior = log_softmax(np.tensordot(weights, stack, axes=1) + log_counts, axis=1)
    probabilities = softmax(log_prior + _channel_terms(seen, channel).log_likelihood, axis=1)
    named = {
        source.source: float(w / s) for source, w, s in zip(evidence, weights, spread, strict=True)
    }
    return Posterior(candidates, probabilities, channel, named)


_LOG_SHARPNESS = np.log(10.0)


def _log_sharpness_pull(log_sharpness: float) -> float:
    """Derivative of a weak normal prior (sd 1) on the log of the sharpness, 1 / temperature."""
    return float(log_sharpness - _LOG_SHARPNESS)


def _channel(theta: Doubles) -> NoiseChannel:
    return NoiseChannel(
        keep_rate=float(expit(theta[0])),
        similar_share=float(expit(theta[1])),
        temperature=float(np.exp(-theta[2])),
    )


def _channel_theta(channel: NoiseChannel) -> Doubles:
    return np.array([
        logit(channel.keep_rate), logit(channel.similar_share), -np.log(channel.temperature)
    ])  # fmt: skip


def _inverse_softplus(value: float) -> float:
    return float(np.log(np.expm1(value)))
