import numpy as np
import onnxruntime
import pytest
from fixtures.exported import word_graph

from labelmend.onnx.triton.windows_graph import graph_inputs, windows_graph


def run(model, feed):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)[0]


@pytest.mark.parametrize("columns", [("input_ids", "attention_mask")])
@pytest.mark.parametrize("opset", [13, 18])
def test_windows_are_read_apart_and_their_mean_has_length_1(columns, opset):
    plain = word_graph(4, columns, seed=0, opset=opset)
    ids = np.array([[[5, 6, 0], [7, 0, 0]], [[8, 9, 10], [0, 0, 0]]], dtype=np.int64)
    mask = (ids > 0).astype(np.int64)
    found = run(
        windows_graph(plain), {"lengths": mask.sum(2), "input_ids": ids, "attention_mask": mask}
    )

    def vector(*words):
        one = np.array([words], dtype=np.int64)
        return run(plain, {"input_ids": one, "attention_mask": np.ones_like(one)})[0]

    two = vector(5, 6) + vector(7)
    np.testing.assert_allclose(found[0], two / np.linalg.norm(two), atol=1e-6)
    # Nothing is read of the window that is not there: it would be 0/0.
    np.testing.assert_allclose(found[1], vector(8, 9, 10), atol=1e-6)


def test_its_inputs_are_those_of_the_graph():
    plain = word_graph(4, ("input_ids", "attention_mask", "token_type_ids"), seed=0)
    assert graph_inputs(plain) == ("input_ids", "attention_mask", "token_type_ids")
    assert graph_inputs(windows_graph(plain)) == ("lengths", *graph_inputs(plain))
    # Older graphs list their weights among the inputs.
    plain.graph.input.append(plain.graph.output[0])
    plain.graph.input[-1].name = "table"
    assert graph_inputs(plain) == ("input_ids", "attention_mask", "token_type_ids")
