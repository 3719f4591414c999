"""Several files appear together: killed at each system call, failed, interrupted, and settled."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labelmend.data.outputs import publication as module
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.publication import WRITTEN, Publication
from labelmend.data.write import atomic_files, atomic_folder
from labelmend.errors import OutputError

NAMES = ("a.csv", "b.jsonl", "c.json")

WRITER = """
import os, sys
from pathlib import Path
from labelmend.data.outputs.publication import Publication
publication = Publication([Path(sys.argv[1]) / name for name in sys.argv[2:]])
try:
    for name in publication.begin():
        name.write_text("new")
    os.getpriority(os.PRIO_PROCESS, 0)  # tells in the trace where all is written
    publication.commit()
    os.getpriority(os.PRIO_PROCESS, 0)
finally:
    publication.close()
"""
ROOT = Path(__file__).parents[3]


def old_files(folder, names=NAMES):
    for name in names:
        (folder / name).write_text("old")
    return folder


def found(folder):
    """What the files say, and the names of ours that are left."""
    names = sorted(path.name for path in folder.iterdir())
    return (
        {name: (folder / name).read_text() for name in names if not name.startswith(".")},
        [name for name in names if name.startswith(".")],
    )


def of(word):
    return dict.fromkeys(NAMES, word)


def write(folder, *options):
    """Run the writer under strace."""
    command = ["strace", "-f", *options, sys.executable, "-c", WRITER, folder, *NAMES]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The system calls of a publication, each with its place among those of its name."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = old_files(tmp_path_factory.mktemp("traced"))
    trace = folder.parent / "trace.txt"
    for _ in range(2):  # the first run may compile
        old_files(folder)
        done = write(folder, "-o", trace)
        if done.returncode:
            pytest.skip(f"strace can't trace here: {done.stderr.strip()[:200]}")
    assert found(folder) == (of("new"), [])
    counts, made = {}, []
    for line in trace.read_text().splitlines():
        if named := re.match(r"(?:\d+ +)?(\w+)\(", line):
            name = named[1]
            counts[name] = counts.get(name, 0) + 1
            made.append((name, counts[name]))
    first, last = (n for n, (name, _) in enumerate(made) if name == "getpriority")
    return made[first + 1 : last]


def test_killed_at_each_system_call_it_is_all_or_nothing(calls, tmp_path):
    renames = [n for n, (name, _) in enumerate(calls) if name.startswith("rename")]
    assert len(renames) == 3
    decided = max(n for n, (name, _) in enumerate(calls[: renames[0]]) if name == "write")
    ends = []
    for point in range(decided, renames[-1] + 4):
        name, when = calls[point]
        folder = tmp_path / str(point)
        folder.mkdir()
        old_files(folder)
        done = write(folder, f"--inject={name}:signal=KILL:when={when}", "-e", f"trace={name}")
        if done.returncode == 0:  # the interpreter made a call less to start
            assert found(folder) == (of("new"), [])
            continue
        files, left = found(folder)
        # Who looks into the folder now sees that a run has not come to its end.
        assert any(name.endswith(".journal") for name in left), (point, files)
        if point in renames:
            assert list(files.values()) == ["new"] * (when - 1) + ["old"] * (4 - when)
        settle(folder / "a.csv")
        files, left = found(folder)
        assert set(files.values()) in ({"old"}, {"new"}), (point, files)
        assert not left
        ends.append(files["a.csv"])
        if point in renames:
            assert files == of("new")
    assert set(ends) == {"old", "new"}
    assert len(ends) > 10


def killed(folder, renames):
    """Publish, and die as by kill -9 after so many renames."""
    child = os.fork()
    if child == 0:
        put = module.put
        done = []

        def put_or_die(*piece):
            if len(done) == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(piece)
            put(*piece)

        module.put = put_or_die
        publication = Publication([folder / name for name in NAMES])
        for name in publication.begin():
            name.write_text("new")
        publication.commit()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_what_a_killed_run_began_is_finished_and_told(tmp_path, renames):
    killed(old_files(tmp_path), renames)
    files, left = found(tmp_path)
    assert list(files.values()) == ["new"] * renames + ["old"] * (3 - renames)
    assert len(left) == 1 + 3 - renames
    # From any path in the folder.
    (note,) = settle(tmp_path / "another.csv", None)
    rest = ", ".join(str(tmp_path / name) for name in NAMES[renames:])
    assert note == f"a run was killed while it put its files in place; this was finished: {rest}"
    assert found(tmp_path) == (of("new"), [])
    assert settle(tmp_path / "a.csv") == ()


def test_what_somebody_changed_meanwhile_stays(tmp_path):
    killed(old_files(tmp_path), 0)
    (tmp_path / "c.json").write_text("mine")
    assert settle(tmp_path / "a.csv") == ()
    assert found(tmp_path) == ({**of("old"), "c.json": "mine"}, [])
    # Where some are in place already, the others follow.
    killed(old_files(tmp_path), 1)
    (tmp_path / "c.json").write_text("mine")
    settle(tmp_path / "a.csv")
    assert found(tmp_path) == ({**of("new"), "c.json": "mine"}, [])


def test_what_was_damaged_on_its_way_is_not_put_in_place(tmp_path):
    killed(old_files(tmp_path), 1)
    (last,) = tmp_path.glob(".labelmend-*-2.json")
    last.write_text("half")
    settle(tmp_path / "a.csv")
    assert found(tmp_path) == ({**of("new"), "c.json": "old"}, [])


LIVING = """
import sys
from pathlib import Path
from labelmend.data.outputs.publication import Publication
publication = Publication([Path(sys.argv[1]) / "a.csv", Path(sys.argv[1]) / "c.json"])
for name in publication.begin():
    name.write_text("theirs")
print("written", flush=True)
sys.stdin.readline()
publication.commit()
publication.close()
"""


def test_what_a_living_process_writes_is_left_alone_and_what_a_dead_one_left_is_not(tmp_path):
    old_files(tmp_path)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", LIVING, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == b"written\n"
    living, dead = both
    assert len(found(tmp_path)[1]) == 6
    dead.kill()
    dead.communicate()
    assert settle(tmp_path / "a.csv") == ()
    assert len(found(tmp_path)[1]) == 3
    living.communicate(b"go\n", timeout=30)
    assert found(tmp_path) == ({"a.csv": "theirs", "b.jsonl": "old", "c.json": "theirs"}, [])


def test_names_of_an_older_version_and_of_others_are_left_alone(tmp_path):
    for name in (".labelmend-0123456789abcdef.csv", ".labelmend-notes.journal"):
        (tmp_path / name).write_text("x")
    (tmp_path / f".labelmend-{'0' * 16}.journal").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / f".labelmend-{'1' * 16}.journal")
    assert settle(tmp_path / "a.csv") == ()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_journal_of_a_stranger_reaches_nothing_outside_its_folder(tmp_path):
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    theirs.mkdir()
    mine.mkdir()
    old_files(mine)
    token = f".labelmend-{'a' * 16}"
    (theirs / f"{token}-0").write_text("evil")
    evil = hashlib.sha256(b"evil").hexdigest()
    old = hashlib.sha256(b"old").hexdigest()
    for target in ("../mine/a.csv", str(mine / "a.csv"), "..", "."):
        piece = {"name": f"{token}-0", "target": target, "before": old, "after": evil}
        said = {"pieces": [piece], "home": None, "others": []}
        (theirs / f"{token}.journal").write_text(json.dumps(said) + "\n")
        settle(theirs / "x.csv")
        assert found(mine) == (of("old"), [])
    # Nor does one that names another one as the one to decide, which names it in turn.
    for folder, other in ((theirs, mine), (mine, theirs)):
        said = {"pieces": [], "home": str(other / f"{token}.journal"), "others": []}
        (folder / f"{token}.journal").write_text(json.dumps(said) + "\n")
    settle(theirs / "x.csv", mine / "x.csv")
    assert found(mine)[0] == of("old")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_journal_of_another_user_is_left_alone(tmp_path):
    killed(old_files(tmp_path), 1)
    (journal,) = tmp_path.glob("*.journal")
    os.chown(journal, 12345, 12345)
    before = found(tmp_path)
    assert settle(tmp_path / "a.csv") == ()
    assert found(tmp_path) == before


def test_files_in_two_folders_are_one_too(tmp_path):
    for renames, home in ((0, "one"), (1, "one"), (1, "two")):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
        old_files(tmp_path / "one", NAMES[:2])
        old_files(tmp_path / "two", NAMES[2:])
        for name in NAMES:
            (tmp_path / name).unlink(missing_ok=True)
            place = "two" if name == "c.json" else "one"
            (tmp_path / name).symlink_to(tmp_path / place / name)
        killed(tmp_path, renames)
        # Whichever of the folders is looked at first.
        settle(tmp_path / home / "x.csv")
        assert {name: (tmp_path / name).read_text() for name in NAMES} == of("new")
        assert found(tmp_path / "one")[1] == found(tmp_path / "two")[1] == []


def fail_at(monkeypatch, number, error):
    """Let the rename of that number fail, once."""
    put, done = module.put, []

    def failing(*piece):
        done.append(piece)
        if len(done) == number:
            raise error
        put(*piece)

    monkeypatch.setattr(module, "put", failing)


def test_a_first_rename_that_fails_leaves_all_as_it_was(tmp_path, monkeypatch):
    old_files(tmp_path)
    fail_at(monkeypatch, 1, OSError(5, "Input/output error"))
    with pytest.raises(OutputError, match="what was there before is untouched"):
        publish(tmp_path)
    assert found(tmp_path) == (of("old"), [])


def publish(folder):
    with atomic_files([folder / name for name in NAMES]) as names:
        for name in names:
            name.write_text("new")


def test_a_third_rename_that_fails_is_made_up_for_by_the_next_command(tmp_path, monkeypatch):
    old_files(tmp_path)
    fail_at(monkeypatch, 3, OSError(5, "Input/output error"))
    with pytest.raises(OutputError, match="the next command in this folder does the rest"):
        publish(tmp_path)
    assert found(tmp_path)[0] == {**of("new"), "c.json": "old"}
    assert len(settle(tmp_path / "a.csv")) == 1
    assert found(tmp_path) == (of("new"), [])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_ctrl_c_between_renames_comes_too_late_and_says_so(tmp_path, monkeypatch, number):
    old_files(tmp_path)
    fail_at(monkeypatch, number, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match=WRITTEN):
        publish(tmp_path)
    assert found(tmp_path) == (of("new"), [])


def test_a_folder_that_was_taken_away_when_its_run_was_killed_comes_back_whole(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "card").write_text("old")
    child = os.fork()
    if child == 0:
        replace = Path.replace

        def die(path, target):
            if not path.name.endswith(("model", "-old")):
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(path, target)

        Path.replace = die
        with atomic_folder(folder) as name:
            (name / "card").write_text("new")
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert not folder.exists()
    assert len(settle(folder)) == 1
    assert (folder / "card").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
