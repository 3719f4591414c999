"""Indicator matrices in the corrector, as scikit-learn has them."""

import numpy as np
import pytest
from fixtures.assignments import made
from scipy.sparse import csr_array

from labelmend import NoisyLabelCorrector


@pytest.fixture(scope="module")
def table():
    return made(1)


@pytest.fixture(scope="module")
def fitted(table):
    points, _, given = table
    return NoisyLabelCorrector(max_harm=0.02).fit(points, given.astype(int))


def test_entries_are_mended(table, fitted):
    _, truth, given = table
    assert fitted.labels_.dtype == int
    assert fitted.labels_.shape == given.shape
    assert (fitted.labels_ != truth).sum() < 0.6 * (given != truth).sum()
    np.testing.assert_allclose(
        fitted.label_quality_, np.where(given, fitted.posterior_, 1 - fitted.posterior_)
    )
    assert fitted.classes_.tolist() == list(range(6))
    assert fitted.noise_matrix_ is None
    changed = (fitted.labels_ != given).any(axis=1)
    assert set(fitted.decisions_[changed]) <= {"change", "review"}


def test_issues_are_rows_the_worst_first(table, fitted):
    _, truth, given = table
    wrong = (given != truth).any(axis=1)
    assert wrong[fitted.issues_].mean() > 0.8
    worst = fitted.label_quality_.min(axis=1)[fitted.issues_]
    assert (np.diff(worst) >= 0).all()
    mask = fitted.find_label_issues()
    assert np.flatnonzero(mask).tolist() == sorted(fitted.issues_)
    frame = fitted.to_frame()
    assert frame["is_label_issue"].tolist() == mask.tolist()
    assert frame["label_quality"].tolist() == fitted.label_quality_.min(axis=1).tolist()
    assert fitted.find_label_issues("self_confidence").tolist() == fitted.issues_.tolist()


def test_sparse_matrices_and_copies(table):
    points, _, given = table
    doubled = np.vstack([points[:200], points[:200]]), np.vstack([given[:200], given[:200]])
    found = NoisyLabelCorrector().fit(doubled[0], csr_array(doubled[1].astype(int)))
    np.testing.assert_array_equal(found.labels_[:200], found.labels_[200:])
    np.testing.assert_array_equal(found.posterior_[:200], found.posterior_[200:])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": 2}, "other values than 0 and 1"),
        ({"pred_probs": np.ones((400, 6))}, "pred_probs and oos_label go with one label a row"),
        ({"X": None}, "X is None: give embeddings or texts"),
    ],
)
def test_what_is_wrong_is_said(table, change, said):
    points, _, given = table
    asked = {"X": points, "y": given.astype(int)} | change
    if "y" in change:
        asked["y"] = given.astype(int) * 2
    with pytest.raises(ValueError, match=said):
        NoisyLabelCorrector().fit(**asked)
