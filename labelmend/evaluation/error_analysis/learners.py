"""The two models of an error analysis: one that is overfitted on purpose, and one held out."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from labelmend.arrays import principal_axes
from labelmend.classify.calibrate import fit_inverse_temperature
from labelmend.classify.data import TrainingSet
from labelmend.classify.scorer import Examples
from labelmend.classify.train import Learner, spread_scores, stratified_folds
from labelmend.configs.schema import ClassifyConfig
from labelmend.parallel import LOCAL
from labelmend.protocols import Progress
from labelmend.types import Bools, Doubles, Floats, Ints

_PLANTED, _LEAST_PLANTED, _MOST_PLANTED = 0.01, 2, 500
"""Share of the texts that get a wrong label at a time, and how many at least and at most. Many at a
time would hide what one alone does: they compete for the features by which they can be learned."""

_ENOUGH, _MOST_ROUNDS = 50, 10
"""Wrong labels are planted anew until there were so many, or so many times: enough to tell one in
ten from one in four."""

MOST_FEATURES = 128
"""More cost time: what limits a table of a hundred thousand texts."""

_STEPS, _LEAST_SLOPE = 300, 1e-3
"""Of L-BFGS: it ends after so many steps, or where the likelihood hardly rises. On labels that can
be told apart it has no maximum, and what is learned is learned long before."""

_LEAST_DEVIATION = 1e-9
"""A numerical floor: texts that are all alike have features that don't vary."""

_FEWEST, _GROWTH = 2, 1.5
"""Features of the first model that is tried, and of each by those of the one before."""

_AT_LEAST_TRIED = 32
"""Features that are tried however many labels there are. Chosen by hand."""

_SLACK = 0.02
"""Of two models that tell right labels from planted ones as well, but for so much, the one with
more features is taken: it is to be overfitted. Chosen on the demo's texts."""

_LOST = 0.2
"""The search ends where a model tells them so much worse than the best one: it learns anything."""


@dataclass(frozen=True)
class Overfitted:
    """What a small model that is trained to the end says of its own texts.

    Attributes:
        probabilities: float64 [u, K].
        features: that it reads.
        by_heart: share of the labels that were planted wrong, in a copy of the table, which a model
            of as many features learned.
    """

    probabilities: Doubles
    features: int
    by_heart: float


def overfit(
    data: TrainingSet, embeddings: Floats, trusted: Bools, seed: int, progress: Progress
) -> Overfitted:
    """Train a small model to the end on all texts.

    Multinomial logistic regression on few principal components, without regularisation. It has
    seen every label. How many components it reads decides whether it learns what its neighbours
    contradict: with about as many parameters as texts it learns anything (Cover 1965). So wrong
    labels are planted in a copy of the table, as Pleiss et al. (2020) plant a label of its own, and
    the model gets as many components as let it learn most of the others and fewest of these:
    Youden's J (1950) decides.

    Args:
        data: at least two labels.
        embeddings: float32 [u, d], unit rows, of the distinct texts.
        trusted: bool [u], texts whose label is likely right, in which others are planted.
        seed: of what is planted.
        progress: advances with each model.
    """
    counts = feature_counts(len(embeddings), len(data.labels), embeddings.shape[1])
    features = scaled_features(embeddings, counts[-1])
    rounds = _planted(data, trusted, seed)

    def shares(count: int) -> tuple[float, float]:
        found = [_learned(features[:, :count], data, trusted, one) for one in rounds]
        by_heart, others = np.mean(found, axis=0).tolist()
        return by_heart, others

    chosen, by_heart = most_telling(counts, shares, progress)
    found = _fitted(features[:, :chosen], data, data.label_of)
    progress.advance()
    return Overfitted(found, chosen, by_heart)


def most_telling(
    counts: Sequence[int], shares: Callable[[int], tuple[float, float]], progress: Progress
) -> tuple[int, float]:
    """Return the number of features that tells right labels from planted ones best.

    Args:
        counts: to try, ascending.
        shares: of so many features, which share of the planted labels is learned, and which of the
            other trusted ones.
        progress: gets one step a number, and one more that the caller advances.

    Returns:
        the number, and the share of the planted labels that is learned with it.
    """
    progress.start("overfit small models", len(counts) + 1)
    by_heart: dict[int, float] = {}
    told: dict[int, float] = {}
    for count in counts:
        by_heart[count], others = shares(count)
        told[count] = others - by_heart[count]
        progress.advance()
        if told[count] < max(told.values()) - _LOST:
            break
    progress.advance(len(counts) - len(told))
    chosen = max(count for count in told if told[count] >= max(told.values()) - _SLACK)
    return chosen, by_heart[chosen]


def scaled_features(embeddings: Floats, most: int) -> Doubles:
    """Return float64 [u, most], the leading principal components at unit variance.

    The optimum is that of the components as they are, and is found in a fraction of the steps.
    """
    mean, axes = principal_axes(embeddings, most)
    features = ((embeddings - mean) @ axes).astype(np.float64)
    scaled: Doubles = features / np.maximum(features.std(axis=0), _LEAST_DEVIATION)
    return scaled


def feature_counts(texts: int, labels: int, dimensions: int) -> list[int]:
    """Return the numbers of features to try, ascending: at most as many parameters as texts.

    That stops short of what learns anything, and saves its time. A table of many labels with few
    texts each needs more parameters than that even to learn what is right.
    """
    enough = max(texts // (labels - 1), _AT_LEAST_TRIED)
    most = max(1, min(MOST_FEATURES, dimensions, texts // 2, enough))
    counts = [min(_FEWEST, most)]
    while counts[-1] < most:
        counts.append(min(max(round(counts[-1] * _GROWTH), counts[-1] + 1), most))
    return counts


@dataclass(frozen=True)
class _Planted:
    """Wrong labels: int64 [m], texts, ascending, and the label that each gets."""

    texts: Ints
    labels: Ints


def _planted(data: TrainingSet, trusted: Bools, seed: int) -> list[_Planted]:
    """Return several times wrong labels for some of the texts, trusted ones if there are any."""
    rng = np.random.default_rng(seed)
    main, found = data.main_labels(), []
    for texts in drawn_texts(trusted, rng):
        drawn = rng.integers(len(data.labels) - 1, size=len(texts))
        found.append(_Planted(texts, drawn + (drawn >= main[texts])))
    return found


def drawn_texts(trusted: Bools, rng: np.random.Generator) -> Iterator[Ints]:
    """Yield texts, int64 ascending, in which wrong labels are planted at a time.

    Args:
        trusted: bool [u], those that are drawn from; all if none is.
        rng: draws.
    """
    among = np.flatnonzero(trusted) if trusted.any() else np.arange(len(trusted))
    wished = min(max(round(_PLANTED * len(trusted)), _LEAST_PLANTED), _MOST_PLANTED)
    count = max(1, min(wished, len(among) // 2))
    for _ in range(min(-(-_ENOUGH // count), _MOST_ROUNDS)):
        yield np.sort(rng.permutation(among)[:count])


def _learned(
    features: Doubles, data: TrainingSet, trusted: Bools, planted: _Planted
) -> tuple[float, float]:
    """Return the shares of planted labels, and of the other trusted ones, that are learned."""
    pairs = np.isin(data.text_of, planted.texts)
    labels = data.label_of.copy()
    labels[pairs] = planted.labels[np.searchsorted(planted.texts, data.text_of[pairs])]
    said = _fitted(features, data, labels).argmax(axis=1)
    others = np.setdiff1d(np.flatnonzero(trusted), planted.texts)
    right = said[others] == data.main_labels()[others]
    by_heart = said[planted.texts] == planted.labels
    return float(by_heart.mean()), float(right.mean()) if len(right) else 0.0


def _fitted(features: Doubles, data: TrainingSet, labels: Ints) -> Doubles:
    """Return float64 [u, K], what a model says that was trained to the end on some labels."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((len(features), len(data.labels)))
    if not np.ptp(labels):  # what was planted in a few texts left one label
        found[:, labels[0]] = 1
        return found
    model = LogisticRegression(C=np.inf, max_iter=_STEPS, tol=_LEAST_SLOPE)
    weights = data.weights / data.weights.mean()
    # On one thread: the products are small, and threads would wait for each other.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features[data.text_of], labels, sample_weight=weights)
    found[:, model.classes_] = model.predict_proba(features)
    return found


def held_out_probabilities(
    data: TrainingSet,
    embeddings: Floats,
    config: ClassifyConfig,
    learner: Learner,
    seed: int,
    progress: Progress,
) -> Doubles:
    """Return float64 [u, K], calibrated, what models that have not seen a text say of it.

    The folds, the learner and the temperature are those of `labelmend.classify.train.train`; an
    out-of-scope label counts as any other. Of texts that were made from others it is NaN.

    Args:
        data: at least two labels of two texts.
        embeddings: float32 [u, d], unit rows, of the distinct texts.
        config: the classifier's settings.
        learner: what is trained.
        seed: of the folds, and of whatever the classifier draws.
        progress: advances one step a fold.
    """
    fold_of = np.full(len(embeddings), -1, dtype=np.int64)
    measured = np.flatnonzero(data.real())
    fold_of[measured] = stratified_folds(data.main_labels()[measured], config.folds, seed)
    progress.start(f"train {learner.name} on folds", config.folds)

    def scores_of(fold: int) -> Doubles:
        held_out: Bools = fold_of == fold
        if not held_out.any():
            return np.empty((0, len(data.labels)))
        pairs = np.flatnonzero(~(held_out | data.descends_from(held_out))[data.text_of])
        present, labels = np.unique(data.label_of[pairs], return_inverse=True)
        weights = data.weights[pairs]
        scorer = learner.learn(
            Examples(
                embeddings[data.text_of[pairs]],
                labels.astype(np.int64),
                weights / weights.mean(),
                len(present),
                seed,
            ),
            config,
        )
        return spread_scores(scorer.scores(embeddings[held_out]), present, len(data.labels))

    scores = np.full((len(embeddings), len(data.labels)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fold, found in enumerate(
            LOCAL.map_blocks(scores_of, range(config.folds), one_core=True)
        ):
            scores[fold_of == fold] = found
            progress.advance()
    pairs: Ints = np.flatnonzero(data.real()[data.text_of])
    sharpness = fit_inverse_temperature(
        scores[data.text_of[pairs]], data.label_of[pairs], data.weights[pairs]
    )
    return np.asarray(softmax(sharpness * scores, axis=1), dtype=np.float64)
