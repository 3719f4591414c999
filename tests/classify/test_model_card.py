import io
import json
import zipfile

import numpy as np
import pytest

from labelmend.classify.model_card import check_card, read_arrays, read_json
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


def arrays(tmp_path, **held):
    path = tmp_path / "arrays.npz"
    np.savez(path, **held)
    return path


def test_arrays_come_back(tmp_path):
    one, two = np.arange(3.0), np.ones((2, 3), dtype=np.float16)
    path = arrays(tmp_path, one=one, two=two, more=np.array(["x"]))
    found = read_arrays(path, {"one": 1, "two": 2})
    assert found.keys() == {"one", "two"}
    assert np.array_equal(found["one"], one)
    assert found["two"].dtype == np.float16
    with pytest.raises(LookupError, match="has no array 'three'"):
        read_arrays(path, {"three": 1})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([{"x": 1}], dtype=object), "one would need allow_pickle"),
        (np.arange(3), "one is of type int64, not of floating-point numbers"),
        (np.ones(3, dtype=complex), "one is of type complex128"),
        (np.ones((3, 1)), "one has 2 axes, not 1"),
        (np.array([1.0, np.nan]), "one holds numbers that are not finite"),
    ],
)
def test_other_arrays(tmp_path, value, said):
    with pytest.raises(ValueError, match=said):
        read_arrays(arrays(tmp_path, one=value), {"one": 1})


@pytest.mark.parametrize(
    ("shape", "method", "said"),
    [
        ((1 << 40,), zipfile.ZIP_STORED, "one has another size than it says"),
        ((4,), zipfile.ZIP_DEFLATED, "one is packed"),
    ],
)
def test_nothing_is_unpacked_that_is_larger_than_the_file(tmp_path, shape, method, said):
    head = io.BytesIO()
    described = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, described)
    path = tmp_path / "arrays.npz"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("one.npy", head.getvalue() + b"\0" * 32)
    with pytest.raises(ValueError, match=said):
        read_arrays(path, {"one": 1})
