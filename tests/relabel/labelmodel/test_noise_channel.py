from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.schema import ChannelConfig
from labelmend.relabel.labelmodel.noise_channel import (
    FIRST_GUESS,
    LearnedChannel,
    learn_channel,
    observe,
    taken_to_carry,
)
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.types import NO_LABEL

CHANNEL = ChannelConfig()
# Cosines: a to b 0.8, a to c 0, b to c 0.6.
PROTOTYPES = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)


def channel(**changes):
    numbers = {
        "keep_rate": 0.8,
        "similar_share": 0.25,
        "oos_share": 0.0,
        "temperature": 0.5,
        "pair_strength": None,
        "label_strength": None,
    }
    return NoiseChannel(**{**numbers, **changes})


def unit_rows(count, width=8, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def all_candidates(texts, labels):
    return np.tile(np.arange(labels), (texts, 1))


def sparse(rows):
    return csr_array(np.array(rows, dtype=np.float64))


def likelihood(seen, numbers, counts=None, own=None):
    """exp of the log-likelihood under a channel with these counts, [u, c]."""
    size = len(seen.similarities)
    counts = sparse(np.zeros((size, size)) if counts is None else counts)
    own = sparse(np.zeros(seen.candidate.shape) if own is None else own).astype(np.float32)
    return np.exp(LearnedChannel(numbers, counts, own).log_likelihood(seen))


def confusion(prototypes, numbers, counts=None, oos=None):
    """P(g | k) as an array [k, g]: each label given once, to a text of which all are candidates."""
    size = len(prototypes)
    seen = observe(csr_array(np.eye(size)), all_candidates(size, size), prototypes, oos, CHANNEL)
    return likelihood(seen, numbers, counts).T


def told(true, given, prototypes, count=None, oos=None, config=CHANNEL):
    """One text for each pair; the texts' given labels, and all labels as candidates."""
    size, texts = len(prototypes), len(true)
    rows = np.zeros((texts, size), dtype=np.float32)
    rows[np.arange(texts), given] = 1 if count is None else count
    return observe(csr_array(rows), all_candidates(texts, size), prototypes, oos, config)


def learned(true, given, prototypes, count=None, oos=None, config=CHANNEL):
    """The channel learned where all texts are anchors and their true labels are known."""
    seen = told(true, given, prototypes, count, oos, config)
    responsibility = sparse(np.eye(len(prototypes))[np.asarray(true)[seen.text]])
    return learn_channel(seen, responsibility, FIRST_GUESS, config), seen


def test_observations_follow_the_candidates():
    given = sparse([[0, 2, 1], [0, 0, 0], [1, 0, 0]])
    candidates = np.array([[0, 1], [2, 0], [1, 2]])
    seen = observe(given, candidates, PROTOTYPES, 2, CHANNEL)
    assert seen.text.tolist() == [0, 0, 2]
    assert seen.given.tolist() == [1, 2, 0]
    assert seen.count == pytest.approx([sqrt(2), 1, 1])
    assert seen.candidate.tolist() == [[0, 1], [0, 1], [1, 2]]
    assert seen.same.tolist() == [[False, True], [False, False], [False, False]]
    # Of two others one is similar: to a it is b, to b a, to c b. The first text was given b and c.
    assert seen.rank.tolist() == [[0, -1], [-1, -1], [0, -1]]
    nearest = np.array([[0.8], [0.8], [0.6]])
    assert seen.similarities == pytest.approx(nearest, abs=1e-7)
    assert (seen.oos, seen.total_texts) == (2, 3)


def test_the_given_labels_of_a_text_are_in_their_order_whatever_the_storage():
    stored = csr_array((np.array([1.0, 2.0]), np.array([2, 1]), np.array([0, 2])), shape=(1, 3))
    seen = observe(stored, np.array([[0, 1, 2]]), PROTOTYPES, None, CHANNEL)
    assert seen.given.tolist() == [1, 2]
    assert seen.count == pytest.approx([sqrt(2), 1])


def test_copies_count_as_the_square_root_of_their_number():
    seen = told([0, 0, 0, 0], [0, 1, 1, 2], PROTOTYPES, count=[1, 4, 9, 100])
    assert seen.count == pytest.approx([1, 2, 3, 10])


@pytest.mark.parametrize(
    ("labels", "similar"), [(2, 1), (3, 1), (4, 1), (5, 2), (15, 7), (21, 10), (22, 10), (40, 10)]
)
def test_half_of_the_others_and_ten_at_most_have_a_rank(labels, similar):
    prototypes = unit_rows(labels)
    cosine = (prototypes @ prototypes.T).astype(float)
    np.fill_diagonal(cosine, -np.inf)
    seen = observe(
        csr_array(np.eye(labels)), all_candidates(labels, labels), prototypes, None, CHANNEL
    )
    assert seen.similarities.shape == (labels, similar)
    for given in range(labels):
        for label in range(labels):
            place = np.argsort(-cosine[label]).tolist().index(given)
            assert seen.rank[given, label] == (place if place < similar else -1)


def test_three_labels_by_hand():
    # An error is uniform (1/2 a label) with 0.75, and else goes to the one similar label.
    expected = [
        [0.8, 0.2 * (0.375 + 0.25), 0.2 * 0.375],
        [0.2 * (0.375 + 0.25), 0.8, 0.2 * 0.375],
        [0.2 * 0.375, 0.2 * (0.375 + 0.25), 0.8],
    ]
    assert confusion(PROTOTYPES, channel()) == pytest.approx(np.array(expected), abs=1e-7)


def test_five_labels_by_hand():
    prototypes = np.array([[1, 0], [0.8, 0.6], [0, 1], [-0.96, 0.28], [-0.6, -0.8]], np.float32)
    # The two labels most similar to each, and their cosines.
    similar = {
        0: {1: 0.8, 2: 0.0},
        1: {0: 0.8, 2: 0.6},
        2: {1: 0.6, 3: 0.28},
        3: {4: 0.352, 2: 0.28},
        4: {3: 0.352, 0: -0.6},
    }
    # S(. | k) is a softmax of cosine / 0.5; an error is uniform (1/4 a label) with 0.75.
    expected = np.full((5, 5), 0.2 * 0.75 / 4)
    np.fill_diagonal(expected, 0.8)
    for k, cosines in similar.items():
        for g, cosine in cosines.items():
            spread = sum(exp(c / 0.5) for c in cosines.values())
            expected[k, g] += 0.2 * 0.25 * exp(cosine / 0.5) / spread
    assert confusion(prototypes, channel()) == pytest.approx(expected, abs=1e-7)


def test_errors_that_go_out_of_scope_by_hand():
    # c is out of scope: of the errors of a and b 0.1 go there, and 0.65 / 2 to each label.
    # What is out of scope can't be called so in error: its errors share 0.9.
    expected = [
        [0.8, 0.2 * (0.325 + 0.25), 0.2 * (0.325 + 0.1)],
        [0.2 * (0.325 + 0.25), 0.8, 0.2 * (0.325 + 0.1)],
        [0.2 * 0.325 / 0.9, 0.2 * (0.325 + 0.25) / 0.9, 0.8],
    ]
    found = confusion(PROTOTYPES, channel(oos_share=0.1), oos=2)
    assert found == pytest.approx(np.array(expected), abs=1e-7)


def test_a_pair_by_hand():
    # Of 100 anchors of a, 68 were given a, 30 b and 2 c; no anchor speaks of b and c.
    counts = [[68, 30, 2], [0, 0, 0], [0, 0, 0]]
    plain = confusion(PROTOTYPES, channel())
    found = confusion(PROTOTYPES, channel(pair_strength=50.0), counts)
    e_b, e_c = plain[0, 1] / 0.2, plain[0, 2] / 0.2
    assert found[0] == pytest.approx([0.8, 0.2 * (30 + 50 * e_b) / 82, 0.2 * (2 + 50 * e_c) / 82])
    assert found[1:] == pytest.approx(plain[1:])


def test_keep_rates_by_label_by_hand():
    counts = [[68, 30, 2], [0, 0, 0], [0, 1, 9]]
    plain = confusion(PROTOTYPES, channel())
    found = confusion(PROTOTYPES, channel(label_strength=20.0), counts)
    # (68 + 20 * 0.8) / (100 + 20), nothing known of b, (9 + 16) / (10 + 20).
    assert found.diagonal() == pytest.approx([0.7, 0.8, 25 / 30])
    assert found[0, 1:] == pytest.approx(plain[0, 1:] * 0.3 / 0.2)


def test_an_anchor_is_not_counted_for_itself_by_hand():
    counts = [[68, 30, 2], [0, 0, 0], [0, 0, 0]]
    seen = told([0, 0, 0], [0, 1, 1], PROTOTYPES, count=[1, 1, 9])
    numbers = channel(pair_strength=50.0, label_strength=20.0)
    own = [[1, 0, 0], [1, 0, 0], [3, 0, 0]]
    e_b = confusion(PROTOTYPES, channel())[0, 1] / 0.2
    found = likelihood(seen, numbers, counts, own)
    # Each is taken out of its own pair, and out of the label's total: 100 less 1, 1 and 3.
    assert found[0, 0] == pytest.approx((67 + 16) / (99 + 20))
    assert found[1, 0] == pytest.approx((1 - (68 + 16) / 119) * (29 + 50 * e_b) / (31 + 50))
    # Nine rows count as three: all three are left out, and it happened three times.
    once = (1 - (68 + 16) / 117) * (27 + 50 * e_b) / (29 + 50)
    assert found[2, 0] == pytest.approx(once**3)


def naive(k, g, numbers, counts, own, prototypes, oos):
    """P(g | k), written down from the module's docstring."""
    size = len(prototypes)
    cosine = prototypes.astype(float) @ prototypes[k].astype(float)
    width = min(10, max((size - 1) // 2, 1))
    near = sorted((j for j in range(size) if j != k), key=lambda j: -cosine[j])[:width]
    row = counts[k].copy()
    row[g] -= own
    rho = numbers.keep_rate
    if numbers.label_strength is not None:
        b = numbers.label_strength
        rho = (row[k] + b * rho) / (row.sum() + b)
    if g == k:
        return rho

    def expected(other):
        spread = sum(exp(cosine[j] / numbers.temperature) for j in near)
        share = (1 - numbers.similar_share - numbers.oos_share) / (size - 1)
        if other in near:
            share += numbers.similar_share * exp(cosine[other] / numbers.temperature) / spread
        return share + numbers.oos_share * (other == oos)

    every = sum(expected(j) for j in range(size) if j != k)  # less than 1 for oos itself
    share = expected(g) / every
    if numbers.pair_strength is not None:
        a = numbers.pair_strength
        share = (row[g] + a * share) / (row.sum() - row[k] + a)
    return (1 - rho) * share


@pytest.mark.parametrize("pair_strength", [None, 15.0])
@pytest.mark.parametrize("label_strength", [None, 20.0])
@pytest.mark.parametrize("oos", [None, 4])
def test_brute_force(pair_strength, label_strength, oos):
    generator = np.random.default_rng(2)
    prototypes = unit_rows(14)
    numbers = channel(
        oos_share=0.0 if oos is None else 0.2,
        pair_strength=pair_strength,
        label_strength=label_strength,
    )
    counts = generator.poisson(1.0, size=(14, 14)) + 3.0
    rows = generator.poisson(0.15, size=(40, 14)).astype(float)
    candidates = generator.permuted(all_candidates(40, 14), axis=1)[:, :6]
    seen = observe(csr_array(rows), candidates, prototypes, oos, CHANNEL)
    own = generator.integers(0, 3, size=seen.candidate.shape)
    expected = np.zeros((40, 6))
    for m, (i, g) in enumerate(zip(seen.text, seen.given, strict=True)):
        for c, k in enumerate(candidates[i]):
            p = naive(k, g, numbers, counts, own[m, c], prototypes, oos)
            expected[i, c] += sqrt(rows[i, g]) * log(p)
    assert (expected != 0).any(axis=1).sum() > 25
    assert rows.max() > 1
    assert np.log(likelihood(seen, numbers, counts, own)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("labels", [2, 5, 11, 15, 40])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"oos_share": 0.2},
        {"pair_strength": 15.0},
        {"oos_share": 0.2, "pair_strength": 50.0, "label_strength": 20.0},
    ],
)
def test_what_a_label_is_given_sums_to_one(labels, changes):
    # The similar part covers only half of the others, ten at most, and still sums to one.
    counts = np.random.default_rng(3).poisson(1.0, size=(labels, labels)).astype(float)
    oos = 1 if "oos_share" in changes else None
    found = confusion(unit_rows(labels), channel(**changes), counts, oos)
    assert found.sum(axis=1) == pytest.approx(np.ones(labels))


@pytest.mark.parametrize(("labels", "similar"), [(15, 7), (30, 10)])
def test_beyond_the_similar_labels_an_error_is_uniform(labels, similar):
    prototypes = unit_rows(labels)
    cosine = (prototypes @ prototypes.T).astype(float)
    np.fill_diagonal(cosine, -np.inf)
    order = np.argsort(-cosine, axis=1)
    near, far = order[:, :similar], order[:, similar : labels - 1]
    p, uniform = confusion(prototypes, channel()), 0.2 * 0.75 / (labels - 1)
    assert np.take_along_axis(p, far, axis=1) == pytest.approx(np.full(far.shape, uniform))
    assert np.take_along_axis(p, near, axis=1).min() > uniform
    similar_part = np.take_along_axis(p, near, axis=1).sum(axis=1) - similar * uniform
    assert similar_part == pytest.approx(np.full(labels, 0.2 * 0.25))


def test_several_given_labels_multiply_and_texts_without_one_say_nothing():
    given = sparse([[0, 2, 1], [0, 0, 0], [1, 0, 0]])
    candidates = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
    found = likelihood(observe(given, candidates, PROTOTYPES, None, CHANNEL), channel())
    p = confusion(PROTOTYPES, channel())
    expected = [
        [p[k, 1] ** sqrt(2) * p[k, 2] for k in (0, 1, 2)],
        [1.0, 1.0, 1.0],
        [p[k, 0] for k in (1, 2, 0)],
    ]
    assert found == pytest.approx(np.array(expected))


def test_no_text_has_a_label():
    seen = observe(sparse(np.zeros((3, 3))), all_candidates(3, 3), PROTOTYPES, None, CHANNEL)
    outcome = learn_channel(seen, sparse(np.zeros((0, 3))), FIRST_GUESS, CHANNEL)
    assert outcome.channel.keep_rate == pytest.approx(0.9)  # the prior's nine of ten
    assert outcome.anchors == 0
    assert outcome.log_likelihood(seen).tolist() == [[0, 0, 0]] * 3


def test_a_given_label_that_is_no_candidate_is_wrong_under_all_of_them():
    seen = observe(sparse([[0, 1, 0]]), np.array([[0, 2]]), PROTOTYPES, None, CHANNEL)
    p = confusion(PROTOTYPES, channel())
    assert likelihood(seen, channel()) == pytest.approx(np.array([[p[0, 1], p[2, 1]]]))


def test_a_label_without_texts_has_a_prototype_of_zeros_and_a_proper_row():
    prototypes = PROTOTYPES.copy()
    prototypes[2] = 0
    # It is as far from a as from b: the one similar label is the first of them.
    assert confusion(prototypes, channel())[2] == pytest.approx([0.125, 0.075, 0.8])
    # Of four others the first two, which share the similar part evenly.
    five = unit_rows(5)
    five[4] = 0
    assert confusion(five, channel())[4] == pytest.approx([0.0625, 0.0625, 0.0375, 0.0375, 0.8])


def test_with_two_labels_an_error_is_certain_to_be_the_other():
    numbers = channel(similar_share=0.6)
    found = confusion(PROTOTYPES[:2], numbers)
    assert found == pytest.approx(np.array([[0.8, 0.2], [0.2, 0.8]]))
    assert confusion(PROTOTYPES[:2], channel(oos_share=0.3), oos=0) == pytest.approx(found)


def test_one_label_is_given_rightly():
    outcome, seen = learned([0, 0], [0, 0], PROTOTYPES[:1])
    assert outcome.channel.keep_rate == pytest.approx(11 / 12)
    assert np.exp(outcome.log_likelihood(seen)) == pytest.approx(np.full((2, 1), 11 / 12))


def test_the_keep_rate_and_the_counts_by_hand():
    # Texts given a, a (in 9 rows, which count as 3), b, c, and nothing; the last two don't count.
    given = sparse([[1, 0, 0], [9, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    candidates = np.array([[0, 1, 2], [2, 0, 1], [1, 0, 2], [0, 1, 2], [0, 1, 2]])
    seen = observe(given, candidates, PROTOTYPES, None, CHANNEL)
    responsibility = sparse([[1.0, 0, 0], [0.25, 0.75, 0], [0.5, 0.5, 0], [0, 0, 0]])
    outcome = learn_channel(seen, responsibility, FIRST_GUESS, CHANNEL)
    # Right: 1 + 3 * 0.75 + 0.5; wrong: 3 * 0.25 (c was given a) + 0.5 (a was given b).
    assert outcome.channel.keep_rate == pytest.approx((3.75 + 9) / (5 + 10))
    assert outcome.anchors == pytest.approx(5)
    expected = [[3.25, 0.5, 0], [0, 0.5, 0], [0.75, 0, 0]]
    assert outcome.counts.toarray() == pytest.approx(np.array(expected))
    own = [[1, 0, 0], [0.75, 2.25, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert outcome.own.toarray() == pytest.approx(np.array(own))


def test_a_text_is_taken_to_carry_one_of_its_candidates():
    given = sparse([[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]])
    candidates = np.array([[0, 1], [2, 1], [0, 1], [1, 0]])
    seen = observe(given, candidates, PROTOTYPES, None, CHANNEL)
    # The second text has two given labels; the third is taken for what is no candidate of its own,
    # and the last one for nothing.
    carried = taken_to_carry(seen, np.array([1, 2, 2, NO_LABEL]))
    assert carried.toarray().tolist() == [[0, 1], [1, 0], [1, 0], [0, 0], [0, 0]]


def test_of_other_observations_nothing_is_taken_out_of_the_counts():
    outcome, seen = learned([0, 0, 1], [0, 1, 1], PROTOTYPES)
    others = outcome.for_others(seen)
    assert (others.channel, others.own.nnz) == (outcome.channel, 0)
    expected = likelihood(seen, outcome.channel, outcome.counts.toarray())
    assert np.exp(others.log_likelihood(seen)) == pytest.approx(expected)
    own = likelihood(seen, outcome.channel, outcome.counts.toarray(), outcome.own.toarray())
    assert np.exp(outcome.log_likelihood(seen)) == pytest.approx(own)


def test_a_slight_responsibility_is_not_counted():
    seen = told([0, 0], [0, 1], PROTOTYPES)
    outcome = learn_channel(seen, sparse([[1, 0, 0], [9e-5, 0, 0]]), FIRST_GUESS, CHANNEL)
    assert outcome.counts.toarray().tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert outcome.own.toarray().tolist() == [[1, 0, 0], [0, 0, 0]]


def repeated(table):
    """True and given labels, each pair as often as the table [k, g] says."""
    pairs = np.argwhere(table)
    times = table[tuple(pairs.T)]
    return np.repeat(pairs[:, 0], times), np.repeat(pairs[:, 1], times)


def equidistant_shares(seen, outcome):
    """E(g | k) of eleven labels that are all as far apart: five of the others pass for similar."""
    mu = outcome.channel.similar_share
    return (1 - mu) / 10 + mu / 5 * (seen.rank >= 0)


def test_even_errors_teach_no_pairs_and_no_keep_rates_by_label():
    table = 2 + 38 * np.eye(11, dtype=int)
    outcome, seen = learned(*repeated(table), np.eye(11, dtype=np.float32))
    assert outcome.channel.pair_strength is None
    assert outcome.channel.label_strength is None
    # 40 of 60 are right; of 220 errors 110 go to similar labels, so the share mu that seeks these
    # has likelihood 110 * log((1 + mu) * (1 - mu)) and a prior of 0.05 * logit(mu)^2.
    keep, mu = (440 + 9) / (660 + 10), outcome.channel.similar_share
    assert outcome.channel.keep_rate == pytest.approx(keep)
    assert mu < 0.04
    assert 220 * mu**2 / (1 + mu) == pytest.approx(-0.1 * log(mu / (1 - mu)), rel=0.02)
    expected = np.where(seen.same, keep, (1 - keep) * equidistant_shares(seen, outcome))
    assert np.exp(outcome.log_likelihood(seen)) == pytest.approx(expected)


def test_errors_that_concentrate_teach_pairs():
    # Of 60 texts of a label 20 are given the next one.
    table = 40 * np.eye(11, dtype=int) + 20 * np.roll(np.eye(11, dtype=int), 1, axis=1)
    outcome, seen = learned(*repeated(table), np.eye(11, dtype=np.float32))
    a, keep = outcome.channel.pair_strength, (440 + 9) / (660 + 10)
    assert a is not None
    assert outcome.channel.label_strength is None
    # Six of the eleven pairs are of labels that pass for similar, 120 errors of 220; the prior of
    # the share mu that seeks these is 0.05 * logit(mu)^2.
    mu = outcome.channel.similar_share
    slope = 120 * mu * (1 - mu) / (1 + mu) - 100 * mu
    assert mu == pytest.approx(1 / 11, abs=0.02)
    assert slope == pytest.approx(0.1 * log(mu / (1 - mu)), abs=0.02)
    # Label 1 is similar to 0, and to 5.
    pair = a * (1 + mu) / 10
    p = np.exp(outcome.log_likelihood(seen))
    first = np.flatnonzero((seen.given == 1) & (np.asarray(repeated(table)[0]) == 0))[0]
    # An anchor of label 0 that was given label 1: itself left out of its pair, 19 others show it.
    assert p[first, 0] == pytest.approx((1 - keep) * (19 + pair) / (19 + a))
    assert p[first, 1] == pytest.approx(keep)
    # Label 5 was never seen to be given as 1.
    assert p[first, 5] == pytest.approx((1 - keep) * pair / (20 + a))


def test_labels_that_are_kept_more_than_others_have_rates_of_their_own():
    # Of 100 texts 95 are right for even labels and 60 for odd ones; errors are even.
    table = np.where(np.arange(11) % 2 == 0, 1, 8)[:, None] * np.ones((11, 11), dtype=int)
    np.fill_diagonal(table, np.where(np.arange(11) % 2 == 0, 90, 20))
    outcome, seen = learned(*repeated(table), np.eye(11, dtype=np.float32))
    b, rho = outcome.channel.label_strength, outcome.channel.keep_rate
    assert b is not None
    assert outcome.channel.pair_strength is None
    assert rho == pytest.approx((6 * 90 + 5 * 20 + 9) / (1100 + 10))
    p = np.exp(outcome.log_likelihood(seen))
    true = repeated(table)[0]
    # An anchor that was given its own label is left out of it; other labels keep all theirs.
    kept = np.flatnonzero((true == 0) & (seen.given == 0))[0]
    assert p[kept, 0] == pytest.approx((89 + b * rho) / (99 + b))
    swapped = np.flatnonzero((true == 0) & (seen.given == 1))[0]
    share = (1 + outcome.channel.similar_share) / 10  # label 1 passes for similar to 0
    assert p[swapped, 0] == pytest.approx((1 - (90 + b * rho) / (99 + b)) * share)
    assert p[swapped, 1] == pytest.approx((20 + b * rho) / (100 + b))


def expected_world(prototypes, numbers, texts, oos=None):
    """True labels, given labels and rows that count as `texts` of each label, as it expects."""
    p = confusion(prototypes, numbers, oos=oos)
    size = len(prototypes)
    true, given = np.divmod(np.arange(size * size), size)
    return true, given, (p[true, given] * texts) ** 2  # of rows, the square root counts


def test_shares_and_temperature_are_recovered():
    prototypes = unit_rows(15)
    truth = channel(similar_share=0.5, temperature=0.2)
    true, given, times = expected_world(prototypes, truth, texts=2000)
    outcome, _ = learned(true, given, prototypes, times)
    assert outcome.channel.keep_rate == pytest.approx((15 * 1600 + 9) / (15 * 2000 + 10))
    assert outcome.channel.similar_share == pytest.approx(0.5, abs=0.01)
    assert outcome.channel.temperature == pytest.approx(0.2, rel=0.02)
    assert outcome.channel.oos_share == 0


def test_the_share_that_goes_out_of_scope_is_recovered():
    prototypes = unit_rows(15)
    truth = channel(similar_share=0.2, oos_share=0.4, temperature=0.2)
    true, given, times = expected_world(prototypes, truth, texts=2000, oos=3)
    outcome, _ = learned(true, given, prototypes, times, oos=3)
    assert outcome.channel.oos_share == pytest.approx(0.4, abs=0.01)
    assert outcome.channel.similar_share == pytest.approx(0.2, abs=0.01)
    # Where no label is out of scope there is no such share, whatever is learned first.
    assert learned(true, given, prototypes, times)[0].channel.oos_share == 0


def test_a_label_that_takes_errors_like_any_other_takes_no_share_of_its_own():
    prototypes = unit_rows(15)
    true, given, times = expected_world(prototypes, channel(temperature=0.2), texts=2000)
    outcome, _ = learned(true, given, prototypes, times, oos=3)
    assert outcome.channel.oos_share < 0.02
    assert outcome.channel.similar_share == pytest.approx(0.25, abs=0.02)


def test_observations_in_blocks_are_the_same(monkeypatch):
    true, given = repeated(2 + 8 * np.eye(5, dtype=int))
    whole, seen = learned(true, given, unit_rows(5))
    expected = whole.log_likelihood(seen)
    monkeypatch.setattr("labelmend.relabel.labelmodel.noise_channel._BLOCK", 7)
    again, seen = learned(true, given, unit_rows(5))
    assert again.channel == whole.channel
    assert np.array_equal(again.log_likelihood(seen), expected)


def test_the_priors_of_the_keep_rate_are_settings():
    config = ChannelConfig(prior_right=2.0, prior_wrong=3.0)
    outcome, _ = learned([0, 0, 0], [0, 0, 1], PROTOTYPES, config=config)
    # Two right labels and a wrong one.
    assert outcome.channel.keep_rate == pytest.approx((2 + 2) / (3 + 5))


def test_which_channels_are_tried_is_a_setting():
    pairs = repeated(40 * np.eye(11, dtype=int) + 20 * np.roll(np.eye(11, dtype=int), 1, axis=1))
    prototypes = np.eye(11, dtype=np.float32)

    def strength(**changes):
        outcome, _ = learned(*pairs, prototypes, config=ChannelConfig(**changes))
        return outcome.channel.pair_strength

    assert strength() in CHANNEL.pair_strengths
    assert strength(pair_strengths=()) is None
    assert strength(pair_strengths=(7.0,)) == 7.0
    assert strength(min_gain=1e6) is None


def test_how_many_labels_are_similar_is_a_setting():
    seen = told([0], [1], np.eye(11, dtype=np.float32), config=ChannelConfig(similar_labels=3))
    assert seen.similarities.shape == (11, 3)
    assert told([0], [1], np.eye(11, dtype=np.float32)).similarities.shape == (11, 5)
