"""`monitor`, end to end on a real encoder."""

import csv
import json
import re

import pytest

from labelmend.journal.entries import Entry, Guess, LogRules
from labelmend.journal.log import Journal

ENCODER = "bge-small-en-v1.5"

NEW = (
    *("can I buy bitcoin with my card", "do you sell bitcoin", "how do I buy crypto here"),
    *("is there a bitcoin wallet in the app", "I want to buy some bitcoin", "crypto trading fees"),
    *("sell my bitcoin please", "which crypto coins do you have", "bitcoin price in the app"),
    *("move bitcoin to my wallet", "can the bank hold crypto for me", "start trading bitcoin"),
)


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def place(cli, tmp_path_factory, bge_small, demo_rows):
    """A model, its training table, and logs: one as before, and one with a new intent."""
    folder = tmp_path_factory.mktemp("monitor")
    rows = [(row["text"], row["true_label"]) for row in demo_rows]
    write(folder / "train.csv", rows[::2] * 2)
    write(folder / "same.csv", rows[1::2])
    asked = [(f"{text}{end}", "") for text in NEW for end in ("", "?", " now", " today")]
    write(folder / "new.csv", [(text, "") for text, _ in rows[1::2]] + asked)
    ran = cli(
        *("train-classifier", folder / "train.csv", "-o", folder / "model"),
        *("--embedder", ENCODER, "-q"),
    )
    assert ran.code == 0, ran
    return folder


@pytest.fixture
def run(cli, place):
    def ran(log, *words):
        return cli(
            "monitor", log if log == "-" else place / log, "--model", place / "model", *words
        )

    return ran


def test_a_log_as_before_is_none_that_drifted(run, place):
    ran = run("same.csv", "--reference", place / "train.csv", "--fail-on", "drift")
    assert ran.code == 0, ran
    assert "No drift is shown (at 5%, all questions together)" in ran.out
    assert "labels        as before" in ran.out


def test_a_new_intent_is_told_queued_and_fails_ci(run, cli, place, tmp_path):
    ran = run(
        *("new.csv", "--reference", place / "train.csv", "--fail-on", "new-intent"),
        *("--queue", tmp_path / "new.csv", "--html", tmp_path / "page.html"),
    )
    assert ran.code == 3, ran
    assert "New intent bitcoin" in ran.out or "New intent crypto" in ran.out
    assert "Drift: " in ran.out
    # The log had no labels, so they are the model's.
    assert "now labelled" in ran.out
    assert "the best reference are held-out texts" in ran.out
    with (tmp_path / "new.csv").open(encoding="utf-8", newline="") as file:
        queued = list(csv.DictReader(file))
    assert queued
    assert {row["decision"] for row in queued} == {"review"}
    assert {row["text"].split()[0] for row in queued}
    assert "bitcoin" in (tmp_path / "page.html").read_text()
    assert f"queue: {tmp_path / 'new.csv'}" in ran.out


def test_in_russian(run, place, tmp_path):
    page = tmp_path / "page.html"
    words = ("--reference", place / "train.csv", "--html", page)
    ran = run("new.csv", *words, "--lang", "ru")
    assert ran.code == 0, ran
    assert "Новый интент " in ran.out
    assert "Сдвиг: " in ran.out
    assert "сейчас метка" in ran.out
    assert f"страница: {page}\n" in ran.out
    # What is left in English are words of the texts, names and paths.
    assert not set(re.findall("[a-z]+", ran.out)) & {"texts", "drift", "against", "labels", "found"}
    shown = page.read_text("utf-8")
    assert '<html lang="ru">' in shown
    assert "Что сравнили" in shown
    # Files for programs are English.
    assert "найдено" not in run("new.csv", *words[:2], "--lang", "ru", "--json").out


def test_all_of_it_as_json_and_nothing_else(run, place):
    ran = run("new.csv", "--reference", place / "train.csv", "--json")
    found = json.loads(ran.out)
    assert found["drift"] is True
    assert "new_intents" in found["found"]
    assert found["rows"] == {"reference": 60, "log": 30 + 4 * len(NEW)}
    assert ran.code == 0


def test_the_models_folder_is_a_reference_too(cli, place):
    ran = cli("monitor", place / "same.csv", "--reference", place / "model", "--json")
    assert ran.code == 0, ran
    found = json.loads(ran.out)
    # Labels are counted, though which text has which is not kept.
    assert found["labels"]["labels"][0]["before_of"] > 0
    assert found["embeddings"]["before"] > 0


def test_the_log_of_a_server_is_read(run, place, tmp_path):
    guess = Guess("v1", "card_lost", 0.9, False, (("card_lost", 0.9),))
    with Journal(tmp_path / "log.sqlite", LogRules(texts=True)) as journal:
        journal.record(
            [Entry(f"r{i}", f"{text} {i}", (guess,), sender=f"s{i}") for i, text in enumerate(NEW)]
        )
    ran = run(tmp_path / "log.sqlite", "--reference", place / "train.csv", "--json")
    found = json.loads(ran.out)
    assert found["rows"]["log"] == len(NEW)
    assert "labels" in found["found"]
    lost = next(one for one in found["labels"]["labels"] if one["label"] == "card_lost")
    assert lost["share_now"] == 1.0


def test_bad_input_is_refused_and_nothing_is_written(cli, run, place, tmp_path):
    reference = ("--reference", place / "train.csv")
    assert "--level 1: give a share" in run("same.csv", *reference, "--level", "1").refusal()
    said = run("same.csv", *reference, "--queue", tmp_path / "queue.xlsx").refusal()
    assert "a queue is CSV" in said
    said = run("same.csv", *reference, "--html", place / "same.csv").refusal()
    assert "is the input itself" in said
    assert "is one table" in run("-", "--reference", "-").refusal()
    assert "no such file" in run("missing.csv", *reference).refusal()
    said = run("same.csv", "--reference", tmp_path / "missing.csv").refusal()
    assert "missing.csv" in said
    said = run("same.csv", *reference, "--text-column", "x").refusal()
    assert "no column 'x'" in said
    with Journal(tmp_path / "log.sqlite"):
        pass
    said = run(tmp_path / "log.sqlite", *reference, "--html", tmp_path / "page.html").refusal()
    assert "keeps no texts" in said
    assert not (tmp_path / "page.html").exists()
