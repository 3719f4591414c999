"""What a run leaves of its embeddings: a place on a map, and their leading axes.

A table's embeddings may be gone when people review it, or be gigabytes. On their leading axes of
variance (Pearson 1901) they take a hundred bytes a text, and texts that are alike stay alike.
"""

import numpy as np
from scipy.linalg import eigh

from labelmend.arrays import row_blocks
from labelmend.relabel.diagnostics.text_map import two_dimensions
from labelmend.relabel.result import Layout
from labelmend.types import Floats

AXES = 64
"""Numbers that are kept of a text. By hand: on the embeddings of CLINC150 they hold most of the
variance, and what `review` learns from answers on them is as good as on all."""

_LEARNED_FROM = 4096
"""Texts that the axes are found from; more cost time, and turn the leading ones hardly."""


def layout_of(embeddings: Floats, seed: int) -> Layout:
    """Return the map and the leading axes of texts.

    Args:
        embeddings: float32 [u, d], unit rows, the texts in the order of their keys.
        seed: of the draw of the texts that the axes are found from, where there are many.
    """
    leading = _on_leading_axes(embeddings, seed)
    return Layout(two_dimensions(leading, seed), leading.astype(np.float16))


def _on_leading_axes(embeddings: Floats, seed: int) -> Floats:
    """Return float32 [u, min(AXES, d)], less the mean; lengths are as in all dimensions."""
    count, width = embeddings.shape
    drawn = embeddings
    if count > _LEARNED_FROM:
        chosen = np.random.default_rng(seed).choice(count, _LEARNED_FROM, replace=False)
        drawn = embeddings[np.sort(chosen)]
    mean = drawn.mean(axis=0) if count else np.zeros(width, dtype=np.float32)
    kept = min(AXES, width)
    centred = drawn - mean
    _, axes = eigh(centred.T @ centred, subset_by_index=(width - kept, width - 1))
    leading = np.ascontiguousarray(axes[:, ::-1])
    found = np.empty((count, kept), dtype=np.float32)
    for rows in row_blocks(count, width):
        found[rows] = (embeddings[rows] - mean) @ leading
    return found
