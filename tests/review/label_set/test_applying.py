"""What becomes of edits of labels: the page's own runs apply them, and the record tells of them."""

import csv
import json
import sys
import time

import pytest
from fixtures.indexed import add_index
from fixtures.label_edits import describe, rename, split, write_edits
from fixtures.reviewed import LABELS, Served, record_of, write_reviewed

from labelmend.audit.mended import read_mended
from labelmend.audit.strata import Kind
from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.protocols import NoProgress
from labelmend.review import desk as desk_module
from labelmend.review.ranking.light import rank_anew
from labelmend.runs.companions import check_labels
from labelmend.runs.layout import OutputPaths
from labelmend.runs.parts import LabelEditsRecord
from labelmend.workflows import relabel as job

LOST, STOLEN, _, FEES, _ = LABELS

RUN = """
import csv, hashlib, json, sys
output, edits = sys.argv[1], sys.argv[3]
assert sys.argv[2] == "--label-edits"
rows = list(csv.reader(open(output)))
for row in rows[1:]:
    row[3] = {"card_lost": "lost"}.get(row[3], row[3])
csv.writer(open(output, "w", newline="")).writerows(rows)
path = output.removesuffix(".csv") + ".evidence.jsonl"
text = open(path).read().replace("card_lost", "lost")
open(path, "w").write(text)
path = output.removesuffix(".csv") + ".run.json"
record = json.load(open(path))
digest = hashlib.sha256(open(edits, "rb").read()).hexdigest()
names = {"card_lost": "lost"}
record["input"]["label_edits"] = {"path": edits, "sha256": digest, "count": 1, "names": names}
json.dump(record, open(path, "w"))
"""
"""A run that does nothing but rename a label."""


@pytest.fixture
def table(tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("id,text,label\n")
    monkeypatch.setattr(desk_module, "source_of", lambda *_: tmp_path / "data.csv")
    return write_reviewed(tmp_path)


def test_the_page_applies_edits_by_itself_without_an_answer(table, monkeypatch):
    told = []

    def command(source, run, answers, output, profile, labels, *, quick=False):
        told.append((answers, labels, quick))
        return [sys.executable, "-c", RUN, str(output)]

    monkeypatch.setattr(desk_module, "relabel_command", command)
    with Served(table) as served:
        tab = served.client()
        assert tab.post("apply").json()["error"] == "no-answers"
        fields = {"what": "rename", "label": LOST, "to": "lost", "seen": 0}
        assert tab.post("labels/edit", **fields).status_code == 200
        assert tab.post("apply").status_code == 200
        ends = time.monotonic() + 60
        while (now := tab.progress())["jobs"]["apply"]["phase"] == "running":
            assert time.monotonic() < ends
            time.sleep(0.02)
        assert now["jobs"]["apply"] == {"phase": "done", "said": ""}
        # The labels file that the page edited is the one that the run is given.
        assert told == [(None, table.with_suffix(".labels.yaml"), False)]
        assert now["labels"] == {"version": 1, "pending": False}
        assert tab.next()["given"] == "lost"
        assert tab.post("apply").json()["error"] == "no-answers"


def test_a_table_that_is_read_by_its_index(table):
    add_index(table)
    edits = table.with_name("mended.label-edits.jsonl")
    with Served(table) as served:
        tab = served.client()
        assert served.desk.sitting.table.index is not None
        fields = {"what": "rename", "label": STOLEN, "to": "a thief", "seen": 0}
        assert tab.post("labels/edit", **fields).status_code == 200
        row = tab.next()
        assert (row["given"], row["proposed"]) == (LOST, "a thief")
        assert row["candidates"][0] == {"label": "a thief", "probability": 0.75}
        assert tab.answer(0, "a thief").status_code == 200
    # The quick ranking knows the run's names, and what the answers mean: they come last.
    assert edits.exists()
    ranking = rank_anew(table, served.answers, load_config("embedded"))
    assert ranking.ranked.tolist()[-1] == 0


def test_a_row_whose_label_was_only_renamed_is_kept(table):
    path = table.with_suffix(".run.json")
    applied = {"path": "e", "sha256": "ab" * 32, "count": 1, "names": {LOST: "lost"}}
    record = record_of(40, "data.csv", "ab" * 32)
    record["input"]["label_edits"] = applied
    path.write_text(json.dumps(record))
    with table.open() as file:
        rows = list(csv.reader(file))
    for row in rows[1:]:
        row[3] = row[3].replace(LOST, "lost")
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    table.with_suffix(".labels.yaml").unlink()
    mended = read_mended(TableRequest(table))
    assert mended.dataset.labels == (STOLEN, *LABELS[2:4], "lost", LABELS[4])
    assert mended.dataset.former_names == {LOST: "lost"}
    # Of 40 rows ten were changed by evidence.
    assert (mended.kinds == Kind.CHANGED).sum() == 10
    assert (mended.kinds == Kind.KEPT).sum() == 30


ROWS = "text,label\nlost it,card\nwhere,card\nhow much,fees\nbye,pin\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    return path


def run(source, monkeypatch, **files):
    """What the pipeline is handed."""
    told = {}

    def stop(dataset, *_, **more):
        told.update(dataset=dataset, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "relabel", stop)
    config = load_config("embedded")
    with pytest.raises(KeyboardInterrupt):
        job.relabel_file(
            *(TableRequest(source), source.with_name("out.csv"), config, NoProgress()),
            use_llm=False,
            **files,
        )
    return told


def test_relabel_maps_labels_before_anything_else(source, monkeypatch, encoders):
    edits = write_edits(
        source.with_name("e.jsonl"),
        rename("card", "lost card"),
        split("fees", "abroad", "Fees in another country."),
        describe("pin", "The PIN."),
    )
    from fixtures.answers import said

    answers = source.with_name("a.jsonl")
    append_answers(answers, [said("how much", "abroad"), said("where", "card")])
    cards = source.with_name("cards.yaml")
    cards.write_text("card: The card.\n")
    files = {"labels_file": cards, "answers_file": answers, "edits_file": edits}
    told = run(source, monkeypatch, **files)
    dataset = told["dataset"]
    assert dataset.labels == ("abroad", "fees", "lost card", "pin")
    assert dataset.given.tolist() == [2, 2, 1, 3]
    # Texts in the order of their keys: bye, how much, lost it, where.
    assert (told["answers"].text.tolist(), told["answers"].label.tolist()) == ([1, 3], [0, 2])
    written = {label: card.description for label, card in told["written"].items()}
    assert written == {
        "lost card": "The card.",
        "abroad": "Fees in another country.",
        "pin": "The PIN.",
    }


def test_edits_that_do_not_fit_stop_the_run_before_any_work(source, monkeypatch):
    monkeypatch.setattr(job, "locate_models", None)
    edits = write_edits(source.with_name("e.jsonl"), rename("cards", "x"))
    files = (TableRequest(source), source.with_name("out.csv"), load_config("embedded"))
    with pytest.raises(InputError, match=r"line 1: speaks of 'cards', .*did you mean 'card'"):
        job.relabel_file(*files, NoProgress(), edits_file=edits)
    edits = write_edits(source.with_name("e.csv"), rename("card", "x"))
    with pytest.raises(OutputError, match="is given as --label-edits"):
        job.relabel_file(files[0], edits, files[2], NoProgress(), edits_file=edits)
    assert source.read_text() == ROWS


def test_what_the_record_says_of_them(source):
    from labelmend.data.label_edits.file import NO_EDITS, read_label_edits

    path = write_edits(source.with_name("e.jsonl"), rename("b", "x"), rename("a", "y"))
    edits = read_label_edits(path)
    assert job._edits_given(NO_EDITS) is None
    assert job._edits_given(edits) == LabelEditsRecord(
        path=str(path), sha256=edits.sha256, count=2, names={"a": "y", "b": "x"}
    )


def test_cards_that_the_last_run_was_given_are_not_written_over(table):
    paths = OutputPaths.beside(table)
    check_labels(paths)
    record = json.loads(paths.record.read_text())
    record["input"]["labels_file"] = {"path": paths.labels.name, "sha256": "ab" * 32}
    paths.record.write_text(json.dumps(record))
    with pytest.raises(OutputError, match="was given to the last run with --labels, and would be"):
        check_labels(paths)


def test_a_file_of_somebody_else_in_the_place_of_the_edits(table):
    path = table.with_name("mended.label-edits.jsonl")
    path.write_text("my notes\n")
    with pytest.raises(OutputError, match="is no file of label edits of labelmend"), Served(table):
        pass
    assert path.read_text() == "my notes\n"
