import json
import resource
from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.data import training_set
from labelmend.classify.finetune.tuning import _pair_weights, _Pairs, check_tunable, tune
from labelmend.classify.heads.finetune import held_out_texts
from labelmend.errors import ModelError, OutputError
from labelmend.protocols import NoProgress
from labelmend.retrieval.encode import load_encoder, load_sentence_transformer
from labelmend.weights.locate import locate


@pytest.fixture(scope="module")
def data(dataset_of):
    texts = [f"I lost my {what}" for what in ("card", "bank card", "debit card", "wallet", "visa")]
    texts += [f"reset my {what}" for what in ("pin", "pin code", "card pin", "code", "secret")]
    return training_set(dataset_of(texts, ["lost"] * 5 + ["pin"] * 5), np.ones(10))


@pytest.fixture
def config(settings, small_encoder):
    tuning = replace(settings.finetune, encoder=str(small_encoder), batch_size=4, epochs=2)
    return replace(settings, finetune=tuning)


class Steps(NoProgress):
    def __init__(self):
        self.stages, self.done = [], 0

    def start(self, stage, total):
        self.stages.append((stage, total))

    def advance(self, steps=1):
        self.done += steps


HELD = np.array([True, *[False] * 4, True, *[False] * 4])


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_encoder_learns_with_its_head(data, config, tmp_path, method):
    tuning = replace(config.finetune, method=method, learning_rate=1e-3)
    config = replace(config, finetune=tuning)
    base, steps = locate(tuning.encoder), Steps()
    done = tune(data, HELD, config, base, 0, tmp_path / "w", steps)
    assert steps.stages == [("fine-tune", 4)]  # 8 texts in batches of 4, twice
    assert steps.done == done.steps == 4
    assert done.best_step in (2, 4)
    assert done.head.model.coef_.shape == (2, 384)
    # Adapters are merged: what is saved has the base's very weights, by name, and they moved.
    before, after = (
        load_sentence_transformer(path, 64).state_dict() for path in (base.path, done.folder)
    )
    assert before.keys() == after.keys()
    moved = {name for name in before if not before[name].equal(after[name])}
    assert any("attention.self.query.weight" in name for name in moved)
    assert any("word_embeddings" in name for name in moved) == (method == "full")
    vectors = load_encoder(
        replace_model(config.finetune.max_tokens, done.folder), done.folder
    ).encode(data.texts)
    assert (done.head.scores(vectors).argmax(axis=1) == data.main_labels()).all()


def replace_model(max_tokens, folder):
    from labelmend.configs.load import load_config

    encoder = load_config("embedded").encoders[0]
    return replace(encoder, model=str(folder), max_tokens=max_tokens)


def test_training_stops_once_held_out_texts_get_worse(data, config, tmp_path):
    tuning = replace(config.finetune, epochs=30, patience=1, learning_rate=0.05, warmup=0.0)
    done = tune(
        *(data, HELD, replace(config, finetune=tuning), locate(tuning.encoder), 0),
        *(tmp_path / "w", Steps()),
    )
    assert done.steps == done.best_step + 2  # one evaluation more: 2 steps an epoch
    assert done.steps < 60


def test_the_weights_of_pairs(dataset_of):
    labels = ["a", "a", "a", "b"]
    data = training_set(dataset_of(["1", "2", "3", "4"], labels), np.array([1.0, 1.0, 0.5, 0.5]))
    np.testing.assert_allclose(_pair_weights(data, 0.0), np.array([1, 1, 0.5, 0.5]) / 0.75)
    # Labels weigh 2.5 and 0.5; each shall count the same.
    whole = np.array([1 / 2.5, 1 / 2.5, 0.5 / 2.5, 0.5 / 0.5])
    np.testing.assert_allclose(_pair_weights(data, 1.0), whole / 0.5)


def test_a_full_disk_is_told_in_one_line_and_checkpoints_stay(data, config, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match=r"w: can't write there: .*; free some space") as told:
            tune(data, HELD, config, locate(config.finetune.encoder), 0, tmp_path / "w", Steps())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(told.value)
    done = tune(data, HELD, config, locate(config.finetune.encoder), 0, tmp_path / "w", Steps())
    assert done.steps == 4


def test_an_encoder_without_torch_weights_is_refused(settings, bge_small):
    tuning = replace(settings.finetune, encoder="bge-small-en-v1.5")
    with pytest.raises(ModelError, match=r"bge-small-en-v1\.5: has no torch weights"):
        check_tunable(tuning, bge_small)


def test_the_small_encoder_is_one(small_encoder):
    assert json.loads((small_encoder / "config.json").read_text())["num_hidden_layers"] == 1


def test_what_is_made_from_held_out_texts_is_on_neither_side(dataset_of):
    dataset = dataset_of(["1", "2", "3", "4", "5"], ["a", "b", "a", "b", "a"])
    data = training_set(replace(dataset, made_from={4: (0,)}), np.ones(5))
    held_out = np.array([True, True, False, False, False])
    pairs = _Pairs(data, held_out, np.ones(5))
    assert pairs.places(held_out=True) == [0, 1]
    assert pairs.places(held_out=False) == [2, 3]
    assert not held_out_texts(data, 0.5, 0)[4]
