from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import training_set
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import spread_scores, stratified_folds, train
from labelmend.errors import ConfigError
from labelmend.evaluation.evaluate import evaluate
from labelmend.protocols import NoProgress

LOSS = OperatingPoint("in-scope-loss", 0.05)


def run(data, vectors, settings, kind="logreg", point=LOSS, seed=0):
    return train(data, vectors, settings, find_head(kind), point, seed, NoProgress())


def test_folds_deal_out_each_label():
    labels = np.repeat([0, 1, 2], [10, 2, 3])
    folds = stratified_folds(labels, 5, seed=3)
    assert np.bincount(folds[labels == 0]).tolist() == [2, 2, 2, 2, 2]
    assert len(set(folds[labels == 1])) == 2
    assert len(set(folds[labels == 2])) == 3
    assert folds.tolist() != stratified_folds(labels, 5, seed=4).tolist()


@pytest.mark.parametrize("kind", ["logreg", "linear-svm", "lightgbm"])
def test_clusters_are_learned_and_oos_is_found(world, settings, kind):
    data, vectors = world(6, 30, oos_texts=60)
    done = run(data, vectors, settings, kind)
    fresh, probes = world(6, 30, oos_texts=60, seed=1)
    m = evaluate(fresh.main_labels(), done.classifier.predict(probes), data.labels, data.oos)
    assert done.classifier.detector.source == "oos texts"
    assert m.in_scope_accuracy > 0.9
    assert m.oos_recall > 0.8
    assert m.oos_auroc > 0.95
    assert m.ece < 0.06
    held_out = evaluate(data.main_labels(), done.held_out, data.labels, data.oos)
    assert held_out.in_scope_accuracy == pytest.approx(m.in_scope_accuracy, abs=0.05)


def test_held_out_predictions_have_not_seen_the_label(world, dataset_of, settings):
    # Labels at random: whoever has seen them is right more often than chance, which is a quarter.
    _, vectors = world(4, 50)
    labels = np.random.default_rng(5).integers(4, size=200)
    texts = [f"text {i:04}" for i in range(200)]
    data = training_set(dataset_of(texts, [f"l{k}" for k in labels]), np.ones(200))
    loose = replace(settings, logreg=replace(settings.logreg, C=1e4))
    done = run(data, vectors, loose)
    right = done.held_out.probabilities.argmax(axis=1) == data.main_labels()
    assert right.mean() == pytest.approx(0.25, abs=0.1)
    # And so they know nothing, which calibration says.
    assert done.held_out.probabilities.max(axis=1).mean() < 0.4


def test_the_order_of_rows_changes_nothing(dataset_of, world, settings):
    _, vectors = world(3, 12, oos_texts=24)
    texts = [f"text {i:04}" for i in range(60)]
    labels = [*(f"l{i // 12}" for i in range(36)), *["oos"] * 24]
    order = np.random.default_rng(0).permutation(60)
    shuffled = dataset_of([texts[i] for i in order], [labels[i] for i in order], oos="oos")
    one = run(training_set(dataset_of(texts, labels, oos="oos"), np.ones(60)), vectors, settings)
    two = run(training_set(shuffled, np.ones(60)), vectors, settings)
    assert np.array_equal(one.held_out.probabilities, two.held_out.probabilities)
    assert one.classifier.detector.threshold == two.classifier.detector.threshold


def test_without_an_oos_label_left_out_labels_stand_in(world, settings):
    data, vectors = world(10, 20, spread=0.15)
    done = run(data, vectors, settings)
    assert done.classifier.detector.source == "left-out labels"
    assert done.classifier.oos is None
    _, probes = world(1, 2, oos_texts=100, seed=2)
    found = done.classifier.predict(probes[2:])
    assert found.is_oos.mean() > 0.8
    _, known = world(10, 20, spread=0.15, seed=3)
    assert done.classifier.predict(known).is_oos.mean() < 0.15
    # The curve says what would be found of labels that were never seen.
    assert done.curve.oos_recall.max() == 1.0


def test_two_labels_leave_none_to_be_left_out(world, settings):
    data, vectors = world(2, 20)
    done = run(data, vectors, settings)
    assert done.classifier.detector.source == "equal weights"
    assert np.isnan(done.curve.oos_recall).all()
    with pytest.raises(ConfigError, match="--oos-recall needs rows"):
        run(data, vectors, settings, point=OperatingPoint("oos-recall", 0.5))


def test_few_oos_texts_are_trained_on_and_do_not_set_the_signs(world, settings):
    data, vectors = world(8, 15, oos_texts=6)
    done = run(data, vectors, settings)
    assert done.classifier.detector.source == "left-out labels"
    assert done.classifier.labels[done.classifier.oos] == "oos"


def test_the_bar_holds_the_operating_point_on_held_out_texts(world, settings):
    data, vectors = world(6, 30, oos_texts=60, spread=0.4)
    recall = run(data, vectors, settings, point=OperatingPoint("oos-recall", 0.7)).held_out
    is_oos = data.main_labels() == data.oos
    assert recall.is_oos[is_oos].mean() == pytest.approx(0.7, abs=0.5 / 60)
    done = run(data, vectors, settings, point=OperatingPoint("in-scope-accuracy", 0.8)).held_out
    right = (done.labels == data.main_labels())[~is_oos].mean()
    assert 0.8 <= right < 0.8 + 1.5 / 180


def test_few_reference_texts_are_drawn(world, settings):
    data, vectors = world(4, 30)
    done = run(data, vectors, replace(settings, reference_texts=25))
    assert done.classifier.nearness.references.shape == (25, 12)


@pytest.mark.parametrize("kind", ["logreg", "linear-svm", "lightgbm"])
@pytest.mark.parametrize("labels", [2, 3])
def test_two_texts_a_label_are_enough_to_run(world, settings, kind, labels):
    data, vectors = world(labels, 2)
    done = run(data, vectors, settings, kind)
    found = done.classifier.predict(vectors)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(2 * labels))
    assert np.isfinite(done.held_out.probabilities).all()


@pytest.mark.parametrize("kind", ["logreg", "linear-svm", "lightgbm"])
@pytest.mark.parametrize("labels", [3, 4])
def test_two_texts_a_label_are_enough_with_any_seed(world, settings, kind, labels):
    data, vectors = world(labels, 2)
    sources = set()
    # The seed decides on the folds, whatever the kind.
    for seed in range(21 if kind == "logreg" else 7):
        done = run(data, vectors, settings, kind, seed=seed)
        sources.add(done.classifier.detector.source)
        assert np.isfinite(done.held_out.oos_scores).all()
        assert done.classifier.predict(vectors).probabilities.shape == (2 * labels, labels)
    # Left-out labels stand in for oos where some text of theirs is in the fold that lacks them.
    assert sources == {"equal weights", "left-out labels"}


def test_labels_that_a_fold_lacks_score_below_all_others():
    scores = np.array([[3.0, -1.0]])
    assert spread_scores(scores, np.array([0, 2]), 3).tolist() == [[3.0, -2.0, -1.0]]
    assert spread_scores(scores, np.array([0, 1]), 2) is scores


def test_what_is_made_from_a_held_out_text_is_not_trained_on(dataset_of, settings):
    # Labels at random, and a new text on the very place of each: who reads it knows the label.
    vectors = np.eye(200, dtype=np.float32)
    labels = [f"l{k}" for k in np.random.default_rng(5).integers(4, size=200)]
    texts = [*(f"text {i:04}" for i in range(200)), *(f"text {i:04} new" for i in range(200))]
    dataset = dataset_of(texts, labels * 2)
    made = {200 + i: (i,) for i in range(200)}
    data = training_set(replace(dataset, made_from=made), np.ones(400))
    places = np.array([int(text[5:9]) for text in data.texts])
    loose = replace(settings, logreg=replace(settings.logreg, C=1e4))

    def right(which):
        done = run(which, vectors[places], loose)
        called = done.held_out.probabilities.argmax(axis=1)
        return done, (called == which.main_labels()[done.tested]).mean()

    done, share = right(data)
    assert share == pytest.approx(0.25, abs=0.1)
    # Nothing is measured on what is new, and nothing of it tells what is in scope.
    assert done.tested.tolist() == np.flatnonzero(data.real()).tolist()
    assert len(done.tested) == len(done.held_out.labels) == 200
    assert len(done.classifier.nearness.references) == 200
    everything, leaked = right(training_set(dataset, np.ones(400)))
    assert len(everything.tested) == 400
    assert leaked > 0.6
