"""A run as a job of Ray, on a head without cores and with a token, as on Kubernetes.

    pip install -c constraints.txt "ray[default]"
    python benchmarks/ray_job.py

What `examples/kubernetes/rayjob.yaml` has KubeRay do, with real nodes on loopback addresses of this
machine: a head that takes no work, a worker of two cores, `ray job submit` of `labelmend relabel`.
The outputs are held against those of one process, and another token has to be refused. Prints what
held; ends with 1 where something did not.
"""

import csv
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ray_nodes import kill

from labelmend.extras import require

_ANSWERS_WITHIN = 120.0
"""Seconds that Ray is waited for."""

_RAY = [sys.executable, "-m", "ray.scripts.scripts"]
_LABELMEND = [sys.executable, "-m", "labelmend"]
_PROBABILITIES = {"label_quality", "confidence", "candidates", "reason"}
"""Columns with numbers, whose last digits another processor may round otherwise."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ray(*words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of Ray to its end."""
    return subprocess.run(
        [*_RAY, *words], env=env, capture_output=True, text=True, check=False, timeout=600
    )


@contextmanager
def cluster(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Start a head without cores and a worker, and end them; the address for jobs."""
    port, jobs = free_port(), free_port()
    head = ["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=true"]
    head += [f"--dashboard-port={jobs}", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"]
    worker = [f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.2", "--num-cpus=2"]
    address = f"http://127.0.0.1:{jobs}"
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        for where in (head, worker):
            command = [*_RAY, "start", "--block", "--object-store-memory=200000000", *where]
            quiet = subprocess.DEVNULL
            nodes.append(subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet))
            until = time.monotonic() + _ANSWERS_WITHIN
            while ray("job", "list", "--address", address, env=env).returncode:
                if time.monotonic() > until:
                    raise TimeoutError("Ray's dashboard does not answer; is ray[default] there?")
        time.sleep(20)  # the worker has no door at which to ask
        yield address
    finally:
        for node in reversed(nodes):
            kill(node)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return what has to be the same: all but probabilities."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in _PROBABILITIES} for row in rows]


def main() -> None:
    require("ray")
    with tempfile.TemporaryDirectory(prefix="ray-job-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        table = work / "table.csv"
        texts = [
            f"{text} {i}" for i in range(40) for text in ("I lost my card", "will it rain on day")
        ]
        labels = ["card", "rain"] * 40
        labels[:2] = labels[1::-1]  # two are wrong
        lines = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
        table.write_text("\n".join(["text,label", *lines]) + "\n", "utf-8")
        env = {
            **os.environ,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "LABELMEND_HOME": str(work / "home"),
        }
        run = [*_LABELMEND, "relabel", str(table), "--no-llm", "--set", "reranker.backend=none"]
        here, there = work / "here.csv", work / "there.csv"
        apart = {**env, "LABELMEND_HOME": str(work / "other-home")}  # the job computes its own
        subprocess.run([*run, "-o", str(here)], env=apart, check=True, stdout=subprocess.DEVNULL)
        with cluster(work / "r", env) as address:
            submit = ["job", "submit", "--address", address, "--"]
            done = ray(*submit, *run, "-o", str(there), "--executor", "ray", env=env)
            other = {**env, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
            refused = ray(*submit, *run, "-o", str(work / "no.csv"), env=other)
        held = {
            "the job ended well": done.returncode == 0,
            "its table is that of one process": there.exists() and rows_of(there) == rows_of(here),
            "another token was refused": refused.returncode != 0 and not (work / "no.csv").exists(),
        }
    print(json.dumps(held, indent=1))
    if not all(held.values()):
        print(f"{shlex.join(submit)}: {done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
