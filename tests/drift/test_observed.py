import os

import pytest

from labelmend.data.request import TableRequest
from labelmend.drift.observed import is_log, observed_log, observed_table
from labelmend.errors import InputError
from labelmend.journal.entries import Entry, Guess, LogRules
from labelmend.journal.log import Journal


def table(path, text):
    path.write_text(text)
    return path


def test_rows_come_in_the_order_of_their_texts(tmp_path):
    path = table(tmp_path / "t.csv", "text,label\nb,y\n ,x\na,x\nb,x\n")
    found = observed_table(TableRequest(path), 100)
    assert found.texts == ("a", "b", "b")
    assert found.labels == ("x", "x", "y")
    assert found.rows == ("3", "4", "1")
    assert (found.outside, found.doubtful, found.predicted) == (None, None, False)


def test_what_predict_wrote_is_a_models_word(tmp_path):
    path = table(
        tmp_path / "t.csv",
        "text,label,predicted_label,probability,is_oos\n"
        "a,x,y,0.9,False\nb,x,oos,0.4,True\nc,x,x,0.49,False\n",
    )
    found = observed_table(TableRequest(path), 100)
    assert found.labels == ("y", "oos", "x")
    assert found.predicted
    assert found.outside.tolist() == [False, True, False]
    assert found.doubtful.tolist() == [False, True, True]
    # Another column that is named is not a model's.
    other = observed_table(TableRequest(path, label_column="label"), 100)
    assert (other.labels, other.predicted) == (("x", "x", "x"), False)


def test_a_label_for_what_fits_none_says_so(tmp_path):
    path = table(tmp_path / "t.csv", "text,label\na,oos\nb,x\n")
    found = observed_table(TableRequest(path, oos_label="oos"), 100)
    assert found.outside.tolist() == [True, False]


def test_texts_are_cut_and_mended_labels_go_before_given_ones(tmp_path):
    path = table(tmp_path / "t.csv", "text,label,mended_label\nabcdef,x,z\n")
    found = observed_table(TableRequest(path), 3)
    assert (found.texts, found.labels) == (("abc",), ("z",))


def test_some_rows_are_drawn_and_keep_their_order(tmp_path):
    rows = "".join(f"t{n:02},x,{n / 100}\n" for n in range(50))
    path = table(tmp_path / "t.csv", f"text,predicted_label,probability\n{rows}")
    whole = observed_table(TableRequest(path), 100)
    some = whole.some(10, seed=1)
    assert len(some) == 10
    assert list(some.texts) == sorted(some.texts)
    assert [some.rows[i] for i in range(10)] == [str(int(text[1:]) + 1) for text in some.texts]
    assert some.doubtful.tolist() == [int(text[1:]) < 50 for text in some.texts]
    assert whole.some(10, seed=1).texts == some.texts
    assert whole.some(10, seed=2).texts != some.texts
    assert whole.some(50, seed=1) is whole


def test_columns_of_the_training_are_taken_where_they_are_there(tmp_path):
    path = table(tmp_path / "t.csv", "title,message,label\na,b,x\n")
    found = observed_table(TableRequest(path), 100, ("title", "message"))
    assert "a" in found.texts[0]
    assert "b" in found.texts[0]


def test_a_column_called_probability_may_be_the_users(tmp_path):
    path = table(tmp_path / "t.csv", "text,label,probability\na,x,high\n")
    assert observed_table(TableRequest(path), 100).doubtful is None


def entry(name, text, sender, label="card", probability=0.9, oos=False):
    guess = Guess("v1", label, probability, oos, ((label, probability),))
    return Entry(name, text, (guess,), sender=sender, at=1_700_000_000.0)


def test_a_senders_copies_of_a_text_count_once(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path, LogRules(texts=True)) as journal:
        journal.record(
            [
                entry("r1", "where is my card", "anna"),
                entry("r2", "where is my card", "anna"),
                entry("r3", "where is my card", "ben"),
                entry("r4", "bitcoin?", "anna", "oos", 0.3, oos=True),
            ]
        )
    assert is_log(path)
    found = observed_log(path, 100)
    assert found.texts == ("bitcoin?", "where is my card", "where is my card")
    assert found.labels == ("oos", "card", "card")
    assert found.rows[0] == "r4"
    assert found.outside.tolist() == [True, False, False]
    assert found.doubtful.tolist() == [True, False, False]
    assert found.predicted
    assert found.notes == ()


def test_a_log_without_texts_says_how_to_keep_them(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path) as journal:
        journal.record([entry("r1", "where is my card", "anna")])
    with pytest.raises(InputError, match=r"keeps no texts.*--log-texts"):
        observed_log(path, 100)


def test_what_is_no_log(tmp_path):
    path = table(tmp_path / "t.csv", "text\na\n")
    assert not is_log(path)
    assert not is_log(tmp_path / "missing")
    assert not is_log(tmp_path)
    # A pipe is not opened: nobody may ever write to it.
    os.mkfifo(tmp_path / "pipe")
    assert not is_log(tmp_path / "pipe")
