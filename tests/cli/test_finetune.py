"""`train-classifier --kind finetune` and what works on its models, end to end on a real encoder."""

import csv
import json

import pytest
from fixtures.killing import kill_at_a_checkpoint

TINY = ("--set", "classify.finetune.batch_size=8", "--set", "classify.finetune.epochs=3")


@pytest.fixture(scope="module")
def tables(demo_rows, tmp_path_factory):
    """Twenty rows of each of two labels; eight to predict, and both versions of the labels."""
    folder = tmp_path_factory.mktemp("finetune")
    rows = [row for row in demo_rows if row["true_label"] in ("card_lost", "pin_reset")]
    with (folder / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "mended_label"])
        writer.writerows([row["text"], row["label"], row["true_label"]] for row in rows)
    (folder / "new.csv").write_text(
        "text,label\nI lost my card yesterday,card_lost\nI want to reset my pin,pin_reset\n"
        "my card is lost,card_lost\nplease set a new pin for me,pin_reset\n"
    )
    return folder


@pytest.fixture(scope="module")
def trained(cli, tables, small_encoder):
    run = ("train-classifier", tables / "train.csv", "--kind", "finetune", *TINY)
    ran = cli(*run, "--encoder", small_encoder, "--lora", "-o", tables / "model")
    assert ran.code == 0, ran
    return tables, ran


def test_it_says_what_was_held_out(trained):
    folder, ran = trained
    card = json.loads((folder / "model/model.json").read_text())
    held = card["finetune"]["held_out_texts"]
    assert f"{held} held-out texts of these" in ran.out
    assert f"the figures are of {held} texts that were not trained on" in ran.out
    assert card["config"]["finetune"]["method"] == "lora"
    assert "encoder/model.safetensors" in card["files"]
    assert "encoder/tokenizer.json" in card["files"]
    assert not (folder / "model.checkpoints").exists()


def test_predict_and_export_work_on_its_model(trained, cli, small_encoder):
    folder, _ = trained
    ran = cli("predict", folder / "model", folder / "new.csv", "-o", folder / "out.csv")
    assert ran.code == 0, ran
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert sum(row["predicted_label"] == row["label"] for row in found) >= 3  # of 4
    ran = cli("export", folder / "model", "--check", folder / "new.csv")
    assert ran.code == 0, ran
    assert "4 labels and 4 out-of-scope flags agree" in ran.out
    assert (folder / "model-onnx/encoder_0/model.onnx").is_file()
    assert f"on {small_encoder}, fine-tuned" in (folder / "model-onnx/README.md").read_text()


def test_compare_baseline_trains_it_too(tables, cli, small_encoder):
    ran = cli(
        *("compare-baseline", tables / "train.csv", "--test", tables / "new.csv"),
        *("--kind", "finetune", "--seeds", "1", "-o", tables / "report", *TINY),
        *("--set", f"classify.finetune.encoder={small_encoder}"),
    )
    assert ran.code == 0, ran
    record = json.loads((tables / "report/comparison.json").read_text())
    assert [(c["kind"], c["condition"]) for c in record["runs"]] == [
        ("finetune", "as given"),
        ("finetune", "mended"),
    ]


def test_a_changed_encoder_is_refused(trained, cli, tmp_path):
    folder, _ = trained
    path = folder / "model/encoder/config.json"
    raw = path.read_bytes()
    path.write_bytes(raw + b" ")
    said = cli("predict", folder / "model", folder / "new.csv", "-o", tmp_path / "o.csv").refusal()
    path.write_bytes(raw)
    assert "encoder/config.json: was changed since training" in said


def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(tables, cli, small_encoder):
    run = [
        *("train-classifier", tables / "train.csv", "--kind", "finetune", "--full", *TINY),
        *("--encoder", small_encoder, "-o"),
    ]
    assert cli(*run, tables / "whole").code == 0
    work = tables / "killed.checkpoints"
    kill_at_a_checkpoint([*run, tables / "killed"], work)
    assert not (tables / "killed").exists()
    ran = cli(*run, tables / "killed")
    assert ran.code == 0, ran
    assert "an interrupted training went on from step" in ran.out
    whole, killed = (tables / name / "encoder/model.safetensors" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()
    assert not work.exists()


def test_bad_options_are_refused(tables, cli, tmp_path):
    def refusal(*options):
        return cli(
            "train-classifier", tables / "train.csv", "-o", tmp_path / "m", *options
        ).refusal()

    assert "--encoder, --lora and --full go with --kind finetune" in refusal("--lora")
    finetune = ("--kind", "finetune")
    assert "has no torch weights" in refusal(*finetune, "--encoder", "bge-small-en-v1.5")
    assert "unknown model './nope'" in refusal(*finetune, "--encoder", "./nope")
    assert "classify.finetune.epochs is 0: give at least 1" in refusal(
        *finetune, "--set", "classify.finetune.epochs=0"
    )
    assert "--kind finetune takes --encoder bge-small-en-v1.5" in refusal(
        *finetune, "--embedder", "bge-small-en-v1.5"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_tuned_is_told_before_anything_is_compared(tables, cli, tmp_path):
    ran = cli(
        *("compare-baseline", tables / "train.csv", "--test", tables / "new.csv"),
        *("--kind", "logreg", "--kind", "finetune", "-o", tmp_path / "r"),
        *("--set", "classify.finetune.encoder=bge-small-en-v1.5"),
    )
    assert "has no torch weights" in ran.refusal()
    assert "embed" not in ran.err
    assert list(tmp_path.iterdir()) == []
