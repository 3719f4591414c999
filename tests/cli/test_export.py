"""`export`, end to end on the real encoders."""

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest

from labelmend.workflows import export


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def trained(cli, demo_rows, tmp_path_factory, encoders, minilm):
    """A classifier on an encoder in float32, and one on the profile's two in int8."""
    folder = tmp_path_factory.mktemp("trained")
    rows = [{"text": row["text"], "label": row["true_label"]} for row in demo_rows]
    write(folder / "train.csv", [row for i, row in enumerate(rows) if i % 12 < 9])
    write(folder / "check.csv", [row for i, row in enumerate(rows) if i % 12 >= 9])
    for kind, more in (("logreg", ("--embedder", "all-MiniLM-L6-v2")), ("lightgbm", ())):
        train = ("train-classifier", folder / "train.csv", "-o", folder / kind, "--kind", kind)
        ran = cli(*train, *more)
        assert ran.code == 0, ran
    return folder


@pytest.fixture(scope="module")
def exported(cli, trained):
    ran = cli(
        *("export", trained / "logreg", "--onnx", "--int8", "--check", trained / "check.csv"),
        *("-o", trained / "onnx"),
    )
    assert ran.code == 0, ran
    return trained, ran


def test_an_encoder_may_have_nothing_to_quantize(cli, trained):
    model, target = trained / "fast", trained / "fast-onnx"
    one = ("--embedder", "bge-small-en-v1.5")
    assert cli("train-classifier", trained / "train.csv", "-o", model, *one).code == 0
    ran = cli("export", model, "--onnx", "--int8", "--check", trained / "check.csv", "-o", target)
    assert ran.code == 0, ran
    assert "nothing to quantize" in ran.out
    assert "keep their label" not in ran.out
    card = json.loads((target / "export.json").read_text())
    assert card["int8"] is None
    assert [encoder["model"] for encoder in card["encoders"]] == ["bge-small-en-v1.5"]


def test_it_says_how_well_it_agrees_and_what_int8_costs(exported):
    folder, ran = exported
    said = re.search(r"on 15 texts: probabilities differ by at most (\S+);", ran.out)
    assert 0 < float(said[1]) < 1e-4
    assert "15 labels and 15 out-of-scope flags agree" in ran.out
    card = json.loads((folder / "onnx/export.json").read_text())
    cost = card["int8"]
    assert f"int8: {cost['labels_agree']} of 15 texts keep their label" in ran.out
    assert f"int8: accuracy {cost['int8_accuracy']:.2%}, before {cost['accuracy']:.2%}" in ran.out
    assert cost["labelled"] == 15
    assert cost["int8_bytes"] < 0.5 * cost["bytes"]
    assert f"export: {folder / 'onnx'}" in ran.out


def test_the_card_has_the_hash_of_every_file(exported):
    folder = exported[0] / "onnx"
    card = json.loads((folder / "export.json").read_text())
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert files.pop("export.json")
    assert set(card["files"]) == set(files)
    for name, path in files.items():
        assert card["files"][name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    model = exported[0] / "logreg/model.json"
    assert card["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_the_readmes_lines_predict_without_labelmend(exported, cli, demo_rows):
    # Not int8: so that they can be held against `predict`.
    folder = exported[0]
    run = ("export", folder / "lightgbm", "--check", folder / "check.csv")
    assert cli(*run, "-o", folder / "plain", "-q").code == 0
    with (folder / "check.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    # One that no encoder reads at once.
    end = {"text": 60 * "we talked of the weather for a while. " + "my card is lost", "label": ""}
    write(folder / "long.csv", [*rows, end])
    assert cli("predict", folder / "lightgbm", folder / "long.csv", "-q").code == 0
    with (folder / "long.predicted.csv").open(encoding="utf-8", newline="") as file:
        ours = list(csv.DictReader(file))
    (code,) = re.findall(
        r"```python\n(.*?)```", (folder / "plain/README.md").read_text(), re.DOTALL
    )
    banned = "import sys\nfor n in ('labelmend', 'torch', 'onnx', 'transformers', 'sklearn'):\n"
    banned += "    sys.modules[n] = None\n"
    ran = subprocess.run(
        [sys.executable, "-c", banned + code, *(row["text"] for row in ours)],
        cwd=folder / "plain",
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert ran.stderr == ""
    said = [line.split("\t") for line in ran.stdout.splitlines()]
    assert [(s[0], s[2]) for s in said] == [(r["predicted_label"], r["is_oos"]) for r in ours]
    for (_, probability, _), row in zip(said, ours, strict=True):
        assert float(probability) == pytest.approx(float(row["probability"]), abs=1e-4)


def test_too_great_a_difference_writes_nothing(trained, cli, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", 1e-12)
    said = cli(
        *("export", trained / "logreg", "--check", trained / "check.csv"),
        *("-o", trained / "refused", "-q"),
    ).refusal()
    assert "as ONNX its probabilities differ by" in said
    assert "more than 1e-12, so nothing was written" in said
    assert not (trained / "refused").exists()


def test_bad_input_is_refused(trained, cli, tmp_path):
    model, check = trained / "logreg", trained / "check.csv"

    def refusal(*arguments):
        return cli("export", *arguments).refusal()

    out = ("-o", tmp_path / "out")
    assert "no such folder; give a folder that" in refusal(tmp_path / "no", *out)
    assert "holds no model.json, so it is no model" in refusal(tmp_path, *out)
    assert "no column 'x'" in refusal(model, *out, "--check", check, "--text-column", "x")
    changed = tmp_path / "changed"
    shutil.copytree(model, changed)
    (changed / "arrays.npz").write_bytes(b"PK")
    assert "was changed since training" in refusal(changed, *out)
    assert f"{model}: is the model; write to another folder" in refusal(model, "-o", model)
    empty = write(tmp_path / "empty.csv", [{"text": "a"}])
    empty.write_text("text\n")
    assert str(empty) in refusal(model, *out, "--check", empty)
    assert not (tmp_path / "out").exists()
