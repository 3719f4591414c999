"""What goes on beside the page: certificate, refit, and the table mended anew."""

import csv
import hashlib
import json
import sys
import time
from importlib import resources

import pytest
from fixtures.indexed import add_index
from fixtures.reviewed import Served, draw, given, write_reviewed

from labelmend.configs.load import load_config
from labelmend.data.answer_file import read_answers
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.review import desk as desk_module
from labelmend.workflows.relabel import relabel_file


def until(condition, seconds=240.0):
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.05)
    assert condition()


@pytest.fixture
def mendable(tmp_path):
    """A table of 40 rows whose own table is at hand."""
    source = tmp_path / "data.csv"
    source.write_text("id,text,label\n")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return write_reviewed(tmp_path, source=("data.csv", digest))


BACKWARDS = """
import json, shutil, sys
table, output = sys.argv[1:]
for end in (".csv", ".evidence.jsonl", ".run.json"):
    shutil.copy(table.removesuffix(".csv") + end, output.removesuffix(".csv") + end)
path = output.removesuffix(".csv") + ".run.json"
record = json.load(open(path))
record["review_order"].reverse()
json.dump(record, open(path, "w"))
"""
"""A run that ranks all rows the other way."""


def backwards(monkeypatch):
    told = []

    def command(source, run, answers, output, profile, labels, *, quick=False):
        told.append((quick, output, labels, profile.read_text()))
        return [sys.executable, "-c", BACKWARDS, str(source.with_name("mended.csv")), str(output)]

    monkeypatch.setattr(desk_module, "relabel_command", command)
    return told


def test_twenty_five_answers_rank_the_rows_anew_and_the_row_in_view_stays(mendable, monkeypatch):
    told = backwards(monkeypatch)
    with Served(mendable) as served:
        tab = served.client()
        row = tab.next()["row"]
        for _ in range(24):
            row = tab.answer(row, given(row)).json()["item"]["row"]
        assert tab.progress()["until_refit"] == 1
        assert told == []
        row = tab.answer(row, given(row)).json()["item"]["row"]
        until(lambda: tab.progress()["refits"] == 1)
        assert len(told) == 1
        quick, output, labels, profile = told[0]
        assert (quick, labels) == (True, None)
        assert "extends: embedded" in profile
        # The row under the person's eyes is still theirs; the next one comes in the new order.
        assert served.client("bob", "tab-number-2").next()["row"] != row
        answered = {line["id"] for line in served.lines()}
        left = [i for i in range(39, -1, -1) if f"r{i + 1}" not in answered and i != row]
        in_order = sorted(left, key=lambda i: i % 4 != 0)
        assert tab.answer(row, given(row)).json()["item"]["row"] in in_order[:2]
    assert not output.parent.exists()


def test_a_table_with_an_index_is_ranked_anew_without_a_run(mendable, monkeypatch):
    """People say that the given label is right wherever it is in doubt: then that is believed."""
    monkeypatch.setattr(desk_module, "relabel_command", None)
    add_index(mendable)
    with Served(mendable) as served:
        tab = served.client()
        before = served.desk.sitting.table
        row = tab.next()["row"]
        seen = []
        for _ in range(25):
            seen.append(row)
            row = tab.answer(row, given(row)).json()["item"]["row"]
        until(lambda: tab.progress()["refits"] == 1)
        after = served.desk.sitting.table
        assert after.evidence is before.evidence
        assert set(after.order[-25:].tolist()) == set(seen)
        assert after.doubt[seen].tolist() == [0.0] * 25
        changed = [i for i in range(40) if i % 4 == 1 and i not in seen and i != row]
        assert (after.doubt[changed] > before.doubt[changed]).all()
        assert tab.answer(row, given(row)).json()["item"]["row"] in changed


def test_apply_reads_the_table_that_was_mended_anew(mendable, monkeypatch):
    told = backwards(monkeypatch)

    def command(*arguments, **options):
        told.append(arguments)
        return [sys.executable, "-c", ""]

    monkeypatch.setattr(desk_module, "relabel_command", command)
    with Served(mendable) as served:
        tab = served.client()
        nothing = tab.post("apply")
        assert (nothing.status_code, nothing.json()["error"]) == (409, "no-answers")
        tab.answer(0, "fees")
        before = served.desk.sitting.table
        assert tab.post("apply").status_code == 200
        until(lambda: tab.progress()["jobs"]["apply"]["phase"] == "done")
        assert told[-1][3] == mendable
        assert served.desk.sitting.table is not before


def test_apply_says_what_is_missing(tmp_path):
    table = write_reviewed(tmp_path)
    with Served(table) as served:
        tab = served.client()
        tab.answer(0, "fees")
        reply = tab.post("apply")
        assert reply.status_code == 409
        assert "data.csv: the table that was mended is not there" in reply.json()["facts"]["said"]
        table.with_suffix(".labels.yaml").unlink()
        assert "--labels" in tab.post("apply").json()["facts"]["said"]


def test_the_labels_file_of_the_run_is_found_again(mendable, monkeypatch):
    told = backwards(monkeypatch)
    cards = mendable.with_name("cards.yaml")
    cards.write_text("fees:\n  description: What is charged.\nnew: {}\n")
    path = mendable.with_suffix(".run.json")
    record = json.loads(path.read_text())
    digest = hashlib.sha256(cards.read_bytes()).hexdigest()
    record["input"]["labels_file"] = {"path": "cards.yaml", "sha256": digest}
    path.write_text(json.dumps(record))
    with Served(mendable) as served:
        tab = served.client()
        labels = {one["name"]: one["description"] for one in served.desk.start()["labels"]}
        assert labels["fees"] == "What is charged."
        # A label that no row carries may be an answer.
        assert tab.answer(0, "new").status_code == 200
        assert tab.post("apply").status_code == 200
        assert told[-1][2] == cards
        until(lambda: tab.progress()["jobs"]["apply"]["phase"] != "running")
        cards.write_text("fees: {}\n")
        refused = tab.post("apply")
        assert refused.status_code == 409
        assert "the labels file that the run was given" in refused.json()["facts"]["said"]


def test_the_certificate_is_of_the_audit_alone(tmp_path):
    table = write_reviewed(tmp_path)
    draw(table, 10)
    with Served(table) as served:
        tab = served.client()
        for row in (0, 4, 8, 12, 16):
            tab.answer(row, "fees", queue="doubtful")
        assert tab.progress()["certificate"] is None
        row = tab.next("audit")
        while row is not None:
            row = tab.answer(row["row"], given(row["row"]), queue="audit").json()["item"]
        until(lambda: (tab.progress()["certificate"] or {}).get("answered") == 10)
        found = tab.progress()["certificate"]
        assert (found["drawn"], found["open"], found["anytime"]) == (10, 0, False)
        before = next(one for one in found["figures"] if one["name"] == "wrong_before")
        assert before["estimate"] == 0
        assert found["goal"] == 0.1
        assert found["more"] > 0
        assert tab.post("goal", goal=1.0).json()["certificate"]["more"] == 0
        assert tab.post("goal", goal=0.0).status_code == 422
    with Served(table) as served:
        tab = served.client()
        until(lambda: tab.progress()["certificate"] is not None)


@pytest.mark.slow
def test_answers_are_applied_by_a_real_run(tmp_path, encoders):
    assert all(model.path.is_dir() for model in encoders)
    demo = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    names, *rows = csv.reader(demo.splitlines())
    few = [row for row in rows if row[2] in {"card_lost", "exchange_rate"}]
    with (tmp_path / "data.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *few])
    table = tmp_path / "mended.csv"
    config = load_config("embedded", ["reranker.backend=none"])
    source = TableRequest(tmp_path / "data.csv")
    relabel_file(source, table, config, NoProgress(), use_llm=False)
    with Served(table) as served:
        tab = served.client()
        row = tab.next()["row"]
        for _ in range(5):
            row = tab.answer(row, few[row][2]).json()["item"]["row"]
        assert tab.post("apply").status_code == 200
        until(lambda: tab.progress()["jobs"]["apply"]["phase"] != "running", 400)
        assert tab.progress()["jobs"]["apply"] == {"phase": "done", "said": ""}
    answered = {one.id for one in read_answers(served.answers).answers}
    with table.open(encoding="utf-8", newline="") as file:
        mended = list(csv.DictReader(file))
    found = {str(i + 1) for i, one in enumerate(mended) if one["decision"] == "answered"}
    assert answered <= found
    assert all(
        one["mended_label"] == one["true_label"] for one in mended if one["decision"] == "answered"
    )
