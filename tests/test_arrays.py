import numpy as np

from labelmend.arrays import unit_rows


def test_unit_rows_leave_zeros():
    assert unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0, 0],
    ]
