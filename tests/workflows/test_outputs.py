"""No command writes to what it was given, nor over what is somebody else's: seen before any work.

After each refusal every file is as it was, byte for byte.
"""

import sqlite3

import numpy as np
import pytest
from fixtures.audited import make_known

from labelmend.configs.load import load_config
from labelmend.data.noise import NoiseShare
from labelmend.data.outputs.claim import Given
from labelmend.data.request import TableRequest
from labelmend.errors import LabelmendError, OutputError
from labelmend.evaluation.comparison import ComparisonRequest
from labelmend.protocols import NoProgress
from labelmend.workflows.audit import audit_file
from labelmend.workflows.certify import certify_file
from labelmend.workflows.corrupt import corrupt_file
from labelmend.workflows.describe import describe_file
from labelmend.workflows.relabel import relabel_file
from labelmend.workflows.report import report_files
from labelmend.workflows.train import default_point, train_file
from labelmend.workflows.tune import tune_file

CONFIG = load_config("embedded")
TABLE = "text,label\nlost my card,card\nmy card is lost,card\nhello,hi\nhello you,hi\n"
CARDS = "card: a lost card\nhi: a greeting\n"


def relabel(folder, output="out.csv", table="t.csv", **options):
    relabel_file(TableRequest(folder / table), folder / output, CONFIG, NoProgress(), **options)


def describe(folder, output, **options):
    describe_file(TableRequest(folder / "t.csv"), folder / output, CONFIG, NoProgress(), **options)


def corrupt(folder, output, **options):
    shares = [NoiseShare("uniform", 0.5)]
    place = folder / output
    corrupt_file(TableRequest(folder / "t.csv"), place, shares, 0, CONFIG, NoProgress(), **options)


def train(folder, output, **options):
    point = default_point(CONFIG)
    request = TableRequest(folder / "t.csv")
    train_file(request, folder / output, CONFIG, "logreg", point, NoProgress(), **options)


def tune(folder, output, **options):
    tune_file(TableRequest(folder / "t.csv"), folder / output, CONFIG, NoProgress(), **options)


def report(folder, test=None):
    request = ComparisonRequest(folder / "t.csv", test=test)
    point = default_point(CONFIG)
    report_files(request, folder / "r", CONFIG, ["logreg"], [0], point, NoProgress())


def profile(folder, name):
    return {"others": [Given(folder / name, "given as --profile")]}


CASES = {
    # The cards are given under the name of the record that would be written.
    "labels as the record": (
        {"out.run.json": CARDS},
        lambda f: relabel(f, labels_file=f / "out.run.json"),
        "out.run.json: is given as --labels; write to another file",
    ),
    "answers as the evidence": (
        {"out.evidence.jsonl": ""},
        lambda f: relabel(f, answers_file=f / "out.evidence.jsonl"),
        "out.evidence.jsonl: is given as --answers; write to another file",
    ),
    "profile as the labels": (
        {"out.labels.yaml": "extends: embedded"},
        lambda f: relabel(f, **profile(f, "out.labels.yaml")),
        "out.labels.yaml: is given as --profile; write to another file",
    ),
    "fresh table as the store": (
        {"out.votes.sqlite": TABLE},
        lambda f: relabel(f, answers_file=f / "out.votes.sqlite", use_llm=False, fresh=True),
        "out.votes.sqlite: is given as --answers; write to another file",
    ),
    "a text as the store": (
        {"out.votes.sqlite": TABLE},
        lambda f: relabel(f, use_llm=False, fresh=True),
        "out.votes.sqlite: can't be used as the vote store: it is somebody else's",
    ),
    "a record of somebody else's": (
        {"out.run.json": '{"name": "run 7", "loss": 0.1}'},
        relabel,
        "out.run.json: is there already and is no record of a run of labelmend's",
    ),
    "evidence of somebody else's": (
        {"out.evidence.jsonl": '{"case": 1}\n'},
        relabel,
        "out.evidence.jsonl: is there already and is no evidence of labelmend's",
    ),
    "labels of somebody else's": (
        {"out.labels.yaml": CARDS},
        relabel,
        "out.labels.yaml: is there already and is no file of labels of labelmend's",
    ),
    "describe over other YAML": (
        {"compose.yaml": "services: {}"},
        lambda f: describe(f, "compose.yaml", use_llm=False),
        "compose.yaml: is there already and is no file of labels of labelmend's",
    ),
    "describe over its profile": (
        {"p.yaml": "# Label cards for labelmend\nextends: embedded"},
        lambda f: describe(f, "p.yaml", use_llm=False, **profile(f, "p.yaml")),
        "p.yaml: is given as --profile; write to another file",
    ),
    "describe with a store of somebody else's": (
        {"c.votes.sqlite": b"SQLite format 3\0 but no more"},
        lambda f: describe(f, "c.yaml", use_llm=False, fresh=True),
        "c.votes.sqlite: can't be read as the vote store",
    ),
    "corrupt over its profile": (
        {"p.csv": "extends: embedded"},
        lambda f: corrupt(f, "p.csv", **profile(f, "p.csv")),
        "p.csv: is given as --profile; write to another file",
    ),
    "a model over the folder with its profile": (
        {"m/p.yaml": "extends: embedded"},
        lambda f: train(f, "m", **profile(f, "m/p.yaml")),
        "which is given as --profile; write to another folder",
    ),
    "a model whose checkpoints would take the profile along": (
        {"m.checkpoints/p.yaml": "extends: embedded"},
        lambda f: train(f, "m", **profile(f, "m.checkpoints/p.yaml")),
        "which is given as --profile; write to another folder",
    ),
    "an encoder over the folder with its cards": (
        {"e/cards.yaml": CARDS},
        lambda f: tune(f, "e", labels_file=f / "e/cards.yaml"),
        "which is given as --labels; write to another folder",
    ),
    "a report over a page of somebody else's": (
        {"r/report.html": "<h1>The year</h1>"},
        report,
        "report.html: is there already and is no report of labelmend's",
    ),
    "a report over its test table": (
        {"r/comparison.md": TABLE},
        lambda f: report(f, f / "r/comparison.md"),
        "comparison.md: is the test table; write to another file",
    ),
    "a report with a file of somebody else's in its way": (
        {"r.unfinished.jsonl": '{"poem": 1}\n'},
        report,
        "r.unfinished.jsonl: is there already and is no unfinished comparison of labelmend's",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_nothing_of_the_users_is_touched(tmp_path, case):
    files, run, said = case
    for name, content in {"t.csv": TABLE, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError) as caught:
        run(tmp_path)
    assert said in str(caught.value)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_an_input_that_is_called_as_the_store_outlives_fresh(tmp_path):
    table = tmp_path / "t2.votes.sqlite"
    table.write_text(TABLE)
    with pytest.raises(LabelmendError):
        relabel(tmp_path, "t2.csv", "t2.votes.sqlite", fresh=True)
    assert table.read_text() == TABLE


def test_a_database_that_is_called_as_the_store_outlives_fresh(tmp_path):
    path = tmp_path / "t2.votes.sqlite"
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE customers (name TEXT)")
    database.close()
    before = path.read_bytes()
    (tmp_path / "t.csv").write_text(TABLE)
    for fresh in (True, False):
        with pytest.raises(OutputError, match="it is somebody else's file"):
            relabel(tmp_path, "t2.csv", fresh=fresh)
    assert path.read_bytes() == before


def test_audit_and_certify_write_over_nothing_that_they_read(tmp_path):
    mended = make_known(np.random.default_rng(2), 120).write(tmp_path)
    record = mended.with_suffix(".run.json")
    record.write_text("{}")
    (tmp_path / "answers.jsonl").write_text("")
    for output in (record, mended.with_suffix(".evidence.jsonl")):
        output.touch()
        with pytest.raises(OutputError, match=r"is read with .*mended\.csv; write to another"):
            certify_file(TableRequest(mended), tmp_path / "answers.jsonl", output)
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    with pytest.raises(OutputError, match="is no certificate of labelmend's"):
        certify_file(TableRequest(mended), tmp_path / "answers.jsonl", tmp_path / "notes.json")
    design = mended.with_suffix(".audit.json")
    (tmp_path / "sheet.csv").symlink_to(design)
    with pytest.raises(OutputError, match="is the same file as"):
        audit_file(TableRequest(mended), 10, tmp_path / "sheet.csv")


def test_what_stood_in_a_designs_place_is_kept_by_a_new_one(tmp_path):
    mended = make_known(np.random.default_rng(2), 120).write(tmp_path)
    design = mended.with_suffix(".audit.json")
    design.write_text('{"mine": 1}')
    audit_file(TableRequest(mended), 10, tmp_path / "a.csv", new=True)
    assert '"table_sha256"' in design.read_text()
    (kept,) = set(tmp_path.glob("mended.audit.*.json"))
    assert kept.read_text() == '{"mine": 1}'
