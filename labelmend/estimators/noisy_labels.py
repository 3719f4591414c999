"""A scikit-learn style corrector, for those who bring their own features or probabilities."""

import dataclasses
import warnings
from collections.abc import Hashable, Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array, csr_array
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from labelmend.arrays import gather
from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.estimators.given_probabilities import GivenProbabilities
from labelmend.estimators.indicators import is_indicator
from labelmend.estimators.inputs import (
    GivenLabels,
    Points,
    find_points,
    read_features,
    read_labels,
    read_probabilities,
)
from labelmend.estimators.noisy_indicators import fitted_indicators
from labelmend.llm.store import Store
from labelmend.relabel.evidence.base import Corpus, Need, Opened
from labelmend.relabel.labelmodel.types import Decisions, Posterior
from labelmend.relabel.pipeline import DECIDE, MODEL
from labelmend.relabel.run_models import RunModels
from labelmend.relabel.run_state import Run, State, carry_out
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints, UniqueTexts

RankedBy = Literal["self_confidence", "normalized_margin", "confidence_weighted_entropy"]

_RANKINGS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
_DENSE_LABELS = 1000
"""So many labels at most have a dense posterior and a noise matrix."""

_NOBODY = 1e-9
"""Mass that is a matter of rounding; it keeps quotients finite."""


class NoisyLabelCorrector(BaseEstimator):  # type: ignore[misc]
    """Mends noisy labels, given embeddings, texts or out-of-fold probabilities.

    What the texts, their neighbours and an out-of-fold classifier say is fused through a learned
    noise channel into a posterior of each row's true label. Labels are changed where that is sure,
    the surest first, until `max_harm` of the good labels might be broken.

    Copies are treated as one point, so that none can vouch for another across a fold, and they
    leave with the same label: rows whose texts differ only by case or white space, or, where there
    are no texts, whose embeddings are equal bit for bit. With probabilities alone copies can't be
    told from mere likeness, and each row stands for itself. Near-copies are not found.

    The outcome does not depend on the order of rows.

    Where `y` is an indicator matrix [n, L], of each assignment it is asked whether the label holds.
    `labels_` and `predicted_labels_` are such matrices then; `label_quality_`, float64 [n, L], says
    how likely each entry is right as given, and `posterior_` how likely each label holds. Rows have
    `decisions_`, and as `confidence_` the probability that all their labels are right now. There is
    no `noise_matrix_`, and rows are ranked by their worst entry.

    Args:
        max_harm: share of the good labels that may be broken, 0 to 1.
        seed: of the folds, and of the random draws.
        rounds: times at most that the evidence learns from the mended labels; at least 1.
        neighbours: nearest points that are looked at; at least 1.
        oos_label: the label that means "fits no label", if there is one.

    Attributes:
        labels_: [n], the mended labels, in the dtype they were given in. A row without a label has
            one where `decisions_` is "label", and is as it was otherwise.
        label_quality_: float64 [n], posterior of the given label, higher is better; NaN without.
        confidence_: float64 [n], posterior of the label in `labels_`; of the most probable one
            where there is none.
        decisions_: str [n], "keep", "change", "review" (a person should look) or "label" (had no
            label and got one).
        predicted_labels_: [n], the most probable label, whether it was written or not.
        posterior_: float64 [n, K], probabilities in the order of `classes_`, dense up to 1000
            labels, else a CSR array. Rows may lack a little to 1 where K is more than 25.
        classes_: [K], the labels, sorted.
        noise_rate_: expected share of wrong labels among the given ones.
        noise_matrix_: float64 [K, K], P(given label | true label), as in cleanlab: rows are given
            labels, columns are true ones, and columns sum to 1. None above 1000 labels.
        issues_: int64, rows with a given label that is changed or should be reviewed, worst first:
            by `label_quality_`, ties by row.
        n_features_in_: columns of X, where embeddings were given.
    """

    def __init__(
        self,
        max_harm: float = 0.005,
        seed: int = 0,
        rounds: int = 4,
        neighbours: int = 30,
        oos_label: Hashable = None,
    ) -> None:
        self.max_harm = max_harm
        self.seed = seed
        self.rounds = rounds
        self.neighbours = neighbours
        self.oos_label = oos_label

    def fit(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        y: Iterable[Any] | None = None,
        pred_probs: npt.ArrayLike | None = None,
        *,
        texts: Iterable[str] | None = None,
        classes: Iterable[Any] | None = None,
        labels: Iterable[Any] | None = None,
    ) -> Self:
        """Mend the labels.

        Args:
            X: float [n, d], embeddings, which are scaled to unit length: standardise first what is
                no embedding; or [n] texts, which the embedded profile's encoders embed, and whose
                words count too; or None where `pred_probs` is all there is.
            y: [n] labels: strings, integers or anything hashable and sortable. None, NaN and blank
                strings are missing labels. Or [n, L], 0 or 1, an indicator matrix of several labels
                a row; `pred_probs` and `oos_label` mean nothing then.
            pred_probs: [n, K], out-of-fold probabilities, columns in the order of `classes_`. They
                must not come from a model that was trained on the row (nor on a copy of it).
            texts: [n], beside embeddings: their words count too, and they tell copies.
            classes: all labels, in the order of the columns of `pred_probs`; the sorted labels if
                None. Needed only if no row carries some label, or the columns are not sorted.
            labels: what `y` was called until version 0.1.

        Raises:
            ValueError: what is given can't be used; the message says what to do.
            ModelError: X are texts, and an encoder is not on this machine.
        """
        config = self._config()
        # A list may hold labels that are tuples; a matrix holds indicators.
        if getattr(_labels_of(y, labels), "ndim", 1) > 1 and is_indicator(_labels_of(y, labels)):
            if pred_probs is not None or self.oos_label is not None:
                raise ValueError("pred_probs and oos_label go with one label a row; y has several")
            fitted = fitted_indicators(X, _labels_of(y, labels), texts, config)
            for name, value in fitted.items():
                setattr(self, name, value)
            self._scores = dict.fromkeys(_RANKINGS, self.label_quality_.min(axis=1))
            return self
        read = read_labels(_labels_of(y, labels), classes)
        rows = len(read.codes)
        probabilities = None
        if pred_probs is not None:
            probabilities = read_probabilities(pred_probs, rows, read.classes, classes is None)
        oos = None if self.oos_label is None else read.place(self.oos_label, "oos_label")
        embeddings, wording = read_features(X, texts, rows, config.data.max_text_chars)
        points = find_points(embeddings, wording, probabilities, read.codes, config)
        names = wording or ("",) * rows
        dataset = Dataset(
            ids=tuple(map(str, range(rows))),
            texts=names,
            given=read.codes,
            labels=tuple(map(str, read.classes)),
            oos=oos,
        )
        posterior, decisions = _mended(points, dataset, config)
        if embeddings is not None:
            self.n_features_in_ = embeddings.shape[1]
        self._keep(read, decisions, _by_row(posterior, points.speaker, len(read.classes)))
        return self

    def fit_predict(
        self,
        X: Any,  # noqa: N803
        y: Iterable[Any] | None = None,
        pred_probs: npt.ArrayLike | None = None,
        *,
        texts: Iterable[str] | None = None,
        classes: Iterable[Any] | None = None,
        labels: Iterable[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Mend the labels, and return `labels_`; see `fit`."""
        given = _labels_of(y, labels)
        return self.fit(X, given, pred_probs, texts=texts, classes=classes).labels_

    def find_label_issues(self, return_indices_ranked_by: RankedBy | None = None) -> Bools | Ints:
        """Return the rows whose given label is changed or should be reviewed, as cleanlab does.

        Args:
            return_indices_ranked_by: None for a mask; else the score that ranks the issues:
                "self_confidence" (`label_quality_`), "normalized_margin" (that, less the best other
                label's posterior) or "confidence_weighted_entropy" (the posterior's entropy divided
                by `label_quality_`).

        Returns:
            bool [n], True for an issue; or int64, the issues' rows, worst first, ties by row.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the score is unknown.
        """
        check_is_fitted(self)
        mask = np.zeros(len(self.labels_), dtype=bool)
        mask[self.issues_] = True
        if return_indices_ranked_by is None:
            return mask
        if return_indices_ranked_by not in _RANKINGS:
            raise ValueError(
                f"return_indices_ranked_by is {return_indices_ranked_by!r}: use None or one of "
                f"{', '.join(_RANKINGS)}"
            )
        rows = np.flatnonzero(mask)
        return rows[np.argsort(self._scores[return_indices_ranked_by][rows], kind="stable")]

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row: cleanlab's columns, then `mended_label`, `decision`, `confidence`.

        cleanlab's are `is_label_issue`, `label_quality` (higher is better), `given_label` and
        `predicted_label`. Of an indicator matrix the columns of labels are left out, and
        `label_quality` is that of the worst entry.

        Raises:
            NotFittedError: `fit` was not called.
        """
        check_is_fitted(self)
        if self.labels_.ndim > 1:
            return pd.DataFrame(
                {
                    "is_label_issue": self.find_label_issues(),
                    "label_quality": self.label_quality_.min(axis=1),
                    "decision": self.decisions_,
                    "confidence": self.confidence_,
                }
            )
        return pd.DataFrame(
            {
                "is_label_issue": self.find_label_issues(),
                "label_quality": self.label_quality_,
                "given_label": self._given,
                "predicted_label": self.predicted_labels_,
                "mended_label": self.labels_,
                "decision": self.decisions_,
                "confidence": self.confidence_,
            }
        )

    def _config(self) -> Config:
        """Return the embedded profile with the parameters in their places."""
        _check_number("max_harm", self.max_harm, 0, 1)
        _check_whole("seed", self.seed, 0)
        _check_whole("rounds", self.rounds, 1)
        _check_whole("neighbours", self.neighbours, 1)
        config = load_config()
        replace = dataclasses.replace
        return replace(
            config,
            seed=int(self.seed),
            retrieval=replace(config.retrieval, neighbours=int(self.neighbours)),
            fusion=replace(config.fusion, rounds=int(self.rounds)),
            decision=replace(config.decision, max_harm=float(self.max_harm)),
        )

    def _keep(self, read: GivenLabels, decisions: Decisions, posterior: csr_array) -> None:
        """Set the fitted attributes.

        Args:
            read: the given labels.
            decisions: of the rows.
            posterior: sparse [n, K].
        """
        count = len(read.classes)
        # What is told is all of one posterior, so that the attributes can be reckoned with.
        quality = _probability(posterior, read.codes)
        written = np.where(decisions.mended == NO_LABEL, decisions.proposed, decisions.mended)
        actions = np.array(decisions.actions)
        labelled = read.codes != NO_LABEL
        issues = np.flatnonzero(labelled & np.isin(actions, ("change", "review")))
        self.classes_ = read.classes
        self.labels_ = read.mended(decisions.mended)
        self.predicted_labels_ = read.classes[decisions.proposed]
        self.label_quality_ = quality
        self.confidence_ = _probability(posterior, written)
        self.decisions_ = actions
        self.posterior_ = posterior.toarray() if count <= _DENSE_LABELS else posterior
        self.noise_rate_ = float(1 - quality[labelled].mean())
        self.noise_matrix_ = _noise_matrix(read.codes, posterior)
        self.issues_ = issues[np.argsort(quality[issues], kind="stable")]
        self._given = read.values
        self._scores = _ranking_scores(read.codes, quality, posterior)


def find_label_issues(
    labels: npt.ArrayLike,
    pred_probs: npt.ArrayLike,
    *,
    return_indices_ranked_by: RankedBy | None = None,
    features: npt.ArrayLike | None = None,
) -> Bools | Ints:
    """Find wrong labels, called as `cleanlab.filter.find_label_issues` is.

    Args:
        labels: [n] integers 0 to K - 1.
        pred_probs: [n, K], out-of-fold probabilities, higher is more likely.
        return_indices_ranked_by: see `NoisyLabelCorrector.find_label_issues`.
        features: float [n, d], embeddings, which make for better evidence; None without.

    Returns:
        bool [n], True for an issue; or int64, the issues' rows, worst first.

    Raises:
        ValueError: what is given can't be used.
    """
    given = np.asarray(labels)
    shape = np.shape(pred_probs)
    if len(shape) != len(("n", "K")):
        raise ValueError(f"pred_probs has shape {shape}: give [n, K], a column a label")
    if given.dtype.kind not in "iu":
        raise ValueError(
            f"labels are {given.dtype}, not integers 0 to K - 1; NoisyLabelCorrector takes others"
        )
    if given.size and not 0 <= given.min() <= given.max() < shape[1]:
        raise ValueError(
            f"labels reach from {given.min()} to {given.max()}: pred_probs has {shape[1]} columns, "
            f"so they must be 0 to {shape[1] - 1}"
        )
    corrector = NoisyLabelCorrector()
    corrector.fit(features, given, pred_probs, classes=np.arange(shape[1]))
    return corrector.find_label_issues(return_indices_ranked_by)


def _labels_of(y: Iterable[Any] | None, labels: Iterable[Any] | None) -> Iterable[Any]:
    """Return the labels that `fit` was given, by their name or by that of version 0.1."""
    if labels is not None:
        if y is not None:
            raise ValueError("y and labels are both given: give y")
        warnings.warn(
            "labels= is called y now, and goes with version 0.3", DeprecationWarning, stacklevel=3
        )
        return labels
    if y is None:
        raise ValueError("y is None: give the labels to mend, one a row")
    return y


def _check_number(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}: give a number from {least} to {most}")


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}: give a whole number, at least {least}")


def _mended(points: Points, dataset: Dataset, config: Config) -> tuple[Posterior, Decisions]:
    """Run the part of the main job that needs no label cards, on the points."""
    count, retrieval = len(points.features), config.retrieval
    labelled = dataset.given != NO_LABEL
    given = coo_array(
        (
            np.ones(int(labelled.sum()), np.float32),
            (points.of_row[labelled], dataset.given[labelled]),
        ),
        shape=(count, len(dataset.labels)),
    ).tocsr()
    texts = points.texts or ("",) * count
    has: set[Need] = {"texts"} if points.texts is not None else set()
    corpus = Corpus(
        texts=texts,
        labels=dataset.labels,
        embeddings=points.features,
        neighbours=find_neighbours(
            points.features,
            retrieval.neighbours,
            retrieval.block_rows,
            exact_up_to=retrieval.exact_up_to,
            searched_texts=retrieval.searched_texts,
        ),
        oos=dataset.oos,
        has=frozenset(has | {"space"} if points.embedded else has),
        seed=config.seed,
        block_rows=retrieval.block_rows,
    )
    told = points.probabilities
    run = Run(
        dataset=dataset,
        config=config,
        models=RunModels((), None, None, ()),
        space=None,
        store=Store(None),
        sources=() if told is None else (Opened(GivenProbabilities(told), 1.0, speaks=True),),
    )
    start = State(unique=UniqueTexts(texts, points.speaker, given), corpus=corpus)
    state = carry_out(run, (*MODEL, DECIDE), start)
    assert state.decisions is not None
    return state.fit.posterior, state.decisions


def _by_row(posterior: Posterior, point_of: Ints, labels: int) -> csr_array:
    """Return float64 sparse [n, K], the posterior of each row; K is `labels`."""
    candidates, probabilities = posterior.candidates[point_of], posterior.probabilities[point_of]
    count, width = candidates.shape
    starts = np.arange(0, count * width + 1, width)
    return csr_array((probabilities.ravel(), candidates.ravel(), starts), shape=(count, labels))


def _probability(posterior: csr_array, codes: Ints) -> Doubles:
    """Return float64 [n], each row's posterior of a label; NaN where there is none."""
    found = gather(posterior, np.arange(len(codes)), np.maximum(codes, 0)[:, None])[:, 0]
    return np.where(codes == NO_LABEL, np.nan, found)


def _noise_matrix(codes: Ints, posterior: csr_array) -> Doubles | None:
    """Return float64 [K, K], P(given | true): expected counts, each column as shares.

    A label that no row seems to carry has the column of one that is never mistaken.
    """
    labels = posterior.shape[1]
    if labels > _DENSE_LABELS:
        return None
    rows = np.flatnonzero(codes != NO_LABEL)
    given = coo_array(
        (np.ones(len(rows)), (codes[rows], rows)), shape=(labels, posterior.shape[0])
    ).tocsr()
    joint = (given @ posterior).toarray()
    totals = joint.sum(axis=0)
    carried = totals > _NOBODY
    return np.where(carried, joint / np.where(carried, totals, 1.0), np.eye(labels))


def _ranking_scores(codes: Ints, quality: Doubles, posterior: csr_array) -> dict[str, Doubles]:
    """Return each row's scores by which issues are ranked, float64 [n], lower is worse."""
    row = np.repeat(np.arange(len(codes)), np.diff(posterior.indptr))
    others = np.where(posterior.indices == codes[row], 0.0, posterior.data)
    best = np.zeros(len(codes))
    np.maximum.at(best, row, others)
    logs = np.log(np.maximum(posterior.data, np.finfo(np.float64).tiny))
    entropy = -np.bincount(row, posterior.data * logs, minlength=len(codes))
    return {
        "self_confidence": quality,
        "normalized_margin": quality - best,
        "confidence_weighted_entropy": -entropy / np.maximum(quality, _NOBODY),
    }
