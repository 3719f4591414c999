import pytest

from labelmend.errors import ColumnError, ExtraMissingError, InputError
from labelmend.retrain.project import RowSource
from labelmend.retrain.sources.database import Selected, read_database, read_sqlite


def source(**told):
    return RowSource(name="db", query=told.pop("query", "SELECT 1 AS text"), **told)


def test_a_url_may_stand_in_the_environment(monkeypatch):
    asked = source(database="env:LABELMEND_TEST_URL", query="SELECT 'hi' AS text, 'a' AS label")
    monkeypatch.delenv("LABELMEND_TEST_URL", raising=False)
    with pytest.raises(InputError, match="the environment variable LABELMEND_TEST_URL is not set"):
        read_database(asked, None)
    monkeypatch.setenv("LABELMEND_TEST_URL", "sqlite://")
    (row,) = read_database(asked, None).rows(None, None)
    assert (row.text, row.label, row.id, row.source) == ("hi", "a", "", "db")


def test_no_message_holds_a_password(monkeypatch):
    monkeypatch.setenv("LABELMEND_TEST_URL", "postgresql+psycopg://me:geheim@127.0.0.1:1/x y")
    for url in ("env:LABELMEND_TEST_URL", "me:geheim@host", "sqlite://me:geheim@/x/y"):
        with pytest.raises((InputError, ExtraMissingError)) as caught:
            read_database(source(database=url), None)
        assert "geheim" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_wrong_query_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"can't be read \(no such table: gone\)"):
        read_database(source(database="sqlite://", query="SELECT * FROM gone"), None)
    with pytest.raises(InputError, match="no such file"):
        read_sqlite(source(sqlite="x.db"), tmp_path / "x.db", None)


def test_the_file_of_sqlite_is_not_written_to(tmp_path):
    path = tmp_path / "odd name ?#%.db"
    path.touch()
    with pytest.raises(InputError, match="readonly database"):
        read_sqlite(source(sqlite="x", query="CREATE TABLE t (x)"), path, None)


def test_columns_are_found_by_name_or_told():
    found = Selected(source(database="x"), ("Text", "intent", "y"), (), None)
    assert list(found.rows(None, None)) == []
    with pytest.raises(ColumnError, match=r"no column 'texxt' \(did you mean 'Text'\?\)"):
        list(found.rows("texxt", None))
    bare = Selected(source(database="x"), ("a", "b"), (), None)
    with pytest.raises(ColumnError, match="no column is found by its name among a, b"):
        list(bare.rows(None, None))


def test_the_cursor_stays_where_nothing_came():
    asked = source(
        database="sqlite://",
        query="SELECT 1 AS text, 1 AS label, 5 AS n WHERE 5 > :cursor",
        cursor="n",
    )
    assert read_database(asked, None).cursor == 5
    assert read_database(asked, 7).cursor == 7
    with pytest.raises(ColumnError, match="no column 'm'"):
        read_database(source(database="sqlite://", cursor="m"), None)
