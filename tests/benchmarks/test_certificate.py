"""Simulated audits: tables whose truth is known, and what is counted of them."""

import numpy as np
import pytest
from certificate import NAMES, Table, Tally, audit_again, clopper_pearson, made_up


def test_the_truth_of_a_table():
    table = Table(
        name="4 rows",
        rate=0.5,
        factor=1.0,
        changed=np.array([True, True, False, False]),
        doubt=np.full(4, 0.1),
        given_wrong=np.array([True, False, True, False]),
        mended_wrong=np.array([False, True, True, False]),
    )
    assert table.truth == dict(zip(NAMES, [2 / 4, 2 / 4, 1 / 2, 1 / 2], strict=True))


def test_beliefs_have_the_odds_that_were_asked_for():
    table = made_up(np.random.default_rng(0), 4000, 0.2, 1.0)
    assert table.given_wrong.mean() == pytest.approx(0.2, abs=0.03)
    kept = ~table.changed
    assert table.doubt[kept].mean() == pytest.approx(table.given_wrong[kept].mean(), abs=0.02)
    timid = made_up(np.random.default_rng(0), 4000, 0.2, 10.0)
    assert timid.doubt[~timid.changed].mean() < timid.given_wrong[~timid.changed].mean() / 2


def test_the_interval_of_a_simple_random_sample():
    # No error in 10: 1 - 0.025 ** (1 / 10).
    assert clopper_pearson(0, 10) == pytest.approx(1 - 0.025**0.1)
    assert clopper_pearson(0, 0) == 1


def test_an_audit_is_counted_in_all_its_ways():
    rng, tally = np.random.default_rng(0), Tally()
    table = made_up(rng, 150, 0.3, 1.0)
    for _ in range(3):
        audit_again(table, 30, rng, tally)
    kinds = {kind for kind, _ in tally.held}
    assert kinds == {
        *("fixed", "anytime", "srs"),
        *(f"{kind}, {how}" for kind in ("fixed", "anytime") for how in ("unsure", "any look")),
    }
    assert all(len(held) == 3 for held in tally.held.values())
    assert float(tally.line("fixed", "srs").split(" | ")[0]) < 1
