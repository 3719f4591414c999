"""What the tools made of our tasks is read: see fixtures/exchange/README.md."""

import json
from dataclasses import replace

import pytest
from fixtures.exchanged import FOLDER

from labelmend.data.read import read_content
from labelmend.errors import InputError, OutputError
from labelmend.review.exchange.find import TOOLS, tool_of
from labelmend.review.exchange.marks import Words
from labelmend.review.exchange.tasks import Export
from labelmend.review.exchange.tool import utc

ALL = {
    "label_studio.json": "label-studio",
    "label_studio_min.json": "label-studio",
    "label_studio.csv": "label-studio",
    "argilla.json": "argilla",
    "argilla.jsonl": "argilla",
    "argilla.parquet": "argilla",
    "doccano.json": "doccano",
    "doccano.jsonl": "doccano",
    "doccano.csv": "doccano",
}

LABELS = ["card_lost", "card_stolen", "exchange_rate", "fees", "pin_reset", "none of these"]
CHOICES = [*LABELS, "unsure"]


@pytest.mark.parametrize("name", ALL)
def test_the_tool_is_found_out(name):
    assert tool_of(read_content(FOLDER / name)).name == ALL[name]


def said(reply):
    """By row and person, what was said."""
    return {
        (one.fields["labelmend_id"], one.who): one.choices[0] for one in reply.heard if one.choices
    }


IN_LABEL_STUDIO = {
    ("r13", "label-studio:1"): "card_lost",
    ("r13", "label-studio:2"): "card_stolen",
    ("r18", "label-studio:1"): "card_stolen",
    ("r18", "label-studio:2"): "card_stolen",
    ("r1", "label-studio:1"): "exchange_rate",
    ("r5", "label-studio:1"): "fees",
    ("r5", "label-studio:2"): "pin_reset",
    ("r15", "label-studio:1"): "none of these",
    ("r10", "label-studio:1"): "unsure",
    ("r10", "label-studio:2"): "card_lost",
    ("r16", "label-studio:1"): "card_lost",
    ("r9", "label-studio:1"): "card_stolen",
    ("r17", "label-studio:2"): "fees",
    ("r21", "label-studio:1"): "fees",
    ("r25", "label-studio:1"): "pin_reset",
}
"""Two people; rows 22 and 17 were skipped by the first."""


@pytest.mark.parametrize(
    ("name", "silent"),
    [("label_studio.json", 2), ("label_studio_min.json", 0), ("label_studio.csv", 0)],
)
def test_label_studio(replied, name, silent):
    reply = replied("label-studio", FOLDER / name)
    assert said(reply) == IN_LABEL_STUDIO
    assert (reply.silent, reply.notes) == (silent, ())
    # The second person changed this one: the last time counts.
    (changed,) = [one for one in reply.heard if said_of(one) == ("r18", "label-studio:2")]
    assert changed.when == "2026-11-29T20:21:34Z"


def said_of(heard):
    return heard.fields["labelmend_id"], heard.who


ANNA, BOB = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
IN_ARGILLA = {
    ("r13", ANNA): "card_lost",
    ("r13", BOB): "card_stolen",
    ("r18", ANNA): "card_stolen",
    ("r1", ANNA): "exchange_rate",
    ("r5", ANNA): "fees",
    ("r5", BOB): "pin_reset",
    ("r15", ANNA): "none of these",
    ("r10", ANNA): "unsure",
    ("r10", BOB): "card_lost",
    ("r16", ANNA): "card_lost",
    ("r9", ANNA): "card_stolen",
    ("r21", ANNA): "fees",
}


@pytest.mark.parametrize("name", ["argilla.jsonl", "argilla.parquet"])
def test_argilla(replied, name):
    reply = replied("argilla", FOLDER / name)
    assert said(reply) == IN_ARGILLA
    # A draft, a discarded one, and one that nobody answered.
    assert (reply.silent, reply.notes) == (3, ())
    assert {one.suggested for one in reply.heard if said_of(one)[0] == "r9"} == {True}


def test_argillas_nested_export_does_not_tell_drafts(replied):
    reply = replied("argilla", FOLDER / "argilla.json")
    drafts = {("r22", ANNA): "card_lost", ("r17", ANNA): "card_lost"}
    assert said(reply) == IN_ARGILLA | drafts
    assert reply.silent == 1
    (note,) = reply.notes
    assert "Argilla's to_json doesn't say which responses are drafts" in note


@pytest.mark.parametrize("name", ["doccano.json", "doccano.jsonl", "doccano.csv"])
def test_doccano(replied, name):
    reply = replied("doccano", FOLDER / name)
    rows = ["r13", "r18", "r1", "r5", "r22", "r15", "r10", "r16", "r9", "r17", "r21", "r25"]
    wanted = {(row, None): CHOICES[n % 7] for n, row in enumerate(rows) if n % 5 != 4}
    joint = {("r1", None): "card_lost#exchange_rate"} if name.endswith("csv") else {}
    assert {**said(reply), ("r1", None): "exchange_rate"} == wanted
    assert (said(reply) | joint) == said(reply)
    several = [one.fields["labelmend_id"] for one in reply.heard if len(one.choices) > 1]
    assert several == ([] if joint else ["r1"])
    assert (reply.silent, reply.notes) == (2, ())


def test_doccano_has_no_place_for_names_of_more_than_a_hundred_characters():
    export = Export((), ("a" * 100,), {}, Words("none", "unsure"), "1")
    assert set(TOOLS["doccano"].written(export)) == {".jsonl", ".labels.json"}
    longer = replace(export, labels=("pin", "ab" * 50 + "c"))
    with pytest.raises(OutputError, match=r"^label '(ab){20}'\.\.\.: has 101 characters, and"):
        TOOLS["doccano"].written(longer)


def options(*labels):
    return [{"id": label, "text": label} for label in labels]


def prodigy(**fields):
    task = {"text": "hi", "options": options("a", "b", "none"), "_timestamp": 1796000000, **fields}
    return json.dumps({"_annotator_id": "set-anna", **task})


def test_prodigy(replied):
    tasks = [
        prodigy(accept=["a"], answer="accept"),
        prodigy(accept=[], answer="accept"),
        prodigy(accept=["a"], answer="ignore"),
        prodigy(accept=["a"], answer="reject"),
        prodigy(accept=[], answer="reject"),
        prodigy(accept=[], answer="reject", options=options("a", "b")),
        prodigy(accept=["a", "b"], answer="accept"),
        prodigy(accept=["b"], answer="accept", _annotator_id=None, _session_id="set-bob"),
    ]
    reply = replied("prodigy", "\n".join(tasks))
    assert [(one.task, one.who, one.choices, one.refused) for one in reply.heard] == [
        (1, "set-anna", ("a",), False),
        (5, "set-anna", (), True),  # nothing of all that there is
        (7, "set-anna", ("a", "b"), False),
        (8, "set-bob", ("b",), False),
    ]
    assert {one.when for one in reply.heard} == {"2026-11-30T00:53:20Z"}
    assert reply.silent == 2
    (note,) = reply.notes
    assert "2 tasks were rejected with one option" in note


def test_a_binary_task_of_prodigy_that_is_rejected_says_what_the_label_is_not(replied):
    tasks = [
        {"text": "one", "label": "a", "answer": "accept"},
        {"text": "two", "label": "a", "answer": "reject"},
    ]
    reply = replied("prodigy", "\n".join(map(json.dumps, tasks)))
    assert [(one.task, one.choices, one.refused) for one in reply.heard] == [(1, ("a",), False)]
    assert "1 task was rejected with one option" in reply.notes[0]


def studio(*controls):
    result = [
        {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": [label]}}
        for name, label in controls
    ]
    return json.dumps([{"id": 1, "data": {"text": "hi"}, "annotations": [{"result": result}]}])


def test_what_was_asked_has_to_be_one_thing(replied):
    both = studio(("topic", "a"), ("mood", "b"))
    with pytest.raises(InputError, match="'topic', 'mood'; name one with --answer-column"):
        replied("label-studio", both)
    (one,) = replied("label-studio", both, "mood").heard
    assert (one.choices, one.who, one.when) == (("b",), None, None)
    with pytest.raises(InputError, match="--answer-column moods: nothing was asked under that"):
        replied("label-studio", both, "moods")
    # Ours is called so.
    (one,) = replied("label-studio", studio(("label", "a"), ("mood", "b"))).heard
    assert one.choices == ("a",)


def test_people_of_label_studio_by_address(replied):
    task = json.loads(studio(("label", "a")))
    task[0]["annotations"][0]["completed_by"] = {"id": 3, "email": "anna@example.org"}
    assert replied("label-studio", json.dumps(task)).heard[0].who == "anna@example.org"


def test_a_file_that_is_no_export(replied):
    for tool in TOOLS.values():
        with pytest.raises(InputError, match=f"is no export of {tool.title} with answers in it"):
            replied(tool.name, '[{"a": 1}]' if tool.suffix == ".json" else '{"a": 1}\n')


@pytest.mark.parametrize(
    ("told", "when"),
    [
        ("2026-11-29T20:21:34.553036Z", "2026-11-29T20:21:34Z"),
        ("2026-11-29T20:21:34+02:00", "2026-11-29T18:21:34Z"),
        ("2026-11-29 20:21:34", "2026-11-29T20:21:34Z"),
        ("0", "1970-01-01T00:00:00Z"),
        (1796000000.5, "2026-11-30T00:53:20Z"),
        *[(bad, None) for bad in ("", None, "yesterday", "9" * 30, "-1", "1.2.3")],
    ],
)
def test_times(told, when):
    assert utc(told) == when
