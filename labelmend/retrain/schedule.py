"""A step every so often, in this process: one at a time, and one that overlaps is skipped."""

import queue
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from labelmend.errors import ConfigError
from labelmend.extras import require

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds of each."""

_EVERY = re.compile(r"(\d{1,6})\s*([smhd])")


def seconds_of(every: str) -> int:
    """Read how often, such as 15m.

    Raises:
        ConfigError: it is no such time.
    """
    found = _EVERY.fullmatch(every.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not seconds:
        raise ConfigError(f"--every {every}: give a time such as 90s, 15m, 2h or 1d")
    return seconds


def repeat(seconds: float, work: Callable[[], None], skipped: Callable[[], None]) -> None:
    """Work now and every so many seconds, until Ctrl-C or an error.

    The work is done in this thread, so that Ctrl-C ends it at once; only the clock has its own.

    Args:
        seconds: from the beginning of one turn to that of the next.
        work: one turn.
        skipped: hears that a turn was due while the one before was still at work.

    Raises:
        ExtraMissingError: APScheduler is not installed.
    """
    require("apscheduler", by="--every")
    from apscheduler.schedulers.background import BackgroundScheduler

    due: queue.SimpleQueue[None] = queue.SimpleQueue()
    busy = threading.Event()

    def tick() -> None:
        if busy.is_set():
            skipped()
        else:
            busy.set()
            due.put(None)

    scheduler = BackgroundScheduler(timezone=UTC)
    # A machine that slept takes one turn when it wakes, not all that it missed.
    scheduler.add_job(
        tick,
        "interval",
        seconds=seconds,
        next_run_time=datetime.now(UTC),
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        while True:
            due.get()
            work()
            busy.clear()
    finally:
        scheduler.shutdown(wait=False)
