"""Checkpoints: whole, of this very training, or none."""

from pathlib import Path

import pytest

from labelmend.classify.finetune import trainer
from labelmend.classify.finetune.trainer import last_checkpoint, open_work
from labelmend.errors import OutputError


def test_checkpoints_of_another_training_are_not_gone_on_with(tmp_path):
    work = tmp_path / "model.checkpoints"
    assert not open_work(work, "one")
    for step, state in ((2, "{}"), (4, "{}"), (10, '{"global')):
        (work / f"checkpoint-{step}").mkdir()
        (work / f"checkpoint-{step}/trainer_state.json").write_text(state)
    assert not open_work(work, "one")
    assert last_checkpoint(work).name == "checkpoint-4"
    assert not (work / "checkpoint-10").exists()  # it was being written
    assert open_work(work, "two")
    assert last_checkpoint(work) is None
    assert [path.name for path in work.iterdir()] == ["labelmend.json"]


def test_a_folder_of_the_users_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="is where checkpoints go, and holds something else"):
        open_work(tmp_path, "one")
    assert (tmp_path / "thesis.tex").exists()


def test_the_vectors_of_very_many_words_stay_as_they_are(monkeypatch):
    torch = pytest.importorskip("torch")

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.word_embeddings = torch.nn.Embedding(11, 2)
            self.position_embeddings = torch.nn.Embedding(11, 2)

    monkeypatch.setattr(trainer, "load_sentence_transformer", lambda folder, tokens: Small())
    trains = {}
    for many in (10, 11):
        monkeypatch.setattr(trainer, "_MANY_WORDS", many)
        loaded = trainer.load_tunable(Path("x"), 8).named_parameters()
        trains[many] = [name for name, parameter in loaded if parameter.requires_grad]
    assert trains[10] == ["position_embeddings.weight"]
    assert trains[11] == ["word_embeddings.weight", "position_embeddings.weight"]
