"""What a linear model reads of one embedding, or of a pair of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from labelmend.arrays import principal_axes
from labelmend.parallel import blocks_of
from labelmend.types import Doubles, Floats

BLOCKS_OF_PAIR = 4
"""[q, a, |q - a|, q * a], as in InferSent (Conneau et al. 2017)."""

_ROWS = 4096
"""Rows whose features are held at a time; no outcome depends on it."""


def feature_blocks(parts: Sequence[Floats]) -> tuple[Floats, ...]:
    """Return blocks of float32 [b, d]: the embeddings, or of pairs q, a, |q - a| and q * a.

    Args:
        parts: float32 [b, d], one, or of pairs two.
    """
    if len(parts) == 1:
        return (parts[0],)
    first, second = parts
    return first, second, np.abs(first - second), first * second


def features(parts: Sequence[Floats]) -> Floats:
    """Return float32 [b, D], the blocks side by side; D is d, of pairs 4 d."""
    return np.hstack(feature_blocks(parts))


@dataclass(frozen=True)
class Axes:
    """Leading axes of variance of each block, scaled so that every block varies as much.

    An entry of q * a is small beside one of q: unscaled, a penalty on the weights would leave it
    out.

    Attributes:
        means: of each block, float32 [d].
        axes: of each block, float32 [d, m]; a unit of what they yield is the block's deviation.
    """

    means: tuple[Floats, ...]
    axes: tuple[Floats, ...]

    @classmethod
    def of(cls, parts: Sequence[Floats], count: int) -> Self:
        """Learn them from texts, whatever their targets.

        Args:
            parts: float32 [n, d], one, or of pairs two.
            count: axes of all blocks at most; each of them has as many.
        """
        means, axes = [], []
        blocks = len(feature_blocks([part[:1] for part in parts]))
        for i in range(blocks):
            # One block at a time: four of a large table take too much memory.
            block = _block(parts, i)
            mean, leading = principal_axes(block, max(1, count // blocks))
            spread = float(np.square(block - mean).sum(axis=1, dtype=np.float64).mean())
            means.append(mean)
            axes.append((leading / np.sqrt(spread if spread > 0 else 1.0)).astype(np.float32))
        return cls(tuple(means), tuple(axes))

    def project(self, parts: Sequence[Floats]) -> Floats:
        """Return float32 [n, m], all blocks on their axes."""
        width = sum(axes.shape[1] for axes in self.axes)
        found = np.empty((len(parts[0]), width), dtype=np.float32)
        for rows in blocks_of(len(found), _ROWS):
            blocks = feature_blocks([part[rows] for part in parts])
            projected = [
                (block - mean) @ axes
                for block, mean, axes in zip(blocks, self.means, self.axes, strict=True)
            ]
            found[rows] = np.hstack(projected)
        return found

    def folded_back(self, weights: Doubles, bias: Doubles) -> tuple[Floats, Doubles]:
        """Turn linear models of what `project` yields into ones of `features`.

        Args:
            weights: float64 [m, T].
            bias: float64 [T].

        Returns:
            float32 [D, T] and float64 [T].
        """
        cuts = np.cumsum([axes.shape[1] for axes in self.axes])[:-1]
        whole = []
        for mean, axes, part in zip(
            self.means, self.axes, np.split(weights, cuts, axis=0), strict=True
        ):
            whole.append(axes.astype(np.float64) @ part)
            bias = bias - mean.astype(np.float64) @ whole[-1]
        return np.vstack(whole).astype(np.float32), bias


def _block(parts: Sequence[Floats], number: int) -> Floats:
    rows = len(parts[0])
    found = np.empty((rows, parts[0].shape[1]), dtype=np.float32)
    for some in blocks_of(rows, _ROWS):
        found[some] = feature_blocks([part[some] for part in parts])[number]
    return found
