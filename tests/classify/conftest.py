"""Small worlds of clear clusters, in which classifiers can be held against what must come out."""

import numpy as np
import pytest

from labelmend.classify.data import training_set
from labelmend.configs.load import load_config
from labelmend.types import Dataset

DIMENSIONS = 12


def _dataset(texts, labels, names=None, oos=None):
    names = tuple(sorted({label for label in labels if label is not None} | set(names or ())))
    index = {name: i for i, name in enumerate(names)} | {None: -1}
    given = np.array([index[label] for label in labels], dtype=np.int64)
    ids = tuple(str(i + 1) for i in range(len(texts)))
    return Dataset(ids, tuple(texts), given, names, None if oos is None else names.index(oos))


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _world(labels, per_label, oos_texts=0, spread=0.25, seed=0):
    """Texts of labels that are clusters round axes, and oos texts that are anywhere."""
    rng = np.random.default_rng(seed)
    vectors, names = [], []
    for k in range(labels):
        centre = np.zeros(DIMENSIONS)
        centre[k % DIMENSIONS] = 1 if k < DIMENSIONS else -1
        vectors.append(centre + spread * rng.normal(size=(per_label, DIMENSIONS)))
        names += [f"label{k}"] * per_label
    if oos_texts:
        vectors.append(rng.normal(size=(oos_texts, DIMENSIONS)))
        names += ["oos"] * oos_texts
    texts = [f"text {i:04}" for i in range(len(names))]  # the order of their keys
    oos = "oos" if oos_texts else None
    data = training_set(_dataset(texts, names, oos=oos), np.ones(len(texts)))
    return data, unit(np.concatenate(vectors))


@pytest.fixture(scope="session")
def settings():
    return load_config("embedded").classify


@pytest.fixture(scope="session")
def dataset_of():
    return _dataset


@pytest.fixture(scope="session")
def world():
    return _world
