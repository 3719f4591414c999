import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.answers import drawn, said

from labelmend.data import answer_file
from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Shown, Withdrawal, name_of, text_sha256
from labelmend.errors import InputError, OutputError

WHEN = "2026-11-30T00:00:00Z"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


def raw(answer):
    return json.dumps(answer.line(), ensure_ascii=False).encode() + b"\n"


def test_what_is_appended_is_read_back(path):
    first = said("карта", "карта", row="7", shown=drawn())
    second = said("pin", verdict="unsure")
    append_answers(path, [first])
    assert path.read_bytes() == raw(first)
    append_answers(path, [second])
    assert path.read_bytes() == raw(first) + raw(second)
    read = read_answers(path)
    assert read.answers == (first, second)
    assert (read.replaced, read.withdrawn, read.notes) == (0, 0, ())
    assert read.draws == {("anna", text_sha256("карта")): drawn()}


def test_nothing_to_append_makes_no_file(path):
    append_answers(path, [])
    assert not path.exists()


def test_an_empty_file_has_no_answers(path):
    path.write_text("")
    assert read_answers(path).answers == ()


def test_a_later_answer_of_the_same_person_counts(path):
    texts = [said("pin", "a", "anna"), said("pin", "b", "bob"), said("PIN ", "c", "anna")]
    append_answers(path, texts)
    read = read_answers(path)
    assert read.answers == (texts[1], texts[2])
    assert read.replaced == 1
    assert len(path.read_bytes().splitlines()) == 3


def test_what_an_audit_drew_stays_drawn_when_the_answer_is_replaced(path):
    key = ("anna", text_sha256("pin"))
    append_answers(path, [said("pin", "a", shown=drawn("d1")), said("pin", "b")])
    assert read_answers(path).draws == {key: drawn("d1")}
    append_answers(path, [said("pin", "a", shown=drawn("d2"))])
    assert read_answers(path).draws == {key: drawn("d2")}


def test_a_withdrawn_answer_is_gone_and_may_be_given_again(path):
    anna, bob = said("pin", "a", "anna"), said("pin", "a", "bob")
    earlier = said("pin", "b", "anna")
    append_answers(path, [earlier, anna, bob, Withdrawal(anna.answer, "anna", WHEN)])
    read = read_answers(path)
    # What the withdrawn answer had replaced does not come back.
    assert read.answers == (bob,)
    assert (read.replaced, read.withdrawn, read.notes) == (1, 1, ())
    append_answers(path, [anna])
    assert read_answers(path).answers == (bob, anna)


def test_a_withdrawal_of_what_was_replaced_does_nothing(path):
    old, new = said("pin", "a"), said("pin", "b")
    append_answers(path, [old, new, Withdrawal(old.answer, "anna", WHEN)])
    read = read_answers(path)
    assert (read.answers, read.withdrawn, read.notes) == ((new,), 0, ())


def test_a_withdrawal_of_an_unknown_answer_is_a_note(path):
    one = said("pin", "a")
    append_answers(path, [Withdrawal(one.answer, "anna", WHEN), one])
    read = read_answers(path)
    assert read.answers == (one,)
    assert read.notes == (f"{path}: line 1: withdraws an answer that is not in the file; skipped",)


@pytest.mark.parametrize("cut", [1, 5, 17, 60, 200])
def test_a_torn_last_line_is_skipped_and_kept(path, cut):
    one, two, three = said("pin", "a"), said("карта", "к"), said("hello", "c")
    append_answers(path, [one])
    torn = raw(two)[:cut]
    with path.open("ab") as file:
        file.write(torn)
    read = read_answers(path)
    assert read.answers == (one,)
    assert read.notes == (f"{path}: line 2: the last line was not written to its end; skipped",)
    append_answers(path, [three])
    assert path.read_bytes() == raw(one) + torn + b"\n" + raw(three)
    read = read_answers(path)
    assert read.answers == (one, three)
    assert read.notes == (f"{path}: line 2: no answer, or a broken one; skipped",)


def test_a_file_that_was_torn_at_its_first_line_can_go_on(path):
    path.write_bytes(raw(said("pin", "a"))[:40])
    assert read_answers(path).answers == ()


def test_a_whole_last_line_without_its_end_counts(path):
    one, two = said("pin", "a"), said("card", "b")
    path.write_bytes(raw(one).rstrip(b"\n"))
    assert read_answers(path).answers == (one,)
    append_answers(path, [two])
    assert path.read_bytes() == raw(one) + raw(two)


def test_an_editor_may_leave_its_marks(path):
    one, two = said("pin", "a"), said("card", "b")
    path.write_bytes(b"\xef\xbb\xbf" + (raw(one) + b"\n" + raw(two)).replace(b"\n", b"\r\n"))
    read = read_answers(path)
    assert (read.answers, read.notes) == ((one, two), ())


PLAIN = [
    said("pin", "a"),
    said("карта", "мöbel 😀\u2028", "Jörg", row="№ 7"),
    said("pin", verdict="none"),
    said("pin", verdict="unsure", row=""),
    said("pin", "a", shown=Shown("agreement")),
    said("pin", "a {} %s", '{"', shown=Shown("import")),
    said("pin", "back\\slash\x7f\n"),
    said("pin", "a", shown=drawn()),
    said("pin", "a", shown=Shown("queue", stratum="s")),
]


@pytest.mark.parametrize("answer", PLAIN)
def test_the_short_way_through_a_line_says_what_the_long_one_says(answer, monkeypatch):
    line = raw(answer).strip()
    short = answer_file._plain_answer(line)
    drew = answer.shown.why == "audit" or answer.shown.stratum is not None
    assert (short is None) == (b"\\" in line or drew)
    monkeypatch.setattr(answer_file, "_plain_answer", lambda _line: None)
    long = answer_file._entry(Path("x"), 1, line)
    assert long == answer
    assert short in {None, long}
    assert short is None or short.answer == long.answer == answer.answer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"a"', b'"b"'),
        (b'"anna"', b'" "'),
        (b'"label"', b'"none"'),
        (b"true", b"1"),
        (b'"single"', b'"multi"'),
        (b'"saw"', b'"more": 1, "saw"'),
        (b'"anna"', b'"ann\xff"'),
    ],
)
def test_the_short_way_leaves_what_is_amiss_to_the_long_one(old, new):
    line = raw(said("pin", "a")).strip()
    assert answer_file._plain_answer(line) is not None
    assert old in line
    assert answer_file._plain_answer(line.replace(old, new, 1)) is None


def changed(answer, **fields):
    """A line that says something else under the same name."""
    return json.dumps(answer.line() | fields).encode() + b"\n"


def named(answer, without="", **more):
    """A line with other fields, under the name that fits it."""
    fields = answer.line() | more
    fields = {key: value for key, value in fields.items() if key not in ("answer", without)}
    return json.dumps({**fields, "answer": name_of(fields)}).encode() + b"\n"


def test_lines_that_can_not_be_used_are_told_by_their_number(path):
    one = said("pin", "a")
    lines = [
        b"\xff\xfe\n",
        raw(one),
        b"[1]\n",
        b'{"text": "x"}\n',
        changed(one, verdict="none"),
        changed(one, schema_version="1"),
        changed(one, saw={"given": 1, "proposed": False}),
        named(said("card", "b"), without="task"),
        named(said("card", "b"), shown={"why": "import", "design": None, "stratum": None}),
        changed(one, labels=["b"]),
        b'{"schema_version": 1, "withdraws": 3}\n',
        changed(one, shown={"why": "dream", "design": None, "stratum": None, "inclusion": None}),
    ]
    path.write_bytes(b"".join(lines))
    read = read_answers(path)
    assert read.answers == (one,)
    assert read.notes == (
        f"{path}: lines 1, 3, 4, 5, 6 and 5 more: no answer, or a broken one; skipped",
        f"{path}: line 10: was changed after it was written (its name does not fit what it says); "
        "skipped: give the answer anew instead",
    )


@pytest.mark.parametrize("content", ["text,label\nhello,a\n", '{"text": "x"}\n', "null", "x"])
def test_another_file_is_refused(path, content):
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_answers(path)
    assert str(caught.value) == (
        f"{path}: is no file of answers: no line of it is one; "
        "give the file that `labelmend answers import` wrote"
    )


def test_a_missing_file_and_a_folder_are_refused(path, tmp_path):
    with pytest.raises(InputError, match="no such file; check the path"):
        read_answers(path)
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        read_answers(tmp_path)


def test_what_a_newer_version_wrote_is_refused(path):
    path.write_bytes(raw(said("pin", "a")) + changed(said("card", "b"), schema_version=2))
    with pytest.raises(InputError, match="line 2: was written by a newer version of labelmend"):
        read_answers(path)


SAW = {"given": False, "proposed": False}
TAKEN_BACK = Withdrawal("x", "anna", WHEN).line()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (named(said("card", "b"), schema_version=True), "schema_version is no whole number"),
        (named(said("card", "b"), schema_version=1.0), "schema_version is no whole number"),
        (named(said("card", "b"), more=1), "has a field 'more', which none of ours has; take it"),
        (named(said("card", "b"), saw=SAW | {"x": 1}), "has a field 'saw.x', which none of ours"),
        (named(said("card", "b"), **{"\x1b[2J": 1}), "has a field '\\x1b[2J', which none of ours"),
        (json.dumps(TAKEN_BACK | {"answer": "x"}).encode(), "has a field 'answer', which none of"),
    ],
)
def test_a_line_with_more_than_an_answer_says_is_refused(path, line, words):
    path.write_bytes(raw(said("pin", "a")) + line)
    with pytest.raises(InputError) as caught:
        read_answers(path)
    assert str(caught.value).startswith(f"{path}: line 2: {words}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["several", "soft"])
def test_other_tasks_are_refused(path, task):
    path.write_bytes(raw(replace(said("pin", "a"), task=task)))
    with pytest.raises(
        InputError, match="line 1: is an answer that may have several labels, and rows have one"
    ):
        read_answers(path)


def test_what_can_not_be_written_is_one_line(path, tmp_path, monkeypatch):
    with pytest.raises(OutputError, match="can't be written to"):
        append_answers(tmp_path / "no" / "answers.jsonl", [said("pin", "a")])
    append_answers(path, [said("pin", "a")])
    before, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, block: write(file, block[:50]))
    with pytest.raises(OutputError, match="only a part of the answers could be written"):
        append_answers(path, [said("card", "b")])
    # What stood there stands, and the next one goes on behind the torn line.
    monkeypatch.undo()
    append_answers(path, [said("card", "b")])
    assert path.read_bytes().startswith(before)
    assert read_answers(path).answers == (said("pin", "a"), said("card", "b"))


def append_many(path: Path, who: str) -> None:
    for turn in range(20):
        append_answers(path, [said(f"{who} {turn} {i}", "a" * 500, who) for i in range(20)])


def test_two_processes_do_not_mix_their_lines(path):
    context = multiprocessing.get_context("fork")
    people = [context.Process(target=append_many, args=(path, who)) for who in ("anna", "bob")]
    for person in people:
        person.start()
    for person in people:
        person.join()
        assert person.exitcode == 0
    read = read_answers(path)
    assert read.notes == ()
    assert len(read.answers) == 800
    # Each block of twenty stands together.
    names = [answer.who for answer in read.answers]
    assert all(len(set(names[i : i + 20])) == 1 for i in range(0, 800, 20))
