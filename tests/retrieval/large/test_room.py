"""Room for embeddings: in memory, or in a file that nobody sees and no disk is filled by."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from labelmend.protocols import NoProgress
from labelmend.retrieval.large import room
from labelmend.retrieval.large.room import Room, leave_memory
from labelmend.retrieval.space import TextSpace

needs_files = pytest.mark.skipif(
    not hasattr(os, "posix_fallocate"), reason="this system reserves no room in files"
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path))
    return tmp_path


def resident_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:")) + next(
        int(line.split()[1]) for line in lines if line.startswith("RssShmem:")
    )


def test_a_small_table_is_in_memory():
    held = Room(3, 2)
    held.vectors[:] = 1
    held.let_go(slice(0, 3))
    assert not held.is_mapped
    assert held.vectors.tolist() == [[1, 1]] * 3


@needs_files
def test_what_is_let_go_is_found_again(home):
    held = Room(5, 1000, in_memory=0)
    assert held.is_mapped
    for start in range(0, 5, 2):
        rows = slice(start, min(start + 2, 5))
        held.vectors[rows] = np.arange(start, rows.stop)[:, None]
        held.let_go(rows)
    assert (held.vectors == np.arange(5)[:, None]).all()
    # The file has no name, so that none is left, however the process ends.
    assert [path for path in home.rglob("*") if path.is_file()] == []


@needs_files
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_what_is_let_go_leaves_memory():
    block, blocks = 4096, 16
    held = Room(block * blocks, 1024, in_memory=0)
    before = resident_kib()
    for start in range(0, block * blocks, block):
        rows = slice(start, start + block)
        held.vectors[rows] = 1.0
        held.let_go(rows)
    # 256 MiB went through, and 16 of them are a block.
    assert resident_kib() - before < 2 * 16 * 1024
    assert held.vectors.sum() == block * blocks * 1024
    assert resident_kib() - before > 200 * 1024
    leave_memory(held.vectors[1:].reshape(-1, 512))
    assert resident_kib() - before < 2 * 16 * 1024
    assert held.vectors[::block].sum() == blocks * 1024


def test_what_is_not_ours_stays(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3), dtype=np.float32))
    theirs = np.load(path, mmap_mode="c")
    theirs[:] = 1  # in memory only
    for vectors in (theirs, np.asarray(theirs), np.ones((2, 3), dtype=np.float32)):
        leave_memory(vectors)
        assert vectors.sum() == 6


@needs_files
def test_a_disk_without_room_is_not_filled(monkeypatch):
    monkeypatch.setattr(room, "_FREE", 1e18)
    assert not Room(5, 1000, in_memory=0).is_mapped


@needs_files
def test_a_folder_that_can_not_be_written_to(home):
    (home / "cache").write_text("a file")
    assert not Room(5, 1000, in_memory=0).is_mapped


class Drawn:
    """An encoder whose vectors a text's own length and first letter tell."""

    def encode(self, texts):
        found = np.array([[len(text), ord(text[0]), 1.0] for text in texts], dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    encode_passages = encode


@needs_files
def test_embeddings_are_the_same_wherever_they_lie(monkeypatch):
    texts = [f"{'abc'[i % 3]}{'x' * (i % 7)}" for i in range(3000)]
    kept = TextSpace([Drawn, Drawn])
    found = kept.fit(texts, NoProgress())
    monkeypatch.setattr(room, "IN_MEMORY", 4 * mmap.PAGESIZE)
    mapped = TextSpace([Drawn, Drawn])
    again = mapped.fit(texts, NoProgress())
    assert found.tobytes() == again.tobytes()
    assert [mean.tolist() for mean in kept.means] == [mean.tolist() for mean in mapped.means]
    assert Room(*again.shape).is_mapped
