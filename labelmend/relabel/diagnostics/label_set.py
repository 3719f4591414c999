"""Advice on the label set: labels to merge or to split, labels that are mostly wrong, empty ones.

What is asked of pairs of labels is answered by the nearest neighbours' given labels alone, as in
`learnability`: a posterior that settled between two labels by chance can't hide that they are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import given_shares
from labelmend.configs.schema import DiagnosticsConfig
from labelmend.relabel.diagnostics.advice import (
    EmptyLabel,
    MergeAdvice,
    MostlyWrongLabel,
    SplitAdvice,
)
from labelmend.relabel.diagnostics.learnability import Trust, assess_learnability, vote_graph
from labelmend.relabel.labelmodel.decisions import given_probability
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL, Doubles, Ints

_EXAMPLES = 3
"""Texts shown of each side."""


@dataclass(frozen=True)
class Diagnoses:
    """What a user should know of the label set.

    Attributes:
        trust: whether the given labels can be learned from; where they can't, or it could not be
            tested, only `empty` is filled.
        merge: pairs of labels that seem to be one, the most alike first.
        split: labels that seem to be two, the clearest first.
        mostly_wrong: labels that most of their rows should not carry, the worst first.
        empty: labels that no row was given, by name.
    """

    trust: Trust
    merge: tuple[MergeAdvice, ...]
    split: tuple[SplitAdvice, ...]
    mostly_wrong: tuple[MostlyWrongLabel, ...]
    empty: tuple[EmptyLabel, ...]


def diagnose(result: Relabelling, config: DiagnosticsConfig) -> Diagnoses:
    """Say what is wrong with the label set rather than with single rows."""
    trust = assess_learnability(result.unique, result.neighbours, result.neighbour_scores, config)
    empty = _empty(result)
    if not trust.trusted or np.isnan(trust.agreement):
        return Diagnoses(trust, (), (), (), empty)
    merge = _merges(result, config)
    # Which of two labels that are one a text carries is a toss-up, and no error.
    one = {pair for m in merge for pair in ((m.label_a, m.label_b), (m.label_b, m.label_a))}
    wrong = tuple(w for w in _mostly_wrong(result, config) if (w.label, w.goes_to) not in one)
    return Diagnoses(trust, merge, _splits(result, config), wrong, empty)


def _merges(result: Relabelling, config: DiagnosticsConfig) -> tuple[MergeAdvice, ...]:
    """Return the pairs whose neighbours mix as if there were one label, and other pairs' don't."""
    labels = result.dataset.labels
    given = given_shares(csr_array(result.unique.given.astype(np.float64)))
    counts = np.asarray(given.sum(axis=0), dtype=np.float64).ravel()
    labelled = np.diff(given.indptr) > 0
    graph = vote_graph(result.neighbours, result.neighbour_scores, labelled, config)
    votes = csr_array(graph @ given)
    mass = csr_array(given.T @ votes)
    own = mass.diagonal()
    rows, columns = (csr_array(mass + mass.T)).nonzero()
    told = (rows < columns) & (np.minimum(counts[rows], counts[columns]) >= config.merge_rows)
    # With two labels in all, to merge them would leave nothing to tell apart.
    if len(labels) <= 2 or not told.any():
        return ()
    a, b = rows[told].astype(np.int64), columns[told].astype(np.int64)
    ab, ba = _entries(mass, a, b), _entries(mass, b, a)
    inside = np.minimum((own[a] + ab) / counts[a], (own[b] + ba) / counts[b])
    alike = _pair_assortativity(own[a], ab, own[b], ba, counts[a], counts[b])
    big = int((counts >= config.merge_rows).sum())
    median = _median_with_ones(alike, big * (big - 1) // 2)
    bound = min(config.merge_below, config.merge_below_median * median)
    found = []
    for i in np.flatnonzero((inside >= config.merge_inside) & (alike <= bound)):
        members = _members(given, (int(a[i]), int(b[i])))
        pair = np.asarray(votes[members][:, [a[i], b[i]]].todense())
        mine = np.asarray(given[members][:, [a[i], b[i]]].todense()).argmax(axis=1)
        if alike[i] + 2 * _standard_error(pair, mine) > bound:
            continue
        order = np.lexsort((members, -pair.min(axis=1)))
        texts = [
            tuple(result.unique.texts[members[j]] for j in order if mine[j] == side)[:_EXAMPLES]
            for side in (0, 1)
        ]
        found.append(
            MergeAdvice(
                labels[a[i]], labels[b[i]], len(members), float(alike[i]), texts[0], texts[1]
            )
        )
    return tuple(sorted(found, key=lambda m: (m.alike, m.label_a, m.label_b)))


def _median_with_ones(values: Doubles, count: int) -> float:
    """Return the median of values <= 1 filled up to `count` with 1: pairs without a vote."""
    if count >= 2 * len(values) + 1:
        return 1.0
    return float(np.median(np.append(values, np.ones(count - len(values)))))


def _pair_assortativity(
    aa: Doubles, ab: Doubles, bb: Doubles, ba: Doubles, size_a: Doubles, size_b: Doubles
) -> Doubles:
    """Return how far neighbours within pairs of labels carry the text's own of the two, [p].

    Both labels count alike, whatever their sizes: votes are taken a possible voter.

    Args:
        aa: votes that texts of a get from texts of a.
        ab: votes that texts of a get from texts of b.
        bb: votes that texts of b get from texts of b.
        ba: votes that texts of b get from texts of a.
        size_a: texts of a.
        size_b: texts of b.
    """
    shares = []
    for own, other, mine, theirs in ((aa, ab, size_a, size_b), (bb, ba, size_b, size_a)):
        own_rate, other_rate = own / np.maximum(mine - 1, 1e-9), other / theirs
        shares.append(own_rate / np.maximum(own_rate + other_rate, 1e-12))
    result: Doubles = shares[0] + shares[1] - 1
    return result


def _standard_error(votes: Doubles, mine: Ints) -> float:
    """Return the standard error of a pair's assortativity.

    Args:
        votes: float64 [t, 2], what each text's neighbours say of the two labels.
        mine: int64 [t], the one that it carries, 0 or 1.
    """
    inside = votes.sum(axis=1)
    heard = inside > 0
    if heard.sum() < 2:
        return float("inf")
    share = votes[np.arange(len(votes)), mine][heard] / inside[heard]
    return float(2 * share.std(ddof=1) / np.sqrt(heard.sum()))


def _splits(result: Relabelling, config: DiagnosticsConfig) -> tuple[SplitAdvice, ...]:
    """Return the labels whose texts fall into two groups that are hardly each other's neighbours.

    Only texts count that were given the label and are believed to carry it, and only labels of
    which these are the greater part: noise is no group of its own. What is out of scope is many
    things by its nature.
    """
    best, _ = result.posterior.best()
    given = csr_array(result.unique.given)
    text = np.repeat(np.arange(len(best)), np.diff(given.indptr))
    confirmed = text[(given.indices == best[text]) & (given.data > 0)]
    counts = np.bincount(given.indices[given.data > 0], minlength=given.shape[1])
    found = []
    for label in range(len(result.dataset.labels)):
        members = confirmed[best[confirmed] == label]
        if label == result.dataset.oos or len(members) < max(
            2 * config.split_rows, counts[label] / 2
        ):
            continue
        graph = _within(result.neighbours, members)
        if graph.nnz < config.split_degree * len(members):
            continue
        parts = _bisect(graph, config)
        if parts is None or parts[1] > config.split_cut:
            continue
        part, cut = parts
        degree = np.asarray(graph.sum(axis=1)).ravel()
        sides = sorted((np.flatnonzero(part == side) for side in (0, 1)), key=len, reverse=True)
        texts = [
            tuple(
                result.unique.texts[members[j]]
                for j in side[np.lexsort((side, -degree[side]))][:_EXAMPLES]
            )
            for side in sides
        ]
        name = result.dataset.labels[label]
        rows = (len(sides[0]), len(sides[1]))
        found.append(SplitAdvice(name, rows, cut, texts[0], texts[1]))
    return tuple(sorted(found, key=lambda s: (s.cut, s.label)))


def _within(neighbours: Ints, members: Ints) -> csr_array:
    """Return sparse [t, t]: 1 where one of two members is the other's neighbour."""
    place = np.full(len(neighbours), -1, dtype=np.int64)
    place[members] = np.arange(len(members))
    near = neighbours[members]
    column = np.where(near >= 0, place[np.maximum(near, 0)], -1)
    i, j = np.nonzero(column >= 0)
    shape = (len(members), len(members))
    directed = csr_array((np.ones(len(i)), (i, column[i, j])), shape=shape)
    return csr_array(directed.maximum(directed.T))


def _bisect(graph: csr_array, config: DiagnosticsConfig) -> tuple[Ints, float] | None:
    """Cut a graph in two where it is thinnest: normalised cut by its spectrum (Shi & Malik 2000).

    scikit-learn's `spectral_embedding` finds the same vector more slowly: by ARPACK 15 s against
    0.05 s for 5,000 texts, by LOBPCG 9 s against 0.5 s for 200 labels of 100 texts, and of 20,000
    texts it puts some on the other side.

    Returns:
        int64 [t], 0 or 1, and -1 for texts that hang on to neither; the edges between the parts as
        a share of what chance would put there. None where there are no parts of enough texts.
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import LinearOperator, eigsh

    _, component = connected_components(graph, directed=False)
    kept = np.flatnonzero(np.bincount(component)[component] >= config.split_rows)
    least = max(config.split_rows, int(np.ceil(config.split_share * len(kept))))
    if len(kept) < 2 * least:
        return None
    graph = csr_array(graph[kept][:, kept])
    degree = np.asarray(graph.sum(axis=1)).ravel()
    root = np.sqrt(degree)
    scaled = csr_array(graph.multiply(1 / root[:, None]).multiply(1 / root[None, :]))
    first = root / np.linalg.norm(root)

    def deflated(vector: Doubles) -> Doubles:
        # The shift keeps the wanted eigenvalue the largest in size.
        return np.asarray(scaled @ vector + vector - 2 * first * (first @ vector))

    operator = LinearOperator(graph.shape, matvec=deflated, dtype=np.float64)
    start = np.cos(np.arange(len(kept)))
    _, vectors = eigsh(operator, k=1, which="LA", v0=start, tol=1e-6)
    order = np.argsort(vectors[:, 0] / root, kind="stable")
    # Edges across the cut after each text in that order: its later neighbours, less earlier ones.
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    i, j = graph.nonzero()
    later = np.where(place[j] > place[i], 1.0, -1.0)
    cut = np.cumsum(np.bincount(i, later, minlength=len(order))[order])
    volume = np.cumsum(degree[order])
    total = volume[-1]
    share = cut[:-1] * total / np.maximum(volume[:-1] * (total - volume[:-1]), 1e-9)
    sizes = np.arange(least, len(order) - least + 1)
    size = int(sizes[np.argmin(share[sizes - 1])])
    part = np.full(len(component), -1, dtype=np.int64)
    part[kept[order[:size]]], part[kept[order[size:]]] = 0, 1
    return part, float(share[size - 1])


def _mostly_wrong(result: Relabelling, config: DiagnosticsConfig) -> tuple[MostlyWrongLabel, ...]:
    """Return the labels that less than half of their rows are expected to carry rightly."""
    given, of_row, posterior = result.dataset.given, result.unique.of_row, result.posterior
    labels = result.dataset.labels
    quality = given_probability(given, of_row, posterior)
    has_label = given != NO_LABEL
    counts = np.bincount(given[has_label], minlength=len(labels))
    right = np.bincount(given[has_label], quality[has_label], minlength=len(labels))
    share = right / np.maximum(counts, 1)
    found = []
    for label in np.flatnonzero((counts >= config.min_rows) & (share < 0.5)):
        texts = of_row[given == label]
        mass = np.bincount(
            posterior.candidates[texts].ravel(),
            posterior.probabilities[texts].ravel(),
            minlength=len(labels),
        )
        mass[label] = 0.0
        goes_to = labels[int(mass.argmax())] if mass.max() > 0 else None
        found.append(
            MostlyWrongLabel(labels[label], int(counts[label]), float(share[label]), goes_to)
        )
    return tuple(sorted(found, key=lambda m: (m.right_share, m.label)))


def _empty(result: Relabelling) -> tuple[EmptyLabel, ...]:
    size = len(result.dataset.labels)
    given, mended = result.dataset.given, result.decisions.mended
    before = np.bincount(given[given != NO_LABEL], minlength=size)
    after = np.bincount(mended[mended != NO_LABEL], minlength=size)
    if not before.any():  # that the table has no labels needs no line for each of them
        return ()
    return tuple(
        EmptyLabel(result.dataset.labels[label], int(after[label]))
        for label in np.flatnonzero(before == 0)
    )


def _entries(matrix: csr_array, rows: Ints, columns: Ints) -> Doubles:
    """Return float64 [p], single entries."""
    entries: Doubles = np.asarray(matrix[rows, columns], dtype=np.float64).ravel()
    return entries


def _members(given: csr_array, labels: Sequence[int]) -> Ints:
    """Return int64, the texts that carry any of a few labels."""
    carried = np.asarray(given[:, list(labels)].sum(axis=1)).ravel()
    return np.flatnonzero(carried > 0).astype(np.int64)
