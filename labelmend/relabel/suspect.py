"""Classifier evidence: what the rest of the data says of a text's label.

Two classifiers that err differently: one on embeddings, which reads meaning, and multinomial naive
Bayes on words, which reads the one word that tells two close labels apart. Neither has seen the
text that it scores: the first is out-of-fold, the second leaves the text's own words out of its
counts.
"""

import itertools
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix, find
from threadpoolctl import threadpool_limits

from labelmend.configs.schema import SuspectConfig
from labelmend.protocols import Progress
from labelmend.retrieval.bm25 import tokenise
from labelmend.retrieval.dense import gather
from labelmend.retrieval.encode import usable_cores
from labelmend.types import Doubles, Floats, Ints

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


def principal_axes(embeddings: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the mean, float32 [d], and the leading axes of variance, [d, min(count, d)]."""
    mean = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = np.zeros((embeddings.shape[1],) * 2)
    for start in range(0, len(embeddings), 1 << 16):
        centred = embeddings[start : start + (1 << 16)] - mean
        covariance += centred.T @ centred
    _, axes = np.linalg.eigh(covariance)
    return mean, axes[:, ::-1][:, :count].astype(np.float32)


def principal_components(embeddings: Floats, count: int) -> Floats:
    """Return float32 [u, min(count, d)]: the embeddings on their leading axes of variance."""
    if embeddings.shape[1] <= count:
        return embeddings
    mean, leading = principal_axes(embeddings, count)
    projected = np.empty((len(embeddings), count), dtype=np.float32)
    for start in range(0, len(embeddings), 1 << 16):
        part = slice(start, start + (1 << 16))
        projected[part] = (embeddings[part] - mean) @ leading
    return projected


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


def lexical_scores(words: csr_matrix, memberships: csr_array, candidates: Ints) -> Floats:
    """Return leave-one-out log-probabilities of multinomial naive Bayes, up to a constant a text.

    A text's own words are taken out of the counts of the labels that it carries.

    Args:
        words: sparse [u, w] TF-IDF.
        memberships: sparse [u, K], the weight with which each text carries each label.
        candidates: int64 [u, c].

    Returns:
        float32 [u, c]; NaN for labels that no other text carries.
    """
    vocabulary = words.shape[1]
    counts, totals = _word_counts(words, memberships)
    lengths = np.asarray(words.sum(axis=1)).ravel()
    texts = np.asarray(memberships.sum(axis=0)).ravel().astype(np.float64)
    offset = np.log(totals + _SMOOTHING * vocabulary)
    few = candidates.shape[1] * _WORTH_ALL >= memberships.shape[1]
    log_counts = np.log(counts + np.float32(_SMOOTHING)).astype(np.float64) if few else None
    scores = np.empty(candidates.shape, dtype=np.float32)
    for rows in _word_blocks(words, candidates.shape[1]):
        labels = candidates[rows]
        if log_counts is not None:
            every = np.asarray(words[rows] @ log_counts)
            product = np.take_along_axis(every, labels, axis=1)
        else:
            product = _word_products(words[rows], counts, labels)
        own = gather(memberships, rows, labels)
        others = texts[labels] - own
        part = product - lengths[rows, None] * offset[labels] + np.log(np.maximum(others, 0) + 1)
        # What a text itself put into a label's counts comes out again.
        row, column = np.nonzero(own)
        label, share, i = labels[row, column], own[row, column], rows[row]
        part[row, column] = _without_own(
            words, counts, totals, i, label, share, vocabulary
        ) + np.log(np.maximum(others[row, column], 0) + 1)
        scores[rows] = np.where(others <= _NOBODY, np.nan, part)
    return scores


def _word_counts(words: csr_matrix, memberships: csr_array) -> tuple[Floats, Doubles]:
    """Return how often each word stands in each label, float32 [w, K], and float64 [K] sums."""
    vocabulary, label_count = words.shape[1], memberships.shape[1]
    by_label = csr_array(memberships.T)
    counts = np.empty((vocabulary, label_count), dtype=np.float32)
    totals = np.empty(label_count)
    size = max(1, _BLOCK_VALUES // vocabulary)
    for start in range(0, label_count, size):
        part = slice(start, start + size)
        block = (by_label[part] @ words).toarray().astype(np.float32)
        totals[part] = block.sum(axis=1, dtype=np.float64)
        counts[:, part] = block.T
    return counts, totals


def _word_blocks(words: csr_matrix, width: int) -> Iterator[Ints]:
    """Cut the texts into blocks of few values, at `width` values a word of a text."""
    start, total = 0, words.shape[0]
    while start < total:
        most = int(words.indptr[start]) + _BLOCK_VALUES // width
        end = int(np.searchsorted(words.indptr, most, side="right")) - 1
        end = min(max(end, start + 1), start + _BLOCK, total)
        yield np.arange(start, end)
        start = end


_BLOCK_VALUES = 1 << 22


def _word_products(words: csr_matrix, counts: Floats, labels: Ints) -> Doubles:
    """Return float64 [b, c]: the sum over a text's words of TF-IDF times the label's log count."""
    row = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
    of_word = words.indices.astype(np.int64) * counts.shape[1]
    found = counts.ravel().take(of_word[:, None] + labels[row])
    weighted = words.data[:, None] * np.log(found + np.float32(_SMOOTHING))
    # A row of ones for each text's words: adds them up in their order, as a product would.
    ones = csr_array(
        (np.ones(len(row)), np.arange(len(row)), words.indptr), shape=(words.shape[0], len(row))
    )
    return np.asarray(ones @ weighted)


def _without_own(
    words: csr_matrix,
    counts: Floats,
    totals: Doubles,
    texts: Ints,
    labels: Ints,
    shares: Doubles,
    vocabulary: int,
) -> Doubles:
    """Return the log-likelihood of texts under labels that they carry themselves, float64 [p]."""
    own = words[texts]
    pair = np.repeat(np.arange(len(texts)), np.diff(own.indptr))
    left = counts[own.indices, labels[pair]] - shares[pair] * own.data
    logs = own.data * np.log(np.maximum(left, 0.0) + _SMOOTHING)
    total = np.bincount(pair, weights=logs, minlength=len(texts)).astype(np.float64)
    length = np.asarray(own.sum(axis=1)).ravel()
    rest = np.maximum(totals[labels] - shares * length, 0.0) + _SMOOTHING * vocabulary
    likelihood: Doubles = total - length * np.log(rest)
    return likelihood


_SMOOTHING = 0.05
"""Pseudo-count of each word in each label."""
