import numpy as np
import pytest

from labelmend.data.noise import (
    NoiseShare,
    difficult_noise,
    mixture,
    nearest_noise,
    oos_swap_noise,
    uniform_noise,
)
from labelmend.errors import ConfigError
from labelmend.types import NO_LABEL, Floats, Ints


def flips(old: Ints, new: Ints) -> list[tuple[int, int]]:
    rows = np.flatnonzero(old != new)
    return list(zip(old[rows].tolist(), new[rows].tolist(), strict=True))


@pytest.fixture
def labels() -> Ints:
    return np.arange(1000, dtype=np.int64) % 5


@pytest.fixture
def circle() -> Floats:
    """Prototypes at 0, 10, 30, 70 and 150 degrees: each label's nearest others are known."""
    angles = np.deg2rad([0, 10, 30, 70, 150])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.15, 150), (0.0014, 1), (1.0, 1000)])
def test_uniform_flips_exactly_the_rate(labels: Ints, rate: float, count: int) -> None:
    before = labels.copy()
    noisy = uniform_noise(labels, 5, rate, seed=3)
    assert len(flips(labels, noisy)) == count
    assert noisy.min() >= 0
    assert noisy.max() <= 4
    assert noisy.dtype == np.int64
    np.testing.assert_array_equal(labels, before)


def test_uniform_reaches_every_other_label_alike() -> None:
    noisy = uniform_noise(np.full(40_000, 2, dtype=np.int64), 5, 1.0, seed=0)
    counts = np.bincount(noisy, minlength=5)
    assert counts[2] == 0
    # 10,000 expected each; the standard deviation is sqrt(40000 * 1/4 * 3/4) = 87
    assert np.abs(counts[[0, 1, 3, 4]] - 10_000).max() < 5 * 87


def test_same_seed_same_noise(labels: Ints) -> None:
    first = uniform_noise(labels, 5, 0.2, seed=7)
    np.testing.assert_array_equal(first, uniform_noise(labels, 5, 0.2, seed=7))
    assert (first != uniform_noise(labels, 5, 0.2, seed=8)).any()


def test_rows_without_label_stay_and_do_not_count() -> None:
    labels = np.array([0, NO_LABEL, 1, NO_LABEL, 1, 0], dtype=np.int64)
    noisy = uniform_noise(labels, 2, 1.0, seed=0)
    assert noisy.tolist() == [1, NO_LABEL, 0, NO_LABEL, 0, 1]
    assert len(flips(labels, uniform_noise(labels, 2, 0.5, seed=0))) == 2  # half of four


def test_nearest_draws_among_the_nearest(labels: Ints, circle: Floats) -> None:
    found = flips(labels, nearest_noise(labels, circle, 0.5, seed=1, classes=2))
    assert len(found) == 500
    assert {true: {b for a, b in found if a == true} for true in range(5)} == {
        0: {1, 2},
        1: {0, 2},
        2: {0, 1},
        3: {1, 2},
        4: {2, 3},
    }


def test_nearest_has_no_more_classes_than_there_are(circle: Floats) -> None:
    labels = np.zeros(100, dtype=np.int64)
    noisy = nearest_noise(labels, circle[:3], 1.0, seed=0, classes=9)
    assert set(noisy.tolist()) == {1, 2}


def test_nearest_ties_go_to_the_smaller_index() -> None:
    prototypes = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], dtype=np.float32)
    noisy = nearest_noise(np.zeros(9, dtype=np.int64), prototypes, 1.0, seed=0, classes=1)
    assert set(noisy.tolist()) == {1}


def test_oos_swap_splits_evenly() -> None:
    labels = np.array([0] * 40 + [1] * 40 + [2] * 20, dtype=np.int64)
    found = flips(labels, oos_swap_noise(labels, 3, 2, 0.21, seed=5))
    # 21 flips: 10 oos rows get an in-scope label, 11 in-scope rows get oos
    assert len(found) == 21
    assert sum(a == 2 for a, _ in found) == 10
    assert all(b == 2 for a, b in found if a != 2)
    assert {b for a, b in found if a == 2} == {0, 1}


@pytest.mark.parametrize(
    ("inside", "outside", "rate", "from_oos"),
    [
        (96, 4, 0.2, 4),  # 20 flips: only 4 oos rows
        (100, 0, 0.2, 0),
        (3, 97, 0.2, 17),  # 20 flips: only 3 in-scope rows
        (50, 50, 1.0, 50),
    ],
)
def test_oos_swap_fills_up(inside: int, outside: int, rate: float, from_oos: int) -> None:
    labels = np.array([0] * inside + [1] * outside, dtype=np.int64)
    found = flips(labels, oos_swap_noise(labels, 2, 1, rate, seed=0))
    assert len(found) == round(rate * 100)
    assert sum(a == 1 for a, _ in found) == from_oos


def test_mixture_shares_the_rows(labels: Ints, circle: Floats) -> None:
    shares = [
        NoiseShare("uniform", 0.05),
        NoiseShare("nearest", 0.08),
        NoiseShare("oos-swap", 0.02),
    ]
    noisy = mixture(labels, 5, shares, 11, prototypes=circle, oos=4)
    assert len(flips(labels, noisy)) == 150
    again = mixture(labels, 5, shares[::-1], 11, prototypes=circle, oos=4)
    np.testing.assert_array_equal(noisy, again)


def test_mixture_of_everything_flips_everything(labels: Ints, circle: Floats) -> None:
    shares = [
        NoiseShare("uniform", 0.1),
        NoiseShare("nearest", 0.2),
        NoiseShare("oos-swap", 0.7),
    ]
    noisy = mixture(labels, 5, shares, 0, prototypes=circle, oos=0)
    assert len(flips(labels, noisy)) == 1000


def test_mixture_rounds_the_sum() -> None:
    labels = np.zeros(10, dtype=np.int64)
    shares = [NoiseShare("uniform", 0.14), NoiseShare("oos-swap", 0.14)]
    # 1.4 + 1.4 = 2.8 rows: three flip, though each share alone would round to one
    assert len(flips(labels, mixture(labels, 2, shares, 0, oos=1))) == 3


@pytest.mark.parametrize("rate", [-0.1, 1.01, float("nan")])
def test_rate_out_of_range(labels: Ints, rate: float) -> None:
    with pytest.raises(ConfigError) as caught:
        uniform_noise(labels, 5, rate, 0)
    assert str(caught.value) == f"uniform noise: the rate is {rate}: give one from 0 to 1"


def test_impossible_noise(labels: Ints, circle: Floats) -> None:
    with pytest.raises(ConfigError, match=r"^oos-swap noise needs an out-of-scope label: name it"):
        oos_swap_noise(labels, 5, None, 0.1, 0)
    with pytest.raises(ConfigError, match=r"^noise needs at least two labels, there is 1$"):
        uniform_noise(np.zeros(4, dtype=np.int64), 1, 0.1, 0)
    with pytest.raises(ConfigError, match=r"^the shares of noise sum to 1\.2: give at most 1 in"):
        mixture(labels, 5, [NoiseShare("uniform", 0.6), NoiseShare("oos-swap", 0.6)], 0, oos=1)
    with pytest.raises(ConfigError, match=r"^nearest noise needs one prototype for each of 5"):
        mixture(labels, 5, [NoiseShare("nearest", 0.1)], 0, prototypes=circle[:4])
    with pytest.raises(ConfigError, match=r"^uniform noise is given twice: give one share of it$"):
        mixture(labels, 5, [NoiseShare("uniform", 0.1)] * 2, 0)
    wrong = NoiseShare("unifrom", 0.1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"'unifrom' \(did you mean 'uniform'\?\): use oos-swap"):
        mixture(labels, 5, [wrong], 0)


def test_difficult_flips_where_the_label_is_in_doubt_to_what_is_plausible() -> None:
    # Of 3,000 rows of label 0, a third is sure of it, and the others have 0.5, 0.4 and 0.1.
    labels = np.zeros(3000, dtype=np.int64)
    plausible = np.tile(np.array([0.5, 0.4, 0.1], dtype=np.float32), (3000, 1))
    plausible[:1000] = [1, 0, 0]
    noisy = difficult_noise(labels, plausible, 0.2, seed=4)
    flipped = np.flatnonzero(noisy != labels)
    assert len(flipped) == 600
    assert flipped.min() >= 1000
    share = (noisy[flipped] == 1).mean()
    # 0.8 expected, with a standard deviation of sqrt(0.8 * 0.2 / 600) = 0.016
    assert abs(share - 0.8) < 5 * 0.016
    np.testing.assert_array_equal(noisy, difficult_noise(labels, plausible, 0.2, seed=4))


def test_difficult_rows_are_drawn_in_proportion_to_their_doubt() -> None:
    labels = np.zeros(40_000, dtype=np.int64)
    plausible = np.tile(np.array([0.9, 0.1], dtype=np.float32), (40_000, 1))
    plausible[20_000:] = [0.7, 0.3]
    flipped = np.flatnonzero(difficult_noise(labels, plausible, 0.02, seed=1) != labels)
    # A quarter of 800 is expected: 200, with a standard deviation of sqrt(800 * 3/16) = 12
    assert abs((flipped < 20_000).sum() - 200) < 5 * 12


def test_difficult_goes_through_every_row_if_it_must() -> None:
    labels = np.array([0, NO_LABEL, 1, 1], dtype=np.int64)
    sure = np.eye(2, dtype=np.float32)[np.maximum(labels, 0)]
    assert difficult_noise(labels, sure, 1.0, seed=0).tolist() == [1, NO_LABEL, 0, 0]


def test_difficult_needs_to_know_what_is_plausible(labels: Ints) -> None:
    with pytest.raises(ConfigError, match="how plausible each label is"):
        mixture(labels, 5, [NoiseShare("difficult", 0.1)], seed=0)
