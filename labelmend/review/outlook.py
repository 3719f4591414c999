"""How far a sitting is, how fast, and how much longer it is worth while."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelmend.audit.certificate import Certificate

_RECENT = 20
"""Answers that the rate is of."""

_PAUSE = 120.0
"""Seconds: who takes longer than that for a row has gone for coffee."""

NEXT_ROWS = 25
"""Rows ahead of which is said how many are likely wrong: as many as bring a refit."""


class Pace:
    """How fast one person answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: list[float] = []
        self.count = 0

    def add(self, count: int = 1) -> None:
        """Note answers that were given just now."""
        self._times = [*self._times, *[self._clock()] * count][-_RECENT - 1 :]
        self.count += count

    def per_minute(self) -> float | None:
        """Return answers a minute, pauses left out; None before the second answer."""
        gaps = [b - a for a, b in zip(self._times, self._times[1:], strict=False)]
        gaps = [gap for gap in gaps if gap <= _PAUSE]
        total = sum(gaps)
        return 60 * len(gaps) / total if total > 0 else None


def standing(certificate: "Certificate") -> dict[str, Any]:
    """Return what the answers of the audit prove so far."""
    from labelmend.audit.words import interval_of

    figures = []
    for figure in certificate.figures:
        low, high = interval_of(certificate, figure)
        figures.append({"name": figure.name, "estimate": figure.estimate, "low": low, "high": high})
    return {
        "answered": certificate.answered,
        "drawn": certificate.drawn,
        "open": certificate.open,
        "anytime": certificate.headline == "anytime_95",
        "figures": figures,
    }


def outlook(certificate: "Certificate", goal: float) -> dict[str, Any]:
    """Return what a narrower interval takes.

    Args:
        certificate: as it stands.
        goal: width that the person wants the intervals of wrong labels to have, 0 to 1.
    """
    from labelmend.audit.words import interval_of

    after = certificate.figure("wrong_after")
    more = None
    if after is not None:
        low, high = interval_of(certificate, after)
        further = certificate.further.get(after.name, high - low)
        more = rows_to_width(certificate.answered, high - low, further, goal)
        # More than all rows can't be asked for: they would leave nothing open.
        more = more if more is None else min(more, certificate.rows - certificate.answered)
    return {"goal": goal, "more": more}


def rows_to_width(answered: int, width: float, further: float, goal: float) -> int | None:
    """Return how many answers more bring an interval below a width, about.

    Up to the width after `FURTHER` answers more, which is known, widths fall as a power of the
    answers that leads there; beyond it, and where it tells nothing, with their square root.

    Args:
        answered: so far.
        width: of the interval now.
        further: of the interval after `FURTHER` answers more.
        goal: the width that is wanted.

    Returns:
        0 where it is reached, None where it can't be told.
    """
    from labelmend.audit.certificate import FURTHER

    if width <= goal:
        return 0
    if answered <= 0 or goal <= 0:
        return None
    try:
        if not 0 < further < width:
            return math.ceil(answered * math.pow(width / goal, 2) - answered)
        if goal < further:
            return math.ceil((answered + FURTHER) * math.pow(further / goal, 2) - answered)
        power = math.log(width / further) / math.log((answered + FURTHER) / answered)
        return math.ceil(answered * math.pow(width / goal, 1 / power) - answered)
    except OverflowError:
        return None


def likely_wrong(doubts: Sequence[float]) -> dict[str, float]:
    """Return how many of the next rows the run believes to have a wrong label."""
    ahead = doubts[:NEXT_ROWS]
    return {"rows": len(ahead), "wrong": float(sum(ahead))}
