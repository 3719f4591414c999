from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import training_set
from labelmend.classify.heads.base import TrainingTask
from labelmend.classify.heads.finetune import FinetuneHead, held_out_texts
from labelmend.classify.space import ProfileSpace
from labelmend.protocols import NoProgress

POINT = OperatingPoint("in-scope-loss", 0.1)
THINGS = ("card", "bank card", "debit card", "wallet", "visa", "old card", "new card", "gold card")


@pytest.fixture(scope="module")
def texts():
    return (
        [f"I lost my {thing}" for thing in THINGS]
        + [f"how do I reset the pin of my {thing}" for thing in THINGS]
        + [f"who sings about a {thing}" for thing in THINGS * 5]
    )


@pytest.fixture(scope="module")
def config(settings, small_encoder):
    tuning = replace(settings.finetune, encoder=str(small_encoder), batch_size=16, epochs=2)
    return replace(settings, finetune=tuning)


def fit(data, config, seed, work):
    task = TrainingTask(data, ProfileSpace(()), config, POINT, seed, work)
    return FinetuneHead().fit(task, NoProgress())


def test_held_out_texts_calibrate_it(dataset_of, texts, config, tmp_path):
    # Copies are one text: 24 are left, of which 8 are oos, too few to learn their signs from.
    labels = ["lost"] * 8 + ["pin"] * 8 + ["oos"] * 40
    data = training_set(dataset_of(texts, labels, oos="oos"), np.ones(56))
    done = fit(data, config, 0, tmp_path / "w")
    training = done.training
    assert len(data.texts) == 24
    assert training.tested.tolist() == sorted(training.tested.tolist())
    assert len(training.tested) == len(training.held_out.labels) == 5  # a fifth
    assert training.classifier.kind == "finetune"
    assert training.classifier.detector.source == "equal weights"
    # What is held out is predicted by the very classifier that is kept.
    found = done.predict(data.texts)
    np.testing.assert_allclose(
        found.probabilities[training.tested], training.held_out.probabilities, atol=0.02
    )
    assert (found.labels == data.main_labels()).mean() > 0.8


def test_the_order_of_rows_changes_nothing(dataset_of, texts, config, tmp_path):
    rows = list(range(16))
    labels = ["lost"] * 8 + ["pin"] * 8
    results = []
    for order in (rows, rows[::-1]):
        data = training_set(
            dataset_of([texts[i] for i in order], [labels[i] for i in order]), np.ones(16)
        )
        results.append(fit(data, config, 1, tmp_path / str(order[0])).predict(texts[:3]))
    assert np.array_equal(results[0].probabilities, results[1].probabilities)


def test_what_is_held_out(dataset_of):
    labels = ["b"] * 10 + ["c"] * 20 + ["d"] * 2
    texts = [f"text {i:02}" for i in range(32)]
    data = training_set(dataset_of(texts, labels), np.ones(32))
    held = held_out_texts(data, 0.2, 3)
    assert np.bincount(data.main_labels()[held], minlength=3).tolist()[:2] == [2, 4]
    assert held[data.main_labels() == 2].sum() < 2  # never a whole label
    # Four texts in five parts: the first holds a text of the label that comes first, oos.
    few = training_set(dataset_of(texts[:4], ["oos", "oos", "x", "x"], oos="oos"), np.ones(4))
    held = held_out_texts(few, 0.2, 0)
    assert few.labels[few.main_labels()[held][0]] == "x"
    assert held.sum() == 1
