import pytest

from labelmend.data.outputs.lines import append_lines, is_begun, numbered_lines, read_lines
from labelmend.errors import InputError, OutputError

LINE = b'{"schema_version": 1}'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lines.jsonl"


def test_lines_go_behind_those_that_are_there(path):
    append_lines(path, [], "answers")
    assert not path.exists()
    append_lines(path, [{"schema_version": 1}], "answers")
    append_lines(path, [{"a": "é"}, {"b": None}], "answers")
    assert read_lines(path) == LINE + '\n{"a": "é"}\n{"b": null}\n'.encode()


def test_a_line_without_its_end_is_ended_first(path):
    path.write_bytes(LINE[:9])
    append_lines(path, [{"schema_version": 1}], "answers")
    assert path.read_bytes() == LINE[:9] + b"\n" + LINE + b"\n"


def test_the_last_line_may_be_unfinished_and_no_other(path):
    raw = b"\xef\xbb\xbf" + LINE[:9] + b"\n\n" + LINE[:12]
    assert list(numbered_lines(raw)) == [(1, LINE[:9], False), (3, LINE[:12], True)]
    # Ended, it is whole; and what is none of ours is no beginning of ours.
    assert list(numbered_lines(LINE + b"\n")) == [(1, LINE, False)]
    assert list(numbered_lines(b"hello")) == [(1, b"hello", False)]
    assert is_begun(b"{")
    assert not is_begun(b'{"a"')


def test_what_can_not_be_read_or_written(path, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_lines(path)
    with pytest.raises(InputError, match="can't be read"):
        read_lines(tmp_path)
    with pytest.raises(OutputError, match="the label edits in it are untouched"):
        append_lines(tmp_path, [{}], "label edits")
