import json
import uuid
from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError
from labelmend.onnx.onnx_encoder import export_encoder, quantize_encoder
from labelmend.onnx.onnx_folder import OnnxEncoders
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.windows import ALL_TOKENS

BGE, USE = load_config("embedded").encoders
MINILM = EncoderConfig("onnx", "all-MiniLM-L6-v2")
CONFIGS = (replace(MINILM, backend="sentence-transformers"), BGE, MINILM, USE)
TEXTS = ["I lost my card", "what is the weather", "pay " * 400, "ÄRGER  mit\tKarte 🙂", "?"]


@pytest.fixture(scope="module")
def located_encoders(encoders, minilm):
    bge, use = encoders
    return minilm, bge, minilm, use


@pytest.fixture(scope="module")
def exported(located_encoders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    found = []
    for i, (config, located) in enumerate(zip(CONFIGS, located_encoders, strict=True)):
        place = folder / f"encoder_{i}"
        place.mkdir()
        found.append(export_encoder(config, located.path, place))
    return folder, found


def test_the_vectors_are_those_of_the_encoders(exported, located_encoders):
    folder, found = exported
    vectors = OnnxEncoders(folder, found).vectors(TEXTS)
    for i, (config, located) in enumerate(zip(CONFIGS, located_encoders, strict=True)):
        ours = load_encoder(config, located.path).encode(TEXTS)
        np.testing.assert_allclose(vectors[f"embedding_{i}"], ours, rtol=0, atol=2e-6)
    assert [e.is_int8 for e in found] == [False, True, False, True]
    assert not any(e.is_apart for e in found)
    assert [e.max_tokens for e in found] == [256, 256, 256, ALL_TOKENS]


def test_int8_is_smaller_and_near(exported, monkeypatch):
    folder, found = exported
    # It opens a socket to ask for the machine's hardware address.
    monkeypatch.setattr(uuid, "uuid1", lambda *_: pytest.fail("uuid1 was asked for a file name"))
    before = OnnxEncoders(folder, found[:1]).vectors(TEXTS)["embedding_0"]
    size = (folder / "encoder_0/model.onnx").stat().st_size
    quantize_encoder(folder / "encoder_0")
    after = OnnxEncoders(folder, found[:1]).vectors(TEXTS)["embedding_0"]
    assert (folder / "encoder_0/model.onnx").stat().st_size < 0.3 * size
    cosines = (before * after).sum(axis=1)
    assert cosines.min() > 0.95
    assert cosines.max() < 1 - 1e-6  # it is another model
    assert sorted(p.name for p in (folder / "encoder_0").iterdir()) == [
        *("model.onnx", "tokenizer.json", "tokenizer_config.json")
    ]


def test_a_folder_that_is_no_encoder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="can't load the model in"):
        export_encoder(CONFIGS[0], tmp_path, tmp_path)
    with pytest.raises(ModelError, match=r"it has no model\.onnx and no tokenizer\.json"):
        export_encoder(CONFIGS[1], tmp_path, tmp_path)
    (tmp_path / "model.safetensors").write_text("not what it says")
    with pytest.raises(ModelError, match=r"it has no modules\.json and no 1_Pooling/config\.json"):
        export_encoder(CONFIGS[2], tmp_path, tmp_path)
