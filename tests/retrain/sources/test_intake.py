import os
import sqlite3

import pytest

from labelmend.errors import InputError
from labelmend.retrain.known import PASSED_OVER
from labelmend.retrain.project import open_project
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrain.sources.intake import take


def opened(tmp_path, *sources):
    path = tmp_path / "project.yaml"
    path.write_text("base: a.csv\nsources:\n" + "".join(f"  - {source}\n" for source in sources))
    return open_project(path)


def as_taken(rows, decision="keep"):
    return [
        MendedRow(r.source, r.id, r.key, r.text, r.label, r.rows, "train", r.label, 1.0, decision)
        for r in rows
    ]


def pairs(intake):
    return [(row.text, row.label) for row in intake.rows]


def test_rows_of_a_growing_file_are_taken_once(tmp_path):
    project = opened(tmp_path, "{name: log, table: log.csv}")
    assert take(project, (), {}, ()).rows == ()  # nobody has written to it yet
    (tmp_path / "log.csv").write_text("text,label\nhi,greet\nhi,greet\n")
    first = take(project, (), {}, ())
    assert pairs(first) == [("hi", "greet")] * 2
    (tmp_path / "log.csv").write_text("text,label\nbye,leave\nhi,greet\nhi,greet\nhi,greet\n")
    # Equal rows are counted, wherever in the file they stand.
    second = take(project, as_taken(first.rows), {}, ())
    assert pairs(second) == [("bye", "leave"), ("hi", "greet")]


def test_a_row_that_was_relabelled_is_new(tmp_path):
    project = opened(tmp_path, "{name: log, table: log.csv, id_column: n}")
    (tmp_path / "log.csv").write_text("n,text,label\n1,hi,greet\n2,bye,leave\n")
    first = take(project, (), {}, ())
    (tmp_path / "log.csv").write_text("n,text,label\n1,hi,hello\n2,bye,leave\n")
    second = take(project, as_taken(first.rows), {}, ())
    assert [(row.id, row.label) for row in second.rows] == [("1", "hello")]


def test_files_of_a_folder_are_read_when_they_change(tmp_path):
    project = opened(tmp_path, '{name: inbox, folder: inbox, files: "*.csv"}')
    with pytest.raises(InputError, match="no such folder; create it, or mend the project"):
        take(project, (), {}, ())
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.csv").write_text("text,label\nhi,greet\n")
    (tmp_path / "inbox" / ".b.csv").write_text("text,label\nno,deny\n")
    (tmp_path / "inbox" / "c.txt").write_text("text,label\nno,deny\n")
    first = take(project, (), {}, ())
    assert pairs(first) == [("hi", "greet")]
    known = as_taken(first.rows)
    # The same row in another file is another one.
    (tmp_path / "inbox" / "d.csv").write_text("text,label\nhi,greet\n")
    second = take(project, known, first.cursors, ())
    assert [(row.part, row.text) for row in second.rows] == [("d.csv", "hi")]
    os.utime(tmp_path / "inbox" / "a.csv", ns=(1, 1))
    assert take(project, [*known, *as_taken(second.rows)], second.cursors, ()).rows == ()


def test_a_broken_file_is_told_of_and_read_again_once_it_is_mended(tmp_path):
    project = opened(tmp_path, "{name: inbox, folder: inbox}")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.csv").write_text("text,label\nhi,greet\n")
    (tmp_path / "inbox" / "b.csv").write_text("what,ever\nbye,leave\n")
    first = take(project, (), {}, ())
    assert pairs(first) == [("hi", "greet")]
    (told,) = first.notes
    assert told.startswith("source inbox was passed over this time: ")
    assert "b.csv" in told
    (tmp_path / "inbox" / "b.csv").write_text("text,label\nbye,leave\n")
    second = take(project, as_taken(first.rows), first.cursors, ())
    assert pairs(second) == [("bye", "leave")]


def test_a_source_that_fails_keeps_no_other_waiting(tmp_path):
    project = opened(
        tmp_path, "{name: gone, folder: gone}", "{name: log, table: log.csv, rows: answers}"
    )
    (tmp_path / "log.csv").write_text("text,label\nhi,greet\n , greet\nhi,\n")
    found = take(project, (), {}, ())
    assert [(row.source, row.rows) for row in found.rows] == [("log", "answers")]
    assert found.notes[0].startswith("source gone was passed over this time: ")
    assert found.notes[1] == "source log: 2 rows have no text or no label and are left out"


def test_a_sender_gives_no_more_than_a_step_takes_of_one(tmp_path):
    project = opened(
        tmp_path, "{name: log, table: log.csv, sender_column: who, most_per_sender: 2}"
    )
    rows = [*(("ann", f"a{n}") for n in range(4)), ("bob", "b"), *(("", f"c{n}") for n in range(3))]
    lines = "".join(f"{text},greet,{who}\n" for who, text in rows)
    (tmp_path / "log.csv").write_text(f"text,label,who\n{lines}")
    found = take(project, (), {}, ())
    # Of senders that nobody knows, all are taken.
    assert [row.text for row in found.rows] == ["a0", "a1", "b", "c0", "c1", "c2"]
    assert [row.text for row in found.passed_over] == ["a2", "a3"]
    assert found.notes == (
        "source log: 2 rows are passed over, of senders that sent more than most_per_sender",
    )
    done = [*as_taken(found.rows), *as_taken(found.passed_over, PASSED_OVER)]
    assert take(project, done, {}, ()).rows == ()


def made_database(path, rows):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE said (n INTEGER PRIMARY KEY, text TEXT, label TEXT)")
        database.executemany("INSERT INTO said (text, label) VALUES (?, ?)", rows)
    return path


QUERY = "SELECT n, text, label FROM said WHERE n > :cursor ORDER BY n"


def test_a_query_goes_on_behind_its_cursor(tmp_path):
    project = opened(tmp_path, f'{{name: db, sqlite: said.db, query: "{QUERY}", cursor: n}}')
    path = made_database(tmp_path / "said.db", [("hi", "greet"), ("bye", None)])
    before = path.read_bytes()
    first = take(project, (), {}, ())
    assert pairs(first) == [("hi", "greet")]
    assert first.cursors == {"db": 2}
    assert path.read_bytes() == before
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO said (text, label) VALUES ('hi', 'greet')")
    second = take(project, as_taken(first.rows), first.cursors, ())
    # Another row, though it says the same: the cursor tells.
    assert pairs(second) == [("hi", "greet")]
    assert second.cursors == {"db": 3}


def test_what_people_said_of_a_served_model(tmp_path):
    project = opened(tmp_path, "{name: served, journal: log.sqlite, answers: answers.jsonl}")
    heard = []

    def journal(log, answers):
        heard.append((log, answers))
        return [NewRow("", "h1", "hi", "greet", "corrections")]

    assert take(project, (), {}, (), journal).rows == ()
    (tmp_path / "log.sqlite").touch()
    (row,) = take(project, (), {}, (), journal).rows
    assert (row.source, row.id, row.rows) == ("served", "h1", "corrections")
    assert heard == [(tmp_path / "log.sqlite", None)]
