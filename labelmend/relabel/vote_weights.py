"""What votes weigh beside the other evidence.

The sum of a text's log-probabilities is far too sure of itself: its tokens are not independent. At
the right temperature a voter's scores alone are probabilities (Guo et al. 2017, "On calibration of
modern neural networks"); what the texts' labels are is the posterior's say, without the voters.

By the likelihood of the given labels, as other sources are weighed, votes would count for too
little: the evidence beside them has learned from labels that the texts' own given labels helped to
settle, and explains these better than it should.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from labelmend.relabel.route import Routing, counts_in_learning
from labelmend.types import Doubles, Evidence, Floats, Posterior

_MOST = 1.0
"""Nats a nat: no sum of log-probabilities deserves more than it says."""


def vote_weights(evidence: Sequence[Evidence], posterior: Posterior, routing: Routing) -> Doubles:
    """Return each voter's weight, float64 [s], in nats a unit of its scores.

    Were voters independent, each would have the weight that it has alone; if all said the same for
    the same reason, its share of that. They err together on some texts and apart on others, and
    get the geometric mean of both: what it has alone, by the root of their number.

    Args:
        evidence: of the voters, over the posterior's candidates; NaN where silent.
        posterior: of all other evidence.
        routing: which texts were asked.
    """
    own = np.array(
        [own_weight(e.scores, posterior, counts_in_learning(routing, e.scores)) for e in evidence]
    )
    weights: Doubles = own / np.sqrt(np.maximum((own > 0).sum(), 1))
    return weights


def own_weight(scores: Floats, posterior: Posterior, counts: Doubles) -> float:
    """Return the weight w >= 0 at which softmax(w * scores) tells the posterior's labels best.

    Args:
        scores: float32 [u, c], over the posterior's candidates; NaN where silent.
        posterior: of all other evidence.
        counts: float64 [u], how much each text counts.
    """
    texts = np.flatnonzero((counts > 0) & ~np.isnan(scores).all(axis=1))
    if not len(texts):
        return 0.0
    silent = np.isnan(scores[texts])
    known = np.where(silent, 0.0, scores[texts]).astype(np.float64)
    believed = np.where(silent, 0.0, posterior.probabilities[texts])

    def loss(weight: float) -> float:
        nats = weight * known
        log_p = nats - logsumexp(np.where(silent, -np.inf, nats), axis=1, keepdims=True)
        return -float(counts[texts] @ (believed * log_p).sum(axis=1))

    found = float(minimize_scalar(loss, bounds=(0.0, _MOST), method="bounded").x)
    return found if loss(found) < loss(0.0) else 0.0
