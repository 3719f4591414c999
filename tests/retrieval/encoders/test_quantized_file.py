"""Graphs that were quantized dynamically: BERTs are read, others are left as they are."""

import json

import numpy as np
import pytest

from labelmend.retrieval.encoders.folder_graph import folder_graph, has_graph
from labelmend.retrieval.encoders.quantized_file import read_quantized
from labelmend.weights.locate import locate


@pytest.fixture(scope="module")
def config(bge_small):
    return json.loads((bge_small.path / "config.json").read_text("utf-8"))


def test_all_weights_are_those_of_the_bytes(bge_small, config):
    import onnx
    from onnx import numpy_helper

    weights = read_quantized(bge_small.path, config)
    stored = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(bge_small.path / "model.onnx").graph.initializer
    }
    # Which matrix is the first query, by its place in the file.
    name = "onnx::MatMul_1525"
    wanted = stored[f"{name}_quantized"][:, 7] * stored[f"{name}_scale"][7]
    found = weights["encoder.layer.0.attention.self.query.weight"]
    np.testing.assert_allclose(found[7], wanted, rtol=1e-6)
    word = "embeddings.word_embeddings.weight"
    low, step = stored[f"{word}_zero_point"], stored[f"{word}_scale"]
    wanted = (stored[f"{word}_quantized"][2003].astype(float) - low) * step
    np.testing.assert_allclose(weights[word][2003], wanted, rtol=1e-6)
    assert weights["encoder.layer.11.output.dense.weight"].shape == (384, 1536)


@pytest.mark.parametrize("changed", [{"num_hidden_layers": 13}, {"vocab_size": None}])
def test_a_graph_that_is_not_the_configs_is_left_as_it_is(bge_small, config, changed):
    assert read_quantized(bge_small.path, config | changed) is None


def test_a_reranker_is_no_encoder(config):
    folder = locate("ms-marco-MiniLM-L-12-v2").path
    assert read_quantized(folder, config) is None
    assert folder_graph(folder) is None


def test_what_onnxruntime_runs(bge_small, use_multilingual, minilm, tmp_path):
    assert [has_graph(model.path) for model in (bge_small, use_multilingual)] == [True, True]
    assert not has_graph(minilm.path)
    assert not has_graph(tmp_path)
    assert folder_graph(tmp_path) is None
