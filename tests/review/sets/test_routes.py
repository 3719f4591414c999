"""The requests of the page of several labels over real HTTP."""

import json

import pytest
from fixtures.reviewed import Served
from fixtures.reviewed_sets import (
    LABELS,
    SetClient,
    evidence_of,
    given,
    likely,
    mended,
    text_of,
    write_reviewed_sets,
)

from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.errors import InputError


class ServedSets(Served):
    """The page, with tabs that say sets."""

    def client(self, who="anna", tab="tab-number-1"):
        return SetClient(super().client().http, who, tab)


@pytest.fixture
def table(tmp_path):
    return write_reviewed_sets(tmp_path)


@pytest.fixture
def served(table):
    with ServedSets(table) as page:
        yield page


@pytest.fixture
def tab(served):
    return served.client()


def test_what_the_page_begins_with(tab):
    start = tab.http.get("/api/start").json()
    assert (start["task"], start["table"], start["rows"]) == ("several", "mended.csv", 40)
    assert start["labels"] == [{"name": label, "description": ""} for label in LABELS]
    assert start["queue"] == "doubtful"


def test_a_row_with_its_labels_and_nearest_texts(tab):
    row = tab.next()
    assert (row["row"], row["id"], row["decision"]) == (0, "r1", "review")
    assert (row["given"], row["mended"]) == (["card", "fees"], ["card", "fees"])
    # The likeliest first, then those that only near texts have.
    assert [(one["label"], one["probability"]) for one in row["candidates"]] == [
        *(("card", 0.9375), ("lost", 0.625), ("fees", 0.25), ("pin", None)),
    ]
    assert row["near"] == [
        {"text": "near <i>text</i>", "labels": ["lost", "pin"]},
        {"text": "another", "labels": []},
    ]
    assert row["reason"].startswith("Added lost: 62.5 % likely")


def test_the_order_is_that_of_the_run(tab):
    assert tab.next()["row"] == 0
    after = [tab.answer(row, mended(row)).json()["item"]["row"] for row in range(0, 40, 4)]
    # Ten rows in doubt, then those that were changed.
    assert after == [4, 8, 12, 16, 20, 24, 28, 32, 36, 1]
    changed = tab.next()
    assert (changed["given"], changed["mended"]) == (list(given(1)), list(mended(1)))


def test_an_answer_says_all_labels_and_what_was_seen(served, tab):
    reply = tab.answer(0, ["pin", "card", "pin"]).json()
    (line,) = served.lines()
    assert reply["answers"] == [line["answer"]]
    assert (line["task"], line["verdict"], line["labels"]) == ("several", "label", ["card", "pin"])
    assert (line["id"], line["text_sha256"]) == ("r1", text_sha256(text_of(0)))
    assert line["shown"] == {"why": "queue", "design": None, "stratum": None, "inclusion": None}
    assert line["saw"] == {"given": True, "proposed": True}
    assert reply["item"]["row"] == 4
    (answer,) = read_answers(served.answers, "several").answers
    assert answer.labels == ("card", "pin")


def test_no_label_and_unsure(served, tab):
    tab.answer(0)
    tab.answer(4, verdict="unsure")
    tab.answer(8, verdict="label")  # a set without any
    assert [(one["verdict"], one["labels"]) for one in served.lines()] == [
        *(("none", []), ("unsure", []), ("none", [])),
    ]
    # What means the same is the same.
    assert tab.answer(8, verdict="none").json()["answers"] == []
    assert len(served.lines()) == 3


def test_saying_the_same_again_writes_nothing_and_another_answer_is_refused(served, tab):
    tab.answer(0, ["card", "pin"])
    assert tab.answer(0, ["pin", "card"]).json()["answers"] == []
    for other in (tab, served.client("bob", "tab-number-2")):
        reply = other.answer(0, ["card"])
        assert (reply.status_code, reply.json()["error"]) == (409, "answered")
    assert len(served.lines()) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"row": 40}, 404, "no-row"),
        ({"labels": ["card", "no such label"]}, 404, "unknown-label"),
        ({"verdict": "none"}, 422, "invalid"),
        ({"verdict": "unsure"}, 422, "invalid"),
        ({"labels": "card"}, 422, "invalid"),
        ({"labels": [""]}, 422, "invalid"),
        ({"labels": ["\ud800"]}, 422, "invalid"),
        ({"labels": ["card"] * 10_000}, 413, "too-large"),
        ({"label": "card"}, 422, "invalid"),
        ({"more": [4]}, 422, "invalid"),
        ({"queue": "audit"}, 404, "no-row"),
    ],
)
def test_what_can_not_be_is_refused_and_not_written(served, tab, fields, status, code):
    right = {"queue": "doubtful", "row": 0, "verdict": "label", "labels": ["card"]}
    reply = tab.post("answer", **{**right, **fields})
    assert (reply.status_code, reply.json()["error"]) == (status, code)
    assert served.lines() == []


@pytest.mark.parametrize("path", ["why", "map", "matrix", "labels", "labels/pair", "texts"])
def test_what_is_not_built_for_sets_is_not_there(tab, path):
    assert tab.http.get(f"/api/{path}").json()["error"] == "not-found"
    for post in ("batch", "goal", "choose", "labels/edit", "labels/undo"):
        assert tab.post(post).json()["error"] == "not-found"


def test_undo_brings_the_row_back_with_what_was_said(served, tab):
    tab.answer(0, ["card", "pin"])
    tab.answer(4, verdict="unsure")
    assert tab.post("undo").json()["item"]["undone"] == ["unsure"]
    item = tab.post("undo").json()["item"]
    assert (item["row"], item["undone"]) == (0, ["label", "card", "pin"])
    assert read_answers(served.answers, "several").answers == ()
    assert tab.post("undo").json()["error"] == "nothing-to-undo"


def test_skip_puts_a_row_behind_all_others(tab):
    tab.next()
    assert tab.next(skip=0)["row"] == 4
    for row in range(40):
        if row:
            tab.answer(row, mended(row))
    assert tab.next()["row"] == 0


def test_copies_of_a_text_are_one_item(tmp_path):
    table = write_reviewed_sets(tmp_path, texts={8: text_of(4).upper(), 20: f" {text_of(4)}"})
    with ServedSets(table) as served:
        tab = served.client()
        tab.next()
        row = tab.answer(0, ["card"]).json()["item"]
        assert (row["row"], row["copies"]) == (4, 3)
        assert tab.answer(4, ["card"]).json()["item"]["row"] == 12
        assert tab.progress()["doubtful"]["done"] == 2
        assert tab.progress()["doubtful"]["total"] == 8  # ten rows in doubt, three of one text


def test_rows_without_text_are_not_shown(tmp_path):
    table = write_reviewed_sets(tmp_path, rows=8, texts={0: ""})
    lines = table.with_suffix(".evidence.jsonl").read_text().splitlines(keepends=True)
    blank = {"row": 1, "id": "r1", "text": "", "decision": "blank"}
    lines[0] = json.dumps(blank, separators=(",", ":")) + "\n"
    table.with_suffix(".evidence.jsonl").write_text("".join(lines))
    table.write_text(table.read_text().replace("review,0.5,0.25", "blank,,", 1))
    with ServedSets(table) as served:
        tab = served.client()
        assert tab.next()["row"] == 4
        assert tab.answer(0, ["card"]).json()["error"] == "no-row"


def test_two_people_are_kept_apart_and_agree_on_sets(served, tab):
    bob = served.client("bob", "tab-number-2")
    assert (tab.next()["row"], bob.next()["row"]) == (0, 4)
    assert bob.answer(0, ["card"]).json()["error"] == "held"
    tab.answer(0, ["pin", "card"])
    tab.answer(8)
    blind = bob.next("agreement")
    assert (blind["row"], blind["hidden"], blind["given"], blind["mended"]) == (0, True, None, None)
    assert (blind["near"], blind["reason"], blind["decision"]) == ([], None, None)
    # By name and without probabilities.
    assert [(one["label"], one["probability"]) for one in blind["candidates"]] == [
        (label, None) for label in ("card", "fees", "lost", "pin")
    ]
    bob.answer(0, ["card", "pin"], queue="agreement")
    bob.answer(8, ["fees"], queue="agreement")
    assert bob.progress()["agreement"] == {"done": 2, "total": 2, "agree": 1}
    last = served.lines()[-1]
    assert (last["shown"]["why"], last["saw"]) == ("agreement", {"given": False, "proposed": False})


def test_what_is_hidden_is_shown_to_whoever_asks_and_the_answer_says_so(table):
    with ServedSets(table, blind=True) as served:
        tab = served.client()
        assert tab.next()["hidden"]
        shown = tab.post("reveal", queue="doubtful", row=0).json()["item"]
        assert (shown["hidden"], shown["mended"]) == (False, list(mended(0)))
        tab.answer(0, ["card"])
        tab.answer(4, ["card"])
        assert [line["saw"]["given"] for line in served.lines()] == [True, False]


def test_how_far_and_what_is_ahead(tab):
    tab.next()
    found = tab.progress()
    assert found["doubtful"]["done"] == 0
    assert found["doubtful"]["total"] == 10
    # Ten at 0.75 (in doubt), ten at 0.25 (changed), five at 0.125 (kept).
    assert (found["doubtful"]["rows"], found["doubtful"]["wrong"]) == (25, 10.625)
    assert found["audit"] == {"done": 0, "total": 0}
    assert {*found["jobs"]} == {"certificate", "refit", "apply"}
    assert found["certificate"] is None
    assert not {"goal", "labels"} & {*found}


def test_a_file_of_answers_of_the_other_task_is_refused(table):
    one = Answer(
        text_sha256(text_of(0)),
        *("r1", "label", ("card",), "ann", "2026-11-30T10:00:00Z"),
        *(Shown("queue"), Saw(True, True)),
    )
    append_answers(table.with_name("answers.jsonl"), [one])
    with pytest.raises(InputError, match="line 1: is an answer of one label"):
        Served(table)


def test_evidence_that_was_changed_under_the_page_is_not_shown(served, table, tab):
    path = table.with_suffix(".evidence.jsonl")
    with path.open("r+b") as file:
        file.write(path.read_bytes().replace(b"where is my", b"where's  my"))
    row = tab.next()
    assert (row["text"], row["given"], row["mended"]) == (text_of(0), None, None)
    assert row["candidates"] == []
    assert tab.answer(0, ["card"]).status_code == 200


def test_reasons_are_told_in_the_language_of_the_page(table):
    assert evidence_of(0, "")["reason"] == (
        f"Added {likely(0)[1][0]}: 62.5 % likely, and 2 of the 2 nearest texts have it."
    )
    with ServedSets(table, language="ru") as served:
        tab = served.client()
        assert "lost" in tab.next()["reason"]
        assert "Added" not in tab.next()["reason"]
        assert tab.http.get("/api/start").json()["strings"]["skip"] != "Skip"


def test_mending_anew_needs_the_table_that_was_mended(tab):
    assert tab.post("apply").json()["error"] == "no-answers"
    tab.answer(0, ["card"])
    refused = tab.post("apply")
    assert (refused.status_code, refused.json()["error"]) == (409, "failed")
    assert "the table that was mended is not there any more" in refused.json()["facts"]["said"]


def test_a_table_whose_run_can_not_be_repeated_keeps_its_order(tab):
    row = tab.next()["row"]
    for _ in range(25):
        row = tab.answer(row, ["card"]).json()["item"]["row"]
    found = tab.progress()
    assert (found["refits"], found["until_refit"]) == (0, 25)
    assert found["jobs"]["refit"]["phase"] == "idle"


def test_a_table_that_was_sorted_since_keeps_its_rows_and_shows_no_evidence_of_others(table):
    head, *rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join([head, *reversed(rows)]))
    with ServedSets(table) as served:
        tab = served.client()
        row = tab.next()
        # The order is still that of the run, by the rows' names.
        assert (row["row"], row["id"], row["text"]) == (39, "r1", text_of(0))
        assert (row["given"], row["candidates"]) == (None, [])
        tab.answer(39, ["card"])
        (line,) = served.lines()
        assert (line["id"], line["text_sha256"]) == ("r1", text_sha256(text_of(0)))
