"""Profiles, `--set` and options. `config show` reads all settings; `relabel` uses them."""

import os
import random

from fuzz.cases.labels import levels
from fuzz.cases.tables import RAW
from fuzz.forked import Case

FAST = """\
extends: embedded
encoders: [{backend: onnx, model: bge-small-en-v1.5, max_tokens: 32}]
reranker: {max_rows: 0}
evidence: {classifier: {options: {folds: 2, components: 8, max_iterations: 4}}}
fusion: {rounds: 1}
routing: {audit_rows: 0}
"""
FILES = {"t.csv": RAW, "fast.yaml": FAST.encode()}
RELABEL = ("relabel", "t.csv", "-o", "out.csv", "--no-llm", "-q", "--profile", "fast.yaml")
NINES = {"30 nines": "9" * 30, "400 nines": "9" * 400, "5,000 nines": "9" * 5000}


def setting(text, *, kind="", slow=False):
    shown = text if len(text) < 100 else f"{text[:60]}... ({len(text)})"
    return Case(f"set {shown}", (*RELABEL, "--set", text), FILES, None, kind, slow=slow)


def set_cases():
    numbers = (
        *("decision.max_harm", "fusion.weight_penalty", "retrieval.candidates", "seed"),
        *("evidence.classifier.options.folds", "classify.folds", "routing.settled"),
        *("evidence.neighbour.options.inverse_temperature", "retrieval.rank_constant"),
    )
    for key in numbers:
        for value in ("-1", ".nan", "abc", "[1]", "null", ".inf", "1e400", '"\\ud800"'):
            # One of each value in CI; some are allowed, and then the whole job runs.
            yield setting(f"{key}={value}", kind=f"set {value}")
    for text in (
        *(
            "decision.max_harm=",
            "decision.max_harm",
            "=3",
            "nope=1",
            "nope.nope=1",
            "decision.nope=1",
        ),
        *("encoders.9.cache=false", "encoders.-1.cache=false", "encoders=[]", "encoders=null"),
        *("encoders.0.backend=evil", "encoders.0.model=nope", "encoders.0.model=/etc"),
        *("encoders.0.model=/etc/passwd", "encoders.0.model=../../etc", "encoders.0.model=/"),
        *(
            "encoders.0.model=/dev/zero",
            "encoders.0.model=" + "x" * 5000,
            'encoders.0.model="a\\0b"',
        ),
        *("fusion.method=foo", "fusion.method=[a]", "fusion.method={a: b}", "decision=3"),
        *("data.oos_labels=3", "data.oos_labels=[1,2]", "data.max_text_chars=0"),
        *("evidence.classifier.options.inverse_regularization=[]", "profile=3", "extends=quality"),
        *("evidence.classifier.options.inverse_regularization=[.nan]", "seed=1.5", "seed=true"),
        *("evidence.classifier.options.inverse_regularization=[0]", "encoders.0.cache=maybe"),
        *("encoders.0.cache=1", "encoders.0.cache_gib=-1", "encoders.0.query_prefix=3"),
        'decision.max_harm=!!python/object/apply:os.system ["touch owned"]',
        *("decision.max_harm=&a [*a]", "decision.max_harm=" + "[" * 3000, "seed=2020-13-45"),
        *("evidence.nope.weight=1", "evidence.bm25.weight=-3", "evidence.bm25.options={a: 1}"),
        *("evidence.bm25.enabled=3", "evidence=[]", "evidence=3", "voters=[{}]", "voters=3"),
        "decision.max_harm=\x1b[31m",
    ):
        yield setting(text)
    whole = (
        *(
            "retrieval.candidates",
            "retrieval.neighbours",
            "retrieval.tail_samples",
            "retrieval.block_rows",
        ),
        *("evidence.classifier.options.folds", "evidence.classifier.options.components", "seed"),
        *("evidence.classifier.options.max_iterations", "encoders.0.batch_size", "fusion.rounds"),
        *(
            "encoders.0.max_tokens",
            "reranker.max_tokens",
            "reranker.candidates",
            "reranker.batch_size",
        ),
        *("reranker.max_rows", "fusion.max_iterations", "routing.audit_rows", "describe.exemplars"),
        *("describe.examples", "data.max_text_chars", "classify.folds", "classify.batch_rows"),
        *("retrieval.exact_up_to", "retrieval.searched_texts", "retrieval.new_labels"),
    )
    for key in whole:
        yield setting(f"{key}=1000000000", kind="large numbers", slow=True)
        for name, value in NINES.items():
            yield setting(
                f"{key}={value}", kind=name, slow=name == "30 nines" and key != "fusion.rounds"
            )
    for text in (
        *(
            "retrieval.rank_constant=1e308",
            "retrieval.rank_constant=0",
            "evidence.bm25.weight=1e308",
        ),
        *("fusion.weight_penalty=0", "fusion.weight_penalty=1e308", "routing.settled=1e300"),
        *("evidence.neighbour.options.inverse_temperature=1e300", "decision.max_harm=1"),
        *("evidence.neighbour.options.inverse_temperature=0", "encoders.0.cache_gib=1e300"),
        *("evidence.classifier.options.inverse_regularization=[1e300]", "data.max_text_chars=1"),
        'encoders.0.query_prefix="' + "x" * 100_000 + '"',
    ):
        yield setting(text, slow=True)


def option_cases():
    def option(*given, kind="", slow=False):
        name = " ".join(g if len(g) < 30 else f"{g[:20]}..({len(g)})" for g in given)
        return Case(f"option {name}", (*RELABEL, *given), FILES, None, kind or given[0], slow=slow)

    for value in (
        "100%",
        "-1",
        "abc",
        "101%",
        "%",
        "",
        "nan",
        "inf",
        "1e400",
        "0x1",
        "0,5%",
        "5%%",
        "\u0660.\u0665",
    ):
        yield option("--max-harm", value, slow=value == "100%")
    for value in ("-1", "abc", "1.5", "", "1e3", "9" * 400, "9" * 5000, "0x10"):
        yield option("--seed", value)
    for value in (
        "-1",
        "abc",
        "",
        "1.5",
        "20x",
        "m",
        "all all",
        "9" * 400,
        "9" * 5000,
        "9" * 400 + "h",
        "٣",
        "1e3",
        "nan",
        "99999999999999999999h",
    ):
        yield Case(
            f"budget {value[:30]}{len(value)}",
            (
                "relabel",
                "t.csv",
                "-o",
                "out.csv",
                "--profile",
                "fast.yaml",
                "--llm-budget",
                value,
                "--dry-run",
                "-q",
            ),
            FILES,
            None,
            "budgets",
            slow=value in ("9" * 400, "9" * 5000, "99999999999999999999h", "9" * 400 + "h"),
        )
    for given in (
        *(
            ("--voter", "x.gguf"),
            ("--embedder", "nope"),
            ("--embedder", "."),
            ("--embedder", "t.csv"),
        ),
        *(
            ("--embedder", ""),
            ("--embedder", "ms-marco-MiniLM-L-12-v2"),
            ("--nope",),
            ("--oos-label", "nope"),
        ),
        *(
            ("--oos-label", ""),
            ("--vote-column", "nope"),
            ("--vote-column", "label"),
            ("--labels", ""),
        ),
        *(
            ("--profile", ""),
            ("--profile", "x" * 5000),
            ("--profile", "embeded"),
            ("--profile", "."),
        ),
        *(("--profile", "/dev/zero"), ("--profile", "\x1b[31mx"), ("--set", "\x1b[31m=1")),
    ):
        yield option(*given, kind=f"{given}")


def profile_cases():
    def profile(name, text, *, kind="", make=None, files=None):
        raw = {} if text is None else {"p.yaml": text if isinstance(text, bytes) else text.encode()}
        return Case(
            f"profile {name}",
            ("config", "show", "--profile", "p.yaml"),
            {**raw, **(files or {})},
            make,
            kind,
            seconds=20,
        )

    server = "extends: embedded\nvoters: [{{model: x, ballot: choice, server: {{url: {}}}}}]\n"
    for name, text in {
        "an unknown key": "extends: embedded\nfoo: 1\n",
        "an unknown key below": "extends: embedded\ndecision: {max_ham: 1}\n",
        "a number for a key": "extends: embedded\n1: 2\n",
        "a list for a key": "extends: embedded\n? [a]\n: 2\n",
        "itself": "extends: p.yaml\n",
        "itself by another name": "extends: ./p.yaml\n",
        "an unknown base": "extends: nope\n",
        "a list for a base": "extends: [a]\n",
        "a number for a base": "extends: 3\n",
        "a pipe for a base": "extends: f.yaml\n",
        "a list": "- a\n",
        "nothing": "",
        "a text": "x",
        "a bomb": levels('["ha", "ha"]', 10),
        "a bomb in a setting": "data:\n  oos_labels:\n" + levels('["ha"]', 9, before="    - "),
        "a bomb in options": "evidence:\n  bm25:\n    options:\n"
        + levels('["ha"]', 9, before="      "),
        "a call": 'seed: !!python/object/apply:os.system ["touch owned"]\n',
        "nested": "extends: " + "[" * 3000,
        "a key twice": "extends: embedded\nseed: 1\nseed: 2\n",
        "a text for a section": "encoders: foo\n",
        "a list for a section": "decision: [1]\n",
        "null for a section": "decision: null\n",
        "no UTF-8": b"\xff\xfe",
        "NaN": "decision: {max_harm: .nan}\n",
        "a date": "seed: 2020-01-01\n",
        "a file for a server": server.format('"file:///etc/passwd"'),
        "a server with escapes": server.format('"http://h\\e[31m/"'),
        "a server without an end": server.format('"http://' + "h" * 100_000 + '"'),
        "a number of 400 digits": "seed: " + "9" * 400,
        "half a character": 'profile: "\\ud800"\n',
        "a profile with escapes": 'profile: "\\e[31m\\x9b1m\\u202e"\n',
    }.items():
        yield profile(name, text, make=lambda at: os.mkfifo(at / "f.yaml"))
    chain = {f"c{i}.yaml": f"extends: c{i + 1}.yaml\n".encode() for i in range(2000)}
    yield profile("a chain of 2,000", "extends: c0.yaml\n", files=chain)
    yield profile("missing", None)
    yield profile("a folder", None, make=lambda at: (at / "p.yaml").mkdir())
    yield profile("a pipe", None, make=lambda at: os.mkfifo(at / "p.yaml"))
    yield profile("a loop", None, make=lambda at: (at / "p.yaml").symlink_to("p.yaml"))
    for seed in range(40):
        rng = random.Random(seed)
        held = list(FAST)
        for _ in range(rng.randint(1, 8)):
            held[rng.randrange(len(held))] = rng.choice("[]{}:,&*!|>'\"%@`#-? \t\n9.e~<")
        yield profile(
            f"characters changed {seed}", "".join(held), kind="profile: characters changed"
        )


def cases():
    for group in (set_cases, option_cases, profile_cases):
        yield from group()
