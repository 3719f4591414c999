"""Distillation: static vectors whose sums lie where the encoders place the texts of a table.

Model2Vec (van Dongen & Tulkens 2024) takes an encoder's output for each token of its vocabulary,
projects it, and weighs it by how rare the token is. Here that is where vectors begin. Then a ridge
regression on the texts of the table says how these outputs are to be mapped, and what is to be
added for each token and each pair of neighbours that the table knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from labelmend.arrays import principal_axes, unit_rows
from labelmend.classify.static.vocabulary import INSIDE, WordSpace, token_ids
from labelmend.configs.schema import StaticConfig
from labelmend.retrieval.encoders.static_graph import StaticVectors, kept_pairs
from labelmend.types import Bools, Doubles, Floats, Ints

_PAIR_WEIGHT = 0.8
"""Weight of a pair's feature beside that of a token. Chosen on the demo's and CLINC150's validation
rows: with 0.5, 0.1 points fewer of the latter are right, and as much less is told apart from what
is out of scope."""

_BLOCK = 4096
"""Texts whose tokens are counted at a time; no outcome depends on it."""


@dataclass(frozen=True)
class Features:
    """What texts are made of, before anything is learned.

    Attributes:
        texts: [u, n + m + e], rows of unit length: a text's tokens, its pairs, and the sum of the
            encoders' outputs for its tokens.
        seen: int64 [n], the tokens that stand in some text.
        tokens: float32 [n], how much each of them counts.
        pairs: float32 [m], how much each pair counts.
        pair_tokens: int64 [m, 2].
        outputs: float32 [all tokens, e], the encoders' outputs for each, as they are counted.
    """

    texts: "SumFeatures"
    seen: Ints
    tokens: Floats
    pairs: Floats
    pair_tokens: Ints
    outputs: Floats


@dataclass(frozen=True)
class SumFeatures:
    """Rows [u, n + m + e] whose first columns are sparse and last ones dense.

    Attributes:
        counted: float32 [u, n + m].
        dense: float32 [u, e].
    """

    counted: csr_array
    dense: Floats

    def __getitem__(self, rows: Ints | Bools) -> "SumFeatures":
        return SumFeatures(self.counted[rows], self.dense[rows])

    def times(self, weights: Floats) -> Floats:
        """Return float32 [u, d], from weights [n + m + e, d]."""
        count = self.counted.shape[1]
        found: Floats = self.counted @ weights[:count] + self.dense @ weights[count:]
        return found

    def back(self, rows: Floats) -> Floats:
        """Return float32 [n + m + e, d], the transposed product with rows [u, d]."""
        return np.vstack([self._turned @ rows, self.dense.T @ rows])

    @property
    def _turned(self) -> Any:
        return self.counted.T


def features_of(
    texts: Sequence[str],
    tokenizer: Any,
    tokens: Sequence[str],
    space: WordSpace | None,
    config: StaticConfig,
) -> Features:
    """Count what stands in texts.

    Args:
        texts: distinct.
        tokenizer: of the student.
        tokens: its tokens, by their ids.
        space: that places tokens; None for none.
        config: how many pairs are kept, and numbers an output keeps.
    """
    ids, starts = _token_ids(texts, tokenizer)
    bags = _bags(ids, starts, len(tokens))
    token_weights = _rarity(bags)
    pair_tokens, paired = _pairs(ids, starts, len(tokens), config.pairs)
    pair_weights = _PAIR_WEIGHT * _rarity(paired)
    outputs = (
        _outputs(tokens, space, config.dimensions) * (token_weights / token_weights.max())[:, None]
    )
    dense = bags @ outputs
    seen = np.unique(bags.indices).astype(np.int64)
    words = bags[:, seen] @ diags_array(token_weights[seen])
    counted = hstack([words, paired @ diags_array(pair_weights)])
    size = np.sqrt(_squares(words).mean() / max(float((dense * dense).sum(axis=1).mean()), 1e-12))
    outputs, dense = outputs * np.float32(size), dense * np.float32(size)
    lengths = np.sqrt(_squares(counted) + (dense * dense).sum(axis=1))
    scale = (1 / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    rows = SumFeatures(
        csr_array(diags_array(scale) @ counted, dtype=np.float32), dense * scale[:, None]
    )
    return Features(rows, seen, token_weights[seen], pair_weights, pair_tokens, outputs)


def fit_vectors(rows: SumFeatures, targets: Floats, config: StaticConfig) -> Floats:
    """Return float32 [n + m + e, d], what maps features to targets: a ridge regression.

    By conjugate gradients on the normal equations, one step for all columns at a time; they are
    stopped early, which regularizes too.

    Args:
        rows: of the texts.
        targets: float32 [u, d].
        config: strength of the ridge, and iterations.
    """
    found = np.zeros((rows.counted.shape[1] + rows.dense.shape[1], targets.shape[1]), np.float32)
    left = rows.back(targets)
    direction = left.copy()
    size = (left * left).sum(axis=0)
    for _ in range(config.max_iter):
        image = rows.times(direction)
        curved = (image * image).sum(axis=0) + np.float32(config.alpha) * (
            direction * direction
        ).sum(axis=0)
        step = size / np.maximum(curved, _TINY)
        found += step * direction
        left -= step * (rows.back(image) + np.float32(config.alpha) * direction)
        before, size = size, (left * left).sum(axis=0)
        direction *= size / np.maximum(before, _TINY)
        direction += left
    return found


_TINY = np.float32(1e-20)
"""Instead of zero, in a divisor: a column that is solved stays so."""


def targets_of(teacher: Floats, labels: Ints, oos: int | None, pull: float) -> Floats:
    """Return float32 [u, d], where texts are to lie.

    That is where the encoders place them, drawn towards the mean of those with their label, so that
    the student spends its few vectors on what tells labels apart. Texts out of scope have nothing
    in common, and stay.

    Args:
        teacher: float32 [u, d], unit rows.
        labels: int64 [u].
        oos: the label of texts that are out of scope, or None.
        pull: weight of the label's mean beside the text's own place.
    """
    present, place = np.unique(labels, return_inverse=True)
    means = np.zeros((len(present), teacher.shape[1]), dtype=np.float32)
    np.add.at(means, place, teacher)
    means /= np.bincount(place)[:, None]
    means[present == (-1 if oos is None else oos)] = 0
    return unit_rows(teacher + np.float32(pull) * means[place])


def vectors_of(features: Features, weights: Floats, mean: Floats) -> StaticVectors:
    """Return what a text's features add up to, one vector a token and a pair.

    Args:
        features: of the texts.
        weights: float32 [n + m + e, d], as `fit_vectors` found them.
        mean: float32 [d], of the texts' places.
    """
    n, m = len(features.tokens), len(features.pairs)
    tokens = features.outputs @ weights[n + m :]
    tokens[features.seen] += features.tokens[:, None] * weights[:n]
    pairs = features.pairs[:, None] * weights[n : n + m]
    # Only directions count, and half precision holds no large numbers.
    size = max(float(np.abs(tokens).max()), 1e-12)
    direction = mean if mean.any() else np.eye(1, len(mean), dtype=np.float32)[0]
    return StaticVectors(
        tokens / size, pairs / size, features.pair_tokens, unit_rows(direction[None, :])[0]
    )


def _token_ids(texts: Sequence[str], tokenizer: Any) -> tuple[Ints, Ints]:
    """Return the ids of all texts on end, marks included, int64 [t], and where each begins."""
    parts, lengths = [np.zeros(0, np.int64)], [0]
    for start in range(0, len(texts), _BLOCK):
        for found in token_ids(tokenizer, texts[start : start + _BLOCK]):
            parts.append(np.array(found, dtype=np.int64))
            lengths.append(len(found))
    return np.concatenate(parts), np.cumsum(lengths)


def _bags(ids: Ints, starts: Ints, count: int) -> csr_array:
    """Return float32 [u, count], how often each token stands in each text; marks don't count."""
    values = (ids >= _MARK_COUNT).astype(np.float32)
    bags = csr_array((values, ids, starts), shape=(len(starts) - 1, count), copy=True)
    bags.sum_duplicates()
    bags.eliminate_zeros()
    return bags


_MARK_COUNT = 3
"""The first ids: the unknown token, and the marks of a text's start and end."""


def _pairs(ids: Ints, starts: Ints, count: int, most: int) -> tuple[Ints, csr_array]:
    """Return the pairs that are kept, int64 [m, 2], and float32 [u, m], how often each stands."""
    keys = ids[:-1] * count + ids[1:] if len(ids) else ids
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    inside = row[:-1] == row[1:] if len(row) else np.zeros(0, dtype=bool)
    keys, row = keys[inside], row[:-1][inside]
    distinct, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    chosen = np.sort(np.lexsort((distinct, -counts))[:most])
    tokens = np.column_stack([distinct // count, distinct % count])
    chosen = chosen[kept_pairs(tokens[chosen], counts[chosen])]
    column = np.full(len(distinct), -1, dtype=np.int64)
    column[chosen] = np.arange(len(chosen))
    there = column[place] >= 0
    paired = csr_array(
        (np.ones(int(there.sum()), np.float32), (row[there], column[place][there])),
        shape=(len(starts) - 1, len(chosen)),
    )
    return tokens[chosen], paired


def _rarity(counts: csr_array) -> Floats:
    """Return float32 [n], how much each column counts: smoothed inverse document frequency."""
    rows = counts.shape[0]
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    return (np.log((1 + rows) / (1 + held)) + 1).astype(np.float32)


def _outputs(tokens: Sequence[str], space: WordSpace | None, width: int) -> Floats:
    """Return float32 [n, e], the encoders' outputs for each token on their leading axes."""
    if space is None:
        return np.zeros((len(tokens), 1), dtype=np.float32)
    read = [token.removeprefix(INSIDE) for token in tokens[_MARK_COUNT:]]
    vectors = space.queries(read)
    mean, axes = principal_axes(vectors, width)
    placed = np.zeros((len(tokens), axes.shape[1]), dtype=np.float32)
    placed[_MARK_COUNT:] = (vectors - mean) @ axes
    return placed


def _squares(rows: Any) -> Doubles:
    found = rows.multiply(rows).sum(axis=1)
    return np.asarray(found, dtype=np.float64).ravel()
