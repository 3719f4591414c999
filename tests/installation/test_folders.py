import os

import pytest

from labelmend.installation.folders import folders, look_at


def test_a_folder_with_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"12345")
    (tmp_path / "y").write_bytes(b"123")
    found = look_at("cache", tmp_path)
    assert (found.name, found.size_bytes, found.writable) == ("cache", 8, True)
    assert found.free_bytes > 0


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path):
    found = look_at("models", tmp_path / "a" / "b")
    assert (found.size_bytes, found.writable) == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_way(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    assert not look_at("models", tmp_path / "a" / "b").writable
    assert not look_at("models", tmp_path / "a").writable


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    assert not look_at("models", tmp_path / "a").writable
    tmp_path.chmod(0o700)


def test_the_folders_lie_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path))
    assert [(f.name, f.path) for f in folders()] == [
        ("models", tmp_path / "models"),
        ("cache", tmp_path / "cache"),
    ]
