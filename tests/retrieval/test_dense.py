import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.arrays import gather, memberships_from
from labelmend.retrieval import dense
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever
from labelmend.retrieval.passages import LabelPassages
from labelmend.types import NO_LABEL

NAN = np.nan
X, Y, SLANT = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def unit(rng, *shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def sparse(*rows):
    return csr_array(np.array(rows, dtype=np.float32))


def make_passages(label_of, text_of):
    names = tuple(f"passage {i}" for i in range(len(label_of)))
    most = int(np.bincount(label_of).max())
    return LabelPassages(names, np.array(label_of), np.array(text_of), most)


def best_of(scores, limit):
    """Brute force: labels by score, the smaller first among equals, silent ones left out."""
    found = [k for k in np.argsort(-scores, kind="stable") if not np.isnan(scores[k])][:limit]
    return found + [NO_LABEL] * (limit - len(found))


def random_memberships(rng, texts, labels):
    """One label a text as a rule; some texts have two, some none, and the last label no text."""
    given = np.zeros((texts, labels), dtype=np.float32)
    given[np.arange(texts), rng.integers(0, labels - 1, texts)] = 1
    given[0, :2] = 0.5
    given[0, 2:] = 0
    given[1] = 0
    return given


def test_description_by_hand():
    # Label 0: SLANT and X, which is text 0; label 1: SLANT the other way; label 2: nothing.
    passages = make_passages([0, 0, 1], [-2, 0, -2])
    retriever = DescriptionRetriever(
        floats(X, Y), passages, floats([0.6, 0.8], [1, 0], [0.8, -0.6])
    )
    scores = retriever.score(np.array([0, 1]), np.array([[0, 1, 2]] * 2))
    np.testing.assert_allclose(scores, [[0.6, 0.8, NAN], [0.8, -0.6, NAN]], rtol=1e-6)
    ranking = retriever.search(np.array([1, 0]), 3)
    assert ranking.labels[:, :2].tolist() == [[0, 1], [1, 0]]
    assert (ranking.labels[:, 2:] == NO_LABEL).all()
    np.testing.assert_allclose(ranking.scores[:, :2], [[0.8, -0.6], [0.8, 0.6]], rtol=1e-6)


def test_description_search_is_brute_force():
    rng = np.random.default_rng(0)
    embeddings = unit(rng, 50, 8)
    label_of = np.repeat(np.arange(12), rng.integers(1, 6, 12))
    vectors = unit(rng, len(label_of), 8)
    text_of = np.full(len(label_of), -2)
    text_of[::3] = rng.choice(50, len(text_of[::3]), replace=False)
    vectors[::3] = embeddings[text_of[::3]]  # these passages are texts
    retriever = DescriptionRetriever(
        embeddings, make_passages(label_of.tolist(), text_of.tolist()), vectors
    )
    everyone, labels = np.arange(50), np.tile(np.arange(12), (50, 1))
    expected = np.full((50, 12), NAN)
    for i in range(50):
        for passage, label in enumerate(label_of):
            if text_of[passage] != i:
                cosine = float(embeddings[i] @ vectors[passage])
                expected[i, label] = np.fmax(expected[i, label], cosine)
    np.testing.assert_allclose(retriever.score(everyone, labels), expected, rtol=1e-5, atol=1e-6)
    for limit in (1, 3, 12):
        ranking = retriever.search(everyone, limit)
        for i in range(50):
            assert ranking.labels[i, :limit].tolist() == best_of(expected[i], limit)


def test_description_search_on_leading_axes(monkeypatch):
    rng = np.random.default_rng(2)
    # As an encoder's, the variance falls off: what the leading axes leave out is little.
    falling = (1 / (1 + np.arange(64) / 4)).astype(np.float32)
    embeddings, vectors = unit(rng, 300, 64) * falling, unit(rng, 200, 64) * falling
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[::7] = embeddings[: len(vectors[::7])]  # these passages are texts
    label_of = np.sort(rng.integers(0, 60, 200))
    text_of = np.full(200, -2)
    text_of[::7] = np.arange(len(vectors[::7]))
    passages = make_passages(label_of.tolist(), text_of.tolist())
    everyone = np.arange(300)
    wanted = DescriptionRetriever(embeddings, passages, vectors, 300 * 200).search(everyone, 5)

    def found_on(axes):
        monkeypatch.setattr(dense, "_LEADING_AXES", axes)
        leading = DescriptionRetriever(embeddings, passages, vectors, 300 * 200 - 1)
        ranking = leading.search(everyone, 5)
        assert (np.diff(ranking.scores, axis=1) <= 0).all()
        everything = leading.search(everyone, 60).labels
        there = np.unique(label_of)
        for text, labels in enumerate(everything.tolist()):
            own = label_of[text_of == text]
            # A label whose only passage is the text has nothing to be found by.
            left = [k for k in there if k not in own or (label_of == k).sum() > 1]
            assert sorted(k for k in labels if k != NO_LABEL) == left
        return (wanted.labels[:, :, None] == ranking.labels[:, None, :]).any(axis=2).mean()

    most, some, few = found_on(63), found_on(24), found_on(4)
    assert most > 0.99
    assert most > some > few


def test_description_says_the_same_of_a_text_whichever_label_it_is_an_exemplar_of():
    rng = np.random.default_rng(1)
    embeddings, described = unit(rng, 6, 4), unit(rng, 3, 4)
    found = []
    for home in range(3):
        label_of = sorted([0, 1, 2, home])
        place = label_of.index(home) + 1
        vectors = np.insert(described, place, embeddings[4], axis=0)
        passages = make_passages(label_of, np.insert([-2, -2, -2], place, 4).tolist())
        retriever = DescriptionRetriever(embeddings, passages, vectors)
        found.append(retriever.score(np.arange(6), np.tile(np.arange(3), (6, 1))))
    np.testing.assert_allclose(found[1][4], found[0][4], rtol=1e-6)
    np.testing.assert_allclose(found[2][4], found[0][4], rtol=1e-6)
    assert not np.allclose(found[1], found[0])


def test_prototypes_by_hand():
    # Label 0: texts 0 and 1; label 1: text 2; label 2: none.
    retriever = PrototypeRetriever(floats(X, Y, SLANT), sparse([1, 0, 0], [1, 0, 0], [0, 1, 0]))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        retriever.prototypes(), [[half, half], [0.6, 0.8], [0, 0]], rtol=1e-6
    )
    scores = retriever.score(np.arange(3), np.array([[0, 1, 2]] * 3))
    # Without text 0 label 0 is Y, without text 1 it is X, without text 2 label 1 is nothing.
    expected = [[0, 0.6, NAN], [0, 0.8, NAN], [(0.6 + 0.8) * half, NAN, NAN]]
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-7)
    assert scores.dtype == np.float32
    assert retriever.search(np.arange(3), 3).labels.tolist() == [
        [1, 0, NO_LABEL],
        [1, 0, NO_LABEL],
        [0, NO_LABEL, NO_LABEL],
    ]


def test_a_prototype_weighs_its_texts():
    # Half of text 0, all of text 1: (0.5, 1) without text 2, which has no label.
    retriever = PrototypeRetriever(floats(X, Y, X), sparse([0.5], [1], [0]))
    scores = retriever.score(np.arange(3), np.array([[0]] * 3))[:, 0]
    np.testing.assert_allclose(scores, [0, 0, 0.5 / np.sqrt(1.25)], rtol=1e-6, atol=1e-7)


def test_leaving_one_out_is_recomputing_without_it():
    rng = np.random.default_rng(2)
    embeddings, given = unit(rng, 40, 5), random_memberships(rng, 40, 6)
    labels = np.arange(6)[None, :]
    scores = PrototypeRetriever(embeddings, csr_array(given)).score(
        np.arange(40), np.repeat(labels, 40, axis=0)
    )
    for i in range(40):
        without = given.copy()
        without[i] = 0
        again = PrototypeRetriever(embeddings, csr_array(without)).score(np.array([i]), labels)
        np.testing.assert_allclose(scores[i], again[0], rtol=1e-5, atol=1e-6)
    assert np.isnan(scores[:, 5]).all()
    assert not np.isnan(scores[:, :5]).any()


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 10])
def test_prototype_search_is_brute_force_without_the_text(limit):
    rng = np.random.default_rng(3)
    embeddings, given = unit(rng, 60, 3), random_memberships(rng, 60, 10)
    retriever = PrototypeRetriever(embeddings, csr_array(given))
    ranking = retriever.search(np.arange(60), limit)
    for i in range(60):
        others = given.copy()
        others[i] = 0
        sums = others.T.astype(np.float64) @ embeddings
        norms = np.linalg.norm(sums, axis=1)
        cosines = sums @ embeddings[i] / np.where(norms > 0, norms, NAN)
        found = ranking.labels[i][ranking.labels[i] != NO_LABEL]
        assert found.tolist() == [k for k in best_of(cosines, limit) if k != NO_LABEL]


def test_prototypes_say_the_same_of_a_text_whatever_label_it_was_given():
    rng = np.random.default_rng(4)
    embeddings, given = unit(rng, 30, 3), random_memberships(rng, 30, 8)
    everyone, labels = np.arange(30), np.tile(np.arange(8), (30, 1))
    first = PrototypeRetriever(embeddings, csr_array(given))
    for i in range(30):
        for label in range(8):
            changed = given.copy()
            changed[i] = np.arange(8) == label
            if np.array_equal(changed, given):
                continue
            other = PrototypeRetriever(embeddings, csr_array(changed))
            scores = other.score(everyone, labels)
            # Which labels are silent (NaN) counts too.
            np.testing.assert_allclose(
                scores[i], first.score(everyone, labels)[i], rtol=1e-5, atol=1e-6
            )
            me = np.array([i])
            assert np.array_equal(other.search(me, 3).labels, first.search(me, 3).labels)
            assert not np.allclose(scores, first.score(everyone, labels), equal_nan=True)


def test_a_label_that_only_one_text_carries_is_silent_for_it_however_often_it_was_given():
    # Counts choose the label cards' exemplars; float32 vectors are not quite of length 1.
    rng = np.random.default_rng(5)
    embeddings = unit(rng, 20, 384)
    counts = csr_array((np.float32([5000] * 20), (np.arange(20), np.arange(20))), shape=(20, 20))
    retriever = PrototypeRetriever(embeddings, counts)
    own = retriever.score(np.arange(20), np.arange(20)[:, None])
    assert np.isnan(own).all()
    np.testing.assert_allclose(retriever.prototypes(), embeddings, atol=1e-6)


def test_no_label_has_a_text():
    retriever = PrototypeRetriever(floats(X, Y), csr_array((2, 3), dtype=np.float32))
    assert (retriever.search(np.arange(2), 2).labels == NO_LABEL).all()
    assert np.isnan(retriever.score(np.arange(2), np.array([[0, 2]] * 2))).all()
    assert not retriever.prototypes().any()


def test_gather_by_hand():
    matrix = sparse([0, 2, 0], [3, 0, 4])
    found = gather(matrix, np.array([1, 0, 1]), np.array([[0, 2], [1, 0], [1, 1]]))
    assert found.tolist() == [[3, 4], [2, 0], [0, 0]]
    assert found.dtype == np.float64


def test_gather_is_dense_look_up(monkeypatch):
    rng = np.random.default_rng(6)
    dense = np.where(rng.random((50, 31)) < 0.2, rng.normal(size=(50, 31)), 0).astype(np.float32)
    rows, columns = rng.integers(0, 50, 80), rng.integers(0, 31, (80, 9))
    expected = dense[rows[:, None], columns]
    assert np.array_equal(gather(csr_array(dense), rows, columns), expected)
    monkeypatch.setattr("labelmend.arrays._BLOCK_VALUES", 30)
    assert np.array_equal(gather(csr_array(dense), rows, columns), expected)


def test_gather_from_entries_in_any_order_and_more_than_once():
    # Row 0 holds column 3 twice and is not sorted; the matrix itself stays as it was.
    matrix = csr_array((np.float32([1, 5, 2, 7]), [3, 0, 3, 2], [0, 3, 3, 4]), shape=(3, 4))
    found = gather(matrix, np.array([0, 1, 2]), np.array([[3, 0], [3, 0], [2, 3]]))
    assert found.tolist() == [[3, 5], [0, 0], [7, 0]]
    assert matrix.indices.tolist() == [3, 0, 3, 2]


def test_gather_of_nothing():
    empty = csr_array((2, 5), dtype=np.float32)
    assert gather(empty, np.array([1, 0]), np.array([[4], [0]])).tolist() == [[0], [0]]
    assert gather(empty, np.empty(0, np.int64), np.empty((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("width", [1, 2, 40])
def test_a_few_of_many_labels_score_as_among_all(width, monkeypatch):
    # Few are scored pair by pair, many by a product with all.
    rng = np.random.default_rng(7)
    embeddings, given = unit(rng, 90, 6), random_memberships(rng, 90, 40)
    label_of = np.repeat(np.arange(40), 2)
    text_of = np.where(rng.random(80) < 0.5, rng.integers(0, 90, 80), -2)
    retrievers = (
        PrototypeRetriever(embeddings, csr_array(given)),
        DescriptionRetriever(
            embeddings, make_passages(label_of, text_of.tolist()), unit(rng, 80, 6)
        ),
    )
    everyone = np.arange(90)
    candidates = rng.permuted(np.tile(np.arange(40), (90, 1)), axis=1)
    wholes = [retriever.score(everyone, candidates) for retriever in retrievers]
    monkeypatch.setattr("labelmend.arrays._BLOCK_VALUES", 100)
    for retriever, whole in zip(retrievers, wholes, strict=True):
        scores = retriever.score(everyone, candidates[:, :width])
        np.testing.assert_allclose(scores, whole[:, :width], rtol=1e-5, atol=1e-6)
        assert scores.dtype == np.float32


def test_prototypes_summed_in_parts_are_prototypes(monkeypatch):
    rng = np.random.default_rng(8)
    embeddings, given = unit(rng, 50, 4), random_memberships(rng, 50, 6)
    whole = PrototypeRetriever(embeddings, csr_array(given)).prototypes()
    monkeypatch.setattr("labelmend.retrieval.dense._SUMMED_ROWS", 7)
    parts = PrototypeRetriever(embeddings, csr_array(given)).prototypes()
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_labels_without_a_text_take_no_place_in_the_search():
    # Label 1 alone has texts besides text 1, which is label 3's.
    members = sparse([0, 1, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0])
    ranking = PrototypeRetriever(floats(X, Y, SLANT), members).search(np.array([0, 1]), 2)
    assert ranking.labels.tolist() == [[1, 3], [1, NO_LABEL]]


def test_memberships_by_hand():
    matrix = memberships_from(np.array([[2, 0], [1, 2]]), np.array([[0.25, 0.5], [1.0, 0.0]]), 4)
    assert matrix.toarray().tolist() == [[0.5, 0, 0.25, 0], [0, 1, 0, 0]]
    assert matrix.dtype == np.float32
    assert matrix.nnz == 3  # a zero weight is no membership
