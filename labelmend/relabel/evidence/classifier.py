"""Classifier evidence: what the rest of the data says of a text's label.

Two classifiers that err differently: one on embeddings, which reads meaning, and multinomial naive
Bayes on words, which reads the one word that tells two close labels apart. Neither has seen the
text that it scores: the first is out-of-fold, the second leaves the text's own words out of its
counts.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import csr_array, find
from threadpoolctl import threadpool_limits

from labelmend.arrays import gather, principal_components
from labelmend.configs.schema import SuspectConfig
from labelmend.parallel import usable_cores
from labelmend.protocols import Progress
from labelmend.types import Doubles, Floats, Ints

_LEAST_WEIGHT = 0.02
"""Memberships below this are left out of training; they cost time and teach nothing."""


class EmbeddingClassifier:
    """Out-of-fold log-probabilities on the embeddings' principal components.

    Multinomial logistic regression where its u * K scores fit in memory and time; above that,
    linear discriminant analysis (Fisher 1936), whose leave-one-out scores have a closed form.
    Folds are drawn at random and stay the same, so a fold's model starts each round from the one
    before, and nothing of a text's given label reaches the models that score it but through the
    labels of others.
    """

    def __init__(
        self,
        embeddings: Floats,
        labels: int,
        config: SuspectConfig,
        seed: int,
        progress: Progress,
    ) -> None:
        """Project the embeddings.

        Args:
            embeddings: float32 [u, d], unit rows.
            labels: K.
            config: folds and regularization.
            seed: of the folds.
            progress: advances one step a fold.
        """
        self._features = principal_components(embeddings, config.components)
        self._labels = labels
        self._config = config
        self._progress = progress
        total = len(embeddings)
        self._fold_of = np.empty(total, dtype=np.int64)
        shuffled = np.random.default_rng(seed).permutation(total)
        self._fold_of[shuffled] = np.arange(total) % config.folds
        self._models: dict[int, Any] = {}

    def scores(self, memberships: csr_array, candidates: Ints, turn: int) -> Floats:
        """Train on weighted labels, and score the candidates of each text.

        Args:
            memberships: sparse [u, K], the weight with which each text carries each label.
            candidates: int64 [u, c].
            turn: the round, from 0: regularization is loosened as the labels become clean.

        Returns:
            float32 [u, c], log-probabilities (discriminant scores above `_MOST_SCORES`); NaN for
            labels that the training texts do not carry.
        """
        if len(self._features) * self._labels > _MOST_SCORES:
            self._progress.advance(self._config.folds)
            return discriminant_scores(self._features, memberships, candidates)
        texts, labels, weights = find(memberships)
        keep = weights >= _LEAST_WEIGHT
        texts, labels, weights = texts[keep], labels[keep], weights[keep]
        strengths = self._config.inverse_regularization
        strength = strengths[min(turn, len(strengths) - 1)]
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)

        def score(fold: int) -> None:
            train = self._fold_of[texts] != fold
            held_out = np.flatnonzero(self._fold_of == fold)
            classes = np.unique(labels[train])
            if not len(held_out) or len(classes) < 2:
                return
            model = self._model(fold, classes, strength)
            model.fit(self._features[texts[train]], labels[train], sample_weight=weights[train])
            for start in range(0, len(held_out), _BLOCK):
                rows = held_out[start : start + _BLOCK]
                scores[rows] = _log_probabilities(model, self._features[rows], candidates[rows])

        from sklearn.exceptions import ConvergenceWarning

        # A fold a core: most of a fit runs on one, however many threads BLAS has.
        with (
            warnings.catch_warnings(),
            threadpool_limits(1),
            ThreadPoolExecutor(usable_cores()) as pool,
        ):
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in pool.map(score, range(self._config.folds)):
                self._progress.advance()
        return scores

    def _model(self, fold: int, classes: Ints, strength: float) -> Any:
        """Return the fold's model of the last round, or a new one where its labels have changed."""
        from sklearn.linear_model import LogisticRegression

        model = self._models.get(fold)
        if model is None or not np.array_equal(model.classes_, classes):
            # Stopped early, as a rule: the tolerance is out of reach.
            model = LogisticRegression(
                max_iter=self._config.max_iterations, tol=1e-9, warm_start=True
            )
            self._models[fold] = model
        else:
            model.max_iter = min(_WARM_ITERATIONS, self._config.max_iterations)
        model.C = strength
        return model


_MOST_SCORES = 100_000_000
"""Texts times labels up to which logistic regression is trained."""

_WARM_ITERATIONS = 8
_BLOCK = 4096

_LEAST_LOG = -40.0
"""Log-probabilities are cut here."""


def _log_probabilities(model: Any, features: Floats, candidates: Ints) -> Floats:
    with np.errstate(divide="ignore"):  # a probability of 0 is cut below
        log_probabilities = model.predict_log_proba(features)
    place = np.minimum(np.searchsorted(model.classes_, candidates), len(model.classes_) - 1)
    gathered = np.take_along_axis(log_probabilities, place, axis=1)
    known = model.classes_[place] == candidates
    scores: Floats = np.where(known, np.maximum(gathered, _LEAST_LOG), np.nan).astype(np.float32)
    return scores


def discriminant_scores(features: Floats, memberships: csr_array, candidates: Ints) -> Floats:
    """Return leave-one-out scores of linear discriminant analysis.

    The covariance within labels is shared and shrunk towards a multiple of the identity, and each
    label's mean is held to the mean of all by one pseudo-text. Leaving a text out moves its own
    label's mean, in closed form; the covariance is taken as it is.

    Args:
        features: float32 [u, f].
        memberships: sparse [u, K], the weight with which each text carries each label.
        candidates: int64 [u, c].

    Returns:
        float32 [u, c], half the squared Mahalanobis distance to the label's mean, negated; NaN for
        labels that no other text carries.
    """
    total, dimensions = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    counts = np.asarray(memberships.sum(axis=0)).ravel().astype(np.float64)
    sums = np.asarray(memberships.T @ features, dtype=np.float64)
    means = (sums + mean) / (counts + 1)[:, None]
    scatter = np.zeros((dimensions, dimensions))
    for start in range(0, total, 1 << 16):
        block = features[start : start + (1 << 16)].astype(np.float64)
        weight = np.asarray(memberships[start : start + (1 << 16)].sum(axis=1)).ravel()
        scatter += block.T @ (weight[:, None] * block)
    scatter += means.T @ (counts[:, None] * means) - means.T @ sums - sums.T @ means
    scatter /= max(counts.sum(), 1.0)
    size = np.trace(scatter) / dimensions
    scatter = (1 - _SHRINKAGE) * scatter + (_SHRINKAGE * size + 1e-9) * np.eye(dimensions)
    whiten = np.linalg.cholesky(np.linalg.inv(scatter))
    centres = means @ whiten
    squared = np.einsum("kf,kf->k", centres, centres)
    scores = np.empty(candidates.shape, dtype=np.float32)
    for start in range(0, total, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, total))
        labels = candidates[rows]
        x = features[rows].astype(np.float64) @ whiten
        length = np.einsum("bf,bf->b", x, x)[:, None]
        dots = _dots(x, centres, labels)
        own = gather(memberships, rows, labels)
        of_label = counts[labels] + 1
        rest = np.maximum(of_label - own, 1e-9)
        dots_without = (of_label * dots - own * length) / rest
        squared_without = (
            of_label**2 * squared[labels] - 2 * own * of_label * dots + own**2 * length
        ) / rest**2
        alone = counts[labels] - own <= _NOBODY
        distance = length - 2 * dots_without + squared_without
        scores[rows] = np.where(alone, np.nan, -0.5 * distance)
    return scores


_SHRINKAGE = 0.1
_NOBODY = 1e-6

_WORTH_ALL = 16
"""Scores of all labels cost less than those of one in so many, which are gathered first."""

_CACHED_ROWS = 64
"""Texts whose candidates' means fit in the processor's cache."""


def _dots(x: Doubles, centres: Doubles, labels: Ints) -> Doubles:
    """Return float64 [b, c]: the dot product of `x[i]` and `centres[labels[i, j]]`."""
    if labels.shape[1] * _WORTH_ALL >= len(centres):
        return np.take_along_axis(x @ centres.T, labels, axis=1)
    dots = np.empty(labels.shape)
    for start in range(0, len(x), _CACHED_ROWS):
        part = slice(start, start + _CACHED_ROWS)
        np.einsum("bf,bcf->bc", x[part], centres[labels[part]], out=dots[part])
    return dots
