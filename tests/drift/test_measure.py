"""The rate of false alarms is held, and drift is found: by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from fixtures.drifting import LABELS, doubled, drawn
from scipy.stats import binom

from labelmend.drift.measure import DriftSettings, find_drift

SETTINGS = DriftSettings(permutations=39)
FEWER = (120, 80)
MORE = (800, 600)

LOGS = 90


@pytest.fixture(scope="module")
def quiet_logs():
    """What is found in logs without drift, each against a reference of its own."""
    before, now = FEWER
    return [
        find_drift(drawn(before, 2 * i), drawn(now, 2 * i + 1), replace(SETTINGS, seed=i))
        for i in range(LOGS)
    ]


def most_of(logs, rate=0.05):
    """So many false alarms, or fewer, have 99.9 % of tests that hold the rate."""
    return int(binom.ppf(0.999, logs, rate))


def test_one_log_in_twenty_at_most_drifts_by_chance(quiet_logs):
    assert sum(bool(found.found) for found in quiet_logs) <= most_of(LOGS)
    assert sum(bool(found.intents) for found in quiet_logs) <= most_of(LOGS)
    assert sum(bool(found.changed_labels) for found in quiet_logs) <= most_of(LOGS)


@pytest.mark.parametrize("name", ["labels", "outside", "embeddings"])
def test_each_question_holds_the_rate_by_itself(quiet_logs, name):
    alarms = sum(getattr(found, name).p_value < 0.05 for found in quiet_logs)
    assert alarms <= most_of(LOGS)


def test_p_of_embeddings_is_spread_evenly(quiet_logs):
    # An exact test is no more timid than it has to be.
    values = np.array([found.embeddings.p_value for found in quiet_logs])
    assert 0.4 < values.mean() < 0.62


def test_a_new_intent_of_5_per_cent_is_found_with_its_words():
    before, now = MORE
    for seed in range(3):
        log = drawn(now, 2 * seed + 1, new=0.05)
        found = find_drift(drawn(before, 2 * seed), log, replace(SETTINGS, seed=seed))
        assert "new_intents" in found.found
        (intent,) = found.intents
        assert "crypto" in intent.words
        assert "crypto" in intent.name
        inside = [("crypto" in log.texts[row]) for row in intent.rows.tolist()]
        assert np.mean(inside) > 0.9
        assert sum(inside) > 0.6 * sum("crypto" in text for text in log.texts)
        assert intent.labels[0][0] == "label0"
        assert set(intent.examples.tolist()) <= set(intent.rows.tolist())


def test_a_label_that_is_asked_for_twice_as_often_is_found_and_is_no_new_intent():
    before, now = MORE
    for seed in range(3):
        log = drawn(now, 2 * seed + 1, shares=doubled(2))
        found = find_drift(drawn(before, 2 * seed), log, replace(SETTINGS, seed=seed))
        assert "labels" in found.found
        assert found.changed_labels[0].name == "label2"
        assert found.changed_labels[0].share_now > 1.5 * found.changed_labels[0].share_before
        assert not found.intents


def test_more_texts_that_fit_no_label_are_found():
    before, now = drawn(*(MORE[0], 0)), drawn(*(MORE[1], 1))
    flagged = np.random.default_rng(0).random(len(now)) < 0.15
    found = find_drift(before, replace(now, outside=flagged), SETTINGS)
    assert found.found == ("out_of_scope",)
    assert found.outside.share_now > 2 * found.outside.share_before


def test_the_same_log_in_another_order_of_seeds_is_the_same():
    before, now = drawn(60, 0), drawn(50, 1)
    assert find_drift(before, now, SETTINGS) == find_drift(before, now, SETTINGS)


def test_what_is_not_known_is_not_asked():
    before, now = drawn(60, 0), drawn(50, 1)
    found = find_drift(replace(before, labels=None, outside=None), now, SETTINGS)
    assert (found.labels, found.outside) == (None, None)
    assert set(found.adjusted) == {"embeddings", "new_intents"}
    few = find_drift(drawn(3, 0), drawn(2, 1), SETTINGS)
    assert few.embeddings is None
    assert few.intents == ()
    # Labels alone, where nobody knows which text has which.
    counted = tuple(f"label{i % LABELS}" for i in range(80))
    found = find_drift(replace(before, labels=None, counted=counted), now, SETTINGS)
    assert found.labels.labels[0].before_of == 80


def test_all_of_it_is_plain_json():
    found = find_drift(drawn(60, 0), drawn(50, 1), SETTINGS).to_json()
    assert found["rows"] == {"reference": 60, "log": 50}
    assert found["drift"] is False
    assert set(found["adjusted_p"]) == {"labels", "out_of_scope", "embeddings", "new_intents"}
    assert found["embeddings"]["test"] == "mmd"
    assert len(found["labels"]["labels"]) == LABELS
