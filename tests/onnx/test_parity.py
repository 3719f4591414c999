import numpy as np
import pytest

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import train
from labelmend.onnx.onnx_folder import OnnxPredictions
from labelmend.onnx.parity import int8_cost, parity_of
from labelmend.onnx.task import CheckTexts
from labelmend.protocols import NoProgress


def exported(labels, probabilities, flags=None, features=None):
    flags = [False] * len(labels) if flags is None else flags
    return OnnxPredictions(tuple(labels), np.array(flags), np.array(probabilities), features)


def test_parity_counts_what_differs(world, settings):
    data, vectors = world(3, 20)
    point = OperatingPoint("in-scope-loss", 0.02)
    model = train(data, vectors, settings, find_head("logreg"), point, 0, NoProgress()).classifier
    ours = model.predict(vectors)
    names = [model.labels[k] for k in ours.labels]
    moved = ours.probabilities.copy()
    moved[5, 1] += 0.25
    flags = ours.is_oos.copy()
    flags[:2] = ~flags[:2]
    found = parity_of(model, vectors, exported(["label9", *names[1:]], moved, flags))
    assert (found.texts, found.max_difference) == (60, pytest.approx(0.25))
    assert (found.labels_agree, found.flags_agree, found.on_edges) == (59, 58, 0)


def test_texts_on_a_split_are_counted_apart(world, settings, monkeypatch):
    data, vectors = world(3, 20)
    point = OperatingPoint("in-scope-loss", 0.02)
    model = train(data, vectors, settings, find_head("lightgbm"), point, 0, NoProgress()).classifier
    ours = model.predict(vectors)
    features = model.scorer.features(vectors)
    # Text 7 stands on a split: its features are the same, and it reaches another leaf.
    real = model.scorer.leaves
    calls = []

    def leaves(asked):
        calls.append(real(asked))
        if len(calls) == 2:
            calls[1][7] += 1
        return calls[-1]

    monkeypatch.setattr(type(model.scorer), "leaves", lambda _, asked: leaves(asked))
    moved = ours.probabilities.copy()
    moved[7, 0] += 0.5
    moved[8, 0] += 0.125
    names = [model.labels[k] for k in ours.labels]
    found = parity_of(model, vectors, exported(names, moved, ours.is_oos, features))
    assert found.on_edges == 1
    assert (found.max_difference, found.edge_difference) == pytest.approx((0.125, 0.5))


def test_other_features_are_no_matter_of_a_split(world, settings):
    data, vectors = world(3, 20)
    point = OperatingPoint("in-scope-loss", 0.02)
    model = train(data, vectors, settings, find_head("lightgbm"), point, 0, NoProgress()).classifier
    ours = model.predict(vectors)
    features = model.scorer.features(vectors)
    features[7] = -features[7]
    moved = ours.probabilities.copy()
    moved[7, 0] += 0.5
    names = [model.labels[k] for k in ours.labels]
    found = parity_of(model, vectors, exported(names, moved, ours.is_oos, features))
    assert (found.on_edges, found.edge_difference) == (0, 0)
    assert found.max_difference == pytest.approx(0.5)


def test_the_cost_of_int8_is_over_known_labels():
    texts = CheckTexts(("a", "b", "c", "d"), ("x", "y", "x", "unheard of"), "t.csv", "0")
    before = exported(["x", "y", "y", "x"], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    after = exported(["x", "x", "y", "y"], [[0.8, 0.2], [0.6, 0.4], [0.4, 0.6], [0.45, 0.55]])
    cost = int8_cost(("x", "y"), texts, before, after, (100, 40))
    assert (cost.texts, cost.labels_agree, cost.labelled) == (4, 2, 3)
    assert (cost.accuracy, cost.int8_accuracy) == pytest.approx((2 / 3, 1 / 3))
    assert cost.max_difference == pytest.approx(0.4)
    assert (cost.bytes, cost.int8_bytes) == (100, 40)


def test_without_labels_there_is_no_accuracy():
    texts = CheckTexts(("a",), ("",), "t.csv", "0")
    one = exported(["x"], [[1.0, 0.0]])
    cost = int8_cost(("x", "y"), texts, one, one, (1, 1))
    assert (cost.labelled, cost.accuracy, cost.int8_accuracy) == (0, None, None)
