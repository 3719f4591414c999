import os
import socket
import tracemalloc

import pytest

from labelmend import regular_file
from labelmend.regular_file import open_regular, read_regular, regular_lines, room_for_files


def reason(path, most=None):
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its strerror is compared
        read_regular(path, most)
    assert str(path) == caught.value.filename
    return caught.value.strerror


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link") == b"abc"
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"abc"

    os.mkfifo(tmp_path / "pipe")
    assert reason(tmp_path / "pipe") == "it is a named pipe, no regular file"
    (tmp_path / "loop").symlink_to("loop")
    assert reason(tmp_path / "loop") == "Too many levels of symbolic links"
    assert reason(tmp_path) == "Is a directory"
    assert reason(tmp_path / ("x" * 300)) == "File name too long"
    assert reason(tmp_path / "a\0b") == "no name of a file (embedded null byte)"
    assert reason(tmp_path / "none") == "No such file or directory"
    device = "it is a device, no regular file"
    devices = ("/dev/zero", "/dev/urandom", "/dev/full", "/dev/null")
    assert {reason(type(tmp_path)(name)) for name in devices} == {device}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert reason(tmp_path / "s") == "it is a socket, no regular file"


def test_no_more_is_read_than_was_allowed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abcd")
    assert read_regular(path, 4) == b"abcd"
    said = "it is larger than 3 bytes, the most that such a file may have"
    assert reason(path, 3) == said
    # Files of /proc say that they are empty.
    assert reason(type(path)("/proc/self/status"), 3) == said


def test_a_file_larger_than_the_machine_is_not_read(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(room_for_files() + (1 << 40))
    assert reason(path).startswith("it has 10")
    assert "this machine's free memory is enough for files of" in reason(path)


def test_lines_are_read_one_by_one_and_none_without_end(tmp_path, monkeypatch):
    path = tmp_path / "lines"
    path.write_bytes(b"a\nbcd\n\ne")
    assert list(regular_lines(path)) == [b"a\n", b"bcd\n", b"\n", b"e"]
    monkeypatch.setattr(regular_file, "_LONGEST_LINE", 3)
    with pytest.raises(OSError, match="a line of it is longer than 3 bytes"):
        list(regular_lines(path))


def test_a_small_file_asks_for_little_room(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"words")
    tracemalloc.start()
    try:
        assert read_regular(path) == b"words"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
