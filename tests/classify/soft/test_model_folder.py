import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.folder import task_of
from labelmend.classify.model_folder import load_model
from labelmend.classify.soft.model_folder import SoftModel, load_soft_model, save_soft
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.configs.load import load_config
from labelmend.errors import ModelError, ModelHashError, ModelMissingError

ENCODERS = load_config("embedded").encoders
RNG = np.random.default_rng(0)
MODEL = SoftModel(
    kind="ridge",
    targets=("t", "u"),
    is_pair=True,
    scorer=SoftScorer(RNG.normal(size=(4 * 12, 2)).astype(np.float32), RNG.normal(size=2)),
    means=(np.arange(7.0), np.arange(5.0)),
    encoders=ENCODERS,
    encoder_digests=("0" * 64, "1" * 64),
    max_text_chars=4000,
    card={"seed": 3},
)


@pytest.fixture
def folder(tmp_path):
    save_soft(MODEL, tmp_path / "m", "# card\n")
    return tmp_path / "m"


def rewrite(folder, **changes):
    """Change the card, and its checksum with it, as somebody would who knows the format."""
    body = json.loads((folder / "model.json").read_text())
    del body["checksum"]
    body |= changes
    plain = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    body["checksum"] = hashlib.sha256(plain).hexdigest()
    (folder / "model.json").write_text(json.dumps(body))


def test_what_was_saved_predicts_the_same(folder):
    loaded = load_soft_model(folder)
    parts = [RNG.normal(size=(9, 12)).astype(np.float32) for _ in range(2)]
    assert np.array_equal(loaded.scorer.predict(parts), MODEL.scorer.predict(parts))
    for name in ("kind", "targets", "is_pair", "encoders", "encoder_digests", "max_text_chars"):
        assert getattr(loaded, name) == getattr(MODEL, name)
    assert [mean.tolist() for mean in loaded.means] == [list(range(7)), list(range(5))]
    assert (loaded.card["seed"], loaded.own_encoder, task_of(folder)) == (3, None, "soft")


def test_predictions_by_hand():
    scorer = SoftScorer(np.array([[1.0], [0], [0], [2]], np.float32), np.array([-1.0]))
    one = np.array([[0.5]], np.float32)
    two = np.array([[3.0]], np.float32)
    assert scorer.predict([one, two])[0, 0] == pytest.approx(1 / (1 + np.exp(-(0.5 + 3 - 1))))


def test_what_reads_labels_says_that_it_cant(folder):
    with pytest.raises(ModelError, match="m: is a model of soft targets, and this needs one label"):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"targets": ["t"]}, "weights that don't read 48 numbers for 1 targets"),
        ({"targets": ["t", "t"]}, "a target is there twice"),
        ({"targets": []}, "targets: List should have at least 1 item"),
        ({"is_pair": False}, "weights that don't read 12 numbers for 2 targets"),
        ({"is_pair": "yes"}, "is_pair: Input should be a valid boolean"),
        ({"max_text_chars": 0}, "max_text_chars: Input should be greater"),
        ({"task": "single"}, "task: Input should be 'soft'"),
        ({"encoders": [{"sha256": "0"}, {"sha256": "1"}]}, "can't be read ("),
        ({"encoders": [{}]}, "an encoder has no sha256"),
    ],
)
def test_cards_that_can_not_be(folder, changes, said):
    rewrite(folder, **changes)
    with pytest.raises(ModelError) as caught:
        load_soft_model(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bias_of_another_size(tmp_path):
    wrong = replace(MODEL, scorer=replace(MODEL.scorer, bias=np.zeros(3)))
    save_soft(wrong, tmp_path / "m", "")
    with pytest.raises(ModelError, match="a bias that isn't of 2 targets"):
        load_soft_model(tmp_path / "m")


def test_changed_and_missing_files(folder, tmp_path):
    with (folder / "arrays.npz").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelHashError, match="was changed since training"):
        load_soft_model(folder)
    with pytest.raises(ModelMissingError, match="no such folder"):
        load_soft_model(tmp_path / "none")


def test_folders_without_a_card_are_of_the_usual_task(tmp_path):
    assert task_of(tmp_path) == "single"
    (tmp_path / "model.json").write_text("[1]")
    assert task_of(tmp_path) == "single"
