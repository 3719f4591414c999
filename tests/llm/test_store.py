import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

from labelmend.errors import OutputError
from labelmend.llm import store as store_module
from labelmend.llm.store import Store, check_store, forget, key_of


def python(code, *arguments):
    """Start another Python process on labelmend."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_votes_and_replies_come_back():
    scores = (-1.5, 0.1, -700.25, float("-inf"))
    with Store(None) as store:
        store.put_votes([("a", scores), ("b", (2.0,))])
        store.put_replies([("a", "The user says ça va 🙂.\n"), ("empty", "")])
        assert store.votes(["b", "a", "unknown"]) == {"a": scores, "b": (2.0,)}
        assert store.replies(["a", "empty", "b"]) == {"a": "The user says ça va 🙂.\n", "empty": ""}
        assert store.count() == 2


def test_the_first_answer_stands():
    with Store(None) as store:
        assert store.put_votes([("a", (1.0, 2.0))]) == 1
        assert store.put_votes([("a", (3.0, 4.0, 5.0)), ("b", (6.0,))]) == 1
        assert store.votes(["a", "b"]) == {"a": (1.0, 2.0), "b": (6.0,)}
        store.put_replies([("a", "one")])
        store.put_replies([("a", "two")])
        assert store.replies(["a"]) == {"a": "one"}


def test_seconds_add_up(tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        assert store.seconds("a") == 0.0
        store.add_seconds("a", 1.5)
        store.add_seconds("b", 8.0)
        with Store(path) as other:
            other.add_seconds("a", 0.25)
        assert (store.seconds("a"), store.seconds("b")) == (1.75, 8.0)
    forget(path)
    with Store(path) as store:
        assert (store.seconds("a"), store.seconds("b")) == (0.0, 0.0)


def test_a_store_of_the_first_version_learns_of_seconds(tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
        store._database.execute("DROP TABLE spent")
    with Store(path) as store:
        store.add_seconds("a", 1.0)
        assert (store.seconds("a"), store.votes(["a"])) == (1.0, {"a": (1.0,)})


def test_nothing_in_nothing_out():
    with Store(None) as store:
        assert store.put_votes([]) == 0
        assert store.votes([]) == {}
        assert store.votes(["a"]) == {}


@pytest.mark.parametrize("count", [499, 500, 501, 1200])
def test_more_keys_than_a_statement_takes(count):
    keys = [f"key {i}" for i in range(count)]
    with Store(None) as store:
        store.put_votes([(key, (float(i),)) for i, key in enumerate(keys)])
        assert store.votes([*keys, keys[0]]) == {key: (float(i),) for i, key in enumerate(keys)}


def test_a_store_outlives_its_process(tmp_path):
    path = tmp_path / "votes.sqlite"
    code = """
        import sys
        from pathlib import Path
        from labelmend.llm.store import Store
        with Store(Path(sys.argv[1])) as store:
            store.put_votes([("a", (1.0, -2.0))])
    """
    process = python(code, path)
    assert process.communicate() == ("", "")
    assert process.returncode == 0
    with Store(path) as store:
        assert store.votes(["a"]) == {"a": (1.0, -2.0)}
    assert [p.name for p in tmp_path.iterdir()] == ["votes.sqlite"]


def test_two_processes_write_to_one_store(tmp_path):
    path = tmp_path / "votes.sqlite"
    code = """
        import sys
        from pathlib import Path
        from labelmend.llm.store import Store
        with Store(Path(sys.argv[1])) as store:
            for i in range(60):
                store.put_votes([(f"{sys.argv[2]} {i}", (float(i),)), ("both", (1.0,))])
    """
    both = [python(code, path, name) for name in ("left", "right")]
    for process in both:
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    with Store(path) as store:
        assert store.count() == 2 * 60 + 1
        keys = [f"{name} {i}" for name in ("left", "right") for i in range(60)]
        assert store.votes(keys) == {key: (float(key.split()[1]),) for key in keys}


def test_kill_9_keeps_what_was_put(tmp_path):
    path = tmp_path / "votes.sqlite"
    code = """
        import sys
        from pathlib import Path
        from labelmend.llm.store import Store
        store = Store(Path(sys.argv[1]))
        for i in range(100_000):
            store.put_votes([(f"{i} {j}", (float(j),)) for j in range(16)])
            print(i, flush=True)
    """
    process = python(code, path)
    last = -1
    for line in process.stdout:
        last = int(line)
        if last >= 20:
            os.kill(process.pid, signal.SIGKILL)
            break
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    last = max([last, *map(int, rest.split())])
    with Store(path) as store:
        keys = [f"{i} {j}" for i in range(last + 1) for j in range(16)]
        assert len(store.votes(keys)) == len(keys)
        # Each put is whole or absent.
        assert store.count() % 16 == 0
        store.put_votes([("after", (1.0,))])
        assert store.votes(["after"]) == {"after": (1.0,)}


def test_a_file_that_is_no_store(tmp_path):
    path = tmp_path / "votes.sqlite"
    path.write_text("text,label\nhello,greeting\n" * 200)
    with pytest.raises(
        OutputError, match=r"votes\.sqlite: can't be used as the vote store"
    ) as found:
        Store(path)
    assert "\n" not in str(found.value)
    assert path.read_text().startswith("text,label\n")


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(OutputError, match="can't be used as the vote store"):
        Store(tmp_path / "missing" / "votes.sqlite")


def test_a_store_that_is_damaged_behind_its_header(tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([(key_of(str(i)), (1.0,) * 50) for i in range(500)])
    raw = bytearray(path.read_bytes())
    assert len(raw) > 20 * 4096
    raw[2 * 4096 :] = b"\xff" * (len(raw) - 2 * 4096)
    path.write_bytes(raw)
    with (
        Store(path) as store,
        pytest.raises(OutputError, match="can't be used as the vote store") as found,
    ):
        store.votes([key_of(str(i)) for i in range(500)])
    assert "\n" not in str(found.value)


def other_database(path, *, mark=0, table="votes (something TEXT)"):
    """Somebody else's database."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE {table}")
        database.execute(f"PRAGMA application_id = {mark}")


@pytest.mark.parametrize(
    ("mark", "table"),
    [
        (0, "votes (something TEXT)"),
        (0, "votes (key TEXT, scores BLOB, more TEXT)"),
        (0, "customers (key TEXT PRIMARY KEY, scores BLOB NOT NULL) WITHOUT ROWID"),
        (7, "votes (key TEXT PRIMARY KEY, scores BLOB NOT NULL) WITHOUT ROWID"),
    ],
)
@pytest.mark.parametrize("use", [Store, check_store, forget])
def test_somebody_elses_database_is_given_no_tables(tmp_path, mark, table, use):
    path = tmp_path / "votes.sqlite"
    other_database(path, mark=mark, table=table)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="can't be used as the vote store: it is somebody else's"):
        use(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["votes.sqlite"]


def test_a_store_bears_our_mark_and_an_older_one_gets_it(tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
    assert path.read_bytes()[68:72] == b"lmvt"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA application_id = 0")
    check_store(path)
    with Store(path) as store:
        assert store.count() == 1
    assert path.read_bytes()[68:72] == b"lmvt"


def test_a_database_without_tables_is_nobodys(tmp_path):
    path = tmp_path / "votes.sqlite"
    path.touch()
    check_store(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")  # as a run leaves it that is killed here
    check_store(path)
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])


def test_keys_tell_parts_apart():
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", "") != key_of("a")
    assert key_of("a\nb") != key_of("a", "b")
    # sha256 of the parts, each after its length in eight bytes.
    assert key_of() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_failed_run_that_learned_nothing_leaves_no_store(tmp_path):
    path = tmp_path / "votes.sqlite"
    with pytest.raises(KeyboardInterrupt), Store(path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "put", [lambda s: s.put_votes([("a", (1.0,))]), lambda s: s.put_replies([("a", "b")])]
)
def test_a_failed_run_keeps_what_it_learned(tmp_path, put):
    path = tmp_path / "votes.sqlite"

    def fail():
        with Store(path) as store:
            put(store)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with Store(path) as store:
        assert store.count() + store.count_replies() == 1


def test_a_store_that_was_there_before_is_not_removed(tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path):
        pass
    with pytest.raises(KeyboardInterrupt), Store(path):
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["votes.sqlite"]


def test_forget(tmp_path):
    path = tmp_path / "votes.sqlite"
    forget(path)
    assert list(tmp_path.iterdir()) == []
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
        store.put_replies([("a", "b")])
    forget(path)
    with Store(path) as store:
        assert store.count() + store.count_replies() == 0
        store.put_votes([("a", (2.0,))])
        assert store.votes(["a"]) == {"a": (2.0,)}


def test_forget_removes_no_store_that_it_can_not_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
        store._database.execute("BEGIN IMMEDIATE")  # as another process's transaction
        with pytest.raises(OutputError, match="database is locked; wait until the other process"):
            forget(path)
        store._database.rollback()
        assert store.votes(["a"]) == {"a": (1.0,)}
    with Store(path) as store:
        assert store.votes(["a"]) == {"a": (1.0,)}
    with pytest.raises(OutputError, match="is a folder"):
        forget(tmp_path)


def test_a_store_that_can_not_be_written_to_is_found_out_at_once(tmp_path, monkeypatch):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
    connect = sqlite3.connect

    def read_only(place, timeout):
        return connect(f"file:{place}?mode=ro", timeout=timeout, uri=True)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(OutputError, match="readonly database; see that it is a file that you may"):
        Store(path)


def test_what_to_do_where_a_vote_can_not_be_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    path = tmp_path / "votes.sqlite"
    with Store(path) as store, Store(path) as other:
        other._database.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match=r"is locked; wait until .* is done, and run again"):
            store.put_votes([("a", (1.0,))])
        other._database.rollback()


def test_forget_removes_no_store_for_which_the_disk_lacks_room(tmp_path, monkeypatch):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])

    def clear(store):
        with store._usable(), store._database:
            store._database.execute("PRAGMA max_page_count = 1")  # no less than it has
            store._database.execute("BEGIN IMMEDIATE")
            store._database.execute("INSERT INTO replies VALUES ('b', ?)", ["long" * 100_000])

    monkeypatch.setattr(Store, "clear", clear)
    with pytest.raises(OutputError, match="is full; free some space"):
        forget(path)
    with Store(path) as store:
        assert store.votes(["a"]) == {"a": (1.0,)}


@pytest.mark.parametrize("shape", ["text", "damaged", "log"])
def test_forget_removes_nothing_that_may_be_somebody_elses(tmp_path, shape):
    path = tmp_path / "votes.sqlite"
    place = path.with_name("votes.sqlite-wal") if shape == "log" else path
    content = {"text": b"text,label\nhello,greeting\n", "log": b"a log of mine"}
    place.write_bytes(content.get(shape, b"SQLite format 3\0" + b"\xff" * 9000))
    before = place.read_bytes()
    for use in (forget, Store):
        with pytest.raises(OutputError, match=r"move it away, or name|remove it"):
            use(path)
        assert place.read_bytes() == before
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("shape", ["damaged", "log only"])
def test_forget_removes_what_is_left_of_a_store(tmp_path, shape):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        store.put_votes([("a", (1.0,))])
        log = path.with_name("votes.sqlite-wal").read_bytes()
    if shape == "damaged":
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 9000)
    else:
        path.unlink()
        path.with_name("votes.sqlite-wal").write_bytes(log)
    forget(path)
    with Store(path) as store:
        assert store.count() == 0
        store.put_votes([("a", (2.0,))])
        assert store.votes(["a"]) == {"a": (2.0,)}
    assert [p.name for p in tmp_path.iterdir()] == ["votes.sqlite"]


HOLDING = """
    import sys
    from pathlib import Path
    from labelmend.llm.store import Store
    with Store(Path(sys.argv[1])) as store:
        print("open", flush=True)
        sys.stdin.readline()
        store.put_votes([("theirs", (1.0,))])
"""


@pytest.mark.parametrize("how", ["fresh", "failed"])
def test_a_store_that_another_process_has_open_is_not_removed(tmp_path, how):
    path = tmp_path / "votes.sqlite"

    def fail():
        with Store(path):
            process = python(HOLDING, path)
            assert process.stdout.readline() == "open\n"
            started.append(process)
            raise KeyboardInterrupt

    started = []
    if how == "failed":
        with pytest.raises(KeyboardInterrupt):
            fail()
        (process,) = started
    else:
        with Store(path) as store:
            store.put_votes([("old", (0.0,))])
        process = python(HOLDING, path)
        assert process.stdout.readline() == "open\n"
        forget(path)
    assert process.communicate("go\n", timeout=30) == ("", "")
    with Store(path) as store:
        assert store.votes(["old", "theirs"]) == {"theirs": (1.0,)}


def test_many_processes_open_a_new_store_at_once(tmp_path):
    path = tmp_path / "votes.sqlite"
    code = """
        import sys, time
        from pathlib import Path
        from labelmend.llm.store import Store
        while time.time() < float(sys.argv[2]):
            pass
        with Store(Path(sys.argv[1])) as store:
            store.put_votes([(sys.argv[3], (1.0,))])
    """
    at = time.time() + 2.0
    processes = [python(code, path, at, i) for i in range(6)]
    for process in processes:
        assert process.communicate(timeout=60) == ("", "")
    with Store(path) as store:
        assert store.count() == 6
