import json

import pytest

from labelmend.classify.model_card import check_card, read_json
from labelmend.errors import ModelError

SHA = "0" * 64
CARD = {
    "format": 2,
    "kind": "logreg",
    "labels": ["a", "b", "oos"],
    "oos_label": "oos",
    "encoders": [{"model": "x", "sha256": SHA}],
    "max_text_chars": 4000,
    "neighbours": 3,
    "inverse_temperature": 1.5,
    "detector": {"slope": None, "offset": None, "threshold": "inf", "source": "equal weights"},
    "files": {"arrays.npz": {"sha256": SHA, "bytes": 9}},
    "notes": ["more"],
}


def test_a_card_as_it_should_be():
    check_card(CARD)
    check_card({**CARD, "inverse_temperature": 1, "oos_label": None})
    check_card({**CARD, "inverse_temperature": None, "sharpness": 1.5})  # format 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("kind", 3, "kind: Input should be a valid string"),
        ("labels", ["a"], "labels: List should have at least 2 items"),
        ("labels", ["a", "a", "oos"], "a label is there twice"),
        ("labels", ["a", 3], "labels.1: Input should be a valid string"),
        ("labels", ["a", "", "oos"], "labels.1: String should have at least 1 character"),
        ("oos_label", "c", "oos_label is none of the labels"),
        ("neighbours", 10**9, "neighbours: Input should be less than or equal to 1000000"),
        ("neighbours", "3", "neighbours: Input should be a valid integer"),
        ("inverse_temperature", 10**400, "inverse_temperature: "),
        ("inverse_temperature", None, "inverse_temperature is missing"),
        ("max_text_chars", 0, "max_text_chars: Input should be greater than or equal to 1"),
        ("encoders", [{"model": "x"}], "an encoder has no sha256"),
        ("encoders", [], "encoders: List should have at least 1 item"),
        ("detector", {**CARD["detector"], "threshold": "nan"}, "detector.threshold"),
        ("files", {"arrays.npz": {"sha256": "x", "bytes": 1}}, "files.arrays.npz.sha256: String"),
    ],
)
def test_a_card_that_says_something_else(field, value, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        check_card({**CARD, field: value})


def test_a_card_that_is_no_json_of_ours(tmp_path):
    path = tmp_path / "model.json"
    for raw in (
        b"[]",
        b"{",
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b"9" * 5000,
    ):
        path.write_bytes(raw)
        assert read_json(path) is None
    path.write_text(json.dumps(CARD))
    assert read_json(path) == CARD
    with pytest.raises(ModelError, match=r"can't be read \(Is a directory\)"):
        read_json(tmp_path)
