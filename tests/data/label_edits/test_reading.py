"""A table read with edits of its labels: the dataset, votes and answers know the new names only."""

import pytest
from fixtures.answers import said
from fixtures.label_edits import after, merge, rename, split, write_edits

from labelmend.configs.load import load_config
from labelmend.data.answers import AnswerFile, match_answers
from labelmend.data.cells.read import LabelRules
from labelmend.data.label_edits.file import EditsFile, read_label_edits
from labelmend.data.request import TableRequest, load_table
from labelmend.errors import InputError
from labelmend.types import NO_LABEL, LabelCard

CONFIG = load_config("embedded").data

ROWS = "text,label,said\nlost it,card,card\nwhere,card,money\nhow much,fees,cash\nhi,oos,\nbye,,x\n"


@pytest.fixture
def load(tmp_path):
    def loaded(*entries, rows=ROWS, written=(), **request):
        table = tmp_path / "t.csv"
        table.write_text(rows, "utf-8")
        edits = read_label_edits(write_edits(tmp_path / "e.jsonl", *entries))
        cards = {name: LabelCard(name, "", (), "user") for name in written}
        return load_table(TableRequest(table, **request), CONFIG, edits.cards(cards), edits)

    return loaded


def test_given_labels_get_their_new_names(load):
    data = load(rename("card", "lost card"), merge("fees", "oos")).dataset
    assert data.labels == ("lost card", "oos")
    assert data.given.tolist() == [0, 0, 1, 1, NO_LABEL]
    assert data.former_names == {"card": "lost card", "fees": "oos"}


def test_the_table_itself_stays_as_it_is(load):
    table = load(rename("card", "lost card")).table
    assert table.values("label") == ["card", "card", "fees", "oos", ""]


def test_a_note_says_what_was_applied_and_to_how_many_rows(load):
    loaded = load(rename("card", "lost card"), rename("oos", "none"), split("fees", "abroad"))
    (note,) = (note for note in loaded.notes if "labels were edited" in note)
    assert note.endswith("2 renamed, 1 split; 3 rows carry another name by that")


def test_a_new_label_joins_the_set(load):
    assert load(split("fees", "abroad")).dataset.labels == ("abroad", "card", "fees", "oos")


def test_votes_of_others_follow(load):
    edits = rename("card", "lost card"), merge("fees", "money", rows=1)
    loaded = load(*edits, written=["money"], vote_columns=("said",))
    assert loaded.dataset.labels == ("lost card", "money", "oos")
    assert loaded.votes["said"].tolist() == [0, 1, NO_LABEL, NO_LABEL, NO_LABEL]


def test_the_out_of_scope_label_is_found_by_its_old_name(load):
    loaded = load(rename("oos", "small talk"))
    assert loaded.dataset.labels[loaded.dataset.oos] == "small talk"
    named = load(rename("fees", "money"), oos_label="fees").dataset
    assert named.labels[named.oos] == "money"
    assert load(rename("card", "lost")).dataset.oos == 2


def test_answers_that_say_an_old_name_follow(load, tmp_path):
    data = load(rename("card", "lost card"), merge("fees", "oos")).dataset
    answers = [said("lost it", "fees"), said("where", "card"), said("hi", "lost card")]
    answers += [said("bye", "gone"), said("how much", verdict="none")]
    matched = match_answers(data, AnswerFile(tmp_path / "a.jsonl", tuple(answers)))
    assert [data.labels[k] for k in matched.label] == ["oos", "lost card", "lost card", "oos"]
    assert matched.notes[-1].endswith(
        "1 answer has a label that the table lacks: 'gone'; kept, but not used"
    )


def test_a_merged_label_that_the_table_spells_in_two_ways(load):
    rows = "text,label\na,Card Lost\nb,card_lost\nc,card_lost\nd,fees\n"
    rules = LabelRules(merge_spellings=True)
    assert load(rows=rows, rules=rules).dataset.labels == ("card_lost", "fees")
    # The edit knows the label by the name that the run chose.
    data = load(rename("card_lost", "card lost"), rows=rows, rules=rules).dataset
    assert (data.labels, data.given.tolist()) == (("card lost", "fees"), [0, 0, 0, 1])


def test_edits_of_another_table_are_refused(load):
    with pytest.raises(InputError, match="line 1: speaks of 'pin', which is no label of the"):
        load(rename("pin", "x"))
    with pytest.raises(InputError, match="there is a label 'fees' already; merge the two"):
        load(rename("card", "fees"))


def test_labels_that_are_all_merged_leave_nothing_to_tell_apart(load):
    with pytest.raises(InputError, match="is the only label"):
        load(merge("card", "oos"), merge("fees", "oos"))


def test_names_that_a_record_tells_need_no_table(load):
    names = EditsFile.of_names({"a": "b"})
    names.check({"x"}, ())
    assert names.labels.now("a") == "b"
    assert after().names == {}
