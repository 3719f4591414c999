"""Out-of-fold classifier evidence: what the rest of the data says of a text's label."""

import warnings

import numpy as np
from scipy.sparse import csr_array, find

from labelmend.configs.schema import SuspectConfig
from labelmend.protocols import Progress
from labelmend.types import Doubles, Floats, Ints

_LEAST_WEIGHT = 0.02
"""Memberships below this are left out of training; they cost time and teach nothing."""


def out_of_fold_scores(
    embeddings: Floats,
    memberships: csr_array,
    candidates: Ints,
    config: SuspectConfig,
    seed: int,
    progress: Progress,
) -> Floats:
    """Return the log-probabilities of candidates by classifiers that never saw the text.

    One multinomial logistic regression a fold. Texts are distinct, so folds are grouped by text.
    As in confident learning (Northcutt et al. 2021), the predictions are out-of-fold.

    Args:
        embeddings: float32 [u, d], unit rows.
        memberships: sparse [u, K], the weight with which each text carries each label.
        candidates: int64 [u, c].
        config: folds and the classifier's settings.
        seed: of the folds.
        progress: advances one step a fold.

    Returns:
        float32 [u, c]; NaN for labels that the fold's training texts do not carry.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    texts, labels, weights = find(memberships)
    keep = weights >= _LEAST_WEIGHT
    texts, labels, weights = texts[keep], labels[keep], weights[keep]
    fold_of = _folds(memberships, config.folds, seed)
    scores = np.full(candidates.shape, np.nan, dtype=np.float32)
    for fold in range(config.folds):
        train, held_out = fold_of[texts] != fold, np.flatnonzero(fold_of == fold)
        if len(held_out) and len(np.unique(labels[train])) > 1:
            model = LogisticRegression(
                C=config.inverse_regularization, max_iter=config.max_iterations, tol=1e-3
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(embeddings[texts[train]], labels[train], sample_weight=weights[train])
            scores[held_out] = _log_probabilities(
                model.decision_function(embeddings[held_out]), model.classes_, candidates[held_out]
            )
        progress.advance()
    return scores


def _folds(memberships: csr_array, folds: int, seed: int) -> Ints:
    """Return int64 [u]: folds dealt out label by label, so that each holds its share of each."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(memberships.shape[0])
    main_label = np.asarray(memberships.argmax(axis=1)).ravel()
    dealt = shuffled[np.argsort(main_label[shuffled], kind="stable")]
    fold_of = np.empty(len(dealt), dtype=np.int64)
    fold_of[dealt] = np.arange(len(dealt)) % folds
    return fold_of


def _log_probabilities(decision: Doubles, classes: Ints, candidates: Ints) -> Floats:
    if decision.ndim == 1:
        decision = np.stack([-decision / 2, decision / 2], axis=1)
    shifted = decision - decision.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    place = np.minimum(np.searchsorted(classes, candidates), len(classes) - 1)
    gathered = np.take_along_axis(log_probabilities, place, axis=1)
    return np.where(classes[place] == candidates, gathered, np.nan).astype(np.float32)
