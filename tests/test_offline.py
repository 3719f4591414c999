"""Nothing leaves the machine: what system calls say of every command, not what libraries promise.

`benchmarks/network.py` does the same by hand, each command by itself and for a minute.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labelmend.telemetry import SWITCHES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import network  # noqa: E402

_STAYS = 10
"""Seconds that the process stays after the last command; the first ones were long before."""

_WAITS = 90
"""Seconds that the process without our switch is waited for: it posts some 10 s after the load."""


AT_LENGTH = {"augment", "compare-baseline", "demo", "tune-embedder"}
"""Commands that `make peers` alone runs: they load torch or an LLM again, or do what others do."""


def test_every_command_has_a_step():
    assert {step.command for step in network.STEPS} == set(network.commands())
    tried = {step.command for step in network.STEPS if not step.by_hand}
    assert tried == set(network.commands())
    assert tried >= set(network.LONG) | set(network.LOOPBACK)


def test_the_switches_are_thrown_at_the_door_whatever_the_shell_says():
    said = "import json, os, labelmend; print(json.dumps(dict(os.environ)))"
    shell = {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(SWITCHES, "other")}
    out = subprocess.run([sys.executable, "-c", said], env=shell, stdout=subprocess.PIPE)
    assert SWITCHES.items() <= json.loads(out.stdout).items()


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.peer)])
def test_no_command_opens_a_socket_or_writes_a_file_elsewhere(whole, tmp_path, encoders, smollm2):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    assert all(model.path.exists() for model in (*encoders, smollm2))
    ours = network.made(tmp_path / "ours")
    steps = [step for step in network.STEPS if not step.by_hand]
    if not whole:
        steps = [step for step in steps if step.command not in AT_LENGTH]
    here = [step for step in steps if step.command in network.LOOPBACK]
    others = [step for step in steps if step not in here]
    trace = network.traced(ours, others, stay=_STAYS)
    local = network.traced(ours, here, stay=0)
    assert trace.sockets() == []
    assert local.sockets(loopback=True) == []
    assert local.sockets() != []
    for one in (trace, local):
        assert one.written(*network.allowed(ours)) == []
    assert network.left_behind(ours) == []
    assert str(ours / "work" / "out" / "mended.csv") in trace.written()


@pytest.mark.peer
@pytest.mark.slow
def test_telemetry_would_be_seen(tmp_path, encoders):
    """The same without our switch: it posts some ten seconds after the load."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    bare = network.made(tmp_path / "bare")
    telemetry = network.traced(bare, [network.LEAST], stay=_WAITS, without="ORT_DISABLE_TELEMETRY")
    assert telemetry.sockets(loopback=True) != []
    elsewhere = telemetry.written(*network.allowed(bare))
    assert any("onnxruntime" in path for path in elsewhere)


def traced(*calls):
    return network.Trace(calls, Path("/w"))


def test_sockets_that_could_leave_the_machine():
    file = "socket(AF_UNIX, SOCK_STREAM, 0) = 3</x>"
    links = "socket(AF_NETLINK, SOCK_RAW, 0) = 3<x>"
    opened = "socket(AF_INET, SOCK_STREAM, 0) = 3<x>"
    raw = "socket(AF_PACKET, SOCK_RAW, 0) = 3<x>"
    here = 'connect(3<x>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}'
    here6 = 'connect(3<x>, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1")}'
    resolver = here.replace("80", "53")
    there = here.replace("127.0.0.1", "20.42.73.127")
    sent = there.replace("connect", "sendto")
    trace = traced(file, links, opened, raw, here, here6, resolver, there, sent)
    assert trace.sockets() == [opened, raw, here, here6, resolver, there, sent]
    assert trace.sockets(loopback=True) == [raw, resolver, there, sent]


def test_files_that_are_made():
    trace = traced(
        'openat(AT_FDCWD</w>, "read.csv", O_RDONLY|O_CLOEXEC) = 3</w/read.csv>',
        'openat(AT_FDCWD</w>, "out/a b.csv", O_WRONLY|O_CREAT, 0666) = 3</w/out/a b.csv>',
        'openat(AT_FDCWD</w>, "no.csv", O_WRONLY|O_CREAT, 0666) = -1 EACCES (Permission denied)',
        'openat(AT_FDCWD</w>, "/dev/null", O_RDWR) = 3</dev/null>',
        'openat(AT_FDCWD</w>, "/dev/shm/sem.ab", O_RDWR|O_CREAT) = 3</dev/shm/sem.ab>',
        'openat(AT_FDCWD</w>, "/h/id", O_RDWR) = 3</h/id>',
        'mkdir("made", 0777) = 0',
        'mkdir("/h/cache", 0777) = 0',
        'rename("/w/out/a", "/h/moved") = 0',
        'renameat2(AT_FDCWD</w>, "out/b", 4</h>, "in h", RENAME_NOREPLACE) = 0',
        'symlinkat("../x", 4</h>, "link") = 0',
    )
    # A folder on the way to one that is allowed may be made.
    assert trace.written(Path("/w/out"), Path("/h/cache/ours")) == [
        *("/h/id", "/h/in h", "/h/link", "/h/moved", "/w/made")
    ]
    assert "/w/out/a b.csv" in trace.written()
