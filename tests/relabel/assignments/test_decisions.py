"""What is changed within the budget."""

import numpy as np
import pytest

from labelmend.relabel.assignments.decisions import decide_assignments

GIVEN = np.array([[True, True, False], [True, False, False]])
NOBODY = np.full((2, 3), np.nan)


def test_the_surest_are_changed_until_the_budget_is_spent():
    holds = np.array([[0.01, 0.9, 0.98], [0.03, 0.6, 0.2]])
    # 2.72 labels hold; 2 % of these are 0.0544: both removals cost 0.04, one addition 0.02.
    changes = decide_assignments(holds, GIVEN, NOBODY, 0.02)
    assert changes.removed.tolist() == [[True, False, False], [True, False, False]]
    assert changes.added.tolist() == [[False, False, True], [False, False, False]]
    assert changes.expected_broken == pytest.approx(0.04)
    assert changes.expected_false == pytest.approx(0.02)
    fewer = decide_assignments(holds, GIVEN, NOBODY, 0.01)
    assert fewer.removed.sum() == 1
    assert fewer.removed[0, 0]
    assert fewer.added.sum() == 1


def test_nothing_is_changed_that_is_likelier_as_it_is():
    holds = np.array([[0.5, 0.9, 0.5], [0.51, 0.2, 0.49]])
    changes = decide_assignments(holds, GIVEN, NOBODY, 1.0)
    assert not changes.removed.any()
    assert not changes.added.any()
    none = decide_assignments(np.array([[0.01, 0.01, 0.99]] * 2), GIVEN, NOBODY, 0.0)
    assert not (none.removed | none.added).any()


def test_of_equal_ones_all_or_none_are_changed():
    holds = np.array([[0.02, 0.02, 0.0], [0.02, 0.0, 0.0]])
    # 0.06 labels hold. Two of the three would fit into 0.05, whichever comes first.
    assert not decide_assignments(holds, GIVEN, NOBODY, 0.05 / 0.06).removed.any()
    assert decide_assignments(holds, GIVEN, NOBODY, 1.01).removed.sum() == 3


def test_what_people_said_is_done_and_costs_nothing():
    holds = np.array([[0.01, 0.9, 0.98], [0.0, 1.0, 0.0]])
    said = np.array([[np.nan] * 3, [0, 1, 0]])
    changes = decide_assignments(holds, GIVEN, said, 0.0)
    assert changes.removed.tolist() == [[False] * 3, [True, False, False]]
    assert changes.added.tolist() == [[False] * 3, [False, True, False]]
    assert (changes.expected_broken, changes.expected_false) == (0, 0)
    # Where nobody answered, the budget holds as ever: 2.89 labels hold, and 0.02 is a 0.7 %.
    more = decide_assignments(holds, GIVEN, said, 0.007)
    assert more.removed[0].tolist() == [True, False, False]
    assert more.added[0].tolist() == [False, False, True]
