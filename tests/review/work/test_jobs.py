import os
import sys
import threading
import time

import pytest

from labelmend.review.work.jobs import Job


def until(condition, seconds=120.0):
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.01)
    assert condition()


def python(code):
    return [sys.executable, "-c", code]


def test_what_is_done_when_a_child_has_ended_well():
    job, done = Job(), threading.Event()
    assert job.start(python(""), done.set)
    until(lambda: job.state.phase == "done")
    assert done.is_set()


def test_the_last_words_of_a_child_that_failed():
    job, done = Job(), threading.Event()
    job.start(python("import sys; print('first', file=sys.stderr); sys.exit('no room')"), done.set)
    until(lambda: job.state.phase == "failed")
    assert (job.state.said, done.is_set()) == ("no room", False)


def test_what_fails_afterwards_is_kept_too():
    def then():
        raise ValueError("cannot be read")

    job = Job()
    job.start(python(""), then)
    until(lambda: job.state.phase == "failed")
    assert job.state.said == "cannot be read"


def test_one_at_a_time_and_none_after_the_end(tmp_path):
    job = Job()
    there = tmp_path / "pid"
    code = f"import os, time; open({str(there)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    assert job.start(python(code), lambda: None)
    assert not job.start(python(""), lambda: None)
    until(lambda: there.exists() and there.read_text())
    job.close()
    until(lambda: job.state.phase == "failed")
    with pytest.raises(ProcessLookupError):
        os.kill(int(there.read_text()), 0)
    assert not job.start(python(""), lambda: None)
