"""The view of labels over real HTTP: what is confused, and edits that are kept or refused."""

import json
import os
from pathlib import Path

import pytest
from fixtures.label_edits import rename, write_edits
from fixtures.reviewed import LABELS, Served, draw, write_reviewed

from labelmend.data import dataset
from labelmend.data.label_edits.edits import EditedLabels
from labelmend.data.label_edits.file import append_edits, read_label_edits
from labelmend.data.labels_file import read_labels_file
from labelmend.errors import OutputError
from labelmend.review.page import strings

LOST, STOLEN, RATE, FEES, PIN = LABELS
CARDS = """\
# By hand.
card_lost:
  description: The customer has mislaid the card.
fees: What it costs.
"""


@pytest.fixture
def table(tmp_path):
    path = write_reviewed(tmp_path)
    path.with_suffix(".labels.yaml").write_text(CARDS)
    return path


@pytest.fixture
def tab(served):
    return served.client()


def edits_of(served):
    path = served.answers.with_name("mended.label-edits.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cards_of(served):
    return served.answers.with_name("mended.labels.yaml").read_text("utf-8")


def look(tab):
    return tab.http.get("/api/labels", params={"who": tab.who}).json()


def change(tab, what, label, to=None, seen=None, **more):
    version = look(tab)["version"] if seen is None else seen
    return tab.post("labels/edit", what=what, label=label, to=to, seen=version, **more)


def undo(tab):
    return tab.post("labels/undo", edit=look(tab)["edits"][0]["edit"])


def test_what_is_confused_with_what(tab):
    # Of 40 rows, ten each are in doubt and changed, and propose the label behind the given one.
    seen = look(tab)
    assert (seen["version"], seen["pending"], seen["blind"]) == (0, False, False)
    assert seen["cards"] == "mended.labels.yaml"
    assert seen["labels"][0] == {
        "name": LOST,
        "description": "The customer has mislaid the card.",
        "rows": 8,
    }
    first = seen["pairs"][0]
    assert first == {
        "one": LOST,
        "other": STOLEN,
        "changed": [2, 0],
        "review": [2, 0],
        "answered": [0, 0],
    }
    assert [(pair["one"], pair["other"]) for pair in seen["pairs"]] == [
        *((LOST, STOLEN), (LOST, PIN), (STOLEN, RATE), (RATE, FEES), (FEES, PIN)),
    ]
    # Those of the last label are proposed as the first: the second side is the one that was given.
    assert seen["pairs"][1]["changed"] == [0, 2]


def test_answers_count_where_they_contradict(tab):
    tab.answer(0, FEES)  # given as lost, proposed as stolen
    tab.answer(20, LOST)  # given as lost, too, and so no confusion
    tab.answer(4, verdict="unsure")  # says nothing: the row stays in doubt
    pairs = {(one["one"], one["other"]): one for one in look(tab)["pairs"]}
    assert pairs[LOST, STOLEN]["review"] == [0, 0]
    assert pairs[LOST, FEES]["answered"] == [1, 0]
    assert pairs[LOST, PIN]["review"] == [0, 2]


def test_examples_of_both_sides_those_that_speak_first(tab):
    query = {"who": "anna", "one": LOST, "other": STOLEN}
    found = tab.http.get("/api/labels/pair", params=query).json()
    # Of the rows 0, 5, 10, 15, 20, 25, 30, 35 the first, the second, the fifth and the sixth do.
    assert {one["row"] for one in found["one"][:4]} == {0, 5, 20, 25}
    assert [one["speaks"] for one in found["one"]] == [True] * 4 + [False] * 2
    # A changed row is surer (0.9) than one in doubt (0.5).
    assert [one["decision"] for one in found["one"][:4]] == ["review"] * 2 + ["change"] * 2
    assert not any(one["speaks"] for one in found["other"])
    assert found["one"][0]["proposed"] == STOLEN
    assert found == tab.http.get("/api/labels/pair", params=query).json()


def test_rows_of_an_open_audit_are_no_examples(table):
    draw(table)
    with Served(table) as served:
        tab = served.client()
        audited = tab.next("audit")["row"]
        label = LABELS[audited % 5]
        found = tab.http.get("/api/labels/texts", params={"who": "anna", "label": label}).json()
        assert audited not in {one["row"] for one in found["texts"]}
        reply = change(tab, "split", label, "new", description="N.", rows=[audited])
        assert (reply.status_code, reply.json()["error"]) == (404, "no-row")
        assert edits_of(served) == []


def test_where_all_is_blind_nothing_is_shown(table):
    with Served(table, blind=True) as served:
        tab = served.client()
        seen = look(tab)
        assert (seen["blind"], seen["pairs"]) == (True, [])
        query = {"who": "anna", "label": LOST}
        assert tab.http.get("/api/labels/texts", params=query).json() == {"texts": []}
        assert change(tab, "rename", LOST, "lost").status_code == 200


def test_a_rename_is_on_the_disk_before_the_reply_and_shown_everywhere(served, tab, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), real(file)))
    before = (served.answers.with_name("mended.csv")).read_bytes()
    reply = change(tab, "rename", LOST, "lost card")
    assert reply.status_code == 200
    assert len(synced) >= 2  # the edit, and the labels file
    (line,) = edits_of(served)
    assert (line["what"], line["label"], line["to"], line["who"]) == (
        *("rename", LOST, "lost card", "anna"),
    )
    assert (line["rows"], line["answers"]) == (8, [])
    assert cards_of(served) == CARDS.replace("card_lost:", "lost card:")
    seen = reply.json()
    assert (seen["version"], seen["pending"]) == (1, True)
    assert ("lost card", PIN) in {(one["one"], one["other"]) for one in seen["pairs"]}
    assert {
        "name": "lost card",
        "description": "The customer has mislaid the card.",
        "rows": 8,
    } in (seen["labels"])
    row = tab.next()
    assert row["given"] == "lost card"
    assert "lost card" in {one["label"] for one in row["candidates"]}
    assert tab.answer(row["row"], "lost card").status_code == 200
    assert tab.progress()["labels"] == {"version": 1, "pending": True}
    # Nothing of the table changes on the spot.
    assert (served.answers.with_name("mended.csv")).read_bytes() == before


def test_a_merge(served, tab):
    seen = change(tab, "merge", STOLEN, LOST).json()
    assert [one["name"] for one in seen["labels"]] == [LOST, RATE, FEES, PIN]
    assert [one["rows"] for one in seen["labels"]] == [16, 8, 8, 8]
    assert (LOST, STOLEN) not in {(one["one"], one["other"]) for one in seen["pairs"]}
    row = tab.next()
    assert (row["given"], row["proposed"]) == (LOST, LOST)
    # 0.75 and 0.125 are one candidate's by now.
    assert row["candidates"][0] == {"label": LOST, "probability": 0.875}
    assert [one["label"] for one in row["candidates"]].count(LOST) == 1
    why = tab.http.get(
        "/api/why", params={"tab": tab.tab, "who": "anna", "queue": "doubtful", "row": 0}
    ).json()
    assert STOLEN not in why["labels"]
    # Who answers with a name that is just gone means the label that it is now.
    assert tab.answer(0, STOLEN).status_code == 200
    assert served.lines()[-1]["labels"] == [LOST]


def test_a_split_moves_texts_as_answers(served, tab):
    seen = change(tab, "split", FEES, "fees abroad", description="Abroad.", rows=[3, 8]).json()
    assert {"name": "fees abroad", "description": "Abroad.", "rows": 0} in seen["labels"]
    first, second = served.lines()
    assert [one["labels"] for one in (first, second)] == [["fees abroad"]] * 2
    assert [one["id"] for one in (first, second)] == ["r4", "r9"]
    assert first["saw"] == {"given": True, "proposed": True}
    (line,) = edits_of(served)
    assert line["answers"] == [first["answer"], second["answer"]]
    assert cards_of(served) == f"{CARDS}fees abroad:\n  description: Abroad.\n"
    assert tab.answer(0, "fees abroad").status_code == 200
    # Undone, its own answers are taken back.
    assert undo(tab).status_code == 200
    assert [one["withdraws"] for one in served.lines()[3:]] == line["answers"]
    assert cards_of(served) == CARDS
    assert "fees abroad" not in {one["name"] for one in look(tab)["labels"]}


def test_a_description(served, tab):
    seen = change(tab, "describe", FEES, description="Costs of all kinds.").json()
    assert {"name": FEES, "description": "Costs of all kinds.", "rows": 8} in seen["labels"]
    assert cards_of(served) == CARDS.replace("What it costs.", "Costs of all kinds.")
    described = {
        one["name"]: one["description"] for one in tab.http.get("/api/start").json()["labels"]
    }
    assert described[FEES] == "Costs of all kinds."


def test_undo_takes_one_edit_after_the_other_back(served, tab):
    change(tab, "rename", LOST, "lost")
    change(tab, "merge", FEES, "lost")
    change(tab, "describe", "lost", description="Both.")
    for left in (2, 1, 0):
        assert len(undo(tab).json()["edits"]) == left
    assert cards_of(served).splitlines()[1:3] == CARDS.splitlines()[1:3]
    assert read_labels_file(served.answers.with_name("mended.labels.yaml"))[FEES].description == (
        "What it costs."
    )
    assert len(edits_of(served)) == 6
    assert look(tab)["pending"] is False
    assert [one["name"] for one in look(tab)["labels"]] == list(LABELS)


def test_answers_given_under_a_name_that_is_gone_follow(served, tab):
    change(tab, "rename", STOLEN, "stolen")
    tab.answer(0, "stolen")
    assert undo(tab).status_code == 200
    other = served.client("bob", "tab-number-2")
    other.post("next", queue="agreement", skip=None)
    assert other.answer(0, STOLEN, queue="agreement").status_code == 200
    agreed = other.progress()["agreement"]
    assert (agreed["total"], agreed["agree"]) == (1, 1)


REFUSED = [
    ({"label": "no such"}, 404, "no-label"),
    ({"to": FEES}, 409, "label-exists"),
    ({"to": LOST}, 409, "label-same"),
    ({"to": "  "}, 409, "bad-name"),
    ({"to": ""}, 422, "invalid"),
    ({"to": None}, 409, "bad-name"),
    ({"to": "x" * 201}, 409, "bad-name"),
    ({"to": "x" * 10_000}, 422, "invalid"),
    ({"to": "a\nb"}, 409, "bad-name"),
    ({"to": "a\x1b[2J"}, 409, "bad-name"),
    ({"to": "\ud800"}, 422, "invalid"),
    ({"description": "no"}, 409, "bad-edit"),
    ({"rows": [1]}, 409, "bad-edit"),
    ({"what": "burn"}, 422, "invalid"),
    ({"what": "merge", "to": "no such"}, 404, "no-label"),
    ({"what": "merge", "to": LOST}, 409, "label-same"),
    ({"what": "split", "description": " "}, 409, "bad-edit"),
    ({"what": "split"}, 409, "bad-edit"),
    ({"what": "split", "description": "x" * 4001}, 422, "invalid"),
    ({"what": "split", "description": "N.", "rows": [40]}, 404, "no-row"),
    ({"what": "split", "description": "N.", "rows": list(range(101))}, 422, "invalid"),
    ({"what": "describe", "to": None}, 409, "bad-edit"),
    ({"what": "describe", "to": None, "description": "\x07"}, 409, "bad-edit"),
    ({"seen": -1}, 422, "invalid"),
    ({"who": " "}, 422, "invalid"),
    ({"strange": 1}, 422, "invalid"),
]


def test_what_can_not_be_is_refused_and_not_written(served, tab):
    right = {"what": "rename", "label": LOST, "to": "lost", "seen": 0}
    for fields, status, code in REFUSED:
        reply = tab.post("labels/edit", **{**right, **fields})
        assert (fields, reply.status_code, reply.json()["error"]) == (fields, status, code)
    assert (edits_of(served), served.lines(), cards_of(served)) == ([], [], CARDS)


def test_two_people_at_once(served, tab):
    other = served.client("bob", "tab-number-2")
    change(tab, "rename", LOST, "lost", seen=0)
    gone = change(other, "describe", LOST, seen=0, description="X.")
    assert (gone.status_code, gone.json()["error"]) == (409, "label-gone")
    assert gone.json()["facts"] == {"label": LOST, "now": "lost"}
    # Of a label that somebody else worked on since one looked.
    late = change(other, "describe", "lost", seen=0, description="X.")
    assert (late.status_code, late.json()["error"]) == (409, "label-changed")
    assert late.json()["facts"] == {"label": "lost", "who": "anna"}
    taken = change(other, "rename", FEES, "lost", seen=0)
    assert taken.json()["error"] == "label-exists"
    was = change(other, "rename", FEES, LOST, seen=1)
    assert (was.status_code, was.json()["error"]) == (409, "label-was")
    # Another label is nobody's business.
    assert change(other, "rename", FEES, "costs", seen=0).status_code == 200
    stale = tab.post("labels/undo", edit=edits_of(served)[0]["edit"])
    assert (stale.status_code, stale.json()["error"]) == (409, "not-last-edit")
    assert len(edits_of(served)) == 2


def test_what_another_process_edited_is_seen(served, tab):
    append_edits(served.answers.with_name("mended.label-edits.jsonl"), [rename(LOST, "lost")])
    assert tab.progress()["labels"]["version"] == 1
    assert tab.next()["given"] == "lost"
    assert change(tab, "rename", LOST, "x", seen=0).json()["error"] == "label-gone"


def test_the_page_starts_again_with_what_was_edited(table):
    with Served(table) as served:
        change(served.client(), "rename", LOST, "lost")
    with Served(table) as served:
        tab = served.client()
        assert tab.next()["given"] == "lost"
        assert undo(tab).status_code == 200
        assert cards_of(served) == CARDS


def test_the_last_two_labels_and_the_one_that_fits_nothing(tmp_path):
    path = write_reviewed(tmp_path)
    record = path.with_suffix(".run.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "oos_label": FEES}))
    with Served(path) as served:
        tab = served.client()
        assert change(tab, "merge", FEES, LOST).json()["error"] == "label-oos"
        for label in (STOLEN, RATE, PIN):
            assert change(tab, "merge", label, LOST).status_code == 200
        last = change(tab, "merge", LOST, FEES)
        assert (last.status_code, last.json()["error"]) == (409, "label-last")


def test_a_labels_file_that_can_not_be_edited_is_left_alone(table):
    path = table.with_suffix(".labels.yaml")
    path.write_text("{card_lost: Lost., fees: {exemplars: [x]}}")
    with Served(table) as served:
        tab = served.client()
        reply = change(tab, "describe", FEES, description="Costs.")
        assert (reply.status_code, reply.json()["error"]) == (409, "labels-file")
        assert "can't be edited here" in reply.json()["facts"]["said"]
        assert edits_of(served) == []
    assert path.read_text() == "{card_lost: Lost., fees: {exemplars: [x]}}"


def test_the_labels_file_of_the_demo_is_not_written_to(table):
    path = Path(dataset.__file__).parent / "demo" / "labels.yaml"
    before = path.read_bytes()
    with Served(table, labels=path) as served:
        tab = served.client()
        assert look(tab)["cards"] is None
        assert change(tab, "rename", LOST, "lost").status_code == 200
        assert edits_of(served)[0]["cards"] is None
    assert path.read_bytes() == before
    assert cards_of(served) == CARDS


def test_a_disk_that_is_full_leaves_all_as_it_was(served, tab, monkeypatch):
    def full(*_):
        raise OutputError("no room")

    monkeypatch.setattr("labelmend.review.label_set.edit_book.append_edits", full)
    reply = change(tab, "rename", LOST, "lost")
    assert (reply.status_code, reply.json()["error"]) == (500, "failed")
    assert (edits_of(served), cards_of(served)) == ([], CARDS)
    monkeypatch.undo()
    # The edit stood, and its answers could not be written: then it does not stand.
    monkeypatch.setattr("labelmend.review.book.append_answers", full)
    reply = change(tab, "split", FEES, "new", description="N.", rows=[3])
    assert reply.status_code == 500
    monkeypatch.undo()
    path = served.answers.with_name("mended.label-edits.jsonl")
    assert read_label_edits(path).labels == EditedLabels()
    assert cards_of(served) == CARDS
    assert tab.next()["given"] == LOST


def test_an_edit_that_no_labels_file_can_take_its_place_for_is_taken_back(served, tab, monkeypatch):
    def stuck(self):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("labelmend.data.write.Publication.commit", stuck)
    assert change(tab, "rename", LOST, "lost").status_code == 500
    monkeypatch.undo()
    assert [sorted({"edit", "undoes"} & set(line)) for line in edits_of(served)] == [
        *(["edit"], ["undoes"]),
    ]
    assert look(tab)["edits"] == []
    assert cards_of(served) == CARDS


def test_a_text_is_what_it_is(tmp_path):
    text = "<b>bold</b> \u202e😀 " + "x" * 4000
    path = write_reviewed(tmp_path, texts={0: text})
    with Served(path) as served:
        query = {"who": "anna", "label": LOST}
        found = served.client().http.get("/api/labels/texts", params=query).json()["texts"]
        assert text[:400] in {one["text"] for one in found}


def test_who_may_not_look_may_not_edit(served):
    import httpx

    for headers in ({}, {"authorization": "Bearer wrong"}):
        reply = httpx.post(
            f"{served.base}/api/labels/edit", json={}, headers={"origin": served.base, **headers}
        )
        assert reply.status_code == 401
    assert edits_of(served) == []


def test_a_file_of_edits_that_is_none_stops_the_page(table):
    write_edits(table.with_name("mended.label-edits.jsonl"), rename(LOST, "lost"))
    path = table.with_name("mended.label-edits.jsonl")
    path.write_text(path.read_text() + "hello\n")
    with pytest.raises(Exception, match="line 2: is no label edit"), Served(table):
        pass


def test_every_refusal_of_an_edit_has_its_sentence():
    codes = {"label-gone", "label-same", "label-cycle", "label-was", "label-exists"}
    codes |= {"not-last-edit"}
    assert {f"error-{code}" for code in codes} <= set(strings())
