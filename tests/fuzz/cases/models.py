"""Model folders of strangers, who can forge their hashes too."""

import functools
import hashlib
import io
import json
import os
import pickle
import random
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from fuzz.forked import Case

TEXTS = b"text\nwhere is the book\nuntil when\n"
PICKLE = pickle.dumps({"a": 1})
WIDTH, LABELS = 384, ("hours", "lost", "oos", "renew")


@functools.cache
def models() -> Path:
    """Two folders that predict: nothing in them was trained but a few trees."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression

    from labelmend.classify.calibrate import OosDetector
    from labelmend.classify.classifier import Classifier, Nearness
    from labelmend.classify.heads.estimator import linear_scorer
    from labelmend.classify.heads.lightgbm import TreeScorer
    from labelmend.classify.model_folder import SavedModel, save_model
    from labelmend.configs.schema import EncoderConfig
    from labelmend.weights.locate import locate

    held = Path(tempfile.mkdtemp(prefix="labelmend-models-"))
    rng = np.random.default_rng(0)
    linear = linear_scorer(
        LogisticRegression(),
        rng.normal(size=(WIDTH, 4)).astype(np.float32),
        np.zeros(4, np.float32),
    )
    data = lightgbm.Dataset(rng.normal(size=(80, 3)), np.arange(80) % 4)
    settings = {
        "objective": "multiclass",
        "num_class": 4,
        "verbose": -1,
        "num_leaves": 4,
        "num_threads": 1,
    }
    axes = rng.normal(size=(WIDTH, 3)).astype(np.float32)
    trees = TreeScorer(lightgbm.train(settings, data, 2), axes, np.zeros(3, np.float32))
    encoder = EncoderConfig(backend="onnx", model="bge-small-en-v1.5", max_tokens=32)
    for kind, scorer in (("logreg", linear), ("lightgbm", trees)):
        nearness = Nearness(rng.normal(size=(9, WIDTH)).astype(np.float16), 3)
        detector = OosDetector(np.zeros(3), np.ones(3), 1.0, 0.0, 1.5, "oos texts")
        classifier = Classifier(kind, LABELS, 2, scorer, 1.0, nearness, detector)
        digest = locate(encoder.model).digest
        model = SavedModel(classifier, (np.zeros(WIDTH),), (encoder,), (digest,), 400, {"seed": 0})
        save_model(model, held / kind, "# a card\n")
    return held


def forge(folder: Path, change) -> None:
    """Change a card, and its checksum with it."""
    path = folder / "model.json"
    body = json.loads(path.read_text("utf-8"))
    body.pop("checksum")
    change(body)
    plain = json.dumps(body, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    path.write_text(json.dumps({**body, "checksum": hashlib.sha256(plain).hexdigest()}), "utf-8")


def refile(folder: Path, name: str) -> None:
    raw = (folder / name).read_bytes()
    record = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    forge(folder, lambda body: body["files"].update({name: record}))


def case(name, change, *, kind="", model="logreg", seconds=30, slow=False):
    def make(at: Path) -> None:
        shutil.copytree(models() / model, at / "m")
        change(at / "m")

    argv = ("predict", "m", "t.csv", "-o", "out.csv", "-q")
    return Case(f"model {name}", argv, {"t.csv": TEXTS}, make, kind, seconds, slow)


def file_cases():
    def cut(path):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def flip(path):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)

    def instead(make):
        def change(path):
            path.unlink()
            make(path)

        return change

    def outside(path):
        shutil.move(path, path.parents[1] / path.name)
        path.symlink_to(path.parents[1] / path.name)

    changes = {
        "cut": cut,
        "flipped": flip,
        "empty": lambda path: path.write_bytes(b""),
        "a pickle": lambda path: path.write_bytes(PICKLE),
        "missing": lambda path: path.unlink(),
        "outside": outside,
        "/dev/zero": instead(lambda path: path.symlink_to("/dev/zero")),
        "a pipe": instead(os.mkfifo),
        "a folder": instead(lambda path: path.mkdir()),
        "a loop": instead(lambda path: path.symlink_to(path.name)),
        "20 GiB": lambda path: os.truncate(path, 20 << 30),
    }
    for model, name in (
        *(("logreg", "model.json"), ("logreg", "arrays.npz"), ("logreg", "head/model.skops")),
        *(("logreg", "README.md"), ("lightgbm", "head/booster.txt"), ("lightgbm", "head/axes.npz")),
    ):
        for what, change in changes.items():
            yield case(
                f"{name} {what}",
                lambda m, n=name, c=change: c(m / n),
                model=model,
                kind=f"a file {what}",
            )
    for what, make in {
        "a pickle by its name": lambda m: (m / "x.pkl").write_bytes(b"x"),
        "a pickle by its bytes": lambda m: (m / "x").write_bytes(PICKLE),
        "more files": lambda m: (m / "head" / "x.txt").write_bytes(b"x"),
        "a pipe more": lambda m: os.mkfifo(m / "f"),
        "a link to the root": lambda m: (m / "root").symlink_to("/"),
        "a loop more": lambda m: (m / "l").symlink_to("l"),
    }.items():
        yield case(what, make)


def card_cases():
    for name, raw in {
        "a list": b"[]",
        "empty": b"{}",
        "nested": b'{"format":2,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "5,000 digits": b'{"format":' + b"9" * 5000 + b"}",
        "4,000 digits": b'{"format":' + b"9" * 4000 + b"}",
        "format 3": b'{"format":3}',
        "format [1]": b'{"format":[1,2]}',
        "format true": b'{"format":true}',
        "format 1.0": b'{"format":1.0}',
        "format in colours": b'{"format":"\\u001b[31mRED\\u001b]0;x\\u0007"}',
        "labelmend in colours": b'{"format":9,"labelmend":"\\u001b[31mRED\\u009b5m"}',
        "NaN": b'{"format":2,"checksum":NaN}',
        "half a character": b'{"format":2,"checksum":"x","a":"\\ud800"}',
        "no UTF-8": b'{"format":2,"a":"\xff"}',
        "UTF-16": '{"format":2}'.encode("utf-16"),
        "NULs": b"\0" * 100,
        "format twice": b'{"format":3,"format":2}',
    }.items():
        yield case(f"card {name}", lambda m, r=raw: (m / "model.json").write_bytes(r))
    for field, values in {
        "kind": ["foo", 3, None, ["logreg"], "lightgbm", "finetune", "\x1b[31m"],
        "labels": [
            [],
            ["a"],
            None,
            3,
            ["a"] * 4,
            [1] * 4,
            "abcd",
            [["x"]] * 4,
            ["a", "b", "c", "\x1b[31md"],
            ["a", "b", "oos"],
            ["a", "", "oos", "d"],
        ],
        "oos_label": ["nope", 3, [1], None],
        "neighbours": [0, -1, 10**9, 10**400, "3", None, 1.5],
        "inverse_temperature": [0, -1, 1e308, "x", None, 10**400],
        "max_text_chars": [0, -1, 10**30, None, "x"],
        "encoders": [[], None, 3, [{}], [{"sha256": "x"}], [None]],
        "detector": [None, [], {}],
        "files": [[], {}, None, {"arrays.npz": None}, {"arrays.npz": "x"}, {"arrays.npz": {}}],
    }.items():
        for value in values:
            yield case(
                f"{field}={str(value)[:25]}",
                lambda m, f=field, v=value: forge(m, lambda b: b.update({f: v})),
                kind=f"card {field}",
            )
    for name in (
        "../../../etc/passwd",
        "/etc/passwd",
        ".",
        "",
        "a\0b",
        "x" * 5000,
        "..\\x",
        "\ud800",
        "\x1b[31mx",
    ):
        record = {name: {"sha256": "0" * 64, "bytes": 1}}
        yield case(
            f"a file called {name[:20]!r}",
            lambda m, r=record: forge(m, lambda b: b["files"].update(r)),
            kind="names of files",
        )
    for given in (
        *(
            {"model": "nope"},
            {"model": "/etc"},
            {"model": "/"},
            {"model": "../../../etc"},
            {"model": 3},
        ),
        *({"model": None}, {"model": "/dev/zero"}, {"model": "a\0b"}, {"model": "x" * 5000}),
        *({"sha256": "0" * 64}, {"sha256": 3}, {"backend": "evil"}, {"backend": None}),
        *({"batch_size": 0}, {"batch_size": "x"}, {"max_tokens": 0}, {"max_tokens": 10**30}),
        *(
            {"max_tokens": "x"},
            {"query_prefix": 3},
            {"cache": "x"},
            {"cache_gib": "x"},
            {"extra": 1},
        ),
        *({"\x1b[31m": 1}, {"model": "\x1b[31mx"}),
    ):
        yield case(
            f"encoder {str(given)[:40]}",
            lambda m, g=given: forge(m, lambda b: b["encoders"][0].update(g)),
            kind=f"encoder {next(iter(given))}",
        )
    for given in (
        *({"threshold": "x"}, {"threshold": None}, {"threshold": "nan"}, {"threshold": 10**400}),
        *(
            {"slope": "x"},
            {"slope": 10**400},
            {"offset": [1]},
            {"source": 3},
            {"source": "\x1b[31m"},
        ),
    ):
        yield case(
            f"detector {str(given)[:30]}",
            lambda m, g=given: forge(m, lambda b: b["detector"].update(g)),
            kind="detectors",
        )


def array_cases():
    def changed(change):
        def make(m):
            with np.load(m / "arrays.npz") as held:
                arrays = change(dict(held))
            np.savez(m / "arrays.npz", **arrays)
            refile(m, "arrays.npz")

        return make

    for name, change in {
        "an object": lambda a: {**a, "references": np.array([{"x": 1}], dtype=object)},
        "a missing one": lambda a: {k: v for k, v in a.items() if k != "references"},
        "fewer columns": lambda a: {**a, "references": a["references"][:, :5]},
        "no rows": lambda a: {**a, "references": a["references"][:0]},
        "no axis": lambda a: {**a, "references": np.float64(3)},
        "NaN": lambda a: {**a, "references": a["references"] * np.nan},
        "texts": lambda a: {**a, "references": np.array(["a", "b"])},
        "complex numbers": lambda a: {**a, "detector_weights": a["detector_weights"] * 1j},
        "integers": lambda a: {**a, "detector_weights": np.ones(3, dtype=np.int64)},
        "a short mean": lambda a: {**a, "mean_0": a["mean_0"][:5]},
        "a mean of one": lambda a: {**a, "mean_0": a["mean_0"][:1]},
        "few signs": lambda a: {**a, "detector_weights": a["detector_weights"][:1]},
        "one more": lambda a: {**a, "more": np.zeros(3)},
    }.items():
        yield case(f"arrays {name}", changed(change))

    def raw(content):
        def make(m):
            (m / "arrays.npz").write_bytes(content() if callable(content) else content)
            refile(m, "arrays.npz")

        return make

    def packed(shape, kind, body, method=zipfile.ZIP_DEFLATED):
        def content():
            held, head = io.BytesIO(), io.BytesIO()
            np.lib.format.write_array_header_1_0(
                head, {"descr": kind, "fortran_order": False, "shape": shape}
            )
            with zipfile.ZipFile(held, "w", method) as file:
                file.writestr("references.npy", head.getvalue() + body)
            return held.getvalue()

        return content

    for name, content in {
        "no archive": b"hello",
        "a pickle of protocol 0": pickle.dumps({"a": 1}, 0),
        "one array": lambda: np.lib.format.magic(1, 0) + b"\x02\x00{}",
        "a bomb": packed((1 << 28,), "<f8", b"\0" * (1 << 28)),
        "a shape of petabytes": packed((1 << 25, 1 << 25), "<f8", b"", zipfile.ZIP_STORED),
        "a negative shape": packed((-1, 384), "<f8", b"", zipfile.ZIP_STORED),
        "a header of code": packed((3, "__import__('os')"), "<f8", b"", zipfile.ZIP_STORED),
    }.items():
        yield case(f"arrays {name}", raw(content), slow=name == "a bomb")
    for seed in range(40):

        def bits(m, seed=seed):
            rng = random.Random(seed)
            held = bytearray((m / "arrays.npz").read_bytes())
            for _ in range(rng.randint(1, 4)):
                # Most of the file is numbers: heads and the directory are the interesting part.
                at = (
                    rng.randrange(300) if rng.random() < 0.5 else len(held) - 1 - rng.randrange(400)
                )
                held[at] ^= 1 << rng.randrange(8)
            (m / "arrays.npz").write_bytes(held)
            refile(m, "arrays.npz")

        yield case(f"arrays bits changed {seed}", bits, kind="arrays: bits changed")


def head_cases():
    def trees(change):
        def make(m):
            path = m / "head" / "booster.txt"
            text = path.read_text("utf-8")
            found = change(text)
            assert found != text, "the change changes nothing"
            path.write_text(found, "utf-8")
            refile(m, "head/booster.txt")

        return make

    def swap(pattern, put):
        return lambda text: re.sub(pattern, put, text, count=1)

    for name, change in {
        "noise": lambda _: "noise",
        "nothing": lambda _: "",
        "cut": lambda text: text[: len(text) // 2],
        "a feature too far": swap(r"split_feature=\d+", "split_feature=9"),
        "a child too far": swap(r"left_child=-?\d+", "left_child=7"),
        "a child before all": swap(r"left_child=-?\d+", "left_child=-999"),
        "a circle": swap(r"left_child=-?\d+", "left_child=0"),
        "many leaves": swap(r"num_leaves=\d+", "num_leaves=2"),
        "no leaf": swap(r"num_leaves=\d+", "num_leaves=0"),
        "other outputs": swap(r"num_class=\d+", "num_class=3"),
        "other features": swap(r"max_feature_idx=\d+", "max_feature_idx=1"),
        "wrong sizes": swap(r"tree_sizes=\d\d", "tree_sizes=99"),
        "categories": swap(r"decision_type=\d+", "decision_type=1"),
        "NaN": swap(r"leaf_value=\S+", "leaf_value=nan0"),
        "a parameter of a path": swap(
            r"\[forcedsplits_filename: \]", "[forcedsplits_filename: /etc/passwd]"
        ),
        "a parameter of escapes": swap(r"\[max_depth", "[\x1b[31m\x9b1mmax_depth"),
        "a parameter that is none": swap(r"\[max_depth", "[max_dopth"),
        "a setting that is no number": swap(r"\[max_depth: ", "[max_depth:n"),
        "an end that is none": swap(r"\nend of trees", "\nend of treez"),
        "categories cut": swap(r"pandas_categorical:.*", "pandas_categorical:"),
        "a linear tree": swap(r"is_linear=0", "is_linear=1"),
        "another objective": swap(r"objective=multiclass", "objective=xulticlass"),
        "a NUL in a name": swap("Column_0", "Col\0umn_0"),
        "a carriage return in a name": swap("Column_0", "Col\rumn_0"),
        "a line more": swap(r"shrinkage=1\n", "shrinkage=1\nx=1\n"),
    }.items():
        yield case(f"trees {name}", trees(change), model="lightgbm")
    for seed in range(60):

        def bits(text, seed=seed):
            rng = random.Random(seed)
            held = list(text)
            for _ in range(rng.randint(1, 3)):
                held[rng.randrange(len(held))] = rng.choice("0123456789-. =\nxe")
            return "".join(held) + ("" if "".join(held) != text else " ")

        yield case(
            f"trees characters changed {seed}",
            trees(bits),
            model="lightgbm",
            kind="trees: characters changed",
        )

    def skops(change):
        def make(m):
            path = m / "head" / "model.skops"
            with zipfile.ZipFile(path) as held:
                parts = {name: held.read(name) for name in held.namelist()}
            parts["schema.json"] = change(json.loads(parts["schema.json"]))
            with zipfile.ZipFile(path, "w") as file:
                for name, content in parts.items():
                    file.writestr(name, content)
            refile(m, "head/model.skops")

        return make

    for name, change in {
        "a foreign class": lambda s: json.dumps(
            {**s, "__class__": "Bomb", "__module__": "foreign"}
        ),
        "another class": lambda s: json.dumps(
            {**s, "__class__": "DecisionTreeClassifier", "__module__": "sklearn.tree._classes"}
        ),
        "a function": lambda s: json.dumps({**s, "__class__": "system", "__module__": "os"}),
        "nothing": lambda _: "{}",
        "a list": lambda _: "[]",
        "nested": lambda _: "[" * 100_000,
        "no content": lambda s: json.dumps({k: v for k, v in s.items() if k != "content"}),
        "a file too far": lambda s: re.sub(r'"\d+\.npy"', '"../../x.npy"', json.dumps(s)),
        "another loader": lambda s: re.sub(r'"NdArrayNode"', '"x"', json.dumps(s)),
    }.items():
        yield case(f"skops {name}", skops(change))
    for seed in range(30):

        def characters(schema, seed=seed):
            rng = random.Random(seed)
            held = list(json.dumps(schema))
            for _ in range(rng.randint(1, 3)):
                held[rng.randrange(len(held))] = rng.choice('0123456789{}[]",:abcN')
            return "".join(held)

        yield case(
            f"skops characters changed {seed}", skops(characters), kind="skops: characters changed"
        )


def cases():
    yield case("as it should be", lambda _: None)
    yield case("of trees", lambda _: None, model="lightgbm")
    for group in (file_cases, card_cases, array_cases, head_cases):
        yield from group()
