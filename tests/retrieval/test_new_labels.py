import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.retrieval.new_labels import find_new_labels
from labelmend.retrieval.passages import label_passages
from labelmend.types import NO_LABEL, LabelCard

TEXTS = ("a", "b", "c", "d", "e")
GIVEN = [0, NO_LABEL, NO_LABEL, NO_LABEL, NO_LABEL]

# Two passages of label 0, one each of 1, 2 (new) and 3 (new); label 4 is out of scope.
CARDS = (
    LabelCard("zero", "first", ("an exemplar",), "user"),
    LabelCard("one", "second", (), "user"),
    LabelCard("two", "third", (), "user"),
    LabelCard("three", "fourth", (), "user"),
    LabelCard("oos", "", (), "builtin"),
)
PASSAGES = label_passages(CARDS, TEXTS, 4)
VECTORS = np.array(
    [[1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0.6, 0.8]], dtype=np.float32
)
EMBEDDINGS = np.array(
    [
        [0, 0, 1, 0],  # has a label
        [0, 0, 1, 0],  # two
        [0, 0, 0, 1],  # three by the cards, zero by its exemplar
        [0.8, 0, 0.6, 0],  # zero, which has rows
        [0, 0, 0.8, 0.6],  # three: 0.96, two: 0.8
    ],
    dtype=np.float32,
)


def sparse(given, labels=5):
    counts = np.zeros((len(given), labels), dtype=np.float32)
    for row, label in enumerate(given):
        if label != NO_LABEL:
            counts[row, label] = 1
    return csr_array(counts)


def found(given=GIVEN, more_rows=1, **most):
    counts = sparse(given).toarray()
    counts[0, 1] = more_rows  # label 1 has a row, too
    return find_new_labels(EMBEDDINGS, csr_array(counts), PASSAGES, VECTORS, 4, **most)


def test_unlabelled_texts_are_compared_with_new_labels():
    new = found()
    assert new.nearest.tolist() == [[NO_LABEL] * 2, [2, 3], [3, 2], [2, 3], [3, 2]]
    assert new.cosines[0].tolist() == [-np.inf, -np.inf]
    assert new.cosines[4].tolist() == pytest.approx([0.96, 0.8])


def test_no_more_new_labels_are_compared_than_the_setting_says():
    assert found(most=1).nearest.tolist() == [[NO_LABEL], [2], [3], [2], [3]]


def test_first_texts_are_those_whose_nearest_card_is_a_new_label():
    first = found().first.toarray()
    assert [tuple(place) for place in np.argwhere(first)] == [(1, 2), (2, 3), (4, 3)]
    assert first[first > 0].tolist() == [1, 1, 1]


def test_exemplars_come_nearest_first():
    exemplars = found().exemplars(2)
    assert {label: list(texts) for label, texts in exemplars.items()} == {2: [1], 3: [4, 2]}
    assert {label: list(texts) for label, texts in found().exemplars(1).items()} == {
        2: [1],
        3: [4],
    }


def test_search_names_no_label_where_there_is_one():
    ranking = found().search(np.array([0, 4]), 1)
    assert ranking.labels.tolist() == [[NO_LABEL], [3]]
    assert ranking.scores.tolist() == [[-np.inf], [pytest.approx(0.96)]]


def test_without_new_labels_nothing_is_found():
    new = find_new_labels(EMBEDDINGS, csr_array(np.ones((5, 5))), PASSAGES, VECTORS, 4)
    assert new.nearest.shape == (5, 0)
    assert new.first.nnz == 0
    assert new.exemplars(3) == {}
    assert new.search(np.array([1]), 3).labels.shape == (1, 0)


def test_an_empty_out_of_scope_label_is_not_new():
    new = found()
    assert 4 not in new.nearest
    # Its card is the user's now; still it needs no row.
    cards = (*CARDS[:4], LabelCard("oos", "fits nothing", (), "user"))
    vectors = np.vstack([VECTORS, EMBEDDINGS[1:2]])
    new = find_new_labels(EMBEDDINGS, sparse(GIVEN), label_passages(cards, TEXTS, 4), vectors, 4)
    assert 4 not in new.nearest
    assert not new.first.toarray()[:, 4].any()
