import pytest
from fixtures.logged import DAY, NOW, guess

from labelmend.journal.drift import rising_labels
from labelmend.journal.read import Logged


def asked(label, days_ago, text, sender="s"):
    at = int((NOW - days_ago * DAY) * 1000)
    return Logged("r", at, "http", sender, text, 0, None, (guess(label),), ())


def many(label, days_ago, count, prefix):
    return [asked(label, days_ago, f"{prefix}{label}{i}") for i in range(count)]


def test_a_label_whose_share_rises():
    before = [*many("fees", 20, 190, "b"), *many("card_lost", 20, 10, "b")]
    now = [*many("fees", 1, 10, "n"), *many("card_lost", 1, 10, "n"), *many("fees", 0, 1, "z")]
    (found,) = rising_labels([*now, *before], 7)
    assert found.label == "card_lost"
    assert found.before == 10 / 200
    assert found.now == 10 / 21
    # Hypergeometric tail P(X >= 10) of 221 requests, 20 of card_lost, 21 in the window; the other
    # label's p-value is about 1, so Benjamini and Hochberg double it.
    from scipy.stats import hypergeom

    assert found.p_value == pytest.approx(2 * hypergeom.sf(9, 221, 20, 21))


def test_a_share_that_stays_is_no_drift():
    requests = [one for d in (20, 1) for k in ("fees", "oos") for one in many(k, d, 50, str(d))]
    assert rising_labels(requests, 7) == ()


def test_a_sender_who_repeats_a_text_is_no_trend():
    before = [*many("fees", 20, 190, "b"), *many("card_lost", 20, 10, "b")]
    now = [*many("fees", 0, 20, "n"), *(asked("card_lost", 0, "again") for _ in range(100))]
    assert rising_labels([*before, *now], 7) == ()


def test_without_a_time_before_nothing_is_said():
    assert rising_labels([], 7) == ()
    assert rising_labels(many("fees", 0, 50, "n"), 7) == ()
