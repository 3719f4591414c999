"""Paths and options of every command: what is missing, in the way, or somebody else's."""

import json
import os
import shutil

from fuzz.cases.models import TEXTS, models
from fuzz.cases.settings import FAST
from fuzz.cases.tables import CSV, LINES, RAW, ROWS, table
from fuzz.forked import Case

FILES = {"t.csv": RAW, "fast.yaml": FAST.encode(), "a.csv": RAW, "b.csv": RAW, "x.csv": TEXTS}


def case(name, *argv, make=None, files=None, kind="", model=False, slow=False):
    def prepare(at):
        if model:
            shutil.copytree(models() / "logreg", at / "m")
        if make is not None:
            make(at)

    seconds = 600 if slow else 60
    return Case(f"command {name}", argv, {**FILES, **(files or {})}, prepare, kind, seconds, slow)


def owned(name):
    """Make a folder that holds something of the user's."""

    def make(at):
        (at / name).mkdir()
        (at / name / "thesis.tex").write_text("years")

    return make


def loop(at):
    (at / "l").symlink_to("l")


def output_cases():
    outputs = {
        "the input": "t.csv",
        "the input by another name": "./t.csv",
        "/dev/full": "/dev/full",
        "/dev/null": "/dev/null",
        "no folder": "no/such/o.csv",
        "no suffix": "o",
        "another suffix": "o.docx",
        "a dot": ".",
        "nothing": "",
        "a slash": "d/",
        "a long name": "x" * 300 + ".csv",
        "/proc": "/proc/o.csv",
        "escapes": "a\x1b[31m/o.csv",
        "a loop": "l",
    }
    commands = {
        "relabel": ("relabel", "t.csv", "--no-llm", "-q", "--profile", "fast.yaml"),
        "corrupt": ("corrupt", "t.csv", "--noise", "uniform=0.1", "-q"),
        "describe": ("describe", "t.csv", "--no-llm", "-q"),
        "predict": ("predict", "m", "x.csv", "-q"),
        "export": ("export", "m", "-q"),
        "train-classifier": ("train-classifier", "t.csv", "-q", "--profile", "fast.yaml"),
        "compare-baseline": (
            "compare-baseline",
            "a.csv",
            "b.csv",
            "-q",
            "--seeds",
            "1",
            "--profile",
            "fast.yaml",
        ),
        "audit": ("audit", "t.csv", "-q"),
        "demo": ("demo", "--no-llm"),
    }
    for command, argv in commands.items():
        for name, path in outputs.items():
            # Where the output is allowed, the whole job runs.
            free = name in ("no suffix", "nothing", "another suffix", "a long name")
            # The demo's output is a folder, which it makes.
            free |= command == "demo" and name in ("no folder", "a dot", "a slash", "escapes")
            yield case(
                f"{command} into {name}",
                *argv,
                "-o",
                path,
                make=loop if path == "l" else None,
                model=argv[1] == "m",
                kind=f"into {name}" if command == "corrupt" else f"{command} into what may not be",
                slow=command in ("demo", "train-classifier", "relabel", "compare-baseline")
                and free,
            )


def model_cases():
    for name, folder in {
        "missing": "nope",
        "a table": "t.csv",
        "/dev/null": "/dev/null",
        "a loop": "l",
        "nothing": "",
        "the root": "/",
        "a long name": "x" * 5000,
        "escapes": "\x1b[31mx",
        "an empty folder": "e",
    }.items():
        for command in ("predict", "export"):
            more = ("x.csv",) if command == "predict" else ()
            yield case(
                f"{command} with {name}",
                command,
                folder,
                *more,
                "-q",
                make=lambda at: (loop(at), (at / "e").mkdir()),
                kind=f"model {name}",
            )
    yield case(
        "export into others' folder", "export", "m", "-o", "e", "-q", model=True, make=owned("e")
    )
    yield case("export into itself", "export", "m", "-o", "m", "-q", model=True)
    yield case(
        "export --check missing", "export", "m", "-o", "e", "--check", "no.csv", "-q", model=True
    )
    yield case(
        "export --check of JSON",
        "export",
        "m",
        "-o",
        "e",
        "--check",
        "m/model.json",
        "-q",
        model=True,
    )
    yield case(
        "predict a table without texts",
        "predict",
        "m",
        "y.csv",
        "-q",
        model=True,
        files={"y.csv": b"a,b\n1,2\n"},
    )
    yield case(
        "predict a table with our columns",
        "predict",
        "m",
        "y.csv",
        "-q",
        model=True,
        files={"y.csv": b"text,probability\nhello,1\n"},
    )
    yield case(
        "predict with blocks of 0",
        "predict",
        "m",
        "x.csv",
        "--set",
        "classify.batch_rows=0",
        "-q",
        model=True,
    )


def train_cases():
    train = ("train-classifier", "t.csv", "-q", "--profile", "fast.yaml", "-o", "e")
    yield case("train into others' folder", *train, make=owned("e"))
    yield case("train an unknown kind", *train, "--kind", "foo")
    yield case("train a kind with escapes", *train, "--kind", "\x1b[31m")
    for value in ("2", "nan", "-1", "x"):
        yield case(
            f"train --in-scope-accuracy {value}",
            *train,
            "--in-scope-accuracy",
            value,
            kind="accuracies",
        )
    yield case("train to both", *train, "--in-scope-accuracy", ".9", "--oos-recall", ".9")
    yield case("train by confidence", *train, "--weight-by-confidence")
    one = table([(text, "a") for text, _ in ROWS]).encode()
    yield case("train one label", *train, files={"t.csv": one})
    odd = ("x", "nan", "-1", "2", "inf")
    rows = [(text, label, label, odd[i % 5]) for i, (text, label) in enumerate(ROWS)]
    weighed = table(rows, ("text", "label", "mended_label", "confidence")).encode()
    yield case(
        "train by odd confidences", *train, "--weight-by-confidence", files={"t.csv": weighed}
    )


def compare_cases():
    compare = (
        "compare-baseline",
        "a.csv",
        "b.csv",
        "-q",
        "--seeds",
        "1",
        "--kind",
        "logreg",
        "--profile",
        "fast.yaml",
        "-o",
        "r",
    )
    for test in ("no.csv", ".", "/dev/zero", "", "l", "x" * 5000, "\x1b[31mx", "fast.yaml"):
        yield case(
            f"compare --test {test[:20]!r}",
            *compare,
            "--test",
            test,
            make=loop,
            kind=f"--test {test[:10]}",
        )
    yield case(
        "compare --test a pipe", *compare, "--test", "f", make=lambda at: os.mkfifo(at / "f")
    )
    foreign = b"text,label\nfoo bar,zzz\nbar baz,yyy\n"
    yield case(
        "compare --test of other labels", *compare, "--test", "c.csv", files={"c.csv": foreign}
    )
    for name, content in {
        "fewer rows": "".join(LINES[:20]),
        "another order": LINES[0] + "".join(reversed(LINES[1:])),
        "other texts": CSV.replace("book", "banana"),
        "other columns": table(header=("foo", "bar")),
        "no labels": table([(text, "") for text, _ in ROWS]),
        "labels with escapes": table([(t, f"{label}\x1b[31m") for t, label in ROWS]),
    }.items():
        yield case(
            f"compare {name}",
            *compare,
            files={"b.csv": content.encode()},
            slow=name == "labels with escapes",
        )
    yield case("compare no seed", *compare[:4], "--seeds", "0")
    yield case("compare an unknown peer", *compare, "--peer", "foo")
    yield case("compare an unknown gold column", *compare, "--gold-column", "foo")
    yield case("compare into others' folder", *compare, make=owned("r"))


def noise_cases():
    for value in (
        "uniform",
        "uniform=",
        "uniform=2",
        "uniform=-1",
        "uniform=nan",
        "foo=0.1",
        "=0.1",
        "uniform=1e-400",
        "uniform=1",
        "\x1b[31m=1",
        "uniform=" + "9" * 5000,
    ):
        yield case(
            f"corrupt {value[:20]!r}",
            "corrupt",
            "t.csv",
            "-o",
            "n.csv",
            "--noise",
            value,
            "-q",
            kind=f"noise {value[:12]}",
        )
    yield case("corrupt without noise", "corrupt", "t.csv", "-o", "n.csv", "-q")


def exchange_cases():
    """What other tools could send back, and where rows can't go."""
    mark = {"labelmend_text_sha256": "ab" * 32, "labelmend_shown": "audit"}
    result = {"from_name": "label", "value": {"choices": ["a"]}}
    annotation = {"result": [result], "completed_by": 1}
    studio = {"data": {"text": "hi"}, "annotations": [annotation]}
    record = {"fields": {"text": "hi"}, "responses": {"label": [{"value": "a", "user_id": "u"}]}}
    prodigy = {"text": "hi", "options": [{"id": 1, "text": "a"}], "accept": [1], "answer": "accept"}
    row = {"id": 1, "text": "hi", "label": ["a"], "Comments": []}
    files = {
        "a damaged mark": [{**studio, "data": {"text": "hi", **mark}}],
        "an endless inclusion": [
            {**studio, "data": {"text": "hi", **mark, "labelmend_inclusion": "9" * 400}}
        ],
        "a mark of objects": [{**studio, "data": {"text": "hi", "labelmend_text_sha256": [{}]}}],
        "annotations of nothing": [{**studio, "annotations": [None, 3, {}, {"result": 5}]}],
        "choices of objects": [
            {**studio, "annotations": [{"result": [{**result, "value": {"choices": [{}, [], 7]}}]}]}
        ],
        "people of lists": [{**studio, "annotations": [{**annotation, "completed_by": [[]]}]}],
        "times of nobody": [{**studio, "annotations": [{**annotation, "updated_at": "9" * 40}]}],
        "escapes": [{**studio, "data": {"text": "a\x1b[31m", "labelmend_id": "\x1b[31m", **mark}}],
        "responses of numbers": [{**record, "responses": {"label": 7, "x": [1]}}],
        "metadata of lists": [{**record, "metadata": [1]}],
        "two questions": [{**record, "responses": {"a": [{"value": "x"}], "b": [{"value": "y"}]}}],
        "an object accepted": [{**prodigy, "accept": {"a": 1}}],
        "options of nothing": [{**prodigy, "options": [None, {}, {"id": None}]}],
        "a session of lists": [{**prodigy, "_session_id": [1], "_timestamp": {}}],
        "labels of numbers": [{**row, "label": [1, {}]}],
        "half a character": [{**row, "text": "\ud800"}],
        "no text": [{**row, "text": ""}],
    }
    for name, found in files.items():
        lines = "accept" in found[0] or "Comments" in found[0]
        said = "\n".join(map(json.dumps, found)) if lines else json.dumps(found)
        file = "e.jsonl" if lines else "e.json"
        yield case(
            f"answers of a tool: {name}",
            *("answers", "import", file, "-o", "a.jsonl"),
            files={file: said.encode()},
            kind="" if name in ("escapes", "half a character") else f"answers in {file}",
        )
    for argv in (
        ("answers", "import", "t.csv", "-o", "a.jsonl", "--from", "prodigy"),
        ("answers", "import", "t.csv", "-o", "a.jsonl", "--from", "\x1b[31m"),
        ("answers", "import", "/dev/zero", "-o", "a.jsonl", "--from", "argilla"),
        ("answers", "import", "t.csv", "-o", "a.jsonl", "--table", "t.csv"),
        ("answers", "import", "t.csv", "-o", "a.jsonl", "--table", "/dev/zero"),
        ("export-review", "t.csv", "--to", "csv", "-o", "new.csv"),
        ("export-review", "t.csv", "--to", "nothing", "-o", "x.csv"),
        ("export-review", "/dev/zero", "--to", "csv", "-o", "new.csv"),
        ("export-review", "t.csv", "--to", "prodigy", "-o", "/dev/full"),
        ("export-review", "t.csv", "--to", "argilla", "-o", "t.csv"),
        ("export-review", "t.csv", "--to", "csv", "-o", "new.csv", "--rows", "9" * 400),
    ):
        yield case(f"{' '.join(argv)[:60]!r}", *argv, kind=f"{argv[0]} elsewhere")


def other_cases():
    for argv in (
        *(
            (),
            ("foo",),
            ("version", "x"),
            ("models",),
            ("models", "check", "nope"),
            ("models", "pull", "nope"),
        ),
        *(
            ("models", "pull", "../../x"),
            ("models", "pull", "\x1b[31m"),
            ("demo", "t.csv"),
            ("\x1b[31mfoo",),
        ),
        *(
            ("relabel", "t.csv", "--\x1b[31mfoo"),
            ("answers",),
            ("config", "show", "--profile", "nope"),
        ),
        *(("certify", "t.csv"), ("certify", "/dev/zero"), ("certify", "\x1b[31m")),
        *(("audit", "/dev/zero"), ("audit", "nope.csv"), ("audit", "t.csv", "--rows", "9" * 400)),
        *(
            ("answers", "import", "nope.csv", "-o", "a.jsonl"),
            ("answers", "import", "/dev/zero", "-o", "a.jsonl"),
        ),
        *(("answers", "import", "t.csv", "-o", "a.jsonl"), ("answers", "show", "/dev/zero")),
        *(
            ("answers", "show", "t.csv"),
            ("tune-embedder", "/dev/zero", "-o", "e"),
            ("tune-embedder", "nope", "-o", "e"),
        ),
        *(
            ("doctor", "--profile", "/dev/zero"),
            ("doctor", "--profile", "\x1b[31m"),
            ("doctor", "--set", "voters.0.model=[]"),
            ("doctor", "x"),
        ),
        ("x" * 100_000,),
    ):
        yield case(f"{' '.join(argv)[:60]!r}", *argv)


def cases():
    groups = (output_cases, model_cases, train_cases, compare_cases, noise_cases, exchange_cases)
    for group in (*groups, other_cases):
        yield from group()
