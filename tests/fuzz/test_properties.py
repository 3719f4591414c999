"""Whatever a file holds, reading it gives values or an error of ours: Hypothesis looks for others.

CI looks at a few hundred files, the same each time. By hand, for as long as one likes:

    LABELMEND_FUZZ=20000 pytest tests/fuzz/test_properties.py
"""

import json
import os
import tempfile
from pathlib import Path

import pytest
from fuzz.inputs import CODECS, CORPUS, OVERRIDES, RECORDS, TARGETS, changed, changed_part
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
from labelmend.data.answers import name_of
from labelmend.data.cells.lists import listed_labels
from labelmend.data.decode import decode
from labelmend.data.formats.find import format_by_name, format_by_suffix
from labelmend.data.label_edits.cards import CardsText
from labelmend.data.label_edits.edits import CardsFile, LabelEdit
from labelmend.data.label_edits.file import read_label_edits
from labelmend.data.labels_file import cards_of, labels_yaml, read_labels_file
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import with_values
from labelmend.errors import LabelmendError
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.runs.record import RunRecord
from labelmend.weights.gguf import read_header
from labelmend.weights.signature import TrustedKey

BY_HAND = int(os.environ.get("LABELMEND_FUZZ", "0"))


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


def tool_is_read_and_written(drawn, *, header=True):
    """What a tool wrote comes back byte by byte, and has our column when it is read again."""
    suffix, raw = drawn
    try:
        table = in_file(drawn, lambda path: read_table(path, header=header))
        kind = format_by_name(table.format)
        mark = NewColumn("our mark", tuple(f"m{row}" for row in range(len(table))))
        kind.check(table)
        plain, marked = kind.write(table, ()), kind.write(table, (mark,))
    except LabelmendError as error:
        refused(error)
        return
    assert plain == raw or suffix == ".xlsx"
    if table.format == "csv":  # which comes as .txt here, and its signs may tell another thing then
        return
    if kind.other_columns:
        again = in_file((suffix, marked), lambda path: read_table(path, table.encoding))
        assert again.values("our mark") == list(mark.values)
    labels_are_changed_in_place(suffix, table, header)


def headless_is_read_and_written(drawn):
    """So does a workbook without names of columns."""
    tool_is_read_and_written(drawn, header=False)


def labels_are_changed_in_place(suffix, table, header):
    """Other labels are those that are read again, and the texts stay."""
    if table.encoding != "utf-8":  # what is written anew is
        return
    column = table.label_column or table.columns[-1]
    old = table.values(column)
    labels = [
        f"l{row}" if value.strip() and listed_labels(value) is None else value
        for row, value in enumerate(old)
    ]
    try:
        changed = with_values(table, column, labels)
        raw = format_by_name(table.format).write(changed, ())
    except LabelmendError as error:
        refused(error)
        return
    again = in_file((suffix, raw), lambda path: read_table(path, "utf-8", header=header))
    assert again.values(column) == labels
    if table.format != "rasa" and table.text_column is not None:  # its white space is collapsed
        assert again.values(table.text_column) == table.values(table.text_column)


def table_is_written_as_another(drawn):
    """A table of one tool is written as another's, and holds our column or label there."""
    source, target = drawn
    try:
        table = in_file(source, read_table)
        kind = format_by_suffix(Path(f"x{target}"))
        ours = NewColumn("mended_label", tuple(f"m{row}" for row in range(len(table))))
        raw = kind.write(table, (ours,))
    except LabelmendError as error:
        refused(error)
        return
    again = in_file((target, raw), read_table)
    assert len(again) == len(table)
    found = "mended_label" if kind.other_columns else again.label_column
    assert again.values(found) == list(ours.values)


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


def record_is_read_or_refused(drawn):
    """What stands is written again as it was read."""
    try:
        found = RunRecord.from_json(drawn[1])
    except ValueError:
        return
    assert RunRecord.from_json(found.to_json()) == found


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


def named_anew(raw):
    """Lines of edits or answers, each with the name that fits what it says."""

    def named(line):
        try:
            said = json.loads(line)
            key = next(key for key in ("edit", "answer") if key in said)
            said.pop(key)
            return json.dumps({**said, key: name_of(said)}).encode()
        except (ValueError, TypeError, AttributeError, StopIteration, RecursionError):
            return line

    return b"\n".join(map(named, raw.split(b"\n")))


def named_is_read_or_refused(check):
    """As a hostile file has it: names that fit, whatever the lines say."""

    def both(drawn):
        check(drawn)
        check((drawn[0], named_anew(drawn[1])))

    return both


def edits_are_read_or_refused(drawn):
    """What stands is written again as it was read."""
    try:
        found = in_file(drawn, read_label_edits)
        found.check(("renew", "lost", "hours"), ())
    except LabelmendError as error:
        refused(error)
        return
    assert all(found.labels.now(label) == label for label in found.cards({}))
    again = "".join(f"{json.dumps(entry.line())}\n" for entry in found.entries)
    assert in_file((".jsonl", again.encode()), read_label_edits).entries == found.entries


def labels_file_is_edited_or_refused(drawn):
    """An edit is written as it was meant, and can be taken back."""
    try:
        file = in_file(drawn, CardsText.read)
    except LabelmendError as error:
        refused(error)
        return
    for label in [*file.cards][:2]:
        for what, to, said in (
            ("rename", "a: new name", None),
            ("merge", "another", None),
            ("split", "a: new name", "It's #new."),
            ("describe", None, "It's #new."),
        ):
            held = CardsFile("", "", "" if what == "split" else file.entry(label))
            edit = LabelEdit(what, label, "anna", "", to, said, cards=held)
            try:
                edited = file.edited(edit)
                assert edited.undone(edit).cards == file.cards
            except LabelmendError as error:
                refused(error)
                continue
            assert cards_of(edited.text.removeprefix("\ufeff"), file.path) == edited.cards


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


PROPERTIES = {
    "tables": (table_is_read_or_refused, changed("tables"), 150),
    "tools": (tool_is_read_and_written, changed("tools"), 150),
    "others": (table_is_written_as_another, st.tuples(changed("tools"), TARGETS), 60),
    "workbooks": (tool_is_read_and_written, changed_part("workbooks/two_sheets.xlsx"), 40),
    "headless": (headless_is_read_and_written, changed_part("workbooks/two_sheets.xlsx"), 10),
    "encodings": (encoding_is_read_or_refused, st.tuples(changed("tables"), CODECS), 150),
    "labels": (labels_are_read_or_refused, changed("labels"), 150),
    "edited": (labels_file_is_edited_or_refused, changed("labels"), 40),
    "settings": (settings_are_read_or_refused, changed("settings"), 60),
    "overrides": (override_is_read_or_refused, OVERRIDES, 60),
    "cards": (card_is_read_or_refused, changed("cards"), 150),
    "trees": (trees_are_read_or_refused, changed("trees"), 100),
    "evidence": (evidence_is_read_or_refused, changed("evidence"), 200),
    "answers": (named_is_read_or_refused(answers_are_read_or_refused), changed("answers"), 80),
    "edits": (named_is_read_or_refused(edits_are_read_or_refused), changed("edits"), 80),
    "headers": (header_is_read_or_refused, changed("gguf"), 100),
    "signatures": (signature_holds_or_not, changed("signatures"), 100),
    "records": (record_is_read_or_refused, RECORDS, 60),
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
