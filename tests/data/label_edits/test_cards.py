import pytest
from fixtures.label_edits import describe, merge, rename, split

from labelmend.data.label_edits.cards import CardsText
from labelmend.data.label_edits.edits import CardsFile
from labelmend.data.labels_file import labels_yaml, read_labels_file
from labelmend.errors import ConfigError, InputError
from labelmend.types import LabelCard

TEXT = """\
# Ours, by hand.
card_lost:  # the most frequent
  description: The card is gone.  # short
  exemplars:
  - where is my card
  # the odd one
  - lost it

# Money.
fees: What it costs.
"010":
  exemplars: [a, b]
pin: >
  The PIN
  is blocked.

# The end.
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.yaml"


def edited(path, edit, text=TEXT):
    path.write_bytes(text.encode())
    found = CardsText.read(path).edited(edit)
    # Of a long file only the entry is read back: the whole says the same.
    path.write_bytes(found.text.encode())
    assert CardsText.read(path).cards == found.cards
    return found.text


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (rename("card_lost", "lost"), "card_lost:", "lost:"),
        (rename("010", "yes"), '"010":', "'yes':"),
        (rename("fees", "a: b # c"), "fees:", "'a: b # c':"),
        (describe("card_lost", "Gone."), "The card is gone.", "Gone."),
        (describe("fees", "yes: no"), "What it costs.", "'yes: no'"),
        (describe("pin", "Blocked."), ">\n  The PIN\n  is blocked.\n\n", "Blocked.\n"),
        (describe("010", "Ten."), '"010":\n', '"010":\n  description: Ten.\n'),
        (describe("new", "N."), "# The end.\n", "# The end.\nnew:\n  description: N.\n"),
        (split("fees", "more", "M."), "# The end.\n", "# The end.\nmore:\n  description: M.\n"),
        (merge("fees", "pin"), "fees: What it costs.\n", ""),
        (merge("010", "pin"), '"010":\n  exemplars: [a, b]\n', ""),
        (
            merge("card_lost", "pin"),
            TEXT[TEXT.index("card_lost") : TEXT.index("\n# Money")],
            "",
        ),
        (describe("card_lost", "One.\n\nTwo."), "The card is gone.", "One. Two."),
        (describe("card_lost", ""), "The card is gone.", "''"),
    ],
)
def test_only_what_was_edited_changes(path, edit, old, new):
    assert TEXT.count(old) == 1
    assert edited(path, edit) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("a:\nb: x\n", "a: A.\nb: x\n"),
        ("a:\n  description:\nb: x\n", "a:\n  description: A.\nb: x\n"),
        ("a: ~ # none\nb: x", "a: A. # none\nb: x"),
        ("{a: {description: x}, b: y}", "{a: {description: A.}, b: y}"),
        ("\ufeffa: x\r\nb: y\r\n", "\ufeffa: A.\r\nb: y\r\n"),
        ("a:\n  description: |-\n    x\n    y\nb: x\n", "a:\n  description: A.\nb: x\n"),
    ],
)
def test_descriptions_in_other_hands(path, text, new):
    assert edited(path, describe("a", "A."), text) == new


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        (TEXT, True),
        ("a: x\nb: y\n", True),
        ("a: x\nb: y", False),
        ("{a: x, b: y}\n", False),
        ("--- {a: x, b: y}\n", False),
        ("---\na: x\nb: y\n", False),
        ("a: x\nb: y\n...\n", False),
        ("a: |+\n  x\n\nb: y\n", False),
        ("a: &one {description: x}\nb: *one\n", False),
        ("? a\n: x\n? b\n: y\n", False),
        (" a: x\n b: y\n", False),
    ],
)
def test_whether_entries_reach_into_each_other(path, text, apart):
    path.write_text(text)
    found = CardsText.read(path)
    assert found.entries.apart is apart
    # Whatever the form, an edit is what it says, or is refused.
    for edit in (rename("b", "c"), merge("b", "a"), split("a", "d"), describe("b", "B.")):
        if edit.label not in found.cards:
            continue
        try:
            after = found.edited(edit)
        except ConfigError:
            continue
        path.write_text(after.text)
        assert CardsText.read(path).cards == after.cards


def test_a_file_that_ends_without_a_line_end(path):
    assert edited(path, split("a", "b", "B."), "a: A.") == "a: A.\nb:\n  description: B.\n"


def test_a_label_that_does_not_stand_there_needs_no_edit(path):
    assert edited(path, rename("other", "x")) == TEXT
    assert edited(path, merge("other", "fees")) == TEXT


def test_the_last_card_stays(path):
    # A labels file without a label is none.
    assert edited(path, merge("a", "b"), "a: A.\n") == "a: A.\n"


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("{a: x, b: y}", split("a", "c")),
        ("{a: {exemplars: [x]}, b: y}", describe("a", "A.")),
        ("a: &one {description: x}\nb: *one\n", describe("a", "A.")),
        ("a: &one\n  description: x\nb: *one\n", merge("a", "b")),
        # To YAML each of these ends a line: what stands before it would go with the label.
        ("a: A.\rb: B.\nc: C.\n", merge("b", "c")),
        ("a: A.\x85b: B.\nc: C.\n", merge("b", "c")),
        ("a: A.\u2028b: B.\nc: C.\n", rename("b", "x")),
        ("a:\rb: B.\nc: C.\n", merge("a", "c")),
    ],
)
def test_what_can_not_be_edited_is_left_alone(path, text, edit):
    path.write_text(text)
    with pytest.raises(ConfigError, match="written in a way in which it can't be edited here"):
        CardsText.read(path).edited(edit)
    assert path.read_bytes() == text.encode()


def test_windows_line_ends_are_none_of_them(path):
    assert edited(path, merge("a", "b"), "a: A.\r\nb: B.\r\n") == "b: B.\r\n"
    assert edited(path, describe("a", "X."), "a: A.\r\nb: B.\r\n") == "a: X.\r\nb: B.\r\n"


def test_a_file_that_is_none(path):
    with pytest.raises(InputError, match="can't read this labels file"):
        CardsText.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        CardsText.read(path)
    path.write_text("- a\n")
    with pytest.raises(ConfigError, match="maps each label"):
        CardsText.read(path)


def test_what_labelmend_writes_can_be_edited(path):
    # Lines that break, quotes, and exemplars with line ends.
    long = "word " * 60 + "end: #"
    cards = [
        LabelCard("a-1", long.strip(), ("x\ny", "it's", "- z", "😀"), "llm"),
        LabelCard("b", "", (), "name"),
        LabelCard("c", "Sea.", ("# no comment",), "llm"),
    ]
    path.write_text(labels_yaml(cards), "utf-8")
    before = read_labels_file(path)
    text = CardsText.read(path)
    for edit in (rename("a-1", "a 2"), merge("b", "c"), describe("b", long), split("c", "d")):
        text = text.edited(edit)
        path.write_text(text.text, "utf-8")
    read = read_labels_file(path)
    assert list(read) == ["a 2", "c", "b", "d"]
    assert read["a 2"].exemplars == before["a-1"].exemplars
    assert read["b"].description == " ".join(long.split())
    assert text.text.startswith(labels_yaml(cards)[:100])


@pytest.mark.parametrize(
    "edit",
    [
        rename("card_lost", "lost"),
        describe("card_lost", "Gone."),
        describe("fees", "F."),
        describe("pin", "P."),
        split("pin", "more"),
        describe("more", "M."),
        describe("010", "Ten."),
    ],
)
def test_undoing_gives_the_bytes_back(path, edit):
    path.write_text(TEXT)
    before = CardsText.read(path)
    after = before.edited(edit)
    assert after.text != TEXT
    told = CardsFile(before.sha256, after.sha256, before.entry(edit.label))
    if edit.what == "split":
        told = CardsFile(before.sha256, after.sha256, "")
    done = type(edit)(**{**vars(edit), "cards": told})
    assert after.undone(done).text == TEXT


def test_undoing_a_merge_brings_the_card_back_behind_the_others(path):
    path.write_text(TEXT)
    before = CardsText.read(path)
    edit = merge("fees", "pin", cards=CardsFile("", "", before.entry("fees")))
    assert before.entry("fees") == "fees: What it costs.\n"
    assert before.edited(edit).undone(edit).text == (
        TEXT.replace("fees: What it costs.\n", "") + "fees: What it costs.\n"
    )


def test_undoing_keeps_what_was_changed_of_other_labels(path):
    path.write_text("a: A.\nb: B.\n")
    edit = rename("a", "x", cards=CardsFile("", "", "a: A.\n"))
    path.write_text("x: A.\nb: Better.\n")
    assert CardsText.read(path).undone(edit).text == "a: A.\nb: Better.\n"
