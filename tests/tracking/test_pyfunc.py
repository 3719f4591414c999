import csv

import pandas as pd
import pytest

from labelmend.configs.load import load_config
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.tracking.pyfunc import _load_pyfunc
from labelmend.workflows.predict import PREDICTED, predict_file

TEXTS = ["where is my card", "what time", "money please", "nothing of it", "   ", "time, money"]


@pytest.fixture(scope="module")
def predicted(word_models, tmp_path_factory):
    """What `labelmend predict` says of the texts."""
    folder = tmp_path_factory.mktemp("predicted")
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in TEXTS)])
    request = TableRequest(folder / "in.csv")
    predict_file(word_models / "model", request, folder / "out.csv", load_config(), NoProgress())
    with (folder / "out.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "given",
    [
        TEXTS,
        pd.Series(TEXTS, index=range(10, 16)),
        pd.DataFrame({"other": ["x"] * 6, "text": TEXTS}),
        pd.DataFrame({"utterance": TEXTS}),
    ],
    ids=["list", "series", "column of the training", "one column"],
)
def test_it_predicts_as_predict_does(word_models, predicted, given):
    found = _load_pyfunc(str(word_models / "model")).predict(given)
    assert tuple(found.columns) == PREDICTED
    assert found.predicted_label.tolist() == [row["predicted_label"] for row in predicted]
    assert found.top_3.tolist() == [row["top_3"] for row in predicted]
    for flag, probability, row in zip(found.is_oos, found.probability, predicted, strict=True):
        if row["probability"]:
            assert probability == pytest.approx(float(row["probability"]), abs=1e-6)
            assert str(flag).casefold() == row["is_oos"].casefold()
        else:  # of a blank text nothing is said
            assert pd.isna(probability)
            assert not flag
    if isinstance(given, pd.Series):
        assert found.index.tolist() == list(range(10, 16))


def test_a_missing_text_is_a_blank_one(word_models):
    found = _load_pyfunc(str(word_models / "model")).predict(pd.DataFrame({"text": [None, "card"]}))
    assert found.predicted_label.tolist() == ["", "card"]


def test_one_text_is_one_row(word_models):
    assert _load_pyfunc(str(word_models / "model")).predict("card").predicted_label.tolist() == [
        "card"
    ]
