"""`tune-embedder`, end to end on the real MiniLM."""

import csv
import json
import re

import numpy as np
import pytest
from fixtures.killing import kill_at_a_checkpoint

from labelmend.data.duplicates import text_key
from labelmend.retrieval.tuned import TRAINED_TEXTS, text_hashes

SETTINGS = ["--set", "tune.epochs=2", "--set", "tune.layers=1", "--set", "tune.batch_texts=12"]
ALONE = ["--embedder", "all-MiniLM-L6-v2"]


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def table(demo_rows, tmp_path_factory):
    """Sixty rows; every label is noisy as given, mended_label holds the truth."""
    rows = [
        {
            "text": row["text"],
            "label": row["label"],
            "mended_label": row["true_label"],
            "confidence": "0.95",
            "truth": row["true_label"],
        }
        for row in demo_rows
    ]
    return write(tmp_path_factory.mktemp("tune") / "mended.csv", rows)


@pytest.fixture(scope="module")
def tuned(cli, table, minilm):
    """The folder `embedder` beside the table."""
    folder = table.with_name("embedder")
    ran = cli("tune-embedder", table, "-o", folder, *ALONE, *SETTINGS, "--gold-column", "truth")
    assert ran.code == 0, ran
    return folder, ran


def test_it_tells_recall_before_and_after_and_how_to_use_it(tuned, table):
    folder, ran = tuned
    assert "all-MiniLM-L6-v2 tuned on" in ran.out
    assert "Recall@1" in ran.out
    assert "by their true labels" in ran.out
    assert f"labelmend relabel NEW.csv --embedder {folder}" in ran.out
    card = json.loads((folder / "tuning.json").read_text())
    assert card["base"]["sha256"].startswith("53aa51172d14")
    assert card["data"]["weighted_by_confidence"] is True
    assert card["data"]["columns"] == {"text": "text", "more_text": [], "label": "mended_label"}
    # The mended labels are the true ones here, so both measures are the same figures.
    assert card["recall"] == card["gold_recall"]
    assert set(card["recall"]) == {"before", "after"}
    assert all(0 <= share <= 1 for share in card["recall"]["after"].values())
    assert "tuned from | all-MiniLM-L6-v2" in (folder / "README.md").read_text()
    assert not folder.with_name("embedder.checkpoints").exists()


def test_held_out_texts_are_not_among_those_trained_on(tuned, table):
    folder, _ = tuned
    card = json.loads((folder / "tuning.json").read_text())
    trained = np.load(folder / TRAINED_TEXTS)
    with table.open(encoding="utf-8", newline="") as file:
        inside = {
            text_key(row["text"]) for row in csv.DictReader(file) if row["mended_label"] != "oos"
        }
    data = card["data"]
    assert len(trained) == data["trained_texts"]
    assert data["trained_texts"] + data["held_out_texts"] == len(inside)
    assert np.isin(trained, text_hashes(inside)).all()


def test_the_folder_is_an_embedder_at_once(tuned, cli, table, tmp_path):
    folder, _ = tuned
    ran = cli("relabel", table, "-o", tmp_path / "m.csv", "--no-llm", "--embedder", folder)
    assert ran.code == 2  # the table has mended_label already
    plain = write(
        tmp_path / "plain.csv",
        [
            {"text": row["text"], "label": row["label"]}
            for row in csv.DictReader(table.open(encoding="utf-8", newline=""))
        ],
    )
    out = tmp_path / "m.csv"
    settings = ["--set", "reranker.backend=none"]
    ran = cli("relabel", plain, "-o", out, "--no-llm", "--embedder", folder, *settings)
    assert ran.code == 0, ran
    record = json.loads((tmp_path / "m.run.json").read_text())
    assert [e["model"] for e in record["config"]["encoders"]] == [str(folder.resolve())]
    assert "was tuned on" in json.dumps(record["notes"])
    assert str(folder.resolve()) in json.dumps(record["models"])


def test_a_table_as_given_and_without_descriptions_is_tuned_on_with_a_note(cli, table, tmp_path):
    rows = [
        {"text": row["text"], "label": row["label"]}
        for row in list(csv.DictReader(table.open(encoding="utf-8", newline="")))[::2]
    ]
    for row in rows[::10]:
        row["text"] += " please" * 600
    plain = write(tmp_path / "plain.csv", rows)
    stale = tmp_path / "embedder.checkpoints"
    stale.mkdir()
    (stale / "labelmend.json").write_text("of another run")
    few = ["--set", "tune.epochs=1", "--set", "tune.loss=pairwise"]
    ran = cli("tune-embedder", plain, "-o", tmp_path / "embedder", *SETTINGS, *few)
    assert ran.code == 0, ran
    said = " ".join(ran.out.split())
    assert "column 'label' is taken as it is and every row counts alike" in said
    assert "labels are known by name and example only" in said
    assert "the tuning began anew" in said
    assert "3 texts are cut to 4000 characters for the models" in said
    assert re.search(
        r"\d of \d\d texts to learn from (is|are) longer than 256 tokens: all-MiniLM-L6-v2 learns "
        "from the begin only",
        said,
    )
    assert "the profile's encoders" in said  # two of them
    card = json.loads((tmp_path / "embedder" / "tuning.json").read_text())
    assert set(card["recall"]) == {"before", "profile", "after"}
    assert card["config"]["loss"] == "pairwise"
    assert not stale.exists()


@pytest.mark.peer
def test_a_killed_run_goes_on_and_ends_as_the_other_did(tuned, cli, table):
    # tests/tune/test_train.py lets a run go on without a process of its own.
    whole, _ = tuned
    again = table.with_name("again")
    work = again.with_name("again.checkpoints")
    command = ["tune-embedder", table, "-o", again, *ALONE, *SETTINGS, "--gold-column", "truth"]
    command += ["--set", "tune.checkpoint_steps=2"]
    kill_at_a_checkpoint(command, work)
    assert not again.exists()
    ran = cli(*command)
    assert ran.code == 0, ran
    assert re.search(r"in 8 steps, the first [246] of them by an earlier run", ran.out), ran
    assert not work.exists()
    mine, theirs = (folder / "model.safetensors" for folder in (again, whole))
    assert mine.read_bytes() == theirs.read_bytes()


def test_bad_input_is_one_line_and_exit_code_2(cli, table, tmp_path):
    def refused(*arguments):
        return cli("tune-embedder", *arguments).refusal()

    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("keep")
    assert "holds other files than a tuned encoder's" in refused(table, "-o", taken)
    # A tuned encoder's folder, in which something else lies.
    (taken / "tuning.json").write_text('{"files": ["tuning.json", "model.safetensors"]}')
    assert "holds other files than a tuned encoder's" in refused(table, "-o", taken)
    assert (taken / "mine.txt").read_text() == "keep"
    assert "is a file" in refused(table, "-o", taken / "mine.txt")
    assert "create it first" in refused(table, "-o", tmp_path / "no" / "where")
    target = tmp_path / "embedder"
    onnx = ["--embedder", "bge-small-en-v1.5"]
    assert "name one with --embedder" in refused(table, "-o", target, *onnx)
    gold = refused(table, "-o", target, *ALONE, "--gold-column", "trueth")
    assert "did you mean 'truth'" in gold
    assert "tune.layers is 0: give at least 1" in refused(
        table, "-o", target, "--set", "tune.layers=0"
    )
    few = write(tmp_path / "few.csv", [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    assert f"{few}: column 'label': tuning needs" in refused(few, "-o", target)
    strict = ["--set", "tune.held_out_confidence=1.0"]
    assert "lower tune.held_out_confidence" in refused(table, "-o", target, *ALONE, *strict)
    assert not target.exists()
