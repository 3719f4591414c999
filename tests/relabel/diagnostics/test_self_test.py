"""The self-test, with a mending made by hand in the place of the real one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.arrays import share
from labelmend.configs.load import load_config
from labelmend.configs.schema import DecisionConfig
from labelmend.relabel.diagnostics.self_test import (
    Noise,
    Plausible,
    affordable,
    draw_errors,
    draw_hard_errors,
    measure,
    presumed_truth,
    tighten,
)
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.noise_channel import LearnedChannel
from labelmend.relabel.labelmodel.types import Decisions, NoiseChannel, Posterior
from labelmend.types import NO_LABEL, Dataset

CONFIG = load_config("embedded", ["seed=5"])
# Cosines: a to b 0.8, a to c 0, b to c 0.6.
PROTOTYPES = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)
COUNTS = [[60.0, 8.0, 0.0], [1.0, 30.0, 3.0], [0.0, 2.0, 40.0]]


def noise_of(counts=None, prototypes=PROTOTYPES, oos=None, **changes):
    numbers = {
        "keep_rate": 0.8,
        "similar_share": 0.25,
        "oos_share": 0.0,
        "temperature": 0.5,
        "pair_strength": None,
        "label_strength": None,
    }
    size = len(prototypes)
    table = np.zeros((size, size)) if counts is None else np.array(counts)
    own = np.zeros((size, size), dtype=np.float32)
    channel = NoiseChannel(**{**numbers, **changes})
    return Noise(
        LearnedChannel(channel, csr_array(table), own), prototypes, oos, CONFIG.fusion.channel
    )


def unit_rows(count, width=8):
    rows = np.random.default_rng(0).normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def table(given, labels=3):
    ids = tuple(str(i + 1) for i in range(len(given)))
    texts = tuple(f"text {i}" for i in ids)
    return Dataset(ids, texts, np.array(given, dtype=np.int64), tuple("abcdefgh"[:labels]), None)


def decided(actions, mended, quality, proposed=None):
    mended, quality = np.array(mended), np.array(quality, dtype=float)
    return Decisions(
        actions=tuple(actions),
        mended=mended,
        proposed=mended if proposed is None else np.array(proposed),
        confidence=quality,
        quality=quality,
        review_order=np.empty(0, dtype=np.int64),
        expected_harm=0.0,
        expected_good=float(np.nansum(quality)),
    )


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # With nothing found the upper end is z^2 / (n + z^2), z^2 = 3.841459.
        (0, 10, 0.0, 3.841459 / 13.841459),
        (10, 10, 10 / 13.841459, 1.0),
        # Around a half: 1/2 -+ z / (2 sqrt(n + z^2)).
        (5, 10, 0.5 - 1.959964 / (2 * 13.841459**0.5), 0.5 + 1.959964 / (2 * 13.841459**0.5)),
        # (p + z^2/2n -+ z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n), by hand.
        (1, 100, 0.0017674, 0.0544862),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_by_hand(count, total, low, high):
    found = share(count, total)
    assert (found.count, found.total) == (count, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert found.rate == (count / total if total else 0)


@pytest.mark.parametrize("labels", [3, 15])
@pytest.mark.parametrize("oos", [None, 1])
@pytest.mark.parametrize("strengths", [(None, None), (50.0, None), (None, 20.0), (15.0, 20.0)])
def test_the_rows_of_the_channel(labels, oos, strengths):
    prototypes = PROTOTYPES if labels == len(PROTOTYPES) else unit_rows(labels)
    counts = np.zeros((labels, labels))
    counts[:3, :3] = COUNTS
    pair, label = strengths
    nu = 0.2 if oos is not None else 0.0
    noise = noise_of(
        counts, prototypes, oos, oos_share=nu, pair_strength=pair, label_strength=label
    )
    found = noise.rows(np.arange(labels))
    assert found.sum(axis=1) == pytest.approx(np.ones(labels))
    assert noise.rows(np.array([2, 0])) == pytest.approx(found[[2, 0]])
    # Of label a 60 of 68 anchors were kept, and all others were called b.
    keep_rate = (60 + 20 * 0.8) / (68 + 20) if label else 0.8
    assert found[0, 0] == pytest.approx(keep_rate)
    if pair:
        plain = noise_of(counts, prototypes, oos, oos_share=nu).rows(np.arange(labels))[0] / 0.2
        expected = [(n + pair * p) / (8 + pair) for n, p in zip((8, 0), plain[1:], strict=False)]
        assert found[0, 1:3] / (1 - keep_rate) == pytest.approx(expected)


def test_drawn_errors_follow_the_channel():
    noise = noise_of(COUNTS, pair_strength=15.0, label_strength=20.0)
    truth = np.repeat([0, 1, 2, NO_LABEL], 40_000)
    scored = truth != NO_LABEL
    rng = np.random.default_rng(1)
    noisy, forced = draw_errors(truth, scored, np.arange(len(truth)), noise, 0.1, rng)
    assert not forced
    assert (noisy[~scored] == NO_LABEL).all()
    assert (noisy != truth)[scored].mean() == pytest.approx(0.1, abs=0.005)
    rows = noise.rows(np.arange(3))
    wrong = 1 - rows.diagonal()
    for k in range(3):
        drawn = np.bincount(noisy[truth == k], minlength=3) / 40_000
        # The channel says how the labels' rates compare; their mean is what was asked for.
        rate = wrong[k] * 0.1 / wrong.mean()
        expected = rows[k] / wrong[k] * rate
        expected[k] = 1 - rate
        assert drawn == pytest.approx(expected, abs=0.006)


def test_the_order_of_rows_changes_no_error():
    noise = noise_of(COUNTS, pair_strength=15.0)
    rng = np.random.default_rng(2)
    truth, text_of = rng.integers(0, 3, 300), rng.integers(0, 100, 300)
    scored = rng.random(300) < 0.8
    order = rng.permutation(300)
    first, _ = draw_errors(truth, scored, text_of, noise, 0.3, np.random.default_rng(7))
    second, _ = draw_errors(
        truth[order], scored[order], text_of[order], noise, 0.3, np.random.default_rng(7)
    )
    rows = sorted(zip(text_of, truth, scored, first, strict=True))
    again = sorted(zip(text_of[order], truth[order], scored[order], second, strict=True))
    assert rows == again


def test_at_least_one_scored_label_is_made_wrong():
    truth = np.array([0, 1, 2, NO_LABEL, 1])
    scored = np.array([False, False, True, False, False])
    rng = np.random.default_rng(0)
    noisy, forced = draw_errors(truth, scored, np.arange(5), noise_of(), 1e-12, rng)
    assert forced
    assert np.flatnonzero(noisy != truth).tolist() == [2]


def test_what_is_taken_for_true():
    data = table([0, 0, 0, NO_LABEL, NO_LABEL])
    decisions = decided(
        ["keep", "change", "review", "label", "review"],
        mended=[0, 1, 0, 2, NO_LABEL],
        quality=[0.9, 0.1, 0.3, np.nan, np.nan],
        proposed=[0, 1, 2, 2, 1],
    )
    truth, scored = presumed_truth(data, decisions)
    assert truth.tolist() == [0, 1, 2, NO_LABEL, NO_LABEL]
    assert scored.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("max_harm", "factor", "broken"),
    [
        # Of 100 good labels four break: where 0.2, 0.5, 0.5 and 0.9 of the budget are spent.
        (0.04, 1.0, 4),
        (0.03, 0.9, 3),
        (0.02, 0.5, 1),  # the two at 0.5 share their fate
        (0.01, 0.5, 1),
        (0.009, 0.2, 0),
        (0.0, 0.2, 0),
    ],
)
def test_what_can_be_afforded(max_harm, factor, broken):
    found = affordable(np.array([0.5, 0.9, 0.2, 0.5]), 100, max_harm)
    assert found == (pytest.approx(factor), broken)
    assert found[0] == 1 or found[0] < factor


GIVEN = np.zeros(400, dtype=np.int64)


def mend_by_hand(good_rows_to_break, quality=0.25):
    """Fix every error at a cost of 1/64; break the first good rows, which look costlier."""

    def mend(noisy):
        wrong = noisy != 0
        broken = np.zeros(len(noisy), dtype=bool)
        broken[np.flatnonzero(~wrong)[:good_rows_to_break]] = True
        changed = wrong | broken
        q = np.where(wrong, 1 / 64, np.where(broken, quality, 1.0))
        return decided(["change" if c else "keep" for c in changed], np.where(broken, 1, 0), q)

    return mend


def self_tested(mend, given=GIVEN, quality=0.875, max_harm=0.01, runs=1, actions=None):
    data = table(given)
    decisions = decided(actions or ["keep"] * len(given), given, np.full(len(given), quality))
    config = replace(CONFIG, decision=replace(CONFIG.decision, max_harm=max_harm))
    return measure(data, np.arange(len(given)), decisions, noise_of(), mend, config, runs)


def test_within_the_budget_nothing_changes():
    test = self_tested(mend_by_hand(1))
    errors = test.recovery.total
    assert errors / 400 == test.injected_rate == pytest.approx(0.125, abs=0.05)
    assert test.estimated_rate == 0.125
    assert test.recovery == test.detection == share(errors, errors)
    assert test.harm == share(1, 400 - errors)
    assert test.expected_broken == errors / 64 + 0.25
    assert test.calibration == pytest.approx(1 / (errors / 64 + 0.25))
    assert (test.factor, test.broken_at_factor, test.withdrawn, test.notes) == (1, 1, 0, ())
    assert test.verdict.startswith(f"Self-test: 1 of {400 - errors} good labels broken (0.")
    assert test.verdict.endswith("within the budget of 1.00%: nothing changes")
    before = decided(["change"], [1], [0.1])
    assert tighten(test, before, None) == (test, before)


def posterior_by_hand(qualities):
    probabilities = np.array([[q, 1 - q, 0.0] for q in qualities])
    shape = probabilities.shape
    return Posterior(
        candidates=np.tile(np.arange(3), (len(qualities), 1)),
        probabilities=probabilities,
        channel=NoiseChannel(0.9, 0.3, 0.1, 0.1, None, None),
        weights={},
        oos_bias=0.0,
        channel_nats=np.zeros(shape),
        given_share=np.zeros(shape),
    )


def test_beyond_the_budget_the_threshold_is_tightened():
    # Four of some 350 good labels may break at 1 %, and five do; all five at one cost.
    test = self_tested(mend_by_hand(5))
    errors = test.recovery.total
    good = 400 - errors
    assert test.harm == share(5, good)
    spent = (errors / 64 + 5 * 0.25) / (0.8 * 0.01 * (errors / 64 + 5 * 0.25 + good - 5))
    assert test.factor == pytest.approx(min(spent, 1))
    assert test.broken_at_factor == 0

    # A real run whose changes cost 1/64, 1/32 and 1/16 with 7/64 to spend, then half of it.
    qualities = [1 / 64, 1 / 32, 1 / 16, *[1.0] * 97]
    posterior, data = posterior_by_hand(qualities), table([0] * 100)
    max_harm = 7 / 64 / sum(qualities) / 0.8 * (1 + 1e-9)
    full = DecisionConfig(max_harm=max_harm, max_row_harm=0.5, min_confidence=0.5, review_below=0.5)

    def decide_within(budget):
        return decide(data, np.arange(100), posterior, replace(full, max_harm=budget))

    before = decide_within(max_harm)
    assert before.actions[:4] == ("change", "change", "change", "keep")
    test, after = tighten(replace(test, factor=0.5, budget=max_harm), before, decide_within)
    assert after.actions[:4] == ("change", "change", "review", "keep")
    assert test.withdrawn == 1
    assert "more than the budget of 0.14%" in test.verdict
    assert test.verdict.endswith(
        "the decision threshold is tightened to spend 50.0% of the budget, "
        "which takes back 1 change"
    )
    _, none = tighten(replace(test, factor=0.0), before, decide_within)
    assert "change" not in none.actions


def test_several_runs_are_pooled_and_draw_anew():
    drawn = []

    def mend(noisy):
        drawn.append(noisy.copy())
        return mend_by_hand(len(drawn))(noisy)

    test = self_tested(mend, runs=3)
    assert test.runs == 3
    assert not np.array_equal(drawn[0], drawn[1])
    errors = sum(int((noisy != 0).sum()) for noisy in drawn)
    assert test.harm == share(1 + 2 + 3, 1200 - errors)
    assert test.recovery == share(errors, errors)
    again = []
    self_tested(lambda noisy: (again.append(noisy.copy()), mend_by_hand(0)(noisy))[1], runs=3)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))


def test_where_no_noise_is_estimated_it_is_drawn_at_one_per_cent():
    test = self_tested(mend_by_hand(0), quality=1.0)
    assert test.notes == ("self-test: no noise is estimated, so errors are drawn at 1%",)
    assert 0 < test.injected_rate < 0.03


def test_a_rate_that_draws_nothing_still_makes_one_error():
    test = self_tested(mend_by_hand(0), given=GIVEN[:3], quality=1 - 2**-10)
    assert test.notes == ("self-test: no error was drawn at 0.10%, so one was made",)
    assert test.recovery == share(1, 1)


def test_an_error_under_review_is_found_but_not_fixed():
    def mend(noisy):
        wrong = noisy != 0
        quality = np.where(wrong, 0.25, 1.0)
        return decided(["review" if w else "keep" for w in wrong], noisy, quality)

    test = self_tested(mend)
    errors = test.recovery.total
    assert test.recovery == share(0, errors)
    assert test.detection == share(errors, errors)
    assert (test.expected_broken, test.calibration) == (0.0, None)


def test_where_no_label_is_sure_nothing_is_tested():
    test = self_tested(None, given=GIVEN[:4], actions=["review"] * 4)
    assert (test.runs, test.factor) == (0, 1.0)
    assert "nothing was tested" in test.verdict


def test_a_budget_of_nothing():
    test = self_tested(mend_by_hand(0), max_harm=0.0)
    assert (test.factor, test.harm.count) == (1.0, 0)


SURE_AND_TORN = Plausible(
    # Text 0 is surely label 0; text 1 is label 1 by a half, else 2 or, a third as often, 0.
    candidates=np.array([[0, 1, 2], [1, 2, 0]]),
    probabilities=np.array([[1.0, 0.0, 0.0], [0.5, 0.375, 0.125]]),
)


def test_hard_errors_fall_on_texts_in_doubt_towards_what_is_plausible():
    text_of = np.repeat([0, 1], 20_000)
    truth = np.repeat([0, 1], 20_000)
    noisy = draw_hard_errors(truth, truth, text_of, SURE_AND_TORN, 0.1, np.random.default_rng(3))
    assert (noisy[:20_000] == 0).all()
    # A tenth of all rows is a fifth of those in doubt; three quarters of them become label 2.
    counts = np.bincount(noisy[20_000:], minlength=3)
    assert counts[[0, 2]] == pytest.approx([1_000, 3_000], abs=150)


def test_hard_errors_leave_other_errors_and_missing_labels_alone():
    text_of = np.array([1, 1, 1, 0])
    truth = np.array([1, 1, NO_LABEL, 0])
    before = np.array([1, 0, NO_LABEL, 1])
    after = draw_hard_errors(truth, before, text_of, SURE_AND_TORN, 0.9, np.random.default_rng(0))
    assert after[0] in (0, 2)
    assert after[1:].tolist() == before[1:].tolist()
    sure = draw_hard_errors(
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        SURE_AND_TORN,
        0.5,
        np.random.default_rng(0),
    )
    assert sure.tolist() == [0, 0]


def test_the_order_of_rows_changes_no_hard_error():
    rng = np.random.default_rng(1)
    text_of, truth = rng.integers(0, 2, 500), rng.integers(0, 3, 500)
    order = rng.permutation(500)
    one = draw_hard_errors(truth, truth, text_of, SURE_AND_TORN, 0.3, np.random.default_rng(7))
    other = draw_hard_errors(
        truth[order], truth[order], text_of[order], SURE_AND_TORN, 0.3, np.random.default_rng(7)
    )
    pairs = [sorted(zip(text_of.tolist(), truth.tolist(), one.tolist(), strict=True))]
    pairs.append(
        sorted(zip(text_of[order].tolist(), truth[order].tolist(), other.tolist(), strict=True))
    )
    assert pairs[0] == pairs[1]


def test_a_measurement_draws_both_kinds_and_says_so():
    data = table([0, 1] * 200)
    text_of = np.array([0, 1] * 200)
    quality = [0.8] * 400
    decisions = decided(["keep"] * 400, data.given, quality)

    def mend(given):
        # What was put on texts in doubt is mended, all else stays.
        hard = (text_of == 1) & (given != 1)
        mended = np.where(hard, 1, given)
        actions = np.where(hard, "change", "keep").tolist()
        return decided(actions, mended, quality)

    only = replace(CONFIG, seed=2)
    tested = measure(data, text_of, decisions, noise_of(), mend, only, 1, plausible=SURE_AND_TORN)
    assert tested.hard is not None
    assert tested.hard.count == tested.hard.total
    # Half of a fifth of 400 rows, in expectation.
    assert 20 <= tested.hard.total <= 60
    assert any("half of the errors fall on texts" in note for note in tested.notes)
    plain = measure(data, text_of, decisions, noise_of(), mend, only, 1)
    assert plain.hard is None
    assert plain.notes == ()
