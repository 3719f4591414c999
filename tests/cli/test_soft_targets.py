"""`train-classifier --target-columns` and `predict` with such a model, end to end."""

import csv
import json
import random

import pytest
from fixtures.word_model import write_word_encoder

WORDS = ("good", "bad", "fast", "slow", "how", "why")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("soft")
    write_word_encoder(folder / "encoder", WORDS)
    rng, rows = random.Random(0), []
    for i in range(120):
        question = [rng.choice(("how", "why")), rng.choice(("fast", "slow")), f"n{i % 30}"]
        answer = [rng.choice(("good", "bad"))]
        well = 0.75 if answer == ["good"] else 0.25
        quick = 1.0 if "fast" in question else 0.0
        rows.append([" ".join(question), answer[0], str(well), str(quick), "0.5"])
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["q", "a", "y_well", "y_quick", "y_same"], *rows])
    return folder


@pytest.fixture(scope="module")
def train(cli, folder):
    encoder = f"encoders=[{{backend: onnx, model: {folder / 'encoder'}, cache: false}}]"

    def ran(*options):
        return cli("train-classifier", folder / "t.csv", "--set", encoder, *options)

    return ran


@pytest.fixture(scope="module")
def trained(train, folder):
    return train("-o", folder / "m", "--target-columns", "y_*", "--pair", "q", "a")


def test_it_says_what_it_learned_and_how_well(trained, folder):
    assert trained.code == 0, trained
    lines = trained.out.splitlines()
    assert lines[0].startswith("logreg on 120 rows in ")
    assert lines[0].endswith("groups with 3 targets")
    assert lines[1] == "Read: pairs of texts from 'q', 'a'."
    assert any(line.startswith("mean of 3 targets") for line in lines)
    assert "the same value in all rows" in trained.out
    card = json.loads((folder / "m" / "model.json").read_text())
    assert (card["task"], card["kind"], card["is_pair"]) == ("soft", "logreg", True)
    assert card["held_out"]["targets"]["y_well"]["spearman"]["value"] > 0.8
    assert card["held_out"]["targets"]["y_same"]["spearman"]["value"] is None
    assert card["penalties"]["y_same"] is None
    readme = (folder / "m" / "README.md").read_text()
    assert "| targets | 3 |" in readme
    assert "| y_same | - | 0.693" in readme


def test_predict_adds_a_column_a_target_and_measures_where_it_can(trained, cli, folder):
    ran = cli("predict", folder / "m", folder / "t.csv", "-o", folder / "out.csv")
    assert ran.code == 0, ran
    assert "3 targets of 120 rows predicted" in ran.out
    assert "Against the targets in the table, 120 rows in " in ran.out
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[5:] == ["predicted_y_well", "predicted_y_quick", "predicted_y_same"]
    assert all(row["predicted_y_same"] == "0.5" for row in rows)
    for row in rows:
        assert abs(float(row["predicted_y_well"]) - float(row["y_well"])) < 0.15


def test_predict_reads_other_names_and_leaves_out_rows_without_text(trained, cli, folder):
    (folder / "new.csv").write_text("ask,say,y_well\nhow fast,good,0.75\nwhy,,1\nhow,bad,2\n")
    target = folder / "new.out.csv"
    ran = cli("predict", folder / "m", folder / "new.csv", "-o", target, "--pair", "ask", "say")
    assert ran.code == 0, ran
    assert "Against" not in ran.out
    assert "nothing is measured" in ran.out
    lines = target.read_text().splitlines()
    assert lines[2] == "why,,1,,,"
    assert float(lines[1].split(",")[3]) > 0.6 > 0.4 > float(lines[3].split(",")[3])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "there is no 'q' here; name the columns with --pair"),
        (("--text-column", "ask"), "the model reads pairs of texts; name two columns with --pair"),
        (("--pair", "ask", "no"), "--pair: no column 'no'"),
    ],
)
def test_predict_without_the_columns(trained, cli, folder, options, said):
    (folder / "b.csv").write_text("ask,say\nhow,good\n")
    ran = cli("predict", folder / "m", folder / "b.csv", "-o", folder / "b.out.csv", *options)
    assert said in ran.refusal()
    assert not (folder / "b.out.csv").exists()


def test_one_text_by_ridge(train, cli, folder):
    ran = train("-o", folder / "r", "--target-columns", "y_quick", "--kind", "ridge", "-q")
    assert (ran.code, ran.out) == (2, ""), "no column is called text"
    options = ("--target-columns", "y_quick", "--text-column", "q", "--kind", "ridge", "-q")
    ran = train("-o", folder / "r", *options)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = cli("predict", folder / "r", folder / "t.csv", "-o", folder / "r.csv", "--pair", "q", "a")
    assert "the model reads one text, not a pair" in ran.refusal()
    assert cli("predict", folder / "r", folder / "t.csv", "-o", folder / "r.csv").code == 0


def test_an_encoder_learns_with_its_targets(train, cli, folder, small_encoder):
    tuning = (
        "--kind",
        "finetune",
        "--encoder",
        small_encoder,
        "--set",
        "classify.finetune.epochs=1",
    )
    asked = ("--target-columns", "y_*", "--pair", "q", "a")
    ran = train("-o", folder / "f", *asked, *tuning)
    assert ran.code == 0, ran
    card = json.loads((folder / "f" / "model.json").read_text())
    facts = card["finetune"]
    assert "rows that were not trained on; they also ended the training" in card["notes"][-1]
    assert (card["kind"], card["own_encoder"], card["held_out"]["rows"]) == (
        *("finetune", True),
        facts["held_out_rows"],
    )
    assert 20 <= facts["held_out_rows"] <= 28
    assert facts["steps"] == facts["best_step"] == 3
    assert card["held_out"]["targets"]["y_well"]["spearman"]["value"] > 0.8
    assert (folder / "f" / "encoder" / "modules.json").is_file()
    assert not (folder / "f.checkpoints").exists()
    ran = cli("predict", folder / "f", folder / "t.csv", "-o", folder / "f.csv")
    assert ran.code == 0, ran
    with (folder / "f.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert abs(float(row["predicted_y_well"]) - float(row["y_well"])) < 0.25
            assert row["predicted_y_same"] == "0.5"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pair", "q", "a"), "--pair goes with soft targets"),
        (("--group-column", "q"), "--group-column goes with soft targets"),
        (("--target-columns", "y_*", "--label-column", "a"), "--label-column and --target-columns"),
        (("--target-columns", "y_*", "--mlflow", "http://x"), "--mlflow and --target-columns"),
        (
            ("--target-columns", "y_*", "--text-column", "q", "--kind", "lightgbm"),
            "--kind lightgbm can't learn soft targets",
        ),
        (("--target-columns", "y_*", "--encoder", "x"), "--encoder, --lora and --full go with"),
        (("--target-columns", "z"), "--target-columns z: no column is called so"),
    ],
)
def test_options_that_do_not_go_together(train, folder, options, said):
    ran = train("-o", folder / "none", *options)
    assert said in ran.refusal()
    assert not (folder / "none").exists()


def test_it_is_exported_and_the_check_is_told(trained, cli, folder):
    ran = cli("export", folder / "m", "--onnx", "--check", folder / "t.csv", "-o", folder / "x")
    assert ran.code == 0, ran
    assert "logreg with 3 soft targets, checked on " in ran.out
    assert "Parity with predict on 120 texts: values differ by at most " in ran.out
    asked = ("export", folder / "m", "-o", folder / "y")
    assert "--pair: names columns of the table" in cli(*asked, "--pair", "q", "a").refusal()
    refused = cli(*asked[:2], "--triton", folder / "y").refusal()
    assert "reads two texts as a pair, and the models of --triton one" in refused
    assert not (folder / "y").exists()


def test_what_reads_labels_or_one_text_refuses_such_a_model(trained, cli, folder):
    ran = cli("serve", folder / "m", "--port", "0")
    assert "reads two texts as a pair, and who asks serve gives one" in ran.refusal()
    table = folder / "t.csv"
    ran = cli("monitor", table, "--reference", table, "--model", folder / "m")
    assert "is a model of soft targets, and this needs one label a text" in ran.refusal()
