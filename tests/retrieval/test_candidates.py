import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.retrieval.candidates import _draw_rest, find_candidates
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.neighbours import NeighbourRetriever, find_neighbours
from labelmend.retrieval.ranking import rank_labels

NAN = np.nan
CONFIG = dataclasses.replace(
    load_config().retrieval, candidates=3, tail_samples=1, rank_constant=60.0, block_rows=100
)


class Table:
    """A retriever that reads its scores from a table [u, K]."""

    name = "table"

    def __init__(self, *rows):
        self.rows = np.array(rows, dtype=np.float32)

    def search(self, texts, limit):
        labels = np.tile(np.arange(self.rows.shape[1]), (len(texts), 1))
        return rank_labels(labels, self.rows[texts], limit)

    def score(self, texts, candidates):
        return np.take_along_axis(self.rows[texts], candidates, axis=1)


class Counted(NoProgress):
    steps = 0

    def advance(self, steps=1):
        self.steps += steps


def find(retrievers, given, oos=None, seed=0, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    given = csr_array(np.array(given, dtype=np.float32))
    return find_candidates(retrievers, given, oos, config, seed, NoProgress())


def random_case(texts=300, labels=40):
    rng = np.random.default_rng(0)
    given = np.zeros((texts, labels), np.float32)
    given[np.arange(texts), rng.integers(0, labels - 1, texts)] = 1
    given[:10] = 0
    given[10:20, :3] = 1
    tables = [Table(*rng.normal(size=(texts, labels))) for _ in range(2)]
    tables[0].rows[rng.random((texts, labels)) < 0.9] = NAN
    return [(tables[0], 1.0), (tables[1], 0.5)], given


# Label 2, then 1, then 0 by the one; 1, then 0 by the other. So label 1 has 1 / 62 + 0.5 / 61,
# label 0 has 1 / 63 + 0.5 / 62, label 2 has 1 / 61, and labels 3 and 4 have nothing.
BY_HAND = [(Table([0.1, 0.8, 0.9, NAN, NAN]), 1.0), (Table([0.5, 0.9, NAN, NAN, NAN]), 0.5)]


@pytest.mark.parametrize(
    ("given", "oos", "kept"),
    [
        ([0, 0, 0, 0, 0], None, [1, 0, 2]),
        ([0, 0, 0, 1, 0], None, [3, 1, 0]),
        ([0, 0, 0, 0, 0], 0, [0, 1, 2]),
        ([0, 0, 0, 1, 0], 0, [0, 3, 1]),
        ([1, 0, 0, 0, 0], 0, [0, 1, 2]),
        ([2, 0, 0, 1, 0], None, [0, 3, 1]),
        ([1, 5, 1, 2, 1], None, [1, 3, 0]),  # more given labels than room: the most frequent
        ([5, 5, 5, 1, 0], 3, [3, 1, 0]),  # ... and out-of-scope all the same
    ],
)
def test_weighted_reciprocal_rank_by_hand(given, oos, kept):
    found = find(BY_HAND, [given], oos)
    assert found.kept.tolist() == [kept]
    assert found.tail == 1
    assert found.labels.shape == (1, 4)
    assert found.labels[0, 3] not in kept
    # The one tail column stands for the two labels that are not kept.
    np.testing.assert_allclose(found.log_counts, [0, 0, 0, np.log(2)])


def test_a_retriever_without_weight_is_not_asked():
    class Unasked:
        name = "unasked"

    assert find([*BY_HAND, (Unasked(), 0.0)], [[0] * 5]).kept.tolist() == [[1, 0, 2]]


def test_ties_go_to_the_smaller_label():
    silent = Table([NAN] * 5)
    assert find([(silent, 1.0)], [[0] * 5]).kept.tolist() == [[0, 1, 2]]
    first, second = Table([NAN, NAN, NAN, 1, NAN]), Table([NAN, NAN, 1, NAN, NAN])
    for pair in ([first, second], [second, first]):
        assert find([(r, 1.0) for r in pair], [[0] * 5]).kept.tolist() == [[2, 3, 0]]


@pytest.mark.parametrize(
    ("labels", "width", "tail"),
    [(1, 1, 0), (2, 2, 0), (4, 4, 0), (5, 5, 0), (6, 5, 2), (30, 5, 2)],
)
def test_small_label_sets_are_candidates_whole(labels, width, tail):
    # Three candidates and two for the tail: at five labels all of them are candidates.
    rows = np.random.default_rng(0).normal(size=(4, labels))
    found = find([(Table(*rows), 1.0)], np.zeros((4, labels)), candidates=3, tail_samples=2)
    assert found.labels.shape == (4, width)
    assert found.tail == tail
    assert np.exp(found.log_counts).sum() == pytest.approx(labels)
    if not tail:
        assert found.kept.tolist() == np.argsort(-rows, axis=1).tolist()[:4]


def test_candidates_are_distinct_and_hold_what_they_must():
    retrievers, given = random_case()
    found = find(retrievers, given, oos=39, candidates=6, tail_samples=4)
    assert found.labels.shape == (300, 10)
    for row, kept, told in zip(found.labels, found.kept, given, strict=True):
        assert len(set(row.tolist())) == 10
        assert set(kept) >= {39, *np.flatnonzero(told)}
        assert not set(kept) & set(row[6:])
    assert np.exp(found.log_counts).sum() == pytest.approx(40)
    assert np.exp(found.log_counts[6:]).tolist() == pytest.approx([34 / 4] * 4)
    assert not found.log_counts[:6].any()


def test_the_tail_is_drawn_evenly_from_the_rest():
    silent = Table(*np.full((2000, 20), NAN))
    found = find([(silent, 1.0)], np.zeros((2000, 20)), candidates=3, tail_samples=2)
    assert (found.kept == [0, 1, 2]).all()
    times = np.bincount(found.labels[:, 3:].ravel(), minlength=20)
    assert times[:3].tolist() == [0, 0, 0]
    # 2000 draws of 2 among 17: 235 each, standard deviation 14.4.
    assert times[3:].min() > 235 - 5 * 14.4
    assert times[3:].max() < 235 + 5 * 14.4


def test_kept_candidates_are_the_first_of_a_stable_sort_of_all_labels():
    # Few distinct scores, so that ties abound; some texts were given more labels than fit.
    rng = np.random.default_rng(3)
    given = np.where(rng.random((200, 50)) < 0.1, rng.integers(1, 3, (200, 50)), 0)
    tables = [Table(*rng.integers(0, 3, (200, 50))) for _ in range(3)]
    for table in tables:
        table.rows[rng.random((200, 50)) < 0.9] = NAN
    found = find([(table, 1.0) for table in tables], given, 7, candidates=6, tail_samples=4)
    scores = np.zeros((200, 50))
    for table in tables:
        ranking = table.search(np.arange(200), 6)
        for text, row in enumerate(ranking.labels):
            for place, label in enumerate(row[row >= 0]):
                scores[text, label] += 1 / (61 + place)
    scores += 1e6 * given
    scores[:, 7] = np.inf
    assert np.array_equal(found.kept, np.argsort(-scores, axis=1, kind="stable")[:, :6])


def test_every_set_of_a_tail_is_as_likely():
    kept = np.tile([5, 0, 3], (12_000, 1))
    drawn = _draw_rest(kept, 7, np.random.default_rng(0).random((12_000, 2)))  # of 1, 2, 4 and 6
    sets, times = np.unique(np.sort(drawn, axis=1), axis=0, return_counts=True)
    assert sets.tolist() == [[1, 2], [1, 4], [1, 6], [2, 4], [2, 6], [4, 6]]
    # 2000 each, standard deviation 41.
    assert abs(times - 2000).max() < 5 * 41


def test_a_tail_of_the_whole_rest():
    drawn = _draw_rest(np.array([[4, 1], [0, 2]]), 5, np.random.default_rng(0).random((2, 3)))
    assert np.sort(drawn, axis=1).tolist() == [[0, 2, 3], [1, 3, 4]]


@pytest.mark.parametrize("block", [1, 7, 300])
def test_block_size_changes_nothing(block):
    retrievers, given = random_case()
    found = find(retrievers, given, 5, block_rows=block, candidates=6, tail_samples=4)
    wanted = find(retrievers, given, 5, block_rows=1000, candidates=6, tail_samples=4)
    assert np.array_equal(found.labels, wanted.labels)


def test_only_the_tail_depends_on_the_seed():
    retrievers, given = random_case()
    one, same, other = (find(retrievers, given, seed=seed, tail_samples=4) for seed in (0, 0, 1))
    assert np.array_equal(one.labels, same.labels)
    assert np.array_equal(one.kept, other.kept)
    assert not np.array_equal(one.labels, other.labels)


def test_kept_candidates_do_not_depend_on_the_other_texts():
    retrievers, given = random_case()
    order = np.random.default_rng(1).permutation(300)[:50]
    part = [(Table(*table.rows[order]), weight) for table, weight in retrievers]
    assert np.array_equal(find(part, given[order], 5).kept, find(retrievers, given, 5).kept[order])


def test_a_given_label_only_takes_a_place():
    # Beyond the given label itself, the candidates are the best of what the others' labels say.
    rng = np.random.default_rng(2)
    embeddings = rng.normal(size=(60, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    near = find_neighbours(embeddings, 10, 60)
    labels = rng.integers(0, 12, 60)

    def kept(given):
        members = csr_array(np.eye(13, dtype=np.float32)[given][:, :12])
        retrievers = [
            (PrototypeRetriever(embeddings, members), 1.0),
            (NeighbourRetriever(near, members, 20.0, 0.02), 1.0),
        ]
        found = find(retrievers, members.toarray(), candidates=4, tail_samples=2)
        return found.kept.tolist()

    for i in range(60):
        unlabelled = labels.copy()
        unlabelled[i] = 12
        free = kept(unlabelled)[i]
        for label in rng.permutation(12)[:3]:
            changed = labels.copy()
            changed[i] = label
            rest = [k for k in free if k != label]
            assert kept(changed)[i] == [label, *rest[:3]]


def test_progress_hears_of_every_text():
    retrievers, given = random_case()
    heard = Counted()
    find_candidates(
        retrievers, csr_array(given), None, dataclasses.replace(CONFIG, block_rows=7), 0, heard
    )
    assert heard.steps == 300
