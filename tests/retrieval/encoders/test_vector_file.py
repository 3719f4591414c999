"""One file of vectors and several processes that write to it at once."""

import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import psutil
import pytest

from labelmend.retrieval.encoders import vector_file
from labelmend.retrieval.encoders.vector_file import VectorFile, file_system_of

WRITERS, ROUNDS, KEYS, WIDTH = 4, 12, 40, 8

WRITER = f"""
import sys
from pathlib import Path
import numpy as np
from labelmend.retrieval.encoders import vector_file

path, number, across = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "across"
if across:
    vector_file.ACROSS_MACHINES = frozenset({{vector_file.file_system_of(path.parent)}})
file = vector_file.VectorFile(path, 1e9)
for turn in range({ROUNDS}):
    # The same keys for all, each with vectors of its own: whoever comes first has the say.
    keys = [bytes([turn, i]) * 16 for i in range({KEYS})]
    mine = np.full(({KEYS}, {WIDTH}), number, dtype=np.float32)
    held = file.settle(keys, mine)
    known, found = file.read(keys)
    assert known.all()
    assert (held == found).all()
    print(*found[:, 0].astype(int))
"""


@pytest.mark.parametrize("where", ["here", "across"])
def test_all_writers_read_what_the_first_of_them_wrote(tmp_path, where):
    path = tmp_path / "cache" / f"{'0' * 32}.sqlite"
    path.parent.mkdir()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number), where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    said = []
    for writer in writers:
        out, error = writer.communicate()
        assert (writer.returncode, error) == (0, "")
        said.append(out)
    assert len(said[0].splitlines()) == ROUNDS
    assert said == [said[0]] * WRITERS
    left = {one.name.removeprefix(path.name) for one in path.parent.iterdir()}
    # A log that is shared by memory is of one machine only.
    assert left <= ({"", "-journal"} if where == "across" else {"", "-wal", "-shm"})


def test_a_file_of_one_machine_is_read_where_others_write(tmp_path, monkeypatch):
    file = VectorFile(tmp_path / "a.sqlite", 1e9)
    keys, vectors = [b"k" * 32], np.ones((1, 3), dtype=np.float32)
    file.settle(keys, vectors)
    monkeypatch.setattr(vector_file, "_journal_in", lambda folder: ("TRUNCATE", "FULL"))
    known, found = file.read(keys)
    assert known.tolist() == [True]
    assert found.tolist() == [[1, 1, 1]]
    # The log has been written into the file, and is gone.
    left = sorted(one.name for one in tmp_path.iterdir())
    assert left in (["a.sqlite"], ["a.sqlite", "a.sqlite-journal"])


Mount = namedtuple("Mount", "mountpoint fstype")


def test_the_file_system_is_that_of_the_nearest_mount(monkeypatch):
    mounts = [
        Mount("/", "ext4"),
        Mount("/data", "xfs"),
        Mount("/data/shared", "nfs4"),
        Mount("/data/shared", "cifs"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert file_system_of(Path("/data/shared/cache")) == "cifs"
    assert file_system_of(Path("/data/sharedness")) == "xfs"
    assert file_system_of(Path("/home")) == "ext4"


def test_a_system_that_does_not_tell(monkeypatch):
    def refuse(**_):
        raise OSError

    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert file_system_of(Path("/data")) == ""
