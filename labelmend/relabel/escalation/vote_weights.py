"""What votes weigh beside the other evidence.

The sum of a text's log-probabilities is far too sure of itself: its tokens are not independent. At
the right temperature a voter's scores alone are probabilities (Guo et al. 2017, "On calibration of
modern neural networks"). It is learned on the doubtful texts, which votes are to decide and are
hardest for the voters, too; what these texts' labels are is the say of all other evidence.

By the likelihood of the given labels, as other sources are weighed, votes would count for too
little: the evidence beside them has learned from labels that the texts' own given labels helped to
settle, and explains these better than it should.

A ballot has the likeliest labels on it, and the voter chooses among these. What it says is nothing
for or against all other labels: these keep their probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

from labelmend.configs.schema import VotesConfig
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Doubles, Evidence, Floats, Ints


@dataclass(frozen=True)
class _Own:
    """What a voter is worth by itself.

    Attributes:
        weight: nats a unit of its scores.
        gain: nats by which its votes tell the labels better than none.
    """

    weight: float
    gain: float


def vote_weights(
    evidence: Sequence[Evidence],
    posterior: Posterior,
    doubtful: Ints,
    silenced: Sequence[bool],
    config: VotesConfig,
) -> Doubles:
    """Return each voter's weight, float64 [s], in nats a unit of its scores.

    Voters read the same prefixes and err on the same texts: added up, they would be surer than they
    are right. So they are averaged, as in the logarithmic opinion pool (Genest & Zidek 1986), each
    by its share of what they tell. On a text that only some of them saw, the others' part is left
    unsaid.

    Args:
        evidence: of the voters, over the posterior's candidates; NaN where silent.
        posterior: of all other evidence.
        doubtful: int64 [r], the texts that it leaves in doubt.
        silenced: [s], the voters that get no weight.
        config: how votes are weighed.
    """
    believed = posterior.probabilities[doubtful]
    own = [own_weight(e.scores[doubtful], believed, config) for e in evidence]
    told = np.array([voter.gain for voter in own])
    told[list(silenced)] = 0.0
    shares = told / max(float(told.sum()), _TINY)
    return np.array([voter.weight for voter in own]) * shares


_TINY = 1e-12
"""Keeps a quotient finite."""


def own_weight(scores: Floats, believed: Doubles, config: VotesConfig) -> _Own:
    """Return the weight w >= 0 at which softmax(w * scores) tells the labels best.

    Args:
        scores: float32 [r, c]; NaN where silent.
        believed: float64 [r, c], how far each text is believed to carry each label.
        config: how votes are weighed.
    """
    heard = ~np.isnan(scores)
    asked = heard.any(axis=1)
    count, heard = max(int(asked.sum()), 1), heard[asked]
    known = np.where(heard, scores[asked], 0.0).astype(np.float64)
    shut = np.where(heard, 0.0, -np.inf)
    undecided = config.undecided_texts / count / heard.sum(axis=1, keepdims=True)
    target = np.where(heard, believed[asked] + undecided, 0.0)

    def loss(weight: float) -> float:
        nats = weight * known
        return -float((target * (nats - logsumexp(nats + shut, axis=1, keepdims=True))).sum())

    found = float(minimize_scalar(loss, bounds=(0.0, config.max_weight), method="bounded").x)
    gain = loss(0.0) - loss(found)
    return _Own(found, gain) if gain > 0 else _Own(0.0, 0.0)


def within_ballots(
    evidence: Sequence[Evidence], weights: Doubles, fit: Fit
) -> tuple[Evidence, ...]:
    """Return the votes, centred so that what a ballot's labels have together stays as it is.

    Args:
        evidence: of the voters, over the kept candidates. Ballots may differ, and then it matters
            who is heard first: that goes by name.
        weights: float64 [s], from `vote_weights`.
        fit: of all other evidence.
    """
    width = fit.posterior.candidates.shape[1]
    joint = (fit.log_prior + fit.log_likelihood)[:, :width]
    centred = list(evidence)
    for place in sorted(range(len(evidence)), key=lambda place: evidence[place].source):
        source, weight = evidence[place], weights[place]
        heard = ~np.isnan(source.scores)
        texts = np.flatnonzero(heard.any(axis=1))
        shut = np.where(heard[texts], 0.0, -np.inf)
        share = log_softmax(joint[texts] + shut, axis=1)
        scores = np.where(heard, source.scores, 0.0)[texts].astype(np.float64)
        centre = np.zeros(len(joint))
        # What the scores gain on average, where they weigh nothing.
        centre[texts] = (
            logsumexp(share + weight * scores, axis=1) / weight
            if weight > 0
            else (np.exp(share) * scores).sum(axis=1)
        )
        joint[texts] += np.where(heard[texts], weight * (scores - centre[texts, None]), 0.0)
        centred[place] = replace(source, centre=centre)
    return tuple(centred)
