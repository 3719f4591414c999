"""The training of the real MiniLM, at a tiny size."""

import dataclasses
import resource

import numpy as np
import pytest
import torch

from labelmend.classify.finetune.trainer import last_checkpoint
from labelmend.configs.load import load_config
from labelmend.errors import ModelError, OutputError
from labelmend.protocols import NoProgress
from labelmend.tune.batches import batches
from labelmend.tune.holdout import hold_out
from labelmend.tune.train import Lesson, train_last_layers, tune
from labelmend.types import Dataset

LABELS = ("lost", "pin")
TEXTS = ("card gone", "lost it", "where is it", "my pin", "wrong code", "new pin please")
CONFIG = dataclasses.replace(
    load_config("embedded").tune,
    epochs=2,
    batch_texts=2,
    layers=1,
    learning_rate=1e-3,
    checkpoint_steps=1,
)
ENCODER = load_config("embedded").encoders[0]


class Killed(BaseException):
    pass


@dataclasses.dataclass
class Until(NoProgress):
    """Stops the run after so many steps, as Ctrl-C does."""

    steps: int
    done: int = 0

    def advance(self, steps=1):
        self.done += steps
        if self.done >= self.steps:
            raise Killed


@pytest.fixture(scope="module")
def lesson():
    given = np.repeat([0, 1], 3)
    dataset = Dataset(tuple("123456"), TEXTS, given, LABELS, None)
    texts = hold_out(dataset, np.ones(6), share=0.3, known=(), seed=0, where="t.csv")
    return Lesson(texts, ("lost: a lost card", "pin: a new code"), 1 - texts.labels[:, None])


@pytest.fixture
def model(minilm):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm.path), local_files_only=True).float()


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_the_last_layer_learns_and_the_rest_stays_as_it_was(model, lesson, tmp_path):
    before = weights(model)
    longest = model.max_seq_length
    state = torch.random.get_rng_state()
    learned = tune(model, lesson, ENCODER, CONFIG, 0, tmp_path, NoProgress())
    # Two epochs of two steps.
    assert (len(learned.losses), learned.resumed_at) == (lesson.steps(CONFIG), 0) == (4, 0)
    assert learned.losses[3] < learned.losses[0]
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(".layer.5." in name for name in changed)
    assert (model.max_seq_length, model.training) == (longest, False)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_run_that_goes_on_ends_as_one_that_was_never_interrupted(model, lesson, tmp_path, minilm):
    from sentence_transformers import SentenceTransformer

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    losses = tune(model, lesson, ENCODER, CONFIG, 0, whole, NoProgress()).losses
    # What was being done when it was stopped is done again.
    for steps, kept in ((2, 1), (4, 3)):
        again = SentenceTransformer(str(minilm.path), local_files_only=True).float()
        with pytest.raises(Killed):
            tune(again, lesson, ENCODER, CONFIG, 0, parts, Until(steps))
        assert [path.name for path in parts.iterdir()] == [f"checkpoint-{kept}"]
    again = SentenceTransformer(str(minilm.path), local_files_only=True).float()
    learned = tune(again, lesson, ENCODER, CONFIG, 0, parts, NoProgress())
    assert (learned.losses, learned.resumed_at) == (losses, 3)
    expected, found = weights(model), weights(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    # One that was stopped behind its last step has nothing left to learn.
    again = SentenceTransformer(str(minilm.path), local_files_only=True).float()
    learned = tune(again, lesson, ENCODER, CONFIG, 0, parts, NoProgress())
    assert (learned.losses, learned.resumed_at) == (losses, 4)
    found = weights(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_checkpoint_holds_what_learns_and_no_more(model, lesson, tmp_path):
    from safetensors import safe_open

    tune(model, lesson, ENCODER, CONFIG, 0, tmp_path, NoProgress())
    with safe_open(tmp_path / "checkpoint-4/model.safetensors", framework="pt") as file:
        names = set(file.keys())
    assert any(".layer.5." in name for name in names)
    assert not any("embeddings" in name or ".layer.4." in name for name in names)


def test_a_full_disk_leaves_the_earlier_checkpoint(model, lesson, tmp_path):
    with pytest.raises(Killed):
        tune(model, lesson, ENCODER, CONFIG, 0, tmp_path, Until(2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match=r"can't write there: .*; free some space") as told:
            tune(model, lesson, ENCODER, CONFIG, 0, tmp_path, NoProgress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(told.value)
    assert last_checkpoint(tmp_path).name == "checkpoint-1"


def test_the_loss_of_the_first_step_is_that_of_its_cosines(model, lesson, tmp_path):
    """At a learning rate of nothing and without dropout, from the encoder's own vectors."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    config = dataclasses.replace(
        CONFIG, epochs=1, batch_texts=4, learning_rate=0.0, partner_weight=0.25
    )
    (loss,) = tune(model, lesson, ENCODER, config, 5, tmp_path, NoProgress()).losses
    texts = lesson.texts
    (batch,) = batches(texts, lesson.negatives, 4, 5, 0)

    def vectors(names):
        return model.encode(names, normalize_embeddings=True)

    mine = vectors([texts.data.texts[i] for i in batch.texts])
    described = 20 * mine @ vectors(list(lesson.passages)).T
    rows = np.arange(4)
    expected = (np.log(np.exp(described).sum(axis=1)) - described[rows, batch.labels]).mean()
    # Each text has its partner and the two texts of the other label.
    near = 20 * mine @ mine.T
    right = near[rows, batch.partners]
    wrong = np.where(batch.labels[:, None] != batch.labels, np.exp(near), 0.0).sum(axis=1)
    expected += 0.25 * (np.log(np.exp(right) + wrong) - right).mean()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_a_model_without_layers_is_refused():
    with pytest.raises(ModelError, match="no stack of layers"):
        train_last_layers(torch.nn.Linear(2, 2), 1)


def test_more_layers_than_there_are_means_all_of_them(model):
    train_last_layers(model, 99)
    named = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any("embeddings" in name for name in named)
    assert sum(".layer.0." in name for name in named) > 0
