"""Evidence of an out-of-fold classifier on the embeddings: what the other texts say of a text."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass
from scipy.sparse import csr_array

from labelmend.arrays import dot_products, gather, principal_components
from labelmend.configs.schema.base import CHECKED, Many, Section, at_least
from labelmend.parallel import blocks_of
from labelmend.relabel.evidence.base import Corpus, Phase
from labelmend.relabel.evidence.softmax_regression import SoftmaxRegression, train_softmax
from labelmend.types import Doubles, Floats, Ints


@dataclass(frozen=True, config=CHECKED)
class ClassifierOptions(Section):
    """The out-of-fold classifier, tuned on CLINC150 with injected noise."""

    folds: Annotated[int, at_least(2, "folds", most=100)] = 8
    """Folds of the cross-validation, grouped by text."""

    large_scores: Annotated[int, at_least(0, "scores")] = 20_000_000
    """Texts times labels above which there are `large_folds`, to save time. Chosen by hand."""

    large_folds: Annotated[int, at_least(2, "folds", most=100)] = 4
    """Folds of a large table. CLINC150's 15,100 texts are mended as well with 4 as with 8; with few
    texts, more are left to learn from where there are more folds."""

    components: Annotated[int, at_least(2, "components")] = 192
    """Principal components of the embeddings that it reads."""

    inverse_regularization: Annotated[
        Many[Annotated[float, at_least(1e-6)]], Field(min_length=1)
    ] = (3.0, 10.0, 30.0)
    """C of scikit-learn, by round; the last one holds for later rounds. It grows as the labels
    become clean."""

    max_iterations: Annotated[int, at_least(1, "iterations")] = 16
    """Iterations of the solver at most."""

    warm_iterations: Annotated[int, at_least(1, "iterations")] = 8
    """The same for a model that starts from the round before."""

    min_weight: Annotated[float, at_least(0)] = 0.02
    """A text is no example of labels that it carries with less weight than this; such examples cost
    time and teach nothing."""

    max_scores: Annotated[int, at_least(0, "scores")] = 100_000_000
    """Texts times labels up to which logistic regression is trained; above, linear discriminant
    analysis, which takes far less time. Chosen by hand."""

    least_texts: Annotated[float, at_least(0, "texts")] = 6.0
    """Texts a label, on average, up to which a table of more than `large_scores` has linear
    discriminant analysis, too. Of CLINC150's texts it mends more where there are four to a label,
    and regressions where there are eight, seeds 0 to 2; between them chosen by hand."""

    shrinkage: Annotated[float, at_least(0, "share", most=1)] = 0.1
    """Share of the covariance that linear discriminant analysis takes from a multiple of the
    identity. Chosen by hand."""


class ClassifierSource:
    """Out-of-fold log-probabilities on the embeddings' principal components.

    Multinomial logistic regression where its u * K scores fit in memory and time; above that,
    linear discriminant analysis (Fisher 1936), whose leave-one-out scores have a closed form.
    Folds are drawn at random and stay the same, so a fold's model starts each round from the one
    before, and nothing of a text's given label reaches the models that score it but through the
    labels of others.
    """

    name = "classifier"
    phase: Phase = "round"
    needs = frozenset[Any]()
    whole = True
    Options = ClassifierOptions

    def __init__(self, options: ClassifierOptions | None = None) -> None:
        options = options or ClassifierOptions()
        self.steps = options.folds
        self._options = options
        self._corpus: Corpus | None = None
        self._models: dict[int, SoftmaxRegression | None] = {}
        self._discriminant: Discriminant | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the corpus behind: what another process does needs the components alone."""
        return {**self.__dict__, "_corpus": None}

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Train a model a fold on weighted labels."""
        assert memberships is not None
        texts = max(len(corpus.embeddings), corpus.stands_for)
        scores = texts * memberships.shape[1]
        if corpus is not self._corpus:
            self._corpus = corpus
            self._features = principal_components(corpus.embeddings, self._options.components)
            self._folds = self._folds_for(scores)
            self._fold_of = drawn_folds(len(corpus.embeddings), self._folds, corpus.seed)
        if turn == 0:
            self._models = {}
        if self._is_discriminant(texts, memberships.shape[1]):
            self._discriminant = Discriminant(self._features, memberships, self._options.shrinkage)
            corpus.progress.advance(self.steps)
            return self
        shares = csr_array(memberships, copy=True)
        shares.data = np.where(shares.data >= self._options.min_weight, shares.data, 0)
        shares.eliminate_zeros()
        taught = np.diff(shares.indptr) > 0
        strengths = self._options.inverse_regularization
        strength = strengths[min(turn, len(strengths) - 1)]

        def train(fold: int) -> SoftmaxRegression | None:
            rows = np.flatnonzero(taught & (self._fold_of != fold))
            return self._trained(fold, rows, shares[rows], strength)

        models = {}
        # A fold a core: what a fit does between its products runs on one.
        trained = corpus.executor.map_blocks(train, range(self._folds), one_core=True)
        for fold, model in enumerate(trained):
            models[fold] = model
            done, before = ((n * self.steps) // self._folds for n in (fold + 1, fold))
            corpus.progress.advance(done - before)
        self._models = models
        return self

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return float32 [b, c], log-probabilities (discriminant scores for very many labels).

        NaN for labels that the training texts do not carry.
        """
        assert self._corpus is not None
        if self._discriminant is not None:
            return self._discriminant.scores(texts, candidates)
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)
        fold_of = self._fold_of[texts]

        held_out = [
            (model, rows[block])
            for fold, model in self._models.items()
            if model is not None
            for rows in [np.flatnonzero(fold_of == fold)]
            for block in blocks_of(len(rows), _BLOCK)
        ]

        def score(part: tuple[SoftmaxRegression, Ints]) -> Floats:
            model, rows = part
            return _log_probabilities(model, self._features[texts[rows]], candidates[rows])

        found = self._corpus.executor.map_blocks(score, held_out, one_core=True)
        for (_, rows), part in zip(held_out, found, strict=True):
            scores[rows] = part
        return scores

    def _is_discriminant(self, texts: int, labels: int) -> bool:
        options, scores = self._options, texts * labels
        few = scores > options.large_scores and texts <= options.least_texts * labels
        return few or scores > options.max_scores

    def _folds_for(self, scores: int) -> int:
        """Return how many folds there are for so many scores."""
        if scores <= self._options.large_scores:
            return self._options.folds
        return min(self._options.folds, self._options.large_folds)

    def _trained(
        self, fold: int, rows: Ints, shares: csr_array, strength: float
    ) -> SoftmaxRegression | None:
        """Train a fold's model; where its labels are those of the last round's, from there."""
        labels = np.unique(shares.indices)
        if len(labels) < _TWO:
            return None
        before, iterations = self._models.get(fold), self._options.max_iterations
        if before is not None and not np.array_equal(before.labels, labels):
            before = None
        if before is not None:
            iterations = min(self._options.warm_iterations, iterations)
        return train_softmax(self._features[rows], shares, strength, iterations, before)


_TWO = 2
"""Labels that a model needs to tell apart."""

_BLOCK = 4096
"""Texts scored at a time."""

_LEAST_LOG = -40.0
"""Log-probabilities are cut here."""


def drawn_folds(total: int, folds: int, seed: int) -> Ints:
    """Return int64 [total]: the fold of each text, drawn at random, all folds as large."""
    fold_of = np.empty(total, dtype=np.int64)
    fold_of[np.random.default_rng(seed).permutation(total)] = np.arange(total) % folds
    return fold_of


def _log_probabilities(model: SoftmaxRegression, features: Floats, candidates: Ints) -> Floats:
    place = np.minimum(np.searchsorted(model.labels, candidates), len(model.labels) - 1)
    gathered = np.take_along_axis(model.log_probabilities(features), place, axis=1)
    known = model.labels[place] == candidates
    scores: Floats = np.where(known, np.maximum(gathered, _LEAST_LOG), np.nan).astype(np.float32)
    return scores


class Discriminant:
    """Leave-one-out scores of linear discriminant analysis.

    The covariance within labels is shared and shrunk towards a multiple of the identity, and each
    label's mean is held to the mean of all by one pseudo-text. Leaving a text out moves its own
    label's mean, in closed form; the covariance is taken as it is.
    """

    def __init__(self, features: Floats, memberships: csr_array, shrinkage: float) -> None:
        """Learn from the texts.

        Args:
            features: float32 [u, f].
            memberships: sparse [u, K], the weight with which each text carries each label.
            shrinkage: share of the covariance that comes from the identity.
        """
        total, dimensions = features.shape
        mean = features.mean(axis=0, dtype=np.float64)
        counts = np.asarray(memberships.sum(axis=0)).ravel().astype(np.float64)
        sums = np.asarray(memberships.T @ features, dtype=np.float64)
        means = (sums + mean) / (counts + 1)[:, None]
        scatter = np.zeros((dimensions, dimensions))
        for rows in blocks_of(total, _SUMMED_ROWS):
            block = features[rows].astype(np.float64)
            weight = np.asarray(memberships[rows].sum(axis=1)).ravel()
            scatter += block.T @ (weight[:, None] * block)
        scatter += means.T @ (counts[:, None] * means) - means.T @ sums - sums.T @ means
        scatter /= max(counts.sum(), 1.0)
        size = np.trace(scatter) / dimensions
        scatter = (1 - shrinkage) * scatter + (shrinkage * size + 1e-9) * np.eye(dimensions)
        self._whiten = np.linalg.cholesky(np.linalg.inv(scatter))
        self._centres = means @ self._whiten
        self._squared = np.einsum("kf,kf->k", self._centres, self._centres)
        self._features, self._memberships, self._counts = features, memberships, counts

    def scores(self, texts: Ints, candidates: Ints) -> Floats:
        """Return half the squared Mahalanobis distance to each label's mean, negated.

        Args:
            texts: int64 [b].
            candidates: int64 [b, c].

        Returns:
            float32 [b, c]; NaN for labels that no other text carries.
        """
        scores = np.empty(candidates.shape, dtype=np.float32)
        for rows in blocks_of(len(texts), _BLOCK):
            labels = candidates[rows]
            x = self._features[texts[rows]].astype(np.float64) @ self._whiten
            length = np.einsum("bf,bf->b", x, x)[:, None]
            dots: Doubles = dot_products(x, self._centres, labels)
            own = gather(self._memberships, texts[rows], labels)
            of_label = self._counts[labels] + 1
            rest = np.maximum(of_label - own, 1e-9)
            dots_without = (of_label * dots - own * length) / rest
            squared_without = (
                of_label**2 * self._squared[labels] - 2 * own * of_label * dots + own**2 * length
            ) / rest**2
            alone = self._counts[labels] - own <= _NOBODY
            distance = length - 2 * dots_without + squared_without
            scores[rows] = np.where(alone, np.nan, -0.5 * distance)
        return scores


_SUMMED_ROWS = 1 << 16
"""Texts that are held in float64 at a time."""

_NOBODY = 1e-6
"""Weight of a label's other texts that is a matter of rounding."""
