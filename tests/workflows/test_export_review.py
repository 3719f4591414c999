import csv
import json
import shutil
import xml.etree.ElementTree as ET

import pytest
from fixtures.answers import said
from fixtures.exchanged import ODD, ROWS, made
from fixtures.reviewed import LABELS, text_of, write_reviewed
from fixtures.reviewed_sets import write_reviewed_sets

from labelmend.audit.draw import read_design
from labelmend.audit.mended import audit_paths, read_mended
from labelmend.data.answer_file import append_answers
from labelmend.data.answers import text_sha256
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.workflows.export_review import ExportRequest, export_review

NAMES = {
    "label-studio": "tasks.json",
    "argilla": "tasks.json",
    "prodigy": "tasks.jsonl",
    "doccano": "tasks.jsonl",
    "csv": "tasks.csv",
}


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return made(tmp_path_factory.mktemp("once"))


@pytest.fixture
def table(once, tmp_path):
    shutil.copytree(once.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / once.name


def export(table, to, name=None, **more):
    output = table.with_name(name or NAMES[to])
    done = export_review(ExportRequest(TableRequest(table), to, output, **more))
    return done, output.read_text("utf-8")


def tasks_of(to, text):
    """The tasks, each with its fields, its text and the suggested label with its probability."""
    if to == "csv":
        for row in csv.DictReader(text.splitlines(keepends=True)):
            yield row, row["text"], row["proposed"] or None
        return
    tasks = json.loads(text) if to != "prodigy" and to != "doccano" else lines(text)
    for task in tasks:
        if to == "label-studio":
            (result,) = [p["result"][0] for p in task["predictions"]] or [None]
            label = result and result["value"]["choices"][0]
            yield task["data"], task["data"]["text"], label
        elif to == "argilla":
            label = task["suggestions"].get("label", {}).get("value")
            yield task["metadata"], task["fields"]["text"], label
        elif to == "prodigy":
            assert "accept" not in task
            label = task["options"][0]["id"] if "score" in task else None
            yield task, task["text"], label
        else:
            assert task["label"] == []
            yield task, task["text"], task["candidates"].split(" ")[0] or None


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("to", NAMES)
def test_rows_go_out_in_the_order_of_the_review_those_of_the_audit_blind(table, to):
    done, text = export(table, to, rows=12)
    assert (done.rows, done.audit, done.blind) == (12, 8, 8)
    found = list(tasks_of(to, text))
    prefix = "" if to == "csv" else "labelmend_"
    ids = [fields[f"{prefix}id"] for fields, _, _ in found]
    assert sorted(ids[:8]) == sorted(ROWS[:8])
    assert ids[8:] == list(ROWS[8:])
    design = read_design(audit_paths(table)[0], read_mended(TableRequest(table)))
    drawn = {one.row: one for one in design.rows_of()}
    for place, (fields, whole, label) in enumerate(found):
        row = int(ids[place][1:]) - 1
        assert whole == ODD.get(row, text_of(row))
        assert fields[f"{prefix}text_sha256"] == text_sha256(whole)
        assert fields[f"{prefix}shown"] == ("audit" if place < 8 else "queue")
        assert fields[f"{prefix}saw"] == ("nothing" if place < 8 else "labels")
        assert (label is None) == (place < 8)
        if place < 8:
            assert fields[f"{prefix}design"] == design.design
            told = float(fields[f"{prefix}inclusion"])
            assert told == pytest.approx(drawn[row].inclusion, abs=1e-6)
            # Nothing of a blind row tells a label, or what was decided.
            rest = {k: v for k, v in fields.items() if k not in ("options", "text")}
            assert not [name for name in LABELS if name in json.dumps(rest)]
            assert not fields.get(f"{prefix}stratum")
    assert found[8][2] == "pin_reset"


@pytest.mark.parametrize("to", NAMES)
def test_the_evidence_goes_along(table, to):
    _, text = export(table, to, rows=9)
    fields, _, _ = list(tasks_of(to, text))[8]
    said = json.dumps(fields, ensure_ascii=False)
    for part in (
        *("9 of the 10 nearest texts carry pin_reset.", "near <i>text</i>", "tiny", "neighbour"),
        *("fees", "2.5", "0.5", "75.0%" if to in ("csv", "doccano") else "0.75"),
    ):
        assert part in said, part
    if to != "csv":
        evidence = fields["labelmend_evidence"]
        evidence = json.loads(evidence) if isinstance(evidence, str) else evidence
        assert evidence["candidates"][0] == {"label": "pin_reset", "probability": 0.75}
        assert evidence["sources"][0] == {"source": "neighbour", "nats": [2.5, None, None]}
        assert (evidence["given"], evidence["proposed"]) == ("fees", "pin_reset")
        assert evidence["votes"] == [{"voter": "tiny", "label": "pin_reset"}]


def test_label_studios_tasks_and_its_configuration(table):
    done, text = export(table, "label-studio", rows=9)
    assert [path.name for path in done.written] == ["tasks.json", "tasks.config.xml"]
    (prediction,) = json.loads(text)[8]["predictions"]
    assert prediction["score"] == 0.75
    assert prediction["model_version"].startswith("labelmend 0.1.0 ")
    assert prediction["result"] == [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": ["pin_reset"]},
        }
    ]
    root = ET.fromstring(done.written[1].read_text("utf-8"))
    (choices,) = root.iter("Choices")
    assert (choices.get("name"), choices.get("toName")) == ("label", "text")
    assert [one.get("value") for one in choices] == [*LABELS, "none of these", "unsure"]
    assert choices[0].get("hint") == "The customer has mislaid the card."
    # All that the configuration shows is in every task, or Label Studio refuses them.
    shown = {one.get("value").removeprefix("$") for one in root.iter("Text")}
    assert all(shown <= task["data"].keys() for task in json.loads(text))


def test_what_argilla_and_doccano_need_beside(table):
    done, _ = export(table, "argilla", "a.json")
    settings = json.loads(done.written[1].read_text("utf-8"))
    (question,) = settings["questions"]
    values = [option["value"] for option in question["settings"]["options"]]
    assert values == [*LABELS, "none of these", "unsure"]
    done, text = export(table, "doccano", "d.jsonl")
    assert text.isascii()
    labels = json.loads(done.written[1].read_text("utf-8"))
    assert [one["text"] for one in labels] == values
    assert len({tuple(task) for task in lines(text)}) == 1


def test_prodigys_options_begin_with_the_candidates(table):
    _, text = export(table, "prodigy", rows=9)
    blind, shown = lines(text)[0], lines(text)[8]
    assert [one["id"] for one in blind["options"]] == [*LABELS, "none of these", "unsure"]
    assert [one["id"] for one in shown["options"]] == [
        *("pin_reset", "fees", "card_lost", "card_stolen", "exchange_rate"),
        *("none of these", "unsure"),
    ]
    assert blind["meta"] == {"row": blind["labelmend_id"]}


def test_which_rows(table):
    # Eight of ten rows in doubt, two of which the audit drew.
    for wanted, rows, counts in (
        ("all", None, (15, 8)),
        ("audit", None, (8, 8)),
        ("doubtful", None, (7, 0)),
        ("doubtful", 3, (3, 0)),
        ("all", 100, (40, 8)),
    ):
        done, _ = export(table, "prodigy", wanted=wanted, rows=rows)
        assert (done.rows, done.audit) == counts
    for blind, hidden in ((True, 15), (False, 0)):
        done, text = export(table, "prodigy", blind=blind)
        assert done.blind == hidden
        saw = {task["labelmend_saw"] for task in lines(text)}
        assert saw == {"nothing" if blind else "labels"}
    assert {task["labelmend_stratum"] for task in lines(text)} == {"kept", "changed", ""}


def test_answered_rows_stay_here(table):
    answers = table.with_name("answers.jsonl")
    append_answers(answers, [said(text_of(8), "fees", row="r9")])
    _, text = export(table, "prodigy", wanted="doubtful", rows=1)
    assert [task["labelmend_id"] for task in lines(text)] == ["r17"]
    other = table.with_name("other.jsonl")
    other.touch()
    _, text = export(table, "prodigy", wanted="doubtful", rows=1, answers=other)
    assert [task["labelmend_id"] for task in lines(text)] == ["r9"]


def test_nothing_left(tmp_path):
    table = write_reviewed(tmp_path, rows=4)
    request = TableRequest(table)
    output = tmp_path / "t.jsonl"

    def refused(said, **more):
        with pytest.raises(InputError, match=said):
            export_review(ExportRequest(request, "prodigy", output, **more))
        assert not output.exists()

    refused("no rows were drawn for an audit", wanted="audit")
    append_answers(tmp_path / "answers.jsonl", [said(text_of(0), "fees")])
    refused("no row is left to people; say with --rows how many")
    append_answers(tmp_path / "answers.jsonl", [said(text_of(n), "fees") for n in (1, 2, 3)])
    refused("all rows are answered", rows=4)
    refused("no such file; check the path", answers=tmp_path / "no.jsonl")


def test_files_of_the_users_are_left_alone(table):
    def refused(said, to, output, **more):
        before = {path: path.read_bytes() for path in table.parent.iterdir()}
        with pytest.raises(OutputError, match=said):
            export_review(ExportRequest(TableRequest(table), to, output, **more))
        assert {path: path.read_bytes() for path in table.parent.iterdir()} == before

    refused("for Prodigy, end the name in .jsonl", "prodigy", table.with_name("t.json"))
    refused("for a sheet, end the name in .csv", "csv", table.with_name("t.json"))
    refused("is the input itself", "csv", table)
    refused("is read with", "label-studio", table.with_suffix(".run.json"))
    refused("is read with", "label-studio", table.with_suffix(".audit.json"))
    refused("the file of answers", "prodigy", table.with_name("answers.jsonl"))
    mine = table.with_name("t.config.xml")
    mine.write_text("<View/>")
    refused("is no labelling interface of labelmend's", "label-studio", table.with_name("t.json"))
    mine.unlink()
    mine = table.with_name("t.labels.json")
    mine.write_text('[{"text": "mine"}]')
    refused("is no list of labels of labelmend's", "doccano", table.with_name("t.jsonl"))
    mine.unlink()
    sheet = table.with_name("s.csv")
    sheet.write_text("mine")
    refused("is there already and may hold answers", "csv", sheet)
    # What labelmend wrote is replaced.
    for to in ("label-studio", "argilla", "doccano"):
        for _ in range(2):
            export(table, to, f"again-{NAMES[to]}")


@pytest.mark.parametrize("label", ["a\\x0bb", "$price"])
def test_a_label_that_label_studio_has_no_place_for(tmp_path, label):
    table = write_reviewed(tmp_path, rows=8)
    cards = table.with_suffix(".labels.yaml")
    cards.write_text(f'"{label}": {{description: odd}}\n')
    with pytest.raises(OutputError, match="has a character that Label Studio's configuration"):
        export(table, "label-studio", rows=1)
    export(table, "prodigy", rows=1)


def test_prodigy_takes_so_many_options(table, monkeypatch):
    monkeypatch.setattr("labelmend.review.exchange.prodigy._MOST_OPTIONS", 7 * 12)
    export(table, "prodigy", rows=12)
    with pytest.raises(OutputError, match="13 tasks with 7 options each are too many for Prodigy"):
        export(table, "prodigy", rows=13)


def test_a_label_that_is_called_unsure(tmp_path):
    table = write_reviewed(tmp_path, rows=8)
    table.with_suffix(".labels.yaml").write_text("Unsure: {description: odd}\n")
    _, text = export(table, "prodigy", rows=1)
    (task,) = lines(text)
    assert [one["id"] for one in task["options"]][-2:] == ["none of these", "(unsure)"]
    assert task["labelmend_unsure"] == "(unsure)"


def test_what_a_spreadsheet_would_run(table):
    _, text = export(table, "csv", rows=40, excel_safe=True)
    assert "'=1+1" in text
    assert "\nr5,=1+1" not in text


def test_rows_with_several_labels_are_refused(tmp_path):
    table = write_reviewed_sets(tmp_path, rows=8)
    with pytest.raises(InputError) as refused:
        export(table, "csv")
    assert str(refused.value) == (
        f"{table}: rows have several labels, which is not built for other tools yet; let people "
        "answer them on our page: labelmend review"
    )
    assert not table.with_name(NAMES["csv"]).exists()
