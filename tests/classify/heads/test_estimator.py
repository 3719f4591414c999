from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from labelmend.classify.heads.estimator import (
    EstimatorHead,
    EstimatorScorer,
    linear_scorer,
    read_estimator,
    weight_parameter,
)
from labelmend.classify.heads.skops_file import write_skops
from labelmend.errors import ModelError


def test_a_linear_scorer_is_its_product():
    weights = np.array([[1, 2, 0], [0, -1, 3]], dtype=np.float32)
    bias = np.array([0.5, 0, -0.5], dtype=np.float32)
    scorer = linear_scorer(LogisticRegression(), weights, bias)
    rows = np.array([[1, 0], [2, 1]], dtype=np.float32)
    # [1, 2, 0] + bias, and 2 * [1, 2, 0] + [0, -1, 3] + bias.
    assert scorer.scores(rows).tolist() == [[1.5, 2, -0.5], [2.5, 3, 2.5]]


@pytest.mark.parametrize("labels", [2, 3])
def test_scores_are_log_probabilities_but_for_a_shift(examples, labels):
    some = examples(labels)
    for model in (
        LogisticRegression(),
        RandomForestClassifier(9, max_depth=3),
        SVC(),
    ):
        scorer = EstimatorHead(model).learn(some, None)
        scores = scorer.scores(some.embeddings)
        assert scores.shape == (len(some.labels), labels)
        assert (scores.argmax(axis=1) == scorer.model.predict(some.embeddings)).all()
    model = EstimatorHead(LogisticRegression()).learn(some, None).model
    expected = model.predict_proba(some.embeddings)
    found = softmax(EstimatorScorer(model).scores(some.embeddings), axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_label_without_any_probability_is_not_out_of_the_question():
    model = KNeighborsClassifier(1).fit([[0.0], [1.0]], [0, 1])
    logs = log_softmax(EstimatorScorer(model).scores(np.array([[0.1]])), axis=1)
    assert np.exp(logs[0, 1]) == pytest.approx(1e-6 / (1 + 1e-6))


def test_the_draws_of_a_classifier_have_the_seed(examples):
    some = examples()
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(3))
    learned = EstimatorHead(forest).learn(some, None).model
    assert learned[-1].random_state == some.seed == 0
    own = EstimatorHead(RandomForestClassifier(3, random_state=7)).learn(some, None).model
    assert own.random_state == 7


def test_who_takes_weights():
    assert weight_parameter(LogisticRegression()) == "sample_weight"
    assert weight_parameter(KNeighborsClassifier()) is None
    piped = make_pipeline(StandardScaler(), LogisticRegression())
    assert weight_parameter(piped) == "logisticregression__sample_weight"
    assert weight_parameter(make_pipeline(StandardScaler(), KNeighborsClassifier())) is None


def test_weights_reach_the_last_step(examples):
    some = examples(2)
    # All weight on the second label's side: its share of the probability rises.
    heavy = np.where(some.labels == 1, 50.0, 0.02)
    piped = make_pipeline(StandardScaler(), LogisticRegression())
    even = EstimatorHead(piped).learn(some, None).scores(some.embeddings)[:, 1]
    tilted = EstimatorHead(piped).learn(replace(some, weights=heavy), None)
    assert (expit(2 * tilted.scores(some.embeddings)[:, 1]) > expit(2 * even)).all()


def test_what_is_no_classifier_is_not_read(tmp_path):
    write_skops(StandardScaler().fit([[0.0], [1.0]]), tmp_path / "model.skops")
    with pytest.raises(ModelError, match="is no classifier"):
        read_estimator(tmp_path)
    with pytest.raises(ModelError, match=r"model\.skops: can't be read"):
        read_estimator(tmp_path / "nowhere")
