"""Texts, labels and names that hold escape sequences, through every command there is."""

import csv
import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures.bot_api import TOKEN
from fixtures.logged import entry, guess

from labelmend.journal.entries import LogRules, Said
from labelmend.journal.log import Journal

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import network

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = {
    "card_lost": "card\x1b[31m_lost\x1b[0m",
    "oos": "oos\x1b]0;owned\x07",
    "pin_reset": "pin\x9b31m_\u202ereset",
}
FAST = (
    *("--set", "encoders=[{backend: onnx, model: bge-small-en-v1.5, max_tokens: 32}]"),
    *("--set", "reranker.backend=none", "--set", "fusion.rounds=1"),
    *("--set", "evidence.classifier.options.folds=2"),
)


FOLDS = ("--set", "classify.folds=2")


def step(name, *words):
    """A command, as the command line lists it, and its words."""
    return name, (*name.split(), *words)


def steps():
    """Every command, on files that hold what would steer a terminal; some end in an error line."""
    oos = ("--oos-label", EVIL["oos"])
    model, answers = f"model{EVIL['oos']}", f"answers{EVIL['oos']}.jsonl"
    yield step("relabel", "t.csv", "-o", "o.csv", "--no-llm", "--verbose", *oos, *FAST)
    yield step("relabel", "t.csv", "--label-column", EVIL["oos"])
    yield step("relabel", f"{EVIL['oos']}.csv")
    yield step("relabel", "t.csv", f"--{EVIL['oos']}")
    yield step("relabel", "t.csv", "--labels", "evil.yaml", "--no-llm")
    yield step("describe", "t.csv", "-o", "labels.yaml", "--no-llm", *oos, *FAST[:2])
    yield step("label", "t.csv", "--labels", "labels.yaml", "-o", "l.csv", "--no-llm", *FAST[:4])
    yield step("label", "t.csv", "--labels", "evil.yaml", "-o", "l.csv")
    yield step("explain", "o.csv", "--row", "1")
    yield step("explain", "o.csv", "--id", EVIL["oos"])
    yield step("explain", "o.csv", "--row", "1", "--json")
    yield step("error-analysis", "t.csv", "-o", "kinds.csv", *FAST[:2])
    yield step("error-analysis", "t.csv", "--label-column", EVIL["oos"])
    yield step("corrupt", "t.csv", "-o", "n.csv", "--noise", "uniform=0.2")
    yield step("corrupt", "t.csv", "-o", "n.csv", "--noise", EVIL["oos"])
    yield step("audit", "o.csv", "-o", "sheet.csv", "--rows", "9")
    drawn = filled(Path("sheet.csv"))
    yield step("answers import", "sheet.csv", "-o", answers, "--who", EVIL["card_lost"])
    yield step("answers import", "odd.csv", "-o", answers)
    yield step("answers show", answers)
    yield step("certify", "o.csv", "--answers", answers)
    yield step("review", "o.csv", "--answers", answers, "--port", "0", "--who", "anna")
    yield step("review", "t.csv", "--answers", answers)
    yield step("export-review", "o.csv", "--to", "csv", "-o", f"{EVIL['oos']}.csv")
    yield step("export-review", "o.csv", "--to", EVIL["oos"], "-o", "x.csv")
    yield step("answers withdraw", answers, "--id", drawn)
    yield step("answers withdraw", answers, "--id", EVIL["oos"])
    yield step("train-classifier", "o.csv", "-o", model, "--kind", "logreg", *FAST[:2], *FOLDS)
    yield step("predict", model, "t.csv", "-o", "p.csv")
    yield step("predict", model, "t.csv", "--trust-key", EVIL["oos"])
    yield step("predict", model, "t.csv", "--text-column", EVIL["oos"])
    yield step("export", model, "-o", "onnx", "--check", "t.csv", "--text-column", EVIL["oos"])
    yield step("monitor", "p.csv", "--reference", "o.csv", "--model", model, "--html", "d.html")
    yield step("monitor", "p.csv", "--reference", "o.csv", "--model", model, "--json")
    yield step("monitor", "t.csv", "--reference", EVIL["oos"], *FAST[:2])
    yield step("monitor", "t.csv", "--reference", "o.csv", "--label-column", EVIL["oos"])
    yield step("serve", model, "--port", "0", "--watch-s", "0")
    yield step("serve", model, "--port", "0", "--token-file", EVIL["oos"])
    kept = ("--log", f"log{EVIL['oos']}.sqlite", "--log-texts")
    yield step("bot", model, "--watch-s", "0", *kept)
    yield step("bot", model, "--api-server", EVIL["oos"])
    Path("project.yaml").write_text(
        "base: o.csv\nregistry: registry\nheld_out: {least_rows: 10}\n"
        f"settings: {json.dumps(list(FAST[1:2]))}\n"
    )
    yield step("retrain", "project.yaml")
    yield step("retrain", "evil.yaml")
    yield step("retrain", EVIL["oos"])
    log = logged(Path(kept[1]))
    yield step("journal show", log)
    yield step("journal show", log, "--id", EVIL["card_lost"])
    yield step("journal show", EVIL["oos"])
    yield step("journal queue", log, "-o", f"queue{EVIL['oos']}.csv")
    yield step("journal export", log, "-o", f"new{EVIL['oos']}.csv")
    yield step("journal forget", log, "--id", EVIL["card_lost"])
    yield step("journal forget", log, "--sender", EVIL["oos"])
    yield step("journal expire", log, "--older", "0")
    yield step("compare-baseline", "o.csv", "--kind", "logreg", "--seeds", "1", *FAST[:2], *FOLDS)
    yield step("augment", "o.csv", "-o", "more.csv", "--model", EVIL["oos"])
    yield step("tune-embedder", "o.csv", "-o", "tuned", "--gold-column", EVIL["oos"])
    yield step("models list")
    yield step("models check", EVIL["oos"])
    yield step("models pull", EVIL["oos"])
    yield step("config show", "--profile", "evil.yaml")
    yield step("config show", EVIL["oos"])
    yield step("config schema")
    yield step("doctor")
    yield step("doctor", "--profile", "evil.yaml")
    yield step("doctor", "--profile", EVIL["oos"])
    yield step("demo", "-o", "t.csv")
    yield step("version")
    yield EVIL["oos"], (EVIL["oos"],)


def written(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def logged(path):
    """Write a request and its feedback into a log, and return its name."""
    evil = EVIL["card_lost"]
    with Journal(path, LogRules(texts=True)) as journal:
        journal.record([entry(evil, evil, guesses=(guess(evil, model=evil),), source=evil)])
        journal.feedback(Said(evil, evil, "label", EVIL["oos"]), {EVIL["oos"]})
    return str(path)


def filled(sheet):
    """Answer what was drawn, and return the name of the first row."""
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = [{**row, "answer": row["label"]} for row in csv.DictReader(file)]
    written(sheet, rows)
    written(Path("odd.csv"), [{**row, "answer": EVIL["oos"] * 2} for row in rows])
    return rows[0]["id"]


@pytest.mark.slow
def test_no_file_steers_the_terminal(cli, demo_rows, tmp_path, bge_small, monkeypatch):
    """A command that prints something of a file, and has no step here, fails this test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda address: None)
    monkeypatch.setattr("labelmend.review.serving.server.ReviewServer.serve", lambda self: None)
    monkeypatch.setattr("labelmend.serve.server.ServeServer.serve", lambda self: None)
    monkeypatch.setenv("LABELMEND_TELEGRAM_TOKEN", TOKEN)
    evils = [("begun", EVIL["oos"]), ("lost", EVIL["oos"]), ("passed", EVIL["oos"])]
    monkeypatch.setattr(
        "labelmend.bot.run.Talking.run", lambda self: [self._heard(*told) for told in evils]
    )
    rows = [
        {
            "id": f"{number}\x1b[2J",
            "text": f"{row['text']} \x1b[31m\x9b1m\u202e",
            "label": EVIL.get(row["label"], row["label"]),
            "no\x1b[8m": "x",
        }
        for number, row in enumerate(demo_rows)
    ]
    written(tmp_path / "t.csv", rows)
    # What `serve` holds an export against: a few texts, not the 809 of the demo.
    (tmp_path / "few").mkdir()
    written(tmp_path / "few" / "test.csv", rows[:20])
    few_texts = SimpleNamespace(files=lambda _: tmp_path / "few", as_file=nullcontext)
    monkeypatch.setattr("labelmend.workflows.export_check.resources", few_texts)
    said = json.dumps({EVIL["oos"]: {EVIL["pin_reset"]: EVIL["pin_reset"]}})
    (tmp_path / "evil.yaml").write_text(said, "utf-8")
    shown, tried = "", set()
    for name, words in steps():
        ran = cli(*words)
        assert ran.code in (0, 2), (words, ran)
        assert STEERS.search(ran.out + ran.err) is None, (words, ran)
        shown += ran.out + ran.err
        tried.add(name)
    assert set(network.commands()) <= tried
    # They are shown all the same, spelled.
    assert shown.count("[31m") > 2
