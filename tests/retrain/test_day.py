"""A day at 15 minutes: 96 steps in a row, and a process that is killed at random moments."""

import random
import signal
import subprocess
import sys

import psutil
import pytest
from fixtures.retraining import LABELS, texts_of, write_rows_file

from labelmend.protocols import NoProgress
from labelmend.retrain.registry import Registry
from labelmend.retrain.rows import read_rows
from labelmend.workflows.retrain import retrain_project

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(3600)]

STEPS = 96
KILLS = 10

ENDLESS = """
import sys
from pathlib import Path
from labelmend.protocols import NoProgress
from labelmend.workflows.retrain import retrain_project
print("ready", flush=True)
while True:
    retrain_project(Path(sys.argv[1]), NoProgress())
    print("step", flush=True)
"""


def drop(project, number):
    """A file with two new rows a label: 80 texts of a label are known, and 336 are there."""
    first = 80 + 2 * number
    rows = [(text, label) for label in LABELS for text in texts_of(label, first + 2)[first:]]
    write_rows_file(project.parent / "inbox" / f"{number:03}.csv", rows)
    return {text for text, _ in rows}


def check(project, dropped):
    """Link, versions and history agree, and no row was taken twice or lost."""
    registry = Registry(project.parent / "registry")
    ids = registry.ids()
    assert ids == tuple(f"v{number:05}" for number in range(1, len(ids) + 1))
    assert tuple(event.version for event in registry.history()) == ids
    assert registry.champion() in ids
    assert registry.champions()[-1] == registry.champion()
    assert (registry.folder / "champion" / "model.json").is_file()
    taken = [row.text for name in ids for row in read_rows(registry.place(name))]
    assert len(taken) == len(set(taken))
    assert set(taken) <= dropped
    return set(taken)


def test_a_day_leaks_nothing(project):
    retrain_project(project, NoProgress())
    process, held, files, dropped = psutil.Process(), [], [], set()
    for number in range(STEPS):
        dropped |= drop(project, number)
        retrain_project(project, NoProgress(), promote_equal=number % 3 == 0)
        held.append(process.memory_info().rss / 2**20)
        files.append(process.num_fds())
    assert check(project, dropped) == dropped
    assert len(Registry(project.parent / "registry").ids()) == STEPS + 1
    # What libraries keep for themselves is there after a quarter of the day.
    assert held[-1] - held[STEPS // 4] < 40, held
    assert files[-1] <= files[STEPS // 4] + 2, files
    # Of all models, the last twenty of each kind are kept.
    kept = list((project.parent / "registry" / "versions").glob("*/model"))
    assert 20 <= len(kept) <= 41


def test_a_kill_at_any_moment_loses_no_row_and_takes_none_twice(project):
    drawn = random.Random(0)
    dropped, number = set(), 0
    for _ in range(KILLS):
        for _ in range(3):
            dropped |= drop(project, number)
            number += 1
        child = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(project)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(drawn.uniform(0.1, 6))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        if (project.parent / "registry" / "champion").exists():
            check(project, dropped)
    retrain_project(project, NoProgress())
    assert check(project, dropped) == dropped
    assert not list((project.parent / "registry" / "staging").glob("*"))
