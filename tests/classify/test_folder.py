"""What model folders of all tasks share: encoders, means, tasks, and what a bad one says."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from labelmend.classify.folder import (
    encoder_records,
    encoders_of,
    mean_arrays,
    mean_axes,
    means_of,
    readable,
    require_task,
    task_of,
)
from labelmend.configs.load import load_config
from labelmend.errors import ConfigError, ModelError


def test_encoders_and_means_come_back_as_they_were():
    encoders = load_config("embedded").encoders
    model = SimpleNamespace(encoders=encoders, encoder_digests=("a", "b"), own_encoder=None)
    records = json.loads(json.dumps(encoder_records(model)))
    assert encoders_of(records) == (encoders, ("a", "b"))
    assert records[0]["sha256"] == "a"  # what is read stays as it was
    means = (np.arange(3.0), np.arange(2.0))
    arrays = mean_arrays(means)
    assert list(arrays) == ["mean_0", "mean_1"]
    assert mean_axes(2) == {"mean_0": 1, "mean_1": 1}
    assert [mean.tolist() for mean in means_of(arrays, 2)] == [[0, 1, 2], [0, 1]]


def test_a_card_that_says_nothing_of_windows_means_one():
    (one,), _ = encoders_of([{"backend": "onnx", "model": "m", "sha256": "0"}])
    assert one.max_windows == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("kind"), "this model can't be read ('kind'); train it again"),
        (MemoryError(), "this model can't be read (MemoryError); train it again"),
        (ConfigError("max_tokens: too many\nmore"), "can't be read (max_tokens: too many); train"),
        (ValueError("would need allow_pickle"), "holds a pickle, which could run any code; train"),
    ],
)
def test_what_a_damaged_folder_raises_is_one_line(tmp_path, error, said):
    with pytest.raises(ModelError) as caught, readable(tmp_path):
        raise error
    assert str(caught.value).startswith(f"{tmp_path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whose_task_a_model_is_of(tmp_path):
    assert require_task(tmp_path, ("single",), "a bot") == "single"
    for task, words in (("soft", "soft targets"), ("several", "several labels a text")):
        (tmp_path / "model.json").write_text(json.dumps({"task": task}))
        assert task_of(tmp_path) == task
        assert require_task(tmp_path, ("single", task), "a bot") == task
        with pytest.raises(ModelError) as caught:
            require_task(tmp_path, ("single",), "a bot")
        assert str(caught.value) == (
            f"{tmp_path}: is a model of {words}, which a bot can't use; give one of one label a "
            "text"
        )
    with pytest.raises(ModelError, match=r"give one of 'strange'$"):
        require_task(tmp_path, ("strange",), "serve beside it")  # a card names what it likes
    (tmp_path / "model.json").write_text('{"task": ["strange"]}')
    with pytest.raises(ModelError, match="is a model of "):
        require_task(tmp_path, ("single",), "a bot")
