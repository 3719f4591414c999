"""A real PostgreSQL server, which a package of the Python index carries, on a socket of its own."""

import subprocess

import pytest
from fixtures.peer_venv import peer_environment

from labelmend.errors import InputError
from labelmend.retrain.project import RowSource
from labelmend.retrain.sources.database import read_database

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SERVE = """
import sys
import pgserver
server = pgserver.get_server(sys.argv[1])
server.psql(
    "CREATE TABLE said (n serial PRIMARY KEY, text text, label text, at timestamptz);"
    "INSERT INTO said (text, label, at) VALUES"
    " ('hi', 'greet', '2026-11-30 05:00Z'), ('bye', NULL, '2026-11-30 06:00Z')"
)
print(server.get_uri(), flush=True)
for line in sys.stdin:
    server.psql(line)
    print("done", flush=True)
server.cleanup()
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    python = peer_environment("pgserver", "pgserver==0.1.4")
    folder = tmp_path_factory.mktemp("pg")
    with subprocess.Popen(
        [python, "-c", SERVE, folder / "data"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        url = server.stdout.readline().strip()
        assert url.startswith("postgresql://")

        def tell(sql):
            server.stdin.write(sql + "\n")
            server.stdin.flush()
            assert server.stdout.readline() == "done\n"

        yield url.replace("postgresql://", "postgresql+psycopg://"), tell
        server.stdin.close()
        server.wait(60)


def read(source, cursor=None):
    found = read_database(source, cursor)
    return [(row.text, row.label) for row in found.rows(None, None)], found.cursor


def test_a_query_goes_on_behind_a_number_and_behind_a_time(postgres, monkeypatch):
    url, tell = postgres
    monkeypatch.setenv("LABELMEND_TEST_PG", url)
    by_number = RowSource(
        name="pg",
        database="env:LABELMEND_TEST_PG",
        query="SELECT n, text, label FROM said WHERE n > :cursor ORDER BY n",
        cursor="n",
    )
    by_time = RowSource(
        name="pg",
        database="env:LABELMEND_TEST_PG",
        query="SELECT at, text, label FROM said WHERE at > :cursor ORDER BY at",
        cursor="at",
        cursor_from="2000-01-01",
    )
    assert read(by_number) == ([("hi", "greet"), ("bye", "")], 2)
    rows, time = read(by_time)
    assert rows == [("hi", "greet"), ("bye", "")]
    assert time.startswith("2026-11-30 ")
    tell("INSERT INTO said (text, label, at) VALUES ('no', 'deny', '2026-11-30 07:00Z')")
    assert read(by_number, 2) == ([("no", "deny")], 3)
    assert read(by_time, time)[0] == [("no", "deny")]


def test_nothing_is_written_to_it(postgres):
    url, _ = postgres
    source = RowSource(name="pg", database=url, query="DELETE FROM said RETURNING text, label")
    with pytest.raises(InputError, match="read-only transaction"):
        read_database(source, None)


def test_a_server_that_is_not_there_is_one_line():
    source = RowSource(
        name="pg",
        database="postgresql+psycopg://me:geheim@127.0.0.1:1/x?connect_timeout=3",
        query="SELECT 1",
    )
    with pytest.raises(InputError) as caught:
        read_database(source, None)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
