import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.arrays import given_shares
from labelmend.configs.load import load_config
from labelmend.configs.schema import FusionConfig
from labelmend.protocols import NoProgress
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.classifier import ClassifierOptions, ClassifierSource
from labelmend.relabel.evidence.lexical import LexicalSource
from labelmend.relabel.evidence.neighbour import NeighbourSource
from labelmend.relabel.labelmodel import fusion, rounds
from labelmend.relabel.labelmodel.fusion import row_means
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS, LearnedChannel
from labelmend.relabel.labelmodel.rounds import Given, expectation_maximisation
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.retrieval.words import word_features
from labelmend.types import NO_LABEL, Evidence

CONFIG = load_config()
LABELS = 8
TEXTS = 640


class Counted(NoProgress):
    def __init__(self):
        self.started, self.steps = [], 0

    def start(self, stage, total):
        self.started.append((stage, total))

    def advance(self, steps=1):
        self.steps += steps


def one_hot(labels, count):
    return csr_array((np.arange(count) == np.asarray(labels)[:, None]).astype(np.float32))


def all_candidates(texts, labels):
    return Candidates(np.tile(np.arange(labels), (texts, 1)), 0, np.zeros(labels))


def clusters(seed=0, texts=TEXTS, labels=LABELS, dimensions=12, spread=0.15):
    """Unit vectors near their label's own axis, and their labels."""
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(texts) % labels)
    vectors = np.eye(dimensions)[truth] + spread * generator.normal(size=(texts, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


def mislabelled(truth, share, pairs=False, seed=1, labels=LABELS):
    """Given labels: exactly a share of them wrong, at random or always the pair's other label."""
    generator = np.random.default_rng(seed)
    given = truth.copy()
    wrong = generator.choice(len(truth), round(share * len(truth)), replace=False)
    shift = generator.integers(1, labels, len(wrong))
    given[wrong] = truth[wrong] ^ 1 if pairs else (truth[wrong] + shift) % labels
    return given


def sources(vectors, given, labels=LABELS, words=None, neighbours=None, first=None, **changes):
    count = len(vectors)
    near = neighbours or find_neighbours(vectors, CONFIG.retrieval.neighbours, 256)
    names = tuple(f"label {k}" for k in range(labels))
    corpus = Corpus(("",) * count, names, vectors, near, None, block_rows=256)
    learning = [NeighbourSource(), ClassifierSource()]
    if words is not None:
        corpus.__dict__["words"] = words
        learning.append(LexicalSource())
    parts = {
        "corpus": corpus,
        "given": one_hot(given, labels),
        "candidates": all_candidates(count, labels),
        "fixed": (),
        "sources": tuple(learning),
        "first": first,
    }
    return Given(**{**parts, **changes})


def settled(start, most=4, progress=None, options=None, **changes):
    """The outcome; the sources start anew, as they do in each run."""
    corpus = start.corpus
    if progress is not None:
        corpus = dataclasses.replace(corpus, progress=progress)
    fresh = tuple(
        type(source)(options if isinstance(source, ClassifierSource) else None)
        for source in start.sources
    )
    start = dataclasses.replace(start, corpus=corpus, sources=fresh)
    return expectation_maximisation(
        start, dataclasses.replace(CONFIG.fusion, rounds=most, **changes)
    )


@pytest.fixture(scope="module")
def world():
    vectors, truth = clusters()
    return vectors, truth, mislabelled(truth, 0.2)


@pytest.fixture(scope="module")
def outcome(world):
    vectors, _, given = world
    return settled(sources(vectors, given))


def test_scattered_errors_are_found_and_mended(world, outcome):
    _, truth, given = world
    assert (given == truth).mean() == 0.8
    channel = outcome.fit.posterior.channel
    assert channel.keep_rate == pytest.approx(0.8, abs=0.04)
    assert channel.pair_strength is None
    best, probability = outcome.fit.posterior.best()
    right = (best == truth).mean()
    assert right > 0.97
    # It may be less sure than it could be, and must not be surer than it is right.
    assert 0.9 < probability.mean() < right + 0.01
    assert outcome.fit.posterior.probabilities.sum(axis=1) == pytest.approx(np.ones(TEXTS))


def test_the_outcome_is_of_one_piece(world, outcome):
    _, _, given = world
    posterior = outcome.fit.posterior
    assert posterior.channel is outcome.learned.channel
    assert [e.source for e in outcome.evidence] == ["neighbour", "classifier"]
    assert list(posterior.weights) == ["neighbour", "classifier"]
    assert all(e.scores.shape == (TEXTS, LABELS) for e in outcome.evidence)
    assert posterior.given_share.tolist() == np.eye(LABELS)[given].tolist()
    assert outcome.fit.observed.all()
    # The anchors are at most this share of each label's texts, and a text or so for rounding up.
    assert outcome.learned.anchors <= CONFIG.fusion.channel.anchors * TEXTS + LABELS
    assert outcome.learned.anchors > CONFIG.fusion.channel.anchors * TEXTS / 2


def test_errors_that_go_to_one_label_teach_pairs():
    vectors, truth = clusters(texts=1600)
    given = mislabelled(truth, 0.2, pairs=True)
    outcome = settled(sources(vectors, given))
    channel = outcome.fit.posterior.channel
    assert channel.keep_rate == pytest.approx(0.8, abs=0.04)
    assert channel.pair_strength is not None
    counts = outcome.learned.counts.toarray()
    errors = counts - np.diag(counts.diagonal())
    partner = np.arange(LABELS) ^ 1
    assert errors[np.arange(LABELS), partner].sum() > 0.9 * errors.sum()
    assert (outcome.fit.posterior.best()[0] == truth).mean() > 0.97


def test_clean_labels_are_left_alone():
    vectors, truth = clusters(spread=0.1)
    posterior = settled(sources(vectors, truth)).fit.posterior
    assert posterior.best()[0].tolist() == truth.tolist()
    # Of the anchors, half of the texts, all are right.
    anchors = CONFIG.fusion.channel.anchors * TEXTS
    assert posterior.channel.keep_rate == pytest.approx((anchors + 9) / (anchors + 10), abs=1e-3)


def test_candidates_in_another_order_say_the_same(world, outcome):
    vectors, _, given = world
    order = np.random.default_rng(5).permuted(all_candidates(TEXTS, LABELS).labels, axis=1)
    other = settled(
        sources(vectors, given, candidates=Candidates(order, 0, np.zeros(LABELS)))
    ).fit.posterior
    back = np.take_along_axis(other.probabilities, np.argsort(order, axis=1), axis=1)
    assert back == pytest.approx(outcome.fit.posterior.probabilities, abs=1e-3)


def test_texts_in_another_order_say_the_same(world):
    # Folds are drawn by place, so the regression depends on the order of the texts, which is that
    # of their keys; nothing else does.
    options = ClassifierOptions(max_scores=0)
    vectors, _, given = world
    first = settled(sources(vectors, given), options=options).fit.posterior
    order = np.random.default_rng(6).permutation(TEXTS)
    other = settled(sources(vectors[order], given[order]), options=options).fit.posterior
    assert other.probabilities == pytest.approx(first.probabilities[order], abs=1e-3)
    assert other.channel.keep_rate == pytest.approx(first.channel.keep_rate, abs=1e-3)


def test_the_same_again(world, outcome):
    vectors, _, given = world
    again = settled(sources(vectors, given))
    assert np.array_equal(again.fit.posterior.probabilities, outcome.fit.posterior.probabilities)
    assert again.rounds == outcome.rounds


@pytest.mark.parametrize(("bound", "taken"), [(2.0, 2), (0.0, 3)])
def test_rounds_end_when_the_posterior_is_settled(world, bound, taken):
    # No change is as large as 2, so the second round is the last; none is less than 0.
    vectors, _, given = world
    heard = Counted()
    outcome = settled(sources(vectors, given), most=3, progress=heard, converged=bound)
    assert outcome.rounds == taken
    # A step a fold of the classifier, and one for the neighbours.
    steps = ClassifierOptions().folds + 1
    assert heard.started == [("rounds", 3 * steps)]
    assert heard.steps == taken * steps


def test_easy_data_need_few_rounds():
    vectors, truth = clusters(spread=0.05)
    assert settled(sources(vectors, truth), most=8).rounds < 8


def test_one_round(world):
    vectors, truth, given = world
    outcome = settled(sources(vectors, given), most=1)
    assert outcome.rounds == 1
    assert (outcome.fit.posterior.best()[0] == truth).mean() > 0.95


def test_texts_without_a_label_are_labelled(world):
    vectors, truth, given = world
    given = np.where(np.arange(TEXTS) % 4 == 0, NO_LABEL, given)
    fit = settled(sources(vectors, given)).fit
    assert fit.observed.tolist() == (given != NO_LABEL).tolist()
    best = fit.posterior.best()[0]
    assert (best == truth)[given == NO_LABEL].mean() > 0.95
    assert (fit.log_likelihood[given == NO_LABEL] == 0).all()
    # They have nothing but the evidence to go by.
    prior = np.exp(fit.log_prior[given == NO_LABEL])
    assert fit.posterior.probabilities[given == NO_LABEL] == pytest.approx(prior)
    assert fit.posterior.channel.keep_rate == pytest.approx(0.8, abs=0.05)


def test_no_text_has_a_label():
    vectors, _ = clusters(texts=40)
    posterior = settled(sources(vectors, np.full(40, NO_LABEL))).fit.posterior
    assert posterior.probabilities == pytest.approx(np.full((40, LABELS), 1 / LABELS))
    assert posterior.channel.keep_rate == pytest.approx(0.9)  # the prior's


def test_a_label_without_a_text_takes_none(world):
    vectors, truth, given = world
    posterior = settled(sources(vectors, given, labels=LABELS + 1)).fit.posterior
    assert (posterior.best()[0] == truth).mean() > 0.97
    assert posterior.probabilities[:, LABELS].mean() < 0.02


def test_a_text_that_was_given_two_labels(world):
    vectors, truth, given = world
    counts = one_hot(given, LABELS).toarray()
    counts[0] = 0
    counts[0, [truth[0], (truth[0] + 1) % LABELS]] = [1, 3]
    parts = dataclasses.replace(sources(vectors, given), given=csr_array(counts))
    posterior = settled(parts).fit.posterior
    assert posterior.given_share[0, truth[0]] == 0.25
    assert posterior.given_share[0, (truth[0] + 1) % LABELS] == 0.75


def test_words_speak_where_meaning_does_not():
    # All vectors are one heap; the label is in a word. A tenth of the labels is wrong.
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(400, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = generator.integers(0, 4, 400)
    given = mislabelled(truth, 0.1, labels=4)
    names = np.array(["card", "rain", "bus", "song"])
    words = word_features(
        [f"{names[k]} w{generator.integers(30)} w{generator.integers(30)}" for k in truth]
    )
    outcome = settled(sources(vectors, given, labels=4, words=words))
    posterior = outcome.fit.posterior
    assert list(posterior.weights) == ["neighbour", "classifier", "lexical"]
    assert (posterior.best()[0] == truth).mean() > 0.95
    assert posterior.channel.keep_rate == pytest.approx(0.9, abs=0.05)
    assert posterior.weights["lexical"] > 10 * posterior.weights["neighbour"]
    # Without words nothing is known but what was given.
    blind = settled(sources(vectors, given, labels=4)).fit.posterior
    assert (blind.best()[0] == truth).mean() < 0.91


def told(truth, strength=9.0):
    """A source that knows the truth and has never seen a label."""
    generator = np.random.default_rng(4)
    scores = strength * np.eye(LABELS)[truth] + generator.normal(size=(len(truth), LABELS))
    return Evidence("told", scores.astype(np.float32))


def test_fixed_evidence_is_heard_first(world):
    vectors, truth, given = world
    outcome = settled(sources(vectors, given, fixed=(told(truth),)))
    assert [e.source for e in outcome.evidence] == ["told", "neighbour", "classifier"]
    assert np.array_equal(outcome.evidence[0].scores, told(truth).scores)
    assert (outcome.fit.posterior.best()[0] == truth).mean() > 0.98


def test_more_rounds_do_no_harm_where_neighbours_are_few(world):
    # One round mends all. In later ones the other sources have learned, by way of their neighbours,
    # what each text was given: that must not silence the one that knows the truth.
    vectors, truth, given = world
    parts = sources(
        vectors, given, fixed=(told(truth),), neighbours=find_neighbours(vectors, 10, 9)
    )
    once, often = settled(parts, most=1).fit.posterior, settled(parts, most=8).fit.posterior
    assert (once.best()[0] == truth).mean() == 1
    assert (often.best()[0] == truth).mean() > 0.995
    assert often.weights["told"] > 0.01


def test_a_label_without_a_row_is_found_from_its_first_texts(world):
    vectors, truth, given = world
    hidden = truth == LABELS - 1
    given = np.where(hidden | (given == LABELS - 1), NO_LABEL, given)
    unlabelled = np.flatnonzero(given == NO_LABEL)
    # A card that finds a third of the label's texts, and as many wrong ones as a tenth of them.
    mine = np.flatnonzero(hidden)[: hidden.sum() // 3]
    others = unlabelled[~hidden[unlabelled]][: hidden.sum() // 10]
    first = np.zeros((TEXTS, LABELS), dtype=np.float32)
    first[np.concatenate([mine, others]), LABELS - 1] = 1
    started = dataclasses.replace(sources(vectors, given), first=csr_array(first))
    best = settled(started).fit.posterior.best()[0]
    assert (best == truth)[hidden].mean() > 0.95
    silent = sources(vectors, given)
    assert (settled(silent).fit.posterior.best()[0] == truth)[hidden].mean() == 0


def test_a_tail_stays_out_of_the_posterior(world):
    vectors, truth, given = world
    # Of the eight labels the true and the given one, two others, and two more that stand for four.
    generator = np.random.default_rng(7)
    keys = generator.random((TEXTS, LABELS))
    keys[np.arange(TEXTS), truth] = keys[np.arange(TEXTS), given] = -1
    labels = np.argsort(keys, axis=1)[:, :6]
    candidates = Candidates(labels, 2, np.log([1, 1, 1, 1, 2, 2]))
    outcome = settled(sources(vectors, given, candidates=candidates))
    posterior = outcome.fit.posterior
    assert posterior.candidates.tolist() == labels[:, :4].tolist()
    assert posterior.probabilities.shape == (TEXTS, 4)
    assert outcome.fit.log_prior.shape == (TEXTS, 6)
    assert all(e.scores.shape == (TEXTS, 4) for e in outcome.evidence)
    # Each source's row is centred on what it says of the tail, too; so all adds up.
    assert any(not np.allclose(e.centre, row_means(e.scores)) for e in outcome.evidence)
    said = sum(
        posterior.weights[e.source] * (e.scores.astype(float) - e.centre[:, None])
        for e in outcome.evidence
    )
    gap = outcome.fit.log_prior[:, :4] - said
    assert np.ptp(gap, axis=1).max() < 1e-4
    assert (posterior.best()[0] == truth).mean() > 0.97
    assert posterior.channel.keep_rate == pytest.approx(0.8, abs=0.05)


def test_given_labels_as_shares():
    given = csr_array(np.array([[3, 1, 0], [0, 0, 0], [0, 2, 0]], dtype=np.float32))
    assert given_shares(given).toarray().tolist() == [[0.75, 0.25, 0], [0, 0, 0], [0, 1, 0]]
    assert given.toarray()[0].tolist() == [3, 1, 0]


def test_anchors_by_hand():
    # Best labels by row: 7, 7, 7, 4; margins 1, 3, 2 and 0.5.
    candidates = Candidates(np.array([[7, 4], [7, 4], [4, 7], [4, 7]]), 0, np.zeros(2))
    log_prior = np.array([[-1.0, -2], [-1, -4], [-3, -1], [-1, -1.5]])
    # Of three texts of label 7 two, of one of label 4 one.
    decisive = rounds.decisive_texts(log_prior, candidates, 9, 0.5)
    assert decisive.tolist() == [False, True, True, True]


def test_all_are_as_decisive_with_one_candidate():
    candidates = Candidates(np.zeros((4, 1), dtype=np.int64), 0, np.zeros(1))
    assert rounds.decisive_texts(np.zeros((4, 1)), candidates, 1, 0.5).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_the_best_candidate():
    candidates = Candidates(np.array([[4, 7, 2], [3, 1, 0]]), 0, np.zeros(3))
    assert rounds._best_labels(np.array([[0.1, 3, 2], [5, 5, 1]]), candidates).tolist() == [7, 3]


def test_source_errors_by_hand():
    config = FusionConfig(source_errors=0.0012, unseen_source_errors=0.5, max_source_errors=0.95)

    def error_rate(keep_rate, anchors):
        channel = dataclasses.replace(FIRST_GUESS, keep_rate=keep_rate)
        counts = csr_array(np.array([[float(anchors)]]))
        return rounds.source_error_rate(
            LearnedChannel(channel, counts, csr_array((1, 1), dtype=np.float32)), config
        )

    # Noise of 0.25 from 100 anchors, with z = 2: the interval's middle is (0.25 + 0.02) / 1.04,
    # and its half-width 2 * sqrt(0.25 * 0.75 / 100 + 0.01^2) / 1.04.
    certain = (0.27 - 2 * np.sqrt(0.001975)) / 1.04
    source_errors = (0.0012 + 0.5 / 100) * (1 - certain)
    assert error_rate(0.75, 100) == pytest.approx(source_errors / (source_errors + certain))
    # Of 0.04 from 100: (0.06 - 2 * sqrt(0.04 * 0.96 / 100 + 0.01^2)) / 1.04 = 0.016 / 1.04.
    source_errors = 0.0062 * (1 - 0.016 / 1.04)
    assert error_rate(0.96, 100) == pytest.approx(source_errors / (source_errors + 0.016 / 1.04))
    assert error_rate(0.75, 1e12) == pytest.approx(0.0009 / 0.2509, rel=1e-4)
    # Without noise all contradictions might be the evidence's errors; some noise there always is.
    assert error_rate(1.0, 100) == error_rate(1.0, 0) == 0.95
    # Where the evidence is never wrong, there are none, noise or no noise.
    config = FusionConfig(source_errors=0.0, unseen_source_errors=0.0)
    assert error_rate(0.75, 100) == error_rate(1.0, 0) == 0.0
    config = FusionConfig()
    # The fewer the anchors, the less noise is certain.
    assert (
        error_rate(0.9, 10) > error_rate(0.9, 100) > error_rate(0.9, 1000) > error_rate(0.9, 10_000)
    )


@pytest.mark.parametrize(
    "changes", [{}, {"first_passes": 1, "later_passes": 3, "reinforcement": 0.5}]
)
def test_later_rounds_count_evidence_less_the_more_errors_are_among_neighbours(
    world, monkeypatch, changes
):
    vectors, _, given = world
    discounts, channels = [], []
    weigh, learn = rounds._log_prior, rounds.learn_channel

    def weighed(*parts):
        discounts.append(parts[-1])
        return weigh(*parts)

    def learned(*parts):
        channels.append(learn(*parts))
        return channels[-1]

    monkeypatch.setattr(rounds, "_log_prior", weighed)
    monkeypatch.setattr(rounds, "learn_channel", learned)
    assert settled(sources(vectors, given), most=2, **changes).rounds == 2
    config = dataclasses.replace(CONFIG.fusion, **changes)
    first, later = config.first_passes, config.later_passes
    assert discounts[: first + 1] == [1.0] * (first + 1)
    share = channels[first - 1].channel.similar_share
    assert 0 < share < 1
    expected = 1 - config.reinforcement * share**2
    assert discounts[first + 1 :] == pytest.approx([expected] * (later + 1))


def test_outcomes_do_not_depend_on_the_blocks(world, monkeypatch):
    vectors, _, given = world
    whole = settled(sources(vectors, given), most=2)
    monkeypatch.setattr(rounds, "_BLOCK", 3)
    monkeypatch.setattr(fusion, "_FUSED_TEXTS", 3)
    parts = settled(sources(vectors, given), most=2)
    assert np.array_equal(whole.fit.posterior.probabilities, parts.fit.posterior.probabilities)
    assert np.array_equal(whole.fit.log_likelihood, parts.fit.log_likelihood)


def test_the_change_by_hand():
    change = rounds._change(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.2, 0.8], [0.8, 0.2]]))
    assert change == pytest.approx((0.3 + 0.1) / 2)
    assert rounds._change(np.zeros((0, 2)), np.zeros((0, 2))) == 0
