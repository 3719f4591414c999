"""Locks that end with their process, however it ends."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PATIENCE = 30.0
"""Seconds that one process waits while another puts its files in place, which takes milliseconds.
After that it goes on: the lock only keeps two of them from mixing their files."""

_LOOK_AGAIN = 0.005
"""Seconds between two tries."""


def lock(descriptor: int) -> bool | None:
    """Lock an open file or folder until it is closed.

    Returns:
        whether it is ours now; None where the file system has no locks.
    """
    if sys.platform == "win32":  # nothing is locked there, and nothing taken for dead
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def alone_in(folders: Iterable[Path]) -> Iterator[None]:
    """Keep other processes of labelmend from putting files in place in these folders."""
    with ExitStack() as held:
        # In one order, so that no two processes wait for each other.
        for folder in sorted(set(folders)):
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY)
                held.callback(os.close, descriptor)
                ends = time.monotonic() + _PATIENCE
                while lock(descriptor) is False and time.monotonic() < ends:
                    time.sleep(_LOOK_AGAIN)
        yield
