"""A voter's liking for some labels, whatever the text, taken out of its scores.

A prefix that reads like any message makes every text likely, and a letter whose option is long
wins more often than it should (Zhao et al. 2021 call it calibration; here the labels themselves
are what is calibrated, over a sample of real texts). Fusion can't do it: it gives a source one
weight, and no offset to each label.

A label that many texts carry scores high in them because it is right. So only what the texts don't
seem to carry counts: how a label fares among the wrong ones.
"""

import numpy as np

from labelmend.types import Doubles, Floats, Ints


def label_bias(
    scores: Floats,
    labels: Ints,
    believed: Doubles,
    counts: Doubles,
    label_count: int,
    unbiased_texts: float,
) -> Doubles:
    """Return float64 [K]: by how many nats a voter favours each label where it is wrong.

    Args:
        scores: float32 [u, c], nats; NaN where the voter is silent.
        labels: int64 [u, c], the label of each score.
        believed: float64 [u, c], probability by the other evidence that the text carries the label.
        counts: float64 [u], how much each text counts, 0 for those not to learn from; together they
            stand for all texts, or the bias of their choice is learned too.
        label_count: K.
        unbiased_texts: that each label starts with.
    """
    heard = ~np.isnan(scores) & (counts > 0)[:, None]
    known = np.where(heard, scores, 0.0).astype(np.float64)
    wrong = np.where(heard, counts[:, None] * (1.0 - believed), 0.0)
    # A text's own mean says how usual the text is, not which label it carries.
    means = (wrong * known).sum(axis=1) / np.maximum(wrong.sum(axis=1), _TINY)
    above = wrong * (known - means[:, None])
    total = np.bincount(labels[heard], weights=above[heard], minlength=label_count)
    count = np.bincount(labels[heard], weights=wrong[heard], minlength=label_count)
    bias: Doubles = total / (count + unbiased_texts)
    return bias


_TINY = 1e-12
"""Keeps a quotient finite."""


def without_label_bias(
    scores: Floats,
    labels: Ints,
    believed: Doubles,
    counts: Doubles,
    label_count: int,
    unbiased_texts: float,
) -> Floats:
    """Return float32 [u, c]: the scores less `label_bias`; NaN stays."""
    bias = label_bias(scores, labels, believed, counts, label_count, unbiased_texts)
    return (scores - bias[labels]).astype(np.float32)
