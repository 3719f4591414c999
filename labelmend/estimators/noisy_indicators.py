"""Mending of indicator matrices, for those who bring their own embeddings."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from labelmend.arrays import unit_rows
from labelmend.configs.schema import Config
from labelmend.data.duplicates import smallest_spellings, text_groups
from labelmend.estimators.indicators import indicators
from labelmend.estimators.inputs import byte_rank, read_features
from labelmend.protocols import NoProgress
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.mend import Points, mend_points
from labelmend.retrieval.space import open_space
from labelmend.types import Floats
from labelmend.weights.locate import locate

_EVEN = 0.5
"""Above, a label holds likelier than not."""


def fitted_indicators(
    X: Any,  # noqa: N803
    y: Any,
    texts: Iterable[str] | None,
    config: Config,
) -> dict[str, Any]:
    """Mend an indicator matrix, and return the attributes of a corrector that is fitted on it.

    Rows of the same text are copies, and without texts those of the same embedding.

    Args:
        X: float [n, d] embeddings, or [n] texts.
        y: [n, L], 0 or 1.
        texts: [n], beside embeddings.
        config: encoders, seed and harm budget.

    Raises:
        ValueError: what is given can't be used.
        ModelError: an encoder is not on this machine.
    """
    rows = y.shape[0] if hasattr(y, "shape") else len(y)
    embeddings, wording = read_features(X, texts, rows, config.data.max_text_chars)
    if embeddings is None and wording is None:
        raise ValueError("X is None: give embeddings or texts where rows have several labels")
    given = indicators(y, rows)
    points = _points(embeddings, wording, config)
    names = tuple(map(str, range(given.shape[1])))
    nobody = AnsweredTexts.none(len(names))
    found = mend_points(points, given.astype(np.bool_), names, config, NoProgress(), nobody)
    quality = np.where(found.given, found.holds, 1 - found.holds)
    decisions = np.array(found.decisions)
    issues = np.flatnonzero(np.isin(decisions, ("change", "review")))
    fitted = {
        "classes_": np.arange(len(names)),
        "labels_": found.mended.astype(given.dtype),
        "posterior_": found.holds,
        "predicted_labels_": (found.holds > _EVEN).astype(given.dtype),
        "label_quality_": quality,
        "confidence_": found.confidence,
        "decisions_": decisions,
        "noise_rate_": found.estimated_wrong,
        "noise_matrix_": None,
        "issues_": issues[np.argsort(quality[issues].min(axis=1), kind="stable")],
        "_given": given,
    }
    return fitted if embeddings is None else fitted | {"n_features_in_": embeddings.shape[1]}


def _points(embeddings: Floats | None, wording: tuple[str, ...] | None, config: Config) -> Points:
    if wording is not None:
        of_row = text_groups(wording)
        texts = smallest_spellings(wording, of_row)
        if embeddings is None:
            models = [locate(encoder.model) for encoder in config.encoders]
            vectors = open_space(config.encoders, models).fit(texts, NoProgress())
            return Points(texts, of_row, vectors)
        # Where a text's copies have several embeddings, any will do, but the same in any order.
        order = np.lexsort((byte_rank(embeddings), of_row))
        first = order[np.unique(of_row[order], return_index=True)[1]]
        return Points(texts, of_row, unit_rows(embeddings[first]))
    assert embeddings is not None
    vectors, of_row = np.unique(embeddings, axis=0, return_inverse=True)
    names = tuple(map(str, range(len(vectors))))
    return Points(names, of_row.ravel().astype(np.int64), unit_rows(vectors))
