"""What the stages share of linear algebra: blocks of rows, sparse look-ups, shares, axes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from labelmend.parallel import blocks_of
from labelmend.types import NO_LABEL, Doubles, Floats, Ints, Share

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def unit_rows(vectors: Floats) -> Floats:
    """Return the vectors [b, m] at unit length; a row of zeros stays one."""
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    scaled: Floats = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def share(count: int, total: int) -> Share:
    """Return a share with Wilson's (1927) 95 % interval, which holds for small counts too."""
    if not total:
        return Share(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(0.95, "wilson")
    return Share(count, total, float(interval.low), float(interval.high))


def given_shares(given: "csr_array") -> "csr_array":
    """Return the given labels as memberships: a text given two labels carries half of each."""
    totals = np.asarray(given.sum(axis=1)).ravel()
    shares = given.copy()
    shares.data = shares.data / np.repeat(totals, np.diff(given.indptr)).astype(np.float32)
    return shares


def main_labels(given: "csr_array") -> Ints:
    """Return int64 [u], the label that each text was given most often, or `NO_LABEL`."""
    counts = np.asarray(given.sum(axis=1)).ravel()
    main = np.asarray(given.argmax(axis=1)).ravel()
    return np.where(counts > 0, main, NO_LABEL).astype(np.int64)


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


WORTH_ALL = 16
"""Products with all vectors cost less than those with one in so many, which are gathered first."""

_CACHED_VALUES = 1 << 18
"""Numbers of gathered vectors that fit in the processor's cache: a megabyte of float32."""


_Real = TypeVar("_Real", np.float32, np.float64)


def dot_products(
    left: npt.NDArray[_Real], right: npt.NDArray[_Real], columns: Ints
) -> npt.NDArray[_Real]:
    """Return [b, c]: the dot product of `left[i]` and `right[columns[i, j]]`.

    Args:
        left: [b, d].
        right: [m, d].
        columns: int64 [b, c].
    """
    dots = np.zeros(columns.shape, dtype=left.dtype)
    total = len(right)
    if columns.shape[1] * WORTH_ALL >= total:
        for rows in row_blocks(len(left) if total else 0, total):
            dots[rows] = np.take_along_axis(left[rows] @ right.T, columns[rows], axis=1)
    else:
        size = max(1, _CACHED_VALUES // max(columns.shape[1] * left.shape[1], 1))
        for rows in blocks_of(len(left), size):
            np.einsum("bd,bcd->bc", left[rows], right[columns[rows]], out=dots[rows])
    return dots


def largest_products(
    left: Floats, right: Floats, count: int, skipped: Ints | None = None
) -> tuple[Ints, Floats]:
    """Return the largest dot products of each row of `left` with the rows of `right`.

    All products of a block of rows, and a partition: a quarter of the time that an exact index of
    faiss takes for texts that all ask for each other (`IndexFlatIP`, 15,100 of 896 numbers).

    Args:
        left: float32 [b, d].
        right: float32 [m, d].
        count: wanted of each row; at most m are returned.
        skipped: int64 [b], the row of `right` that has no part in it, -1 for none. Its product is
            minus infinity, so that it is found where `count` leaves no choice.

    Returns:
        int64 [b, c], the rows of `right`, the largest product first and of equal ones the smaller
        row; and float32 [b, c], the products.
    """
    total = len(right)
    width = min(count, total)
    found = np.empty((len(left), width), dtype=np.int64)
    products = np.empty((len(left), width), dtype=np.float32)
    if not width:
        return found, products
    for rows in blocks_of(len(left), max(1, min(_MOST_PRODUCT_ROWS, _MOST_PRODUCTS // total))):
        dots = left[rows] @ right.T
        if skipped is not None:
            own = np.flatnonzero(skipped[rows] >= 0)
            dots[own, skipped[rows][own]] = -np.inf
        last = largest_places(dots, width)
        near = np.take_along_axis(dots, last, axis=1)
        least = near.min(axis=1, keepdims=True)
        for row in np.flatnonzero((dots >= least).sum(axis=1) > width):
            # More than there is room for are equal: the smaller rows take the last places.
            equal = np.flatnonzero(dots[row] == least[row])
            greater = np.flatnonzero(dots[row] > least[row])
            last[row] = np.append(greater, equal[: width - len(greater)])
            near[row] = dots[row, last[row]]
        order = np.lexsort((last, -near), axis=1)
        found[rows] = np.take_along_axis(last, order, axis=1)
        products[rows] = np.take_along_axis(near, order, axis=1)
    return found, products


def largest_places(values: Floats, count: int) -> Ints:
    """Return int64 [b, count]: where each row of float32 [b, m] is largest, in any order.

    The groups with the greatest maxima, as many as values are wanted, hold as many of the largest
    as there are. Only they are partitioned, which takes a quarter of the time.

    Args:
        values: without NaN.
        count: at most m.
    """
    rows, total = values.shape
    if not count:
        return np.empty((rows, 0), dtype=np.int64)
    groups = total // _GROUP
    if groups <= _LEAST_GAIN * count:
        return np.argpartition(values, total - count, axis=1)[:, total - count :]
    grouped = groups * _GROUP
    maxima = values[:, :grouped].reshape(rows, _GROUP, groups).max(axis=1)
    chosen = np.argpartition(maxima, groups - count, axis=1)[:, groups - count :]
    inside = (chosen[:, None, :] + groups * np.arange(_GROUP)[:, None]).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(grouped, total), (rows, total - grouped))
    places = np.concatenate([inside, rest], axis=1)
    kept = np.argpartition(np.take_along_axis(values, places, axis=1), -count, axis=1)[:, -count:]
    return np.take_along_axis(places, kept, axis=1)


_GROUP = 16
"""Values in a group. By timing; what is found does not depend on it, or on the next."""

_LEAST_GAIN = 4
"""Groups for each value wanted, above which groups are worth their while."""

_MOST_PRODUCT_ROWS = 512
"""Rows whose products are held at a time: with more nothing is gained."""

_MOST_PRODUCTS = 1 << 24
"""Products that are held at a time at most, 64 MiB of them."""


def gather(sparse: "csr_array", rows: Ints, columns: Ints) -> Doubles:
    """Return float64 [b, c]: `sparse[rows[i], columns[i, j]]`."""
    gathered = np.zeros(columns.shape, dtype=np.float64)
    for part in row_blocks(len(rows), columns.shape[1]):
        entries = sparse[rows[part]]
        entries.sum_duplicates()  # sorts, too
        count, width = entries.shape
        starts = np.arange(count)[:, None] * width
        keys = np.repeat(starts[:, 0], np.diff(entries.indptr)) + entries.indices
        if len(keys):
            wanted = starts + columns[part]
            place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            gathered[part] = np.where(keys[place] == wanted, entries.data[place], 0.0)
    return gathered


def memberships_from(labels: Ints, weights: Doubles, label_count: int) -> "csr_array":
    """Return float32 sparse [u, K] from label indices int64 [u, c] and their weights [u, c]."""
    from scipy.sparse import csr_array

    count, width = labels.shape
    starts = np.arange(0, count * width + 1, width)
    values = weights.ravel().astype(np.float32)
    # A copy: scipy sorts indices in place, and these are the candidates of everybody else too.
    matrix = csr_array((values, labels.flatten(), starts), shape=(count, label_count))
    matrix.eliminate_zeros()
    return matrix


def row_blocks(total: int, width: int) -> Iterator[slice]:
    """Cut `total` rows into blocks of about a million values, at `width` values a row."""
    size = max(1, _BLOCK_VALUES // max(width, 1))
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


_BLOCK_VALUES = 1 << 20
"""Values held at a time: memory depends on it, and no outcome."""
