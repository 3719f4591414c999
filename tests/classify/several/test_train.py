"""Training on texts that may have several labels, on embeddings that are made up."""

import numpy as np
import pytest

from labelmend.classify.several.data import set_training, trainable
from labelmend.classify.several.linear import learn_lines
from labelmend.classify.several.train import train_sets
from labelmend.configs.schema import ClassifyConfig
from labelmend.data.sets.label_sets import LabelSets
from labelmend.errors import ConfigError, InputError
from labelmend.evaluation.set_metrics import evaluate_sets
from labelmend.protocols import NoProgress


def label_sets(texts, rows, labels):
    given = np.array([[label in row for label in labels] for row in rows], dtype=bool)
    ids = tuple(map(str, range(len(texts))))
    return LabelSets(ids, tuple(texts), given, tuple(labels))


@pytest.fixture(scope="module")
def table():
    """Two hundred texts: label k holds where a text lies on its side; all have one, some none."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = vectors[:, :4] > (0.1, 0.2, 0.3, 0.4)
    given = np.column_stack([given, np.ones(200), np.zeros(200)]) > 0
    texts = tuple(f"{i:03}" for i in range(200))
    return LabelSets(texts, texts, given, ("a", "b", "c", "d", "every", "none")), vectors


def trained(table, kind="logreg", **options):
    sets, vectors = table
    return train_sets(
        *(set_training(sets), vectors, ClassifyConfig(), kind, 0, NoProgress()), **options
    )


@pytest.mark.parametrize("kind", ["logreg", "linear-svm"])
def test_each_label_is_learned_by_itself(table, kind):
    sets, vectors = table
    found = trained(table, kind)
    assert found.classifier.labels == sets.labels
    said = found.classifier.predict(vectors)
    assert (said.called == sets.given).mean(axis=0)[:4] == pytest.approx(1, abs=0.05)
    assert said.called[:, 4].all()
    assert not said.called[:, 5].any()
    held_out = evaluate_sets(
        sets.given[:, :4],
        found.held_out.called[:, :4],
        found.held_out.probabilities[:, :4],
        sets.labels[:4],
    )
    assert held_out.micro_f1.value > 0.75
    assert held_out.micro_f1.value < said_f1(sets, said)


def said_f1(sets, said):
    whole = evaluate_sets(sets.given, said.called, said.probabilities, sets.labels)
    return whole.micro_f1.value


def test_held_out_predictions_come_from_models_that_have_not_seen_the_text(table):
    """A text whose labels are all turned around is called as its likes are, not as it says."""
    sets, vectors = table
    before = trained(table).held_out.probabilities[0, :4]
    turned = sets.given.copy()
    turned[0, :4] = ~turned[0, :4]
    after = trained((LabelSets(sets.ids, sets.texts, turned, sets.labels), vectors))
    # The folds and the calibration move a little, for they know of the text.
    assert after.held_out.probabilities[0, :4] == pytest.approx(before, abs=0.15)


def test_a_wish_for_precision_raises_the_thresholds(table):
    best = trained(table).classifier.thresholds
    sure = trained(table, wish=0.97).classifier.thresholds
    assert (sure[:4] >= best[:4]).all()
    assert sure[:4].mean() > best[:4].mean() + 0.1


def test_kinds_that_can_not(table):
    with pytest.raises(ConfigError) as caught:
        trained(table, "lightgbm")
    assert str(caught.value) == (
        "--kind lightgbm can't learn several labels a text yet: give logreg or linear-svm"
    )


def test_labels_are_trained_by_blocks(table, monkeypatch):
    sets, vectors = table
    ones = np.ones(200)
    whole = learn_lines(vectors, sets.given, ones, "logreg", ClassifyConfig())
    monkeypatch.setattr("labelmend.classify.several.linear._LABELS_AT_A_TIME", 2)
    parts = learn_lines(vectors, sets.given, ones, "logreg", ClassifyConfig())
    # Stopped early, labels trained together are a little less far on.
    assert parts.scores(vectors)[:, :4] == pytest.approx(whole.scores(vectors)[:, :4], abs=1.5)


def test_copies_are_one_text_with_the_labels_of_half_of_them():
    rows = ["ab", "a", "c", "", "abc"]
    data = set_training(label_sets(["One", "one ", "two", "one", "ONE"], rows, "abc"))
    assert data.texts == ("ONE", "two")
    assert data.carried.tolist() == [[True, True, False], [False, False, True]]
    assert data.weights.tolist() == [4.0, 1.0]


def test_the_order_of_rows_changes_nothing():
    rows = ["ab", "a", "c", "", "abc"]
    texts = ["One", "one ", "two", "one", "ONE"]
    one = set_training(label_sets(texts, rows, "abc"))
    two = set_training(label_sets(texts[::-1], rows[::-1], "abc"))
    assert (one.digest, one.texts) == (two.digest, two.texts)


def test_the_rarest_label_of_a_text_deals_it_to_a_fold():
    data = set_training(label_sets("wxyz", ["ab", "a", "", "abc"], "abc"))
    assert data.rarest().tolist() == [1, 0, 3, 2]


def test_labels_of_fewer_than_two_texts():
    data = set_training(label_sets("wxyz", ["ab", "a", "", "a"], "abc"))
    kept, said = trainable(data, "t.csv", "keep")
    assert kept is data
    assert said == (
        "2 labels have fewer than two distinct texts, so nothing measures how well they are "
        "learned: 'b', 'c'",
    )
    left, said = trainable(data, "t.csv")
    assert left.labels == ("a",)
    assert left.carried.tolist() == [[True], [True], [False], [True]]
    assert said == (
        "2 labels have fewer than two distinct texts and are left out of training: 'b', 'c' "
        "(--rare-labels keep trains on them)",
    )
    with pytest.raises(InputError, match=r"^t.csv: 2 labels have fewer than two .*: 'b', 'c'; "):
        trainable(data, "t.csv", "error")
    with pytest.raises(InputError, match="no label has two distinct texts"):
        trainable(set_training(label_sets("xy", ["a", ""], "ab")), "t.csv")
