"""What stands behind a label: what can't be learned, crossed with what is wrong held out."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from labelmend.arrays import largest_products
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.voice.speak import meant, note

Kind = Literal["label error", "hard", "missing data", "fine"]

KINDS: tuple[Kind, ...] = get_args(Kind)

NEAREST = 3
"""Other texts with the same label whose cosines tell how well a text is backed. Chosen by hand."""

FAR = 0.25
"""Of the texts that are right held out, so many lie as far from others with their label as one that
is called far. Chosen on the demo's texts."""

_MOST_REFERENCES = 5000
"""Texts of a label that others are compared with, at most: of more, every so-manieth is taken."""


def backing(embeddings: Floats, text_of: Ints, label_of: Ints) -> Doubles:
    """Return float64 [p], how near other texts with the same label are: higher is nearer.

    The mean cosine of the `NEAREST` nearest of them; one that is not there counts 0, as much as a
    text of something else. So a text far from the others is backed as little as one of few.

    Args:
        embeddings: float32 [u, d], unit rows.
        text_of: int64 [p], the text of each pair.
        label_of: int64 [p], its label; no pair comes twice.
    """
    found = np.zeros(len(text_of))
    for label in np.unique(label_of).tolist():
        pairs = np.flatnonzero(label_of == label)
        texts = text_of[pairs]
        kept = np.arange(0, len(texts), -(-len(texts) // _MOST_REFERENCES))
        own = np.full(len(texts), -1, dtype=np.int64)
        own[kept] = np.arange(len(kept))
        _, near = largest_products(embeddings[texts], embeddings[texts[kept]], NEAREST, own)
        found[pairs] = np.where(np.isfinite(near), near, 0.0).sum(axis=1) / NEAREST
    return found


def usual_backing(backed: Doubles, is_right: Bools) -> float:
    """Return what is usual: a pair that is backed less is far from others with its label.

    Args:
        backed: float64 [p].
        is_right: bool [p], held out; where none is, all pairs say what is usual.
    """
    return float(np.quantile(backed[is_right] if is_right.any() else backed, FAR))


def kinds_of(is_learned: Bools, is_right: Bools, is_far: Bools, is_only: Bools) -> list[Kind]:
    """Return the kind of each pair of text and label, [p].

    - Neither learned nor right held out: a label error. The model was shown the label, and what is
      near outvoted it (never learned: Toneva et al. 2019; hard to learn: Swayamdipta et al. 2020;
      a margin below zero: Pleiss et al. 2020), and who never saw it says another one.
    - Learned, wrong held out, far from others with its label: missing data. Nothing contradicts
      it, and nothing leads to it: it is known by heart alone (Feldman and Zhang 2020). So is the
      only text of a label, which nobody could predict.
    - The models disagree otherwise: hard. They say so of what lies at a border (ambiguous:
      Swayamdipta et al. 2020).
    - Learned and right: fine.

    Args:
        is_learned: bool [p], the overfitted model gives the text this label.
        is_right: bool [p], the held-out one does.
        is_far: bool [p], from other texts with the label.
        is_only: bool [p], there is no other text with the label.
    """
    missing = is_only | (is_learned & ~is_right & is_far)
    error = ~is_learned & ~is_right & ~missing
    fine = is_learned & is_right & ~missing
    place = np.select([error, missing, fine], [0, 2, 3], 1)
    return [KINDS[i] for i in place.tolist()]


_ERROR = meant(
    "can't be learned: even where it is shown, {overfitted!r} is likelier; held out {predicted!r}"
)
_BORDER = meant("{predicted!r} held out too, but it can't be learned: {overfitted!r} is as near")
_NEAR = meant("learned, but {predicted!r} held out, and texts with its own label are near")
_FAR = meant(
    "learned by heart, {predicted!r} held out: other texts with its label are far "
    "(cosine {backed:.2f}, usual {usual:.2f})"
)
_ONLY = meant("no other text has this label")
_FINE = meant("learned, and right held out")


def reason(
    kind: Kind,
    labels: Sequence[str],
    overfitted: int,
    predicted: int,
    *,
    is_right: bool,
    is_only: bool,
    backed: float,
    usual: float,
) -> str:
    """Return one sentence on why a label is of its kind.

    Args:
        kind: of it.
        labels: the label set.
        overfitted: the label that the overfitted model gives.
        predicted: the one that is predicted held out.
        is_right: that is the given one.
        is_only: no other text has it.
        backed: see `backing`.
        usual: see `usual_backing`.
    """
    sentence = {"label error": _ERROR, "missing data": _FAR, "fine": _FINE}.get(kind)
    if is_only:
        sentence = _ONLY
    elif sentence is None:
        sentence = _BORDER if is_right else _NEAR
    return note(
        sentence,
        overfitted=labels[overfitted],
        predicted=labels[predicted],
        backed=backed,
        usual=usual,
    )
