"""A table is mended, answered on the page, and mended again with the answers: all of it real."""

import csv
import json
import shutil
import time
from itertools import product

import pytest
from fixtures.reviewed import Served, draw
from fixtures.reviewed_sets import SetClient
from typer.testing import CliRunner

from labelmend.audit.sets.figures import SET_NAMES
from labelmend.cli.app import app
from labelmend.data.answer_file import read_answers
from labelmend.review.page import strings

WHAT = {"money": ("my credit card", "the bank card"), "pet": ("our old dog", "the black cat")}
DONE = {"lost": ("is lost", "was lost on the bus"), "stolen": ("was stolen", "was robbed from me")}
WHERE = ("in town", "yesterday", "at the station", "on holiday", "today")
ROWS = [
    (f"{name} {verb} {where}", (what, done))
    for (what, names), (done, verbs) in product(WHAT.items(), DONE.items())
    for name, verb, where in product(names, verbs, WHERE)
]
FORGOTTEN = 40
"""The row that lacks its second label."""


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def relabel(*words):
    done = CliRunner().invoke(app, ["relabel", *map(str, words), "--quiet"])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A mended table whose labels have a column each, and how it is mended."""
    folder = tmp_path_factory.mktemp("loop")
    names = ("money", "pet", "lost", "stolen")
    with (folder / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", *(f"t_{name}" for name in names)])
        for row, (text, labels) in enumerate(ROWS):
            given = labels[:1] if row == FORGOTTEN else labels
            writer.writerow([text, *(int(name in given) for name in names)])
    words = ["--label-columns", "t_*", "--embedder", "use-multilingual-v3"]
    relabel(folder / "t.csv", "-o", folder / "mended.csv", *words)
    return folder, words


def until(condition, seconds=240.0):
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.05)
    assert condition()


def test_what_an_audit_proves_stands_beside_the_row(run, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "audited")
    table = folder / "mended.csv"
    draw(table, rows=10)
    with Served(table) as served:
        tab = SetClient(served.client().http)
        item = tab.next("audit")
        assert (item["hidden"], item["mended"], item["near"]) == (True, None, [])
        # Each answer is the truth, by which nothing that was taken away holds.
        while item is not None:
            labels = [f"t_{label}" for label in ROWS[item["row"]][1]]
            item = tab.answer(item["row"], labels, queue="audit").json()["item"]
        until(lambda: (tab.progress()["certificate"] or {}).get("answered") == 10)
        found = tab.progress()
        assert found["audit"] == {"done": 10, "total": 10}
        assert found["certificate"]["drawn"] == 10
        figures = {one["name"]: one["estimate"] for one in found["certificate"]["figures"]}
        assert figures["removed_holding"] == 0
        assert {*figures} == {*SET_NAMES}
        assert {f"figure-{name}" for name in figures} <= {*strings()}
        # Without one label a row there is no width to aim at.
        assert not {"goal", "more"} & {*found["certificate"]}
    whys = [one.shown.why for one in read_answers(served.answers, "several").answers]
    assert whys == ["audit"] * 10
    done = CliRunner().invoke(app, ["certify", str(table), "--answers", str(served.answers)])
    assert done.exit_code == 0, done.output


def test_the_loop_closes(run):
    folder, words = run
    order = json.loads((folder / "mended.run.json").read_text())["review_order"]
    with Served(folder / "mended.csv") as served:
        tab = SetClient(served.client().http)
        assert tab.post("apply").json()["error"] == "no-answers"
        item = tab.next()
        assert item["id"] == order[0]
        assert {one["label"] for one in item["candidates"]} <= {
            *("t_money", "t_pet", "t_lost", "t_stolen"),
        }
        said = {}
        for verdict, labels in (("label", ("t_lost", "t_pet")), ("none", ()), ("unsure", ())):
            said[item["row"]] = verdict, labels
            item = tab.answer(item["row"], labels, verdict).json()["item"]
        assert [a.task for a in read_answers(served.answers, "several").answers] == ["several"] * 3
        # The page mends the table anew with them.
        tab.post("apply")
        until(lambda: tab.progress()["jobs"]["apply"]["phase"] != "running")
        assert tab.progress()["jobs"]["apply"] == {"phase": "done", "said": ""}
        anew = read(folder / "mended.csv")
    relabel(folder / "t.csv", "-o", folder / "again.csv", *words, "--answers", served.answers)
    again = read(folder / "again.csv")
    for row, (verdict, labels) in said.items():
        for found in (anew[row], again[row]):
            assert (found["decision"] == "answered") == (verdict != "unsure")
            carried = {
                name for name in found if name.startswith("mended_t_") and found[name] == "1"
            }
            if verdict != "unsure":
                assert carried == {f"mended_{label}" for label in labels}
    answered = [row for row, one in enumerate(again) if one["decision"] == "answered"]
    assert answered == sorted(row for row, (verdict, _) in said.items() if verdict != "unsure")
    assert anew == again


@pytest.mark.browser
def test_the_loop_closes_in_a_browser(run, sit):
    folder, _ = run
    answers = folder / "browser.jsonl"
    with Served(folder / "mended.csv", answers=answers) as served:
        tab = sit(served.door.address)
        row = tab.row
        on = tab.page.locator(".toggle[aria-pressed=true]")
        while on.count():
            on.first.click()
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("t_stolen")
        tab.page.keyboard.press("Enter")
        tab.press("Enter")
        tab.says("Kept: t_stolen")
        tab.page.click("#apply")
        tab.page.wait_for_selector("#applied >> text=The table was mended anew")
        found = read(folder / "mended.csv")[row]
    carried = [name for name in found if name.startswith("mended_t_") and found[name] == "1"]
    assert (found["decision"], carried) == ("answered", ["mended_t_stolen"])
    assert found["reason"] == "A person said: t_stolen."


def test_twenty_five_answers_rank_the_rows_anew(run):
    folder, _ = run
    with Served(folder / "mended.csv", answers=folder / "more.jsonl") as served:
        tab = SetClient(served.client().http)
        row = tab.next()["row"]
        before = served.desk.sitting.table
        for _ in range(25):
            labels = [f"t_{label}" for label in ROWS[row][1]]
            row = tab.answer(row, labels).json()["item"]["row"]
        until(lambda: tab.progress()["jobs"]["refit"]["phase"] != "running")
        found = tab.progress()
        assert (found["jobs"]["refit"], found["refits"]) == ({"phase": "done", "said": ""}, 1)
        after = served.desk.sitting.table
        side = served.desk._side("mended.csv")
        assert [row["decision"] for row in read(side)].count("answered") == 25
        answered = [line["id"] for line in served.lines()]
        # What was answered is behind all that was not.
        assert {after.ids[k] for k in after.order[-25:].tolist()} == {*answered}
        assert len(after.order) == len(before.order) == len(ROWS)
    assert not side.parent.exists()
