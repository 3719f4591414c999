"""Checkpoints: whole, of this very training, or none."""

import pytest

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
