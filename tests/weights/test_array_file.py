import io
import zipfile

import numpy as np
import pytest

from labelmend.weights.array_file import read_arrays


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
