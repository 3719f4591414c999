"""Which texts an export is held against its model on."""

from dataclasses import replace

import pytest

from labelmend.classify.any_model import load_any
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError
from labelmend.workflows.export_check import check_texts


def test_the_demo_does_for_models_of_any_columns(word_sets, tmp_path):
    model = load_any(word_sets / "model")
    usual = check_texts(None, model, None)
    assert (usual.source, len(usual.texts)) == ("the demo's test texts", len(usual.labels))
    for columns in (("text", ["title"]), ("label", []), ("title", ["body"])):
        data = {"columns": {"text": columns[0], "more_text": columns[1]}}
        other = replace(model, card={**model.card, "data": data})
        assert check_texts(None, other, None) == usual
    # Of the user's tables the columns are those of the training.
    table = tmp_path / "t.csv"
    table.write_text("title,body\na card,mine\n")
    assert check_texts(TableRequest(table), other, None).texts == ("a card\nmine",)
    table.write_text("title,text\na card,mine\n")
    with pytest.raises(ColumnError, match="there is no 'body' here"):
        check_texts(TableRequest(table), other, None)
