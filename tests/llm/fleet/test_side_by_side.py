"""Questions that are asked at the same time, by threads that nobody waits for."""

import threading
import time

import pytest

from labelmend.llm.fleet.side_by_side import side_by_side


def test_answers_come_in_order_from_as_many_threads_as_are_allowed():
    both = threading.Barrier(2, timeout=30)
    daemons = []

    def ask(number):
        both.wait()  # two at a time, no fewer
        daemons.append(threading.current_thread().daemon)
        return number * number

    assert side_by_side(ask, range(6), 2) == [0, 1, 4, 9, 16, 25]
    # So that the end of the process waits for none of them.
    assert daemons == [True] * 6
    assert side_by_side(ask, [], 2) == []


def test_after_an_error_no_question_is_begun():
    begun = []

    def ask(number):
        begun.append(number)
        if number == 1:
            raise ZeroDivisionError
        time.sleep(0.01)
        return number

    with pytest.raises(ZeroDivisionError):
        side_by_side(ask, range(1000), 1)
    assert len(begun) < 1000
