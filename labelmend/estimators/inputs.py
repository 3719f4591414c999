"""What users of the corrector give, checked: labels as codes, and rows as distinct points."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from labelmend.api import listed, missing, object_array, text_values
from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_groups
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.types import NO_LABEL, Doubles, Floats, Ints
from labelmend.weights.locate import locate

_LEAST_LABELS = 2
"""Fewer labels leave nothing to tell apart."""

_SUM_TOLERANCE = 0.01
"""By so much the probabilities of a row may miss 1: what was rounded to two digits is taken."""


@dataclass(frozen=True)
class GivenLabels:
    """The given labels.

    Attributes:
        values: [n], as given.
        codes: int64 [n], index into `classes`, or `NO_LABEL`.
        classes: [K].
    """

    values: npt.NDArray[Any]
    codes: Ints
    classes: npt.NDArray[Any]

    def place(self, label: Hashable, what: str) -> int:
        """Return a label's index.

        Raises:
            ValueError: there is no such label.
        """
        for i, known in enumerate(self.classes.tolist()):
            if known == label:
                return i
        raise ValueError(
            f"{what}: no row carries {label!r}; leave it out, or name all labels with classes"
        )

    def mended(self, codes: Ints) -> npt.NDArray[Any]:
        """Return the values, with those replaced that `codes`, int64 [n], changes."""
        wide = self.values.dtype
        if wide.kind == "U":  # else a longer label would be cut to the longest that was given
            wide = np.promote_types(wide, self.classes.dtype)
        mended = self.values.astype(wide)
        changed = codes != self.codes
        mended[changed] = self.classes[codes[changed]]
        return mended


@dataclass(frozen=True)
class Points:
    """The distinct points, in an order that does not depend on that of the rows.

    Attributes:
        features: float32 [u, d], unit rows, or zeros where a row was zero.
        texts: [u], or None without texts.
        probabilities: float64 [u, K], or None.
        embedded: False where the features are only made up from the probabilities.
        of_row: int64 [n], the point of each row.
        speaker: int64 [n], the point whose posterior each row gets: of points that can't be told
            apart the first, whose folds differ by chance.
    """

    features: Floats
    texts: tuple[str, ...] | None
    probabilities: Doubles | None
    embedded: bool
    of_row: Ints
    speaker: Ints


def read_labels(labels: Iterable[Any], classes: Iterable[Any] | None) -> GivenLabels:
    """Return the labels as codes.

    Raises:
        ValueError: fewer than two labels, none at all, or such as can't be sorted or compared.
    """
    values = _vector(labels, "labels")
    if not len(values):
        raise ValueError("labels is empty")
    none = missing(values)
    if none.all():
        raise ValueError("all labels are missing: there is nothing to learn from")
    known = _distinct(values[~none]) if classes is None else _vector(classes, "classes")
    try:
        place = {label: i for i, label in enumerate(known.tolist())}
        codes = [
            NO_LABEL if gone else place[label]
            for label, gone in zip(values.tolist(), none.tolist(), strict=True)
        ]
    except TypeError:
        raise ValueError("labels must be hashable: strings, integers, tuples") from None
    except KeyError as error:
        raise ValueError(f"labels: {error.args[0]!r} is not in classes") from None
    if len(place) < len(known):
        raise ValueError("classes: a label stands more than once")
    if len(known) < _LEAST_LABELS:
        raise ValueError(
            f"{known.tolist()[0]!r} is the only label: at least two are needed to tell apart"
            if len(known)
            else "classes is empty"
        )
    return GivenLabels(values, np.array(codes, dtype=np.int64), known)


def _vector(values: Iterable[Any], name: str) -> npt.NDArray[Any]:
    """Return a 1-D array: of numbers or strings where all are, else of objects."""
    if hasattr(values, "__array__"):
        array = np.asarray(values)
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}: give one dimension, a value a row")
        return array
    read = listed(values, name)
    numbers = all(isinstance(v, int | float | np.integer | np.floating) for v in read)
    if read and (numbers or all(isinstance(v, str) for v in read)):
        return np.array(read)
    return object_array(read)


def _distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the distinct values, sorted."""
    if values.dtype != object:
        return np.unique(values)
    try:
        return object_array(sorted(set(values.tolist())))
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        raise ValueError(
            f"labels must be hashable and sortable together, and these are of type {kinds}: "
            "make them all strings"
        ) from None


def read_probabilities(
    pred_probs: npt.ArrayLike, rows: int, classes: npt.NDArray[Any], derived: bool
) -> Doubles:
    """Return float64 [n, K], rows that sum to 1.

    Raises:
        ValueError: the shape is not [n, K], or these are no probabilities.
    """
    read = np.asarray(pred_probs, dtype=np.float64)
    expected = (rows, len(classes))
    if read.shape != expected:
        why = "sorted labels" if derived else "classes"
        more = "; name those that no row carries with classes" if derived else ""
        raise ValueError(
            f"pred_probs has shape {read.shape}: give {expected}, a row a label and a column each "
            f"of the {why}{more}"
        )
    if not np.isfinite(read).all() or read.min() < 0:
        raise ValueError("pred_probs holds NaN, infinite or negative values: give probabilities")
    totals = read.sum(axis=1, keepdims=True)
    if np.abs(totals - 1).max() > _SUM_TOLERANCE:
        row = int(np.abs(totals - 1).argmax())
        raise ValueError(
            f"pred_probs: row {row} (from 0) sums to {totals[row, 0]:.3g}, not 1: "
            "give probabilities, not scores"
        )
    return np.asarray(read / totals)


def read_features(
    X: Any,  # noqa: N803
    texts: Iterable[str] | None,
    rows: int,
    limit: int,
) -> tuple[Floats | None, tuple[str, ...] | None]:
    """Return embeddings, float32 [n, d], and texts, cut to `limit` characters; None without.

    Raises:
        ValueError: X is neither, or lengths differ.
    """
    embeddings: Floats | None = None
    wording = None if texts is None else text_values(texts, "texts")
    if X is not None:
        if issparse(X):
            raise ValueError("X is sparse: make it dense, by TruncatedSVD for example")
        if isinstance(X, str) or _holds_texts(X):
            if wording is not None:
                raise ValueError("X holds texts, and texts does: give embeddings as X, or one only")
            wording = text_values(X, "X")
        else:
            # Minus zero is another pattern of bits than zero, and the same number.
            embeddings = check_array(X, dtype=np.float32, input_name="X") + np.float32(0)
    for name, given in (("X", embeddings), ("X" if texts is None else "texts", wording)):
        if given is not None and len(given) != rows:
            raise ValueError(f"{name} has {len(given)} rows and labels {rows}: give one label each")
    if wording is not None:
        wording = tuple(text[:limit] for text in wording)
    return embeddings, wording


def read_texts(X: Any, limit: int) -> tuple[str, ...] | None:  # noqa: N803
    """Return texts, cut to `limit` characters; None where X is something else.

    Raises:
        ValueError: it is a single string, or some texts are blank or none.
    """
    if not isinstance(X, str) and not _holds_texts(X):
        return None
    return tuple(text[:limit] for text in text_values(X, "X"))


def _holds_texts(X: Any) -> bool:  # noqa: N803
    """Tell a sequence of strings from a matrix."""
    if hasattr(X, "__array__"):
        X = np.asarray(X)  # noqa: N806
    if np.ndim(X) != 1:
        return False
    return any(isinstance(value, str) for value in X)


def find_points(
    embeddings: Floats | None,
    texts: tuple[str, ...] | None,
    probabilities: Doubles | None,
    codes: Ints,
    config: Config,
) -> Points:
    """Make rows to points.

    Raises:
        ValueError: there is neither a feature nor a probability.
    """
    if embeddings is None and texts is None and probabilities is None:
        raise ValueError("give embeddings or texts as X, or pred_probs")
    alone = embeddings is None and texts is None
    if texts is not None:
        of_row = text_groups(texts)
    elif embeddings is not None:
        of_row = byte_rank(embeddings)
    else:
        assert probabilities is not None
        of_row = np.empty(len(codes), dtype=np.int64)
        of_row[np.lexsort((codes, byte_rank(probabilities)))] = np.arange(len(codes))
    count = int(of_row.max()) + 1
    representative = None if texts is None else smallest_spellings(texts, of_row)
    merged = None if probabilities is None else _mean_by(of_row, probabilities)
    if embeddings is not None:
        # Where a text's copies have several embeddings, any will do, but the same in any order.
        order = np.lexsort((byte_rank(embeddings), of_row))
        features = _unit(embeddings[order[_starts(of_row[order])]])
    elif representative is not None:
        features = _embed(representative, config)
    else:
        assert merged is not None
        # Of unit length as they are; a dot product is the Bhattacharyya coefficient.
        features = np.sqrt(merged).astype(np.float32)
    speaker = of_row
    if alone:
        assert probabilities is not None
        pairs = np.column_stack([byte_rank(probabilities), codes])
        _, twins = np.unique(pairs, axis=0, return_inverse=True)
        first = np.full(count, count)
        np.minimum.at(first, twins.ravel(), of_row)
        speaker = first[twins.ravel()]
    return Points(features, representative, merged, not alone, of_row, speaker)


def smallest_spellings(texts: tuple[str, ...], of_row: Ints) -> tuple[str, ...]:
    """Return the smallest text of each point."""
    smallest = dict(sorted(zip(of_row.tolist(), texts, strict=True), reverse=True))
    return tuple(smallest[point] for point in range(len(smallest)))


def byte_rank(rows: npt.NDArray[Any]) -> Ints:
    """Return int64 [n]: each row's place among the distinct rows, in the order of their bytes."""
    contiguous = np.ascontiguousarray(rows)
    width = contiguous.dtype.itemsize * contiguous.shape[1]
    _, rank = np.unique(contiguous.view(np.dtype((np.void, width))).ravel(), return_inverse=True)
    return rank.astype(np.int64)


def _starts(ordered: Ints) -> Ints:
    """Return where each group begins, of sorted group numbers."""
    return np.flatnonzero(np.diff(ordered, prepend=-1))


def _mean_by(group: Ints, rows: Doubles) -> Doubles:
    """Return float64 [u, K]: the mean of each group's rows, whatever their order."""
    order = np.lexsort((byte_rank(rows), group))
    starts = _starts(group[order])
    counts = np.diff(starts, append=len(group))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0) / counts[:, None])


def _unit(rows: Floats) -> Floats:
    """Return the rows scaled to unit length; a row of zeros stays one."""
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))[:, None]
    unit: Floats = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def _embed(texts: Sequence[str], config: Config) -> Floats:
    """Return float32 [u, d], the vectors of the profile's encoders.

    Raises:
        ModelError: an encoder is not on this machine, or can't load.
    """
    space = open_space(config.encoders, [locate(encoder.model) for encoder in config.encoders])
    embeddings = space.fit(texts, NoProgress())
    space.release()
    return embeddings
