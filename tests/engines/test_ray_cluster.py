"""Joining a Ray cluster, and the one line where that can't be done."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from labelmend.engines import ray_cluster as engine
from labelmend.engines.choose import HERE, Engine
from labelmend.engines.ray_cluster import Node, joined_cluster, nodes_of
from labelmend.errors import ClusterError, ExtraMissingError
from labelmend.parallel import LOCAL, usable_cores

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "labelmend" / "data" / "demo" / "train_noisy.csv"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", r"^--ray-address 127.0.0.1:1: nobody answers at 127.0.0.1:1 \(Connection"),
        ("[::1]:1", r"^--ray-address \[::1\]:1: nobody answers at"),
        ("no.such.invalid:6379", r"nobody answers at no.such.invalid:6379 \("),
        ("127.0.0.1:99999", r"nobody answers at 127.0.0.1:99999"),
        ("there", r"^--ray-address 'there': give auto, local, or HOST:PORT$"),
        (":6379", r"give auto, local, or HOST:PORT$"),
        ("here:port", r"give auto, local, or HOST:PORT$"),
        ("", r"give auto, local, or HOST:PORT$"),
    ],
)
def test_an_address_that_is_none(address, said):
    pytest.importorskip("ray", reason="ray is not installed: pip install 'labelmend[ray]'")
    with pytest.raises(ClusterError, match=said) as raised, joined_cluster(address):
        pass
    assert "\n" not in str(raised.value)


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    said = (
        "^--executor ray needs ray, which is not installed; "
        r"run: pip install 'labelmend\[ray\]', or leave --executor out$"
    )
    with pytest.raises(ExtraMissingError, match=said):
        Engine("ray").check()
    HERE.check()
    with HERE.opened() as executor:
        assert executor is LOCAL


def test_a_cluster_that_this_process_is_in_is_auto_alone(ray_cluster):
    with joined_cluster("auto") as ray:
        assert ray is ray_cluster
    assert ray_cluster.is_initialized()
    with pytest.raises(ClusterError, match=r"has joined a Ray cluster already; use auto$"):
        joined_cluster("local").__enter__()


def test_what_nodes_have_room_for(ray_cluster):
    (node,) = nodes_of(ray_cluster)
    assert node.cores == usable_cores()
    assert Node("a", 8, 2.0).holds(3, 0) == 2
    assert Node("a", 8, 2.0).holds(1, 0.5) == 4
    assert Node("a", 8, 0.0).holds(1, 0.5) == 0


def test_the_note_of_a_cluster_that_has_ended(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert engine._noted_address() == ""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1\n")
    assert engine._noted_address() == "127.0.0.1:1"


def relabelled(folder, *arguments, **environment):
    command = [sys.executable, "-m", "labelmend", "relabel", TABLE, "-o", folder / "out.csv"]
    return subprocess.run(
        [*map(str, command), "--no-llm", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.usefixtures("encoders")
def test_the_command_line_says_it_in_a_line_and_writes_nothing(tmp_path):
    pytest.importorskip("ray", reason="ray is not installed: pip install 'labelmend[ray]'")
    work, ended = tmp_path / "work", tmp_path / "ray"
    work.mkdir()
    ended.mkdir()
    (ended / "ray_current_cluster").write_text("127.0.0.1:1")
    for arguments, said in (
        (("--ray-address", "auto"), "give --executor ray, or leave it out"),
        (("--executor", "ray"), "--ray-address auto: nobody answers at 127.0.0.1:1"),
    ):
        ran = relabelled(work, "--quiet", *arguments, RAY_TMPDIR=str(tmp_path), RAY_ADDRESS="")
        assert ran.returncode == 2
        (line,) = ran.stderr.splitlines()
        assert said in line
        assert ran.stdout == ""
    assert not list(work.iterdir())


def test_a_local_run_imports_no_ray():
    code = (
        "import sys, labelmend.workflows.relabel\n"
        "from labelmend.engines.choose import HERE\n"
        "with HERE.opened(): print('ray' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout == "False\n"


KILLING = """
import os, signal, sys
from pathlib import Path
from labelmend.engines.choose import Engine
died = Path(sys.argv[1])
def work(number):
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number
with Engine("ray", "local").opened() as executor:
    print(list(executor.map_blocks(work, range(4), one_core=True)))
    died.unlink()
    print(list(executor.map_loaded(work, range(4))))
"""


def test_nothing_else_is_said_where_workers_are_killed_and_nothing_is_left(tmp_path):
    pytest.importorskip("ray", reason="ray is not installed: pip install 'labelmend[ray]'")
    ran, left = ran_apart(KILLING, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "[0, 1, 2, 3]\n[0, 1, 2, 3]\n"
    assert left == []


def ran_apart(code, folder):
    """What became of a script with a home and temporary files of its own, and what it left."""
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    unset = {name: None for name in os.environ if name.startswith("RAY_")}
    environment = {**os.environ, **unset, "HOME": str(home), "TMPDIR": str(temporary)}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder / "died")],
        env={name: value for name, value in environment.items() if value is not None},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ran, [*home.iterdir(), *temporary.iterdir()]


LOST = (
    "the head node of the Ray cluster is lost; start the cluster again, then run the command again"
)


def test_a_head_node_that_is_lost_is_not_asked(ray_cluster, monkeypatch):
    assert engine.head_answers(ray_cluster)
    monkeypatch.setattr(engine, "_HEAD_SECONDS", 0.1)
    with socket.socket() as closed:  # nobody listens there
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        lost = SimpleNamespace(get_runtime_context=lambda: SimpleNamespace(gcs_address=address))
        assert not engine.head_answers(lost)
        with pytest.raises(ClusterError, match=f"^{LOST}$"):
            nodes_of(lost)


BEHEADING = """
import psutil
from labelmend.engines import ray_cluster
from labelmend.engines.choose import Engine
from labelmend.errors import ClusterError
ray_cluster._HEAD_SECONDS = 1.0
with Engine("ray", "local").opened() as executor:
    print(list(executor.map_loaded(abs, range(4))))
    for process in psutil.Process().children(recursive=True):
        process.kill()
    for way in (executor.map_loaded, executor.map_blocks):
        try:
            list(way(abs, range(4)))
        except ClusterError as error:
            print(error)
"""


@pytest.mark.peer
def test_where_all_of_a_cluster_is_killed_a_line_says_so(tmp_path):
    """Ray itself would wait for a minute, deaf to signals, and then end the process."""
    ran, left = ran_apart(BEHEADING, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == ["[0, 1, 2, 3]", LOST, LOST]
    assert left == []
