"""A scikit-learn classifier of texts or embeddings: what `train-classifier` trains, in Python."""

import shutil
import tempfile
import weakref
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from labelmend.api import missing
from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.classifier import Classifier, Predictions
from labelmend.classify.data import TrainingSet, few_texts, gathered
from labelmend.classify.heads.base import Head, TrainingTask, makes_encoder
from labelmend.classify.heads.estimator import EstimatorHead, weight_parameter
from labelmend.classify.heads.registry import find_head
from labelmend.classify.several.classifier import SetClassifier, SetPredictions
from labelmend.classify.several.linear import KINDS, require_kind
from labelmend.classify.several.train import train_sets
from labelmend.classify.space import ProfileSpace, Space
from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_groups
from labelmend.estimators.indicators import gathered_sets, indicators, is_indicator
from labelmend.estimators.inputs import byte_rank, read_texts, smallest_spellings
from labelmend.protocols import NoProgress, Progress
from labelmend.types import Bools, Doubles, Floats, Ints

_LEAST_CLASSES = 2
"""Fewer labels leave nothing to tell apart."""

_REALS = (np.float64, np.float32)


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies texts or embeddings, with calibrated probabilities and a bar for what fits none.

    It trains as the command `train-classifier` does: copies of a text (or of an embedding, bit for
    bit) are one point that counts as often as it stands there, held-out points calibrate the
    probabilities, and the order of rows changes nothing.

    Args:
        kind: what learns: a name that `labelmend train-classifier --kind` takes (`logreg`,
            `linear-svm`, `lightgbm`, `finetune`, `static`, or what an installed package adds), or
            a classifier of scikit-learn's, which is copied and not changed. `finetune` and
            `static` learn from texts alone.
        oos_label: the label that means "fits no label", if there is one.
        max_in_scope_loss: share of the points that fit a label and may be lost to out-of-scope, 0
            to 1; the configuration's if None.
        seed: of the folds, and of what the kind draws.
        config: from `labelmend.load_config`: encoders of texts, and the kinds' settings. None for
            the embedded profile.
        wish_precision: where rows may have several labels: precision that each label is to have,
            0 to 1; the best F1 if None.

    Where y is an indicator matrix, rows may have several labels: `logreg` and `linear-svm` learn a
    yes or no a label, with probabilities and a threshold a label, and there is no out-of-scope.

    Attributes:
        classes_: [K], the labels that some row with a weight carries, sorted; of an indicator
            matrix, the numbers of its columns.
        n_features_in_: columns of X, where embeddings were given.
        oos_threshold_: a point with a higher out-of-scope score fits no label; of indicator
            matrices there is none.
        label_thresholds_: float64 [K], of indicator matrices: a label is predicted whose
            probability reaches its own.
    """

    def __init__(
        self,
        kind: Any = "logreg",
        oos_label: Hashable = None,
        max_in_scope_loss: float | None = None,
        seed: int = 0,
        config: Config | None = None,
        wish_precision: float | None = None,
    ) -> None:
        self.kind = kind
        self.oos_label = oos_label
        self.max_in_scope_loss = max_in_scope_loss
        self.seed = seed
        self.config = config
        self.wish_precision = wish_precision

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = isinstance(self.kind, str) and self.kind in KINDS
        return tags

    def fit(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        y: Iterable[Any],
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Train.

        Args:
            X: [n] texts, which the configuration's encoders embed; or float [n, d], embeddings,
                which are scaled to unit length.
            y: [n] labels, none of them missing; or an indicator matrix [n, K] of 0 and 1, K > 1.
            sample_weight: float [n], how much each row counts; at least 0.

        Raises:
            ValueError: what is given can't be used; the message says what to do.
            ConfigError: there is no such kind.
            ModelError: X are texts, and an encoder is not on this machine.
        """
        config = self.config or load_config()
        head = _head(self.kind)
        if sample_weight is not None and not _takes_weights(self.kind):
            raise ValueError(
                f"a {type(self.kind).__name__} takes no weights of rows: leave sample_weight out, "
                "or give another kind"
            )
        is_matrix = is_indicator(y)
        names, of_row, space, labels = self._points(X, y, head, config, is_matrix=is_matrix)
        weights = _weights(sample_weight, len(labels))
        if is_matrix:
            return self._fit_sets(names, of_row, space, labels, weights, head, config)
        if self.wish_precision is not None:
            raise ValueError("wish_precision goes with an indicator matrix as y: leave it out")
        data, classes = self._data(names, of_row, labels, weights)
        work = Path(tempfile.mkdtemp(prefix="labelmend-"))
        # An encoder that learned lies there, as long as this classifier does.
        cleaned = weakref.finalize(self, shutil.rmtree, work, ignore_errors=True)
        point = self._point(config)
        task = TrainingTask(data, space, config.classify, point, self.seed, work)
        fitted = head.fit(task, NoProgress())
        if not makes_encoder(head):
            cleaned()
        self.classes_ = classes
        self._classifier: Classifier | SetClassifier = fitted.training.classifier
        self._space = None if isinstance(space, _GivenSpace) else fitted.space
        self._tuned = makes_encoder(head)
        self._max_text_chars = config.data.max_text_chars
        self.oos_threshold_ = fitted.training.classifier.detector.threshold
        return self

    def _fit_sets(
        self,
        names: tuple[str, ...],
        of_row: Ints,
        space: Space,
        given: npt.NDArray[Any],
        weights: Doubles,
        head: Head,
        config: Config,
    ) -> Self:
        """Train on an indicator matrix."""
        require_kind(head.name)
        if self.oos_label is not None or self.max_in_scope_loss is not None:
            raise ValueError(
                "oos_label and max_in_scope_loss go with one label a row: leave them out"
            )
        wish = self.wish_precision
        if wish is not None and not 0 <= wish <= 1:
            raise ValueError(f"wish_precision is {wish!r}: give a number from 0 to 1")
        data = gathered_sets(names, of_row, given, weights)
        placed = space.fit(data.texts, NoProgress())
        settings = config.classify
        progress = NoProgress()
        trained = train_sets(data, placed, settings, head.name, self.seed, progress, wish=wish)
        self.classes_ = np.arange(given.shape[1])
        self._classifier = trained.classifier
        self._space = None if isinstance(space, _GivenSpace) else space
        self._tuned = False
        self._max_text_chars = config.data.max_text_chars
        self._dtype = given.dtype
        self.label_thresholds_ = trained.classifier.thresholds
        return self

    def _points(
        self,
        X: Any,  # noqa: N803
        y: Any,
        head: Head,
        config: Config,
        *,
        is_matrix: bool,
    ) -> tuple[tuple[str, ...], Ints, Space, npt.NDArray[Any]]:
        """Return the distinct points' names, the point of each row, their space, and the labels."""
        texts = read_texts(X, config.data.max_text_chars)
        if texts is not None:
            labels = indicators(y, len(texts)) if is_matrix else _targets(y, len(texts))
            of_row = text_groups(texts)
            return smallest_spellings(texts, of_row), of_row, ProfileSpace(config.encoders), labels
        if makes_encoder(head):
            raise ValueError(f"kind {head.name!r} learns from texts: give texts as X")
        # Of a single column, unit length leaves the sign.
        dense = indicators(y, _num_samples(X)) if is_matrix else y
        rows, read = validate_data(
            *(self, X, dense), dtype=_REALS, ensure_min_features=2, multi_output=is_matrix
        )
        unit = _unit(rows)
        of_row = byte_rank(unit)
        names = tuple(map(str, range(int(of_row.max()) + 1)))
        labels = read if is_matrix else _targets(read, len(rows))
        return names, of_row, _GivenSpace(unit, of_row), labels

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return [n], the most probable labels; `oos_label`, if there is one, above the bar.

        After an indicator matrix, another one [n, K]: 1 where a label reaches its threshold.

        Args:
            X: texts or embeddings, as in `fit`.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: X is something else than in `fit`.
        """
        said = self._predictions(X)
        if isinstance(said, SetPredictions):
            return said.called.astype(self._dtype)
        labels = said.labels
        found: npt.NDArray[Any] = self.classes_[labels]
        return found

    def predict_proba(self, X: Any) -> Doubles:  # noqa: N803
        """Return float64 [n, K], calibrated probabilities in the order of `classes_`.

        That of `oos_label` is the detector's, and the others share the rest: a point may be above
        the bar though another label has more. After an indicator matrix each label has its own, and
        rows have no sum to keep.
        """
        return self._predictions(X).probabilities

    def is_out_of_scope(self, X: Any) -> Bools:  # noqa: N803
        """Return bool [n], the points that fit no label; needs no `oos_label`; see `predict`."""
        said = self._predictions(X)
        if isinstance(said, SetPredictions):
            raise ValueError("fitted on an indicator matrix, which has no out-of-scope")  # noqa: TRY004
        return said.is_oos

    def _predictions(self, X: Any) -> Predictions | SetPredictions:  # noqa: N803
        check_is_fitted(self)
        texts = read_texts(X, self._max_text_chars)
        if texts is not None:
            if self._space is None:
                raise ValueError("X holds texts, and this was fitted on embeddings: give these")
            return self._classifier.predict(self._space.queries(texts))
        if self._space is not None:
            raise ValueError("X holds no texts, and this was fitted on texts: give these")
        rows = validate_data(self, X, reset=False, dtype=_REALS)
        return self._classifier.predict(_unit(rows))

    def _data(
        self, names: tuple[str, ...], of_row: Ints, labels: npt.NDArray[Any], weights: Doubles
    ) -> tuple[TrainingSet, npt.NDArray[Any]]:
        """Gather the rows that count; with their classes.

        Raises:
            ValueError: they are too few.
        """
        kept = np.flatnonzero(weights > 0)
        points, of_row = np.unique(of_row[kept], return_inverse=True)
        classes, codes = np.unique(labels[kept], return_inverse=True)
        if len(classes) < _LEAST_CLASSES:
            raise ValueError(
                f"y has 1 class, {classes.tolist()[0]!r}: two classes are needed at least"
            )
        oos = None
        if self.oos_label is not None:
            places = np.flatnonzero(classes == self.oos_label)
            if not len(places):
                raise ValueError(f"oos_label: no row carries {self.oos_label!r}; leave it out")
            oos = int(places[0])
        data = gathered(
            tuple(names[point] for point in points),
            tuple(map(str, classes)),
            oos,
            (of_row, codes, weights[kept]),
        )
        if len(data.labels) - len(few_texts(data)) < _LEAST_CLASSES:
            raise ValueError(
                "fewer than two classes have two distinct rows, one to learn from and one to be "
                "calibrated on: give more"
            )
        return data, classes

    def _point(self, config: Config) -> OperatingPoint:
        loss = self.max_in_scope_loss
        if loss is None:
            loss = config.classify.max_in_scope_loss
        if not 0 <= loss <= 1:
            raise ValueError(f"max_in_scope_loss is {loss!r}: give a number from 0 to 1")
        return OperatingPoint("in-scope-loss", loss)

    def __getstate__(self) -> Any:
        if getattr(self, "_tuned", False):
            raise TypeError(
                "an encoder of its own lies in a temporary folder and can't be pickled: write a "
                "model folder with `labelmend train-classifier`"
            )
        return super().__getstate__()


class _GivenSpace:
    """Embeddings that were given."""

    def __init__(self, rows: Floats, of_row: Ints) -> None:
        """Take the rows [n, d] and the point of each, [n]."""
        self._points = np.empty((int(of_row.max()) + 1, rows.shape[1]), dtype=rows.dtype)
        self._points[of_row] = rows

    def fit(self, texts: Sequence[str], progress: Progress) -> Floats:  # noqa: ARG002
        """Return the embeddings of points, by their numbers."""
        return self._points[np.array(texts, dtype=np.int64)]

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return the same."""
        return self.fit(texts, NoProgress())


def _head(kind: Any) -> Head:
    if isinstance(kind, str):
        return find_head(kind)
    is_model = hasattr(kind, "__sklearn_tags__") and not isinstance(kind, type)
    if not is_model or not is_classifier(kind):
        raise ValueError(
            f"kind is {kind!r}: give the name of a kind, or a classifier of scikit-learn's such as "
            "LogisticRegression()"
        )
    return EstimatorHead(kind)


def _takes_weights(kind: Any) -> bool:
    return isinstance(kind, str) or weight_parameter(kind) is not None


def _targets(y: Any, rows: int) -> npt.NDArray[Any]:
    """Return the labels, checked.

    Raises:
        ValueError: they are missing, or none of a classification.
    """
    if y is None:
        raise ValueError("y is None: give a label a row")
    labels = column_or_1d(y, warn=True)
    check_consistent_length(labels, np.empty(rows))
    if missing(labels).any():
        raise ValueError("y holds missing labels: leave these rows out, or mend them first")
    check_classification_targets(labels)
    found: npt.NDArray[Any] = np.asarray(labels)
    return found


def _weights(sample_weight: npt.ArrayLike | None, rows: int) -> Doubles:
    weights: Doubles = _check_sample_weight(
        sample_weight, np.empty((rows, 1)), dtype=np.float64, ensure_non_negative=True
    )
    if not (weights > 0).any():
        raise ValueError("sample_weight is zero everywhere: some row has to count")
    return weights


def _unit(rows: Floats) -> Floats:
    """Return the rows at unit length, in their dtype; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # Minus zero is another pattern of bits than zero, and the same number.
    return np.asarray(rows / np.where(lengths > 0, lengths, 1) + 0.0, dtype=rows.dtype)
