"""Prodigy's answers, by the schema of https://prodi.gy/docs/api-interfaces."""

import json

import pytest
from fixtures.round_trip import comes_back, table_of, written

from labelmend.configs.load import load_config
from labelmend.data.formats.tools.prodigy import PRODIGY
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest, load_table
from labelmend.data.table import NewColumn

OPTIONS = [{"id": 1, "text": "plant health"}, {"id": 2, "text": "opening hours"}]


def lines(*tasks):
    return "".join(f"{json.dumps(task)}\n" for task in tasks)


def binary(text, label, answer, **more):
    return {"text": text, "label": label, "_view_id": "classification", "answer": answer, **more}


def choice(text, accept, answer="accept", options=OPTIONS):
    task = {"text": text, "_input_hash": -12, "_task_hash": 7, "options": options}
    return {**task, "accept": accept, "_view_id": "choice", "answer": answer}


BINARY = lines(
    binary("roses", "plant", "accept", flagged=True),
    binary("sunday", "plant", "reject"),
    binary("hm", "hours", "ignore"),
    binary("monday", "hours", "accept", meta={"source": "mail"}),
)


def test_binary(tmp_path):
    table = table_of(BINARY, "a.jsonl")
    assert (table.format, table.label_column) == ("prodigy", "label")
    assert table.values("label") == ["plant", "", "", "hours"]
    assert table.values("rejected") == ["", "plant", "", ""]
    assert table.values("flagged") == ["true", "", "", ""]
    assert table.values("meta.source") == ["", "", "", "mail"]
    assert table.notes == (
        "1 row says which label it is not (answered with reject): no label there; what was refused "
        "is in the column 'rejected'",
        "1 row is answered with ignore: no label there",
        "1 row is flagged in Prodigy: used as the others are",
    )
    path = tmp_path / "a.jsonl"
    path.write_text(BINARY)
    comes_back(path, tmp_path)
    # What we show beside the file's own fields is not written into it.
    assert "rejected" not in written(table, NewColumn("m", ("a",) * 4))


def test_all_accepted():
    table = table_of(lines(binary("a", "x", "accept"), binary("b", "y", "accept")), "a.jsonl")
    assert (table.values("label"), table.notes) == (["x", "y"], ())
    assert "rejected" not in table.columns


def test_choices_have_the_names_of_the_options(tmp_path):
    text = lines(
        choice("roses", [1]),
        choice("hm", []),
        choice("sunday", [2]),
        choice("both", [1, 2]),
        choice("no", [2], "reject"),
        choice("what", [], "ignore"),
    )
    table = table_of(text, "a.jsonl")
    assert table.label_column == "accept"
    assert table.values("accept") == [
        *("plant health", "", "opening hours"),
        *('["plant health", "opening hours"]', "", ""),
    ]
    assert table.values("rejected") == ["", "", "", "", "opening hours", ""]
    labels = ("opening hours", None, "new one", "plant health", "plant health", "")
    mended = written(table, NewColumn("mended_label", labels, "accept"))
    found = [json.loads(line) for line in mended.splitlines()]
    assert [task.pop("mended_label") for task in found] == [2, None, "new one", 1, 1, ""]
    assert found == [json.loads(line) for line in text.splitlines()]
    # Read again, ours has the names as well.
    assert table_of(mended, "a.jsonl").values("mended_label") == [
        "" if label is None else label for label in labels
    ]
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    comes_back(path, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        [{"id": "a", "text": "same"}, {"id": "b", "text": "same"}],
        [{"id": "a"}, {"id": "b", "image": "x.png"}],
        [{"id": "a", "text": " "}, {"id": "b", "text": 3}],
        [1, None, {"id": None, "text": "x"}, {"id": "a", "text": "a"}, {"id": "b", "text": "b"}],
    ],
)
def test_ids_stand_for_themselves(options):
    table = table_of(lines(choice("t", ["a"], options=options), choice("u", ["b"])), "a.jsonl")
    assert table.values("accept") == ["a", "b"]


def test_an_option_that_changes_its_text():
    first, second = ([{"id": 1, "text": word}] for word in ("cat", "dog"))
    table = table_of(
        lines(choice("t", [1], options=first), choice("u", [1], options=second)), "a.jsonl"
    )
    assert table.values("accept") == ["1", "1"]


def test_what_is_not_prodigy(tmp_path):
    for text in (
        '{"text": "t", "answer": "accept"}',
        '{"text": "t", "label": "x", "answer": "yes"}',
    ):
        assert table_of(text, "a.jsonl").format == "jsonl"
    path = tmp_path / "a.json"
    path.write_text(BINARY)
    assert read_table(path).format == "prodigy"


def test_other_labels_are_set_in_their_places():
    table = table_of(BINARY, "a.jsonl")
    changed = PRODIGY.with_values(table, "label", ["plant", "hours", "", "hours"])
    again = table_of(written(changed), "a.jsonl")
    assert again.values("label") == ["plant", "hours", "", "hours"]
    chosen = table_of(lines(choice("roses", [1]), choice("sunday", [2])), "a.jsonl")
    changed = PRODIGY.with_values(chosen, "accept", ["opening hours", ""])
    first, second = map(json.loads, written(changed).splitlines())
    assert (first["accept"], first["answer"]) == ([2], "accept")
    assert (second["accept"], second["answer"]) == ([], "ignore")


def test_names_of_the_refused_column_are_taken():
    taken = {"rejected": 1, "rejected_label": 2, "_rejected": 3, "rejected_2": 4}
    task = {"text": "t", "label": "a", "answer": "reject", "_view_id": "classification", **taken}
    table = table_of(f"{json.dumps(task)}\n", "a.jsonl")
    assert table.refused_column == "rejected_3"
    assert table.values("rejected_3") == ["a"]


def test_rows_that_got_the_refused_label_are_told(tmp_path):
    """A refusal is no evidence: what became of it is counted instead."""
    path = tmp_path / "a.jsonl"
    blank = binary(" ", "plant", "reject")
    tasks = [*(json.loads(line) for line in BINARY.splitlines()), blank]
    path.write_text(lines(*tasks, binary("noon", "hours", "reject")))
    loaded = load_table(TableRequest(path), load_config("embedded").data, {})
    assert loaded.rows.tolist() == [0, 1, 2, 3, 5]
    assert loaded.table.refused_column == "rejected"
    assert loaded.refused_notes(["plant", "hours", None, "hours", "plant"]) == ()
    assert loaded.refused_notes(["plant", "plant", None, "hours", None]) == (
        "1 row has a label now that the column 'rejected' refuses: row 2",
    )
    assert loaded.refused_notes(["plant", "plant", None, "hours", "hours"]) == (
        "2 rows have a label now that the column 'rejected' refuses: rows 2, 6",
    )
    path.write_text(lines(binary("a", "x", "accept"), binary("b", "y", "accept")))
    loaded = load_table(TableRequest(path), load_config("embedded").data, {})
    assert (loaded.table.refused_column, loaded.refused_notes(["y", "x"])) == (None, ())
