"""Audits, answers and certificates that are damaged, a stranger's or of another table."""

import functools
import json
import random
import re
import tempfile
from pathlib import Path

from fuzz.cases.records import outputs
from fuzz.forked import Case, in_folder

DEEP = "[" * 100_000
ONCE_BAD = re.compile(
    r"nested$|a field more$|an order of 400|draws of 400|doubt below|token in /dev"
)
AUDIT = ("audit", "out.csv", "--rows", "5", "-o", "more.csv", "-q")
CERTIFY = ("certify", "out.csv", "--answers", "a.jsonl", "-q")
SHOW = ("answers", "show", "a.jsonl")
# It reads everything, and then can't be served there: no socket of this machine has that address.
REVIEW = ("review", "out.csv", "--answers", "a.jsonl", "--host", "203.0.113.7", "--no-browser")


@functools.cache
def audited() -> dict[str, bytes]:
    """What a small run leaves, with an audit of it that somebody answered."""
    folder = Path(tempfile.mkdtemp(prefix="labelmend-audit-"))
    for name in ("out.csv", "out.evidence.jsonl", "out.run.json", "out.index.arrow"):
        if name in outputs():
            (folder / name).write_bytes(outputs()[name])
    code, *_, err = in_folder((*AUDIT[:4], "-o", "sheet.csv", "-q"), folder, 60)
    assert code == 0, err
    sheet = (folder / "sheet.csv").read_text("utf-8")
    (folder / "sheet.csv").write_text(_filled(sheet), "utf-8")
    said = ("answers", "import", "sheet.csv", "-o", "a.jsonl", "--who", "anna", "-q")
    code, *_, err = in_folder(said, folder, 60)
    assert code == 0, err
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _filled(sheet):
    """Answer each row with its own label."""
    import csv
    import io

    rows = [{**row, "answer": row["label"]} for row in csv.DictReader(io.StringIO(sheet))]
    held = io.StringIO(newline="")
    writer = csv.DictWriter(held, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return held.getvalue()


def case(name, argv, file="", change=None, *, kind=""):
    """A command on the files of an audit, one of which is changed; `change` gets its text."""

    def make(at: Path) -> None:
        for each, content in audited().items():
            (at / each).write_bytes(content)
        if file:
            made = change(audited()[file].decode())
            (at / file).write_bytes(made if isinstance(made, bytes) else made.encode())

    return Case(f"people {name}", argv, {}, make, kind and f"people {kind}")


def characters(seed):
    def changed(text):
        rng = random.Random(seed)
        held = list(text)
        for _ in range(rng.randint(1, 4)):
            held[rng.randrange(len(held))] = rng.choice('0123456789{}[]",:aeN-.\x1b')
        return "".join(held)

    return changed


def first_line(**fields):
    """Change fields of the first line, and its name with them, as only a hostile file would."""

    def changed(text):
        from labelmend.data.answers import name_of

        lines = text.splitlines()
        said = {**json.loads(lines[0]), **fields}
        said.pop("answer")
        lines[0] = json.dumps({"answer": name_of(said), **said})
        return "\n".join(lines) + "\n"

    return changed


ANSWERS = {
    "nothing": lambda text: "",
    "blank lines": lambda text: "\n\n" + text.replace("\n", "\n\n"),
    "no end": lambda text: text[:-30],
    "a NUL": lambda text: text[:40] + "\0" + text[40:],
    "nested": lambda text: text + '{"answer": ' + DEEP + "\n",
    "nested alone": lambda text: '{"answer": ' + DEEP,
    "a list": lambda text: text + "[]\n",
    "twice": lambda text: text * 2,
    "no UTF-8": lambda text: text.encode() + b'{"answer": "\xff"}\n',
    "UTF-16": lambda text: text.encode("utf-16"),
    "a later version": first_line(schema_version=99),
    "a version of 400 digits": first_line(schema_version=int("9" * 400)),
    "a version that is true": first_line(schema_version=True),
    "a version of 1.0": first_line(schema_version=1.0),
    "a field more": first_line(more=1),
    "a field more of what was seen": first_line(saw={"given": True, "proposed": True, "more": 1}),
    "a field of escapes": first_line(**{"\x1b[31m\x9b1m\u202e": 1}),
    "several labels": first_line(task="multi", labels=["a", "b"]),
    "a task that is none": first_line(task="x"),
    "escapes": first_line(who="\x1b[31m\x9b1m\u202e", labels=["\x1b]0;owned\x07"]),
    "half a character": first_line(who="\ud800"),
    "half a character for a label": first_line(labels=["\ud800"]),
    "a long name": first_line(who="x" * 3_000_000),
    "a hash in capitals": first_line(text_sha256="AB" * 32),
    "a hash of escapes": first_line(text_sha256="\x1b[31m" + "x" * 59),
    "a time that is none": first_line(when="yesterday\x1b[2J"),
    "an inclusion of 1e-300": first_line(
        shown={"why": "audit", "design": "d", "stratum": "s", "inclusion": 1e-300}
    ),
    "a withdrawal of nothing": lambda text: (
        text + '{"schema_version": 1, "withdraws": "x", "who": "a", "when": "b"}\n'
    ),
    "a withdrawal that loops": lambda text: (
        text + '{"schema_version": 1, "withdraws": "x", "answer": "x", "who": "a", "when": "b"}\n'
    ),
}


def answer_cases():
    for name, change in ANSWERS.items():
        for command, argv in (("show", SHOW), ("certify", CERTIFY), ("review", REVIEW)):
            yield case(f"{command} answers: {name}", argv, "a.jsonl", change, kind=f"a: {name}")
    for seed in range(40):
        argv = (SHOW, CERTIFY)[seed % 2]
        yield case(f"answers changed {seed}", argv, "a.jsonl", characters(seed), kind="answers")
    for words in (
        ("--id", "\x1b[31m"),
        ("--id", "1", "--answer", "x"),
        ("--answer", "9" * 5000),
        ("--who", "\x1b[31m", "--id", "1"),
        (),
    ):
        argv = ("answers", "withdraw", "a.jsonl", *words)
        yield case(f"withdraw {' '.join(words)[:20]!r}", argv, kind="withdraw")
    for name, words in {
        "no such column": ("--answer-column", "\x1b[31m"),
        "a column twice": ("--answer-column", "answer", "--answer-column", "answer"),
        "the text": ("--answer-column", "text"),
        "a blank person": ("--who", " "),
        "a long person": ("--who", "x" * 100_000),
        "a person with escapes": ("--who", "\x1b[31m"),
        "a blank word": ("--none-word", ""),
        "into the sheet": ("-o", "sheet.csv"),
        "into the table": ("-o", "out.csv"),
        "into the design": ("-o", "out.audit.json"),
        "into a folder": ("-o", "."),
        "into nowhere": ("-o", "no/such/a.jsonl"),
        "into /dev/full": ("-o", "/dev/full"),
    }.items():
        argv = ("answers", "import", "sheet.csv", "-o", "b.jsonl", *words)
        yield case(f"import {name}", argv)
    for name, change in {
        "a header alone": lambda text: text.splitlines()[0],
        "an answer of escapes": lambda text: text.replace("lost", "\x1b[31m\x9b1m"),
        "ids that are gone": lambda text: text.replace("labelmend", "x"),
        "nothing": lambda text: "",
    }.items():
        argv = ("answers", "import", "sheet.csv", "-o", "b.jsonl", "--who", "bob")
        yield case(f"import of {name}", argv, "sheet.csv", change)
    for seed in range(20):
        argv = ("answers", "import", "sheet.csv", "-o", "b.jsonl", "--who", "bob")
        yield case(f"sheet changed {seed}", argv, "sheet.csv", characters(seed), kind="sheets")


def field(path, value):
    """Put a value at a path of the design."""

    def changed(text):
        said = json.loads(text)
        found = said
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value
        return json.dumps(said)

    return changed


def design_cases():
    huge = int("9" * 400)
    designs = {
        "nothing": lambda text: "",
        "a list": lambda text: "[]",
        "nested": lambda text: DEEP,
        "cut": lambda text: text[: len(text) // 2],
        "no strata": field(["strata"], []),
        "strata that are one": field(["strata"], 3),
        "a seed of 400 digits": field(["seed"], huge),
        "a seed below 0": field(["seed"], -1),
        "a later version": field(["schema_version"], 99),
        "rows of 400 digits": field(["strata", 0, "rows"], huge),
        "rows below 0": field(["strata", 0, "rows"], -1),
        "an order below 0": field(["strata", 0, "order", 0], -1),
        "an order of 0": field(["strata", 0, "order", 0], 0),
        "an order beyond the table": field(["strata", 0, "order", 0], 10**6),
        "an order of 400 digits": field(["strata", 0, "order", 0], huge),
        "an order that is empty": field(["strata", 0, "order"], []),
        "a row twice": field(["strata", 0, "order"], [1, 1]),
        "a doubt of 400 digits": field(["strata", 0, "doubt"], huge),
        "a doubt below 0": field(["strata", 0, "doubt"], -1),
        "a name of escapes": field(["strata", 0, "name"], "\x1b[31m"),
        "a kind that is none": field(["strata", 0, "kind"], "\x1b[31m"),
        "draws that are none": field(["draws"], [[]]),
        "draws beyond the stratum": field(["draws", 0, 0], 10**6),
        "draws below 0": field(["draws", 0, 0], -1),
        "draws of 400 digits": field(["draws", 0, 0], huge),
        "a hundred thousand draws": field(["draws"], [[0]] * 100_000),
        "a name of the design in escapes": field(["design"], "\x1b[31m"),
        "a digest of escapes": field(["table_sha256"], "\x1b[31m"),
    }
    for name, change in designs.items():
        for command, argv in (("audit", AUDIT), ("certify", CERTIFY), ("review", REVIEW)):
            yield case(f"{command} design: {name}", argv, "out.audit.json", change, kind=name)
    for seed in range(40):
        argv = (AUDIT, CERTIFY)[seed % 2]
        yield case(
            f"design changed {seed}", argv, "out.audit.json", characters(seed), kind="designs"
        )
    for name, words in {
        "no rows": ("--rows", "0"),
        "rows below 0": ("--rows", "-5"),
        "a million rows": ("--rows", "1000000"),
        "onto the table": ("-o", "out.csv"),
        "onto the evidence": ("-o", "out.evidence.jsonl"),
        "onto the answers": ("-o", "a.jsonl"),
        "onto the sheet": ("-o", "sheet.csv"),
        "onto its design": ("-o", "out.audit.json"),
        "into Parquet": ("-o", "more.parquet"),
        "into nothing known": ("-o", "more.xyz"),
        "with another seed": ("--seed", "7"),
        "anew": ("--new",),
        "anew, dry": ("--new", "--dry-run"),
        "of another label": ("--label-column", "mended_label"),
        "of another text": ("--text-column", "reason"),
        "of no text": ("--text-column", "votes"),
    }.items():
        yield case(f"audit {name}", (*AUDIT, *words))
    for name, words in {
        "onto the answers": ("-o", "a.jsonl"),
        "onto the design": ("-o", "out.audit.json"),
        "onto the table": ("-o", "out.csv"),
        "into a folder": ("-o", "."),
        "by another text": ("--text-column", "label"),
        "by another id": ("--id-column", "label"),
    }.items():
        yield case(f"certify {name}", (*CERTIFY, *words))
    for name, words in {
        "a port of text": ("--port", "x"),
        "a port too high": ("--port", "65536"),
        "a token that is empty": ("--token-file", "/dev/null"),
        "a token in /dev/zero": ("--token-file", "/dev/zero"),
        "a token that is the table": ("--token-file", "out.csv"),
        "answers that are the table": ("--answers", "out.csv"),
        "answers that are the evidence": ("--answers", "out.evidence.jsonl"),
        "an audit that is the answers": ("--audit", "a.jsonl"),
        "an audit in /dev/zero": ("--audit", "/dev/zero"),
        "labels in /dev/zero": ("--labels", "/dev/zero"),
        "nobody": ("--who", ""),
        "somebody with escapes": ("--who", "\x1b[31m"),
    }.items():
        yield case(f"review {name}", (*REVIEW, *words))


def table_cases():
    """The mended table itself, edited by hand."""
    for name, change in {
        "no decisions": lambda text: text.replace("decision", "decided", 1),
        "decisions of escapes": lambda text: text.replace(",keep,", ",\x1b[31m,"),
        "qualities of text": lambda text: text.replace("0.9", "x"),
        "qualities without end": lambda text: text.replace("0.9", "1e999"),
        "qualities of NaN": lambda text: text.replace("0.9", "nan"),
        "a row less": lambda text: "\n".join(text.splitlines()[:-1]) + "\n",
        "a row twice": lambda text: text + text.splitlines()[-1] + "\n",
        "rows turned round": lambda text: (
            "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]) + "\n"
        ),
        "a header alone": lambda text: text.splitlines()[0] + "\n",
        "a label that is new": lambda text: text.replace("lost", "\x1b[31mlost\u202e"),
    }.items():
        for command, argv in (("audit", AUDIT), ("certify", CERTIFY), ("review", REVIEW)):
            yield case(f"{command} table: {name}", argv, "out.csv", change, kind=f"t: {name}")


def evidence_cases():
    """The evidence and the record, as those commands read them."""
    for name, change in {
        "nested": lambda text: DEEP + "\n" + text,
        "empty": lambda text: "",
        "a line of one long text": lambda text: '{"row":1,"text":"' + "x" * 3_000_000 + '"}\n',
        "no UTF-8": lambda text: text.encode().replace(b'"text":"', b'"text":"\xff'),
    }.items():
        for command, argv in (("certify", CERTIFY), ("review", REVIEW)):
            yield case(f"{command} evidence: {name}", argv, "out.evidence.jsonl", change)
    for seed in range(20):
        argv = (CERTIFY, REVIEW)[seed % 2]
        yield case(
            f"evidence changed {seed}", argv, "out.evidence.jsonl", characters(seed), kind="lines"
        )
        argv = (AUDIT, REVIEW)[seed % 2]
        yield case(f"record changed {seed}", argv, "out.run.json", characters(seed), kind="runs")


def cases():
    yield case("an audit as it should be", AUDIT)
    yield case("a certificate as it should be", CERTIFY)
    for group in (answer_cases, design_cases, table_cases, evidence_cases):
        yield from group()
