import json
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from fixtures.exported import word_graph

from labelmend.onnx.triton.served.graph_model import Graph, TritonPythonModel


def place_graph(folder, graph, **settings):
    folder.mkdir(parents=True)
    onnx.save(graph, folder / "model.onnx")
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def words(tmp_path):
    """An encoder that runs window by window."""
    columns = ("input_ids", "attention_mask")
    graph = word_graph(4, columns, seed=0)
    inputs = ["lengths", *columns]
    return place_graph(
        tmp_path / "m" / "1", graph, singly=True, inputs=inputs, outputs=["embedding"]
    )


def feed(ids):
    ids = np.array(ids, dtype=np.int64)
    mask = (ids > 0).astype(np.int64)
    return {"lengths": mask.sum(2), "input_ids": ids, "attention_mask": mask}


def test_windows_run_without_padding(words):
    graph = Graph(words)
    (padded,) = graph.run(feed([[[5, 6, 0], [7, 0, 0]], [[8, 0, 0], [0, 0, 0]]]))
    (first,) = graph.run(feed([[[5, 6]]]))
    (second,) = graph.run(feed([[[7]]]))
    (third,) = graph.run(feed([[[8]]]))
    both = first[0].astype(float) + second[0]
    np.testing.assert_allclose(padded[0], both / np.linalg.norm(both), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(padded[1], third[0])


def test_requests_run_together_and_part_again(words, monkeypatch):
    fake = SimpleNamespace(
        Tensor=lambda name, values: (name, values.tolist()),
        InferenceResponse=lambda output_tensors: output_tensors,
        get_input_tensor_by_name=lambda r, name: SimpleNamespace(as_numpy=lambda: r[name]),
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake)
    model = TritonPythonModel()
    model.initialize({"model_repository": str(words.parent), "model_version": "1"})
    requests = [feed([[[5, 6]], [[7, 0]]]), feed([[[8, 9]]])]
    one, two = model.execute(requests)
    whole = Graph(words).run(feed([[[5, 6]], [[7, 0]], [[8, 9]]]))[0].tolist()
    assert one == [("embedding", whole[:2])]
    assert two == [("embedding", whole[2:])]
