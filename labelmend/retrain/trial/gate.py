"""The gate: new rows that look poisoned lead to no model, and nothing is learned from them.

What new rows are held to is what the known ones look like to the same evidence, which in both cases
has not seen the row's own label. Counted are texts, not rows: a thousand copies are one. Tests are
exact, and corrected for how many pairs or labels are looked at (Bonferroni; Holm 1979).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from labelmend.evaluation.compare import LEVEL, holm
from labelmend.retrain.mending import Judged
from labelmend.retrain.project import GateConfig
from labelmend.types import Bools, Ints
from labelmend.voice.speak import meant, note

_PLAUSIBLE = 5
"""A label is unlikely where the evidence finds so many others likelier: the right one is hardly
ever so far down, and one drawn at random hardly ever further up."""

_QUARTER = 4
"""Of few labels, a label is unlikely where a quarter of them are likelier, and at least one."""

_LEAST_TEXTS = 10
"""Fewer new texts of a kind are too few to look shuffled."""

_DRAWS = 2000
"""Random draws that tell how far apart the label shares of so few rows are by chance."""

_BY_CHANCE = 0.999
"""Quantile of these draws that counts as chance still."""

_PSEUDO = 0.5
"""Rows that a pair which the known rows never show is taken to have (Jeffreys' prior)."""


LABEL_DROPS = meant(
    "held-out accuracy of {label!r} falls from {before:.1%} to {after:.1%}, and not by chance"
)


@dataclass(frozen=True)
class Called:
    """What two versions say of the held-out rows.

    Attributes:
        truth: int64 [b], indices into `labels`.
        champion: int64 [b].
        challenger: int64 [b].
        labels: all that are true or called.
    """

    truth: Ints
    champion: Ints
    challenger: Ints
    labels: tuple[str, ...]


class Judgements(Protocol):
    """New rows and known ones, as all evidence but their own labels judges them."""

    @property
    def labels(self) -> tuple[str, ...]:
        """That indices mean."""
        ...

    @property
    def judged(self) -> Judged:
        """New rows that were mended."""
        ...

    @property
    def settled(self) -> Judged:
        """New rows that people settled."""
        ...

    @property
    def known(self) -> Judged:
        """Known rows, out of fold."""
        ...


def look_at_rows(mending: Judgements, config: GateConfig, seed: int) -> tuple[str, ...]:
    """Return what is wrong with new rows, one line a reason; nothing where they look sound.

    Args:
        mending: the rows, judged by all evidence but their own labels.
        config: what is too much.
        seed: of the draws that say what chance does.
    """
    found = [
        *_shuffled(mending, config),
        *_shuffled_answers(mending, config),
        *_renamed(mending, config),
        *_shifted(mending, config, seed),
    ]
    return tuple(found)


def look_at_labels(called: Called, config: GateConfig, said: str = LABEL_DROPS) -> tuple[str, ...]:
    """Return the labels on which a challenger is worse than the champion, one line a reason.

    Args:
        called: what both say of rows that were held out before the new ones came.
        config: how much worse.
        said: the reason, with `label`, `before` and `after`.
    """
    labels, drops, p_values, shares = [], [], [], []
    for k in np.unique(called.truth).tolist():
        rows = called.truth == k
        before, after = called.champion[rows] == k, called.challenger[rows] == k
        lost, won = int((before & ~after).sum()), int((after & ~before).sum())
        labels.append(called.labels[k])
        drops.append((lost - won) / int(rows.sum()))
        shares.append((float(before.mean()), float(after.mean())))
        p_values.append(_more_than(lost, lost + won, 0.5))
    worse = [
        note(
            said,
            label=label,
            before=before,
            after=after,
        )
        for label, drop, p, (before, after) in zip(
            labels, drops, holm(p_values), shares, strict=True
        )
        if drop > config.label_drop and p < LEVEL
    ]
    return tuple(worse)


_SHUFFLED = meant(
    "{share:.1%} of {count} new labels are unlikely by all evidence, and {known:.1%} of the known "
    "ones: they look shuffled"
)
_ANSWERS = meant(
    "{share:.1%} of {count} answers and corrections are unlikely by all evidence: they look "
    "shuffled"
)
_RENAMED = meant(
    "{count} new texts look like {best!r} and say {given!r}, where {expected:.1f} were expected: "
    "{best!r} looks renamed"
)
_SHIFTED = meant(
    "label shares of the new rows are {far:.2f} apart from those of the known ones (total "
    "variation), and chance makes {chance:.2f}: most of it is {label!r}"
)


def _shuffled(mending: Judgements, config: GateConfig) -> list[str]:
    count = len(mending.judged.rank)
    if count < _LEAST_TEXTS:
        return []
    unlikely = int(_unlikely(mending.judged, mending).sum())
    usual = _usual(mending)
    if unlikely / count <= usual + config.unlikely:
        return []
    if _more_than(unlikely, count, usual) > config.chance:
        return []
    return [note(_SHUFFLED, share=unlikely / count, count=count, known=usual)]


def _shuffled_answers(mending: Judgements, config: GateConfig) -> list[str]:
    count = len(mending.settled.rank)
    unlikely = int(_unlikely(mending.settled, mending).sum())
    if count < _LEAST_TEXTS or unlikely / count <= config.unlikely_answers:
        return []
    return [note(_ANSWERS, share=unlikely / count, count=count)]


def _renamed(mending: Judgements, config: GateConfig) -> list[str]:
    """Find a label whose texts come with one other label too often."""
    new, known, labels = mending.judged, mending.known, mending.labels
    size = len(labels)
    if not len(new.best):
        return []
    seen = Counter(zip(known.best.tolist(), known.given.tolist(), strict=True))
    known_of = np.bincount(known.best, minlength=size)
    new_of = np.bincount(new.best, minlength=size)
    pairs = Counter(zip(new.best.tolist(), new.given.tolist(), strict=True))
    looked_at = {pair: n for pair, n in pairs.items() if pair[0] != pair[1]}
    # As many of a label's texts went to each other one, before any was looked at.
    wrong = sum(n for (best, given), n in seen.items() if best != given)
    spread = wrong / max(int(known_of.sum()), 1) / max(size - 1, 1)
    found = []
    for (best, given), count in sorted(looked_at.items()):
        if count < config.least_pairs:
            continue
        rate = (seen[best, given] + _PSEUDO + spread) / (int(known_of[best]) + 1)
        total = int(new_of[best])
        if _more_than(count, total, rate) * len(pairs) <= config.chance:
            line = note(
                _RENAMED,
                count=count,
                best=labels[best],
                given=labels[given],
                expected=rate * total,
            )
            found.append(line)
    return found


def _shifted(mending: Judgements, config: GateConfig, seed: int) -> list[str]:
    """Find new rows whose labels are others than the known ones', by far."""
    new, known, size = mending.judged.given, mending.known.given, len(mending.labels)
    if len(new) < _LEAST_TEXTS or not len(known):
        return []
    usual = np.bincount(known, minlength=size) / len(known)
    now = np.bincount(new, minlength=size) / len(new)
    drawn = np.random.default_rng(seed).multinomial(len(new), usual, size=_DRAWS) / len(new)
    chance = float(np.quantile(np.abs(drawn - usual).sum(axis=1) / 2, _BY_CHANCE))
    far = float(np.abs(now - usual).sum() / 2)
    # What chance makes of a few rows takes up most of the room up to 1.
    if far <= chance + config.label_shift * (1 - chance):
        return []
    label = mending.labels[int((now - usual).argmax())]
    return [note(_SHIFTED, far=far, chance=chance, label=label)]


def _unlikely(judged: Judged, mending: Judgements) -> Bools:
    likelier = min(_PLAUSIBLE, max(len(mending.labels) // _QUARTER, 1))
    return np.asarray(judged.rank >= likelier)


def _usual(mending: Judgements) -> float:
    """Return the share of known labels that are unlikely, at least half a row of them."""
    count = len(mending.known.rank)
    return (int(_unlikely(mending.known, mending).sum()) + _PSEUDO) / (count + 1)


def _more_than(count: int, total: int, rate: float) -> float:
    """Return the probability of so many cases or more out of a total."""
    from scipy.stats import binom

    return float(binom.sf(count - 1, total, rate)) if total else 1.0


def reasons_in_words(reasons: Sequence[str]) -> str:
    """Return reasons as one line."""
    return "; ".join(reasons)
