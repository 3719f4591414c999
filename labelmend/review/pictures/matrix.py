"""The matrix of given against proposed labels: counted, and put into an order that shows most."""

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from labelmend.types import Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Pair:
    """Texts that were given one label and seem to be another.

    Attributes:
        given: index of the label.
        proposed: index of the other.
        texts: how many.
    """

    given: int
    proposed: int
    texts: int


def count_pairs(given: Ints, proposed: Ints, labels: int) -> "csr_array":
    """Count texts by given and proposed label, sparse int64 [K, K]; those without one are left out.

    Args:
        given: int64 [m], index of a label; negative where there is none.
        proposed: int64 [m], likewise.
        labels: how many there are.
    """
    from scipy.sparse import coo_array, csr_array

    both = (given >= 0) & (proposed >= 0)
    ones = np.ones(int(both.sum()), dtype=np.int64)
    return csr_array(coo_array((ones, (given[both], proposed[both])), shape=(labels, labels)))


def confused_pairs(counts: "csr_array", label: int | None = None) -> list[Pair]:
    """Return the pairs of different labels, most texts first; of as many, in the labels' order.

    Args:
        counts: of `count_pairs`.
        label: only those in which it is one of the two; None for all.
    """
    cells = counts.tocoo()
    found = cells.row != cells.col
    if label is not None:
        found &= (cells.row == label) | (cells.col == label)
    rows, columns, texts = cells.row[found], cells.col[found], cells.data[found]
    order = np.lexsort((columns, rows, -texts))
    return [
        Pair(int(g), int(p), int(n))
        for g, p, n in zip(rows[order], columns[order], texts[order], strict=True)
    ]


def confused_together(counts: "csr_array", most: int) -> list[int]:
    """Return the labels that are confused most, in an order in which confused ones are neighbours.

    The two labels that are most often confused, either way, are put side by side, then the next
    two, as long as both have a side free; so chains grow together. What is left over stands alone.

    Args:
        counts: of `count_pairs`.
        most: labels that are returned; where there are fewer, all that any text has.
    """
    either = (counts + counts.T).tocsr()
    weight = either.sum(axis=1) - either.diagonal()
    order = [
        int(k)
        for k in np.argsort(-weight, kind="stable")
        if either.indptr[k + 1] > either.indptr[k]
    ]
    order = order[:most]
    named = sorted(order)
    upper = np.triu(either[named][:, named].toarray(), 1)
    edges = sorted(
        (-int(upper[i, j]), named[i], named[j]) for i, j in zip(*upper.nonzero(), strict=True)
    )
    chain_of = {label: [label] for label in order}
    for _, a, b in edges:
        one, other = chain_of[a], chain_of[b]
        if one is other or a not in {one[0], one[-1]} or b not in {other[0], other[-1]}:
            continue
        if one[-1] != a:
            one.reverse()
        if other[0] != b:
            other.reverse()
        one.extend(other)
        chain_of.update(dict.fromkeys(other, one))
    chains = {id(found): found for found in (chain_of[label] for label in order)}
    return list(
        chain(*(found if found[0] <= found[-1] else found[::-1] for found in chains.values()))
    )
