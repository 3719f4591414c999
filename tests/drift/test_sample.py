import numpy as np

from labelmend.drift.sample import Sample


def sample(*texts, **more):
    return Sample(np.zeros((len(texts), 2), dtype=np.float32), texts, **more)


def test_copies_of_a_text_are_in_one_half():
    texts = [f"text {i % 40}" for i in range(120)]
    halves = sample(*texts).halves(seed=0)
    assert len({(text, side) for text, side in zip(texts, halves.tolist(), strict=True)}) == 40
    assert 0.25 < halves.mean() < 0.75
    # Whatever stands beside it; and another seed parts them in another way.
    assert sample("text 7").halves(seed=0)[0] == halves[7]
    assert (sample(*texts).halves(seed=1) != halves).any()


def test_vectors_without_texts_are_parted_too():
    halves = Sample(np.zeros((200, 2), dtype=np.float32)).halves(seed=0)
    assert 0.3 < halves.mean() < 0.7


def test_labels_that_are_only_counted():
    assert sample("a", "b", labels=("x", "")).known_labels == ["x"]
    assert sample("a", "b", counted=("x", "y", "y")).known_labels == ["x", "y", "y"]
    assert sample("a").known_labels == []


def test_some_of_many():
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    one = Sample(rows)
    assert one.some(10, 0) is rows
    assert len({tuple(row) for row in one.some(4, 0).tolist()}) == 4
