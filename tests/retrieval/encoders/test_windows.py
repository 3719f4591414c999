import json

import numpy as np
import pytest
from fixtures.word_tokenizer import ABC, write_word_tokenizer

from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.encode import load_encoder, load_sentence_transformer
from labelmend.retrieval.encoders.cache import CachedEncoder
from labelmend.retrieval.encoders.windows import (
    WindowedEncoder,
    Windows,
    mean_direction,
    most_tokens,
    notes_on_cut,
    share_longer,
)
from labelmend.weights.locate import LocatedModel


@pytest.fixture
def folder(tmp_path):
    return write_word_tokenizer(tmp_path)


def windows(folder, tokens=12, most=16, overlap=0.2, **settings):
    config = {"backend": "onnx", "model": "tiny", "max_tokens": tokens, **settings}
    return Windows(folder, EncoderConfig(**config, max_windows=most, window_overlap=overlap))


class Hashing:
    """A vector of where a text begins, in letters, cut to ten words, as an encoder would."""

    def __init__(self, prefix=""):
        self.prefix = prefix
        self.read = []

    def encode(self, texts):
        self.read.append(list(texts))
        angles = np.array([ord(text[0]) - ord("a") for text in texts]) / 20
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    encode_passages = encode


def test_a_text_that_fits_is_not_divided(folder):
    of = windows(folder)
    assert of.further("a b c d e f g h i j", "") == ()  # ten words and two marks
    assert not of.is_long("a b c d e f g h i j", "")
    assert not of.is_cut("a b c d e f g h i j", "")


def test_windows_lie_at_equal_distances_up_to_the_end(folder):
    of = windows(folder)
    # Ten words a window, eight further on at most: 26 words take three windows, at 0, 8 and 16.
    assert of.further(ABC, "") == ("i j k l m n o p q r", "q r s t u v w x y z")
    assert of.is_long(ABC, "")
    assert not of.is_cut(ABC, "")
    # Eleven words: two windows, which share nine.
    assert of.further(ABC[:21], "") == ("b c d e f g h i j k",)


def test_a_prefix_stands_before_each_window(folder):
    # Two words of the twelve go to "ask:", two to the marks.
    of = windows(folder, overlap=0)
    assert of.further(ABC[:31], "ask: ") == ("i j k l m n o p",)
    assert of.further(ABC[:15], "ask: ") == ()
    assert of.further(ABC[:17], "ask: ") == ("b c d e f g h i",)


def test_beyond_the_most_windows_both_ends_are_read(folder):
    two = windows(folder, most=2)
    assert two.further(ABC, "") == ("q r s t u v w x y z",)
    assert two.is_cut(ABC, "")
    assert not two.is_cut(ABC[:39], "")  # twenty words: two windows side by side
    assert two.further(ABC[:39], "") == ("k l m n o p q r s t",)
    assert two.capacity == 22
    one = windows(folder, most=1)
    assert one.further(ABC, "") == ()
    assert not one.is_long(ABC, "")
    assert one.is_cut(ABC, "")
    assert one.capacity == 12


def test_without_a_tokenizer_nothing_is_known(tmp_path):
    of = windows(tmp_path)
    assert (of.further(ABC, ""), of.is_cut(ABC, ""), of.capacity) == ((), False, 12)


def test_a_prefix_that_fills_the_window(folder):
    of = windows(folder, tokens=8)
    assert of.further(ABC, "ask: a b c d e f ") == ()


def test_what_is_still_cut_is_told(folder):
    model = LocatedModel("tiny", "encoder", folder, "0" * 64, 1, "here")
    plain = EncoderConfig(backend="onnx", model="tiny", max_tokens=12, max_windows=2)
    asks = EncoderConfig(
        backend="onnx", model="tiny", max_tokens=12, max_windows=3, query_prefix="ask: "
    )
    # 20 words fit two windows, 24 fit three behind the prefix.
    texts = [ABC, ABC[:39], ABC[:41], "a"]
    assert notes_on_cut((plain, asks), (model, model), texts) == (
        "encoder tiny: 2 of 4 texts are longer than 2 windows of 12 tokens, so parts of them are "
        "not read; encoders.0.max_windows sets how many are",
        "encoder tiny: 1 of 4 texts are longer than 3 windows of 12 tokens, so parts of them are "
        "not read; encoders.1.max_windows sets how many are",
    )
    (note,) = notes_on_cut((plain,), (model,), texts, at="of the training")
    assert note.endswith("; encoders.0.max_windows of the training sets how many are")
    assert notes_on_cut((plain,), (model,), texts[3:]) == ()


def test_the_share_of_texts_that_are_longer(folder, tmp_path):
    assert share_longer(folder, 12, [ABC[:19], ABC[:21], ABC, "a"]) == 0.5
    assert share_longer(tmp_path / "none", 12, [ABC]) == 0
    assert share_longer(folder, 12, []) == 0


def test_short_texts_are_read_as_ever_and_long_ones_are_the_mean(folder):
    inner = Hashing()
    encoder = WindowedEncoder(inner, windows(folder), "")
    texts = ["b", ABC, "c d"]
    found = encoder.encode(texts)
    assert inner.read == [texts, ["i j k l m n o p q r", "q r s t u v w x y z"]]
    plain = Hashing().encode(texts)
    assert np.array_equal(found[[0, 2]], plain[[0, 2]])
    # The windows begin with a, i and q: angles 0, 0.4 and 0.8, whose mean direction is 0.4.
    assert found[1] == pytest.approx([np.cos(0.4), np.sin(0.4)], abs=1e-6)
    assert found.dtype == np.float32
    inner.read.clear()
    assert np.array_equal(encoder.encode_passages(["b"]), plain[:1])
    assert inner.read == [["b"]]


def test_the_mean_has_unit_length():
    found = mean_direction(np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32))
    assert found == pytest.approx([1 / 5**0.5, 2 / 5**0.5])
    assert found.dtype == np.float32


def test_the_cache_keeps_short_texts_and_knows_windows_apart(folder):
    path = folder / "vectors" / ("0" * 32 + ".sqlite")

    def cached(**settings):
        inner = Hashing()
        of = windows(folder, **settings)
        loaded = CachedEncoder(
            lambda: WindowedEncoder(inner, of, ""), path, query_prefix="", max_bytes=1e9, windows=of
        )
        return loaded.encode(["b", ABC]), inner.read

    before = Hashing()
    old = CachedEncoder(lambda: before, path, query_prefix="", max_bytes=1e9)
    cut = old.encode(["b", ABC])
    first, read = cached()
    assert read[0] == [ABC]
    assert np.array_equal(first[0], cut[0])
    assert first[1] == pytest.approx([np.cos(0.4), np.sin(0.4)], abs=1e-6)
    again, read = cached()
    assert read == []
    assert np.array_equal(again, first)
    assert cached(most=2)[1][0] == [ABC]
    assert cached(overlap=0.5)[1][0] == [ABC]
    one, read = cached(most=1)  # what was cut is what there was
    assert read == []
    assert np.array_equal(one, cut)


@pytest.mark.parametrize(
    ("said", "tokens", "found"),
    [
        ({}, 256, 256),
        ({}, 1000, 512),
        ({"tokenizer_config": {"model_max_length": 128}}, 256, 128),
        ({"tokenizer_config": {"model_max_length": 10**30}, "config": {}}, 256, 256),
        ({"config": {"max_position_embeddings": 64}}, 256, 64),
        ({"config": {"max_position_embeddings": -1}}, 256, 256),
        ({"sentence_bert_config": {"max_seq_length": 384}}, 512, 384),
        ({"sentence_bert_config": {"max_seq_length": None}}, 1000, 512),
        ({"sentence_bert_config": ["odd"]}, 1000, 512),
    ],
)
def test_what_a_folder_says_of_its_limit(tmp_path, said, tokens, found):
    for name, settings in said.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(settings))
    config = EncoderConfig(backend="sentence-transformers", model="tiny", max_tokens=tokens)
    assert most_tokens(tmp_path, config) == found


MAIL = "This message is for the person named above only, and its views are the writer's. " * 8


@pytest.mark.parametrize("backend", ["sentence-transformers", "onnx"])
def test_the_end_of_a_long_text_is_read(backend, minilm, bge_small, small_encoder):
    path = bge_small.path if backend == "onnx" else minilm.path
    config = EncoderConfig(backend=backend, model="x", max_tokens=64)
    texts = ["where is my card", MAIL + "i lost my card", MAIL + "what is the rate of the dollar"]
    encoder, cutting = load_encoder(config, path), load_encoder(EncoderConfig(
        backend=backend, model="x", max_tokens=64, max_windows=1), path)  # fmt: skip
    read, cut = encoder.encode(texts), cutting.encode(texts)
    assert np.array_equal(cut[1], cut[2])
    assert np.array_equal(read[0], cut[0])
    assert read[0] @ read[1] > read[0] @ read[2]
    assert np.linalg.norm(read, axis=1) == pytest.approx(1, abs=1e-6)
    if backend == "sentence-transformers":
        for folder in (minilm.path, small_encoder):
            asked = EncoderConfig(backend=backend, model="x", max_tokens=1000)
            known = load_sentence_transformer(folder, 1000).max_seq_length
            assert most_tokens(folder, asked) == known
