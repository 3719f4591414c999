"""What a table can't show: the noise rate between two extremes, and what follows for each row.

Evidence that never saw a text's given label contradicts it: one of the two is wrong, and the table
alone can't say which. So two extremes are kept in sight.

- **The evidence errs.** Errors of annotators are independent of difficulty, so at the anchors, the
  most decisive texts, they are as frequent as anywhere, and what contradictions the evidence's own
  doubt explains there are its own errors. These look like any other contradiction, so every label
  that is contradicted has this share as its least probability of being right.
- **The labels err.** Errors follow difficulty: all contradictions are errors of the labels, and
  among the others are as many as the evidence has doubt of, which it repeats.

Where the evidence's own doubt explains next to none of the contradictions at the anchors, they are
noise by all that can be seen, and both extremes are the posterior itself. Errors that follow a rule
are learned by the evidence as well, so no interval holds them for sure.

Kin: anchor points (Liu & Tao 2016), instance-dependent noise, which can't be identified without
further knowledge (Xia et al. 2020; Menon et al. 2018), bounds by partial identification (Manski
2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from labelmend.configs.schema import DoubtConfig
from labelmend.types import NO_LABEL, Bools, Doubles, Ints
from labelmend.voice.speak import note


@dataclass(frozen=True)
class Heard:
    """What the evidence, which never saw their given labels, says of n rows.

    Attributes:
        labelled: bool [n], rows with a given label.
        contradicted: bool [n], labelled rows whose text the evidence takes for another label.
        doubt: float64 [n], what the evidence leaves to all labels but its best one, 0 to 1.
        anchor: bool [n], labelled rows among its most decisive texts.
    """

    labelled: Bools
    contradicted: Bools
    doubt: Doubles
    anchor: Bools


@dataclass(frozen=True)
class NoiseInterval:
    """The share of wrong labels, between the extremes, and what these say of each row.

    Attributes:
        low: share of wrong labels where the evidence errs, its sampling error taken off, 0 to 1.
        high: the same where the labels err, its sampling error added.
        agreement: share of the given labels with which the evidence agrees, out of fold.
        own_errors: share of the contradictions at the anchors that are the evidence's own errors,
            by its own doubt.
        weakness: 0 where the evidence is trusted, 1 where it is not.
        contradicted: bool [n], labelled rows whose text the evidence takes for another label.
        least: float64 [n], probability of the given label to be right, at least, where the evidence
            errs; 0 for rows that it does not contradict.
        flat: the same for a row of which no more is known than that it is contradicted.
        severity: nats by which each given label is less likely to be right where the labels err.
    """

    low: float
    high: float
    agreement: float
    own_errors: float
    weakness: float
    contradicted: Bools
    least: Doubles
    flat: float
    severity: float

    @property
    def weak(self) -> bool:
        """Tell whether the evidence is more weak than not."""
        return self.weakness >= _HALF

    def cautious(self, quality: Doubles) -> Doubles:
        """Return what a change may cost, float64 [n]: quality where the evidence errs."""
        return np.maximum(quality, self.least)

    def severe(self, quality: Doubles) -> Doubles:
        """Return quality where the labels err, float64 [n]."""
        return np.asarray(expit(_logit(quality) - self.severity))

    def middle(self, quality: Doubles) -> Doubles:
        """Return the middle of both extremes in log-odds, float64 [n]; the order stays."""
        if not self.flat and not self.severity:
            return quality
        cautious = quality + (1 - quality) * self.flat
        return np.asarray(expit((_logit(cautious) + _logit(quality) - self.severity) / 2))


_HALF = 0.5
"""The middle of a scale from 0 to 1."""

_HAIR = 1e-12
"""Keeps log-odds finite."""


def _logit(probability: Doubles) -> Doubles:
    return np.asarray(logit(np.clip(probability, _HAIR, 1 - _HAIR)))


def hear(given: Ints, text_of: Ints, candidates: Ints, log_prior: Doubles, anchors: Bools) -> Heard:
    """Hold the evidence against the given labels.

    Args:
        given: int64 [n], or `NO_LABEL`.
        text_of: int64 [n], the text of each row.
        candidates: int64 [u, c], distinct in a row.
        log_prior: float64 [u, c], log-probabilities that no given label of the text has moved.
        anchors: bool [u], the most decisive texts.
    """
    top = log_prior.max(axis=1, initial=-np.inf)
    tied = np.where(log_prior >= top[:, None], candidates, np.iinfo(np.int64).max)
    best = tied.min(axis=1, initial=np.iinfo(np.int64).max)
    labelled = given != NO_LABEL
    return Heard(
        labelled=labelled,
        contradicted=labelled & (best[text_of] != given),
        doubt=np.clip(1 - np.exp(top), 0.0, 1.0)[text_of],
        anchor=labelled & anchors[text_of],
    )


def noise_interval(heard: Heard, quality: Doubles, config: DoubtConfig) -> NoiseInterval:
    """Tell how many given labels may be wrong.

    Args:
        heard: n rows.
        quality: float64 [n], the posterior of each given label; NaN where there is none.
        config: how far the evidence is trusted.
    """
    labelled, anchor = heard.labelled, heard.anchor
    if not labelled.any():
        nothing = np.zeros(len(labelled))
        return NoiseInterval(0.0, 1.0, 0.0, 1.0, 0.0, heard.contradicted, nothing, 0.0, 0.0)
    contradicted = int((anchor & heard.contradicted).sum())
    own_errors = min(_sum(heard.doubt[anchor]) / max(contradicted, 1), 1.0)
    trusted, weak = config.weak_from**config.sharpness, own_errors**config.sharpness
    weakness = weak / (weak + trusted)
    flat = weakness * min(config.margin * own_errors, config.most)
    at_anchors = contradicted / max(int(anchor.sum()), 1)
    own_doubt = config.own_doubt * heard.doubt / max(at_anchors, 1 / max(int(anchor.sum()), 1))
    least = np.where(heard.contradicted, np.minimum(flat, weakness * own_doubt), 0.0)

    total = int(labelled.sum())
    believed = 1 - _sum(quality[labelled]) / total
    against = int(heard.contradicted.sum()) / total
    repeated = _sum(heard.doubt[labelled]) / total
    # Twice its own doubt: evidence that errs as often again as it says is not unheard of.
    few = min(believed, max(1 - 2 * own_errors, 0.0) * at_anchors)
    many = max(believed, 1 - (1 - against) * (1 - repeated))
    few, many = (believed + weakness * (end - believed) for end in (few, many))
    count, spread = max(int(anchor.sum()), 1), config.standard_errors
    # Told is no less than what is contradicted, however well the posterior explains it.
    least_wrong, most_wrong = min(few, at_anchors), max(many, at_anchors, against)
    return NoiseInterval(
        low=_bound(least_wrong, count, -spread) if least_wrong * count >= 1 else 0.0,
        high=_bound(most_wrong, count, spread),
        agreement=1 - against,
        own_errors=own_errors,
        weakness=weakness,
        contradicted=heard.contradicted,
        least=least,
        flat=flat,
        severity=_severity(quality[labelled], many) if many > believed + _EQUAL else 0.0,
    )


def _sum(values: Doubles) -> float:
    """Return the sum, which no order of rows changes."""
    return float(np.sort(values).sum())


_EQUAL = 1e-6
"""Shares of wrong labels that no table is large enough to tell apart."""


def _bound(rate: float, count: int, errors: float) -> float:
    """Return the end of Wilson's (1927) interval that is so many standard errors away."""
    square = errors**2
    spread = errors * np.sqrt(rate * (1 - rate) / count + square / (4 * count**2))
    return float(np.clip((rate + square / (2 * count) + spread) / (1 + square / count), 0.0, 1.0))


def _severity(quality: Doubles, wrong: float) -> float:
    """Return the nats off all log-odds with which this share of the labels is wrong."""
    from scipy.optimize import brentq

    odds = _logit(np.sort(quality))

    def gap(nats: float) -> float:
        return float(expit(odds - nats).mean()) - (1 - wrong)

    return float(brentq(gap, 0.0, _MOST_NATS)) if gap(_MOST_NATS) < 0 else _MOST_NATS


_MOST_NATS = 60.0
"""More than the log-odds of any quality can be moved by, both ends of it cut by `_HAIR`."""


def interval_in_words(interval: NoiseInterval) -> str:
    """Return what is told of the noise rate, in one line."""
    return note(
        "Between {low:.1%} and {high:.1%} of the given labels are wrong, as far as the table "
        "itself can tell; errors that follow a rule can't be excluded. To know it, look at 100 "
        "rows: labelmend audit",
        low=interval.low,
        high=interval.high,
    )


def weakness_in_words(interval: NoiseInterval) -> str:
    """Return what is told where the evidence is weak, in one line."""
    return note(
        "the evidence is too weak here to overrule many labels: trained on the other rows, it "
        "agrees with {agreement:.0%} of the given ones, and {errors:.0%} of its most decisive "
        "contradictions may be errors of its own; few labels are changed, and the rows in doubt "
        "are for review",
        agreement=interval.agreement,
        errors=interval.own_errors,
    )
