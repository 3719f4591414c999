"""`compare-baseline`, end to end on the real encoders."""

import csv
import json

import pytest

LABELS = ("card_lost", "card_stolen", "oos", "pin_reset", "transfer_failed")


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def tables(demo_rows, tmp_path_factory, encoders):
    """A third of the given labels are wrong; mended_label has all of them right but one."""
    folder = tmp_path_factory.mktemp("tables")
    train, test = [], []
    for i, row in enumerate(demo_rows):
        true = row["true_label"]
        if i % 12 >= 8:
            test.append({"text": row["text"], "label": true})
            continue
        wrong = LABELS[(LABELS.index(true) + 1 + i % 4) % 5]
        given = wrong if i % 3 == 0 else true
        mended = wrong if i == 0 else true
        confidence = "0.5" if i < 2 else "0.99"
        train.append(
            {
                "text": row["text"],
                "label": given,
                "mended_label": mended,
                "confidence": confidence,
                "truth": true,
            }
        )
    write(folder / "both.csv", train)
    write(folder / "dirty.csv", [{k: r[k] for k in ("text", "label")} for r in train])
    write(folder / "mended.csv", [{k: r[k] for k in ("text", "mended_label")} for r in train])
    # One test text is a training text in other clothes.
    test[0] = {"text": train[0]["text"].upper(), "label": train[0]["truth"]}
    write(folder / "test.csv", test)
    return folder


QUICK = ("--kind", "logreg", "--seeds", "1", "--set", "classify.folds=3")


@pytest.fixture(scope="module")
def compared(cli, tables):
    ran = cli(
        *("compare-baseline", tables / "both.csv", "--test", tables / "test.csv"),
        *("-o", tables / "report", "--gold-column", "truth", *QUICK),
    )
    assert ran.code == 0, ran
    return ran, json.loads((tables / "report" / "comparison.json").read_text())


def test_mended_labels_are_seen_to_be_better(compared):
    ran, record = compared
    figures = {one["condition"]: one["metrics"] for one in record["runs"]}
    assert record["schema_version"] == 2
    assert list(figures) == ["as given", "mended", "gold"]
    assert figures["as given"]["accuracy"] + 0.1 < figures["mended"]["accuracy"]
    assert record["conditions"] == {"as given": 40, "mended": 40, "gold": 40}
    (outcome,) = record["outcomes"]
    assert outcome["kind"] == "logreg"
    change = outcome["differences"][0]
    assert change["figure"] == "accuracy"
    assert change["after"] == pytest.approx(figures["mended"]["accuracy"])
    assert change["low"] <= change["change"] <= change["high"]
    assert outcome["verdict"] == record["verdict"]
    assert f"Trained on the mended labels: {record['verdict']}" in ran.out
    assert "in-scope accuracy" in ran.out


def test_the_report_says_what_was_changed_and_whether_rightly(compared, tables):
    ran, record = compared
    # Every third of 40 labels was wrong, which makes 15; all but the first are right now.
    mending = record["mending"]
    assert (mending["rows"], mending["changed"], mending["review"]) == (40, 14, None)
    assert mending["accuracy"]["precision"]["count"] == 14
    assert mending["accuracy"]["recall"]["total"] == 15
    assert sum(flow["rows"] for flow in mending["flows"]) == 14
    assert "Of 40 rows, 14 changed, 26 kept" in ran.out
    assert "precision 100.0% (14 of 14), recall 93.3% (14 of 15)" in ran.out
    page = tables / "report" / "report.html"
    assert f"report: {page}" in ran.out
    source = page.read_text("utf-8")
    assert source.startswith("<!DOCTYPE html>")
    # Decisions, flow and change, and three plots for the one kind of classifier.
    assert source.count('class="figure"') == 6
    written = sorted(path.name for path in page.parent.iterdir())
    assert written == ["comparison.json", "comparison.md", "report.html"]


def test_a_test_row_that_is_trained_on_is_taken_out_and_said(compared, tables):
    ran, record = compared
    said = "1 of 20 test rows have a text that is trained on; they are taken out of the test"
    assert said in ran.out
    assert said in record["notes"]
    assert record["test_rows"] == 19
    page = (tables / "report" / "comparison.md").read_text()
    assert f"> {said}" in page
    assert page.startswith("# Did the classifier get better?\n")
    assert "| accuracy |" in page
    assert "### " not in page


def test_two_tables_say_the_same_as_one_with_both(cli, tables, compared):
    run = ("compare-baseline", tables / "dirty.csv", tables / "mended.csv", *QUICK, "-q")
    ran = cli(*run, "--test", tables / "test.csv", "-o", tables / "two", "--keep-overlap")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    record = json.loads((tables / "two" / "comparison.json").read_text())
    assert record["test_rows"] == 20
    assert "they stay in, as told" in record["notes"][0]
    # The same trainings on the same labels: all that differs is the one row that stayed in.
    for ours, theirs in zip(record["runs"], compared[1]["runs"][:2], strict=True):
        assert ours["condition"] == theirs["condition"]
        more = ours["metrics"]["accuracy"] * 20 - theirs["metrics"]["accuracy"] * 19
        assert min(abs(more), abs(more - 1)) < 1e-9
    assert {"as given", "mended", "test"} == set(record["input"])


def test_without_a_test_set_sure_rows_stand_in_and_it_says_that_this_flatters(cli, tables):
    ran = cli("compare-baseline", tables / "both.csv", "-o", tables / "cv", *QUICK)
    assert ran.code == 0, ran
    assert "it flatters: their labels come from labelmend itself" in ran.out.replace("\n", " ")
    record = json.loads((tables / "cv" / "comparison.json").read_text())
    assert record["cross_validated"] is True
    assert record["test_rows"] == 38  # two of forty are not sure
    assert any("flatters" in note for note in record["notes"])


def test_labels_with_fewer_than_two_sure_texts_are_not_tested_and_it_says_so(cli, tables, tmp_path):
    with (tables / "both.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen = set()
    for row in rows:
        label = row["mended_label"]
        if label == "pin_reset" or (label == "card_lost" and label in seen):
            row["confidence"] = "0.5"
        elif row["confidence"] != "0.5":
            seen.add(label)
    table = write(tmp_path / "some.csv", rows)
    ran = cli("compare-baseline", table, "-o", tmp_path / "cv", *QUICK)
    assert ran.code == 0, ran
    record = json.loads((tmp_path / "cv" / "comparison.json").read_text())
    said = "2 labels have fewer than two sure texts and are not tested: 'card_lost', 'pin_reset'"
    assert said in record["notes"]
    tested = sum(row["confidence"] != "0.5" for row in rows) - 1
    assert record["test_rows"] == tested

    def refusal(confidences):
        pairs = zip(rows, [*confidences, *["0.5"] * len(rows)], strict=False)
        write(table, [row | {"confidence": confidence} for row, confidence in pairs])
        return cli("compare-baseline", table, "-o", tmp_path / "no").refusal()

    assert "no row has a confidence of at least 0.95, so" in refusal(["0.94"])
    assert "no label has two texts with a confidence of at least 0.95, so" in refusal(["0.99"])


def test_mended_rows_weigh_by_their_confidence(cli, tables, compared):
    run = ("compare-baseline", tables / "both.csv", "--test", tables / "test.csv", *QUICK, "-q")
    ran = cli(*run, "-o", tables / "weighed", "--weight-by-confidence")
    assert ran.code == 0, ran
    record = json.loads((tables / "weighed" / "comparison.json").read_text())
    assert (record["weighted_by_confidence"], compared[1]["weighted_by_confidence"]) == (
        True,
        False,
    )
    loss = {one["condition"]: one["metrics"]["log_loss"] for one in record["runs"]}
    plain = {one["condition"]: one["metrics"]["log_loss"] for one in compared[1]["runs"]}
    assert loss["as given"] == plain["as given"]
    assert loss["mended"] != plain["mended"]
    page = (tables / "weighed" / "comparison.md").read_text()
    assert "mended rows by their confidence" in page
    two = ("compare-baseline", tables / "dirty.csv", tables / "mended.csv", "-o", tables / "no")
    said = "--weight-by-confidence: no column 'confidence'"
    assert said in cli(*two, "--weight-by-confidence", "--test", tables / "test.csv").refusal()


def test_cleanlab_as_a_peer(cli, tables):
    pytest.importorskip("cleanlab")
    run = ("compare-baseline", tables / "both.csv", "--test", tables / "test.csv", "--peer")
    ran = cli(*run, "cleanlab", "-o", tables / "peer", *QUICK)
    assert ran.code == 0, ran
    record = json.loads((tables / "peer" / "comparison.json").read_text())
    rows = record["conditions"]
    assert set(rows) == {"as given", "mended", "cleanlab pruned", "cleanlab relabelled"}
    assert rows["cleanlab pruned"] <= rows["cleanlab relabelled"] == 40


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--peer", "cleanlap"], "unknown peer 'cleanlap' (did you mean 'cleanlab'?)"),
        (["--kind", "svm"], "unknown kind of classifier 'svm'"),
        (["--gold-column", "nope"], "--gold-column: no column 'nope'"),
        (["--mended-column", "x"], "both.csv: --mended-column: no column 'x'"),
        (["--mended-column", "label"], "column 'label' is to be both as given and mended"),
        (["--test-label-column", "x"], "test.csv: --test-label-column: no column 'x'"),
    ],
)
def test_bad_options(cli, tables, tmp_path, options, said):
    run = ("compare-baseline", tables / "both.csv", "--test", tables / "test.csv")
    assert said in cli(*run, "-o", tmp_path / "r", *options).refusal()
    assert not (tmp_path / "r").exists()


def test_bad_tables(cli, tables, tmp_path):
    def refusal(*arguments):
        return cli("compare-baseline", *arguments, "-o", tmp_path / "r").refusal()

    dirty, both, test = (tables / f"{name}.csv" for name in ("dirty", "both", "test"))
    assert "has no column 'mended_label'; give the mended table" in refusal(dirty, "--test", test)
    strange = write(
        tmp_path / "strange.csv",
        [{"text": "hello", "label": "greeting"}, {"text": "bye", "label": ""}],
    )
    assert "no.csv: no such file" in refusal(both, "--test", tables / "no.csv")
    assert "it is a device, no regular file" in refusal(both, "--test", "/dev/zero")
    assert refusal(both, "--test", strange) == (
        f"{strange}: column 'label': 1 label was never trained on: 'greeting'; mend the test "
        "table, or name another column with --test-label-column"
    )
    assert "no labelled row is left whose text is not trained on" in refusal(both, "--test", dirty)
    assert "and no column 'confidence'" in refusal(dirty, tables / "mended.csv")
    one = write(
        tmp_path / "one.csv",
        [
            {"text": t, "label": k, "mended_label": k}
            for t, k in (("a", "x"), ("b", "x"), ("c", "y"))
        ],
    )
    assert "1 label has only one distinct text" in refusal(one, "--test", test)
    rare = [("a", f"text {i}") for i in range(12)] + [("b", "other"), ("b", "another")]
    table = write(
        tmp_path / "rare.csv",
        [{"text": t, "label": k, "mended_label": k, "confidence": "0.99"} for k, t in rare],
    )
    assert refusal(table) == (
        "as given: cross-validation with seed 0 leaves fewer than two labels of two texts each to "
        "train on; give --test"
    )
    assert "no such file" in refusal(tmp_path / "no.csv", "--test", test)
    nowhere = cli("compare-baseline", both, "--test", test, "-o", "/").refusal()
    assert nowhere == "/: is no place for a report; give a folder of its own"
    (tmp_path / "taken" / "comparison.json").mkdir(parents=True)
    taken = cli("compare-baseline", both, "--test", test, "-o", tmp_path / "taken").refusal()
    assert "comparison.json: is a folder where a file is to stand" in taken
    assert not (tmp_path / "r").exists()


def test_whether_new_texts_helped(cli, tables):
    with (tables / "both.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, "source": "row", "parent": ""} for row in csv.DictReader(file)]
    more = [
        {
            **row,
            "text": f"{row['text']} please",
            "label": "",
            "source": "rewording",
            "parent": i + 1,
        }
        for i, row in enumerate(rows[1:4], start=1)
    ]
    augmented = write(tables / "augmented.csv", [*rows, *more])
    record = {"judge": {"encoder": "bge-small-en-v1.5"}}
    (tables / "augmented.augment.json").write_text(json.dumps(record))
    ran = cli(
        *("compare-baseline", tables / "both.csv", "--test", tables / "test.csv"),
        *("-o", tables / "helped", "--augmented", augmented, *QUICK),
    )
    assert ran.code == 0, ran
    said = " ".join(ran.out.split())
    assert "with the new texts, logreg: " in said
    assert "bge-small-en-v1.5 judged the new texts, so no classifier of this comparison" in said
    found = json.loads((tables / "helped" / "comparison.json").read_text("utf-8"))
    assert found["conditions"] == {"as given": 40, "mended": 40, "augmented": 43}
    assert [m["name"] for m in found["models"]] == ["use-multilingual-v3"]
    (outcome,) = found["augmentation"]["outcomes"]
    figures = {difference["figure"]: difference for difference in outcome["differences"]}
    runs = {run["condition"]: run["metrics"] for run in found["runs"]}
    assert figures["macro-F1"]["before"] == pytest.approx(runs["mended"]["macro_f1"])
    assert figures["macro-F1"]["after"] == pytest.approx(runs["augmented"]["macro_f1"])
    page = (tables / "helped" / "comparison.md").read_text("utf-8")
    assert "- with the new texts, logreg: " in page
    assert cli(
        "compare-baseline", tables / "both.csv", "--augmented", tables / "dirty.csv"
    ).refusal()
