import dataclasses
from math import log

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from labelmend.configs.load import load_config
from labelmend.relabel.labelmodel import fusion
from labelmend.relabel.labelmodel.fusion import (
    Fit,
    Objective,
    Weights,
    add_evidence,
    centre,
    fuse_routed,
    is_oos,
    learn_weights,
    learning_sample,
    named_weights,
    posterior_of,
    row_means,
    unit_spread,
)
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.retrieval.candidates import Candidates
from labelmend.types import Evidence

CONFIG = load_config().fusion
LABELS = 6
NAN = np.nan


def all_candidates(texts, labels=LABELS, tail=0):
    return Candidates(np.tile(np.arange(labels), (texts, 1)), tail, np.zeros(labels))


def simulate(texts, strengths, keep=0.8, seed=0):
    """Texts' true labels, each source's scores, and the log-likelihood of even errors.

    A source of strength a says a * [k = truth] + N(0, 1), so its log-likelihood ratio between two
    labels is a times the difference of its scores: its right weight is a.
    """
    generator = np.random.default_rng(seed)
    truth = generator.integers(LABELS, size=texts)
    wrong = (truth + generator.integers(1, LABELS, size=texts)) % LABELS
    given = np.where(generator.random(texts) < keep, truth, wrong)
    labels = np.arange(LABELS)
    right = truth[:, None] == labels
    stack = np.stack([a * right + generator.normal(size=right.shape) for a in strengths])
    told = given[:, None] == labels
    return truth, given, stack, np.log(np.where(told, keep, (1 - keep) / (LABELS - 1)))


def objective(stack, log_likelihood, **changes):
    parts = {
        "stack": stack,
        "is_oos": np.zeros(log_likelihood.shape, dtype=bool),
        "offset": np.zeros(log_likelihood.shape[1]),
        "log_likelihood": log_likelihood,
        "toward": np.zeros(len(stack)),
        "penalty": 1e-3,
    }
    return Objective(**{**parts, **changes})


def learned(target, first=1.0, bias=0.0):
    return learn_weights(target, Weights(np.full(len(target.stack), first), bias), CONFIG)


def random_objective(seed=0):
    """Three sources, a tail, out-of-scope in the second column of half of the texts."""
    rng = np.random.default_rng(seed)
    oos = np.zeros((20, 5), dtype=bool)
    oos[:10, 1] = True
    return objective(
        rng.normal(size=(3, 20, 5)),
        np.log(rng.random(size=(20, 5))),
        is_oos=oos,
        offset=np.array([0, 0, 0, log(3), log(3)]),
        toward=np.array([0.5, 0.0, 1.0]),
        penalty=0.7,
    )


@pytest.mark.parametrize("theta", [[0.5, -1.0, -3.0, 2.2], [2.0, 0.1, 0.3, -1.0], [-8, 4, 0, 8]])
def test_the_gradient_against_finite_differences(theta):
    target, point = random_objective(), np.array(theta, dtype=float)
    _, gradient = target(point)
    for place in range(len(point)):
        step = np.zeros(len(point))
        step[place] = 1e-5
        slope = (target(point + step)[0] - target(point - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_the_gradient_with_an_offset_of_each_text():
    rng = np.random.default_rng(4)
    target = dataclasses.replace(random_objective(), offset=rng.normal(size=(20, 5)))
    point = np.array([0.3, -0.5, 1.0, 0.4])
    _, gradient = target(point)
    for place, step in enumerate(1e-5 * np.eye(4)):
        slope = (target(point + step)[0] - target(point - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_the_value_by_hand():
    # One text, one source that says +1 and -1 with weight ln 2, out-of-scope second by ln 4.
    target = objective(
        np.array([[[1.0, -1.0]]]),
        np.log([[0.8, 0.2]]),
        is_oos=np.array([[False, True]]),
        offset=np.log([[1.0, 3.0]]),
        toward=np.array([0.5]),
        penalty=2.0,
    )
    value, _ = target(np.array([0.0, log(4.0)]))
    # p is as 2 to 1/2 * 4 * 3: (1/4, 3/4).
    likelihood = log(0.8 * 2 / 8 + 0.2 * 6 / 8)
    penalty = 0.5 * 2 * ((log(2.0) - 0.5) ** 2 + log(4.0) ** 2)
    assert value == pytest.approx(-(likelihood - penalty))


def test_weights_are_recovered():
    _, _, stack, log_likelihood = simulate(6000, [3.0, 1.5, 0.0])
    weights = learned(objective(stack, log_likelihood)).by_source
    assert weights[0] == pytest.approx(3.0, rel=0.1)
    assert weights[1] == pytest.approx(1.5, rel=0.1)
    assert weights[2] < 0.1


def test_the_start_does_not_matter():
    _, _, stack, log_likelihood = simulate(2000, [2.0, 0.5])
    target = objective(stack, log_likelihood)
    low, high = learned(target, 0.01).by_source, learned(target, 20.0).by_source
    assert low == pytest.approx(high, rel=1e-2)
    # A weight of 0 has no logarithm and is begun a little above.
    assert learned(target, 0.0).by_source == pytest.approx(high, rel=1e-2)


def test_a_source_that_is_wrong_is_silenced():
    _, _, stack, log_likelihood = simulate(2000, [2.0, 2.0])
    stack[1] *= -1
    weights = learned(objective(stack, log_likelihood)).by_source
    assert 0 <= weights[1] < 0.01


def test_without_data_the_weights_are_the_priors():
    nothing = np.zeros((2, 10, LABELS))
    target = objective(nothing, np.zeros((10, LABELS)), toward=np.array([0.5, 2.0]), penalty=10.0)
    assert learned(target).by_source == pytest.approx([0.5, 2.0], abs=1e-3)
    none = objective(nothing[:, :0], np.zeros((0, LABELS)), toward=np.array([0.5, 2.0]))
    assert learned(dataclasses.replace(none, penalty=10.0)).by_source == pytest.approx(
        [0.5, 2.0], abs=1e-3
    )


def test_a_heavy_penalty_pulls_to_the_prior():
    _, _, stack, log_likelihood = simulate(500, [2.0])
    toward = np.array([0.3])
    found = learned(objective(stack, log_likelihood, toward=toward, penalty=1e7))
    assert found.by_source == pytest.approx([0.3], abs=1e-3)


def test_without_out_of_scope_there_is_no_bias():
    _, _, stack, log_likelihood = simulate(200, [2.0])
    assert learned(objective(stack, log_likelihood), bias=5.0).oos_bias == 0


def test_the_bias_is_the_share_that_is_out_of_scope():
    # Evidence says nothing; of 100 texts 60 were surely given out-of-scope, one label in two.
    log_likelihood = np.log(np.where(np.arange(100)[:, None] < 60, [1e-9, 1.0], [1.0, 1e-9]))
    oos = np.tile([False, True], (100, 1))
    target = objective(np.zeros((1, 100, 2)), log_likelihood, is_oos=oos, penalty=1e-6)
    assert learned(target).oos_bias == pytest.approx(log(60 / 40), abs=1e-3)


@pytest.mark.parametrize("side", [1, -1])
def test_the_bias_has_bounds(side):
    log_likelihood = np.tile([0.0, 30.0 * side], (100, 1))
    oos = np.tile([False, True], (100, 1))
    target = objective(np.zeros((1, 100, 2)), log_likelihood, is_oos=oos, penalty=0.0)
    assert learned(target).oos_bias == pytest.approx(side * CONFIG.max_oos_bias)


def test_scores_are_the_weighted_sum_and_the_bias():
    stack = np.array([[[1, 2], [3, 4]], [[10, 20], [30, 40]]], dtype=np.float32)
    out = np.array([[False, True], [False, False]])
    scores = Weights(np.array([2.0, 0.5]), 7.0).scores(stack, out)
    assert scores.dtype == np.float64
    assert scores.tolist() == [[7, 21], [21, 28]]


def test_the_learning_sample():
    observed = np.arange(40) % 4 > 0
    assert learning_sample(observed, 30, 0).tolist() == np.flatnonzero(observed).tolist()
    drawn = learning_sample(observed, 10, 0)
    assert len(drawn) == 10
    assert (np.diff(drawn) > 0).all()
    assert observed[drawn].all()
    assert np.array_equal(learning_sample(observed, 10, 0), drawn)
    assert not np.array_equal(learning_sample(observed, 10, 1), drawn)
    assert learning_sample(np.zeros(3, dtype=bool), 10, 0).tolist() == []


def test_centre_takes_out_the_mean_of_what_was_said():
    scores = np.array([[1.0, 2.0, 6.0], [NAN, 4.0, 2.0], [NAN] * 3], dtype=np.float32)
    assert centre(scores).tolist() == [[-2, -1, 3], [0, 1, -1], [0, 0, 0]]


def test_row_means_are_of_what_was_said():
    scores = np.array([[1.0, 2.0, 6.0], [NAN, 4.0, 2.0], [NAN] * 3], dtype=np.float32)
    assert row_means(scores).tolist() == [3, 3, 0]
    assert row_means(scores).dtype == np.float64
    assert Evidence("a", scores).centre is None


def test_unit_spread_does_not_depend_on_the_blocks(monkeypatch):
    scores = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    scores[2] = np.nan
    whole, spread = unit_spread([Evidence("a", scores)])
    monkeypatch.setattr(fusion, "_SPREAD_TEXTS", 2)
    parts, same = unit_spread([Evidence("a", scores)])
    assert same == pytest.approx(spread)
    assert parts == pytest.approx(whole)


def test_unit_spread_by_hand():
    some = np.array([[1.0, 3.0], [NAN, NAN], [5.0, 5.0], [0.0, 6.0]], dtype=np.float32)
    silent = np.full((4, 2), NAN, dtype=np.float32)
    stack, spread = unit_spread([Evidence("some", some), Evidence("silent", silent)])
    # Centred: (-1, 1) and (-3, 3) speak; the mean of their squares is (1 + 1 + 9 + 9) / 4.
    assert spread == pytest.approx([np.sqrt(5), 1.0])
    expected = np.array([[-1, 1], [0, 0], [0, 0], [-3, 3]]) / np.sqrt(5)
    assert stack[0] == pytest.approx(expected)
    assert stack[1].tolist() == [[0, 0]] * 4
    assert stack.dtype == np.float32


def test_a_scaled_and_shifted_source_says_the_same():
    rng = np.random.default_rng(7)
    scores = rng.normal(size=(50, 4)).astype(np.float32)
    moved = (scores * 100 + rng.normal(size=(50, 1)) * 50).astype(np.float32)
    stack, spread = unit_spread([Evidence("a", scores), Evidence("b", moved)])
    assert stack[1] == pytest.approx(stack[0], abs=1e-4)
    assert spread[1] == pytest.approx(100 * spread[0], rel=1e-4)


def test_weights_are_named_in_units_of_the_sources_own_scores():
    evidence = [Evidence(name, np.zeros((1, 1), dtype=np.float32)) for name in ("a", "b")]
    named = named_weights(evidence, Weights(np.array([3.0, 1.0]), 0.0), np.array([2.0, 0.5]))
    assert named == {"a": 1.5, "b": 2.0}


def test_where_out_of_scope_stands():
    candidates = Candidates(np.array([[2, 0], [1, 2]]), 0, np.zeros(2))
    assert is_oos(candidates, 2).tolist() == [[True, False], [False, True]]
    assert not is_oos(candidates, None).any()


def believed(prior, likelihood, given_share, source_error_rate, tail=0):
    prior = np.array(prior, dtype=float)
    candidates = all_candidates(len(prior), prior.shape[1], tail)
    return posterior_of(
        np.log(prior),
        np.log(np.array(likelihood, dtype=float)),
        candidates,
        FIRST_GUESS,
        {"a": 1.0},
        0.5,
        source_error_rate,
        np.array(given_share, dtype=float),
    )


def test_the_posterior_by_hand():
    # Joint: 0.09, 0.04, 0.004 and in the tail 0.001; of 0.135.
    posterior = believed([[0.9, 0.05, 0.04, 0.01]], [[0.1, 0.8, 0.1, 0.1]], [[0, 1, 0]], 0, tail=1)
    assert posterior.probabilities[0] == pytest.approx([90 / 135, 40 / 135, 4 / 135])
    assert posterior.candidates.tolist() == [[0, 1, 2]]
    assert np.exp(posterior.channel_nats[0]) == pytest.approx([0.1, 0.8, 0.1])
    assert posterior.given_share.tolist() == [[0, 1, 0]]
    assert (posterior.weights, posterior.oos_bias) == ({"a": 1.0}, 0.5)
    assert posterior.channel == FIRST_GUESS


def test_where_the_evidence_may_blunder_the_given_labels_stand():
    even = np.ones((4, 3))
    prior = [[0.9, 0.02, 0.08], [0.7, 0.2, 0.1], [0.98, 0.015, 0.005], [0.9, 0.01, 0.09]]
    given = [[0, 1, 0], [0, 1, 0], [0, 0.25, 0.75], [0, 0, 0]]
    found = believed(prior, even, given, 0.1).probabilities
    # They stand with 0.1 * exp(-0.02 * 0.9 / 0.2).
    stands = 0.1 * np.exp(-0.09)
    rest = 1 - stands
    assert found[0] == pytest.approx([0.9 * rest, 0.02 * rest + stands, 0.08 * rest])
    # With 0.1 * exp(-0.9), where the posterior itself leaves them 0.2.
    stands = 0.1 * np.exp(-0.9)
    rest = 1 - stands
    assert found[1] == pytest.approx([0.7 * rest, 0.2 * rest + stands, 0.1 * rest])
    # Two given labels, with 0.02 together, share it as they were given.
    stands = 0.1 * np.exp(-0.09)
    rest = 1 - stands
    assert found[2] == pytest.approx(
        [0.98 * rest, 0.015 * rest + 0.25 * stands, 0.005 * rest + 0.75 * stands]
    )
    # A text without one is as it was.
    assert found[3] == pytest.approx([0.9, 0.01, 0.09])
    assert found.sum(axis=1) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("source_error_rate", [0.0, 0.003, 0.1, 0.5, 0.95])
def test_surer_contradictions_stay_surer(source_error_rate):
    left = np.concatenate([np.geomspace(1e-12, 0.01, 40), np.linspace(0.02, 0.98, 49)])
    prior = np.stack([1 - left, left], axis=1)
    found = believed(prior, np.ones((len(left), 2)), [[0, 1]] * len(left), source_error_rate)
    on_given = found.probabilities[:, 1]
    assert (np.diff(on_given) > 0).all()
    assert on_given[0] == pytest.approx(source_error_rate, abs=1e-9)
    assert (on_given >= left * (1 - 1e-9)).all()


def test_blunders_are_of_the_posterior_and_not_of_the_evidence():
    # The evidence gives the given label 0.01, the channel lifts it to 0.01 * 0.9 / 0.0189.
    posterior = believed([[0.99, 0.01]], [[0.01, 0.9]], [[0, 1]], 0.1).probabilities
    given = 0.009 / 0.0189
    stands = 0.1 * np.exp(-given * 4.5)
    assert posterior[0, 1] == pytest.approx((1 - stands) * given + stands)


def test_blunders_leave_the_tail_its_share():
    found = believed([[0.8, 0.02, 0.18]], np.ones((1, 3)), [[0, 1]], 0.1, tail=1).probabilities
    stands = 0.1 * np.exp(-0.09)
    assert found[0] == pytest.approx([(1 - stands) * 0.8, (1 - stands) * 0.02 + stands])


def test_where_all_may_be_blunders_the_given_label_stays():
    found = believed([[0.99, 0.01], [0.3, 0.7]], np.ones((2, 2)), [[0, 1], [0, 1]], 1.0)
    assert found.probabilities == pytest.approx(np.array([[0, 1], [0, 1]]))


@dataclasses.dataclass
class Routed:
    """A poor source on all texts; a good one and noise on an audit of 600 texts, four labels."""

    truth: np.ndarray
    given: np.ndarray
    fit: Fit
    evidence: list
    audit: np.ndarray

    def fused(self, **changes):
        parts = {"fit": self.fit, "evidence": self.evidence, "audit": self.audit, **changes}
        candidates = all_candidates(len(self.truth))
        return fuse_routed(parts["fit"], parts["evidence"], candidates, parts["audit"], 0.0, CONFIG)


@pytest.fixture(scope="module")
def routed():
    truth, given, stack, log_likelihood = simulate(2000, [1.0, 2.5, 0.0])
    log_prior = log_softmax(stack[0], axis=1)
    share = np.eye(LABELS)[given]
    first = posterior_of(
        log_prior, log_likelihood, all_candidates(2000), FIRST_GUESS, {"poor": 1.0}, 0.0, 0.0, share
    )
    fit = Fit(first, log_prior, log_likelihood, np.ones(2000, dtype=bool))
    audit = np.zeros(2000, dtype=bool)
    audit[np.random.default_rng(8).choice(2000, 600, replace=False)] = True
    on_ballot = np.zeros((2000, LABELS), dtype=bool)
    np.put_along_axis(on_ballot, np.argsort(-log_prior, axis=1)[:, :4], True, axis=1)
    on_ballot[np.arange(2000), given] = True
    heard = on_ballot & audit[:, None]
    evidence = [
        Evidence(name, np.where(heard, scores, NAN).astype(np.float32))
        for name, scores in zip(("good", "noise"), stack[1:], strict=True)
    ]
    return Routed(truth, given, fit, evidence, audit)


def test_routed_sources_are_weighed_on_the_audit(routed):
    after = routed.fused()
    assert after.posterior.weights["good"] > 1.0
    assert after.posterior.weights["noise"] < 0.15
    assert after.posterior.weights["poor"] == 1.0
    assert after.posterior.channel == FIRST_GUESS
    assert after.log_likelihood is routed.fit.log_likelihood
    audit, truth = routed.audit, routed.truth
    before_right = (routed.fit.posterior.best()[0] == truth)[audit].mean()
    assert (after.posterior.best()[0] == truth)[audit].mean() > before_right + 0.01
    # Where nothing was heard, nothing changes.
    assert after.posterior.probabilities[~audit] == pytest.approx(
        routed.fit.posterior.probabilities[~audit]
    )


def test_what_routed_sources_say_by_their_weights(routed):
    after = routed.fused()
    scores = sum(after.posterior.weights[e.source] * centre(e.scores) for e in routed.evidence)
    log_prior = log_softmax(routed.fit.log_prior + scores, axis=1)
    assert after.log_prior == pytest.approx(log_prior, abs=1e-5)
    expected = softmax(log_prior + routed.fit.log_likelihood, axis=1)
    assert after.posterior.probabilities == pytest.approx(expected, abs=1e-5)


def test_evidence_of_known_weights_is_added_by_them(routed):
    candidates = all_candidates(2000)
    after = add_evidence(routed.fit, routed.evidence, np.array([0.8, 0.0]), candidates, 0.0)
    log_prior = log_softmax(routed.fit.log_prior + 0.8 * centre(routed.evidence[0].scores), axis=1)
    assert after.log_prior == pytest.approx(log_prior)
    assert after.posterior.weights == {"poor": 1.0, "good": 0.8, "noise": 0.0}
    expected = softmax(log_prior + routed.fit.log_likelihood, axis=1)
    assert after.posterior.probabilities == pytest.approx(expected)
    nothing = add_evidence(routed.fit, (), np.zeros(0), candidates, 0.0)
    assert nothing.posterior.probabilities == pytest.approx(routed.fit.posterior.probabilities)


def test_only_the_audit_teaches_the_weights(routed):
    # Texts that were routed for being doubtful hear the opposite; the weights don't move.
    loud = routed.evidence[0].scores.copy()
    other = np.flatnonzero(~routed.audit)[:200]
    loud[other] = -loud[routed.audit][:200]
    evidence = [Evidence("good", loud), routed.evidence[1]]
    before, after = routed.fused().posterior.weights, routed.fused(evidence=evidence).posterior
    assert after.weights["good"] == pytest.approx(before["good"], rel=0.05)


def test_routed_sources_without_an_audit_are_not_heard(routed):
    after = routed.fused(audit=np.zeros(2000, dtype=bool)).posterior
    assert max(after.weights[name] for name in ("good", "noise")) < 0.01
    assert after.probabilities == pytest.approx(routed.fit.posterior.probabilities, abs=0.01)


def test_an_audit_without_given_labels_teaches_nothing(routed):
    unlabelled = dataclasses.replace(routed.fit, observed=~routed.audit)
    after = routed.fused(fit=unlabelled).posterior
    assert max(after.weights[name] for name in ("good", "noise")) < 0.01


def test_routed_evidence_leaves_the_tail_silent(routed):
    candidates = all_candidates(2000, tail=2)
    evidence = [Evidence("good", routed.evidence[0].scores[:, :4])]
    first = posterior_of(
        routed.fit.log_prior,
        routed.fit.log_likelihood,
        candidates,
        FIRST_GUESS,
        {},
        0.0,
        0.0,
        np.eye(LABELS)[routed.given][:, :4],
    )
    fit = dataclasses.replace(routed.fit, posterior=first)
    after = fuse_routed(fit, evidence, candidates, routed.audit, 0.0, CONFIG)
    assert after.posterior.candidates.shape == after.posterior.probabilities.shape == (2000, 4)
    assert after.log_prior.shape == (2000, LABELS)
    # Two labels of the tail keep their odds, whatever was said of the others.
    odds = after.log_prior[:, 5] - after.log_prior[:, 4]
    assert odds == pytest.approx(routed.fit.log_prior[:, 5] - routed.fit.log_prior[:, 4])
    silent = [Evidence("good", np.full((2000, 4), NAN, dtype=np.float32))]
    quiet = fuse_routed(fit, silent, candidates, routed.audit, 0.0, CONFIG)
    assert quiet.posterior.probabilities == pytest.approx(first.probabilities)
    sums = quiet.posterior.probabilities.sum(axis=1)
    assert sums.min() < 0.9
    assert sums.max() <= 1 + 1e-12
