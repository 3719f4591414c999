"""Repositories of several labels and of soft targets, played step by step without a server."""

import numpy as np
import onnxruntime
import pytest

from labelmend.classify.any_model import load_any
from labelmend.classify.folder import locate_encoders
from labelmend.onnx.triton.served.graph_model import Graph
from labelmend.onnx.triton.served.text_model import Texts
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.workflows.export import export_triton

TEXTS = ("my card and my money", "what time is it", "card " * 100)


def run_model(place, feed):
    """A graph as its backend would run it; what comes out by name."""
    if (place / "model.py").exists():
        graph = Graph(place)
        return dict(zip(graph.outputs, graph.run(feed), strict=True))
    session = onnxruntime.InferenceSession(str(place / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def played(repository):
    columns = Texts(repository / "model_text/1").columns([text.encode() for text in TEXTS])
    feed = {key.removeprefix("encoder_0_"): values for key, values in columns.items()}
    vectors = run_model(repository / "model_encoder_0/1", feed)["embedding"]
    return run_model(repository / "model_classifier/1", {"embedding_0": vectors})


def placed(folder):
    model = load_any(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    return model, space.queries(TEXTS)


@pytest.mark.parametrize("runtime", ["onnxruntime", "python"])
def test_several_labels(word_sets, tmp_path, runtime):
    export_triton(word_sets / "model", tmp_path / "x", None, NoProgress(), runtime=runtime)
    found = played(tmp_path / "x")
    model, vectors = placed(word_sets / "model")
    ours = model.classifier.predict(vectors)
    np.testing.assert_allclose(found["probabilities"], ours.probabilities, rtol=0, atol=1e-5)
    assert np.array_equal(found["called"], ours.called)
    config = (tmp_path / "x" / "model" / "config.pbtxt").read_text()
    for line in ('name: "called"', "data_type: TYPE_BOOL", "dims: [ 3 ]"):
        assert line in config
    readme = (tmp_path / "x" / "README.md").read_text()
    assert "# A classifier of texts that may have several labels for Triton" in readme
    assert "logreg with 3 labels on" in readme
    assert "`probabilities` and `called` (whether the label's threshold is reached)" in readme


def test_soft_targets(word_soft, tmp_path):
    export_triton(word_soft / "model", tmp_path / "x", None, NoProgress())
    found = played(tmp_path / "x")
    model, vectors = placed(word_soft / "model")
    ours = model.scorer.predict([vectors])
    np.testing.assert_allclose(found["values"], ours, rtol=0, atol=1e-5)
    readme = (tmp_path / "x" / "README.md").read_text()
    assert "ridge with 2 targets on" in readme
    assert "`values` [batch, 2], from 0 to 1" in readme
