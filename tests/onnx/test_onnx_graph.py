from dataclasses import replace

import lightgbm
import numpy as np
import onnxruntime
import pytest
from fixtures.clusters import SPACE_KINDS
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.heads.estimator import EstimatorHead
from labelmend.classify.heads.lightgbm import TreeScorer
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import train
from labelmend.errors import ModelError
from labelmend.onnx.onnx_graph import classifier_graph, with_features
from labelmend.protocols import NoProgress

POINT = OperatingPoint("in-scope-loss", 0.02)
MEANS = (np.full(7, 0.05), np.full(5, -0.03))


def placed(vectors):
    """Two encoders' vectors as one, by the definition of the space."""
    parts = [vectors[:, :7] - MEANS[0], vectors[:, 7:] - MEANS[1]]
    units = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return (np.concatenate(units, axis=1) / np.sqrt(2)).astype(np.float32)


def run(model, vectors):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    feed = {"embedding_0": vectors[:, :7], "embedding_1": vectors[:, 7:]}
    return dict(zip(names, session.run(None, feed), strict=True))


@pytest.mark.parametrize("kind", SPACE_KINDS)
@pytest.mark.parametrize(
    ("labels", "oos", "source"),
    [
        (4, 40, "oos texts"),
        (6, 0, "left-out labels"),
        (8, 6, "left-out labels"),
        (2, 0, "equal weights"),
        (2, 30, "oos texts"),
    ],
)
def test_a_graph_says_what_the_classifier_says(world, settings, kind, labels, oos, source):
    data, vectors = world(labels, 20, oos_texts=oos)
    classifier = train(
        data, placed(vectors), settings, find_head(kind), POINT, 0, NoProgress()
    ).classifier
    assert classifier.detector.source == source
    _, probes = world(labels, 20, oos_texts=30, spread=0.4, seed=1)
    # A bar between two texts, so that both sides of it are seen.
    middle = np.sort(classifier.predict(placed(probes)).oos_scores)[39:41]
    bar = replace(classifier.detector, threshold=middle.mean())
    classifier = replace(classifier, detector=bar)
    ours = classifier.predict(placed(probes))
    found = run(classifier_graph(classifier, MEANS), probes)
    np.testing.assert_allclose(found["probabilities"], ours.probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["oos_score"], ours.oos_scores, rtol=1e-4, atol=1e-4)
    assert found["label"].tolist() == [classifier.labels[k] for k in ours.labels]
    assert found["is_oos"].tolist() == ours.is_oos.tolist()
    assert middle[0] == middle[1] or ours.is_oos.sum() == len(probes) - 40
    own = ours.probabilities[np.arange(len(probes)), ours.labels]
    np.testing.assert_allclose(found["probability"], own, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("threshold", "flagged"), [(np.inf, 0), (-np.inf, 60)])
def test_a_bar_may_be_infinite(world, settings, threshold, flagged):
    data, vectors = world(3, 20)
    found = train(
        data, placed(vectors), settings, find_head("logreg"), POINT, 0, NoProgress()
    ).classifier
    found = replace(found, detector=replace(found.detector, threshold=threshold))
    assert run(classifier_graph(found, MEANS), vectors)["is_oos"].sum() == flagged


def test_labels_of_any_characters(world, settings):
    data, vectors = world(2, 20)
    odd = replace(data, labels=("a\nb", "naïve 🙂"))
    found = train(
        odd, placed(vectors), settings, find_head("logreg"), POINT, 0, NoProgress()
    ).classifier
    assert set(run(classifier_graph(found, MEANS), vectors)["label"]) == {"a\nb", "naïve 🙂"}


def test_a_head_that_can_not_be_drawn_is_told(world, settings):
    data, vectors = world(2, 20)
    found = train(
        *(data, placed(vectors), settings, EstimatorHead(GaussianNB()), POINT, 0, NoProgress())
    ).classifier
    with pytest.raises(ModelError, match="a GaussianNB can't be exported as ONNX; train a linear"):
        classifier_graph(found, MEANS)

    class Bare:
        """All that a scorer has to have, and nothing more."""

        scores, save = found.scorer.scores, found.scorer.save

    bare = replace(found, kind="bare", scorer=Bare())
    with pytest.raises(ModelError, match="of the kind 'bare' can't be exported as ONNX"):
        classifier_graph(bare, MEANS)


def test_a_linear_classifier_of_scikit_learn_can_be_drawn(world, settings):
    data, vectors = world(2, 20)
    head = EstimatorHead(LogisticRegression())  # of two labels, one column
    found = train(data, placed(vectors), settings, head, POINT, 0, NoProgress()).classifier
    ours = found.predict(placed(vectors)).probabilities
    drawn = run(classifier_graph(found, MEANS), vectors)["probabilities"]
    np.testing.assert_allclose(drawn, ours, rtol=0, atol=1e-5)


def test_trees_of_a_single_leaf(world, settings):
    data, vectors = world(3, 20)
    done = train(
        data, placed(vectors), settings, find_head("lightgbm"), POINT, 0, NoProgress()
    ).classifier
    # No leaf may be so small: trees without a split.
    rows = lightgbm.Dataset(np.eye(3, 2, dtype=np.float32).repeat(4, axis=0), [0, 1, 2] * 4)
    stumps = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "min_data_in_leaf": 50, "verbose": -1}, rows, 2
    )
    assert isinstance(done.scorer, TreeScorer)
    bare = replace(done, scorer=replace(done.scorer, booster=stumps))
    found = run(with_features(classifier_graph(bare, MEANS)), vectors)
    ours = bare.predict(placed(vectors)).probabilities
    np.testing.assert_allclose(found["probabilities"], ours, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        found["features"], done.scorer.features(placed(vectors)), rtol=0, atol=1e-6
    )
