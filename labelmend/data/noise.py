"""Seeded label noise, for evaluation: it knows which labels it spoils.

All rates are shares of the labelled rows; rows without a label are never touched. Every function
returns a copy, flips exactly round(rate * labelled rows) rows, each to another label than its own,
and draws from `numpy.random.default_rng(seed)` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from labelmend.errors import ConfigError, nearest
from labelmend.types import NO_LABEL, Floats, Ints

NoiseKind = Literal["oos-swap", "difficult", "nearest", "uniform"]

_LEAST_LABELS = 2
"""To flip a label, there must be another one."""

_NEAREST_CLASSES = 3
"""The benchmarks' "nearest three", which is what this kind of noise means."""

_LEAST_PLAUSIBLE = 1e-9
"""Of any label, so that no row and no label is quite impossible to draw."""


@dataclass(frozen=True)
class NoiseShare:
    """One kind of noise and the share of the labelled rows that get it.

    Attributes:
        kind: `uniform`, `nearest`, `difficult` or `oos-swap`.
        share: from 0 to 1.
    """

    kind: NoiseKind
    share: float


def uniform_noise(labels: Ints, label_count: int, rate: float, seed: int) -> Ints:
    """Flip to any other label, drawn uniformly.

    Args:
        labels: int64 [n], or `NO_LABEL`.
        label_count: K.
        rate: share of the labelled rows, 0 to 1.
        seed: of the generator.

    Raises:
        ConfigError: the rate is no share, or there are fewer than two labels.
    """
    return mixture(labels, label_count, [NoiseShare("uniform", rate)], seed)


def nearest_noise(
    labels: Ints, prototypes: Floats, rate: float, seed: int, classes: int = _NEAREST_CLASSES
) -> Ints:
    """Flip to one of the labels nearest the true one, drawn uniformly among them.

    Args:
        labels: int64 [n], or `NO_LABEL`.
        prototypes: float32 [K, d], unit rows; ties in similarity go to the smaller label index.
        rate: share of the labelled rows, 0 to 1.
        seed: of the generator.
        classes: how many labels are near; all others where there are fewer.

    Raises:
        ConfigError: the rate is no share, or there are fewer than two labels.
    """
    share = NoiseShare("nearest", rate)
    return mixture(labels, len(prototypes), [share], seed, prototypes=prototypes, classes=classes)


def difficult_noise(labels: Ints, plausible: Floats, rate: float, seed: int) -> Ints:
    """Flip where a text is hard, to a label that is plausible for it, as people err.

    A row is drawn in proportion to how improbable its own label is, without replacement, and its
    wrong label in proportion to how probable the others are (the confusions of Gu et al. 2023,
    "Instance-dependent label noise from real-world annotators").

    Args:
        labels: int64 [n], or `NO_LABEL`.
        plausible: [n, K], how probable each label is for each row's text.
        rate: share of the labelled rows, 0 to 1.
        seed: of the generator.

    Raises:
        ConfigError: the rate is no share, or there are fewer than two labels.
    """
    share = NoiseShare("difficult", rate)
    return mixture(labels, plausible.shape[1], [share], seed, plausible=plausible)


def oos_swap_noise(labels: Ints, label_count: int, oos: int | None, rate: float, seed: int) -> Ints:
    """Call in-scope rows out of scope, and the reverse, half of the flips each.

    Of m flips, floor(m / 2) are oos rows, which get an in-scope label drawn uniformly, and the
    rest are in-scope rows, which get `oos`. Where there are fewer oos rows than that, all of them
    flip and in-scope rows make up the number; where there are too few in-scope rows, the reverse.

    Args:
        labels: int64 [n], or `NO_LABEL`.
        label_count: K.
        oos: index of the out-of-scope label.
        rate: share of the labelled rows, 0 to 1.
        seed: of the generator.

    Raises:
        ConfigError: the rate is no share, there is no oos label, or fewer than two labels.
    """
    return mixture(labels, label_count, [NoiseShare("oos-swap", rate)], seed, oos=oos)


def mixture(
    labels: Ints,
    label_count: int,
    shares: Sequence[NoiseShare],
    seed: int,
    *,
    prototypes: Floats | None = None,
    plausible: Floats | None = None,
    oos: int | None = None,
    classes: int = _NEAREST_CLASSES,
) -> Ints:
    """Apply several kinds of noise, each to rows of its own.

    The order of `shares` does not matter: oos-swap takes its rows first, then difficult, then
    nearest, then uniform. Counts are rounded so that round(sum of shares * labelled rows) rows
    flip in all.

    Args:
        labels: int64 [n], or `NO_LABEL`.
        label_count: K.
        shares: at most one a kind.
        seed: of the generator.
        prototypes: float32 [K, d], unit rows; needed by `nearest`.
        plausible: [n, K], how probable each label is for each row's text; needed by `difficult`.
        oos: index of the out-of-scope label; needed by `oos-swap`.
        classes: how many labels are near, for `nearest`.

    Raises:
        ConfigError: a share or the sum of all is not from 0 to 1, a kind is unknown or lacks what
            it needs, or there are fewer than two labels.
    """
    by_kind = check_shares(shares, label_count, oos)
    if "nearest" in by_kind and (prototypes is None or len(prototypes) != label_count):
        raise ConfigError(f"nearest noise needs one prototype for each of {label_count} labels")
    if "difficult" in by_kind and (
        plausible is None or plausible.shape != (len(labels), label_count)
    ):
        raise ConfigError("difficult noise needs to know how plausible each label is for each row")
    rng = np.random.default_rng(seed)
    free = rng.permutation(np.flatnonzero(labels != NO_LABEL))
    totals = np.cumsum([by_kind.get(kind, 0.0) for kind in get_args(NoiseKind)])
    ends = np.rint(totals * len(free)).astype(np.int64)
    swapped, hard, near, other = np.diff(ends, prepend=0).tolist()
    noisy = labels.copy()
    if oos is not None and swapped:
        rows = _swap_rows(free, labels, oos, swapped)
        free = free[~np.isin(free, rows)]
        wrong = _other_than(np.full(len(rows), oos), label_count, rng)
        noisy[rows] = np.where(labels[rows] == oos, wrong, oos)
    if plausible is not None and hard:
        rows, wrong = _confused(free, labels, plausible, hard, rng)
        free = free[~np.isin(free, rows)]
        noisy[rows] = wrong
    if prototypes is not None and near:
        rows, free = free[:near], free[near:]
        choices = _nearest_labels(prototypes, classes)
        drawn = rng.integers(choices.shape[1], size=near)
        noisy[rows] = choices[labels[rows], drawn]
    rows = free[:other]
    noisy[rows] = _other_than(labels[rows], label_count, rng)
    return noisy


def check_shares(
    shares: Sequence[NoiseShare], label_count: int, oos: int | None
) -> dict[NoiseKind, float]:
    """Return the share of each kind of noise.

    Raises:
        ConfigError: a share or the sum of all is not from 0 to 1, a kind is unknown, given twice
            or lacks what it needs, or there are fewer than two labels.
    """
    by_kind: dict[NoiseKind, float] = {}
    for share in shares:
        if share.kind not in get_args(NoiseKind):
            known = get_args(NoiseKind)
            raise ConfigError(
                f"unknown kind of noise {share.kind!r}{nearest(share.kind, known)}: "
                f"use {', '.join(known)}"
            )
        if not 0 <= share.share <= 1:
            raise ConfigError(
                f"{share.kind} noise: the rate is {share.share}: give one from 0 to 1"
            )
        if share.kind in by_kind:
            raise ConfigError(f"{share.kind} noise is given twice: give one share of it")
        by_kind[share.kind] = share.share
    total = round(sum(by_kind.values()), 9)
    if total > 1:
        raise ConfigError(f"the shares of noise sum to {total:g}: give at most 1 in all")
    if label_count < _LEAST_LABELS:
        raise ConfigError(f"noise needs at least two labels, there is {label_count}")
    if "oos-swap" in by_kind and oos is None:
        raise ConfigError("oos-swap noise needs an out-of-scope label: name it with --oos-label")
    return by_kind


def _swap_rows(rows: Ints, labels: Ints, oos: int, count: int) -> Ints:
    """Return `count` of the rows, half of them oos as far as there are enough of either."""
    outside = rows[labels[rows] == oos]
    inside = rows[labels[rows] != oos]
    inside = inside[: count - min(count // 2, len(outside))]
    return np.concatenate([outside[: count - len(inside)], inside])


def _confused(
    rows: Ints, labels: Ints, plausible: Floats, count: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return `count` of the rows, drawn by the doubt of their labels, and a wrong label for each.

    Exponential times with the weights as rates are sorted, which draws without replacement
    (Efraimidis & Spirakis 2006).
    """
    others = np.maximum(plausible[rows].astype(np.float64), _LEAST_PLAUSIBLE)
    others[np.arange(len(rows)), labels[rows]] = 0
    doubt = others.sum(axis=1)
    drawn = np.argsort(rng.exponential(size=len(rows)) / doubt, kind="stable")[:count]
    ends = np.cumsum(others[drawn], axis=1)
    at = rng.random(len(drawn)) * ends[:, -1]
    return rows[drawn], np.argmax(ends > at[:, None], axis=1)


def _nearest_labels(prototypes: Floats, classes: int) -> Ints:
    """Return int64 [K, min(classes, K - 1)], each label's nearest others, nearest first."""
    similar = prototypes @ prototypes.T
    np.fill_diagonal(similar, -np.inf)
    return np.argsort(-similar, axis=1, kind="stable")[:, : min(classes, len(prototypes) - 1)]


def _other_than(labels: Ints, label_count: int, rng: np.random.Generator) -> Ints:
    """Draw uniformly among the labels other than each row's."""
    drawn = rng.integers(label_count - 1, size=len(labels))
    return drawn + (drawn >= labels)


def parse_share(text: str) -> NoiseShare:
    """Read `KIND=RATE`, as in `uniform=0.2`.

    Raises:
        ConfigError: the kind is unknown or the rate is no number.
    """
    name, _, rate = text.partition("=")
    known: tuple[NoiseKind, ...] = get_args(NoiseKind)
    kind = next((k for k in known if k == name), None)
    if kind is None:
        raise ConfigError(
            f"--noise {text}: unknown kind {name!r}{nearest(name, known)}; "
            f"write KIND=RATE with one of {', '.join(known)}"
        )
    try:
        return NoiseShare(kind, float(rate))
    except ValueError:
        raise ConfigError(f"--noise {text}: {rate!r} is no rate; write {kind}=0.2") from None
