"""How many requests `labelmend serve` answers, by real HTTP from another process.

    python benchmarks/serving.py MODEL [MODEL ...] [--texts test.csv] [--seconds 10]
        [--requests 200000] [--no-report]

Serves each model folder by `labelmend serve` in a process of its own, and drives it by wrk
(`apt-get install wrk`), one thread of which runs beside it on the same machine:

- requests of one text, on 4, 16, 24 and 32 connections: requests a second, median and 99th
  percentile;
- requests of 100 texts on 4 connections: texts a second;
- far more than it can answer, against a queue of 64 texts: how many are refused with 429;
- the first model, as many requests as `--requests` says: what the process's memory grows by after
  the first tenth.

wrk asks again as soon as it is answered, so latencies are those of that many clients at once. What
the server spends of its processors is measured as well: on a machine that others use, it says more
than the clock. Texts are CLINC150's test texts, each as often as the others, none twice in a row.
Writes its section of benchmarks/RESULTS.md.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from results_file import write_section

from labelmend.classify.model_folder import load_model
from labelmend.parallel import usable_cores

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"

CONNECTIONS = (4, 16, 24, 32)
"""Clients that ask at once."""

MANY = 100
"""Texts of a request of many."""

SMALL_QUEUE, CROWD = 64, 256
"""Texts that may wait, and connections that ask at once, where more is asked than can be done."""

_STEADY = 10
"""One part in so many of the requests goes before memory is looked at for the first time."""

_SCRIPT = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
request = function()
  at = at % #bodies + 1
  return wrk.format("POST", "/v1/predict", {["Content-Type"] = "application/json"}, bodies[at])
end
done = function(summary, latency, requests)
  io.write(string.format(
    'JSON {"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, ' ..
    '"p50": %f, "p99": %f}\\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""
"""What wrk sends, and how it says what came of it."""


@dataclass(frozen=True)
class Load:
    """What came of one load.

    Attributes:
        connections: clients that asked at once.
        requests: that were answered, in whatever way.
        seconds: that it took.
        refused: of the requests, those that were not answered with 200.
        broken: connections that failed, and requests that were not answered at all.
        p50: milliseconds, the median of all answers.
        p99: milliseconds, the 99th percentile.
        cpu: seconds of processors that the server spent.
    """

    connections: int
    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second that were answered with 200."""
        return (self.requests - self.refused) / self.seconds


@dataclass
class Measured:
    """One model.

    Attributes:
        name: of its folder.
        kind: of classifier, and its encoders.
        single: loads of requests of one text.
        many: of `MANY` texts.
        crowd: more than can be done.
        refusals: answers by their statuses, of the crowd.
        grown: MiB by which the process grew, over `over` requests.
        over: requests.
    """

    name: str
    kind: str
    single: list[Load] = field(default_factory=list)
    many: Load | None = None
    crowd: Load | None = None
    refusals: dict[str, int] = field(default_factory=dict)
    grown: float = 0.0
    over: int = 0


class Server:
    """`labelmend serve` as a process of its own."""

    def __init__(self, model: Path, *words: str) -> None:
        command = [sys.executable, "-m", "labelmend", "serve", str(model), "--port", "0", *words]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        for line in self.child.stdout:
            if line.startswith("serving at "):
                self.base = line.split()[2].rstrip("/;")
                break
        else:
            raise SystemExit(f"{model}: could not be served")
        self._process = psutil.Process(self.child.pid)

    def cpu(self) -> float:
        """Return seconds of processors that it has spent."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Return MiB that it has in memory."""
        return float(self._process.memory_info().rss) / 2**20

    def statuses(self) -> dict[str, int]:
        """Return how many predictions were answered with each status."""
        page = httpx.get(f"{self.base}/metrics", trust_env=False).text
        pattern = r'labelmend_requests_total\{path="/v1/predict",status="(\d+)"\} ([\d.e+]+)'
        return {status: int(float(count)) for status, count in re.findall(pattern, page)}

    def drive(self, bodies: Path, connections: int, seconds: float) -> Load:
        """Let wrk ask, and return what came of it."""
        script = bodies.with_name("ask.lua")
        script.write_text(_SCRIPT)
        words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
        words += ["--timeout", "60s", "-s", str(script), self.base]
        before = self.cpu()
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "BODIES": str(bodies)},
        )
        said = json.loads(re.search(r"^JSON (.*)$", done.stdout, re.MULTILINE)[1])  # type: ignore[index]
        return Load(
            connections,
            said["requests"],
            said["microseconds"] / 1e6,
            said["refused"],
            said["broken"],
            said["p50"],
            said["p99"],
            self.cpu() - before,
        )

    def close(self) -> None:
        """Press Ctrl-C."""
        self.child.send_signal(signal.SIGINT)
        self.child.wait(60)


def write_bodies(texts: Sequence[str], folder: Path) -> tuple[Path, Path]:
    """Write the bodies of requests of one text and of `MANY`, a line each."""
    one, many = folder / "one.txt", folder / "many.txt"
    one.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    blocks = [texts[i : i + MANY] for i in range(0, len(texts) - MANY + 1, MANY)]
    many.write_text("".join(json.dumps({"texts": block}) + "\n" for block in blocks))
    return one, many


def measure(model: Path, texts: Sequence[str], seconds: float, requests: int) -> Measured:
    """Serve a model and drive it."""
    card = load_model(model)
    encoders = " and ".join(encoder.model for encoder in card.encoders)
    found = Measured(model.name, f"{card.classifier.kind} on {encoders}")
    with tempfile.TemporaryDirectory() as place:
        one, many = write_bodies(texts, Path(place))
        server = Server(model)
        try:
            server.drive(one, 4, 2)  # whatever is slow at first
            for connections in CONNECTIONS:
                found.single.append(server.drive(one, connections, seconds))
                print(found.name, found.single[-1], flush=True)
            found.many = server.drive(many, 4, seconds)
            print(found.name, MANY, "texts", found.many, flush=True)
            if requests:
                rate = max(load.rate for load in found.single)
                server.drive(one, 32, requests / _STEADY / rate)
                before = server.memory()
                load = server.drive(one, 32, requests * (1 - 1 / _STEADY) / rate)
                found.grown, found.over = server.memory() - before, load.requests
                print(found.name, f"{found.grown:+.1f} MiB over {found.over:,}", flush=True)
        finally:
            server.close()
        server = Server(model, "--max-queue", str(SMALL_QUEUE))
        try:
            server.drive(one, 4, 1)
            first = server.statuses()
            found.crowd = server.drive(one, CROWD, seconds)
            found.refusals = {
                status: count - first.get(status, 0) for status, count in server.statuses().items()
            }
            print(found.name, "crowd", found.crowd, found.refusals, flush=True)
        finally:
            server.close()
    return found


def report(measured: Sequence[Measured], machine: str) -> str:
    """Return the section of RESULTS.md."""
    lines = [
        "## Serving",
        "",
        "`python benchmarks/serving.py MODEL ...`: `labelmend serve`, asked by wrk from another "
        "process on the same machine, which shares its cores. Texts are CLINC150's test texts. "
        "Processor time is the server's, a text.",
        "",
        "| model | requests | connections | requests/s | texts/s | p50 | p99 | not 200 "
        "| processor time |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        loads = [("one text", 1, load) for load in one.single]
        if one.many is not None:
            loads.append((f"{MANY} texts", MANY, one.many))
        for words, texts, load in loads:
            cost = 1000 * load.cpu / max(1, load.requests * texts)
            lines.append(
                f"| {one.name} | {words} | {load.connections} | {load.rate:,.0f} "
                f"| {load.rate * texts:,.0f} | {load.p50:.0f} ms | {load.p99:.0f} ms "
                f"| {load.refused + load.broken:,} | {cost:.2f} ms |"
            )
    lines.append("")
    for one in measured:
        lines.append(f"- {one.name}: {one.kind}.")
        if one.crowd is not None:
            said = ", ".join(f"{count:,} with {status}" for status, count in one.refusals.items())
            lines.append(
                f"  With {CROWD} connections against a queue of {SMALL_QUEUE} texts: {said}, "
                f"{one.crowd.broken:,} broken; {one.crowd.rate:,.0f} requests/s answered with 200."
            )
        if one.over:
            lines.append(f"  Over {one.over:,} requests the process grew by {one.grown:+.1f} MiB.")
    return "\n".join([*lines, "", machine])


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--texts", type=Path, default=SHARED / "clinc150" / "test.csv")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--requests", type=int, default=200_000, help="over which memory is held")
    parser.add_argument("--no-report", action="store_true")
    parser.add_argument("--note", default="", help="on the machine, for the report")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; on Debian: apt-get install wrk")
    with arguments.texts.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    measured = [
        measure(model, texts, arguments.seconds, 0 if i else arguments.requests)
        for i, model in enumerate(arguments.models)
    ]
    names = ("uvicorn", "uvloop", "httptools", "orjson", "onnxruntime")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    machine = f"Python {platform.python_version()}, {versions}; {platform.machine()}, "
    machine += f"{usable_cores()} cores. {arguments.note}".strip()
    text = report(measured, machine)
    print(text)
    if not arguments.no_report:
        write_section(HERE / "RESULTS.md", "serving", text)


if __name__ == "__main__":
    main()
