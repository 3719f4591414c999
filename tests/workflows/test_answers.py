import dataclasses
import getpass

import pytest
from fixtures.answers import said

from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Saw, Shown, text_sha256
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError, ConfigError, InputError, LabelmendError, OutputError
from labelmend.workflows.answer_sheet import Filled, Sheet, person_named
from labelmend.workflows.answers import (
    ImportRequest,
    import_answers,
    summarise,
    withdraw_answers,
)

DATA = load_config("embedded").data
AUDIT = """\
id,text,label,answer,design,stratum,inclusion
7,Lost my card,card,card,d1,keep,0.05
8,new pin,pin,NONE of  These,d1,change,0.5
9,hm,pin, unsure,,,
10,hello,card,  ,d1,keep,0.05
"""


@pytest.fixture
def sheet(tmp_path):
    """Write a table, import it, and hand back what was done."""

    def take(text=AUDIT, *columns, who="anna", dry_run=False, config=DATA, request=None, **filled):
        path = tmp_path / "audit.csv"
        path.write_text(text, "utf-8")
        wanted = request or TableRequest(path)
        people = () if who is None else (who,)
        asked = ImportRequest(wanted, columns=columns or None, who=people, **filled)
        return import_answers(asked, tmp_path / "a.jsonl", config, dry_run=dry_run)

    return take


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def stands(path):
    """What stands, by the row's id and the person."""
    return {(a.id, a.who): (a.verdict, a.labels) for a in read_answers(path).answers}


def test_an_audit_comes_back(sheet, path):
    done = sheet()
    assert (done.written, done.replacing, done.blank, done.standing) == (3, 0, 1, 0)
    assert done.notes == ()
    card, pin, hm = read_answers(path).answers
    assert (card.id, card.verdict, card.labels, card.who) == ("7", "label", ("card",), "anna")
    assert card.text_sha256 == text_sha256("lost my card")
    assert card.shown == Shown("audit", "d1", "keep", 0.05)
    assert card.saw == Saw(given=True, proposed=False)
    assert (pin.verdict, pin.labels, pin.shown) == ("none", (), Shown("audit", "d1", "change", 0.5))
    assert (hm.verdict, hm.labels, hm.shown) == ("unsure", (), Shown("import"))


def test_importing_twice_adds_nothing(sheet, path):
    sheet()
    before = path.read_bytes()
    done = sheet()
    assert (done.written, done.blank, done.standing) == (0, 1, 3)
    assert path.read_bytes() == before
    # Neither does the same in other words of the text, or without the design.
    done = sheet("text,answer\nlost MY  card,card\n")
    assert (done.written, done.standing) == (0, 1)
    assert path.read_bytes() == before


def test_another_answer_replaces_the_earlier_one_and_stays_drawn(sheet, path):
    sheet()
    before = path.read_bytes()
    done = sheet("id,text,answer\n7,Lost my card,pin\n8,new pin,None of these\n")
    assert (done.written, done.replacing, done.standing) == (1, 1, 1)
    assert path.read_bytes().startswith(before)
    assert stands(path)["7", "anna"] == ("label", ("pin",))
    assert read_answers(path).draws["anna", text_sha256("lost my card")].design == "d1"


def test_an_audit_is_written_though_the_same_was_said_before(sheet, path):
    sheet("text,answer\nLost my card,card\n")
    done = sheet()
    assert (done.written, done.replacing, done.standing) == (3, 1, 0)
    assert sheet().written == 0
    # A new design draws it again.
    assert sheet(AUDIT.replace("d1", "d2")).written == 2


def test_a_withdrawn_answer_can_be_imported_again(sheet, path):
    sheet()
    withdraw_answers(path, row="7", who="anna")
    assert sheet().written == 1
    assert stands(path)["7", "anna"] == ("label", ("card",))


def test_a_dry_run_writes_nothing(sheet, path):
    assert sheet(dry_run=True).written == 3
    assert not path.exists()
    sheet()
    before = path.read_bytes()
    assert sheet(AUDIT.replace("card,card,d1", "card,pin,d1"), dry_run=True).replacing == 1
    assert path.read_bytes() == before


def test_several_columns_are_named_for_their_people(sheet, path):
    done = sheet("text,label,anna,bob\nhello,hi,hi,ho\nbye,ho,,ho\n", "anna", "bob", who=None)
    assert (done.written, done.blank) == (3, 1)
    assert stands(path) == {
        ("1", "anna"): ("label", ("hi",)),
        ("1", "bob"): ("label", ("ho",)),
        ("2", "bob"): ("label", ("ho",)),
    }


@pytest.mark.parametrize(
    ("cell", "verdict", "labels"),
    [
        ("none of these", "label", ("none of these",)),
        ("None of These", "label", ("none of these",)),
        ("UNSURE", "label", ("Unsure",)),
        ("nothing", "none", ()),
        ("card ", "label", ("card",)),
        ("pin", "label", (" pin",)),
        ("Card", "label", ("Card",)),
        ("new one ", "label", ("new one",)),
    ],
)
def test_a_label_of_that_very_name_wins(sheet, path, cell, verdict, labels):
    table = "".join(
        f"t{i},{x},\n" for i, x in enumerate(["none of these", "Unsure", "card", " pin"])
    )
    sheet(
        f"text,label,answer\n{table}hello,card,{cell}\n",
        none_words=("none of these", "Nothing"),
    )
    assert stands(path) == {("5", "anna"): (verdict, labels)}


def test_labels_that_no_row_carries_are_told_of(sheet):
    done = sheet("text,label,answer\na,card,crad\nb,pin,crad\nc,pin,pin\nd,pin,zzz\n")
    assert done.written == 4
    (note,) = done.notes
    assert note.endswith(
        "audit.csv: 3 answers with labels that no row of this table carries: "
        "'crad' (did you mean 'card'?), 'zzz'; taken as they are"
    )
    # Where no labels are known, nothing is odd.
    assert sheet("text,answer\na,crad\n", who="bob").notes == ()
    # The rows of an audit are too few to have all labels.
    assert sheet(AUDIT.replace(",card,card,", ",card,other,"), who="cy").notes == ()


def test_copies_of_a_text_are_one_answer_and_must_agree(sheet, path):
    rows = "3,hello,hi,\n1,Hello ,hi,\n2,hello,hi,d1\n4,bye,hi,\n5,BYE,ho,\n6,x,hi,\n"
    text = "id,text,answer,design,inclusion\n" + rows.replace("d1", "d1,0.5")
    text = text.replace("hi,\n", "hi,,\n").replace("ho,\n", "ho,,\n")
    done = sheet(text)
    assert done.written == 2
    assert stands(path) == {("2", "anna"): ("label", ("hi",)), ("6", "anna"): ("label", ("hi",))}
    assert done.notes == (
        "rows 4, 5: the same text is answered in different ways by one person; left out: "
        "make the answers agree and import again",
    )


def test_texts_are_cut_as_the_models_read_them(sheet, path, tmp_path):
    sheet("text,answer\nabcdefgh,x\n", config=dataclasses.replace(DATA, max_text_chars=3))
    (answer,) = read_answers(path).answers
    assert answer.text_sha256 == text_sha256("abc")


def test_a_spreadsheet_may_write_a_decimal_comma(sheet, path):
    sheet('text,answer,design,stratum,inclusion\nhi,x,d1,,"0,25"\n')
    (answer,) = read_answers(path).answers
    assert answer.shown == Shown("audit", "d1", None, 0.25)


def test_what_labelmend_proposed_was_seen_where_its_columns_stand(sheet, path):
    sheet("text,mended_label,answer\nhi,x,x\n")
    (answer,) = read_answers(path).answers
    assert answer.saw == Saw(given=False, proposed=True)


@pytest.mark.parametrize("inclusion", ["", "0", "1.5", "nan", "x"])
def test_a_design_needs_its_inclusion(sheet, path, inclusion):
    with pytest.raises(
        InputError, match=r"row 1: column 'inclusion' has .* no probability above 0"
    ):
        sheet(f"text,answer,design,stratum,inclusion\nhi,x,d1,s,{inclusion}\n")
    assert not path.exists()


def test_an_answer_needs_a_text(sheet, path):
    with pytest.raises(InputError, match=r"rows 1, 3: an answer, but no text; fill it in"):
        sheet("text,answer\n ,x\n ,\n ,y\n")
    assert not path.exists()


def test_columns_that_can_not_be_used(sheet, tmp_path):
    with pytest.raises(ColumnError, match=r"--answer-column: no column 'answr'.*did you mean"):
        sheet(AUDIT, "answr")
    with pytest.raises(ColumnError, match="--answer-column text: holds the texts"):
        sheet(AUDIT, "text")
    request = TableRequest(tmp_path / "audit.csv", label_column="label")
    with pytest.raises(ColumnError, match="--answer-column label: holds the texts, given labels"):
        sheet(AUDIT, "label", request=request)
    with pytest.raises(ConfigError, match="--who eve: there are 2 answer columns"):
        sheet(AUDIT, "answer", "stratum", who="eve")
    with pytest.raises(ConfigError, match="--who: the name is blank"):
        sheet(who=" ")


def test_a_column_called_label_may_hold_the_answers(sheet, path):
    sheet("text,label\nhello,hi\n", "label")
    assert stands(path) == {("1", "anna"): ("label", ("hi",))}
    assert read_answers(path).answers[0].saw == Saw(given=False, proposed=False)


def test_nothing_is_appended_to_another_file(sheet, path, tmp_path):
    path.write_text("text,label\nhello,hi\n")
    with pytest.raises(InputError, match="is no file of answers"):
        sheet()
    assert path.read_text() == "text,label\nhello,hi\n"
    with pytest.raises(OutputError, match="is the input itself"):
        import_answers(ImportRequest(TableRequest(path)), path, DATA)


def test_notes_of_the_file_come_along(sheet, path):
    append_answers(path, [said("other", "x", "bob")])
    with path.open("a") as file:
        file.write('{"schema_ver')
    done = sheet()
    assert done.notes == (f"{path}: line 2: the last line was not written to its end; skipped",)
    assert len(read_answers(path).answers) == 4


def test_a_person_without_a_name_is_me(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    assert person_named(None) == "ada"
    assert person_named(" bob ") == "bob"
    assert person_named("b\udcffb") == "b?b"

    def nobody():
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert person_named(None) == "me"


def test_withdrawing_by_row_and_by_answer(path):
    anna, bob = said("pin", "a", "anna", row="7"), said("pin", "b", "bob", row="7")
    other = said("card", "b", "bob", row="8")
    append_answers(path, [anna, bob, other])
    with pytest.raises(InputError, match="row '7' was answered by 'anna', 'bob'; say with --who"):
        withdraw_answers(path, row="7")
    before = path.read_bytes()
    assert withdraw_answers(path, row="7", who="bob") == (bob,)
    assert path.read_bytes().startswith(before)
    assert withdraw_answers(path, answer=other.answer, who="carl") == (other,)
    assert withdraw_answers(path, row="7") == (anna,)
    assert read_answers(path).answers == ()
    lines = path.read_text().splitlines()[3:]
    assert ['"who": "bob"' in lines[0], '"who": "carl"' in lines[1]] == [True, True]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({}, "give either --id ROW_ID or --answer ID"),
        ({"row": "7", "answer": "x"}, "give either --id ROW_ID or --answer ID"),
        ({"row": "9"}, "no answer on row '9' stands in it"),
        ({"row": "7", "who": "eve"}, "no answer on row '7' by 'eve' stands in it"),
        ({"answer": "abc"}, "no answer 'abc' stands in it"),
    ],
)
def test_what_can_not_be_withdrawn(path, asked, refusal):
    append_answers(path, [said("pin", "a", "anna", row="7")])
    before = path.read_bytes()
    with pytest.raises(LabelmendError, match=refusal):
        withdraw_answers(path, **asked)
    assert path.read_bytes() == before


def test_a_summary_by_hand(path):
    gone = said("gone", "a", "carl")
    append_answers(path, [
        said("one", "a", "anna"), said("one", "a", "bob"),  # agree
        said("two", "a", "anna"), said("two", verdict="none", who="bob"),  # do not
        said("three", verdict="unsure", who="anna"), said("three", "a", "bob"),  # one spoke
        said("four", "b", "anna"), said("four", "a", "anna"),  # replaced
        gone,
    ])  # fmt: skip
    withdraw_answers(path, answer=gone.answer)
    found = summarise(path)
    assert (found.standing, found.texts) == (7, 4)
    assert found.people == {"anna": 4, "bob": 3}
    assert found.why == {"import": 7}
    assert (found.none, found.unsure, found.replaced, found.withdrawn) == (1, 1, 1, 1)
    assert (found.agreement.count, found.agreement.total) == (1, 2)


@pytest.mark.parametrize("mark", ["'", ""])
def test_a_sheet_for_spreadsheets_says_what_it_said_before(tmp_path, mark):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "id,text,label,answer,design,stratum,inclusion\n"
        f"1,{mark}=1+1 is what?,{mark}-a,{mark}-a,d,any,0.5\n"
        "2,where is it?,b,-a,d,any,0.5\n"
        "3,'quoted',b,b,d,any,0.5\n"
    )
    read = Sheet.read(TableRequest(sheet), Filled(who="anna"), DATA)
    assert read.texts == ["=1+1 is what?", "where is it?", "'quoted'"]
    assert read.carried == {"-a", "b"}
    assert [answer.labels for _, answer in read.answers()] == [("-a",), ("-a",), ("b",)]
