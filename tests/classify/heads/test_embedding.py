from dataclasses import replace

import numpy as np
import pytest
from fixtures.clusters import SPACE_KINDS

from labelmend.classify.heads.registry import find_head


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_each_kind_tells_clusters_apart(examples, world, settings, kind):
    some = examples(labels=5, per_label=30, spread=0.2)
    _, fresh = world(5, 30, spread=0.2, seed=1)
    scores = find_head(kind).learn(some, settings).scores(fresh)
    assert scores.shape == (150, 5)
    assert np.mean(scores.argmax(axis=1) == np.repeat(np.arange(5), 30)) > 0.97


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_rows_of_no_weight_teach_nothing(examples, settings, kind):
    some = examples(labels=3, per_label=40, spread=0.2)
    # Half of each label's rows are called the next label, and count next to nothing.
    wrong = np.arange(len(some.labels)) % 2 == 0
    labels = np.where(wrong, (some.labels + 1) % 3, some.labels)
    weights = np.where(wrong, 1e-6, 2.0)
    noisy = replace(some, labels=labels, weights=weights)
    found = find_head(kind).learn(noisy, settings).scores(some.embeddings).argmax(axis=1)
    assert np.mean(found == some.labels) > 0.97


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_a_seed_does_the_same_again(examples, settings, kind):
    some = examples()
    first, second = (
        find_head(kind).learn(some, settings).scores(some.embeddings) for _ in range(2)
    )
    assert np.array_equal(first, second)
