"""Sets of labels in a log: written, agreed on, counted, and made rows of."""

import sqlite3

import pytest
from fixtures.logged import DAY, LABELS, NOW

from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.errors import InputError
from labelmend.journal.doubt import doubted
from labelmend.journal.drift import rising_labels
from labelmend.journal.entries import Entry, Guess, Said
from labelmend.journal.feedback import FeedbackError
from labelmend.journal.log import Journal
from labelmend.journal.read import Logged, LoggedText, Word, reading
from labelmend.journal.rows import RowRules, new_rows
from labelmend.journal.set_queue import label_shares
from labelmend.journal.sets import agreed, labels_in, packed

RULES = RowRules(2000, None, frozenset(LABELS), of_sets=True)


def test_equal_sets_are_equal_texts():
    assert packed(["b", "a", "b"]) == packed(("a", "b")) == '["a", "b"]'
    assert packed([]) == "[]"
    odd = ('a"b', "c;d", "naïve 🙂")
    assert labels_in(packed(odd)) == odd


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([], None),
        ([["a", "b"]], '["a", "b"]'),
        ([[]], "[]"),
        ([["a"], ["a", "b"], ["b"]], '["a", "b"]'),  # nobody said just that, and each has most
        ([["a"], ["a", "b"]], None),  # as many have b as lack it
        ([["a"], [], ["b"]], "[]"),
    ],
)
def test_what_most_say_label_by_label(sets, said):
    assert agreed(sets) == said


def guess(*labels, probability=0.75, top=(), model="m1"):
    return Guess(model, packed(labels), probability, False, top)


def text(content, *words, guesses=None):
    guesses = guesses or (guess("fees"),)
    last = Logged(content, int(NOW * 1000), "http", "s", content, 0, content, guesses, ())
    told = [Word(who, at, None if said is None else packed(said)) for who, at, said in words]
    return LoggedText(last, content, 1, tuple(told))


def reviewed(content, *labels, verdict="label", who="rita"):
    return Answer(
        text_sha256(content),
        *("x", verdict, labels, who, "2026-11-30T00:00:00Z", Shown("queue"), Saw(True, True)),
        task="several",
    )


def test_rows_of_sets():
    found = new_rows(
        [
            text("one", ("a", 1, ["fees", "oos"])),
            text("most", ("a", 2, ["fees"]), ("b", 3, ["fees", "oos"]), ("c", 4, ["oos"])),
            text("torn", ("a", 5, ["fees"]), ("b", 6, ["fees", "oos"])),
            text("none", ("a", 7, [])),
            text("wrong", ("a", 8, None)),
            text("strange", ("a", 9, ["fees", "gone"])),
            text("settled", ("a", 10, ["oos"])),
            text("settled as none", ("a", 11, ["oos"])),
            text("unsure", ("a", 12, ["oos"])),
        ],
        [
            reviewed("settled", "card_lost", "fees"),
            reviewed("settled as none", verdict="none"),
            reviewed("unsure", verdict="unsure"),
        ],
        RULES,
    )
    rows = {row.of.text: (labels_in(row.label), row.by) for row in found.rows}
    assert rows == {
        "one": (("fees", "oos"), "feedback"),
        "most": (("fees", "oos"), "feedback"),
        "none": ((), "feedback"),
        "settled": (("card_lost", "fees"), "review"),
        "settled as none": ((), "review"),
    }
    assert (found.torn, found.unnamed, found.unsure) == (1, 1, 1)
    assert found.strange == {"gone": 1}
    (first,) = (one for one in found.answers if one.id == "one")
    assert (first.task, first.verdict, first.labels) == ("several", "label", ("fees", "oos"))
    assert [one.verdict for one in found.answers if one.id == "none"] == ["none"]


def test_doubt_and_shares_by_hand():
    top = (("fees", 0.75), ("oos", 0.25))
    one = text(
        *("x", ("a", 1, ["fees", "oos"]), ("b", 2, ["oos"])),
        guesses=(guess("fees", probability=0.5, top=top), guess("fees", probability=0.25)),
    )
    found = doubted(one, {"fees"}, of_sets=True)
    # (2 * 0.375 + 0) / (2 + 2): nobody said just that
    assert found.doubt == pytest.approx(1 - 0.1875)
    assert found.rising
    # (2 * 0.125 + 2) / 4 and (2 * 0.375 + 1) / 4: the second model named no shares
    assert label_shares(found) == pytest.approx({"oos": 0.5625, "fees": 0.4375})


def test_each_label_of_a_set_rises_by_itself():
    def asked(number, at, *labels):
        return Logged(
            *(f"r{number}", int(at * 1000), "http", f"s{number}", f"h{number}", 0, None),
            *((guess(*labels),), ()),
        )

    before = [asked(n, NOW - 20 * DAY, "fees") for n in range(40)]
    now = [asked(100 + n, NOW, "fees", "oos") for n in range(40)]
    (found,) = rising_labels([*before, *now], 7, of_sets=True)
    assert (found.label, found.before, found.now) == ("oos", 0.0, 1.0)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path, task="several") as journal:
        journal.record([Entry("r1", "a text", (guess("fees", "oos"),))])
        journal.feedback(Said("r1", "anna", "right"), LABELS)
        journal.feedback(Said("r1", "bert", "labels", labels=("oos", "oos")), LABELS)
        with pytest.raises(FeedbackError, match="there is no label 'feees'"):
            journal.feedback(Said("r1", "carl", "labels", labels=("oos", "feees")), LABELS)
        assert [one.label for one in journal.guesses_of("r1")] == ['["fees", "oos"]']
    return path


def test_what_is_said_is_kept_as_sets(log):
    with reading(log) as reader:
        assert reader.is_of_sets
        (one,) = reader.requests()
    assert sorted(word.label for word in one.words) == ['["fees", "oos"]', '["oos"]']


def test_a_log_is_of_one_task_and_earlier_versions_leave_it_alone(log, tmp_path):
    with pytest.raises(InputError, match="several labels a text, not of models of one label"):
        Journal(log)
    with Journal(tmp_path / "one.sqlite"), pytest.raises(InputError, match="not of models of sev"):
        Journal(tmp_path / "one.sqlite", task="several")
    versions = []
    for path in (log, tmp_path / "one.sqlite"):
        database = sqlite3.connect(path)
        versions += database.execute("PRAGMA user_version").fetchone()
        database.close()
    assert versions == [2, 1]
    said = "which somebody can't read; give one of one label a text"
    with pytest.raises(InputError, match=said), reading(log, "somebody"):
        pass


def test_labels_go_with_their_verdict_alone():
    for verdict, label, labels in (("labels", None, None), ("right", None, ("a",))):
        with pytest.raises(ValueError, match="labels, and only with the verdict labels"):
            Said("r", "s", verdict, label, labels)
