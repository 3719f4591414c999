"""Repositories, played step by step without a server; test_served_by_triton.py has a real one."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from fixtures.exported import tiny_vectors

from labelmend.errors import ModelError
from labelmend.onnx.onnx_folder import OnnxClassifier
from labelmend.onnx.triton.repository import (
    repository_names,
    repository_readme,
    triton_name,
    write_repository,
)
from labelmend.onnx.triton.served.graph_model import Graph
from labelmend.onnx.triton.served.text_model import Texts

TEXTS = ("a b", "c", "d e f g h i j k l m n o p", "q r s t u v", "zoo a", "a  b\tc")
FOLDERS = {"bank", "bank_text", "bank_encoder_0", "bank_encoder_1", "bank_classifier"}


def run_model(place, feed):
    """A graph as its backend would run it; what comes out by name."""
    if (place / "model.py").exists():
        graph = Graph(place)
        return dict(zip(graph.outputs, graph.run(feed), strict=True))
    session = onnxruntime.InferenceSession(str(place / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def play(repository, name, texts):
    columns = Texts(repository / f"{name}_text/1").columns([text.encode() for text in texts])
    vectors = {}
    for i in (0, 1):
        mine = f"encoder_{i}_"
        feed = {key.removeprefix(mine): v for key, v in columns.items() if key.startswith(mine)}
        place = repository / f"{name}_encoder_{i}/1"
        vectors[f"embedding_{i}"] = run_model(place, feed)["embedding"]
    return run_model(repository / f"{name}_classifier/1", vectors)


@pytest.mark.parametrize("runtime", ["onnxruntime", "python"])
def test_all_steps_together_say_what_the_export_says(tiny_export, tmp_path, runtime):
    export, card = tiny_export
    repository = tmp_path / "models"
    repository.mkdir()
    names = write_repository(export, repository, "bank", runtime)
    assert names[0] == "bank"
    assert set(names) == FOLDERS == {path.name for path in repository.iterdir()}
    ours = OnnxClassifier(export / "classifier.onnx").predict(tiny_vectors(export, card, TEXTS))
    found = play(repository, "bank", TEXTS)
    np.testing.assert_allclose(found["probabilities"], ours.probabilities, atol=1e-5)
    assert found["label"].ravel().tolist() == list(ours.labels)
    assert found["is_oos"].ravel().tolist() == ours.is_oos.tolist()
    # With labels of all kinds, or the comparison shows little.
    assert len(set(ours.labels)) > 1
    assert len(set(ours.is_oos.tolist())) > 1


def test_what_runs_apart_runs_in_the_python_backend_whatever_runs_the_rest(tiny_export, tmp_path):
    export, card = tiny_export
    write_repository(export, tmp_path, "bank", "onnxruntime")
    assert card["encoders"][1]["is_apart"]
    backends = {
        name: (tmp_path / name / "config.pbtxt").read_text().split("\n")[1] for name in FOLDERS
    }
    assert backends == {
        "bank": 'platform: "ensemble"',
        "bank_text": 'backend: "python"',
        "bank_encoder_0": 'backend: "onnxruntime"',
        "bank_encoder_1": 'backend: "python"',
        "bank_classifier": 'backend: "onnxruntime"',
    }
    # Value by value there is no batch for the graph's own rank; the Python backend adds one.
    assert "reshape" in (tmp_path / "bank_classifier/config.pbtxt").read_text()
    assert "reshape" not in (tmp_path / "bank/config.pbtxt").read_text()


@pytest.mark.parametrize("columns", [("input_ids", "attention_mask", "past"), ("input_ids",)])
def test_an_encoder_may_read_something_else(tiny_export, tmp_path, columns):
    export, _ = tiny_export
    path = export / "encoder_0/model.onnx"
    graph = onnx.load(path)
    del graph.graph.input[:]
    graph.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["b", "t"])
        for name in columns
    )
    onnx.save(graph, path)
    if "past" in columns:
        with pytest.raises(ModelError, match="encoder words-0: reads past, and Triton's"):
            write_repository(export, tmp_path, "bank", "onnxruntime")
        return
    # Without a mask, padding would be read.
    write_repository(export, tmp_path, "bank", "onnxruntime")
    assert 'backend: "python"' in (tmp_path / "bank_encoder_0/config.pbtxt").read_text()


def test_labels_are_lines_in_their_order(tiny_export, tmp_path):
    export, card = tiny_export
    write_repository(export, tmp_path, "bank", "python")
    for name in ("bank", "bank_classifier"):
        assert (tmp_path / name / "labels.txt").read_text().split("\n")[:-1] == [
            *("label0", "label1", "label2", "label3")
        ]
    readme = repository_readme(card, "bank", "onnxruntime")
    assert "pip install numpy tokenizers onnxruntime" in readme
    assert "64 texts at most" in readme
    assert "logreg with 4 labels on words-0, words-1" in readme


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("bank", "bank"),
        ("my model/v2 (new)", "v2_new"),
        ("модель", "classifier"),
        (".", "classifier"),
    ],
)
def test_a_model_is_called_as_its_folder_is(folder, name):
    assert triton_name(Path(folder)) == name


def test_what_may_stand_in_a_repository():
    assert set(repository_names("bank", 2)) == FOLDERS | {"export.json", "README.md"}
