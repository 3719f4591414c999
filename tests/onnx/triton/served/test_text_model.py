import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.word_tokenizer import write_word_tokenizer

from labelmend.configs.schema import EncoderConfig
from labelmend.onnx.triton.served.text_model import Reader, Texts, TritonPythonModel
from labelmend.retrieval.encoders.windows import Windows

ENCODER = {
    "folder": "encoder_0",
    "max_tokens": 8,
    "max_windows": 3,
    "window_overlap": 0.25,
    "query_prefix": "",
    "inputs": ["input_ids", "attention_mask"],
}


@pytest.fixture
def place(tmp_path):
    write_word_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 8}')
    return tmp_path


def test_short_texts_are_one_window_each_and_padded(place):
    found = Reader(place, ENCODER).read(["a b", "c"])
    # [CLS] a b [SEP] and [CLS] c [SEP]; letters stand from 5 on.
    assert found["lengths"].tolist() == [[4], [3]]
    assert found["input_ids"][:, 0].tolist() == [[1, 5, 6, 2, *4 * [0]], [1, 7, 2, *5 * [0]]]
    assert found["attention_mask"][:, 0].tolist() == [[1, 1, 1, 1, *4 * [0]], [1, 1, 1, *5 * [0]]]
    assert {values.dtype for values in found.values()} == {np.dtype(np.int64)}


def test_a_text_is_padded_to_a_multiple_of_16(place):
    wide = ENCODER | {"max_tokens": 40}
    found = Reader(place, wide).read(["a " * 15])
    assert found["lengths"].tolist() == [[17]]
    assert found["input_ids"].shape == (1, 1, 32)
    # Never beyond what the encoder takes.
    assert Reader(place, wide).read(["a " * 38])["input_ids"].shape == (1, 1, 40)


@pytest.mark.parametrize("prefix", ["", "ask: "])
@pytest.mark.parametrize("most", [1, 2, 3, 8])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
def test_windows_are_those_of_the_encoder(place, prefix, most, overlap):
    encoder = ENCODER | {"query_prefix": prefix, "max_windows": most, "window_overlap": overlap}
    config = EncoderConfig(
        backend="onnx", model="x", max_tokens=8, max_windows=most, window_overlap=overlap
    )
    reader, windows = Reader(place, encoder), Windows(place, config)
    for words in range(1, 24):
        text = " ".join("abcdefghijklmnopqrstuvwxyz"[:words])
        assert tuple(reader._further(text)) == windows.further(text, prefix)


@pytest.fixture
def triton(monkeypatch):
    """Triton's module, as far as the models use it."""

    class Tensor:
        def __init__(self, name, values):
            self.name, self.values = name, values

        def as_numpy(self):
            return self.values

    fake = SimpleNamespace(
        Tensor=Tensor,
        TritonError=str,
        InferenceResponse=lambda output_tensors=None, error=None: (output_tensors, error),
        get_input_tensor_by_name=lambda request, name: request[name],
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake)
    return fake


def test_a_bad_text_fails_its_own_request_alone(place, triton, tmp_path):
    version = tmp_path / "model" / "1"
    (version / "encoder_0").mkdir(parents=True)
    write_word_tokenizer(version / "encoder_0")
    settings = {"max_text_chars": 3, "encoders": [ENCODER]}
    (version / "settings.json").write_text(json.dumps(settings))
    model = TritonPythonModel()
    model.initialize({"model_repository": str(tmp_path / "model"), "model_version": "1"})

    def request(*cells):
        values = np.array([[cell] for cell in cells], dtype=np.object_)
        return {"text": triton.Tensor("text", values)}

    good, blank, broken = model.execute(
        [request(b"a b c d"), request(b"a", b" \n"), request(b"\xff")]
    )
    # Cut at three characters: a and b are left.
    assert {tensor.name: tensor.values.tolist() for tensor in good[0]} == {
        "encoder_0_lengths": [[4]],
        "encoder_0_input_ids": [[[1, 5, 6, 2, *4 * [0]]]],
        "encoder_0_attention_mask": [[[1, 1, 1, 1, *4 * [0]]]],
    }
    assert blank == (None, "text 1 is blank: nothing is predicted of it")
    assert broken == (None, "text 0 is no UTF-8")


def test_a_text_is_cut_where_the_model_cuts_it(place, tmp_path):
    version = tmp_path / "1"
    (version / "encoder_0").mkdir(parents=True)
    write_word_tokenizer(version / "encoder_0")
    (version / "settings.json").write_text(json.dumps({"max_text_chars": 1, "encoders": [ENCODER]}))
    assert Texts(version).columns([b"a b", "c d"])["encoder_0_lengths"].tolist() == [[3], [3]]
