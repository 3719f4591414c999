"""Folders of models of label sets: what is written is read, and nothing else."""

import hashlib
import json

import numpy as np
import pytest

from labelmend.classify.folder import task_of
from labelmend.classify.model_folder import load_model
from labelmend.classify.several.calibrate import Lines
from labelmend.classify.several.classifier import SetClassifier
from labelmend.classify.several.linear import LinearScorer
from labelmend.classify.several.model_folder import SavedSets, load_sets_model, save_sets
from labelmend.configs.schema import EncoderConfig
from labelmend.data.sets.label_sets import SetShape
from labelmend.errors import ModelError

JOINED = SetShape("labels", ";")


def saved(folder, shape=JOINED):
    rng = np.random.default_rng(0)
    scorer = LinearScorer(
        rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    )
    lines = Lines(np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.0, 1.0]))
    classifier = SetClassifier("logreg", ("a", "b", "c"), scorer, lines, np.array([0.5, 0.2, 1.0]))
    encoder = EncoderConfig(backend="onnx", model="some-encoder")
    model = SavedSets(classifier, shape, (np.zeros(5),), (encoder,), ("0" * 64,), 400, {"seed": 3})
    save_sets(model, folder, "# a card\n")
    return model


@pytest.fixture
def folder(tmp_path):
    saved(tmp_path / "m")
    return tmp_path / "m"


def test_a_model_reads_as_it_was_written(tmp_path):
    columns = SetShape(None, None, {"a": "is_a", "b": "is_b", "c": "is_c"})
    for name, shape in (("joined", JOINED), ("lists", SetShape("k")), ("columns", columns)):
        model = saved(tmp_path / name, shape)
        read = load_sets_model(tmp_path / name)
        assert read.shape == shape
        assert (read.encoders, read.max_text_chars) == (model.encoders, 400)
        assert read.card["seed"] == 3
        vectors = np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32)
        one, two = model.classifier.predict(vectors), read.classifier.predict(vectors)
        assert np.array_equal(one.probabilities, two.probabilities)
        assert np.array_equal(one.called, two.called)
        assert not one.called[:, 2].any()  # a threshold of 1 is never reached


def test_what_reads_one_label_a_text_refuses_it(folder):
    assert task_of(folder) == "several"
    with pytest.raises(
        ModelError, match="is a model of several labels a text, and this needs one "
    ):
        load_model(folder)


def forged(folder, name=None, arrays=None, **fields):
    """Change card or numbers, and the hashes with them, as somebody would who knows the format."""
    path = folder / "model.json"
    body = json.loads(path.read_text())
    body.pop("checksum")
    body |= fields
    if name is not None:
        np.savez(folder / name, **{**np.load(folder / name), **arrays})
        raw = (folder / name).read_bytes()
        body["files"][name] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    plain = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    path.write_text(json.dumps({**body, "checksum": hashlib.sha256(plain).hexdigest()}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": ["a", "b"]}, "its parts are not of 2 labels and 5 dimensions"),
        ({"labels": ["a", "b", "b"]}, "a label is there twice"),
        ({"kind": "other"}, "no kind of classifiers is called 'other'"),
        (
            {"shape": {"column": None, "joined_by": None, "columns": ["x"]}},
            "not one column a label",
        ),
        ({"shape": 3}, "shape: "),
        ({"encoders": []}, "encoders: "),
        ({"name": "arrays.npz", "arrays": {"slopes": np.ones(2)}}, "its parts are not of 3 labels"),
        ({"name": "arrays.npz", "arrays": {"slopes": np.full(3, np.nan)}}, "not finite"),
        ({"name": "head/linear.npz", "arrays": {"weights": np.ones((4, 3))}}, "and 5 dimensions"),
        ({"name": "head/linear.npz", "arrays": {"bias": np.array([None] * 3)}}, "holds a pickle"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(folder, change, said):
    forged(folder, **change)
    with pytest.raises(ModelError) as caught:
        load_sets_model(folder)
    (line,) = str(caught.value).splitlines()
    assert said in line
