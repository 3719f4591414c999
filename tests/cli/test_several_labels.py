"""`train-classifier` and `predict` where a text may have several labels, on the real encoders."""

import csv
import json
import re
import shutil

import pytest

from labelmend.classify.several.model_folder import load_sets_model

FEW = ("--set", "classify.folds=2")
JOINED = ("--label-column", "topics", "--label-separator", ";", *FEW)
REFUSED = (
    "is a model of several labels a text, and this needs one label a text; give a model that was "
    "trained on one label a row"
)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def sets_of(rows):
    """Each row's true label and its first word, but none out of scope."""
    return [
        (
            r["text"],
            [] if r["true_label"] == "oos" else [r["true_label"].split("_")[0], r["true_label"]],
        )
        for r in rows
    ]


@pytest.fixture(scope="module")
def trained(cli, demo_rows, tmp_path_factory, encoders):
    folder = tmp_path_factory.mktemp("several")
    rows = [{"text": t, "topics": ";".join(k)} for t, k in sets_of(demo_rows)]
    write(folder / "new.csv", [row for i, row in enumerate(rows) if i % 12 >= 9])
    table = write(folder / "t.csv", [row for i, row in enumerate(rows) if i % 12 < 9])
    ran = cli("train-classifier", table, "-o", folder / "model", *JOINED)
    assert ran.code == 0, ran
    return folder, ran


def test_it_trains_by_itself_on_several_labels(trained):
    folder, ran = trained
    assert "logreg on 45 distinct texts with 7 labels, of which a text may have several" in ran.out
    assert "Thresholds: one a label, for the best F1" in ran.out
    card = json.loads((folder / "model" / "model.json").read_text())
    assert (card["task"], card["kind"], card["wish_precision"]) == ("several", "logreg", None)
    assert card["labels"] == sorted(card["label_thresholds"])
    assert card["shape"] == {"column": "topics", "joined_by": ";", "columns": []}
    assert card["data"]["label_rows"]["card"] == 20.0
    assert 0 < card["held_out"]["micro_f1"]["low"] <= card["held_out"]["micro_f1"]["value"]
    model = load_sets_model(folder / "model")
    assert model.classifier.labels == tuple(card["labels"])
    assert "| labels | 7, " in (folder / "model" / "README.md").read_text()


def test_predict_writes_the_labels_as_the_table_did(trained, cli):
    folder, _ = trained
    ran = cli("predict", folder / "model", folder / "new.csv", "-o", folder / "out.csv")
    assert ran.code == 0, ran
    found = read(folder / "out.csv")
    assert list(found[0]) == ["text", "topics", "predicted_labels", "probabilities"]
    right = sum(set(r["topics"].split(";")) == set(r["predicted_labels"].split(";")) for r in found)
    assert right >= 10  # of 15
    for row in found:
        likely = json.loads(row["probabilities"])
        assert list(likely.values()) == sorted(likely.values(), reverse=True)
        called = [label for label in row["predicted_labels"].split(";") if label]
        assert called == [label for label in likely if label in called]
    measured = json.loads((folder / "out.metrics.json").read_text())
    assert (measured["rows"], measured["texts"]) == (15, 15)
    exact = measured["subset_accuracy"]["value"]
    assert exact == pytest.approx(right / 15)
    assert f"metrics: {folder / 'out.metrics.json'}" in ran.out.replace("\n", "")


def test_a_table_without_labels_is_not_measured(trained, cli, tmp_path):
    folder, _ = trained
    table = write(tmp_path / "t.csv", [{"text": "my card is gone"}, {"text": ""}])
    ran = cli("predict", folder / "model", table, "-o", tmp_path / "o.csv")
    assert ran.code == 0, ran
    assert "Note: 1 row has no text: nothing is predicted of it" in ran.out
    assert [row["predicted_labels"] for row in read(tmp_path / "o.csv")][1] == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv", "t.csv"]


def test_labels_that_the_model_lacks(trained, cli, tmp_path):
    folder, _ = trained
    rows = [{"text": "my card is gone", "topics": "card;card_lost"}, {"text": "b", "topics": "new"}]
    ran = cli(
        "predict", folder / "model", write(tmp_path / "t.csv", rows), "-o", tmp_path / "o.csv"
    )
    note = "Note: 1 label was never trained on and counts as never called: 'new'"
    assert note in ran.out
    assert json.loads((tmp_path / "o.metrics.json").read_text())["labels"]["new"]["recall"] == 0
    table = write(tmp_path / "n.csv", rows[1:])
    ran = cli("predict", folder / "model", table, "-o", tmp_path / "n_o.csv")
    assert "Note: nothing is measured: none of the table's labels is one of the model's" in ran.out
    assert not (tmp_path / "n_o.metrics.json").exists()


def test_columns_of_0_and_1(trained, cli, demo_rows, tmp_path):
    """Mended columns lose their prefix, so what is predicted has the names of the first ones."""
    labels = ("card", "pin_reset")
    rows = [
        {"text": t, **{f"mended_is_{label}": int(label in k) for label in labels}}
        for t, k in sets_of(demo_rows)
    ]
    table = write(tmp_path / "t.csv", rows)
    asked = (
        "--label-columns",
        "mended_is_*",
        "--wish-precision",
        "90%",
        "--kind",
        "linear-svm",
        *FEW,
    )
    ran = cli("train-classifier", table, "-o", tmp_path / "m", *asked)
    assert ran.code == 0, ran
    assert "Thresholds: one a label, for a precision of 90%" in ran.out
    plain = write(
        tmp_path / "n.csv", [{k.removeprefix("mended_"): v for k, v in r.items()} for r in rows]
    )
    ran = cli("predict", tmp_path / "m", plain, "-o", tmp_path / "o.csv")
    assert "Against the labels of the table" in ran.out
    found = read(tmp_path / "o.csv")
    assert list(found[0])[3:] == [
        *("predicted_is_card", "predicted_is_pin_reset"),
        *("probability_is_card", "probability_is_pin_reset"),
    ]
    assert {row["predicted_is_card"] for row in found} == {"0", "1"}


def test_lists_stay_lists(trained, cli, demo_rows, tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [json.dumps({"text": t, "mended_labels": k}) for t, k in sets_of(demo_rows)]
    path.write_text("\n".join(lines) + "\n")
    ran = cli("train-classifier", path, "-o", tmp_path / "m", "-q", *FEW)
    assert (ran.code, ran.out) == (0, "")
    cli("predict", tmp_path / "m", path, "-o", tmp_path / "o.jsonl", "-q")
    found = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])
    assert isinstance(found["predicted_labels"], list)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--kind", "static"), "--kind static can't learn several labels a text yet: give "),
        (("--oos-label", "x"), "--oos-label does not go with several labels a row, as "),
        (("--keep-texts",), "--keep-texts does not go with several labels a row, as "),
        (("--wish-precision", "2"), "--wish-precision 2: give a share such as 0.9, or 90%"),
    ],
)
def test_what_does_not_go_with_several_labels(trained, cli, tmp_path, options, line):
    table = trained[0] / "t.csv"
    ran = cli(*("train-classifier", table, *JOINED, "-o", tmp_path / "m", *options))
    assert ran.code == 2
    assert f"labelmend: {line}" in ran.err
    assert not list(tmp_path.iterdir())


def test_what_goes_with_several_labels_alone(cli, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("text,label\nx,a\ny,b\nz,a\n")
    line = "--wish-precision goes with tables in which rows have several labels"
    ran = cli("train-classifier", table, "-o", tmp_path / "m", "--wish-precision", "0.9")
    assert ran.err.splitlines()[-1] == f"labelmend: {line}"


def test_it_is_exported_and_the_check_is_told(trained, cli, tmp_path):
    folder, _ = trained
    ran = cli(
        *("export", folder / "model", "--onnx", "--check", folder / "new.csv", "-o", tmp_path / "x")
    )
    assert ran.code == 0, ran
    said = re.search(
        r"Parity with predict on 15 texts: probabilities differ by at most (\S+); 15 texts have "
        r"the same labels called",
        " ".join(ran.out.split()),
    )
    assert 0 < float(said[1]) < 1e-4
    assert "logreg with 7 labels, of which a text may have several, checked on" in ran.out


def test_commands_that_can_not_do_several_labels_say_so(trained, cli, tmp_path):
    folder, _ = trained
    table = folder / "t.csv"
    said = cli("monitor", table, "--reference", table, "--model", folder / "model").refusal()
    assert said == f"{folder / 'model'}: {REFUSED}"
    assert not list(tmp_path.iterdir())


def test_a_changed_model_is_refused(trained, cli, tmp_path):
    folder, _ = trained
    broken = folder / "broken"
    shutil.copytree(folder / "model", broken)
    lines = broken / "head" / "linear.npz"
    lines.write_bytes(lines.read_bytes()[:-1])
    said = cli("predict", broken, folder / "new.csv", "-o", tmp_path / "o.csv").refusal()
    assert said.startswith(f"{lines}: was changed since training; ")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def compared(cli, demo_rows, tmp_path_factory, encoders):
    """A third of the topics are wrong as given, and none as mended."""
    folder = tmp_path_factory.mktemp("compared")
    rows = [
        {
            "text": t,
            "topics": ";".join(["other"] if i % 3 == 0 else k),
            "mended_labels": ";".join(k),
        }
        for i, (t, k) in enumerate(sets_of(demo_rows))
    ]
    write(folder / "both.csv", [row for i, row in enumerate(rows) if i % 12 < 8])
    test = [
        {"text": row["text"], "topics": row["mended_labels"]}
        for i, row in enumerate(rows)
        if i % 12 >= 8
    ]
    test[0]["text"] = rows[0]["text"].upper()
    write(folder / "test.csv", test)
    ran = cli(
        *("compare-baseline", folder / "both.csv", "--test", folder / "test.csv", *JOINED),
        *("-o", folder / "report", "--seeds", "1", "--kind", "linear-svm"),
    )
    assert ran.code == 0, ran
    return folder, ran


def test_it_is_said_whether_the_mended_labels_are_better(compared):
    folder, ran = compared
    assert "linear-svm on 19 test rows" in ran.out
    assert "1 of 20 test rows have a text that is trained on; they are taken out" in ran.out
    record = json.loads((folder / "report" / "comparison.json").read_text())
    assert (record["task"], record["test_rows"], record["seeds"]) == ("several", 19, [0])
    assert record["conditions"] == {"as given": 40, "mended": 40}
    (outcome,) = record["outcomes"]
    micro = outcome["differences"][0]
    assert (micro["figure"], record["verdict"]) == ("micro-F1", outcome["verdict"])
    assert micro["after"] > micro["before"]
    given, mended = (run["metrics"]["micro_f1"]["value"] for run in record["runs"])
    assert (given, mended) == pytest.approx((micro["before"], micro["after"]))
    page = (folder / "report" / "comparison.md").read_text()
    assert page.startswith("# Did the classifier get better?\n")
    assert f"| micro-F1 | {given * 100:.2f} | {mended * 100:.2f} |" in page
    html = (folder / "report" / "report.html").read_text("utf-8")
    assert f"{given * 100:.1f}% → {mended * 100:.1f}%" in html
    assert record["mending"]["rows"] == 40
    assert "micro-F1" in ran.out


def test_several_labels_are_compared_on_a_test_table_alone(compared, cli, tmp_path):
    folder, _ = compared
    said = cli(
        *("compare-baseline", folder / "both.csv", *JOINED, "-o", tmp_path / "r", "--quiet")
    ).refusal()
    assert said == (
        "several labels a row are compared on a table that a person checked; give one with --test"
    )
    said = cli(
        *("compare-baseline", folder / "both.csv", *JOINED, "-o", tmp_path / "r", "--quiet"),
        *("--peer", "cleanlab"),
    ).refusal()
    assert said.startswith("--peer does not go with several labels a row, as ")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def tuned(cli, trained, small_encoder):
    folder, _ = trained
    few = ("--set", "classify.finetune.epochs=2", "--set", "classify.finetune.batch_size=8")
    kind = ("--kind", "finetune", "--encoder", small_encoder, *few)
    ran = cli("train-classifier", folder / "t.csv", "-o", folder / "tuned", *JOINED, *kind)
    assert ran.code == 0, ran
    return folder, ran


def test_an_encoder_learns_with_its_labels(tuned, cli):
    folder, ran = tuned
    card = json.loads((folder / "tuned" / "model.json").read_text())
    held = card["finetune"]["held_out_rows"]
    assert "finetune on 45 distinct texts with 7 labels" in ran.out
    assert f"{held} held-out texts of these" in ran.out
    assert (card["task"], card["kind"]) == ("several", "finetune")
    assert "rows that were not trained on; they also ended the training" in card["notes"][-1]
    assert (folder / "tuned" / "encoder" / "modules.json").is_file()
    assert not (folder / "tuned.checkpoints").exists()
    assert "| kind | finetune of " in (folder / "tuned" / "README.md").read_text()
    ran = cli("predict", folder / "tuned", folder / "new.csv", "-o", folder / "tuned.csv")
    assert ran.code == 0, ran
    found = read(folder / "tuned.csv")
    asked = {row["text"]: set(filter(None, row["topics"].split(";"))) for row in found}
    hits = sum(
        len(asked[row["text"]] & set(filter(None, row["predicted_labels"].split(";"))))
        for row in found
    )
    assert hits >= 0.5 * sum(map(len, asked.values()))


def test_a_tuned_model_is_exported_as_it_predicts(tuned, cli):
    folder, _ = tuned
    ran = cli("export", folder / "tuned", "--check", folder / "new.csv")
    assert ran.code == 0, ran
    assert "15 texts have the same labels called" in ran.out
    assert (folder / "tuned-onnx" / "encoder_0" / "model.onnx").is_file()


def test_what_only_training_takes_says_so(trained, cli):
    folder, _ = trained
    ran = cli(
        *("compare-baseline", folder / "t.csv", "--test", folder / "new.csv"),
        *("-o", folder / "c", *JOINED, "--kind", "finetune"),
    )
    assert "--kind finetune goes with several labels a text only in train-clas" in ran.refusal()
