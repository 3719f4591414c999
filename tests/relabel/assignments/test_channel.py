"""Rates of forgetting and of adding labels."""

import numpy as np
import pytest

from labelmend.relabel.assignments.channel import learn_channel
from labelmend.relabel.assignments.types import Channel


def test_what_was_given_moves_a_probability_by_its_rates():
    channel = Channel(np.array([0.2, 0.5]), np.array([0.1, 0.5]))
    given = np.array([[True, True], [False, False]])
    found = channel.posterior(np.full((2, 2), 0.5), given)
    # Given: 0.8 against 0.1; not given: 0.2 against 0.9. A label drawn by lot tells nothing.
    np.testing.assert_allclose(found, [[8 / 9, 0.5], [2 / 11, 0.5]])
    np.testing.assert_allclose(channel.posterior(np.full((2, 2), 0.25), given)[0, 0], 8 / 11)


def test_copies_speak_with_one_voice():
    channel = Channel(np.array([0.2]), np.array([0.1]))
    half = channel.posterior(np.array([[0.5]]), np.array([[0.5]]))
    # Halfway between the odds of 8 for one that is given, and of 2/9 for one that is not.
    assert half[0, 0] / (1 - half[0, 0]) == pytest.approx(np.sqrt(8 * 2 / 9))


def test_rates_are_found_again():
    rng = np.random.default_rng(0)
    holds = rng.random((20000, 2)) < 0.3
    given = np.where(holds, rng.random(holds.shape) > [0.2, 0.05], rng.random(holds.shape) < 0.02)
    # Evidence that is nearly sure.
    channel = learn_channel(np.where(holds, 0.999, 0.001), given)
    np.testing.assert_allclose(channel.forgotten, [0.2, 0.05], atol=0.015)
    np.testing.assert_allclose(channel.added, [0.02, 0.02], atol=0.005)


def test_a_rare_label_has_about_the_common_rates():
    rng = np.random.default_rng(1)
    holds = rng.random((5000, 2)) < [0.3, 0.0008]
    given = holds & (rng.random(holds.shape) > 0.2)
    channel = learn_channel(np.where(holds, 0.999, 0.001), given)
    assert channel.forgotten[1] == pytest.approx(channel.forgotten[0], abs=0.06)


def test_a_label_that_all_rows_have_and_one_that_none_has():
    given = np.array([[True, False]] * 40)
    channel = learn_channel(np.array([[0.99, 0.01]] * 40), given)
    found = channel.posterior(np.array([[0.99, 0.01]] * 40), given)
    assert np.isfinite(found).all()
    assert (found[0, 0] > 0.99, found[0, 1] < 0.01) == (True, True)


def test_a_few_rows_do_not_tell_that_there_are_no_errors():
    given = np.array([[True, False]] * 2 + [[False, True]] * 2)
    channel = learn_channel(np.where(given, 0.999, 0.001), given)
    # Common: (0 + 20 * 0.1) / 24 and (0 + 500 * 0.002) / 504; a label's own two rows draw it down.
    assert channel.forgotten == pytest.approx([20 / 12 / 22] * 2, abs=0.001)
    assert channel.added == pytest.approx([500 / 504 / 502] * 2, abs=1e-4)


def test_given_labels_may_be_heard_by_half():
    # Log-odds by the channel: 0 + log(0.8 / 0.1) where it was given, and half of that.
    channel = Channel(np.array([0.2]), np.array([0.1]))
    even, given = np.array([[0.5]]), np.array([[True]])
    assert channel.posterior(even, given)[0, 0] == pytest.approx(8 / 9)
    half = channel.posterior(even, given, heard=0.5)[0, 0]
    assert half == pytest.approx(np.sqrt(8) / (1 + np.sqrt(8)))
    assert channel.posterior(even, given, heard=0.0)[0, 0] == pytest.approx(0.5)
