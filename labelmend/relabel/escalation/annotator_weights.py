"""What other annotators' word is worth: vote columns are witnesses, not evidence of the text.

The errors of sources of evidence are allowed for as those of one reader of the texts, and the noise
is counted where they are surest. An annotator's column is another person's answer, with errors of
its own: among the sources it makes the table look cleaner than it is. So it comes after them. Its
weight is the one under which the given labels are likeliest, beside all evidence of the texts, as
for the sources; annotators who repeat each other share it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from labelmend.configs.schema import FusionConfig
from labelmend.relabel.labelmodel.fusion import (
    Fit,
    Objective,
    Weights,
    centre,
    learn_weights,
    learning_sample,
    row_means,
    unit_spread,
)
from labelmend.types import Doubles, Evidence

_LEAST = 1e-9
"""Keeps a quotient finite."""


def witness_weights(
    witnesses: Sequence[Evidence], fit: Fit, config: FusionConfig, seed: int
) -> Doubles:
    """Return float64 [s], the nats that each annotator's word is worth.

    Args:
        witnesses: float32 [u, c], the share of its words that each candidate got, the tail's
            columns with them; NaN where nothing was said.
        fit: of all other evidence.
        config: the prior of the weights.
        seed: of the texts that they are learned from.
    """
    stack, spread = unit_spread(witnesses)
    sample = learning_sample(fit.observed, config.learn_from, seed)
    start = np.full(len(stack), config.prior_weight)
    objective = Objective(
        stack=stack[:, sample].astype(np.float64),
        is_oos=np.zeros((len(sample), stack.shape[2]), dtype=bool),
        offset=fit.log_prior[sample],
        log_likelihood=fit.log_likelihood[sample],
        toward=start,
        penalty=config.weight_penalty,
    )
    return np.asarray(learn_weights(objective, Weights(start, 0.0), config).by_source / spread)


def hear_witnesses(
    fit: Fit, witnesses: Sequence[Evidence], config: FusionConfig, seed: int
) -> tuple[Fit, tuple[Evidence, ...]]:
    """Return the fusion with what annotators say, and their evidence over the kept candidates.

    Args:
        fit: of all other evidence.
        witnesses: float32 [u, c], over all candidates, the tail with them.
        config: the prior of the weights.
        seed: of the texts that the weights are learned from.
    """
    width = fit.posterior.candidates.shape[1]
    kept = tuple(Evidence(e.source, e.scores[:, :width], row_means(e.scores)) for e in witnesses)
    learned = witness_weights(witnesses, fit, config, seed)
    weights = {e.source: float(w) for e, w in zip(kept, learned, strict=True)}
    nats = np.zeros(fit.log_prior.shape)
    for witness in witnesses:
        nats += weights[witness.source] * centre(witness.scores)
    said = np.exp(nats[:, :width] - nats[:, :width].max(axis=1, keepdims=True, initial=0.0))
    before = fit.posterior.probabilities
    heard = before * said
    # What a text lacks to 1 belongs to labels beyond the candidates, and stays so.
    total = np.maximum(heard.sum(axis=1, keepdims=True), _LEAST)
    posterior = replace(
        fit.posterior,
        probabilities=heard * before.sum(axis=1, keepdims=True) / total,
        weights={**fit.posterior.weights, **weights},
    )
    log_prior = np.asarray(log_softmax(fit.log_prior + nats, axis=1))
    return replace(fit, posterior=posterior, log_prior=log_prior), kept
