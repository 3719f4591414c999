"""Records and evidence of runs that are damaged or a stranger's, by `explain`."""

import functools
import json
import os
import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from fuzz.cases.settings import FILES, RELABEL
from fuzz.forked import Case, in_folder

ROW = ("explain", "out.csv", "--row", "3")


@functools.cache
def outputs() -> dict[str, bytes]:
    """What one small run leaves."""
    folder = Path(tempfile.mkdtemp(prefix="labelmend-run-"))
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    code, *_, err = in_folder(RELABEL, folder, 300)
    assert code == 0, err
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def case(name, change: Callable[[Path], object] | None = None, argv=ROW, *, kind="", seconds=20):
    def make(at: Path) -> None:
        for file in ("out.csv", "out.evidence.jsonl", "out.run.json"):
            (at / file).write_bytes(outputs()[file])
        if change is not None:
            change(at)

    return Case(f"record {name}", argv, {}, make, kind, seconds)


def line_cases():
    def line(change):
        def make(at):
            path = at / "out.evidence.jsonl"
            lines = path.read_text("utf-8").splitlines()
            lines[2] = change(lines[2])
            path.write_text("\n".join(lines) + "\n", "utf-8", errors="surrogatepass")

        return make

    def value(key, put):
        pattern = re.compile(rf'"{key}":(-?[\d.]+|"[^"]*")')
        return lambda text: pattern.sub(lambda _: f'"{key}":{put}', text, count=1)

    for name, change in {
        "cut": lambda text: text[:50],
        "empty": lambda _: "",
        "null": lambda _: "null",
        "a list": lambda _: "[]",
        "nested": lambda _: "[" * 100_000,
        "5,000 digits": value("row", "9" * 5000),
        "a row of 400 digits": value("row", "9" * 400),
        "a row as text": value("row", '"3"'),
        "an endless posterior": value("posterior", "1e999"),
        "a posterior of NaN": value("posterior", "NaN"),
        "a posterior of -1": value("posterior", "-1"),
        "a total of NaN": value("total", "NaN"),
        "a channel of NaN": value("channel", "NaN"),
        "an endless channel": value("channel", "1e999"),
        "an endless channel below": value("channel", "-1e999"),
        "a huge channel": value("channel", "1e300"),
        "a channel of 400 digits": value("channel", "1" + "0" * 400),
        "a similarity of text": value("similarity", '"x"'),
        "no candidates": lambda text: json.dumps({**json.loads(text), "candidates": []}),
        "a candidate that is none": lambda text: json.dumps(
            {**json.loads(text), "candidates": [3]}
        ),
        "many candidates": lambda text: json.dumps(
            {**json.loads(text), "candidates": json.loads(text)["candidates"] * 3000}
        ),
        "votes that are a list": lambda text: json.dumps({**json.loads(text), "votes": []}),
        "half a character": lambda text: text.replace('"text":"', '"text":"\\ud800', 1),
        "half a character for a label": value("proposed", '"\\ud800"'),
        "escapes": lambda text: text.replace('"text":"', '"text":"\\u001b[31m\\u009b31m\\u202e', 1),
        "escapes for a label": value("proposed", '"\\u001b[31m\\u009b31m\\u202e"'),
        "raw 8-bit escapes": lambda text: text.replace(
            '"text":"', '"text":"\u009b31m\x7f\u202e', 1
        ),
        "a long text": lambda text: text.replace('"text":"', '"text":"' + "x" * 3_000_000, 1),
    }.items():
        yield case(f"line {name}", line(change))
        if "escapes" in name or "character" in name:
            yield case(f"line {name}, as JSON", line(change), (*ROW, "--json"))
    for seed in range(60):

        def characters(text, seed=seed):
            rng = random.Random(seed)
            held = list(text)
            for _ in range(rng.randint(1, 3)):
                held[rng.randrange(len(held))] = rng.choice('0123456789{}[]",:aeN-.')
            return "".join(held)

        yield case(
            f"line characters changed {seed}", line(characters), kind="evidence: characters changed"
        )

    def bytes_changed(at):
        path = at / "out.evidence.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"text":"', b'"text":"\xff'))

    yield case("no UTF-8", bytes_changed)


def run_cases():
    for name, text in {
        "empty": "",
        "a list": "[]",
        "nested": "[" * 100_000,
        "a text for a number": '{"noise": {"channel": "x"}}',
        "other keys": '{"noise": {"channel": {"a": 1}}}',
        "5,000 digits": '{"noise": ' + "9" * 5000 + "}",
        "a later version": '{"schema_version": 99}',
        "a version of 400 digits": '{"schema_version": ' + "9" * 400 + "}",
    }.items():
        yield case(f"run.json {name}", lambda at, t=text: (at / "out.run.json").write_text(t))

    def changed(change):
        def make(at):
            path = at / "out.run.json"
            body = json.loads(path.read_text("utf-8"))
            change(body)
            path.write_text(json.dumps(body), "utf-8")

        return make

    def point_at(name):
        return changed(lambda body: body["input"].update(path=name))

    evidence = ("explain", "out.evidence.jsonl", "--row", "3")
    yield case("run.json names /dev/zero", point_at("/dev/zero"), evidence)
    yield case("run.json names escapes", point_at("\x1b[31mx"), evidence)
    yield case("run.json names a NUL", point_at("a\0b"), evidence)
    yield case("run.json names a long path", point_at("x" * 5000), evidence)

    def pipe(at):
        os.mkfifo(at / "f")
        point_at("f")(at)

    yield case("run.json names a pipe", pipe, evidence)
    yield case("a label with escapes", changed(lambda body: body.update(oos_label="\x1b[31m")))
    for seed in range(40):

        def characters(at, seed=seed):
            rng = random.Random(seed)
            held = list((at / "out.run.json").read_text("utf-8"))
            for _ in range(rng.randint(1, 3)):
                held[rng.randrange(len(held))] = rng.choice('0123456789{}[]",:aeN-.')
            (at / "out.run.json").write_text("".join(held), "utf-8")

        yield case(
            f"run.json characters changed {seed}", characters, kind="run.json: characters changed"
        )


def asked_cases():
    for name, argv in {
        "row 0": ("out.csv", "--row", "0"),
        "row -1": ("out.csv", "--row", "-1"),
        "row 9...9": ("out.csv", "--row", "9" * 30),
        "row of 5,000 digits": ("out.csv", "--row", "9" * 5000),
        "row abc": ("out.csv", "--row", "abc"),
        "no row": ("out.csv",),
        "row and id": ("out.csv", "--row", "1", "--id", "1"),
        "an unknown id": ("out.csv", "--id", "zzz"),
        "an id with escapes": ("out.csv", "--id", "\x1b[31mx"),
        "a folder": (".", "--row", "1"),
        "nothing": ("", "--row", "1"),
        "/dev/zero": ("/dev/zero", "--row", "1"),
        "evidence in a folder": ("out.csv", "--row", "1", "--evidence", "."),
        "evidence in /dev/zero": ("out.csv", "--row", "1", "--evidence", "/dev/zero"),
        "evidence with a long name": ("out.csv", "--row", "1", "--evidence", "x" * 5000),
        "a long name": ("x" * 5000, "--row", "1"),
        "escapes": ("\x1b[31mx", "--row", "1"),
    }.items():
        yield case(f"explain {name}", None, ("explain", *argv))
    pipe = ("explain", "out.csv", "--row", "1", "--evidence", "f")
    yield case("evidence in a pipe", lambda at: os.mkfifo(at / "f"), pipe)
    endless = ("explain", "out.csv", "--row", "1", "--evidence", "e")
    yield case(
        "evidence of one endless line",
        lambda at: os.truncate(os.open(at / "e", os.O_CREAT | os.O_RDWR), 20 << 30),
        endless,
    )


def cases():
    yield case("as it should be")
    yield case("as it should be, as JSON", None, (*ROW, "--json"))
    for group in (line_cases, run_cases, asked_cases):
        yield from group()
