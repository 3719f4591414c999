"""A table as people have it, from `relabel` to `predict`: the commands after it read it alike."""

import csv
import json

import pytest

FAST = ("--no-llm", "--set", "reranker.backend=none")


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "body", "label"])
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def job(cli, encoders, tmp_path_factory, demo_rows):
    """The message is in two columns; labels are missing as n/a, spelled in two ways, or rare."""
    assert all(model.path.is_dir() for model in encoders)
    folder = tmp_path_factory.mktemp("reading")
    rows = []
    for i, row in enumerate(demo_rows):
        words = row["text"].split()
        label = row["label"] if i % 12 else row["label"].upper()
        rows.append([" ".join(words[:2]), " ".join(words[2:]), label])
    rows[5][2] = "n/a"
    rows.insert(3, [" ", "", "oos"])
    rows.append(["parking", "where may cars stand", "parking"])
    table = write(folder / "mail.csv", rows)
    options = ("--text-column", "subject", "--text-column", "body")
    ran = cli(
        *("relabel", table, "-o", folder / "mended.csv", *options, *FAST),
        *("--missing-label", "n/a", "--merge-spellings"),
    )
    assert ran.code == 0, ran
    return folder, ran


def test_a_row_without_text_comes_back_with_empty_results(job):
    folder, ran = job
    rows = read(folder / "mended.csv")
    assert len(rows) == 62
    ours = list(rows[0])[3:]
    assert [rows[3][name] for name in ours] == [""] * 7
    assert (rows[3]["subject"], rows[3]["label"]) == (" ", "oos")
    assert all(row["decision"] for i, row in enumerate(rows) if i != 3)
    assert "Note: 1 row has no text in columns 'subject' and 'body' and is left out: row 4" in (
        ran.out
    )
    lines = (folder / "mended.evidence.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["row"] for line in lines] == list(range(1, 63))
    assert json.loads(lines[4])["text"] == f"{rows[4]['subject']}\n{rows[4]['body']}"


def test_labels_are_merged_and_missing_as_told(job):
    folder, ran = job
    rows = read(folder / "mended.csv")
    assert {row["mended_label"] for row in rows} - {""} <= {
        *("card_lost", "card_stolen", "oos", "pin_reset", "transfer_failed", "parking"),
    }
    assert "Note: 5 rows carry another spelling of a label: merged" in ran.out
    assert rows[6]["decision"] in {"label", "review"}
    assert "Read: text from 'subject' and 'body', labels from 'label'." in ran.out
    said = json.loads((folder / "mended.run.json").read_text("utf-8"))["input"]
    assert (said["rows"], said["blank"]) == (62, 1)
    assert said["columns"]["more_text"] == ["body"]
    assert said["reading"] == {"separator": None, "missing": ["n/a"], "merge_spellings": True}


def test_the_commands_after_it_read_it_alike(job, cli):
    folder, _ = job
    mended, model = folder / "mended.csv", folder / "model"
    explained = cli("explain", mended, "--row", "4").refusal()
    assert explained == f"{mended}: row 4 has no text, so nothing was decided of it"
    assert cli("explain", mended, "--row", "5").code == 0
    sheet = folder / "audit.csv"
    assert cli("audit", mended, "-o", sheet, "--rows", "20").code == 0
    texts = {f"{row['subject']}\n{row['body']}".strip() for row in read(mended)}
    assert {row["text"] for row in read(sheet)} <= texts
    trained = cli("train-classifier", mended, "-o", model)
    assert trained.code == 0, trained
    assert "Read: text from 'subject' and 'body', labels from 'mended_label'." in trained.out
    assert "1 of 62 rows have no text and are left out" in trained.out
    fresh = write(folder / "new.csv", [["lost", "my card", ""], ["", " ", ""], ["pin", "", ""]])
    predicted = cli("predict", model, fresh, "-o", folder / "out.csv")
    assert "2 texts classified" in predicted.out
    assert "Read: text from 'subject' and 'body'." in predicted.out
    assert "Note: 1 row has no text: nothing is predicted of it" in predicted.out
    rows = read(folder / "out.csv")
    assert [bool(row["predicted_label"]) for row in rows] == [True, False, True]
    assert "row 2: no text in columns" in cli("predict", model, fresh, "--strict").refusal()


def test_what_relabel_writes_of_rare_labels_is_trained_on(job, cli):
    folder, _ = job
    rows = read(folder / "mended.csv")
    rare = [row for row in rows if row["mended_label"] == "parking"]
    table = folder / "again.csv"
    table.write_bytes((folder / "mended.csv").read_bytes())
    if not rare:  # the run may have taken it for another label
        rows[-1]["mended_label"] = "parking"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    columns = ("--text-column", "subject", "--text-column", "body")
    error = cli("train-classifier", table, "-o", folder / "m", *columns, "--rare-labels", "error")
    assert "1 label has only one distinct text, too few" in error.refusal()
    kept = cli("train-classifier", table, "-o", folder / "m", *columns, "--rare-labels", "keep")
    assert kept.code == 0, kept
    labels = json.loads((folder / "m" / "model.json").read_text("utf-8"))["labels"]
    assert "parking" in labels
    dropped = cli("train-classifier", table, "-o", folder / "d", *columns)
    assert "1 label has only one distinct text and is left out of training: 'parking'" in (
        dropped.out
    )
