import dataclasses

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array
from scipy.special import log_softmax, softmax

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.relabel.channel import channel_terms, observe
from labelmend.relabel.fuse import Objective, RoutedObjective, centre, fuse, fuse_routed
from labelmend.retrieval.candidates import Candidates, find_candidates
from labelmend.types import NO_LABEL, Evidence, NoiseChannel, Ranking

CONFIG = load_config().fusion
RETRIEVAL = load_config().retrieval
LABELS = 11  # the ten others are all similar labels


@dataclasses.dataclass(frozen=True)
class World:
    """Texts whose true labels are known, and evidence whose right weights are known.

    A source of strength a says a * [k = truth] + N(0, 1), so its log-likelihood ratio between two
    labels is a times the difference of its scores: its right weight is a.
    """

    truth: np.ndarray
    given: np.ndarray
    prototypes: np.ndarray
    scores: dict[str, np.ndarray]

    @property
    def counts(self):
        labelled = np.flatnonzero(self.given != NO_LABEL)
        values = np.ones(len(labelled), np.float32)
        shape = (len(self.truth), len(self.prototypes))
        return csr_array((values, (labelled, self.given[labelled])), shape=shape)


def similar_labels(prototypes, temperature):
    """S(g | k), [k, g], over the ten nearest others."""
    cosine = (prototypes @ prototypes.T).astype(float)
    np.fill_diagonal(cosine, -np.inf)
    tenth = np.sort(cosine, axis=1)[:, -min(10, len(cosine) - 1)]
    return softmax(np.where(cosine >= tenth[:, None], cosine / temperature, -np.inf), axis=1)


def simulate(texts, strengths, channel, labels=LABELS, seed=0):
    generator = np.random.default_rng(seed)
    prototypes = generator.normal(size=(labels, 6))
    prototypes = (prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)).astype(np.float32)
    truth = generator.integers(labels, size=texts)
    errors = channel.similar_share * similar_labels(prototypes, channel.temperature)
    errors += (1 - channel.similar_share) * (1 - np.eye(labels)) / (labels - 1)
    wrong = np.array([generator.choice(labels, p=errors[k]) for k in truth])
    given = np.where(generator.random(texts) < channel.keep_rate, truth, wrong)
    right = truth[:, None] == np.arange(labels)
    scores = {
        name: (strength * right + generator.normal(size=right.shape)).astype(np.float32)
        for name, strength in strengths.items()
    }
    return World(truth, given, prototypes, scores)


def all_candidates(world):
    texts, labels = len(world.truth), len(world.prototypes)
    return Candidates(np.tile(np.arange(labels), (texts, 1)), 0, np.zeros(labels))


def fit_all(world, candidates=None):
    candidates = candidates or all_candidates(world)
    evidence = [
        Evidence(name, np.take_along_axis(scores, candidates.labels, axis=1))
        for name, scores in world.scores.items()
    ]
    seen = observe(world.counts, candidates.labels, world.prototypes)
    return fuse(evidence, candidates, seen, CONFIG)


SIMILAR = NoiseChannel(keep_rate=0.8, similar_share=0.6, temperature=0.2)


@pytest.fixture(scope="module")
def world():
    return simulate(4000, {"strong": 3.0, "weak": 1.5, "useless": 0.0}, SIMILAR)


@pytest.fixture(scope="module")
def fit(world):
    return fit_all(world)


def test_the_channel_is_recovered(fit):
    channel = fit.posterior.channel
    assert channel.keep_rate == pytest.approx(0.8, abs=0.015)
    assert channel.similar_share == pytest.approx(0.6, abs=0.1)
    assert channel.temperature == pytest.approx(0.2, rel=0.3)


def test_the_weights_are_recovered(fit):
    weights = fit.posterior.weights
    assert weights["strong"] == pytest.approx(3.0, rel=0.1)
    assert weights["weak"] == pytest.approx(1.5, rel=0.1)
    assert weights["useless"] < 0.1


def test_the_posterior_is_calibrated_and_beats_the_annotator(world, fit):
    best, probability = fit.posterior.best()
    right = best == world.truth
    assert right.mean() > (world.given == world.truth).mean() + 0.1
    assert right.mean() == pytest.approx(probability.mean(), abs=0.01)
    doubted = probability < 0.9
    assert right[doubted].mean() == pytest.approx(probability[doubted].mean(), abs=0.06)


def test_all_candidates_share_one(fit):
    assert fit.posterior.probabilities.sum(axis=1) == pytest.approx(np.ones(4000))


def test_candidates_in_another_order_say_the_same(world, fit):
    generator = np.random.default_rng(5)
    shuffled = generator.permuted(all_candidates(world).labels, axis=1)
    other = fit_all(world, Candidates(shuffled, 0, np.zeros(LABELS)))
    back = np.argsort(shuffled, axis=1)
    probabilities = np.take_along_axis(other.posterior.probabilities, back, axis=1)
    assert probabilities == pytest.approx(fit.posterior.probabilities, abs=1e-4)
    assert (other.posterior.best()[0] == fit.posterior.best()[0]).all()


def test_texts_in_another_order_say_the_same(world, fit):
    order = np.random.default_rng(6).permutation(4000)
    scores = {name: scores[order] for name, scores in world.scores.items()}
    other = fit_all(World(world.truth[order], world.given[order], world.prototypes, scores))
    assert other.posterior.probabilities == pytest.approx(
        fit.posterior.probabilities[order], abs=1e-4
    )


def test_a_scaled_and_shifted_source_says_the_same(world, fit):
    shift = np.random.default_rng(7).normal(size=(4000, 1)) * 50
    scores = {**world.scores, "strong": (world.scores["strong"] * 100 + shift).astype(np.float32)}
    other = fit_all(dataclasses.replace(world, scores=scores))
    assert other.posterior.weights["strong"] == pytest.approx(
        fit.posterior.weights["strong"] / 100, rel=1e-3
    )
    assert other.posterior.probabilities == pytest.approx(fit.posterior.probabilities, abs=1e-3)


def test_silent_evidence_changes_nothing(world, fit):
    silent = np.full((4000, LABELS), np.nan, dtype=np.float32)
    other = fit_all(dataclasses.replace(world, scores={**world.scores, "silent": silent}))
    assert other.posterior.probabilities == pytest.approx(fit.posterior.probabilities, abs=1e-3)
    assert other.posterior.weights["silent"] < 0.01


def test_texts_without_a_label_use_evidence_only(world):
    given = world.given.copy()
    given[:500] = NO_LABEL
    posterior = fit_all(dataclasses.replace(world, given=given)).posterior
    scores = sum(posterior.weights[name] * s[:500] for name, s in world.scores.items())
    assert posterior.probabilities[:500] == pytest.approx(softmax(scores, axis=1), abs=1e-5)
    assert posterior.channel.keep_rate == pytest.approx(0.8, abs=0.02)


def test_copies_of_a_text_multiply(world, fit):
    # The same label given three times is believed more than given once, by P(g | k) squared.
    candidates = all_candidates(world)
    counts = world.counts.copy()
    counts.data[:] = 3
    seen = observe(counts, candidates.labels, world.prototypes)
    terms = channel_terms(seen, fit.posterior.channel).log_likelihood
    once = observe(world.counts, candidates.labels, world.prototypes)
    assert terms == pytest.approx(3 * channel_terms(once, fit.posterior.channel).log_likelihood)


def objective_of(world, texts=60):
    """The objective on few texts, a third without a label, some with two, and with a tail."""
    generator = np.random.default_rng(3)
    counts = np.zeros((texts, LABELS), dtype=np.float32)
    counts[np.arange(texts), world.given[:texts]] = 1
    counts[::4, 2] += 2
    counts[::3] = 0
    labels = generator.permuted(all_candidates(world).labels[:texts], axis=1)[:, :7]
    stack = np.stack([
        centre(np.take_along_axis(s[:texts], labels, axis=1)) for s in world.scores.values()
    ])  # fmt: skip
    seen = observe(csr_array(counts), labels, world.prototypes)
    log_counts = np.array([0.0] * 5 + [np.log(3.0)] * 2)
    return Objective(stack, log_counts, seen, penalty=0.7)


THETAS = ([0.5, -1.0, -3.0, 2.2, -0.8, 2.3], [2.0, 0.1, 0.3, -1.0, 3.0, 0.7])


@pytest.mark.parametrize("theta", THETAS)
def test_the_gradient_against_finite_differences(world, theta):
    objective = objective_of(world)
    point = np.array(theta)
    _, gradient = objective(point)
    for place in range(len(point)):
        step = np.zeros(len(point))
        step[place] = 1e-5
        slope = (objective(point + step)[0] - objective(point - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_the_value_by_hand():
    # One text given label 0, two labels, one source that says +1 and -1 with weight ln 2.
    counts = csr_array(np.array([[1.0, 0.0]], dtype=np.float32))
    seen = observe(counts, np.array([[0, 1]]), np.eye(2, dtype=np.float32))
    objective = Objective(np.array([[[1.0, -1.0]]]), np.zeros(2), seen, penalty=2.0)
    value, _ = objective(np.array([0.0, np.log(4.0), 0.0, np.log(10.0)]))
    # p = (4/5, 1/5); rho = 0.8 and an error is certain to be the other label.
    likelihood = np.log(0.8 * 0.8 + 0.2 * 0.2)
    penalty = 0.5 * 2 * np.log(2.0) ** 2
    prior = 9 * np.log(0.8) + np.log(0.2) + 2 * np.log(0.5)
    assert value == pytest.approx(-(likelihood - penalty + prior))


def test_centre_takes_out_the_mean_of_what_was_said():
    scores = np.array([[1.0, 2.0, 6.0], [np.nan, 4.0, 2.0], [np.nan] * 3], dtype=np.float32)
    assert (centre(scores) == [[-2, -1, 3], [0, 1, -1], [0, 0, 0]]).all()


class _ByScore:
    """Ranks labels by one array of scores."""

    name = "by score"

    def __init__(self, scores):
        self.scores = scores

    def search(self, texts, limit):
        ranked = np.argsort(-self.scores[texts], axis=1)[:, :limit]
        return Ranking(ranked, np.take_along_axis(self.scores[texts], ranked, axis=1))

    def score(self, texts, candidates):
        return np.take_along_axis(self.scores[texts], candidates, axis=1)


def forced(tail_samples):
    """Uniform noise over 200 labels; a wrong given label is a candidate only for being given."""
    channel = NoiseChannel(keep_rate=0.9, similar_share=1e-9, temperature=0.1)
    world = simulate(3000, {"good": 4.0}, channel, labels=200, seed=1)
    config = dataclasses.replace(RETRIEVAL, candidates=10, tail_samples=tail_samples)
    retriever = _ByScore(world.scores["good"])
    candidates = find_candidates([(retriever, 1.0)], world.counts, None, config, 0, NoProgress())
    return world, candidates, fit_all(world, candidates)


def test_the_tail_finds_the_keep_rate_of_forced_candidates():
    world, candidates, fit = forced(5)
    kept_rate = (world.given == world.truth).mean()
    assert fit.posterior.channel.keep_rate == pytest.approx(kept_rate, abs=0.02)
    assert candidates.log_counts[-1] == pytest.approx(np.log(190 / 5))
    sums = fit.posterior.probabilities.sum(axis=1)
    assert (sums <= 1 + 1e-12).all()
    assert sums.min() < 0.999
    assert (fit.posterior.best()[0] == world.truth).mean() > 0.96


def test_more_tail_says_the_same():
    few, many = forced(5)[2].posterior, forced(40)[2].posterior
    assert few.channel.keep_rate == pytest.approx(many.channel.keep_rate, abs=0.01)
    assert few.weights["good"] == pytest.approx(many.weights["good"], rel=0.1)


@pytest.fixture(scope="module")
def routed():
    """One poor source on all texts; two more on 600 texts drawn at random and 6 labels of each."""
    channel = NoiseChannel(keep_rate=0.85, similar_share=0.3, temperature=0.2)
    world = simulate(3000, {"poor": 1.0, "good": 2.5, "noise": 0.0}, channel, seed=0)
    candidates = all_candidates(world)
    seen = observe(world.counts, candidates.labels, world.prototypes)
    fit = fuse([Evidence("poor", world.scores["poor"])], candidates, seen, CONFIG)
    generator = np.random.default_rng(8)
    audit = np.zeros(3000, dtype=bool)
    audit[generator.choice(3000, 600, replace=False)] = True
    # The best six by the fit and the given label were on the ballot.
    asked = np.argsort(-fit.log_prior, axis=1)[:, :6]
    on_ballot = np.zeros((3000, LABELS), dtype=bool)
    np.put_along_axis(on_ballot, asked, True, axis=1)
    on_ballot[np.arange(3000), world.given] = True
    heard = on_ballot & audit[:, None]
    evidence = [
        Evidence(name, np.where(heard, world.scores[name], np.nan).astype(np.float32))
        for name in ("good", "noise")
    ]
    return world, candidates, seen, fit, evidence, audit


def test_routed_sources_are_weighed_on_the_audit(routed):
    world, candidates, seen, fit, evidence, audit = routed
    after = fuse_routed(fit, evidence, candidates, seen, audit, CONFIG)
    assert after.posterior.weights["good"] > 1.0
    assert after.posterior.weights["noise"] < 0.1
    assert after.posterior.weights["poor"] == fit.posterior.weights["poor"]
    assert after.posterior.channel == fit.posterior.channel
    before_right = (fit.posterior.best()[0] == world.truth)[audit].mean()
    assert (after.posterior.best()[0] == world.truth)[audit].mean() > before_right + 0.01
    assert after.posterior.probabilities[~audit] == pytest.approx(
        fit.posterior.probabilities[~audit]
    )


def test_routed_sources_without_an_audit_are_hardly_heard(routed):
    _, candidates, seen, fit, evidence, audit = routed
    after = fuse_routed(fit, evidence, candidates, seen, np.zeros_like(audit), CONFIG)
    assert max(after.posterior.weights[name] for name in ("good", "noise")) < 0.02
    assert after.posterior.probabilities == pytest.approx(fit.posterior.probabilities, abs=0.02)


def test_an_audit_without_given_labels_teaches_nothing(routed):
    world, candidates, _, fit, evidence, audit = routed
    given = np.where(audit, NO_LABEL, world.given)
    unlabelled = dataclasses.replace(world, given=given)
    seen = observe(unlabelled.counts, candidates.labels, world.prototypes)
    after = fuse_routed(fit, evidence, candidates, seen, audit, CONFIG)
    assert max(after.posterior.weights[name] for name in ("good", "noise")) < 0.02


def test_routed_evidence_with_a_tail_keeps_the_tail_silent():
    world, candidates, fit = forced(5)
    seen = observe(world.counts, candidates.labels, world.prototypes)
    silent = [Evidence("silent", np.full(candidates.kept.shape, np.nan, dtype=np.float32))]
    audit = np.ones(len(world.truth), dtype=bool)
    after = fuse_routed(fit, silent, candidates, seen, audit, CONFIG)
    assert after.posterior.candidates.shape == after.posterior.probabilities.shape == (3000, 10)
    assert after.posterior.probabilities == pytest.approx(fit.posterior.probabilities)


def test_the_routed_gradient_against_finite_differences():
    generator = np.random.default_rng(9)
    objective = RoutedObjective(
        stack=generator.normal(size=(2, 20, 4)),
        log_prior=log_softmax(generator.normal(size=(20, 4)), axis=1),
        log_likelihood=np.log(generator.random(size=(20, 4))),
        penalty=4.0,
    )
    for theta in ([-2.0, 0.3], [1.0, -5.0]):
        point = np.array(theta)
        slopes = approx_fprime(point, lambda at: objective(at)[0], 1e-7)
        assert objective(point)[1] == pytest.approx(slopes, rel=1e-4, abs=1e-5)
