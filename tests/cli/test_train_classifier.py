"""`train-classifier` and `predict`, end to end on the real encoders."""

import csv
import json
import shutil

import pytest

from labelmend.classify.model_folder import load_model

LABELS = ("card_lost", "card_stolen", "oos", "pin_reset", "transfer_failed")


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def rows(demo_rows):
    """Every label is noisy as given; mended_label holds the truth."""
    return [
        {
            "text": row["text"],
            "label": row["label"],
            "mended_label": row["true_label"],
            "confidence": "0.9",
        }
        for row in demo_rows
    ]


@pytest.fixture(scope="module")
def trained(cli, rows, tmp_path_factory, encoders):
    folder = tmp_path_factory.mktemp("trained")
    table = write(folder / "mended.csv", [row for i, row in enumerate(rows) if i % 12 < 9])
    fresh = [{"nr": str(i), "text": r["text"]} for i, r in enumerate(rows) if i % 12 >= 9]
    write(folder / "new.csv", fresh)
    options = ("--in-scope-accuracy", "60%", "--profile", "auto")
    ran = cli("train-classifier", table, "-o", folder / "model", *options)
    assert ran.code == 0, ran
    return folder, ran


def test_it_says_what_it_trained_and_how_good_it_is(trained):
    folder, ran = trained
    said = ran.out
    assert "logreg on 45 distinct texts with 5 labels of column 'mended_label'" in said
    assert "Held-out folds of these texts" in said
    assert f"model: {folder / 'model'}" in said.replace("\n", "")
    note = "profile auto: embedded is used, as texts are in English (Latin)"
    assert ran.err.startswith(f"labelmend: note: {note}\n")
    card = json.loads((folder / "model" / "model.json").read_text())
    assert note in card["notes"]
    assert card["operating_point"] == {"goal": "in-scope-accuracy", "value": 0.6}
    assert card["data"]["rows"] == 45
    assert card["data"]["label_weights"]["pin_reset"] == 9.0
    assert len(card["data"]["sha256"]) == len(card["data"]["content_sha256"]) == 64
    assert card["held_out"]["in_scope_accuracy"] >= 0.6
    names = [model["name"] for model in card["models"]]
    assert names == ["bge-small-en-v1.5", "use-multilingual-v3"]
    assert card["versions"]["scikit-learn"]
    assert (
        "| labels | 5; out-of-scope label: `oos` |" in (folder / "model" / "README.md").read_text()
    )


def test_predict_adds_its_columns_behind_the_users(trained, cli, rows):
    folder, _ = trained
    ran = cli("predict", folder / "model", folder / "new.csv", "-o", folder / "out.csv")
    assert ran.code == 0
    assert "15 texts classified" in ran.out
    found = read(folder / "out.csv")
    assert list(found[0]) == ["nr", "text", "predicted_label", "probability", "is_oos", "top_3"]
    assert [(r["nr"], r["text"]) for r in found] == [
        (r["nr"], r["text"]) for r in read(folder / "new.csv")
    ]
    truth = [row["mended_label"] for i, row in enumerate(rows) if i % 12 >= 9]
    right = sum(r["predicted_label"] == t for r, t in zip(found, truth, strict=True))
    assert right >= 12  # of 15; by chance 3
    for row in found:
        assert row["is_oos"] == str(row["predicted_label"] == "oos")
        top = [part.rsplit(" ", 1) for part in row["top_3"].split(" | ")]
        assert len(top) == 3
        shares = [float(share) for _, share in top]
        assert shares == sorted(shares, reverse=True)
        if row["predicted_label"] == top[0][0]:
            assert float(row["probability"]) == pytest.approx(shares[0], abs=6e-4)


def test_predict_tells_what_it_cut(trained, cli, tmp_path, monkeypatch):
    folder, _ = trained
    texts = ["my card is lost " * 260, "my card is lost", " "]
    write(tmp_path / "long.csv", [{"text": text} for text in texts])
    seen = []

    def cut(*arguments, at):
        seen.append(arguments)
        return (f"cut by the settings {at}",)

    monkeypatch.setattr("labelmend.workflows.predict.notes_on_cut", cut)
    ran = cli("predict", folder / "model", tmp_path / "long.csv", "-o", tmp_path / "out.csv")
    assert ran.code == 0
    said = ran.out.splitlines()
    assert "Note: 1 text is cut to 4000 characters for the models" in said
    assert "Note: cut by the settings of the training" in said
    ((encoders, models, read),) = seen
    assert [len(encoders), len(models), list(map(len, read))] == [2, 2, [4000, 15]]


def test_batches_and_copies_change_nothing(trained, cli):
    folder, _ = trained
    source = read(folder / "new.csv")
    write(folder / "twice.csv", [*source, *source[::-1]])
    run = ("predict", folder / "model", folder / "twice.csv", "-o", folder / "twice.out.csv", "-q")
    ran = cli(*run, "--set", "classify.batch_rows=7")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    found = read(folder / "twice.out.csv")
    assert found[:15] == found[:14:-1]
    whole = read(folder / "out.csv")
    assert [r["predicted_label"] for r in found[:15]] == [r["predicted_label"] for r in whole]


def test_a_model_is_the_same_again(trained, cli):
    folder, _ = trained
    run = ("train-classifier", folder / "mended.csv", "--in-scope-accuracy", "0.6", "-q")
    assert cli(*run, "--profile", "auto", "-o", folder / "again").code == 0
    assert (folder / "again/model.json").read_bytes() == (folder / "model/model.json").read_bytes()


def test_label_column_kind_and_weights(trained, cli):
    folder, _ = trained
    run = (
        "train-classifier",
        folder / "mended.csv",
        "-o",
        folder / "other",
        "--kind",
        "linear-svm",
    )
    ran = cli(*run, "--label-column", "label", "--oos-recall", "0.5")
    assert ran.code == 0
    assert "of column 'label'" in ran.out
    model = load_model(folder / "other")
    assert model.classifier.kind == "linear-svm"
    assert model.card["data"]["weighted_by_confidence"] is False
    assert cli(*run, "--weight-by-confidence", "--oos-recall", "0.5").code == 0
    model = load_model(folder / "other")
    assert model.card["data"]["weighted_by_confidence"] is True
    assert sum(model.card["data"]["label_weights"].values()) == pytest.approx(45 * 0.9)


def test_the_confidence_of_one_label_is_no_weight_of_another(trained, cli):
    folder, _ = trained
    run = ("train-classifier", folder / "mended.csv", "-o", folder / "none")
    said = cli(*run, "--label-column", "label", "--weight-by-confidence").refusal()
    assert "'confidence' is the probability that 'mended_label' is right, not 'label'" in said
    assert not (folder / "none").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kind", "logreeg"], "unknown kind of classifier 'logreeg' (did you mean 'logreg'?)"),
        (["--oos-recall", "85"], "--oos-recall 85: give a share such as 0.9, or 90%"),
        (
            ["--oos-recall", "0.9", "--in-scope-accuracy", "0.9"],
            "--in-scope-accuracy and --oos-recall are both given",
        ),
        (["--label-column", "nope"], "--label-column: no column 'nope'"),
        (["--weight-by-confidence"], "--weight-by-confidence: no column 'confidence'"),
        (["--set", "classify.folds=1"], "classify.folds is 1: give from 2"),
    ],
)
def test_bad_options_are_refused_before_any_work(cli, tiny, options, said):
    ran = cli("train-classifier", tiny, "-o", tiny.parent / "m", *options)
    assert said in ran.refusal()
    assert [path.name for path in tiny.parent.iterdir()] == ["tiny.csv"]


def test_a_label_with_one_row_is_refused(cli, tiny):
    said = cli("train-classifier", tiny, "-o", tiny.parent / "m").refusal()
    assert said.startswith(f"{tiny}: column 'label': 1 label has only one distinct text")
    assert "'a'" in said


def test_bad_models_and_tables(trained, cli, tmp_path):
    folder, _ = trained
    model, table = folder / "model", folder / "new.csv"

    def refusal(*arguments):
        return cli("predict", *arguments, "-o", tmp_path / "out.csv").refusal()

    assert "no such folder; give a folder that" in refusal(tmp_path / "no", table)
    assert "no column 'x'" in refusal(model, table, "--text-column", "x")
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "arrays.npz").write_bytes(b"PK")
    assert "was changed since training" in refusal(broken, table)
    assert "already has 'predicted_label'" in refusal(model, folder / "out.csv")
    blank = write(tmp_path / "blank.csv", [{"text": "a"}, {"text": " "}])
    assert "row 2: no text in column 'text'" in refusal(model, blank, "--strict")
    assert not (tmp_path / "out.csv").exists()
