"""A stranger's mistake ends in one line that names his source."""

import numpy as np
import pytest

from labelmend.errors import ConfigError, ModelError
from labelmend.relabel.evidence.conformance import LABELS, sample_corpus
from labelmend.relabel.evidence.guard import Searching, fitted, scored
from labelmend.types import Ranking

CORPUS, CARRIED = sample_corpus()
TEXTS = np.arange(3)
CANDIDATES = np.tile(np.arange(len(LABELS)), (3, 1))


class Source:
    name, phase = "mine", "fixed"

    def __init__(self, said=None, error=None):
        self.said, self.error = said, error

    def fit(self, corpus, memberships, turn):
        if self.error:
            raise self.error
        return self.said

    def score(self, texts, candidates):
        if self.error:
            raise self.error
        return self.said

    def search(self, texts, limit):
        return self.score(texts, None)


def ranking(labels):
    return Ranking(np.array(labels), np.zeros((len(labels), 1), np.float32))


def test_what_is_sound_goes_through():
    told = np.zeros((3, 4))
    assert scored(Source(told), TEXTS, CANDIDATES).dtype == np.float32
    other = Source(told)
    assert fitted(Source(other), CORPUS, CARRIED, 0) is other
    found = Searching(Source(ranking([[3], [-1], [0]])), "mine", 4).search(TEXTS, 1)
    assert found.labels.tolist() == [[3], [-1], [0]]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source(error=ZeroDivisionError("by\nzero")), "score failed (ZeroDivisionError: by)"),
        (Source(np.zeros((3, 1))), "it returned the shape (3, 1) for candidates of (3, 4)"),
        (Source(np.full((3, 4), np.inf)), "a score is infinite; NaN is silence"),
        (Source([["a"] * 4] * 3), "score failed (ValueError: could not convert"),
    ],
)
def test_a_wrong_score_is_told_in_one_line(source, said):
    with pytest.raises(ConfigError) as told:
        scored(source, TEXTS, CANDIDATES)
    assert str(told.value).startswith("source of evidence 'mine': score failed")
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_fit_that_returns_nothing_is_told():
    with pytest.raises(ConfigError, match=r"fit failed .it returned None, and not the source"):
        fitted(Source(), CORPUS, None, 0)


@pytest.mark.parametrize("labels", [[[4], [0], [0]], [[0], [0]], [[-2], [0], [0]]])
def test_labels_that_are_none_are_told(labels):
    with pytest.raises(ConfigError, match=r"search failed .its labels are to be 3 rows of numbers"):
        Searching(Source(ranking(labels)), "mine", 4).search(TEXTS, 1)


def test_our_own_errors_stay_as_they_are():
    with pytest.raises(ModelError, match=r"^no model$"):
        scored(Source(error=ModelError("no model")), TEXTS, CANDIDATES)
