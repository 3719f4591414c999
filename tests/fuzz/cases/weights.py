"""Heads of GGUF files, which `relabel --dry-run` reads, and signatures of model folders."""

import base64
import functools
import os
import random
import re
import shutil
import struct
from pathlib import Path

from fuzz.cases.models import TEXTS, models
from fuzz.cases.settings import FILES, RELABEL
from fuzz.forked import Case

ONES = b"\xff" * 32
CORPUS = Path(__file__).parents[1] / "corpus"
TINY = (CORPUS / "gguf" / "tiny.gguf").read_bytes()
KEY = (CORPUS / "signatures" / "minisign.pub").read_text("utf-8")
ONCE_BAD = re.compile(
    r"as it should be$|nested 100,000|300,000 dim|block_count of|key that is a pipe"
)


def gguf(name, content, *, kind="", make=None, file="v.gguf", seconds=60):
    argv = (*(word for word in RELABEL if word != "--no-llm"), "--voter", f"channel:{file}")
    files = FILES if content is None else {**FILES, file: content}
    return Case(f"GGUF {name}", (*argv, "--dry-run"), files, make, kind, seconds)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def head(*entries, tensors=0, count=None, version=3):
    """A head of entries that are bytes already, and as many of them as it says."""
    said = len(entries) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, tensors, said) + b"".join(entries)


def entry(name, kind, raw):
    return text(name) + struct.pack("<I", kind) + raw


def lists(count, inner=9):
    """Lists of one list each, to the depth of `count`."""
    return b"".join(struct.pack("<IQ", inner, 1) for _ in range(count))


def gguf_cases():
    llama = entry("general.architecture", 8, text("llama"))
    yield gguf("as it should be", TINY)
    for name, content in {
        "nothing": b"",
        "a table": FILES["t.csv"],
        "a name alone": b"GGUF",
        "version 1": b"GGUF" + struct.pack("<I", 1) + TINY[8:],
        "version 99": b"GGUF" + struct.pack("<I", 99) + TINY[8:],
        "the other end first": b"GGUF" + struct.pack(">I", 3) + TINY[8:],
        "no entries": head(),
        "no architecture": head(entry("a", 4, b"\1\0\0\0")),
        "an architecture that is none": head(entry("general.architecture", 8, text("nope"))),
        "an architecture of escapes": head(entry("general.architecture", 8, text("\x1b[31mx\x9b"))),
        "an architecture that is a number": head(entry("general.architecture", 4, b"\1\0\0\0")),
        "an architecture that is no UTF-8": head(entry("general.architecture", 8, text(b"\xff"))),
        "entries of 2^63": head(llama, count=1 << 63),
        "entries of 2^32": head(llama, count=1 << 32),
        "tensors of 2^63": head(llama, tensors=1 << 63),
        "a text of 2^63": head(llama, entry("a", 8, struct.pack("<Q", 1 << 63))),
        "a text of 2^31": head(llama, entry("a", 8, struct.pack("<Q", 1 << 31))),
        "a list of 2^63": head(llama, entry("a", 9, struct.pack("<IQ", 4, 1 << 63))),
        "a list of 2^32 bytes": head(llama, entry("a", 9, struct.pack("<IQ", 0, 1 << 32))),
        "an endless list of empty lists": head(
            llama, entry("a", 9, struct.pack("<IQ", 9, 1 << 32) + struct.pack("<IQ", 0, 0) * 9)
        ),
        "an endless list of texts": head(llama, entry("a", 9, struct.pack("<IQ", 8, 1 << 32))),
        "a list nested 100": head(llama, entry("a", 9, lists(100))),
        "a list nested 100,000": head(llama, entry("a", 9, lists(100_000))),
        "a kind of 2^32": head(llama, entry("a", 0xFFFFFFFF, b"")),
        "a key twice": head(llama, llama),
        "a key of nothing": head(llama, entry("", 4, b"\1\0\0\0")),
        "a long key": head(llama, entry("k" * 1_000_000, 4, b"\1\0\0\0")),
        "no vocabulary": head(llama),
        "a tensor of 2^63": head(llama, tensors=1)
        + text("t")
        + struct.pack("<IQIQ", 1, 1 << 63, 0, 0),
        "a tensor of 2^32 dimensions": head(llama, tensors=1) + text("t") + b"\xff" * 4,
        "a tensor of 300,000 dimensions": head(llama, tensors=1)
        + text("t")
        + struct.pack("<I", 300_000)
        + b"\xff" * 2_400_020,
        "a tensor far away": head(llama, tensors=1)
        + text("t")
        + struct.pack("<IQIQ", 1, 8, 0, 1 << 62),
        "a tensor of no type": TINY[:8]
        + struct.pack("<Q", 1)
        + TINY[16:]
        + text("t")
        + struct.pack("<IQIQ", 1, 8, 9999, 0)
        + bytes(64),
    }.items():
        yield gguf(name, content, kind="" if ONCE_BAD.search(name) else "GGUF heads")
    yield gguf("missing", None, kind="paths of GGUF")
    yield gguf("/dev/zero", None, file="/dev/zero", seconds=20, kind="paths of GGUF")
    yield gguf(
        "a pipe", None, make=lambda at: os.mkfifo(at / "v.gguf"), seconds=20, kind="paths of GGUF"
    )
    yield gguf("a folder", None, make=lambda at: (at / "v.gguf").mkdir(), kind="paths of GGUF")
    yield gguf(
        "a loop", None, make=lambda at: (at / "v.gguf").symlink_to("v.gguf"), kind="paths of GGUF"
    )
    for cut in range(10, len(TINY), len(TINY) // 12):
        yield gguf(f"cut at {cut}", TINY[:cut], kind="GGUF cut")
    for old, new in {
        "llama.context_length": (4, 0),
        "llama.embedding_length": (4, 0),
        "llama.block_count": (4, 0xFFFFFFFF),
        "llama.attention.head_count": (4, 0),
        "llama.attention.head_count_kv": (4, 0xFFFFFFFF),
        "llama.rope.dimension_count": (4, 0xFFFFFFFF),
        "tokenizer.ggml.bos_token_id": (4, 0xFFFFFFF0),
        "tokenizer.ggml.eos_token_id": (4, 0xFFFFFFFF),
        "general.file_type": (4, 0xFFFFFFFF),
    }.items():
        at = TINY.index(old.encode()) + len(old)
        raw = TINY[:at] + struct.pack("<II", *new) + TINY[at + 8 :]
        # llama.cpp aborts on the number of layers.
        kind = "" if old.endswith("block_count") else "GGUF numbers"
        yield gguf(f"{old} of {new[1]}", raw, kind=kind)
    for name, old, new in (
        ("scores of one less", b"tokenizer.ggml.scores", None),
        ("another tokenizer", text("llama") + text("tokenizer.ggml.tokens"), b"nope!"),
    ):
        at = TINY.index(old) + (len(old) + 8 if new is None else 8)
        put = struct.pack("<Q", 262) if new is None else new
        yield gguf(name, TINY[:at] + put + TINY[at + len(put) :], kind="GGUF numbers")
    for seed in range(60):
        rng = random.Random(seed)
        held = bytearray(TINY)
        for _ in range(rng.randint(1, 4)):
            # Most of the file is tokens: the settings stand in the first 600 bytes, and at the end.
            at = rng.choice((rng.randrange(600), len(held) - 1 - rng.randrange(200)))
            held[at] ^= 1 << rng.randrange(8)
        yield gguf(f"bits changed {seed}", bytes(held), kind="GGUF bits")


@functools.cache
def signed() -> str:
    """The signature of the small model's card, by the key of the corpus: RFC 8032, 7.1, test 1."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    signature = key.sign((models() / "logreg" / "model.json").read_bytes())
    key_id = base64.b64decode(KEY.splitlines()[1])[2:10]
    return (
        f"untrusted comment: signature\n{line(b'Ed' + key_id + signature)}\n"
        f"trusted comment: of May\n{line(key.sign(signature + b'of May'))}\n"
    )


def line(raw):
    return base64.b64encode(raw).decode()


def signature(name, change=None, *, key=KEY, kind="", make=None, file="k.pub"):
    """Predict with a folder that has to be signed; `change` gets the signature's text."""

    def prepare(at):
        shutil.copytree(models() / "logreg", at / "m")
        if change is not None:
            made = change(signed())
            raw = made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")
            (at / "m" / "model.json.minisig").write_bytes(raw)
        if make is not None:
            make(at)

    raw = key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
    files = {"t.csv": TEXTS} | ({file: raw} if file == "k.pub" and make is None else {})
    argv = ("predict", "m", "t.csv", "-o", "out.csv", "-q", "--trust-key", file)
    return Case(f"signature {name}", argv, files, prepare, kind, 30)


def signature_cases():
    def with_line(number, put):
        def change(whole):
            lines = whole.splitlines()
            lines[number] = put(lines[number]) if callable(put) else put
            return "\n".join(lines) + "\n"

        return change

    yield signature("as it should be", lambda whole: whole)
    yield signature("missing")
    for name, change in {
        "nothing": lambda _: "",
        "one line": with_line(slice(1, None), []),
        "a line less": lambda whole: "\n".join(whole.splitlines()[:3]),
        "no base64": with_line(1, "%%%%"),
        "half of it": with_line(1, lambda old: old[: len(old) // 2]),
        "another algorithm": with_line(1, lambda old: line(b"XX" + base64.b64decode(old)[2:])),
        "the other algorithm": with_line(1, lambda old: line(b"ED" + base64.b64decode(old)[2:])),
        "another key's": with_line(
            1, lambda old: line(b"Ed" + bytes(8) + base64.b64decode(old)[10:])
        ),
        "of zeros": with_line(1, lambda old: line(base64.b64decode(old)[:10] + bytes(64))),
        "of ones": with_line(1, lambda old: line(base64.b64decode(old)[:10] + ONES + ONES)),
        "a comment of escapes": with_line(2, "trusted comment: \x1b[31m\x9b1m\u202e"),
        "no trusted comment": with_line(2, "comment: x"),
        "a comment's signature of zeros": with_line(3, line(bytes(64))),
        "half a character": with_line(2, "trusted comment: \ud800"),
        "no UTF-8": lambda whole: whole.encode() + b"\xff",
        "a NUL": lambda whole: whole.replace("of May", "of\0May"),
        "twice": lambda whole: whole * 2,
        "without end": lambda whole: whole + "x" * 20_000_000,
        "carriage returns": lambda whole: whole.replace("\n", "\r\n"),
    }.items():
        yield signature(name, change, kind="signatures")
    for name, key in {
        "nothing": "",
        "a line": "hello",
        "no base64": "untrusted comment: x\n%%%%\n",
        "a secret key": f"untrusted comment: x\n{line(b'EdScB2' + bytes(150))}\n",
        "another algorithm": f"x\n{line(b'XX' + bytes(40))}\n",
        "zeros": f"x\n{line(b'Ed' + bytes(40))}\n",
        "ones": f"x\n{line(base64.b64decode(KEY.splitlines()[1])[:10] + ONES)}\n",
        "no UTF-8": b"\xff\xfe",
        "without end": "x" * 20_000_000,
        "escapes": "\x1b[31m\n\x1b[31m\n",
    }.items():
        yield signature(f"by a key of {name}", lambda whole: whole, key=key, kind="keys")
    for name, file, make in (
        ("missing", "no.pub", None),
        ("/dev/zero", "/dev/zero", None),
        ("a pipe", "k.pub", lambda at: os.mkfifo(at / "k.pub")),
        ("a folder", "k.pub", lambda at: (at / "k.pub").mkdir()),
        ("a loop", "k.pub", lambda at: (at / "k.pub").symlink_to("k.pub")),
        ("a name of escapes", "\x1b[31m.pub", None),
        ("standard input", "-", None),
    ):
        yield signature(
            f"by a key that is {name}",
            lambda whole: whole,
            file=file,
            make=make,
            kind="paths of keys",
        )
    for name, make in {
        "a pipe": os.mkfifo,
        "a folder": Path.mkdir,
        "a loop": lambda path: path.symlink_to(path.name),
        "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
    }.items():

        def instead(at, make=make):
            (at / "k.pub").write_text(KEY, "utf-8")
            make(at / "m" / "model.json.minisig")

        yield signature(f"that is {name}", make=instead, kind="paths of signatures")
    for seed in range(30):

        def characters(whole, seed=seed):
            rng = random.Random(seed)
            held = list(whole)
            for _ in range(rng.randint(1, 3)):
                held[rng.randrange(len(held))] = rng.choice("AZaz09+/=\n \x1bé")
            return "".join(held)

        yield signature(f"changed {seed}", characters, kind="signatures changed")


def cases():
    yield from gguf_cases()
    yield from signature_cases()
