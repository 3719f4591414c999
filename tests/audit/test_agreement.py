import numpy as np
import pytest

from labelmend.audit.agreement import agreement_of, krippendorff_alpha
from labelmend.data.answers import MatchedAnswers
from labelmend.relabel.people import Reliability
from labelmend.types import NO_LABEL


def said(*entries):
    """Answers as (text, label, who, anchored); a label of None for a person who is unsure."""
    count = len(entries)
    return MatchedAnswers(
        text=np.array([e[0] for e in entries], dtype=np.int64),
        label=np.array([NO_LABEL if e[1] is None else e[1] for e in entries], dtype=np.int64),
        unsure=np.array([e[1] is None for e in entries], dtype=bool),
        who=tuple(e[2] for e in entries),
        audit=np.zeros(count, dtype=bool),
        inclusion=np.full(count, np.nan),
        stratum=(None,) * count,
        design=(None,) * count,
        anchored=np.array([len(e) > 3 for e in entries], dtype=bool),
        notes=(),
    )


def test_alpha_of_the_worked_example():
    """Krippendorff (2011), section C: four observers, twelve units, one of them seen by one."""
    units = [
        *({1: 3}, {2: 3, 3: 1}, {3: 4}, {3: 4}, {2: 4}, {1: 1, 2: 1, 3: 1, 4: 1}),
        *({4: 4}, {1: 3, 2: 1}, {2: 4}, {5: 3}, {1: 2}, {3: 1}),
    ]
    # Of 40 answers, 9, 13, 10, 5 and 3 are alike; the pairs of units 2, 6 and 8 give 2 + 4 + 2.
    assert krippendorff_alpha(units) == pytest.approx(1 - 39 * 8 / (1600 - 384))
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_two_people():
    # Of 8 answers 4 are 0 and 4 are 1; one text of four is disputed, by 2 pairs.
    assert krippendorff_alpha([{0: 2}, {1: 2}, {0: 1, 1: 1}, {0: 1, 1: 1}]) == pytest.approx(
        1 - 7 * 4 / 32
    )
    assert krippendorff_alpha([{0: 2}, {1: 2}]) == 1
    assert krippendorff_alpha([{0: 1, 1: 1}]) == 0
    assert krippendorff_alpha([{0: 2}, {0: 3}]) is None
    assert krippendorff_alpha([{0: 1}, {1: 1}]) is None
    assert krippendorff_alpha([]) is None


def test_who_can_t_tell_says_nothing_and_none_of_these_is_an_answer():
    answers = said(
        *((0, 1, "ann"), (0, 1, "bob"), (0, 1, "cy")),
        *((1, 2, "ann"), (1, None, "bob")),
        *((2, NO_LABEL, "ann"), (2, NO_LABEL, "bob")),
        *((3, 0, "ann"), (3, NO_LABEL, "cy")),
    )
    people = {
        "cy": Reliability(0.9, 2, 2),
        "ann": Reliability(0.95, 4, 3),
        "bob": Reliability(0.97, 2, 2),
        "eve": Reliability(0.97, 9, 0),
    }
    found = agreement_of(answers, people)
    assert (found.same.count, found.same.total) == (2, 3)
    assert [(one.name, one.accuracy) for one in found.people] == [
        *(("ann", 0.95), ("bob", 0.97), ("cy", 0.9), ("eve", None)),
    ]
    # Of 7 answers, 3 are 1, 3 are none and 1 is 0; text 3 gives 2 pairs.
    assert found.alpha == pytest.approx(1 - 6 * 2 / (49 - 9 - 9 - 1))


def test_texts_beside_which_several_people_saw_labels_are_told_apart():
    answers = said(
        *((0, 1, "ann", "saw"), (0, 1, "bob")),
        *((1, 1, "ann", "saw"), (1, 1, "bob", "saw")),
        *((2, 1, "ann", "saw"), (2, None, "bob", "saw"), (2, 1, "cy")),
    )
    found = agreement_of(answers, {})
    assert (found.same.total, found.blind) == (3, 2)
