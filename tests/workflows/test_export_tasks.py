"""Exports of several labels and of soft targets say what `predict` says, without labelmend too."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from labelmend.classify.any_model import load_any
from labelmend.classify.folder import locate_encoders
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError, ConfigError, ModelError
from labelmend.onnx.onnx_folder import OnnxEncoders, OnnxGraph
from labelmend.onnx.open_export import open_export
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.workflows.export import export_file, export_triton

TEXTS = ["my card and my money", "what time is it", "nothing that is known", "card " * 100]


def predicted(folder, *parts):
    model = load_any(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    vectors = [space.queries(part) for part in parts]
    if hasattr(model, "classifier"):
        found = model.classifier.predict(vectors[0])
        return found.probabilities, found.called
    return (model.scorer.predict(vectors),)


def readme_says(folder, *texts):
    """What the lines of the README print, where labelmend can't be imported."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    banned = "import sys\nfor n in ('labelmend', 'torch', 'onnx', 'transformers', 'sklearn'):\n"
    banned += "    sys.modules[n] = None\n"
    words = [sys.executable, "-c", banned + code, *texts]
    ran = subprocess.run(words, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
    assert ran.stderr == ""
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_several_labels(word_sets, tmp_path):
    done = export_file(word_sets / "model", tmp_path / "x", None, NoProgress())
    assert done.checked_on == "the demo's test texts"
    assert done.size == "3 labels, of which a text may have several"
    assert done.parity.max_difference < 1e-5
    assert done.parity.sets_agree == done.parity.texts > 50
    card = json.loads((tmp_path / "x" / "export.json").read_text())
    assert (card["model"]["task"], card["model"]["labels"]) == (
        "several",
        ["card", "money", "time"],
    )
    assert card["parity"] == vars(done.parity)
    shares, called = predicted(word_sets / "model", TEXTS)
    export = open_export(tmp_path / "x")
    found = OnnxGraph(tmp_path / "x" / "classifier.onnx").run(
        OnnxEncoders(tmp_path / "x", export.encoders).vectors(TEXTS)
    )
    np.testing.assert_allclose(found["probabilities"], shares, rtol=0, atol=1e-5)
    assert np.array_equal(found["called"], called)
    said = readme_says(tmp_path / "x", *TEXTS)
    for one, row, names in zip(said, shares, called, strict=True):
        assert one["probabilities"] == pytest.approx(
            dict(zip(card["model"]["labels"], row, strict=True)), abs=1e-4
        )
        assert one["labels"] == [
            k for k, c in zip(card["model"]["labels"], names, strict=True) if c
        ]


def test_soft_targets_of_one_text(word_soft, tmp_path):
    done = export_file(word_soft / "model", tmp_path / "x", None, NoProgress())
    assert done.size == "2 soft targets"
    assert done.parity.max_difference < 1e-5
    (values,) = predicted(word_soft / "model", TEXTS)
    for one, row in zip(readme_says(tmp_path / "x", *TEXTS), values, strict=True):
        assert one == pytest.approx({"card": row[0], "money": row[1]}, abs=1e-4)


def test_pairs_are_exported_too_and_checked_as_pairs(word_soft, tmp_path):
    done = export_file(word_soft / "pairs", tmp_path / "x", None, NoProgress())
    assert done.checked_on == "pairs of the demo's test texts"
    assert done.parity.max_difference < 1e-5
    asked = TEXTS[:2] + TEXTS[1::-1]
    (values,) = predicted(word_soft / "pairs", asked[::2], asked[1::2])
    assert abs(values[0] - values[1]).max() > 0.001  # the order matters
    for one, row in zip(readme_says(tmp_path / "x", *asked), values, strict=True):
        assert one == pytest.approx({"card": row[0], "money": row[1]}, abs=1e-4)


def test_pairs_of_a_table(word_soft, tmp_path):
    table = word_soft / "pairs.csv"
    done = export_file(word_soft / "pairs", tmp_path / "x", TableRequest(table), NoProgress())
    assert (done.parity.texts, done.checked_on) == (15, str(table))
    other = tmp_path / "other.csv"
    with other.open("w", newline="") as file:
        csv.writer(file).writerows([("one", "two"), ("my card", "my money"), ("", "")])
    with pytest.raises(ColumnError, match="was trained on 'q' and 'a', and there is no 'q' here"):
        export_file(word_soft / "pairs", tmp_path / "y", TableRequest(other), NoProgress())
    done = export_file(
        *(word_soft / "pairs", tmp_path / "y", TableRequest(other), NoProgress()),
        pair=("one", "two"),
    )
    assert done.parity.texts == 1


def test_a_repository_of_triton(word_sets, word_soft, tmp_path):
    for folder, names in ((word_sets, ["card", "money", "time"]), (word_soft, ["card", "money"])):
        place = tmp_path / folder.name
        done = export_triton(folder / "model", place, None, NoProgress())
        assert done.parity.max_difference < 1e-5
        assert (place / "model" / "labels.txt").read_text().split() == names
        card = json.loads((place / "export.json").read_text())
        assert card["triton"]["models"][0] == "model"


def test_what_is_refused_writes_nothing(word_sets, word_soft, tmp_path):
    with pytest.raises(ModelError, match="reads two texts as a pair, and the models of --triton"):
        export_triton(word_soft / "pairs", tmp_path / "x", None, NoProgress())
    asked = TableRequest(word_sets / "table.csv", label_column="labels")
    with pytest.raises(ConfigError, match="--label-column: int8 is scored against labels of"):
        export_file(word_sets / "model", tmp_path / "x", asked, NoProgress())
    with pytest.raises(ConfigError, match="--pair goes with models of soft targets"):
        export_file(
            *(word_sets / "model", tmp_path / "x", TableRequest(word_sets / "table.csv")),
            NoProgress(),
            pair=("text", "labels"),
        )
    assert list(tmp_path.iterdir()) == []
