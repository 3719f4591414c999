import threading
import time

import pytest

from labelmend import parallel
from labelmend.parallel import LOCAL, blocks_of


def test_blocks_cover_all_rows_in_order():
    assert list(blocks_of(5, 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(blocks_of(0, 2)) == []


@pytest.mark.parametrize("one_core", [False, True])
def test_results_come_in_the_order_of_the_blocks(one_core):
    def work(number):
        time.sleep(0.01 * (3 - number % 4))
        return number * number

    assert list(LOCAL.map_blocks(work, range(9), one_core=one_core)) == [i * i for i in range(9)]


def test_blocks_that_keep_one_core_busy_run_side_by_side(monkeypatch):
    monkeypatch.setattr(parallel, "usable_cores", lambda: 3)
    together = threading.Barrier(3, timeout=10)
    done = LOCAL.map_blocks(lambda _: together.wait() >= 0, range(3), one_core=True)
    assert list(done) == [True] * 3


def test_an_error_of_the_work_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(LOCAL.map_blocks(lambda n: 1 // n, [1, 0], one_core=True))
