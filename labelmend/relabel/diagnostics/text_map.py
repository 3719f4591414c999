"""A map of the texts: two dimensions of their embeddings, for pictures.

Principal components (Pearson, 1901; Hotelling, 1933): the two directions in which the texts differ
most. They cost one pass, and a text's place depends on no other text's place.
"""

import numpy as np

from labelmend.arrays import principal_axes, row_blocks
from labelmend.types import Floats

_AXES_FROM = 1 << 16
"""Texts that the axes are found from. By so many, a direction is known to well below what a picture
shows; more would only cost time."""

_NOTHING = 1e-5
"""Distances on the map that are nothing, against the length of the embeddings: some times what
float32 rounds away. Drawn as large as the picture, they would look like something."""


def two_dimensions(embeddings: Floats, seed: int) -> Floats:
    """Return each text's place on a map, float32 [n, 2].

    The first dimension is the one along which texts differ most. Where they differ in fewer than
    two, the others are 0; so all is 0 for one text, and for texts that are all the same.

    Args:
        embeddings: float32 [n, d]; it may lie on the disk, and is read by blocks of rows.
        seed: of the draw of the texts that the axes are found from, where there are many.
    """
    places = np.zeros((len(embeddings), 2), dtype=np.float32)
    if not embeddings.size:
        return places
    mean, axes = principal_axes(_drawn(embeddings, seed), 2)
    # An axis points either way; here, the way of what it is made of most.
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, range(axes.shape[1])] < 0, -1, 1).astype(np.float32)
    longest = 0.0
    for rows in row_blocks(len(embeddings), embeddings.shape[1]):
        block = np.asarray(embeddings[rows], dtype=np.float32)
        places[rows, : axes.shape[1]] = (block - mean) @ axes
        longest = max(longest, float(np.sqrt((block * block).sum(axis=1).max())))
    places[:, np.abs(places).max(axis=0) <= _NOTHING * longest] = 0
    return places


def _drawn(embeddings: Floats, seed: int) -> Floats:
    if len(embeddings) <= _AXES_FROM:
        return embeddings
    chosen = np.random.default_rng(seed).choice(len(embeddings), _AXES_FROM, replace=False)
    found: Floats = embeddings[np.sort(chosen)]
    return found
