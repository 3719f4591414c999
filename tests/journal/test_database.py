import sqlite3
import stat
from contextlib import closing, suppress

import pytest

from labelmend.errors import InputError, OutputError
from labelmend.journal.database import check_log, erase, in_parts, open_log, transaction
from labelmend.journal.keys import LogKey


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.sqlite"
    database, _ = open_log(path, create=True)
    database.close()
    return path


def test_a_new_log(tmp_path):
    path = tmp_path / "log.sqlite"
    database, key = open_log(path, create=True)
    with closing(database):
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA secure_delete").fetchone() == (1,)
    assert key == LogKey.read(tmp_path / "log.sqlite.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_log(tmp_path / "log.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="choose a folder"):
        open_log(tmp_path / "no" / "log.sqlite", create=True)


@pytest.mark.parametrize("create", [False, True])
def test_a_foreign_database_stays_as_it_is(tmp_path, create):
    path = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE requests (id)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(InputError, match="is no log of labelmend's"):
        open_log(path, create=create)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["theirs.sqlite"]


@pytest.mark.parametrize("create", [False, True])
def test_a_text_file_stays_as_it_is(tmp_path, create):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary " * 100)
    with pytest.raises(InputError, match="is no log of labelmend's"):
        open_log(path, create=create)
    assert path.read_text() == "dear diary " * 100


def test_an_empty_file_becomes_a_log(tmp_path):
    path = tmp_path / "log.sqlite"
    path.touch()
    open_log(path, create=True)[0].close()
    open_log(path)[0].close()


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="is no file"):
        open_log(tmp_path, create=True)


def test_a_log_of_a_later_version(log):
    with closing(sqlite3.connect(log)) as database:
        database.execute("PRAGMA user_version = 3")
    with pytest.raises(InputError, match="later labelmend"):
        open_log(log, create=True)


def test_a_key_that_is_gone_or_of_another_log(log):
    key = LogKey.beside(log)
    secret = key.read_text()
    key.unlink()
    for create in (False, True):
        with pytest.raises(InputError, match="the key of the log is missing"):
            open_log(log, create=create)
    key.write_text("ab" * 32)
    with pytest.raises(InputError, match="is the key of another log"):
        open_log(log, create=True)
    key.write_text(secret)
    open_log(log)[0].close()


def test_a_damaged_log(log):
    raw = bytearray(log.read_bytes())
    raw[100:] = b"\xff" * (len(raw) - 100)
    log.write_bytes(raw)
    with pytest.raises(InputError, match="is damaged"):
        open_log(log, create=True)


def test_a_transaction_is_whole_or_nothing(log):
    database, _ = open_log(log)
    with closing(database):
        with suppress(ZeroDivisionError), transaction(database):
            database.execute("INSERT INTO labels VALUES ('a', 0)")
            raise ZeroDivisionError
        assert database.execute("SELECT count(*) FROM labels").fetchone() == (0,)
        with transaction(database):
            database.execute("INSERT INTO labels VALUES ('a', 0)")
        assert database.execute("SELECT count(*) FROM labels").fetchone() == (1,)


def test_the_write_ahead_log_is_emptied(log):
    database, _ = open_log(log)
    with closing(database):
        with transaction(database):
            database.execute("INSERT INTO labels VALUES ('a', 0)")
        wal = log.with_name("log.sqlite-wal")
        assert wal.stat().st_size > 0
        assert erase(database, only_if_begun=True)  # nothing was deleted
        assert wal.stat().st_size > 0
        assert erase(database)
        assert wal.stat().st_size == 0


def test_names_come_in_lots_that_a_statement_takes():
    names = [str(i) for i in range(1001)]
    parts = list(in_parts(names))
    assert [len(part) for _, part in parts] == [500, 500, 1]
    assert parts[-1] == ("?", ["1000"])
    assert [name for _, part in parts for name in part] == names


def test_a_log_is_looked_at_without_a_change(log, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    check_log(log)
    check_log(tmp_path / "new.sqlite")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "empty.sqlite").touch()
    check_log(tmp_path / "empty.sqlite")
    with pytest.raises(OutputError, match="choose a folder that is there"):
        check_log(tmp_path / "no" / "log.sqlite")
    with pytest.raises(InputError, match="is no file"):
        check_log(tmp_path)
    (tmp_path / "notes.txt").write_text("dear diary " * 100)
    with pytest.raises(InputError, match="is no log of labelmend's"):
        check_log(tmp_path / "notes.txt")
    LogKey.beside(log).unlink()
    with pytest.raises(InputError, match="the key of the log is missing"):
        check_log(log)
