import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from labelmend.configs.schema import SuspectConfig
from labelmend.protocols import NoProgress
from labelmend.relabel import suspect
from labelmend.relabel.suspect import (
    embedding_classifier,
    lexical_classifier,
    out_of_fold_scores,
    word_features,
)

CONFIG = SuspectConfig(folds=4, inverse_regularization=3.0, max_iterations=100)
LABELS = 4


class Counted(NoProgress):
    steps = 0

    def advance(self, steps=1):
        self.steps += steps


def clusters(rng, texts=48, labels=LABELS, dimensions=6):
    """Vectors near their label's own axis, and the labels."""
    truth = rng.integers(0, labels, texts)
    vectors = np.eye(dimensions)[truth] + 0.3 * rng.normal(size=(texts, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


def one_hot(labels, count=LABELS):
    """Memberships; a label of -1 is none."""
    labels = np.asarray(labels)
    return csr_array((np.arange(count) == labels[:, None]).astype(np.float32))


def scored(features, memberships, make=None, folds=4, seed=0, candidates=None):
    if candidates is None:
        labels = np.arange(memberships.shape[1])
        candidates = np.tile(labels, (memberships.shape[0], 1))
    return out_of_fold_scores(
        make or embedding_classifier(CONFIG),
        features,
        memberships,
        candidates,
        folds,
        seed,
        NoProgress(),
    )


def makers():
    return [embedding_classifier(CONFIG), lexical_classifier()]


def test_scores_are_log_probabilities_of_the_right_label():
    vectors, truth = clusters(np.random.default_rng(0))
    scores = scored(vectors, one_hot(truth))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(np.exp(scores.astype(np.float64)).sum(axis=1), 1, rtol=1e-5)
    assert (scores.argmax(axis=1) == truth).mean() > 0.9


def test_a_mislabelled_text_is_seen_through():
    vectors, truth = clusters(np.random.default_rng(1))
    given = truth.copy()
    given[:3] = (truth[:3] + 1) % LABELS
    scores = scored(vectors, one_hot(given))
    assert scores[:3].argmax(axis=1).tolist() == truth[:3].tolist()


@pytest.mark.parametrize("which", [0, 1])
def test_each_fold_is_scored_by_a_classifier_of_the_others(which):
    vectors, truth = clusters(np.random.default_rng(2))
    features = csr_matrix(np.abs(vectors)) if which else vectors
    memberships = one_hot(truth)
    fold_of = suspect._folds(memberships, 4, seed=0)
    scores = scored(features, memberships, makers()[which])
    for fold in range(4):
        model = makers()[which]().fit(features[fold_of != fold], truth[fold_of != fold])
        expected = model.predict_log_proba(features[fold_of == fold])
        np.testing.assert_allclose(scores[fold_of == fold], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_a_texts_own_label_is_not_seen(which):
    """Where the folds stay as they are, another label of the text's own changes nothing for it."""
    rng = np.random.default_rng(3)
    truth = rng.permutation(np.repeat(np.arange(8), 3))
    vectors = np.abs(np.eye(8)[truth] + 0.3 * rng.normal(size=(24, 8))).astype(np.float32)
    features = csr_matrix(vectors) if which else vectors
    before = one_hot(truth, 8)
    flips = 0
    for seed in range(10):
        folds = suspect._folds(before, 4, seed)
        scores = scored(features, before, makers()[which], seed=seed)
        for text in range(24):
            changed = truth.copy()
            changed[text] = (truth[text] + 1) % 8
            after = one_hot(changed, 8)
            if np.array_equal(suspect._folds(after, 4, seed), folds):
                flips += 1
                again = scored(features, after, makers()[which], seed=seed)
                mates = folds == folds[text]
                assert np.array_equal(again[mates], scores[mates], equal_nan=True)
                assert not np.allclose(again[~mates], scores[~mates], equal_nan=True)
    assert flips >= 3  # folds are dealt by label, so few flips leave them alone


def test_a_texts_lesser_labels_are_not_seen():
    """Folds are dealt by the main label, so the others may change without moving them."""
    vectors, truth = clusters(np.random.default_rng(4))
    weights = one_hot(truth).toarray()
    scores = scored(vectors, csr_array(weights))
    weights[7, truth[7]] = 0.6
    weights[7, (truth[7] + 1) % LABELS] = 0.4
    again = scored(vectors, csr_array(weights))
    assert np.array_equal(again[7], scores[7])
    assert not np.allclose(again, scores)


def test_dealing_folds_by_label_favours_the_given_label_by_a_known_little():
    """What the docstring of `_folds` admits: a text holds a place of its label in its fold."""
    vectors, truth = clusters(np.random.default_rng(5), texts=120)
    features = csr_matrix(np.abs(vectors))
    first = scored(features, one_hot(truth), lexical_classifier())
    gains = []
    for text in range(0, 120, 2):
        label = (truth[text] + 1) % LABELS
        changed = truth.copy()
        changed[text] = label
        again = scored(features, one_hot(changed), lexical_classifier())
        gains.append(again[text, label] - first[text, label])
    # Four folds, about 30 texts a label: the new label has 3/4 of a text more to train on than
    # 3/4 * 30 = 22.5, the old one 3/4 fewer. A classifier that had seen the text would gain more.
    most = 2 * 0.75 / 22.5
    assert np.mean(gains) < most + 3 * np.std(gains) / np.sqrt(len(gains))


def test_folds_hold_their_share_of_each_label():
    labels = np.repeat([0, 1, 2, 3], [3, 10, 25, 5])
    labels = labels[np.random.default_rng(0).permutation(43)]
    folds = suspect._folds(one_hot(labels), 5, seed=0)
    sizes = np.bincount(folds, minlength=5)
    assert sorted(sizes.tolist()) == [8, 8, 9, 9, 9]
    for label in range(4):
        of_label = np.bincount(folds[labels == label], minlength=5)
        assert of_label.max() - of_label.min() <= 1
    assert not np.array_equal(folds, suspect._folds(one_hot(labels), 5, seed=1))


def test_a_label_with_one_text_is_silent_for_that_text_alone():
    vectors, truth = clusters(np.random.default_rng(6))
    truth[5] = LABELS
    scores = scored(vectors, one_hot(truth, LABELS + 2))
    folds = suspect._folds(one_hot(truth, LABELS + 2), 4, seed=0)
    mates = folds == folds[5]
    assert np.isnan(scores[mates, LABELS]).all()  # its classifier never met the label
    assert np.isfinite(scores[~mates, LABELS]).all()
    assert np.isnan(scores[:, LABELS + 1]).all()  # no text carries this one
    assert np.isfinite(scores[:, :LABELS]).all()


@pytest.mark.parametrize("which", [0, 1])
def test_two_labels(which):
    vectors, truth = clusters(np.random.default_rng(7), labels=2)
    features = csr_matrix(np.abs(vectors)) if which else vectors
    scores = scored(features, one_hot(truth, 2), makers()[which])
    assert scores.shape == (48, 2)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)
    assert (scores.argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.parametrize("labels", [[0] * 6, [-1] * 6, [0, 1] + [-1] * 4])
def test_nothing_to_tell_apart_is_silence(labels):
    # In the last case a fold's classifier knows one label, or the two texts share a fold.
    vectors, _ = clusters(np.random.default_rng(8), texts=6)
    scores = scored(vectors, one_hot(labels, 2), folds=2)
    folds = suspect._folds(one_hot(labels, 2), 2, seed=0)
    for fold in range(2):
        known = {label for label, f in zip(labels, folds, strict=True) if f != fold} - {-1}
        assert np.isnan(scores[folds == fold]).all() == (len(known) < 2)


def test_texts_without_a_label_are_scored_too():
    vectors, truth = clusters(np.random.default_rng(9))
    given = np.where(np.arange(48) % 3 == 0, -1, truth)
    scores = scored(vectors, one_hot(given))
    assert np.isfinite(scores).all()
    assert (scores[given < 0].argmax(axis=1) == truth[given < 0]).mean() > 0.8


def test_fewer_texts_than_folds():
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 0, 1]]
    scores = scored(vectors, one_hot([0, 1, 0, 1], 2), folds=10)
    assert scores.argmax(axis=1).tolist() == [0, 1, 0, 1]


def test_scores_stand_in_the_order_of_the_candidates():
    rng = np.random.default_rng(10)
    vectors, truth = clusters(rng)
    memberships = one_hot(truth, LABELS + 1)
    whole = scored(vectors, memberships)
    candidates = np.argsort(rng.random((48, LABELS + 1)), axis=1)[:, :3]
    some = scored(vectors, memberships, candidates=candidates)
    assert np.array_equal(some, np.take_along_axis(whole, candidates, axis=1), equal_nan=True)
    assert np.isnan(some[candidates == LABELS]).all()


def test_a_slight_membership_teaches_nothing():
    vectors, truth = clusters(np.random.default_rng(11))
    weights = one_hot(truth).toarray()
    scores = scored(vectors, csr_array(weights))
    weights[7, (truth[7] + 1) % LABELS] = 0.019
    assert np.array_equal(scored(vectors, csr_array(weights)), scores)
    weights[7, (truth[7] + 1) % LABELS] = 0.5
    assert not np.array_equal(scored(vectors, csr_array(weights)), scores)


def test_seeds_reproduce():
    vectors, truth = clusters(np.random.default_rng(12))
    one, same, other = (scored(vectors, one_hot(truth), seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_progress_hears_of_every_fold_silent_or_not():
    heard = Counted()
    out_of_fold_scores(
        lexical_classifier(),
        csr_matrix((3, 1)),
        one_hot([0, 0, 0], 2),
        np.zeros((3, 1), dtype=np.int64),
        7,
        0,
        heard,
    )
    assert heard.steps == 7


def test_words_and_pairs_of_two_texts_or_more():
    texts = ["Lost my card", "lost MY purse", "my card lost"]
    # Stems in two texts or more: lost, my, card; pairs: "lost my", "my card".
    features = word_features(texts)
    assert features.shape == (3, 5)
    assert np.diff(features.indptr).tolist() == [5, 3, 4]
    # "lost" and "my" are in all three texts: idf = ln(4 / 4) + 1 = 1; the others in two:
    rare = np.log(4 / 3) + 1
    norm = np.sqrt(2 * 1 + rare**2)
    # The second text has "lost", "my" and "lost my".
    assert sorted(features[1].data) == pytest.approx([1 / norm, 1 / norm, rare / norm])


@pytest.mark.parametrize("texts", [["one", "two"], ["", ""], ["?!", "\U0001f642"], [""]])
def test_texts_that_share_no_word_have_no_features(texts):
    features = word_features(texts)
    assert features.shape == (len(texts), 1)
    assert features.nnz == 0


def test_a_text_without_a_known_word_has_an_empty_row():
    features = word_features(["lost card", "lost card", "", "unheard"])
    assert np.diff(features.indptr).tolist() == [3, 3, 0, 0]
    scores = scored(features, one_hot([0, 1, 0, 1], 2), lexical_classifier(), folds=2)
    assert np.isfinite(scores).all()


def test_one_text_has_its_words():
    assert word_features(["lost card"]).shape == (1, 3)


def test_the_lexical_classifier_tells_two_labels_apart_by_one_word():
    things = ["card", "purse", "phone", "key", "bag", "coat", "ring", "watch"]
    texts = [f"please help me i {verb} my {t}" for t in things for verb in ("lost", "found")]
    truth = np.tile([0, 1], len(things))
    scores = scored(word_features(texts), one_hot(truth, 2), lexical_classifier())
    assert scores.argmax(axis=1).tolist() == truth.tolist()


def test_log_probabilities_have_a_floor():
    texts = ["alpha " * 3 + "one two"] * 8 + ["beta " * 3 + "three four"] * 8
    features = csr_matrix(word_features(texts) * 500)
    scores = scored(features, one_hot(np.repeat([0, 1], 8), 2), lexical_classifier())
    assert scores.min() == -40
    assert scores.max() <= 0
