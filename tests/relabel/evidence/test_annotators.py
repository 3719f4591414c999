"""What other annotators say; tests/relabel/test_pipeline.py mends with them."""

import numpy as np

from labelmend.relabel.evidence.annotators import agreed_against
from labelmend.types import NO_LABEL


def test_a_label_that_all_others_name_against_the_given_one():
    given = np.array([0, 0, 0, 0, 0, NO_LABEL, 0])
    ann = np.array([1, 1, 1, 0, NO_LABEL, 1, 1])
    bob = np.array([1, 2, NO_LABEL, 0, NO_LABEL, 1, 1])
    cy = np.array([NO_LABEL, 1, NO_LABEL, 0, NO_LABEL, 1, 0])
    against = agreed_against(given, {"ann": ann, "bob": bob, "cy": cy})
    # Two of two agree; two of three don't; one alone; the given one; nobody; nothing given; torn.
    assert against.tolist() == [1, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL]


def test_without_votes_nobody_is_against():
    assert agreed_against(np.array([0, 1]), {}).tolist() == [NO_LABEL, NO_LABEL]
