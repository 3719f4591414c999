import io
import os
import socket
import sys
import tracemalloc
from pathlib import Path

import pytest

from labelmend import regular_file
from labelmend.regular_file import (
    STANDARD_INPUT,
    called,
    open_regular,
    parsed_json,
    read_regular,
    recorded,
    regular_lines,
    room_for_files,
    was_piped,
)


def reason(path, most=None):
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its strerror is compared
        read_regular(path, most)
    assert str(path) == caught.value.filename
    return caught.value.strerror


class Piped(io.TextIOWrapper):
    """Standard input of another process."""

    def __init__(self, raw, terminal=False):
        super().__init__(io.BufferedReader(io.BytesIO(raw)) if isinstance(raw, bytes) else raw)
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def unread(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its strerror is compared
        regular_file.read_standard_input()
    return caught.value.strerror


def test_standard_input_comes_once_and_stays(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Piped(b"abc" * 700_000))
    first = regular_file.read_standard_input()
    assert first == b"abc" * 700_000
    assert regular_file.read_standard_input() is first
    monkeypatch.setattr(sys, "stdin", Piped(b""))
    assert regular_file.read_standard_input() == b""


def test_standard_input_is_bounded(monkeypatch):
    monkeypatch.setattr(regular_file, "room_for_files", lambda: 3 << 20)
    monkeypatch.setattr(sys, "stdin", Piped(b"a" * (3 << 20)))
    assert len(regular_file.read_standard_input()) == 3 << 20
    with Path("/dev/zero").open("rb") as endless:
        assert unread(monkeypatch, Piped(endless)) == (
            "it has more than 0.0 GiB, all that this machine's free memory is enough for"
        )


def test_no_standard_input(monkeypatch):
    said = "it is a terminal; pipe a table into it, or give a file"
    assert unread(monkeypatch, Piped(b"a", terminal=True)) == said
    said = "it is closed; pipe a table into it, or give a file"
    closed = Piped(b"a")
    closed.close()
    for stream in (None, io.StringIO("a"), closed):
        assert unread(monkeypatch, stream) == said


def test_standard_input_that_does_not_wait(monkeypatch):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, b"text,label\n")
    with os.fdopen(reading, "rb") as held:
        said = "it does not wait for what comes; give a file"
        assert unread(monkeypatch, Piped(held)) == said
        monkeypatch.setattr(sys, "stdin", None)
    os.close(writing)


def test_json_that_is_nested_too_deeply_is_none():
    assert parsed_json(b'{"a": [1, null]}') == {"a": [1, None]}
    for text in ("[" * 100_000, b'{"a":' * 100_000, "[" * 100_000 + "]" * 100_000, "{", ""):
        with pytest.raises(ValueError, match=r"nested too deeply|Expecting"):
            parsed_json(text)


def test_what_standard_input_is_called():
    assert str(called(STANDARD_INPUT)) == recorded(STANDARD_INPUT) == "standard input"
    assert (called(Path("a")), recorded(Path("a"))) == (Path("a"), "a")
    assert was_piped("standard input")
    assert not was_piped("-")


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
