import threading

import pytest

from labelmend.errors import ConfigError
from labelmend.retrain.schedule import repeat, seconds_of


@pytest.mark.parametrize(
    ("told", "seconds"), [("15m", 900), ("90s", 90), ("2h", 7200), (" 1 d ", 86400)]
)
def test_how_often(told, seconds):
    assert seconds_of(told) == seconds


@pytest.mark.parametrize("told", ["", "0s", "15", "m", "-5m", "1.5h", "15min"])
def test_what_is_no_time(told):
    with pytest.raises(ConfigError, match="give a time such as 90s, 15m, 2h or 1d"):
        seconds_of(told)


class EnoughError(Exception):
    pass


def test_turns_come_at_once_and_again_in_this_thread():
    turns = []

    def work():
        turns.append(threading.current_thread())
        if len(turns) == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        repeat(0.05, work, lambda: None)
    assert turns == [threading.current_thread()] * 3


def test_a_turn_that_overlaps_is_skipped_and_told():
    told = threading.Event()
    turns = []

    def work():
        turns.append(told.wait(20))
        if len(turns) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        repeat(0.05, work, told.set)
    assert turns[0]


def test_the_clock_stops_with_the_work():
    def work():
        raise EnoughError

    with pytest.raises(EnoughError):
        repeat(100, work, lambda: None)
    clocks = [thread for thread in threading.enumerate() if "APScheduler" in thread.name]
    for thread in clocks:
        thread.join(5)
    assert not any(thread.is_alive() for thread in clocks)
