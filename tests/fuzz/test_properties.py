"""Whatever a file holds, reading it gives values or an error of ours: Hypothesis looks for others.

CI looks at a few hundred files, the same each time. By hand, for as long as one likes:

    LABELMEND_FUZZ=20000 pytest tests/fuzz/test_properties.py
"""

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from labelmend.classify.heads.tree_text import check_trees, trees_alone
from labelmend.classify.model_card import check_card, read_json
from labelmend.cli.terminal import spelled
from labelmend.configs import plain_yaml
from labelmend.configs.load import config_to_dict, load_config
from labelmend.configs.schema import EncoderConfig
from labelmend.data import labels_file
from labelmend.data.answer_file import read_answers
from labelmend.data.decode import decode
from labelmend.data.formats.find import format_by_name
from labelmend.data.label_edits.file import read_label_edits
from labelmend.data.labels_file import labels_yaml, read_labels_file
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import LabelmendError
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.runs.record import RunRecord
from labelmend.weights.gguf import read_header
from labelmend.weights.signature import TrustedKey

CORPUS = Path(__file__).parent / "corpus"
BY_HAND = int(os.environ.get("LABELMEND_FUZZ", "0"))
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


def examples(count, phases=tuple(Phase)):
    """Settings of Hypothesis: others each time by hand, and hardly any other in CI.

    Hypothesis also tries constants of the modules that are loaded: what it draws depends on them.
    """
    return settings(
        max_examples=BY_HAND or count,
        phases=phases,
        derandomize=not BY_HAND,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
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


def in_file(drawn, read):
    suffix, raw = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(raw)
        return read(path)


def refused(error):
    """See that an error is one line."""
    assert "\n" not in str(error)


def table_is_read_or_refused(drawn):
    try:
        table = in_file(drawn, read_table)
    except LabelmendError as error:
        refused(error)
    else:
        assert all(len(table.values(name)) == len(table) for name in table.columns)


def tool_is_read_and_written(drawn):
    """What a tool wrote comes back byte by byte, and has our column when it is read again."""
    suffix, raw = drawn
    try:
        table = in_file(drawn, read_table)
        kind = format_by_name(table.format)
        mark = NewColumn("our mark", tuple(f"m{row}" for row in range(len(table))))
        kind.check(table)
        plain, marked = kind.write(table, ()), kind.write(table, (mark,))
    except LabelmendError as error:
        refused(error)
        return
    assert plain == raw or suffix == ".xlsx"
    if kind.other_columns:
        again = in_file((suffix, marked), read_table)
        assert again.values("our mark") == list(mark.values)


def encoding_is_read_or_refused(drawn):
    (_, raw), codec = drawn
    try:
        found = decode(raw, Path("x.csv"), codec)
    except LabelmendError:
        return
    assert found.bom + found.text.encode(found.encoding) == raw


def labels_are_read_or_refused(drawn):
    try:
        cards = in_file(drawn, read_labels_file)
    except LabelmendError as error:
        refused(error)
        return
    again = labels_yaml(tuple(cards.values())).encode()
    assert in_file((".yaml", again), read_labels_file) == cards


def settings_are_read_or_refused(drawn):
    try:
        config = in_file(drawn, lambda path: load_config(str(path)))
    except LabelmendError:
        return
    again = json.dumps(config_to_dict(config)).encode()
    assert in_file((".yaml", again), lambda path: load_config(str(path))) == config


def override_is_read_or_refused(text):
    try:
        load_config("embedded", [text])
    except LabelmendError:
        return


def card_is_read_or_refused(drawn):
    body = in_file(drawn, read_json)
    if body is None:
        return
    try:
        check_card(body)
    except ValueError:
        return
    for encoder in body["encoders"]:
        try:
            EncoderConfig(**{key: value for key, value in encoder.items() if key != "sha256"})
        except LabelmendError:
            return


def trees_are_read_or_refused(drawn):
    """What our check takes, LightGBM reads: with it, no process dies."""
    import lightgbm
    import numpy as np

    try:
        text = drawn[1].decode()
        outputs = check_trees(text, 2)
    except ValueError:
        return
    found = lightgbm.Booster(model_str=trees_alone(text)).predict(np.zeros((1, 2)), raw_score=True)
    assert found.shape == (1, outputs)


def evidence_is_read_or_refused(drawn):
    try:
        found = Explanation.from_line(drawn[1].decode().splitlines()[0])
    except (ValueError, IndexError):
        return
    assert Explanation.from_line(found.to_line()).row == found.row
    assert found.duel
    assert found.held in (True, False)


def record_is_read_or_refused(text):
    try:
        RunRecord.from_json(text)
    except ValueError:
        return


def answers_are_read_or_refused(drawn):
    """What stands is written again as it was read; a line of the file is told of, or stands."""
    try:
        found = in_file(drawn, read_answers)
    except LabelmendError as error:
        refused(error)
        return
    again = "".join(f"{json.dumps(answer.line())}\n" for answer in found.answers)
    if found.answers:
        assert in_file((".jsonl", again.encode()), read_answers).answers == found.answers


def edits_are_read_or_refused(drawn):
    """What stands is written again as it was read."""
    try:
        found = in_file(drawn, read_label_edits)
    except LabelmendError as error:
        refused(error)
        return
    again = "".join(f"{json.dumps(entry.line())}\n" for entry in found.entries)
    assert in_file((".jsonl", again.encode()), read_label_edits).entries == found.entries


def header_is_read_or_refused(drawn):
    try:
        found = in_file(drawn, read_header)
    except LabelmendError as error:
        refused(error)
        return
    assert found.parameters >= 0


def signature_holds_or_not(drawn):
    """Whatever is changed of a key or a signature: what is taken was signed, comment and all."""
    suffix, raw = drawn
    with tempfile.TemporaryDirectory() as folder:
        key, signed = Path(folder) / "minisign.pub", Path(folder) / "x"
        key.write_bytes((CORPUS / "signatures" / key.name).read_bytes())
        signed.write_bytes(b"{}")
        (key if suffix == ".pub" else signed.with_name("x.minisig")).write_bytes(raw)
        try:
            assert TrustedKey.read(key).check(signed) == "of May"
        except LabelmendError as error:
            refused(error)


def a_terminal_is_not_steered(text):
    shown = spelled(text)
    assert not any((ord(c) < 0x20 and c not in "\t\n\r") or 0x7F <= ord(c) <= 0x9F for c in shown)
    assert spelled(shown) == shown


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
PROPERTIES = {
    "tables": (table_is_read_or_refused, changed("tables"), 150),
    "tools": (tool_is_read_and_written, changed("tools"), 150),
    "workbooks": (tool_is_read_and_written, changed_part("workbooks/two_sheets.xlsx"), 40),
    "encodings": (encoding_is_read_or_refused, st.tuples(changed("tables"), CODECS), 150),
    "labels": (labels_are_read_or_refused, changed("labels"), 150),
    "settings": (settings_are_read_or_refused, changed("settings"), 60),
    "overrides": (override_is_read_or_refused, OVERRIDES, 60),
    "cards": (card_is_read_or_refused, changed("cards"), 150),
    "trees": (trees_are_read_or_refused, changed("trees"), 100),
    "evidence": (evidence_is_read_or_refused, changed("evidence"), 200),
    "answers": (answers_are_read_or_refused, changed("answers"), 100),
    "edits": (edits_are_read_or_refused, changed("edits"), 100),
    "headers": (header_is_read_or_refused, changed("gguf"), 100),
    "signatures": (signature_holds_or_not, changed("signatures"), 100),
    "records": (record_is_read_or_refused, VALUES, 60),
    "terminals": (a_terminal_is_not_steered, st.text(), 100),
}


def look(name, count=None, phases=tuple(Phase)):
    """Look for an input that breaks a property; its error is raised where there is one."""
    check, inputs, usual = PROPERTIES[name]

    @examples(count or usual, phases)
    @given(inputs)
    def every(drawn):
        check(drawn)

    every()


@pytest.mark.parametrize("name", PROPERTIES)
def test_what_is_read_is_read_or_refused(name):
    look(name)


@pytest.mark.skipif(BY_HAND > 0, reason="the planted bugs are found in CI")
@pytest.mark.parametrize(
    ("name", "module", "function", "is_reached"),
    [
        ("labels", labels_file, "_card", lambda card: isinstance(card, list)),
        ("settings", plain_yaml, "_refuse_repeated", lambda node: "null" in str(node.value)),
        ("labels", plain_yaml, "_check_scalar", lambda node: "999" in node.value),
    ],
)
def test_a_planted_bug_is_found(name, module, function, is_reached, monkeypatch):
    """Each is in a branch that no file of the corpus reaches as it is."""
    right = getattr(module, function)

    def wrong(*arguments):
        if is_reached(arguments[-1]):
            raise KeyError("a planted bug")
        return right(*arguments)

    monkeypatch.setattr(module, function, wrong)
    with pytest.raises(KeyError, match="a planted bug"):
        # Some hundred files are enough mostly; the first that finds it ends the search.
        look(name, 20_000, (Phase.generate,))
