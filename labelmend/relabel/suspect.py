"""Out-of-fold classifier evidence: what the rest of the data says of a text's label.

Two classifiers that err differently: logistic regression on embeddings, which reads meaning, and
multinomial naive Bayes on words, which reads the one word that tells two close labels apart.
"""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, find

from labelmend.configs.schema import SuspectConfig
from labelmend.protocols import Progress
from labelmend.retrieval.bm25 import tokenise
from labelmend.types import Floats, Ints

_LEAST_WEIGHT = 0.02
"""Memberships below this are left out of training; they cost time and teach nothing."""

_MOST_WORDS = 20_000
"""Words and word pairs that the lexical classifier knows, the most frequent ones."""


def word_features(texts: Sequence[str]) -> csr_matrix:
    """Return sparse TF-IDF [u, w] of stems and pairs of stems that stand in two texts or more.

    No label is seen, so this may be fitted on all texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = [tokenise(text) for text in texts]
    least = 2 if len(texts) > 1 else 1
    vectorizer = TfidfVectorizer(
        analyzer=_words_and_pairs, sublinear_tf=True, min_df=least, max_features=_MOST_WORDS
    )
    try:
        return csr_matrix(vectorizer.fit_transform(words))
    except ValueError:  # no word stands in two texts
        return csr_matrix((len(texts), 1), dtype=np.float64)


def _words_and_pairs(words: Sequence[str]) -> list[str]:
    return [*words, *(f"{a} {b}" for a, b in itertools.pairwise(words))]


def embedding_classifier(config: SuspectConfig) -> Callable[[], Any]:
    """Return a maker of multinomial logistic regressions on unit-length embeddings."""
    from sklearn.linear_model import LogisticRegression

    return lambda: LogisticRegression(
        C=config.inverse_regularization, max_iter=config.max_iterations, tol=1e-3
    )


def lexical_classifier() -> Callable[[], Any]:
    """Return a maker of multinomial naive Bayes classifiers on TF-IDF."""
    from sklearn.naive_bayes import MultinomialNB

    return lambda: MultinomialNB(alpha=0.05)


def out_of_fold_scores(
    make_classifier: Callable[[], Any],
    features: Floats | csr_matrix,
    memberships: csr_array,
    candidates: Ints,
    folds: int,
    seed: int,
    progress: Progress,
) -> Floats:
    """Return the log-probabilities of candidates by classifiers that never saw the text.

    Texts are distinct, so folds are grouped by text. As in confident learning (Northcutt et al.
    2021), all predictions are out-of-fold.

    Args:
        make_classifier: makes an untrained scikit-learn classifier that gives probabilities.
        features: [u, f].
        memberships: sparse [u, K], the weight with which each text carries each label.
        candidates: int64 [u, c].
        folds: of the cross-validation.
        seed: of the folds.
        progress: advances one step a fold.

    Returns:
        float32 [u, c]; NaN for labels that the fold's training texts do not carry.
    """
    from sklearn.exceptions import ConvergenceWarning

    texts, labels, weights = find(memberships)
    keep = weights >= _LEAST_WEIGHT
    texts, labels, weights = texts[keep], labels[keep], weights[keep]
    fold_of = _folds(memberships, folds, seed)
    scores = np.full(candidates.shape, np.nan, dtype=np.float32)
    for fold in range(folds):
        train, held_out = fold_of[texts] != fold, np.flatnonzero(fold_of == fold)
        if len(held_out) and len(np.unique(labels[train])) > 1:
            model = make_classifier()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(features[texts[train]], labels[train], sample_weight=weights[train])
            log_probabilities = model.predict_log_proba(features[held_out])
            place = np.searchsorted(model.classes_, candidates[held_out])
            place = np.minimum(place, len(model.classes_) - 1)
            gathered = np.take_along_axis(log_probabilities, place, axis=1)
            known = model.classes_[place] == candidates[held_out]
            scores[held_out] = np.where(known, np.maximum(gathered, _LEAST_LOG), np.nan)
        progress.advance()
    return scores


_LEAST_LOG = -40.0
"""Log-probabilities are cut here: naive Bayes underflows to minus infinity."""


def _folds(memberships: csr_array, folds: int, seed: int) -> Ints:
    """Return int64 [u]: folds dealt out label by label, so that each holds its share of each.

    A text takes one of its label's places in its fold, so the classifier that scores it learns
    from 1 - 1/folds more texts of that label than it would had the text been given another: the
    given label gains about 1/m in log-probability, where the label has m texts. That buys that no
    label's texts crowd in one fold, where nothing could be said of them.
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(memberships.shape[0])
    main_label = np.asarray(memberships.argmax(axis=1)).ravel()
    dealt = shuffled[np.argsort(main_label[shuffled], kind="stable")]
    fold_of = np.empty(len(dealt), dtype=np.int64)
    fold_of[dealt] = np.arange(len(dealt)) % folds
    return fold_of
