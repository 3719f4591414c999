import numpy as np

from labelmend.audit.sets.counts import RowCounts

# Labels a, b, c, d. One row: given a, b; now a, c; holds a, d.
GIVEN = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
MENDED = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=bool)
TRUTH = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
COUNTED = RowCounts.of(GIVEN, MENDED, TRUTH)


def test_what_is_counted():
    found = {name: getattr(COUNTED, name).tolist() for name in RowCounts.__dataclass_fields__}
    assert found == {
        "given": [2, 0, 1],
        "mended": [2, 0, 1],
        "holds": [2, 0, 1],
        "missing_before": [1, 0, 0],
        "missing_after": [1, 0, 1],
        "false_before": [1, 0, 0],
        "false_after": [1, 0, 1],
        "removed": [1, 0, 1],
        "added": [1, 0, 1],
        "removed_holding": [0, 0, 1],
        "added_false": [1, 0, 1],
    }
    # Of the first row's changes, taking b away is right and adding c is not.
    assert COUNTED.changes.tolist() == [2, 0, 2]
    assert COUNTED.right_changes.tolist() == [1, 0, 0]
    assert COUNTED.right_before.tolist() == [False, True, True]
    assert COUNTED.right_after.tolist() == [False, True, False]


def test_some_rows_in_an_order():
    some = RowCounts.join([COUNTED.rows(np.array([2])), COUNTED.rows(np.array([1, 0]))])
    assert len(some) == 3
    assert some.removed_holding.tolist() == [1, 0, 0]
