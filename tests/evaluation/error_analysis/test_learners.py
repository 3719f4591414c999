from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.evaluation.error_analysis.learners import (
    _fitted,
    _planted,
    feature_counts,
    held_out_probabilities,
    overfit,
)
from labelmend.protocols import NoProgress


class Heard:
    def __init__(self):
        self.stages, self.steps = [], 0

    def start(self, stage, total):
        self.stages.append((stage, total))

    def advance(self, steps=1):
        self.steps += steps


def test_what_the_neighbours_contradict_is_not_learned_and_the_rest_is(world, settings):
    data, vectors = world(3, 40)
    # The first text of label0, which lies among 39 others, is called label2.
    flipped = data.label_of.copy()
    flipped[0] = 2
    wrong = replace(data, label_of=flipped)
    heard = Heard()
    trusted = np.arange(120) > 0
    found = overfit(wrong, vectors, trusted, 0, heard)
    assert found.probabilities.shape == (120, 3)
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    learned = found.probabilities.argmax(axis=1) == flipped
    assert np.flatnonzero(~learned).tolist() == [0]
    assert found.by_heart <= 0.1
    assert 2 <= found.features < 12
    ((stage, total),) = heard.stages
    assert (stage, heard.steps) == ("overfit small models", total)
    again = overfit(wrong, vectors, trusted, 0, NoProgress())
    assert np.array_equal(again.probabilities, found.probabilities)


def test_with_as_many_parameters_as_texts_anything_is_learned(world):
    data, vectors = world(3, 6)
    one = _fitted(vectors.astype(np.float64), data, np.full(18, 2))
    assert (one == [0, 0, 1]).all()
    everything = _fitted(vectors.astype(np.float64), data, np.arange(18) % 3)
    assert (everything.argmax(axis=1) == np.arange(18) % 3).all()


def test_wrong_labels_are_planted_in_trusted_texts(world):
    data, _ = world(3, 40)
    trusted = np.zeros(120, dtype=bool)
    trusted[:100] = True
    rounds = _planted(data, trusted, 5)
    assert [len(one.texts) for one in rounds] == [2] * 10
    for one in rounds:
        assert one.texts[0] < one.texts[1] < 100
        assert (one.labels != data.label_of[one.texts]).all()
    assert {int(k) for one in rounds for k in one.labels} == {0, 1, 2}
    # Half of the trusted ones at most; of none that is trusted, any.
    assert {len(one.texts) for one in _planted(data, np.arange(120) < 2, 5)} == {1}
    assert max(one.texts[1] for one in _planted(data, np.zeros(120, dtype=bool), 5)) < 120


def test_as_many_features_are_tried_as_grow_by_half():
    assert feature_counts(40, 3, 100) == [2, 3, 4, 6, 9, 14, 20]
    assert feature_counts(3, 4, 100) == [1]
    # No more than there are, and no more parameters than texts.
    assert feature_counts(10**6, 2, 5) == [2, 3, 4, 5]
    assert feature_counts(10_000, 101, 5000)[-1] == 100
    assert feature_counts(1000, 101, 5000)[-1] == 32
    assert feature_counts(10**6, 2, 5000)[-1] == 128


def test_held_out_texts_are_judged_by_models_without_them(world, settings):
    data, vectors = world(3, 20)
    heard = Heard()
    learner = LogisticRegressionHead()
    found = held_out_probabilities(data, vectors, settings, learner, 0, heard)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found.argmax(axis=1) == data.label_of).mean() > 0.95
    assert (heard.stages, heard.steps) == ([("train logreg on folds", 5)], 5)
    # A label of one text is not known to the fold that is judged.
    labels = data.label_of.copy()
    labels[0] = 3
    alone = replace(data, label_of=labels, labels=(*data.labels, "label3"))
    found = held_out_probabilities(alone, vectors, settings, learner, 0, NoProgress())
    assert found[0].argmax() == 0
    assert found[0, 3] == found[0].min()


def test_nothing_is_said_of_texts_that_were_made_from_others(world, settings, dataset_of):
    data, vectors = world(2, 12)
    made = replace(data, made_from={3: (2,)})
    found = held_out_probabilities(
        made, vectors, settings, LogisticRegressionHead(), 0, NoProgress()
    )
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == [3]
