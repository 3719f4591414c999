from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.schema import DecisionConfig
from labelmend.relabel.labelmodel.decisions import (
    decide,
    given_probability,
    spendable,
    within_budget,
)
from labelmend.relabel.labelmodel.types import NoiseChannel, Posterior
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.types import NO_LABEL, Dataset

CHANNEL = NoiseChannel(0.9, 0.3, 0.1, 0.1, None, None)
OPEN = DecisionConfig(max_harm=1.0, max_row_harm=0.5, min_confidence=0.5, review_below=0.5)


def table(given, texts=None, ids=None, labels=4):
    count = len(given)
    texts = texts or [f"text {i}" for i in range(count)]
    ids = ids or [str(i + 1) for i in range(count)]
    names = tuple("abcdefgh"[:labels])
    return Dataset(tuple(ids), tuple(texts), np.array(given, dtype=np.int64), names, None)


def believe(rows):
    probabilities = np.array(rows, dtype=float)
    return posterior(np.tile(np.arange(probabilities.shape[1]), (len(rows), 1)), probabilities)


def posterior(candidates, probabilities):
    nothing = np.zeros_like(probabilities)
    return Posterior(candidates, probabilities, CHANNEL, {}, 0.0, nothing, nothing)


def decide_rows(given, rows, config=OPEN, **columns):
    return decide(table(given, **columns), np.arange(len(given)), believe(rows), config)


def settings(**changes):
    values = {"max_harm": 1.0, "max_row_harm": 0.5, "min_confidence": 0.5, "review_below": 0.5}
    return DecisionConfig(**{**values, **changes})


FOUR = [[1 / 8, 7 / 8], [1 / 4, 3 / 4], [3 / 8, 5 / 8], [1, 0]]
"""Qualities 1/8, 1/4, 3/8 and 1: 14/8 in sum; all numbers are exact in binary."""


@pytest.mark.parametrize(
    ("harm_in_eighths", "changed"), [(0, 0), (0.99, 0), (1, 1), (2.99, 1), (3, 2), (5.9, 2), (6, 3)]
)
def test_the_budget_by_hand(harm_in_eighths, changed):
    # The cheapest change costs 1/8, the next 2/8, the last 3/8: 1/8, 3/8, 6/8 together, of 14/8.
    # A fifth of the budget is kept back.
    # A hair more than the budget makes up for the rounding of the division.
    harm = harm_in_eighths / 14 / 0.8 * (1 + 1e-12)
    decisions = decide_rows([0] * 4, FOUR, settings(max_harm=harm))
    assert decisions.actions == ("change",) * changed + ("review",) * (3 - changed) + ("keep",)
    assert decisions.expected_good == 14 / 8
    assert decisions.expected_harm == sum((1 / 8, 2 / 8, 3 / 8)[:changed])
    assert decisions.expected_harm <= 0.8 * harm * decisions.expected_good
    assert decisions.mended.tolist() == [1] * changed + [0] * (4 - changed)


def test_what_a_row_says_of_itself():
    decisions = decide_rows([0] * 4, FOUR, settings(max_harm=1 / 8))
    assert decisions.quality.tolist() == [1 / 8, 1 / 4, 3 / 8, 1]
    assert decisions.proposed.tolist() == [1, 1, 1, 0]
    assert decisions.actions == ("change", "review", "review", "keep")
    assert decisions.confidence.tolist() == [7 / 8, 1 / 4, 3 / 8, 1]


def test_rows_of_equal_quality_share_their_fate():
    # Three rows cost 1/4 each; a budget of 0.8 * 5/8 (of 3/4 + 1 good ones) would pay for two.
    rows = [[1 / 4, 3 / 4]] * 3 + [[1, 0]]
    assert decide_rows([0] * 4, rows, settings(max_harm=5 / 14)).actions[:3] == ("review",) * 3
    assert decide_rows([0] * 4, rows, settings(max_harm=15.001 / 28)).actions[:3] == ("change",) * 3


def test_no_harm_allowed_changes_only_what_can_do_none():
    # A posterior of exactly 0 says that the given label is no good one: a change costs nothing.
    rows = [[0, 1], [1e-300, 1], [1 / 4, 3 / 4]]
    decisions = decide_rows([0] * 3, rows, settings(max_harm=0.0))
    assert decisions.actions == ("change", "review", "review")
    assert decisions.expected_harm == 0


def test_a_row_that_is_probably_right_is_not_changed_whatever_the_budget():
    rows = [[3 / 8, 5 / 8]]
    assert decide_rows([0], rows, settings(max_row_harm=3 / 8)).actions == ("change",)
    assert decide_rows([0], rows, settings(max_row_harm=0.37)).actions == ("review",)


def test_a_label_is_written_only_with_confidence():
    rows = [[0, 5 / 8, 3 / 8], [1 / 8, 1 / 2, 3 / 8]]
    assert decide_rows([0] * 2, rows, settings(min_confidence=5 / 8)).actions == (
        "change",
        "review",
    )
    unlabelled = decide_rows([NO_LABEL] * 2, rows, settings(min_confidence=5 / 8))
    assert unlabelled.actions == ("label", "review")


def test_unlabelled_rows():
    rows = [[1 / 4, 3 / 4, 0], [3 / 8, 3 / 8, 1 / 4]]
    decisions = decide_rows([NO_LABEL] * 2, rows)
    assert decisions.actions == ("label", "review")
    assert decisions.mended.tolist() == [1, NO_LABEL]
    assert decisions.proposed.tolist() == [1, 0]
    assert decisions.confidence.tolist() == [3 / 4, 3 / 8]
    assert np.isnan(decisions.quality).all()
    assert decisions.expected_harm == decisions.expected_good == 0


def test_unlabelled_rows_neither_pay_nor_spend():
    alone = decide_rows([0] * 4, FOUR, settings(max_harm=3 / 14))
    mixed = decide_rows([0] * 4 + [NO_LABEL], [*FOUR, [0, 1]], settings(max_harm=3 / 14))
    assert mixed.actions == (*alone.actions, "label")
    assert mixed.expected_good == alone.expected_good
    assert mixed.expected_harm == alone.expected_harm


def test_a_given_label_that_is_no_candidate_has_quality_zero():
    belief = believe([[1 / 4, 3 / 4]])
    data = table([3])
    assert given_probability(data.given, np.array([0]), belief).tolist() == [0]
    assert decide(data, np.array([0]), belief, OPEN).actions == ("change",)


def test_a_given_label_as_probable_as_the_best_stays():
    decisions = decide_rows([1, 0, 2], [[1 / 2, 1 / 2, 0]] * 3)
    assert decisions.actions == ("keep", "keep", "review")
    assert decisions.mended.tolist() == [1, 0, 2]
    assert decisions.proposed.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("row", "given", "action"),
    [
        ([0, 1 / 2, 3 / 8, 1 / 8], 0, "change"),  # 4/3 times the next
        ([0, 1 / 2, 7 / 16, 1 / 16], 0, "review"),  # 8/7 times
        ([7 / 16, 1 / 2, 0, 1 / 16], 0, "change"),  # the next is the given one
        ([0, 1 / 2, 3 / 8, 1 / 8], NO_LABEL, "label"),
        ([0, 1 / 2, 7 / 16, 1 / 16], NO_LABEL, "review"),
        ([0, 1 / 2, 7 / 16, 1 / 16], 1, "keep"),
    ],
)
def test_a_row_that_fits_two_labels_is_a_question_for_a_person(row, given, action):
    assert decide_rows([given], [row]).actions == (action,)


def test_labels_that_taught_nothing_change_nothing():
    rows = [[0, 1], [1 / 4, 3 / 4], [3 / 8, 3 / 8], [1, 0]]
    given = [0, 0, NO_LABEL, 0, NO_LABEL]
    data, belief = table(given), believe([*rows, [0, 1]])
    decisions = decide(data, np.arange(5), belief, OPEN, trusted=False)
    assert decisions.actions == ("keep", "keep", "review", "keep", "review")
    assert decisions.mended.tolist() == given
    assert sorted(decisions.review_order.tolist()) == [0, 1, 2, 3, 4]
    assert decisions.expected_harm == 0
    assert decide(data, np.arange(5), belief, OPEN, trusted=True).actions[0] == "change"


def test_a_doubtful_row_whose_given_label_is_best_goes_to_review():
    rows = [[3 / 8, 1 / 4, 1 / 4]]
    assert decide_rows([0], rows).actions == ("review",)
    assert decide_rows([0], rows, settings(review_below=3 / 8)).actions == ("keep",)


def test_the_queue_ranks_all_rows_by_doubt_of_their_label():
    # Qualities: 1/4, 3/8, none is given: 7/16 for the best, 1/8, 3/8 (the text decides), 3/8 (the
    # id decides).
    rows = [[1 / 4, 3 / 4], [3 / 8, 5 / 8], [7 / 16, 3 / 8], [1 / 8, 0], [3 / 8, 5 / 8]]
    decisions = decide_rows(
        [0, 0, NO_LABEL, 0, 0, 0],
        [*rows, rows[4]],
        settings(max_harm=0.0),
        texts=["a", "y", "b", "c", "x", "x"],
        ids=["1", "2", "3", "4", "9", "10"],
    )
    assert decisions.actions == ("review",) * 6
    assert decisions.review_order.tolist() == [3, 0, 5, 4, 1, 2]
    changed = decide_rows([0, 0, 1], [[0, 1], [1 / 4, 3 / 4], [0, 1]])
    assert changed.actions == ("change", "change", "keep")
    assert changed.review_order.tolist() == [0, 1, 2]


def test_copies_of_a_text_are_decided_together():
    data = table([0, 1, 0, 2], texts=["hi", "HI", " hi", "Hi "])
    decisions = decide(data, np.zeros(4, dtype=np.int64), believe([[1 / 8, 5 / 8, 1 / 4]]), OPEN)
    assert decisions.actions == ("change", "keep", "change", "change")
    assert decisions.mended.tolist() == [1] * 4
    assert decisions.expected_good == 1 / 8 + 5 / 8 + 1 / 8 + 1 / 4


def random_case(seed, rows=300):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet([0.4] * 5, size=rows // 2)[:, :4]
    candidates = generator.permuted(np.tile(np.arange(4), (rows // 2, 1)), axis=1)
    text_of = generator.integers(rows // 2, size=rows)
    given = generator.integers(-1, 4, size=rows)
    return given, text_of, posterior(candidates, probabilities)


@pytest.mark.parametrize("harm", [0.0, 0.01, 0.05, 0.1])
def test_expected_harm_stays_within_the_budget_and_spends_it(harm):
    given, text_of, belief = random_case(0)
    config = settings(max_harm=harm)
    decisions = decide(table(given), text_of, belief, config)
    assert decisions.expected_harm <= 0.8 * harm * decisions.expected_good
    left = 0.8 * harm * decisions.expected_good - decisions.expected_harm
    best = belief.best()[1][text_of]
    others = np.where(
        (belief.candidates[text_of] == given[:, None])
        | (belief.candidates[text_of] == decisions.proposed[:, None]),
        0.0,
        belief.probabilities[text_of],
    )
    could = (
        (np.array(decisions.actions) == "review")
        & (decisions.proposed != given)
        & (best >= 0.5)
        & (best >= 1.25 * others.max(axis=1))
        & (decisions.quality <= 0.5)
    )
    cheapest = decisions.quality[could].min()
    assert (decisions.quality[could] == cheapest).sum() * cheapest > left
    changed = np.array(decisions.actions) == "change"
    assert changed.any() == (harm > 0)
    assert (decisions.quality[changed] < cheapest).all()


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_another_order_are_decided_the_same(seed):
    given, text_of, belief = random_case(seed)
    ids = [str(i) for i in range(len(given))]
    texts = [f"text {t}" for t in text_of]
    config = settings(max_harm=0.05)
    plain = decide(table(given, texts, ids), text_of, belief, config)
    order = np.random.default_rng(seed + 10).permutation(len(given))
    other = decide(
        table(given[order], [texts[i] for i in order], [ids[i] for i in order]),
        text_of[order],
        belief,
        config,
    )
    assert {"keep", "change", "review", "label"} == set(plain.actions)
    assert list(other.actions) == [plain.actions[i] for i in order]
    assert other.mended.tolist() == plain.mended[order].tolist()
    assert [order[row] for row in other.review_order] == plain.review_order.tolist()


def test_candidates_in_another_order_are_decided_the_same():
    given, text_of, belief = random_case(4)
    by_label = np.argsort(belief.candidates, axis=1)
    tidy = posterior(
        np.take_along_axis(belief.candidates, by_label, axis=1),
        np.take_along_axis(belief.probabilities, by_label, axis=1),
    )
    assert decide(table(given), text_of, belief, OPEN).actions == (
        decide(table(given), text_of, tidy, OPEN).actions
    )


def test_nothing_open_spends_nothing():
    quality, nobody = np.array([0.5, np.nan]), np.zeros(2, dtype=bool)
    assert not within_budget(quality, quality, nobody, 1.0).any()


def test_an_empty_table():
    nobody = posterior(np.empty((0, 2), np.int64), np.empty((0, 2)))
    decisions = decide(table([]), np.empty(0, np.int64), nobody, OPEN)
    assert decisions.actions == ()
    assert decisions.review_order.tolist() == []


def test_how_far_a_label_must_lead_is_a_setting():
    # Neither the best label nor the next is the given one; 0.5 is 1.25 times 0.4.
    rows = [[0.1, 0.5, 0.4]]
    assert decide_rows([0], rows, replace(OPEN, min_lead=1.25)).actions == ("change",)
    assert decide_rows([0], rows, replace(OPEN, min_lead=1.26)).actions == ("review",)


def test_what_is_spent_of_the_budget_is_a_setting():
    half = DecisionConfig(max_harm=0.01, spend=0.5)
    assert spendable(half) == 0.005
    assert spendable(replace(half, max_harm=1.0)) == 1.0
    # Two good labels are expected, of which half of 0.2 may break: the first row, and not both.
    rows = [[0.1, 0.9], [0.15, 0.85], [0.9, 0.1], [0.85, 0.15]]
    tight = replace(OPEN, max_harm=0.1, spend=0.5)
    assert decide_rows([0] * 4, rows, tight).actions == ("change", "review", "keep", "keep")
    assert decide_rows([0] * 4, rows, replace(tight, spend=0.0)).actions[:2] == ("review",) * 2
    whole = replace(tight, max_harm=0.125, spend=1.0)
    assert decide_rows([0] * 4, rows, whole).actions[:2] == ("change",) * 2


def left_open(contradicted, least, flat=0.0, severity=0.0):
    return NoiseInterval(
        low=0.1,
        high=0.5,
        agreement=0.5,
        own_errors=0.3,
        weakness=0.99,
        contradicted=np.array(contradicted, dtype=bool),
        least=np.array(least, dtype=float),
        flat=flat,
        severity=severity,
    )


def test_where_the_evidence_is_weak_a_change_costs_what_it_may_get_wrong():
    # Each change costs a quarter instead of 1/16, of 4 * 1/16 + 3 good labels: 13/4.
    rows = [[1 / 16, 15 / 16]] * 4 + [[1, 0]] * 3
    weak = left_open([1] * 4 + [0] * 3, [1 / 4] * 4 + [0] * 3)
    given, text_of = [0] * 7, np.arange(7)
    for harm, changed in ((4 / 13 * 1.001, 4), (3.9 / 13, 0)):
        config = settings(max_harm=harm / 0.8)
        decisions = decide(table(given), text_of, believe(rows), config, interval=weak)
        assert decisions.actions.count("change") == changed
        assert decisions.expected_harm == changed / 4
        assert decisions.expected_good == 13 / 4
        assert decisions.harm.tolist() == [1 / 4] * 4 + [1] * 3
        plain = decide(table(given), text_of, believe(rows), config)
        assert plain.actions.count("change") == 4


def test_of_changes_that_cost_the_same_the_surest_come_first():
    rows = [[1 / 8, 7 / 8], [1 / 16, 15 / 16], [1, 0], [1, 0]]
    weak = left_open([1, 1, 0, 0], [1 / 4, 1 / 4, 0, 0])
    # A quarter and no more, of 2 + 3/16.
    config = settings(max_harm=0.26 / (2 + 3 / 16) / 0.8)
    decisions = decide(table([0] * 4), np.arange(4), believe(rows), config, interval=weak)
    assert decisions.actions == ("review", "change", "keep", "keep")


def test_what_either_extreme_doubts_is_for_review():
    # Three nats less: 0.9 becomes 0.31, 0.99 becomes 0.83.
    rows = [[0.9, 0.1], [0.9, 0.1], [0.99, 0.01]]
    severe = left_open([1, 0, 1], [0, 0, 0], severity=3.0)
    decisions = decide(table([0] * 3), np.arange(3), believe(rows), OPEN, interval=severe)
    assert decisions.actions == ("review", "keep", "keep")
    # Told is the middle of the log-odds: a nat and a half less.
    middle = 1 / (1 + np.exp(1.5 - np.log(9)))
    assert decisions.quality[0] == pytest.approx(middle)
    assert decisions.confidence[0] == decisions.quality[0]
    assert decisions.review_order.tolist() == [0, 1, 2]


def test_a_changed_label_is_as_sure_as_the_given_one_is_wrong():
    # The posterior leaves the given label 1/10 and the others 9/10, of which the best has 8/10.
    rows = [[0.1, 0.8, 0.1], [1, 0, 0]]
    weak = left_open([1, 0], [0.2, 0], flat=0.2)
    decisions = decide(table([0, 0]), np.arange(2), believe(rows), OPEN, interval=weak)
    assert decisions.actions == ("change", "keep")
    told = decisions.quality[0]
    assert 0.1 < told < 0.28
    assert decisions.confidence[0] == pytest.approx(8 / 9 * (1 - told))
