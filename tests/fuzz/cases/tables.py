"""Tables that are broken, foreign or odd. `corrupt` reads and writes them, and loads no model."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import zipfile
from pathlib import Path

from fuzz.forked import Case

TOPICS = {
    "renew": "Please renew the {} that I borrowed.",
    "lost": "I can't find the {} any more, what now?",
    "hours": "Until when may I bring back the {}?",
    "oos": "Which {} would you take to the moon?",
}
THINGS = ("book", "map", "record", "journal", "atlas", "novel", "score", "film", "comic", "diary")
ROWS = [(text.format(thing), label) for thing in THINGS for label, text in TOPICS.items()]


def table(rows=ROWS, header=("text", "label"), delimiter=",", end="\n"):
    held = io.StringIO(newline="")
    written = csv.writer(held, delimiter=delimiter, lineterminator=end)
    written.writerow(header)
    written.writerows(rows)
    return held.getvalue()


CSV = table()
RAW = CSV.encode()
LINES = CSV.splitlines(keepends=True)
JSONL = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
COMMAND = ("corrupt", "-q", "--noise", "uniform=0.2", "-o")


def case(name, content, file="t.csv", *options, kind="", make=None, **more):
    out = "out" + (Path(file).suffix if file.endswith(("tsv", "jsonl", "parquet")) else ".csv")
    files = (
        {}
        if content is None
        else {file: content if isinstance(content, bytes) else content.encode()}
    )
    return Case(f"table {name}", (*COMMAND, out, *options, "--", file), files, make, kind, **more)


def csv_cases():
    middle = len(LINES) // 2

    def insert(line):
        return "".join([*LINES[:middle], line, *LINES[middle:]])

    yield case("as it should be", RAW)
    for name, content in {
        "quote open at the end": CSV + '"open,lost\n',
        "quote open in the middle": insert('"open,lost\n'),
        "quote inside a field": insert('he said "no" to me,lost\n'),
        "text behind a quote": insert('"abc" def,lost\n'),
        "quote open in the header": '"text,label\n' + "".join(LINES[1:]),
        "a short row": CSV + "just a text\n",
        "a long row": CSV + "a,b,c,d\n",
        "many ragged rows": "".join(
            line if i % 3 else line[:-1] + ",x\n" for i, line in enumerate(LINES)
        ),
        "two columns of one name": table(header=("text", "text")),
        "a column without name": table(header=("text", "")),
        "no names at all": table(header=("", "")),
        "one column": "text\n" + "\n".join(text for text, _ in ROWS).replace(",", ""),
        "a header alone": "text,label\n",
        "a header without its end": "text,label",
        "one row": "text,label\nhello,lost\n",
        "two rows": "text,label\nhello,lost\nbye,renew\n",
        "empty": "",
        "blanks": "  \n \n\t\n",
        "line ends alone": "\n" * 100,
        "mixed line ends": "".join(
            line[:-1] + ("\n", "\r\n", "\r")[i % 3] for i, line in enumerate(LINES)
        ),
        "carriage returns": CSV.replace("\n", "\r"),
        "no label anywhere": table([(text, "") for text, _ in ROWS]),
        "one label": table([(text, "a") for text, _ in ROWS]),
        "a label a row": table([(text, f"l{i}") for i, (text, _) in enumerate(ROWS)]),
        "one text": table([("hello", label) for _, label in ROWS]),
        "a blank text": CSV + "   ,lost\n",
        "a text of zero width": CSV + "\u200b,lost\n",
        "combining marks": CSV + "\u0301" * 5000 + ",lost\n",
        "a label with escapes": table([(t, f"{label}\x1b[31m\x9b1m\u202e") for t, label in ROWS]),
        "a label on two lines": table([(t, f"{label}\nx") for t, label in ROWS]),
        "labels nan and null": table(
            [(t, ("nan", "null", "NA")[i % 3]) for i, (t, _) in enumerate(ROWS)]
        ),
        "control characters": CSV
        + "".join(map(chr, range(1, 32))).replace("\n", "").replace("\r", "")
        + ",lost\n",
        "semicolons": table(delimiter=";"),
        "bars": table(delimiter="|"),
        "tabs": table(delimiter="\t"),
        "a column of ours": table([(*row, "x") for row in ROWS], ("text", "label", "true_label")),
        "HTML": "<html><body><table><tr><td>text</td></tr></table></body></html>" * 20,
    }.items():
        yield case(name, content)
    yield case("a long text", table([*ROWS, ("word " * 200_000, "lost")]))
    yield case("three million quotes", table([*ROWS, ('"' * 3_000_000, "lost")]))
    yield case("a label of a million digits", table([("where", "1" * 1_000_000 + "x"), *ROWS]))
    yield case("long labels", table([(t, label + "x" * 100_000) for t, label in ROWS]))
    many = ",".join(f"c{i}" for i in range(20_000))
    yield case(
        "20,000 columns", f"text,label,{many}\n" + f"a,lost,{many}\nb,renew,{many}\n", slow=True
    )


def byte_cases():
    rng = random.Random(1)
    for name, content in {
        "a NUL": RAW[:500] + b"\0" + RAW[500:],
        "a NUL first": b"\0" + RAW,
        "NULs": b"\0" * 10_000,
        "a byte order mark alone": b"\xef\xbb\xbf",
        "UTF-16 mark alone": b"\xff\xfe",
        "UTF-16": CSV.encode("utf-16"),
        "UTF-16 without a mark": CSV.encode("utf-16-le"),
        "UTF-16 cut": CSV.encode("utf-16")[:-1],
        "UTF-16 with half a character": CSV.encode("utf-16") + b"\x00\xd8\n\x00",
        "UTF-32": CSV.encode("utf-32"),
        "bad UTF-8": RAW[:900] + b"\xff\xfe\xfd" + RAW[900:],
        "UTF-8 cut": (CSV + "привет всем").encode()[:-1],
        "cp1251": CSV.replace("book", "книга").encode("cp1251"),
        "KOI8-R": CSV.replace("book", "книга").encode("koi8-r"),
        "noise": rng.randbytes(5000),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        "gzip by another name": gzip.compress(RAW),
        "bzip2": bz2.compress(RAW),
        "xz": lzma.compress(RAW),
        "SQLite": b"SQLite format 3\0" + b"\0" * 100,
    }.items():
        yield case(name, content)
    yield case("gzip", gzip.compress(RAW), "t.csv.gz")
    yield case("gzip cut", gzip.compress(RAW)[:60], "t.csv.gz")
    yield case(
        "gzip bomb", gzip.compress(b"a,b\n" * 200_000_000, 1)[:2_000_000], "t.csv.gz", slow=True
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("xl/workbook.xml", "<a/>")
    yield case("a workbook that is none", held.getvalue(), "t.xlsx")
    yield case("a workbook as CSV", held.getvalue())
    for name in (
        "klingon",
        "hex",
        "rot13",
        "",
        "idna",
        "punycode",
        "undefined",
        "unicode_escape",
        "utf-7",
        "mbcs",
        "cp037",
        "utf-32",
        "x" * 100_000,
    ):
        yield case(
            f"as {name[:20]}",
            RAW,
            "t.csv",
            "--encoding",
            name,
            kind=f"as {name}" if name in ("hex", "undefined", "") else "encodings",
        )
    for seed in range(60):
        rng = random.Random(seed)
        held = bytearray(RAW)
        for _ in range(rng.randint(1, 6)):
            held[rng.randrange(len(held))] = rng.randrange(256)
        yield case(f"bytes changed {seed}", bytes(held), kind="bytes changed")


def json_cases():
    good = "\n".join(JSONL)
    deep, nine = "[" * 100_000 + "]" * 100_000, "9" * 10_000
    for name, line in {
        "cut": '{"text": "abc", ',
        "a comma too many": '{"text": "abc", "label": "oos",}',
        "a nested text": '{"text": {"a": [1, 2]}, "label": "oos"}',
        "a list": '["a", "b"]',
        "a number": "3",
        "a key twice": '{"text": "a", "text": "b", "label": "oos"}',
        "texts that are numbers": '{"text": 1e400, "label": "oos"}',
        "no text": '{"text": null, "label": "oos"}',
        "no label": '{"text": "some text"}',
        "NaN": '{"text": NaN, "label": "oos"}',
        "nested deeply": f'{{"text": {deep}, "label": "oos"}}',
        "nested 900 deep": f'{{"text": "x", "label": "oos", "k": {deep[99_100:100_900]}}}',
        "a number of 10,000 digits": f'{{"text": "x", "label": "oos", "k": {nine}}}',
        "such a number in a list": f'{{"text": "x", "label": "oos", "k": [{nine}]}}',
        "half a character": '{"text": "x \\ud800", "label": "oos"}',
        "half a character for a label": '{"text": "x", "label": "\\ud800"}',
        "half a character for a key": '{"text": "x", "label": "oos", "\\ud800": 1}',
        "a NUL": '{"text": "x \\u0000", "label": "oos"}',
        "a NUL in a label": '{"text": "x", "label": "a\\u0000b"}',
        "no name for a key": '{"": "x", "text": "a", "label": "oos"}',
        "an empty object": "{}",
        "a line separator": '{"text": "x \u2028 z", "label": "oos"}',
        "escapes": '{"text": "x", "label": "\\u001b[31m\\u009b1m"}',
    }.items():
        yield case(f"JSONL: {name}", f"{good}\n{line}\n", "t.jsonl")
    yield case("JSONL as CSV", good, "t.csv", kind="another name")
    yield case("CSV as JSONL", CSV, "t.jsonl", kind="another name")
    yield case("CSV as Parquet", CSV, "t.parquet")
    yield case("CSV without a name's end", CSV, "t", kind="another name")
    for name, body in (
        ("cut", good[:-9]),
        ("pretty", json.dumps([json.loads(x) for x in JSONL], indent=1)),
    ):
        yield case(f"a JSON array {name}", body, "t.json", kind="JSON arrays")
    for seed in range(40):
        rng = random.Random(seed)
        held = bytearray(good.encode())
        for _ in range(rng.randint(1, 6)):
            held[rng.randrange(len(held))] = rng.randrange(256)
        yield case(
            f"JSONL: bytes changed {seed}", bytes(held), "t.jsonl", kind="JSONL: bytes changed"
        )


def parquet(**columns):
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = io.BytesIO()
    texts, labels = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"text": list(texts), "label": list(labels), **columns}), held)
    return held.getvalue()


def parquet_cases():
    import datetime as dt

    import pyarrow as pa

    count = len(ROWS)
    labels = [label for _, label in ROWS]
    good = parquet()
    for name, columns in {
        "lists": {"label": [[label] for label in labels]},
        "lists of texts": {"text": [[text] for text, _ in ROWS]},
        "a dictionary": {"label": pa.array(labels).dictionary_encode()},
        "times": {"label": pa.array([dt.datetime(2020, 1, 1 + i % 3) for i in range(count)])},
        "times that can't be": {
            "when": pa.array([2**62 + i for i in range(count)], pa.timestamp("us"))
        },
        "bytes": {"b": pa.array([b"\xff\xfe"] * count)},
        "texts that are bytes": {"text": pa.array([b"\xff" + t.encode() for t, _ in ROWS])},
        "structures": {"label": [{"a": i % 2} for i in range(count)]},
        "decimals": {"d": pa.array([1] * count, pa.decimal128(5, 2))},
        "nulls": {"label": pa.nulls(count)},
        "null texts": {"text": pa.nulls(count)},
        "integers": {"label": [i % 3 for i in range(count)]},
        "floats with NaN": {
            "label": [float("nan") if i % 5 == 0 else i % 3 / 7 for i in range(count)]
        },
        "booleans": {"label": [i % 3 == 0 for i in range(count)]},
        "views": {"text": pa.array([t for t, _ in ROWS], pa.string_view())},
        "durations": {"d": pa.array([1] * count, pa.duration("s"))},
        "maps": {"d": pa.array([[("a", 1)]] * count, pa.map_(pa.string(), pa.int64()))},
    }.items():
        yield case(f"Parquet: {name}", parquet(**columns), "t.parquet")
    for name, content in {
        "cut": good[: len(good) // 2],
        "without an end": good[:-8],
        "a head": good[:4],
    }.items():
        yield case(f"Parquet: {name}", content, "t.parquet", kind="Parquet: cut")
    yield case("Parquet: noise", b"PAR1" + random.Random(1).randbytes(5000), "t.parquet")
    for seed in range(60):
        rng = random.Random(seed)
        held = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)
        yield case(
            f"Parquet: bits changed {seed}", bytes(held), "t.parquet", kind="Parquet: bits changed"
        )


def path_cases():
    yield case("a folder", None, make=lambda at: (at / "t.csv").mkdir())
    yield case("a pipe", None, make=lambda at: os.mkfifo(at / "t.csv"), seconds=15)
    yield case("a loop", None, make=lambda at: (at / "t.csv").symlink_to("t.csv"))
    yield case("a link to nothing", None, make=lambda at: (at / "t.csv").symlink_to("nowhere"))
    yield case("missing", None)
    yield case("a missing folder", None, "no/such/t.csv")
    for device in ("zero", "urandom", "full", "null"):
        yield case(
            f"/dev/{device}",
            None,
            f"/dev/{device}",
            kind="devices" if device != "null" else "",
            seconds=20,
        )
    yield case("/proc/self/mem", None, "/proc/self/mem")
    yield case(
        "20 GiB of nothing",
        None,
        make=lambda at: os.truncate(os.open(at / "t.csv", os.O_CREAT | os.O_RDWR), 20 << 30),
    )
    yield case("a long name", None, "x" * 300 + ".csv")
    yield case("a long path", None, "/".join(["x" * 200] * 30) + ".csv")
    yield case("no name", None, "")
    yield case("a dot", None, ".")
    yield case("a name on two lines", RAW, "a\nb.csv")
    yield case("a name with escapes", None, "a\x1b[31mred\x1b]0;owned\x07.csv")
    yield case("a name with escapes, empty", b"", "e\x1b[31mred\x9b1m\u202e.csv")
    yield case("a name that is no UTF-8", RAW, os.fsdecode(b"\xff\xfe.csv"))
    yield case("a name like an option", RAW, "-t.csv")
    for column in ("nope", "", "\x1b[31m", "text\0"):
        if "\0" not in column:
            yield case(f"column {column!r}", RAW, "t.csv", "--label-column", column, kind="columns")


def piped_cases():
    lines = "\n".join(JSONL)
    for name, raw in {
        "as it should be": RAW,
        "nothing": None,
        "blanks": b" \n" * 100,
        "JSONL": lines.encode(),
        "an array": f"[{','.join(JSONL)}]".encode(),
        "Parquet": parquet(),
        "Parquet cut": parquet()[:300],
        "gzip": gzip.compress(RAW),
        "gzip cut": gzip.compress(RAW)[:60],
        "gzip of gzip": gzip.compress(gzip.compress(RAW)),
        "noise": random.Random(1).randbytes(5000),
        "a NUL": RAW[:500] + b"\0" + RAW[500:],
        "a line": b"hello",
        "a bracket": b"[",
        "brackets": b"[" * 100_000,
        "a brace": b"{",
        "escapes": b"\x1b[31m,label\na\x1b[2J,b\n",
    }.items():
        options = (*COMMAND, "out.csv", "-")
        yield Case(f"piped {name}", options, kind=f"piped {name}", piped=raw)
    for name, argv in {
        "without a name for the result": ("relabel", "-", "--no-llm"),
        "twice": ("compare-baseline", "-", "-"),
        "and written to": (*COMMAND, "-", "-"),
        "to audit": ("audit", "-", "--rows", "5", "-o", "s.csv"),
        "to certify": ("certify", "-", "--answers", "a.jsonl"),
        "to explain": ("explain", "-", "--row", "1"),
        "to explain by its evidence": ("explain", "t.csv", "--evidence", "-", "--row", "1"),
        "to review": ("review", "-"),
        "as labels": ("relabel", "t.csv", "--labels", "-", "--no-llm"),
        "as answers": ("relabel", "t.csv", "--answers", "-", "--no-llm"),
        "as a profile": ("relabel", "t.csv", "--profile", "-", "--no-llm"),
        "to describe itself": ("describe", "-", "--no-llm", "-o", "-"),
        "to no model": ("predict", "-", "-", "-o", "p.csv"),
    }.items():
        yield Case(f"piped {name}", argv, {"t.csv": RAW}, piped=RAW, kind=f"piped {name}")


def shape_cases():
    """Labels that are objects in some rows only."""
    for name, label in {
        "choices": {"choices": ["lost"]},
        "several choices": {"choices": ["lost", "renew"]},
        "a list": ["lost"],
        "no choice": {"choices": []},
        "an empty object": {},
        "an object": {"name": "lost"},
        "an object deep inside": {"a": {"b": {"choices": ["lost"]}}},
        "choices that are none": {"choices": {"a": 1}},
        "a list of objects": [{"choices": ["lost"]}],
    }.items():
        odd = json.dumps({"text": "some text", "label": label})
        array = f"[{','.join([*JSONL, odd])}]"
        for kind, body in (("JSONL", "\n".join([*JSONL, odd])), ("JSON", array)):
            yield case(f"{kind} labels: {name}", body, f"t.{kind.lower()}", kind=f"labels: {name}")


def cases():
    groups = (csv_cases, byte_cases, json_cases, parquet_cases, path_cases)
    for group in (*groups, piped_cases, shape_cases):
        yield from group()
