"""The graph of a classifier of several labels a text, against the numbers that it stands for."""

import json

import numpy as np
import onnxruntime
import pytest

from labelmend.classify.several.calibrate import Lines
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.several.linear import LinearScorer
from labelmend.classify.several.model_folder import SavedSets
from labelmend.data.sets.label_sets import SetShape
from labelmend.onnx.several import SetInt8Cost, SetParity, SetsExport, sets_graph
from labelmend.onnx.task import CheckTexts

MEANS = (np.full(7, 0.05), np.full(5, -0.03))
LABELS = ("a", "b\nc", "naïve 🙂")


def classifier(weights, bias, thresholds):
    scorer = LinearScorer(np.asarray(weights, np.float32), np.asarray(bias, np.float32))
    lines = Lines(np.array([2.0, 1.0, 0.5]), np.array([0.5, -1.0, 0.0]))
    return SetClassifier("logreg", LABELS, scorer, lines, np.asarray(thresholds))


def run(graph, vectors):
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    feed = {"embedding_0": vectors[:, :7], "embedding_1": vectors[:, 7:]}
    return dict(zip(names, session.run(None, feed), strict=True))


def test_numbers_by_hand():
    """One encoder of two dimensions whose mean is nothing: scores are weights times the vector."""
    found = classifier([[1, 0, 2], [0, 3, 0]], [0, 0, -1], [0.9, 0.5, 1.0])
    graph = sets_graph(found, (np.zeros(2),))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    vector = np.array([[0.6, 0.8]], np.float32)
    shares, called = session.run(["probabilities", "called"], {"embedding_0": vector})
    # Log-odds 2 * 0.6 + 0.5, 2.4 - 1 and 0.5 * (1.2 - 1).
    expected = [1 / (1 + np.exp(-x)) for x in (1.7, 1.4, 0.1)]
    assert shares[0] == pytest.approx(expected, abs=1e-6)
    # 0.846 is below 0.9, 0.802 above 0.5, and 1 is never reached.
    assert called.tolist() == [[False, True, False]]
    (props,) = graph.metadata_props
    assert (props.key, tuple(json.loads(props.value))) == ("labels", LABELS)


def test_a_graph_says_what_the_classifier_says_up_to_its_thresholds():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 12)).astype(np.float32)
    parts = [vectors[:, :7] - MEANS[0], vectors[:, 7:] - MEANS[1]]
    units = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    placed = (np.concatenate(units, axis=1) / np.sqrt(2)).astype(np.float32)
    found = classifier(9 * rng.normal(size=(12, 3)), rng.normal(size=3), [0.5, 0.5, 0.5])
    ours = found.predict(placed)
    # Bars between two texts each, so that both sides of them are seen.
    bars = np.sort(ours.probabilities, axis=0)[24:26].mean(axis=0)
    found = classifier(found.scorer.weights, found.scorer.bias, bars)
    said = run(sets_graph(found, MEANS), vectors)
    np.testing.assert_allclose(said["probabilities"], ours.probabilities, rtol=0, atol=1e-5)
    assert np.array_equal(said["called"], found.predict(placed).called)
    assert said["called"].sum(axis=0).tolist() == [25, 25, 25]


def test_probabilities_end_where_the_classifiers_end():
    found = classifier(np.full((12, 3), 1e6), np.zeros(3), [0.5, 0.5, 1.0])
    said = run(sets_graph(found, MEANS), np.ones((1, 12), np.float32))
    assert said["probabilities"].tolist() == [[np.float32(1 - 1e-6)] * 3]
    assert said["called"].tolist() == [[True, True, False]]


class Space:
    """Places each text where its number says."""

    def __init__(self, vectors):
        self.vectors = vectors

    def queries(self, texts):
        return self.vectors[[int(text) for text in texts]]


def test_parity_and_the_cost_of_int8_count_what_differs():
    found = classifier([[1, 0, 2], [0, 3, 0]], [0, 0, -1], [0.9, 0.5, 0.6])
    model = SavedSets(found, SetShape("k", ";"), (np.zeros(2),), (), (), 10, {})
    space = Space(np.array([[0.6, 0.8], [1.0, 0.0]], np.float32))
    texts = CheckTexts(("0", "1"), ("", ""), "two", None)
    ours = found.predict(space.vectors)
    same = {"probabilities": ours.probabilities.astype(np.float32), "called": ours.called}
    other = {name: values.copy() for name, values in same.items()}
    other["probabilities"][1, 2] -= 0.25
    other["called"][1, 0] ^= True
    task = SetsExport(model)
    assert task.parity(space, texts, same).max_difference < 1e-7
    parity = task.parity(space, texts, other)
    assert parity == SetParity(2, pytest.approx(0.25, abs=1e-6), 1)
    assert "1 texts have the same labels called" in parity.in_words()[0]
    cost = task.cost(texts, same, other, (4_000_000, 1_000_000))
    assert cost == SetInt8Cost(2, 1, pytest.approx(0.25, abs=1e-6), 4_000_000, 1_000_000)
    assert cost.in_words() == (
        "int8: 1 of 2 texts keep all of their labels, probabilities move by at most 0.250; "
        "encoders take 1 MB, before 4 MB",
    )
    assert task.facts() == {
        "task": "several",
        "kind": "logreg",
        "labels": list(LABELS),
        "thresholds": [0.9, 0.5, 0.6],
    }
