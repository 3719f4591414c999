"""Labels files, by `describe`, which reads one and writes another without a model."""

import os
import random

from fuzz.cases.tables import RAW
from fuzz.forked import Case

GOOD = """\
renew: Somebody wants to keep what was borrowed.
lost: {description: It is gone, exemplars: [where is it]}
"""


def case(name, content, *, kind="", make=None, file="l.yaml", **more):
    files = {"t.csv": RAW}
    if content is not None:
        files[file] = (
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )
    argv = ("describe", "t.csv", "-o", "out.yaml", "--no-llm", "-q", "--labels", file)
    return Case(f"labels {name}", argv, files, make, kind, **more)


def levels(first, count, *, before=""):
    tens = [", ".join([f"*k{i}"] * 10) for i in range(count - 1)]
    lines = [f"{before}k0: &k0 {first}"]
    lines += [f"{before}k{i}: &k{i} [{ten}]" for i, ten in enumerate(tens, start=1)]
    return "\n".join(lines) + "\n"


def merges(count):
    tens = [", ".join([f"*k{i}"] * 10) for i in range(count - 1)]
    lines = ["k0: &k0 {description: x}"]
    lines += [f"k{i}: &k{i}\n  <<: [{ten}]" for i, ten in enumerate(tens, start=1)]
    return "\n".join(lines) + "\n"


def cases():
    yield case("as it should be", GOOD)
    for name, content in {
        "a list in itself": "&a renew: {description: x, exemplars: &b [*b]}\n",
        "a mapping in itself": "&a {renew: *a}\n",
        "a description in itself": "renew: {description: &b [*b]}\n",
        "a key in itself": "? &a [*a]\n: x\n",
        "a bomb": levels('["ha", "ha"]', 10),
        "a bomb of exemplars": "renew:\n  exemplars:\n" + levels('["ha"]', 9, before="    - "),
        "a bomb of merges": merges(25),
        "a merge of itself": "renew: &a\n  <<: *a\n",
        "a key twice": "renew: first\nlost: x\nrenew: second\n",
        "a description twice": "renew:\n  description: a\n  description: b\n",
        "a call": 'renew: !!python/object/apply:os.system ["touch owned"]\n',
        "an object": "renew: !!python/object:os.system {}\n",
        "a name": "!!python/name:os.system : x\n",
        "a tag": "renew: !foo bar\n",
        "bytes": 'renew: !!binary "////"\n',
        "a key of bytes": '? !!binary "////"\n: x\n',
        "a set": "renew: !!set {a, b}\n",
        "pairs": "renew: !!omap [a: b]\n",
        "numbers": "1: 2\ntrue: false\n",
        "a number for a description": "renew: {description: 5}\n",
        "a list for a description": "renew: {description: [a, b]}\n",
        "a mapping for a description": "renew: {description: {a: b}}\n",
        "a text for exemplars": "renew: {exemplars: abc}\n",
        "a mapping for exemplars": "renew: {exemplars: {a: b}}\n",
        "lists among exemplars": "renew: {exemplars: [[a, b], {c: d}]}\n",
        "an unknown key": "renew: {descripton: x}\n",
        "a list for a key": "? [a, b]\n: x\n",
        "a mapping for a key": "? {a: b}\n: x\n",
        "a list": "- a\n- b\n",
        "a text": "hello\n",
        "nothing": "",
        "null": "null\n",
        "null for a label": "~: x\n",
        "an empty label": '"": x\n',
        "a blank label": '"  ": x\n',
        "tabs": "renew:\n\tdescription: x\n",
        "two documents": "a: b\n---\nc: d\n",
        "nested lists": "renew: " + "[" * 2000 + "]" * 2000 + "\n",
        "nested lists without end": "renew: " + "[" * 100_000,
        "nested mappings": "renew: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n",
        "nested blocks": "".join(" " * i + "a:\n" for i in range(2000)),
        "a NUL in a text": 'renew: "a\\0b"\n',
        "a NUL": b"renew: a\0b\n",
        "escapes in a label": '"renew\\e[31m\\x9b1m": [x]\n',
        "escapes in a key": '"re\\e[31mRED\\e[0m": {"x\\ey": 1}\n',
        "escapes in a good label": '"re\\e[31mRED\\u202e": A text \u202e that turns.\n',
        "no UTF-8": b"renew: \xff\xfe\n",
        "UTF-16": "renew: x\n".encode("utf-16"),
        "half a character": 'renew: "\\ud800"\n',
        "half a character for a label": '"\\ud800": x\n',
        "half a character in an exemplar": 'renew: {exemplars: ["\\udfff"]}\n',
        "the thirteenth month": "renew: !!timestamp 2020-13-45\n",
        "a number of 10,000 digits": "renew: !!int " + "9" * 10_000 + "\n",
        "a long description": 'renew: "' + "word " * 200_000 + '"\n',
        "a label that no row has": "brand_new: Something else.\n",
        "braces": 'renew: "{{7*7}} {% for x in range(10**9) %}x{% endfor %}"\n',
        "no end": 'renew: {description: "x\n',
        "an unknown alias": "renew: *nope\n",
        "an anchor twice": "renew: &a x\nlost: &a y\n",
        "a label that is almost another": 'renew: ok\n"renew ": almost\n',
        "3,000 labels": "".join(f"lab{i}: description number {i}\n" for i in range(3000)),
        "nine megabytes": "renew: x\n" + "# note\n" * 1_300_000,
    }.items():
        yield case(name, content)
    yield case("missing", None)
    yield case("a folder", None, make=lambda at: (at / "l.yaml").mkdir())
    yield case("a pipe", None, make=lambda at: os.mkfifo(at / "l.yaml"), seconds=15)
    yield case("a loop", None, make=lambda at: (at / "l.yaml").symlink_to("l.yaml"))
    yield case("/dev/zero", None, file="/dev/zero", seconds=20)
    yield case("a long name", None, file="x" * 5000)
    for seed in range(60):
        rng = random.Random(seed)
        held = list(GOOD)
        for _ in range(rng.randint(1, 8)):
            held[rng.randrange(len(held))] = rng.choice(
                "[]{}:,&*!|>'\"%@`#-? \t\n\0\x1b\ud800aé9~<"
            )
        yield case(f"characters changed {seed}", "".join(held), kind="labels: characters changed")
