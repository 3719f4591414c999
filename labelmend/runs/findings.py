"""What a run found, in figures: the noise rate, the confused pairs, what each source moved."""

import numpy as np

from labelmend.relabel.diagnostics.advice import ConfusedPair
from labelmend.relabel.diagnostics.explain import oos_nats
from labelmend.relabel.labelmodel.decisions import given_probability
from labelmend.relabel.labelmodel.fusion import contribution
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL, Doubles, Ints


def estimated_noise(result: Relabelling) -> float:
    """Return the expected share of wrong labels among the given ones."""
    quality = given_probability(result.dataset.given, result.unique.of_row, result.posterior)
    labelled = quality[~np.isnan(quality)]
    return float(1 - labelled.mean()) if len(labelled) else 0.0


def confused_pairs(result: Relabelling, count: int) -> tuple[ConfusedPair, ...]:
    """Return the label pairs that are most often confused, by expected rows."""
    labels, given = result.dataset.labels, result.dataset.given
    labelled = np.flatnonzero(given != NO_LABEL)
    texts = result.unique.of_row[labelled]
    true, mass = result.posterior.candidates[texts], result.posterior.probabilities[texts]
    carried = np.bincount(true.ravel(), weights=mass.ravel(), minlength=len(labels))
    row, column = np.nonzero((true != given[labelled, None]) & (mass > _NEGLIGIBLE))
    codes, place = np.unique(
        true[row, column] * len(labels) + given[labelled[row]], return_inverse=True
    )
    rows = np.bincount(place, weights=mass[row, column], minlength=len(codes))
    # Rounded first: sums that are equal on paper tie, and go to the smaller label index.
    ranked = np.lexsort((codes, -np.round(rows, 9)))[:count]
    pairs = ((*divmod(int(codes[i]), len(labels)), float(rows[i])) for i in ranked)
    return tuple(
        ConfusedPair(labels[t], labels[g], round(n, 2), round(n / float(carried[t]), 4))
        for t, g, n in pairs
    )


_NEGLIGIBLE = 1e-3
"""Posterior below which a candidate counts for no confused pair."""


def rows_moved(result: Relabelling) -> dict[str, int]:
    """Return for each source the number of rows that it moves.

    These would have another most probable label without it. The posterior is taken before
    source errors, the noise channel as learned.
    """
    posterior = result.posterior
    total = oos_nats(result) + posterior.channel_nats
    for source in result.evidence:
        total += contribution(source, posterior)
    best = _best(total, posterior.candidates)
    rows = np.bincount(result.unique.of_row, minlength=len(best))
    moved = {}
    for source in result.evidence:
        without = _best(total - contribution(source, posterior), posterior.candidates)
        moved[source.source] = int(rows[without != best].sum())
    return moved


def _best(nats: Doubles, candidates: Ints) -> Ints:
    """Return the best label of each text; ties go to the smaller label index."""
    tied = nats >= nats.max(axis=1, keepdims=True) - _EQUAL
    return np.asarray(np.where(tied, candidates, np.iinfo(np.int64).max).min(axis=1))


_EQUAL = 1e-9
"""Nats that only rounding tells apart."""
