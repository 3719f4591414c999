"""Checkpoints: whole, one's own, or none."""

import resource

import pytest
import torch

from labelmend.errors import OutputError
from labelmend.tune.checkpoint import Checkpoint, Saved

SAVED = Saved(2, (0.5, 0.25), {"weight/a": torch.tensor([1.0, 2.0])})


def test_what_was_saved_comes_back(tmp_path):
    checkpoint = Checkpoint(tmp_path / "e.tuning.safetensors", "key")
    assert checkpoint.load() is None
    checkpoint.save(SAVED)
    held = checkpoint.load()
    assert (held.step, held.losses) == (2, (0.5, 0.25))
    assert held.tensors["weight/a"].tolist() == [1.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["e.tuning.safetensors"]
    checkpoint.remove()
    assert not list(tmp_path.iterdir())
    checkpoint.remove()


def test_another_runs_and_a_damaged_one_are_no_checkpoint(tmp_path):
    path = tmp_path / "e.tuning.safetensors"
    Checkpoint(path, "one").save(SAVED)
    assert Checkpoint(path, "other").load() is None
    path.write_bytes(path.read_bytes()[:-3])
    assert Checkpoint(path, "one").load() is None
    path.write_bytes(b"")
    assert Checkpoint(path, "one").load() is None


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"gone/e\.safetensors"):
        Checkpoint(tmp_path / "gone" / "e.safetensors", "key").save(SAVED)


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "key")
    checkpoint.save(SAVED)
    large = Saved(3, (0.5, 0.25, 0.1), {"weight/a": torch.zeros(100_000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match="can't write"):
            checkpoint.save(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.load().step == 2
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]
