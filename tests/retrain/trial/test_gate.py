import numpy as np
import pytest

from labelmend.retrain.mending import Judged, Mending
from labelmend.retrain.project import GateConfig
from labelmend.retrain.trial.gate import Called, look_at_labels, look_at_rows

LABELS = tuple("abcdefghijklmnopqrstuvwx")
GATE = GateConfig()
NOTHING = Judged(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


def judged(*groups):
    """Texts as (count, best, given, rank)."""
    columns = [
        np.repeat([group[field] for group in groups], [group[0] for group in groups])
        for field in (1, 2, 3)
    ]
    return Judged(*(column.astype(np.int64) for column in columns))


KNOWN = judged(*((250, k, k, 0) for k in range(4)))


def reasons(new, known=KNOWN, settled=NOTHING, labels=LABELS):
    return look_at_rows(Mending((), labels, new, settled, known, None, ()), GATE, 0)


def test_rows_like_the_known_ones_are_sound():
    assert reasons(judged(*((25, k, k, 0) for k in range(4)))) == ()
    assert reasons(NOTHING) == ()


def test_noise_that_the_known_rows_have_too_is_no_poison():
    noisy = judged(
        *((200, k, k, 0) for k in range(4)), *((70, k, (k + 1) % 4, 9) for k in range(4))
    )
    assert reasons(noisy, noisy) == ()


def test_labels_that_all_evidence_finds_unlikely_look_shuffled():
    new = judged(*((15, k, k, 0) for k in range(4)), *((10, k, (k + 2) % 4, 5) for k in range(4)))
    (reason,) = (r for r in reasons(new) if "shuffled" in r)
    # 40 of 100 have five likelier labels, and half of one of a thousand known ones.
    assert reason.startswith("40.0% of 100 new labels are unlikely by all evidence, and 0.0% of")
    near = judged(*((15, k, k, 0) for k in range(4)), *((10, k, (k + 2) % 4, 4) for k in range(4)))
    assert not any("shuffled" in r for r in reasons(near))


def test_a_few_rows_are_too_few_to_look_shuffled():
    assert not any("shuffled" in r for r in reasons(judged((9, 0, 2, 9))))


def test_a_label_that_is_often_said_instead_of_another_looks_renamed():
    (reason,) = reasons(judged(*((30, k, k, 0) for k in range(4)), (10, 0, 1, 1)))
    assert reason.startswith("10 new texts look like 'a' and say 'b', where 0.1 were expected: 'a'")
    # Fewer than `least_pairs` are not looked at.
    assert reasons(judged(*((30, k, k, 0) for k in range(4)), (7, 0, 1, 1))) == ()


def test_a_pair_that_is_confused_anyway_is_not_renamed():
    known = judged(*((250, k, k, 0) for k in range(4)), (100, 0, 1, 1))
    assert reasons(judged(*((30, k, k, 0) for k in range(4)), (12, 0, 1, 1)), known) == ()


def test_label_shares_that_are_far_from_the_known_ones():
    (reason,) = reasons(judged((200, 2, 2, 0)))
    # 3/4 apart: all of c, where a quarter was.
    assert reason.startswith("label shares of the new rows are 0.75 apart from those of the known")
    assert reason.endswith("most of it is 'c'")
    assert reasons(judged((100, 2, 2, 0), *((34, k, k, 0) for k in (0, 1, 3)))) == ()


@pytest.mark.parametrize(("unlikely", "refused"), [(12, False), (13, True)])
def test_answers_are_held_to_their_own_bar(unlikely, refused):
    said = judged((unlikely, 0, 1, 9), (20 - unlikely, 0, 1, 2))
    assert bool(reasons(NOTHING, settled=said)) is refused
    # One label after another is corrected: that is no renaming, and no shift.
    assert reasons(NOTHING, settled=judged((30, 0, 1, 1))) == ()


def called(champion, challenger, truth):
    return Called(*(np.array(part) for part in (truth, champion, challenger)), labels=LABELS)


def test_a_label_that_the_challenger_lost_is_a_reason():
    truth = [0] * 20 + [1] * 20
    worse = [1] * 9 + [0] * 11 + [1] * 20
    (reason,) = look_at_labels(called(truth, worse, truth), GATE)
    assert reason == "held-out accuracy of 'a' falls from 100.0% to 55.0%, and not by chance"
    assert look_at_labels(called(worse, truth, truth), GATE) == ()


def test_a_label_that_fell_by_chance_is_none():
    truth = [0] * 20 + [1] * 20
    # Four lost and none won is one of sixteen chances.
    assert look_at_labels(called(truth, [1] * 4 + [0] * 16 + [1] * 20, truth), GATE) == ()


def test_of_few_labels_a_quarter_that_is_likelier_is_enough():
    new = judged(*((15, k, k, 0) for k in range(4)), *((10, k, (k + 2) % 4, 1) for k in range(4)))
    assert any("shuffled" in reason for reason in reasons(new, labels=LABELS[:4]))
    assert not any("shuffled" in reason for reason in reasons(new, labels=LABELS[:8]))
