from types import SimpleNamespace

import pytest

from labelmend.data.read import read_table
from labelmend.errors import ColumnError
from labelmend.workflows.predict import trained_columns


@pytest.fixture
def columns(tmp_path):
    def found(header, card):
        path = tmp_path / "t.csv"
        path.write_text(f"{header}\n{','.join('a' for _ in header.split(','))}\n")
        return trained_columns(SimpleNamespace(card=card), read_table(path))

    return found


def test_the_columns_of_the_training_are_read_where_they_are(columns):
    two = {"data": {"columns": {"text": "subject", "label": "k", "more_text": ["body"]}}}
    assert columns("body,subject,text", two) == ("subject", "body")
    assert columns("text,k", two) is None
    with pytest.raises(ColumnError) as caught:
        columns("subject,text", two)
    assert str(caught.value).endswith(
        "t.csv: the model was trained on 'subject' and 'body', and there is no 'body' here; name "
        "the columns with --text-column"
    )


@pytest.mark.parametrize(
    "card", [{}, {"data": 3}, {"data": {}}, {"data": {"columns": []}}, {"data": {"columns": {}}}]
)
def test_a_card_that_says_nothing(columns, card):
    assert columns("text,k", card) is None


def test_a_card_of_one_column(columns):
    assert columns("text,query", {"data": {"columns": {"text": "query", "label": "k"}}}) == (
        "query",
    )
