"""Whether the given labels can be learned from at all.

The nearest neighbours' given labels alone answer that: they have never seen the text's own, in no
round. So no posterior that talked itself into something can hide what is wrong.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import given_shares
from labelmend.configs.schema import DiagnosticsConfig
from labelmend.types import Bools, Floats, Ints, UniqueTexts
from labelmend.voice.speak import note


@dataclass(frozen=True)
class Trust:
    """Whether the given labels can be learned from.

    Attributes:
        trusted: False where nothing should be changed.
        reason: one sentence for the user, also where they are trusted.
        agreement: assortativity of the given labels among neighbours: 0 is chance, 1 is perfect;
            NaN where too few texts carry a label.
        errors: standard errors by which it stands above 0; NaN likewise.
    """

    trusted: bool
    reason: str
    agreement: float
    errors: float


def assess_learnability(
    unique: UniqueTexts, neighbours: Ints, similarities: Floats, config: DiagnosticsConfig
) -> Trust:
    """Tell whether the given labels can be learned from.

    They can where a text's neighbours carry its label more often than chance would have it
    (assortative mixing: Newman 2003). A text's own given label is in none of its neighbours' votes,
    so labels dealt out at random score 0, however hard a model could learn them by heart.

    Args:
        unique: the texts and their given labels.
        neighbours: int64 [u, m], the nearest other texts; -1 where there are fewer.
        similarities: float32 [u, m], their cosine similarity.
        config: how neighbours count, and when labels are trusted.
    """
    given = given_shares(csr_array(unique.given.astype(np.float64)))
    labelled = np.diff(given.indptr) > 0
    total, unknown = int(labelled.sum()), float("nan")
    if total < config.tested_from:
        reason = note(
            "Only {texts} distinct texts carry a label, too few to test whether they can be "
            "trusted.",
            texts=total,
        )
        return Trust(True, reason, unknown, unknown)
    graph = vote_graph(neighbours, similarities, labelled, config)
    own = np.asarray((graph @ given).multiply(given).sum(axis=1)).ravel()
    counts = np.asarray(given.sum(axis=0)).ravel()
    squares = np.asarray(given.multiply(given).sum(axis=1)).ravel()
    expected = (given @ counts - squares) / (total - 1)
    heard = labelled & (np.diff(graph.indptr) > 0)
    if not heard.any() or expected[heard].mean() >= 1:
        reason = note("All texts carry one label: there is nothing to test.")
        return Trust(True, reason, unknown, unknown)
    excess = (own - expected)[heard]
    agreement = float(excess.mean() / (1 - expected[heard].mean()))
    spread = float(excess.std()) / np.sqrt(len(excess))
    errors = float(excess.mean() / max(spread, 1e-12))
    trusted = errors >= config.min_errors and agreement >= config.min_agreement
    reason = note(
        "{share:.1%} of the nearest texts carry a text's own label, {chance:.1%} would by chance."
        if trusted
        else "The given labels can't be told from chance: {share:.1%} of the nearest texts carry a "
        "text's own label, {chance:.1%} would by chance. Nothing was changed.",
        share=float(own[heard].mean()),
        chance=float(expected[heard].mean()),
    )
    return Trust(trusted, reason, agreement, errors)


def vote_graph(
    neighbours: Ints, similarities: Floats, labelled: Bools, config: DiagnosticsConfig
) -> csr_array:
    """Return sparse [u, u]: the weights of each text's labelled neighbours, 1 in sum."""
    heard = (neighbours >= 0) & labelled[np.maximum(neighbours, 0)]
    row, column = np.nonzero(heard)
    # From the nearest down, so that no row of weights can vanish.
    top = np.where(heard, similarities, -np.inf).max(axis=1, initial=-np.inf)
    behind = similarities[row, column].astype(np.float64) - top[row]
    weight = np.exp(config.neighbour_sharpness * behind)
    sums = np.bincount(row, weight, minlength=len(neighbours))
    shape = (len(neighbours), len(neighbours))
    return csr_array((weight / sums[row], (row, neighbours[row, column])), shape=shape)
