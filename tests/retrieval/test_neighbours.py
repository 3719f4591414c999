import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.retrieval.neighbours import (
    NeighbourRetriever,
    Neighbours,
    find_neighbours,
    oos_scores,
)
from labelmend.types import NO_LABEL

NAN = np.nan


def unit(rng, *shape):
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def at_degrees(*angles):
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def sparse(*rows):
    return csr_array(np.array(rows, dtype=np.float32))


def neighbours(indices, similarities):
    return Neighbours(np.array(indices), np.array(similarities, dtype=np.float32))


def log_share(*shares):
    return [np.log(share + 0.02) for share in shares]


def test_neighbours_by_hand():
    found = find_neighbours(at_degrees(0, 60, 90, 180), 2, block=10)
    assert found.indices.tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
    expected = np.cos(np.radians([[60, 90], [30, 60], [30, 90], [90, 120]]))
    np.testing.assert_allclose(found.similarities, expected, atol=1e-6)
    assert (found.indices.dtype, found.similarities.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize("block", [1, 7, 19, 64, 200, 1000])
def test_neighbours_are_brute_force_in_blocks_of_any_size(block):
    embeddings = unit(np.random.default_rng(0), 200, 12)
    similarity = embeddings.astype(np.float64) @ embeddings.T
    np.fill_diagonal(similarity, -np.inf)
    expected = np.argsort(-similarity, axis=1)[:, :15]
    found = find_neighbours(embeddings, 15, block)
    assert np.array_equal(found.indices, expected)
    np.testing.assert_allclose(
        found.similarities, np.take_along_axis(similarity, expected, axis=1), atol=1e-6
    )


def test_a_text_is_not_its_own_neighbour_among_texts_with_the_same_vector():
    found = find_neighbours(at_degrees(0, 0, 0, 0, 0, 0, 90), 3, block=3)
    assert found.indices.tolist()[:3] == [[1, 2, 3], [0, 2, 3], [0, 1, 3]]
    assert not (found.indices == np.arange(7)[:, None]).any()
    np.testing.assert_allclose(found.similarities[:6], 1, atol=1e-6)


def test_equally_near_texts_stand_in_the_order_of_their_keys():
    found = find_neighbours(at_degrees(0, 30, -30, 60, -60), 4, block=1)
    assert found.indices[0].tolist() == [1, 2, 3, 4]


def clustered(rng, texts, clusters):
    centres = unit(rng, clusters, 32)
    vectors = centres[rng.integers(0, clusters, texts)] + 0.6 * unit(rng, texts, 32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_many_texts_are_searched_in_cells(monkeypatch):
    monkeypatch.setattr("labelmend.retrieval.cells._TEXTS_PER_CELL", 100)
    embeddings = clustered(np.random.default_rng(3), 6000, 100)
    exact = find_neighbours(embeddings, 30, 1000)
    few = {"exact_up_to": 5999, "searched_texts": 1200}
    found = find_neighbours(embeddings, 30, 1000, **few)
    recall = [len(set(a) & set(b)) for a, b in zip(exact.indices, found.indices, strict=True)]
    assert np.mean(recall) / 30 >= 0.95
    assert found.recall == pytest.approx(np.mean(recall) / 30, abs=0.02)
    assert len(found.notes) == 1
    assert f"{found.recall:.1%}" in found.notes[0]
    assert (exact.recall, exact.notes) == (1, ())
    assert not np.array_equal(found.indices, exact.indices)
    assert not (found.indices == np.arange(6000)[:, None]).any()
    assert found.indices.min() >= 0
    cosines = np.einsum("ud,umd->um", embeddings, embeddings[found.indices])
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-5)
    assert (np.diff(found.similarities, axis=1) <= 0).all()
    again = find_neighbours(embeddings, 30, 77, **few)
    assert np.array_equal(again.indices, found.indices)
    assert np.array_equal(again.similarities, found.similarities)


def test_cells_that_are_all_searched_find_what_exact_search_finds(monkeypatch):
    # Text 3 repeats text 1's vector: equally near texts stand in the order of their keys.
    embeddings = at_degrees(0, 60, 90, 60, 180)
    monkeypatch.setattr("labelmend.retrieval.cells._TEXTS_PER_CELL", 2)
    found = find_neighbours(embeddings, 2, block=2, exact_up_to=4)
    assert found.indices.tolist() == [[1, 3], [3, 2], [1, 3], [1, 2], [2, 1]]
    assert (found.indices.dtype, found.similarities.dtype) == (np.int64, np.float32)
    assert (found.recall, found.notes) == (1, ())


def test_texts_of_one_vector_leave_cells_empty(monkeypatch):
    monkeypatch.setattr("labelmend.retrieval.cells._TEXTS_PER_CELL", 2)
    found = find_neighbours(at_degrees(*[30] * 8), 4, block=4, exact_up_to=3)
    assert found.indices[:2].tolist() == [[1, 2, 3, 4], [0, 2, 3, 4]]
    assert (found.similarities > 0.999).all()


def test_cells_may_hold_too_few_texts(monkeypatch):
    # Two far-apart pairs in two cells, of which one is searched: half of the nearest are found.
    monkeypatch.setattr("labelmend.retrieval.cells._TEXTS_PER_CELL", 2)
    found = find_neighbours(at_degrees(0, 1, 180, 181), 2, block=4, exact_up_to=3, searched_texts=2)
    assert found.indices.tolist() == [[1, -1], [0, -1], [3, -1], [2, -1]]
    assert found.similarities[:, 1].tolist() == [-1] * 4
    assert found.recall == 0.5


@pytest.mark.parametrize(("texts", "expected"), [(0, []), (1, [[-1] * 3]), (2, [[1, -1, -1]])])
def test_fewer_texts_than_neighbours(texts, expected):
    found = find_neighbours(at_degrees(*[0, 60][:texts]).reshape(-1, 2), 3, block=2)
    assert found.indices[:1].tolist() == expected
    assert found.similarities.shape == (texts, 3)
    assert (found.similarities[found.indices == -1] == -1).all()


def test_shares_by_hand():
    # A neighbour that is 0.2 further counts exp(-5 ln 2 * 0.2) = 1/2.
    near = neighbours(
        [[1, 2], [3, 2], [0, 3], [0, -1]], [[0.9, 0.7], [0.9, 0.9], [0, -0.2], [0.5, -1]]
    )
    memberships = sparse([0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0])
    retriever = NeighbourRetriever(
        near, memberships, inverse_temperature=5 * np.log(2), smoothing=0.02
    )
    scores = retriever.score(np.arange(4), np.array([[0, 1, 2]] * 4))
    expected = [
        log_share(2 / 3, 1 / 3, 0),
        log_share(0, 1, 0),  # text 3 has no label: text 2 speaks alone
        [NAN] * 3,  # no neighbour has one
        [NAN] * 3,
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert scores.dtype == np.float32
    ranking = retriever.search(np.array([1, 0, 3]), 3)
    assert ranking.labels[:, :2].tolist() == [[1, NO_LABEL], [0, 1], [NO_LABEL] * 2]
    np.testing.assert_allclose(ranking.scores[1, :2], log_share(2 / 3, 1 / 3), rtol=1e-5)


def test_a_neighbour_with_two_labels_gives_each_its_part():
    near = neighbours([[1, 2]] * 3, [[0.5, 0.5]] * 3)
    retriever = NeighbourRetriever(
        near, sparse([0, 0], [0.5, 0.5], [0, 1]), inverse_temperature=20, smoothing=0.02
    )
    scores = retriever.score(np.array([0]), np.array([[1, 0]]))
    np.testing.assert_allclose(scores, [log_share(3 / 4, 1 / 4)], rtol=1e-5)


def test_shares_are_brute_force():
    rng = np.random.default_rng(1)
    embeddings = unit(rng, 80, 4)
    given = np.zeros((80, 7), np.float32)
    given[np.arange(70), rng.integers(0, 6, 70)] = 1  # ten texts and label 6 go without
    near = find_neighbours(embeddings, 9, block=80)
    retriever = NeighbourRetriever(near, csr_array(given), inverse_temperature=20.0, smoothing=0.02)
    scores = retriever.score(np.arange(80), np.tile(np.arange(7), (80, 1)))
    ranking = retriever.search(np.arange(80), 4)
    for i in range(80):
        order = sorted(set(range(80)) - {i}, key=lambda j: -float(embeddings[i] @ embeddings[j]))
        best = embeddings[i] @ embeddings[order[0]]
        mass = np.zeros(7)
        for j in order[:9]:
            mass += np.exp(20.0 * (embeddings[i] @ embeddings[j] - best)) * given[j]
        expected = mass / mass.sum()
        np.testing.assert_allclose(scores[i], np.log(expected + 0.02), rtol=1e-4)
        carried = [k for k in np.argsort(-expected, kind="stable") if expected[k] > 0][:4]
        assert ranking.labels[i][ranking.labels[i] != NO_LABEL].tolist() == carried


def test_neighbours_say_the_same_of_a_text_whatever_label_it_was_given():
    rng = np.random.default_rng(2)
    embeddings, labels = unit(rng, 12, 3), rng.integers(0, 4, 12)
    near = find_neighbours(embeddings, 20, block=12)  # more than there are: some are missing
    everyone, candidates = np.arange(12), np.tile(np.arange(4), (12, 1))

    def scored(given):
        retriever = NeighbourRetriever(
            near, csr_array(np.eye(5)[given][:, :4]), 20.0, smoothing=0.02
        )
        return retriever.score(everyone, candidates), retriever.search(everyone, 4).labels

    scores, found = scored(labels)
    for i in range(12):
        for other in range(5):  # the fifth is "no label"
            if other == labels[i]:
                continue
            changed = labels.copy()
            changed[i] = other
            scores_then, found_then = scored(changed)
            assert np.array_equal(scores_then[i], scores[i])
            width = min(found.shape[1], found_then.shape[1])
            assert np.array_equal(found_then[i, :width], found[i, :width])
            assert not np.array_equal(scores_then, scores)


def test_missing_neighbours_have_no_label():
    # Where texts are few, the places of missing neighbours must not speak for text 0.
    near = find_neighbours(at_degrees(0, 90), 5, block=2)
    retriever = NeighbourRetriever(near, sparse([1, 0, 0], [0, 1, 0]), 20.0, smoothing=0.02)
    ranking = retriever.search(np.arange(2), 3)
    assert ranking.labels[:, 0].tolist() == [1, 0]
    assert (ranking.labels[:, 1:] == NO_LABEL).all()
    lonely = NeighbourRetriever(
        find_neighbours(at_degrees(0), 5, block=2), sparse([1, 0]), 20.0, smoothing=0.02
    )
    assert (lonely.search(np.array([0]), 2).labels == NO_LABEL).all()
    assert np.isnan(lonely.score(np.array([0]), np.array([[0, 1]]))).all()


def test_what_resembles_nothing_may_be_out_of_scope():
    # Mean 2 and standard deviation sqrt(2/3) of the known strengths.
    spread = np.sqrt(2 / 3)
    scores = oos_scores(
        np.float32([1, 2, 3, NAN]), np.array([[0, 4], [4, 1], [2, 4], [4, 0]]), oos=4
    )
    expected = [[0, 1 / spread], [0, 0], [0, -1 / spread], [NAN, NAN]]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert scores.dtype == np.float32


def test_without_an_out_of_scope_label_nothing_is_said():
    scores = oos_scores(np.float32([1, 5]), np.array([[0, 1], [1, 0]]), oos=None)
    assert scores.tolist() == [[0, 0], [0, 0]]


def test_texts_of_one_strength_are_not_told_apart():
    assert oos_scores(np.float32([0.5, 0.5]), np.array([[0], [0]]), oos=0).tolist() == [[0], [0]]
