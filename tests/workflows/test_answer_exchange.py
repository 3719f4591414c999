import csv
import json

import pytest
from fixtures.answers import said
from fixtures.exchanged import FOLDER, made

from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Saw, Shown, text_sha256
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError, InputError
from labelmend.workflows.answers import ImportRequest, import_answers
from labelmend.workflows.certify import certify_file
from labelmend.workflows.export_review import ExportRequest, export_review

DATA = load_config("embedded").data
BLIND, SEEN = Saw(given=False, proposed=False), Saw(given=True, proposed=True)


@pytest.fixture(scope="module")
def mended(tmp_path_factory):
    return made(tmp_path_factory.mktemp("mended"))


@pytest.fixture
def take(tmp_path):
    """Import a tool's file, or tasks as one, into a file of answers."""

    def taken(file, *who, text_column=None, **more):
        if not isinstance(file, str):
            content = "\n".join(map(json.dumps, file))
            (tmp_path / "x.jsonl").write_text(content)
            file = tmp_path / "x.jsonl"
        request = ImportRequest(TableRequest(FOLDER / file, text_column), who=who, **more)
        return import_answers(request, tmp_path / "a.jsonl", DATA)

    return taken


@pytest.fixture
def stand(tmp_path):
    return lambda: read_answers(tmp_path / "a.jsonl").answers


def prodigy(text, label, who="set-anna", **fields):
    options = [{"id": name, "text": name} for name in ("card", "pin", "none of these", "unsure")]
    task = {"text": text, "options": options, "_annotator_id": who, "accept": [label]}
    return {**task, "answer": "accept", **fields}


@pytest.mark.parametrize("name", ["label_studio.json", "label_studio_min.json", "label_studio.csv"])
def test_what_was_annotated_in_label_studio(take, stand, mended, name):
    done = take(name, "1=anna", "label-studio:2=bob", of=mended)
    assert (done.source, done.written, done.standing, done.notes) == ("label-studio", 15, 0, ())
    found = {(one.id, one.who): one for one in stand()}
    assert len(found) == 15
    blind = found["r13", "anna"]
    assert (blind.verdict, blind.labels) == ("label", ("card_lost",))
    assert blind.text_sha256 == text_sha256("number 12: where is my card?")
    assert (blind.saw, blind.when) == (BLIND, "2026-11-29T20:21:27Z")
    assert blind.shown == Shown("audit", blind.shown.design, None, 1 / 6)
    assert len(blind.shown.design) == 16
    assert (found["r15", "anna"].verdict, found["r10", "anna"].verdict) == ("none", "unsure")
    assert found["r18", "bob"].labels == ("card_stolen",)
    seen = found["r9", "anna"]
    assert (seen.shown, seen.saw) == (Shown("queue"), SEEN)
    # Again, it adds nothing.
    assert take(name, "1=anna", "2=bob").standing == 15
    assert len(stand()) == 15


def test_a_sheet_comes_back_as_it_went_out(tmp_path, mended):
    sheet = tmp_path / "sheet.csv"
    export_review(ExportRequest(TableRequest(mended), "csv", sheet, rows=10))
    with sheet.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    assert names.index("answer") == 3
    for row, answer in zip(rows, ["fees", "none of these", "unsure", *["fees"] * 7], strict=True):
        row[3] = answer
    with sheet.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    request = ImportRequest(TableRequest(sheet), who=("anna",), of=mended)
    done = import_answers(request, tmp_path / "a.jsonl", DATA)
    assert (done.source, done.written, done.blank, done.notes) == ("csv", 10, 0, ())
    found = read_answers(tmp_path / "a.jsonl").answers
    assert [one.shown.why for one in found] == ["audit"] * 8 + ["queue"] * 2
    assert [one.saw for one in found] == [BLIND] * 8 + [SEEN] * 2
    assert [one.verdict for one in found[:3]] == ["label", "none", "unsure"]
    assert found[8].id == "r9"


def test_a_sheet_of_ids_alone(tmp_path, mended):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,answer\nr9,fees\nr10,\n")
    with pytest.raises(InputError, match="--text-column"):
        import_answers(ImportRequest(TableRequest(sheet)), tmp_path / "a.jsonl", DATA)
    request = ImportRequest(TableRequest(sheet), who=("anna",), of=mended)
    assert import_answers(request, tmp_path / "a.jsonl", DATA).written == 1
    (one,) = read_answers(tmp_path / "a.jsonl").answers
    assert (one.id, one.text_sha256) == ("r9", text_sha256("number 8: where is my card?"))
    # An id that is not there has no text to speak of.
    sheet.write_text("id,answer\nr9,fees\nr99,fees\n")
    with pytest.raises(InputError, match="row 2: an answer, but no text"):
        import_answers(request, tmp_path / "a.jsonl", DATA)


def test_texts_of_a_sheet_that_were_changed(tmp_path, mended):
    sheet = tmp_path / "sheet.csv"
    key = text_sha256("number 8: where is my card?")
    sheet.write_text(f"id,text,answer,text_sha256\nr9,NUMBER 8: where is it?,fees,{key}\n")
    done = import_answers(
        ImportRequest(TableRequest(sheet), who=("anna",), of=mended), tmp_path / "a.jsonl", DATA
    )
    assert done.notes == (
        f"{sheet}: row 1: another text than was exported; the answers are kept for the exported "
        "one",
    )
    assert read_answers(tmp_path / "a.jsonl").answers[0].text_sha256 == key


def test_tasks_that_are_not_ours_are_known_by_their_texts(take, stand, mended):
    text = "Number 8:  where is my card?"
    tasks = [
        prodigy(text, "card_lost"),
        prodigy("hello", "None of  these", "set-bob"),
        prodigy("bye", "unsure", None),
    ]
    done = take(tasks, of=mended)
    assert done.source == "prodigy"
    anna, bob, somebody = stand()
    assert (anna.id, anna.who) == ("r9", "set-anna")
    assert anna.text_sha256 == text_sha256("number 8: where is my card?")
    assert (anna.shown, anna.saw) == (Shown("import"), BLIND)
    assert (bob.id, bob.verdict) == ("2", "none")
    assert (somebody.verdict, bool(somebody.who)) == ("unsure", True)
    (note,) = done.notes
    assert note.endswith(
        "mended.csv: rows '2', '3': is not in the table, nor is its text: kept, but not used"
    )


def test_what_does_not_fit_the_table_is_told_and_kept(take, stand, mended):
    key, other = text_sha256("number 8: where is my card?"), text_sha256("as it was")
    mark = {"labelmend_shown": "queue", "labelmend_saw": "labels"}
    tasks = [
        prodigy("as it was", "fees", labelmend_id="r9", labelmend_text_sha256=other, **mark),
        prodigy(
            "number 8: where is my card?",
            "fee",
            **{"labelmend_id": "old", "labelmend_text_sha256": key, **mark},
        ),
    ]
    done = take(tasks, of=mended)
    assert done.written == 2
    assert [note.partition("mended.csv: ")[2] for note in done.notes] == [
        "row 'r9': the text has changed since: kept for the text that was answered",
        "row 'old': is not in the table, but its text is: found by its text",
        "1 answer has a label that the table lacks: 'fee' (did you mean 'fees'?); taken as they "
        "are",
    ]
    assert [one.id for one in stand()] == ["r9", "old"]


def test_texts_that_were_changed_in_the_tool(take, stand):
    key = text_sha256("as it was")
    tasks = [prodigy("as it is", "fees", labelmend_id="r9", labelmend_text_sha256=key)]
    (note,) = take(tasks).notes
    assert "task 1: another text than was exported" in note
    assert stand()[0].text_sha256 == key


def test_several_labels_are_no_answer(take, stand):
    done = take([prodigy("hi", "card", accept=["card", "pin"]), prodigy("ho", "pin")])
    assert [one.labels for one in stand()] == [("pin",)]
    assert "task 1: several labels, and an answer has one; left out" in done.notes[0]


def test_what_a_person_said_last_counts(take, stand, tmp_path):
    tasks = [
        prodigy("hi", "card", _timestamp=1796000000),
        prodigy("hi", "pin", _timestamp=1796000100),
        prodigy("hi", "card", "set-bob", _timestamp=1796000000),
    ]
    assert take(tasks).written == 2
    assert {one.who: one.labels for one in stand()} == {"set-anna": ("pin",), "set-bob": ("card",)}
    # Said elsewhere since: a file that is imported late takes nothing back.
    later = said("hi", "card", "set-anna", when="2027-01-01T00:00:00Z")
    append_answers(tmp_path / "a.jsonl", [later])
    done = take(tasks)
    assert (done.written, done.standing) == (0, 1)
    assert "1 answer is older than what the same people said of the same texts" in done.notes[0]
    assert stand()[-1].labels == ("card",)


def test_at_the_same_time_nobody_says_two_things(take, stand):
    done = take([prodigy("hi", "card"), prodigy("hi", "pin"), prodigy("ho", "pin")])
    assert len(stand()) == 1
    assert "rows 1, 2: the same text is answered in different ways by one person" in done.notes[0]


def test_names_of_people(take, stand):
    both = [prodigy("hi", "card", "1"), prodigy("hi", "pin", "2")]
    with pytest.raises(ConfigError, match=r"--who anna: 2 people answered: '1', '2'; name them"):
        take(both, "anna")
    with pytest.raises(ConfigError, match="--who 3=anna: Prodigy knows nobody called '3'"):
        take(both, "3=anna")
    with pytest.raises(ConfigError, match="the name is blank"):
        take(both, "1=")
    take(both, "1=anna")
    assert {one.who for one in stand()} == {"anna", "2"}
    take([prodigy("ho", "pin", None)], "b=b")
    assert stand()[-1].who == "b=b"


def test_other_words_for_none(take, stand):
    take([prodigy("hi", "nothing")], none_words=("Nothing",))
    assert stand()[0].verdict == "none"


def test_damaged_marks(take):
    key = text_sha256("hi")
    mark = {"labelmend_id": "r1", "labelmend_text_sha256": key, "labelmend_shown": "audit"}
    with pytest.raises(InputError, match="task 1: its fields labelmend_design and"):
        take([prodigy("hi", "card", **mark)])


def test_a_text_column_by_name(take, stand):
    task = prodigy("hi", "card")
    task["body"] = task.pop("text")
    with pytest.raises(InputError, match="--text-column"):
        take([{**task, "message": "x"}] * 2 + [{**task, "other": "y"}])
    take([task], text_column="body")
    assert stand()[0].text_sha256 == text_sha256("hi")
    with pytest.raises(InputError, match="task 1: an answer, but no text"):
        take([{**task, "body": " "}, task], text_column="body")


def test_which_tool_it_is(take):
    with pytest.raises(InputError, match="is no export of doccano with answers in it"):
        take([prodigy("hi", "card")], source="doccano")
    with pytest.raises(ConfigError, match="--answer-column: in a file of Prodigy"):
        take([prodigy("hi", "card")], columns=("a", "b"))
    assert take([prodigy("hi", "card")], source="prodigy").written == 1
    # As a table, it has a column of answers that says "accept".
    assert take([prodigy("hi", "card")], source="csv", columns=("answer",)).source == "csv"


def test_rows_of_an_audit_that_come_back_are_the_audits(tmp_path):
    table = made(tmp_path)
    tasks, answers = tmp_path / "tasks.jsonl", tmp_path / "answers.jsonl"
    request = ExportRequest(TableRequest(table), "prodigy", tasks, "audit")
    assert export_review(request).rows == 8
    done = [
        {**json.loads(line), "accept": ["fees"], "answer": "accept"}
        for line in tasks.read_text("utf-8").splitlines()
    ]
    replies = tmp_path / "replies.jsonl"
    replies.write_text("\n".join(map(json.dumps, done[:5])))
    imported = import_answers(ImportRequest(TableRequest(replies), of=table), answers, DATA)
    assert (imported.written, imported.notes) == (5, ())
    assert export_review(request).rows == 3
    certificate = certify_file(TableRequest(table), answers, tmp_path / "c.json").certificate
    assert (certificate.drawn, certificate.answered) == (8, 5)
