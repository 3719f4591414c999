from dataclasses import replace

import numpy as np
import pytest

from labelmend import make_dataset, mend
from labelmend.data.duplicates import unique_texts
from labelmend.data.task import require_task
from labelmend.errors import InputError
from labelmend.types import NO_LABEL

SINGLE = make_dataset(["x", "y", "X", "z"], ["a", "b", "b", None])
LINE = r"^mend can't work on soft labels: give a table with one label a row$"


def test_a_data_set_has_one_label_a_row_unless_it_says_otherwise():
    assert SINGLE.task == "single"
    require_task(SINGLE, {"single"}, "mend")
    require_task(replace(SINGLE, task="soft"), {"single", "soft"}, "mend")


def test_a_stage_that_can_not_do_a_task_says_so():
    with pytest.raises(InputError, match=LINE):
        require_task(replace(SINGLE, task="soft"), {"single"}, "mend")
    several = replace(SINGLE, task="several")
    with pytest.raises(InputError) as caught:
        require_task(several, {"soft", "single"}, "a stage")
    assert str(caught.value) == (
        "a stage can't work on several labels a row: "
        "give a table with one label a row or soft labels"
    )


def test_mending_says_so_before_it_looks_for_models():
    with pytest.raises(InputError, match=LINE):
        mend(replace(SINGLE, task="soft"))


def test_assignments_are_the_labels_of_the_rows_one_by_one():
    rows, labels = SINGLE.assignments()
    assert SINGLE.given.tolist() == [0, 1, 1, NO_LABEL]
    assert (rows.tolist(), labels.tolist()) == ([0, 1, 2], [0, 1, 1])
    # Rows 1 and 3 are one text, given a and b.
    counts = unique_texts(SINGLE).given
    assert counts.dtype == np.float32
    assert counts.toarray().tolist() == [[1, 1], [0, 1], [0, 0]]
