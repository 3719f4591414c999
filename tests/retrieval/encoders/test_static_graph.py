import numpy as np
import onnxruntime
import pytest

from labelmend.errors import ModelError
from labelmend.retrieval.encoders.folder_graph import folder_graph
from labelmend.retrieval.encoders.static_graph import (
    VECTORS,
    StaticVectors,
    is_static,
    kept_pairs,
    read_static,
    static_graph,
)

TOKENS = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [3, 0, 0], [0, 4, 0]], dtype=np.float32)
PAIRS = np.array([[0, 0, 2], [0, 0, -8]], dtype=np.float32)
PAIR_TOKENS = np.array([[3, 4], [4, 4]])
MEAN = np.array([0, 0, 1], dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    StaticVectors(TOKENS, PAIRS, PAIR_TOKENS, MEAN).save(tmp_path)
    return tmp_path


def embeddings(folder, ids, mask=None):
    ids = np.array(ids, dtype=np.int64)
    mask = np.ones_like(ids) if mask is None else np.array(mask, dtype=np.int64)
    session = onnxruntime.InferenceSession(
        static_graph(folder).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]


def test_tokens_and_pairs_of_neighbours_add_up(folder):
    assert is_static(folder)
    assert folder_graph(folder) is not None
    # 3 + 4 + (3, 4); 4 + 3, a pair that nobody knows; 4 + 4 + (4, 4)
    found = embeddings(folder, [[1, 3, 4, 2], [1, 4, 3, 2], [1, 4, 4, 2]])
    expected = np.array([[3, 4, 2], [3, 4, 0], [0, 8, -8]])
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_padding_counts_nothing(folder):
    alone = embeddings(folder, [[1, 3, 4, 2]])
    # The token that fills up would be known, and so would the pair with it.
    padded = embeddings(folder, [[1, 3, 4, 2, 4, 4]], [[1, 1, 1, 1, 0, 0]])
    np.testing.assert_allclose(padded, alone, atol=1e-6)


def test_a_text_without_a_known_token_lies_at_the_mean(folder):
    np.testing.assert_allclose(embeddings(folder, [[1, 2], [0, 0]]), [MEAN, MEAN], atol=1e-6)


def test_no_pairs_at_all(tmp_path):
    StaticVectors(TOKENS, PAIRS[:0], PAIR_TOKENS[:0], MEAN).save(tmp_path)
    np.testing.assert_allclose(embeddings(tmp_path, [[3, 4]]), [[0.6, 0.8, 0]], atol=1e-4)


def test_of_pairs_that_share_a_slot_the_frequent_one_is_kept():
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 30_000, size=(5000, 2)), axis=0)
    counts = rng.integers(1, 4, size=len(pairs))
    kept = kept_pairs(pairs, counts)
    assert 0.9 < kept.mean() < 1
    assert kept_pairs(pairs[kept], counts[kept]).all()  # so the graph finds each of them
    order = rng.permutation(len(pairs))
    assert np.array_equal(kept_pairs(pairs[order], counts[order]), kept[order])
    # 16 slots for two pairs: (0, 0) and (0, 16) share one.
    two = np.array([[0, 0], [0, 16]])
    assert kept_pairs(two, np.array([1, 2])).tolist() == [False, True]
    assert kept_pairs(two, np.array([2, 2])).tolist() == [True, False]
    assert kept_pairs(two[:0], np.zeros(0, dtype=np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pairs": PAIRS[:, :2]}, "don't fit each other"),
        ({"pair_tokens": np.array([[3.0, 5.0], [4, 4]])}, "pairs of tokens that are not there"),
        ({"pair_tokens": np.array([[3.0, 0.5], [4, 4]])}, "pairs of tokens that are not there"),
        ({"pair_tokens": np.array([[3.0, -1], [4, 4]])}, "pairs of tokens that are not there"),
        ({"mean": np.zeros(3)}, "don't fit each other"),
        ({"tokens": np.full((5, 3), np.nan)}, "not finite"),
        ({"tokens": np.array([{}], dtype=object)}, "allow_pickle"),
    ],
)
def test_a_file_that_was_tampered_with(folder, changed, said):
    held = dict(np.load(folder / VECTORS))
    np.savez(folder / VECTORS, **{**held, **changed})
    with pytest.raises(ModelError, match=said):
        read_static(folder)
