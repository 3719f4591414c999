"""What the properties are tried on: files of the corpus with some bytes changed, and values."""

import io
import json
import zipfile
from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
HARD = (
    *(
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        b'"',
        b"'",
        b",",
        b"\n",
        b"\r",
        b"\t",
        b"{",
        b"[",
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!",
        b"? ",
        b": ",
        b"- ",
        b"9" * 400,
        b"1e999",
        b"NaN",
        b"null",
        b"~",
    ),
    *(
        b"\\ud800",
        b"-1",
        b"0x",
        b"true",
        b"%",
        b"|\n",
        b">\n",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
        b" " * 70,
    ),
)


def changed(folder):
    """A file of the corpus, with some of its bytes changed, taken away, doubled or put in."""
    files = sorted((CORPUS / folder).iterdir())
    return st.tuples(st.sampled_from(files), EDITS).map(
        lambda drawn: (drawn[0].suffix, edited(drawn[0].read_bytes(), drawn[1]))
    )


def changed_part(name):
    """A workbook of the corpus, one of whose parts is changed so, and packed again."""
    with zipfile.ZipFile(CORPUS / name) as packed:
        parts = {part: packed.read(part) for part in packed.namelist()}

    def packed_again(drawn):
        part, edits = drawn
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            for each, raw in parts.items():
                file.writestr(each, edited(raw, edits) if each == part else raw)
        return Path(name).suffix, held.getvalue()

    return st.tuples(st.sampled_from(sorted(parts)), EDITS).map(packed_again)


EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 12),
        st.sampled_from(HARD) | st.binary(max_size=3),
        st.booleans(),
    ),
    max_size=5,
)


def edited(raw, edits):
    for share, gone, put, twice in edits:
        at = int(share * (len(raw) + 1))
        raw = raw[:at] + put * (1 + twice) + raw[at + gone :]
    return raw


CODECS = st.sampled_from(
    (
        "utf-8",
        "utf-16",
        "utf-7",
        "cp1251",
        "latin-1",
        "idna",
        "punycode",
        "undefined",
        "hz",
        "utf-32",
    )
) | st.text(max_size=12)
KEYS = st.sampled_from(
    ("seed", "decision.max_harm", "encoders.0.model", "voters.0", "evidence.bm25.options", "fusion")
) | st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value, ensure_ascii=False))
OVERRIDES = st.tuples(KEYS, VALUES | st.text(max_size=12)).map("=".join)
TARGETS = st.sampled_from((".csv", ".jsonl", ".json", ".parquet", ".xlsx", ".txt", ".yml"))
RECORDS = changed("records") | VALUES.map(lambda text: (".json", text.encode()))
