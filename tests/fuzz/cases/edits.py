"""Files of label edits that are damaged, a stranger's or of another table; by a dry run."""

import json
import os
import random
import re

from fuzz.cases.settings import FILES, RELABEL
from fuzz.cases.tables import ROWS, table
from fuzz.forked import Case

DEEP = "[" * 100_000
ONCE_BAD = re.compile(r"nested alone|as it should be$|a field more$")
WHEN = "2026-11-29T13:00:00Z"


def edit(what, label, **fields):
    """A line as the review page writes it, with the name that fits it; fields may be anything."""
    from labelmend.data.answers import name_of

    said = {"schema_version": 1, "what": what, "label": label, "who": "anna", "when": WHEN}
    said |= {"to": None, "description": None, "rows": 10, "answers": [], "cards": None} | fields
    try:
        name = name_of(said)
    except (UnicodeEncodeError, ValueError):
        name = "0" * 16
    return json.dumps({**said, "edit": name}) + "\n"


def name(line):
    return json.loads(line)["edit"]


def undo(of, **fields):
    said = {"schema_version": 1, "undoes": of, "who": "anna", "when": WHEN, "cards": None}
    return json.dumps({**said, **fields}) + "\n"


TAKEN = {
    **FILES,
    "t.csv": table([(*row, "x") for row in ROWS], ("text", "label", "votes")).encode(),
}
"""A table with a column of ours: what is wrong with the edits is told first, and no work begins."""


def case(name, content, *words, kind="", make=None, file="e.jsonl", slow=False):
    argv = (*RELABEL, *words, "--label-edits", file)
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    files = (FILES if slow else TAKEN) | ({} if raw is None else {file: raw})
    return Case(f"edits {name}", argv, files, make, f"edits {kind}" if kind else "", 60, slow)


def cases():
    rename = edit("rename", "renew", to="extend")
    merge = edit("merge", "lost", to="hours")
    split = edit("split", "hours", to="opening", description="When we open.")
    describe = edit("describe", "lost", description="It is gone.")
    huge = int("9" * 400)
    for what, content in {
        "as it should be": rename + merge + split,
        "described": describe,
        "taken back": rename + undo(name(rename)),
        "nothing": "",
        "blank lines": f"\n\n{rename}\n\n",
        "no end": rename[:-20],
        "a torn line in the middle": rename[:-20] + "\n" + merge,
        "a NUL": rename[:30] + "\0" + rename[30:],
        "a list": rename + "[]\n",
        "a number": "3\n",
        "nested": rename + '{"edit": ' + DEEP + "\n",
        "nested alone": '{"edit": ' + DEEP,
        "nested in a label": rename.replace('"renew"', DEEP + "]" * 100_000),
        "no UTF-8": rename.encode() + b'{"edit": "\xff"}\n',
        "UTF-16": rename.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + rename.encode(),
        "the same edit twice": rename * 2,
        "an undo twice": rename + undo(name(rename)) * 2,
        "an undo of nothing": undo("0" * 16),
        "an undo of another's": rename + merge + undo(name(rename)),
        "an undo of escapes": rename + undo("\x1b[31m"),
        "both in one line": json.dumps({**json.loads(rename), "undoes": name(rename)}) + "\n",
        "neither": '{"schema_version": 1}\n',
        "changed by hand": rename.replace("extend", "extent"),
        "a key twice": rename.replace('"what"', '"what": "merge", "what"'),
        "a circle": rename + edit("rename", "extend", to="renew"),
        "to itself": edit("rename", "renew", to="renew"),
        "a merge into itself": edit("merge", "renew", to="renew"),
        "to a label that is there": edit("rename", "renew", to="lost"),
        "of no label": edit("rename", "nope", to="x"),
        "of no label, without rows": edit("rename", "nope", to="x", rows=0),
        "into no label": edit("merge", "renew", to="nope"),
        "all labels merged": "".join(
            edit("merge", k, to="oos") for k in ("renew", "lost", "hours")
        ),
        "out of scope renamed": edit("rename", "oos", to="other"),
        "out of scope merged": edit("merge", "oos", to="lost"),
        "a thousand renames": "".join(
            edit("rename", f"l{i}" if i else "renew", to=f"l{i + 1}") for i in range(1000)
        ),
        "a later version": edit("rename", "renew", to="x", schema_version=99),
        "a version of 400 digits": edit("rename", "renew", to="x", schema_version=huge),
        "a version that is true": edit("rename", "renew", to="x", schema_version=True),
        "rows of 400 digits": edit("rename", "renew", to="x", rows=huge),
        "rows below 0": edit("rename", "renew", to="x", rows=-1),
        "rows of text": edit("rename", "renew", to="x", rows="all"),
        "an edit that is none": edit("remove", "renew", to="x"),
        "an edit of escapes": edit("\x1b[31m", "renew", to="x"),
        "a name of escapes": edit("rename", "renew", to="\x1b[31mx\x9b1m\u202e"),
        "a label of escapes": edit("rename", "\x1b[31mx\x9b1m\u202e", to="x"),
        "a person of escapes": edit("rename", "renew", to="x", who="\x1b[31m"),
        "a blank name": edit("rename", "renew", to=" "),
        "a blank label": edit("rename", " ", to="x"),
        "nobody": edit("rename", "renew", to="x", who=" "),
        "half a character": edit("rename", "renew", to="\ud800"),
        "half a character for a label": edit("rename", "\ud800", to="x"),
        "a long name": edit("rename", "renew", to="x" * 3_000_000),
        "a long description": edit("describe", "renew", description="x " * 2_000_000),
        "a name of zero width": edit("rename", "renew", to="\u200b"),
        "no second label": edit("rename", "renew"),
        "a second label of a description": edit("describe", "renew", to="x", description="y"),
        "answers of objects": edit("split", "renew", to="x", description="y", answers=[{}]),
        "answers without end": edit(
            "split", "renew", to="x", description="y", answers=["a" * 16] * 100_000
        ),
        "cards of lists": edit("rename", "renew", to="x", cards=[1]),
        "cards of text": edit("rename", "renew", to="x", cards={"before": 1, "after": 2}),
        "a version of 1.0": edit("rename", "renew", to="x", schema_version=1.0),
        "a field more": edit("rename", "renew", to="x", more=1),
        "a field less": re.sub(r', "answers": ..', "", rename),
        "a field more of cards": edit(
            "rename", "renew", to="x", cards={"before": "", "after": "", "entry": "", "more": 1}
        ),
        "a field of escapes": edit("rename", "renew", to="x", **{"\x1b[31m\x9b1m\u202e": 1}),
        "a field more of an undo": rename + undo(name(rename), rows=3),
        "a table": FILES["t.csv"],
        "answers": '{"schema_version": 1, "answer": "x", "labels": ["a"]}\n',
    }.items():
        yield case(what, content, kind="" if ONCE_BAD.search(what) else "lines")
    yield case("on a table that is mended", rename + merge + split, slow=True)
    yield case("described on a table that is mended", describe, "--dry-run", slow=True)
    yield case("missing", None, kind="paths")
    yield case("a folder", None, make=lambda at: (at / "e.jsonl").mkdir(), kind="paths")
    yield case("a pipe", None, make=lambda at: os.mkfifo(at / "e.jsonl"), kind="paths")
    yield case("a loop", None, make=lambda at: (at / "e.jsonl").symlink_to("e.jsonl"), kind="paths")
    yield case("in /dev/zero", None, file="/dev/zero", kind="paths")
    yield case("from standard input", None, file="-", kind="paths")
    yield case("of a long path", None, file="x" * 5000, kind="paths")
    yield case("of a path of escapes", None, file="\x1b[31mx", kind="paths")
    yield case("that are the table", None, file="t.csv", kind="paths")
    for label in ("renew", "nope", "extend"):
        words = ("--oos-label", label)
        yield case(f"with --oos-label {label}", rename, *words, kind="--oos-label")
    for seed in range(40):
        rng = random.Random(seed)
        held = list(rename + merge + split)
        for _ in range(rng.randint(1, 4)):
            held[rng.randrange(len(held))] = rng.choice('0123456789{}[]",:aeN-.\x1b\n')
        yield case(f"changed {seed}", "".join(held), kind="changed")
