"""Majority vote with a fixed out-of-scope threshold: the reference pipeline's rule.

It counts all voters alike and overrules the annotator on every row. It is here to be compared with.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from labelmend.configs.schema import FusionConfig
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.types import Doubles, Evidence

RERANKED = ("reranker", "reranker_oos")


def majority(
    fit: Fit,
    evidence: Sequence[Evidence],
    given: Doubles,
    oos: int | None,
    config: FusionConfig,
) -> Fit:
    """Replace the posterior by the share of voters that chose each candidate.

    A tie goes to the given label, then to the smaller label index. Where the best reranker
    probability is below the threshold, the text is out of scope. A text without votes keeps
    its given label.

    Args:
        fit: whose candidates and channel are kept.
        evidence: of the voters, whose first choices are counted, and of the reranker, whose best
            logit is held to the threshold.
        given: float [u, c], how many rows of the text were given each candidate.
        oos: index of the out-of-scope label, or None.
        config: the threshold.
    """
    candidates = fit.posterior.candidates
    counts = np.zeros(candidates.shape)
    for source in evidence:
        if source.source in RERANKED:
            continue
        voted = ~np.isnan(source.scores).all(axis=1)
        filled = np.where(np.isnan(source.scores), -np.inf, source.scores)
        choice = filled.argmax(axis=1)
        counts[voted, choice[voted]] += 1
    counts += _TIE * np.minimum(given, 1)
    reranked = next((e.scores for e in evidence if e.source == "reranker"), None)
    if reranked is not None and oos is not None:
        best = np.where(np.isnan(reranked), -np.inf, reranked).max(axis=1)
        with np.errstate(over="ignore"):
            unfit = np.isfinite(best) & (1 / (1 + np.exp(-best)) < config.oos_threshold)
        counts[unfit] = candidates[unfit] == oos
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    posterior = dataclasses.replace(
        fit.posterior,
        probabilities=shares,
        weights={},
        oos_bias=0.0,
        channel_nats=np.zeros_like(shares),
    )
    return dataclasses.replace(fit, posterior=posterior)


_TIE = 1e-3
"""What the given label counts beside whole votes: it breaks ties, and outvotes nobody."""
