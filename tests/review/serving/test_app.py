"""The page's requests over real HTTP: rows, answers, undo, locks, batches, queues."""

import json
import os

import pytest
from fixtures.reviewed import LABELS, Served, draw, given, proposed, write_reviewed

from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Answer, Saw, Shown, text_sha256


@pytest.fixture
def tab(served):
    return served.client()


def test_what_the_page_begins_with(tab):
    start = tab.http.get("/api/start").json()
    assert (start["table"], start["rows"], start["who"]) == ("mended.csv", 40, "anna")
    assert [label["name"] for label in start["labels"]] == list(LABELS)
    assert start["labels"][0]["description"] == "The customer has mislaid the card."
    assert start["queue"] == "doubtful"
    assert start["strings"]["skip"] == "Skip"


def test_a_row_in_doubt_with_its_candidates(tab):
    row = tab.next()
    assert (row["row"], row["id"], row["given"], row["proposed"]) == (0, "r1", LABELS[0], LABELS[1])
    assert (row["decision"], row["hidden"], row["copies"]) == ("review", False, 1)
    assert row["candidates"][0] == {"label": LABELS[1], "probability": 0.75}
    assert {"label": "fees", "probability": None} not in row["candidates"][:4]
    assert row["candidates"][-1]["label"] in LABELS


def test_an_answer_is_in_the_file_before_the_reply(served, tab, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), real(file)))
    row = tab.next()
    reply = tab.answer(row["row"], "fees").json()
    assert len(synced) == 1
    (line,) = served.lines()
    assert reply["answers"] == [line["answer"]]
    assert (line["verdict"], line["labels"], line["who"], line["id"]) == (
        *("label", ["fees"], "anna", "r1"),
    )
    assert line["shown"]["why"] == "queue"
    assert line["saw"] == {"given": True, "proposed": True}
    assert reply["item"]["row"] == 4  # the next in doubt


def test_none_of_these_and_unsure(served, tab):
    tab.answer(0, verdict="none")
    tab.answer(4, verdict="unsure")
    assert [(one["verdict"], one["labels"]) for one in served.lines()] == [
        *(("none", []), ("unsure", [])),
    ]


def test_saying_the_same_again_writes_nothing(served, tab):
    # As when a reply got lost.
    assert len(tab.answer(0, "fees").json()["answers"]) == 1
    again = tab.answer(0, "fees")
    assert (again.status_code, again.json()["answers"]) == (200, [])
    assert len(served.lines()) == 1


def test_another_answer_to_an_answered_row_is_refused(served, tab):
    tab.answer(0, "fees")
    for other in (tab, served.client("bob", "tab-number-2")):
        reply = other.answer(0, "pin_reset")
        assert (reply.status_code, reply.json()["error"]) == (409, "answered")
        assert reply.json()["facts"] == {"who": "anna"}
    assert len(served.lines()) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"row": 40}, 404, "no-row"),
        ({"row": -1}, 422, "invalid"),
        ({"row": 10**30}, 422, "invalid"),
        ({"row": "0; rm"}, 422, "invalid"),
        ({"label": "no such label"}, 404, "unknown-label"),
        ({"label": None}, 422, "invalid"),
        ({"verdict": "none"}, 422, "invalid"),
        ({"verdict": "maybe"}, 422, "invalid"),
        ({"queue": "audit"}, 404, "no-row"),
        ({"queue": "other"}, 422, "invalid"),
        ({"who": "  "}, 422, "invalid"),
        ({"who": "\x1c"}, 422, "invalid"),
        ({"who": "\ud800"}, 422, "invalid"),
        ({"tab": "../x"}, 422, "invalid"),
        ({"more": list(range(100))}, 422, "invalid"),
        ({"more": [99]}, 404, "no-row"),
        ({"strange": 1}, 422, "invalid"),
    ],
)
def test_what_can_not_be_is_refused_and_not_written(served, tab, fields, status, code):
    right = {"queue": "doubtful", "row": 0, "verdict": "label", "label": "fees"}
    reply = tab.post("answer", **{**right, **fields})
    assert (reply.status_code, reply.json()["error"]) == (status, code)
    assert served.lines() == []


def test_a_body_that_is_no_json(served, tab):
    for body in (b"", b"[1", b"null", b"\xff", b"[" * 10_000):
        reply = tab.http.post(
            "/api/answer", content=body, headers={"content-type": "application/json"}
        )
        assert reply.status_code in {400, 422}
    assert served.lines() == []


def test_two_tabs_never_get_the_same_row(served, tab):
    other = served.client("bob", "tab-number-2")
    assert [tab.next()["row"], other.next()["row"], tab.next()["row"]] == [0, 4, 0]
    refused = other.answer(0, "fees")
    assert (refused.status_code, refused.json()["error"]) == (409, "held")
    tab.post("release")
    assert other.next()["row"] == 0
    assert served.lines() == []


def test_skipped_rows_come_again_at_the_end(tab):
    seen = [tab.next()["row"]]
    while len(seen) < 41:
        seen.append(tab.next(skip=seen[-1])["row"])
    assert sorted(seen[:40]) == list(range(40))
    assert seen[:10] == list(range(0, 40, 4))
    assert seen[40] == seen[0]


def test_undo_without_end(served, tab):
    for row in (0, 4, 8):
        tab.answer(row, "fees")
    undone = [tab.post("undo").json()["item"] for _ in range(3)]
    assert [one["row"] for one in undone] == [8, 4, 0]
    assert undone[0]["undone"] == ["label", "fees"]
    nothing = tab.post("undo")
    assert (nothing.status_code, nothing.json()["error"]) == (409, "nothing-to-undo")
    names = [one["answer"] for one in served.lines()[:3]]
    assert [one["withdraws"] for one in served.lines()[3:]] == names[::-1]
    assert read_answers(served.answers).answers == ()
    assert tab.answer(0, "pin_reset").status_code == 200


def test_undo_leaves_what_other_tabs_and_people_said(served, tab):
    tab.answer(0, "fees")
    served.client("anna", "tab-number-2").answer(4, "fees")
    served.client("bob", "tab-number-3").answer(8, "fees")
    assert tab.post("undo").json()["item"]["row"] == 0
    assert tab.post("undo").json()["error"] == "nothing-to-undo"


def test_why_is_what_explain_says(tab):
    query = {"tab": tab.tab, "who": tab.who, "queue": "doubtful", "row": 0}
    why = tab.http.get("/api/why", params=query).json()
    assert why["reason"] == f"9 of the 10 nearest texts carry {proposed(0)}."
    assert (why["reference"], why["reference_given"]) == (given(0), True)
    neighbour = next(one for one in why["sources"] if one["source"] == "neighbour")
    assert neighbour["nats"][why["labels"].index(proposed(0))] == 2.5
    assert why["totals"][why["labels"].index(proposed(0))] == 1.5  # less what the channel says
    assert why["votes"] == [{"voter": "tiny", "label": proposed(0)}]
    near = {"text": "near <i>text</i>", "labels": ["fees"], "similarity": 0.5}
    assert why["neighbours"] == [near]


def test_audit_rows_come_as_drawn_and_are_blind(audited):
    with Served(audited) as served:
        tab = served.client()
        design = json.loads(audited.with_suffix(".audit.json").read_text())
        assert tab.http.get("/api/start").json()["queue"] == "audit"
        row = tab.next("audit")
        assert row["hidden"]
        assert row["given"] is row["proposed"] is row["reason"] is row["decision"] is None
        names = [one["label"] for one in row["candidates"]]
        assert names == sorted(names)
        assert all(one["probability"] is None for one in row["candidates"])
        query = {"tab": tab.tab, "who": tab.who, "queue": "audit", "row": row["row"]}
        assert tab.http.get("/api/why", params=query).json()["error"] == "blind"
        tab.answer(row["row"], "fees", queue="audit")
        (line,) = served.lines()
        assert line["saw"] == {"given": False, "proposed": False}
        assert (line["shown"]["why"], line["shown"]["design"]) == ("audit", design["design"])
        assert 0 < line["shown"]["inclusion"] <= 1
        assert tab.progress()["audit"] == {"done": 1, "total": 8}


def test_the_order_is_that_of_the_sheet(audited):
    sheet = audited.with_name("audit.csv").read_text("utf-8").splitlines()
    drawn = [int(line.split(",")[0][1:]) - 1 for line in sheet[1:]]
    with Served(audited) as served:
        tab = served.client()
        seen = []
        while (row := tab.next("audit")) is not None:
            seen.append(row["row"])
            tab.answer(row["row"], verdict="unsure", queue="audit")
        assert seen == drawn
    short = audited.with_name("short.csv")
    short.write_text("\n".join([sheet[0], sheet[3], sheet[2]]), "utf-8")
    with Served(audited, audit=short, answers=audited.with_name("b.jsonl")) as served:
        assert served.client().next("audit")["row"] == drawn[2]
        assert served.client().progress()["audit"]["total"] == 2


def test_whoever_looks_at_the_labels_says_so(audited):
    with Served(audited) as served:
        tab = served.client()
        row = tab.next("audit")["row"]
        shown = tab.post("reveal", queue="audit", row=row).json()["item"]
        assert (shown["hidden"], shown["given"]) == (False, given(row))
        tab.answer(row, "fees", queue="audit")
        other = tab.next("audit")["row"]
        # A server that was killed has forgotten what it showed; the page has not.
        tab.answer(other, "fees", queue="audit", revealed=True)
        saw = [line["saw"] for line in served.lines()]
        assert saw == [{"given": True, "proposed": True}] * 2


def test_open_audit_rows_are_left_out_of_the_doubtful_queue(audited):
    with Served(audited) as served:
        tab = served.client()
        drawn = {one.row for one in served.desk.sitting.queues.drawn}
        seen = [tab.next()["row"]]
        for _ in range(31):
            seen.append(tab.next(skip=seen[-1])["row"])
        assert set(seen) == set(range(40)) - drawn


@pytest.mark.parametrize("blind", [True, False])
def test_labels_are_hidden_as_the_user_says(audited, blind):
    with Served(audited, blind=blind) as served:
        tab = served.client()
        assert tab.next("audit")["hidden"] is blind
        assert tab.next("doubtful")["hidden"] is blind
        tab.answer(tab.next("doubtful")["row"], "fees")
        assert served.client("bob", "tab-number-2").next("agreement")["hidden"]


def test_agreement_asks_a_second_person_blind(served, tab):
    tab.answer(0, "fees")
    tab.answer(4, "fees")
    assert tab.next("agreement") is None
    bob = served.client("bob", "tab-number-2")
    row = bob.next("agreement")
    assert (row["row"], row["hidden"]) == (0, True)
    bob.answer(0, "fees", queue="agreement")
    bob.answer(4, verdict="none", queue="agreement")
    line = served.lines()[2]
    assert (line["shown"]["why"], line["saw"]["given"]) == ("agreement", False)
    assert bob.next("agreement") is None
    assert bob.progress()["agreement"] == {"done": 2, "total": 2, "agree": 1}


def test_rows_that_are_alike_are_answered_together(served, tab):
    # Given card_lost and proposed card_stolen: rows 0, 20 and, changed, 5 and 25.
    items = tab.post("batch", queue="doubtful", row=0).json()["items"]
    assert [one["row"] for one in items] == [20, 5, 25]
    other = served.client("bob", "tab-number-2")
    assert other.answer(20, "fees").json()["error"] == "held"
    reply = tab.answer(0, "card_stolen", more=[20, 25])
    lines = served.lines()
    assert [line["id"] for line in lines] == ["r1", "r21", "r26"]
    assert reply.json()["answers"] == [line["answer"] for line in lines]
    assert len({line["answer"] for line in lines}) == 3
    # One step back takes back what one key has said.
    assert tab.post("undo").json()["item"]["row"] == 0
    assert read_answers(served.answers).answers == ()


def test_what_somebody_else_answered_meanwhile_is_left_out_of_a_batch(served, tab):
    tab.post("batch", queue="doubtful", row=0)
    key = text_sha256(served.desk.sitting.table.texts[20])
    append_answers(
        served.answers,
        [
            Answer(key, "r21", "unsure", (), "eve", "2026-01-01T00:00:00Z", Shown("queue"), _SAW),
        ],
    )
    tab.answer(0, "fees", more=[20, 5])
    assert [line["id"] for line in served.lines()] == ["r21", "r1", "r6"]


_SAW = Saw(given=True, proposed=True)


def test_what_another_process_writes_is_seen(served, tab):
    key = text_sha256(served.desk.sitting.table.texts[0])
    append_answers(
        served.answers,
        [Answer(key, "r1", "unsure", (), "eve", "2026-01-01T00:00:00Z", Shown("queue"), _SAW)],
    )
    assert tab.next()["row"] == 4


def test_copies_of_a_text_are_asked_about_once(tmp_path):
    table = write_reviewed(tmp_path, texts={4: "Number 0:  WHERE is my card?"})
    with Served(table) as served:
        tab = served.client()
        assert tab.next()["copies"] == 2
        assert tab.answer(0, "fees").json()["item"]["row"] == 8


def test_a_disk_that_is_full_is_told_and_the_row_stays(served, tab, monkeypatch):
    row = tab.next()["row"]

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        reply = tab.answer(row, "fees")
    assert reply.status_code == 500
    assert "No space left on device" in reply.json()["facts"]["said"]
    assert tab.next()["row"] == row
    assert tab.answer(row, "fees").status_code == 200


def test_texts_are_sent_as_they_are(tmp_path):
    texts = {0: "<script>alert(1)</script>", 4: "مرحبا 🙂 " + "x" * 4000}
    with Served(write_reviewed(tmp_path, texts=texts)) as served:
        tab = served.client()
        assert tab.next()["text"] == texts[0]
        assert tab.answer(0, "fees").json()["item"]["text"] == texts[4]


def test_a_server_that_starts_again_goes_on(table):
    with Served(table) as served:
        served.client().answer(0, "fees")
    draw(table)
    with Served(table) as served:
        tab = served.client(tab="tab-number-9")
        assert tab.progress()["pace"]["answers"] == 0
        assert tab.post("undo").json()["item"]["row"] == 0
