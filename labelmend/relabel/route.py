"""Which texts reach the reranker and the voters, and with which candidates."""

from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import RoutingConfig
from labelmend.relabel.fuse import Fit
from labelmend.types import Bools, Doubles, Ints, Posterior


@dataclass(frozen=True)
class Routing:
    """The texts that need more evidence.

    Attributes:
        doubtful: int64 [r], unsettled texts, the most doubtful first.
        audit: bool [u], texts drawn at random whatever their posterior.
    """

    doubtful: Ints
    audit: Bools

    def first(self, most: int) -> Ints:
        """Return the `most` most doubtful texts (all for -1) and the audit, each once, int64."""
        doubtful = self.doubtful if most < 0 else self.doubtful[:most]
        audit = np.flatnonzero(self.audit)
        return np.concatenate([doubtful, audit[~np.isin(audit, doubtful)]])


def route(posterior: Posterior, config: RoutingConfig, seed: int) -> Routing:
    """Settled texts leave; the others go on, and a random audit with them.

    Args:
        posterior: of each text.
        config: when a text is settled, and the size of the audit.
        seed: of the audit.
    """
    certainty = posterior.probabilities.max(axis=1)
    unsettled = np.flatnonzero(certainty < config.settled)
    total = len(certainty)
    audit = np.zeros(total, dtype=bool)
    drawn = np.random.default_rng(seed).choice(
        total, size=min(config.audit_rows, total), replace=False
    )
    audit[drawn] = True
    return Routing(unsettled[np.argsort(certainty[unsettled], kind="stable")], audit)


def shortlist(fit: Fit, given: Doubles, texts: Ints, count: int) -> Ints:
    """Return the candidates a model is asked about: the most probable, and the given one.

    Args:
        fit: its log-prior ranks the candidates without looking at the given label.
        given: float64 [u, c - tail], how many rows of a text were given each candidate.
        texts: int64 [b].
        count: candidates a text, at most.

    Returns:
        int64 [b, min(count, c - tail)]: columns of the kept candidates.
    """
    kept = fit.log_prior[texts][:, : given.shape[1]]
    ranked = np.argsort(-kept - _FORCED * (given[texts] > 0), axis=1, kind="stable")
    chosen = ranked[:, :count]
    # Shown in the order of the evidence, then of the label set, so that its place doesn't betray
    # the given label: among the candidates, what was given stands first.
    labels = np.take_along_axis(fit.posterior.candidates[texts], chosen, axis=1)
    order = np.lexsort((labels, -np.take_along_axis(kept, chosen, axis=1)), axis=1)
    return np.take_along_axis(chosen, order, axis=1)


_FORCED = 1e6
