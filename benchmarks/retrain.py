"""Retraining on CLINC150: the time of a step, what the gate finds, and a day of steps with kills.

    python benchmarks/retrain.py [--parts speed,gate,day,loop] [--kind logreg] [--work FOLDER]

speed: 15,100 mended rows are known, their embeddings cached, and 500 new ones come. gate: batches
of 500 validation rows with 20 % of uniform noise, as they are, with labels shuffled, and with one
intent called as its neighbour in 10 % of the rows. day: 96 steps in a row, each in a process, ten
of which are killed with SIGKILL at random moments; the registry is read after each. loop: as many
steps in one process, whose memory is told. Day and loop begin with 3,000 mended rows, so that they
end within the hour. Seed 0; no constant of labelmend is chosen on these texts. Writes its section
of benchmarks/RESULTS.md.
"""

import argparse
import csv
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from correction import SHARED, package_versions
from results_file import write_section

from labelmend.parallel import usable_cores
from labelmend.retrain.registry import Registry
from labelmend.retrain.version import Version

HERE = Path(__file__).resolve().parent
CLINC = SHARED / "clinc150"
BATCH = 500
NOISE = "uniform=0.2"
SEED = 0
NEIGHBOURS = (
    *(("transfer", "transactions"), ("pin_change", "account_blocked")),
    *(("flight_status", "book_flight"), ("calories", "nutrition_info")),
    *(("car_rental", "uber"), ("restaurant_reviews", "restaurant_suggestion")),
)
"""Intents that people take for each other, chosen by their names alone."""

KNOWN, STEP = 3000, 20
"""Rows that a day begins with, and new ones a step."""

LABELMEND = (sys.executable, "-m", "labelmend")

LOOP = """
import sys
from pathlib import Path
import psutil
from labelmend.protocols import NoProgress
from labelmend.workflows.retrain import retrain_project
for number in range(int(sys.argv[2])):
    retrain_project(Path(sys.argv[1]), NoProgress())
    print("step", psutil.Process().memory_info().rss >> 20, flush=True)
"""
"""Steps in one process, as `--every` takes them; each tells the MiB that the process holds."""


@dataclass
class Found:
    """What was measured."""

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Keep a line, and show it."""
        print(line, flush=True)
        self.lines.append(line)


def labelmend(*words: str | Path) -> float:
    """Run a command; return its seconds."""
    began = time.perf_counter()
    subprocess.run([*LABELMEND, *map(str, words)], check=True)
    return time.perf_counter() - began


def rows_of(path: Path) -> list[tuple[str, str]]:
    """Return texts and labels."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def write_rows(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write texts and labels."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def prepare(work: Path) -> None:
    """Mend the noisy training rows, and put noise into the rows that come later."""
    if (work / "mended.csv").exists():
        return
    for name in ("train", "validation", "test"):
        noise = ("--noise", NOISE, "--seed", str(SEED), "-q")
        labelmend("corrupt", CLINC / f"{name}.csv", *noise, "-o", work / f"{name}.csv")
    labelmend("relabel", work / "train.csv", "-o", work / "mended.csv", "--no-llm", "-q")


def day_of(work: Path, name: str, steps: int) -> tuple[Path, list[tuple[str, str]]]:
    """Write a project that knows some rows; return the rows that come in so many steps, too."""
    path = project(work, name, "logreg")
    with (work / "mended.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    known = random.Random(SEED).sample(table[1:], KNOWN)
    with (path.parent / "known.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([table[0], *known])
    path.write_text(path.read_text().replace("../mended.csv", "known.csv"))
    later = [row for part in ("validation", "test") for row in rows_of(work / f"{part}.csv")]
    random.Random(SEED).shuffle(later)
    return path, later[: steps * STEP]


def project(work: Path, name: str, kind: str) -> Path:
    """Write a project with an inbox of its own; a registry that stands there goes."""
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "inbox").mkdir(parents=True)
    path = folder / "project.yaml"
    path.write_text(
        f"base: ../mended.csv\nkind: {kind}\nsources: [{{name: inbox, folder: inbox}}]\n"
    )
    return path


def last(path: Path) -> Version:
    """Return the newest version of a project's registry."""
    return Registry(path.parent / "registry").versions()[-1]


def speed(work: Path, kind: str, found: Found) -> None:
    """Time a step."""
    path = project(work, f"speed-{kind}", kind)
    labelmend("retrain", path, "-q")
    later = rows_of(work / "validation.csv")
    random.Random(SEED).shuffle(later)
    write_rows(path.parent / "inbox" / "batch.csv", later[:BATCH])
    before = os.times()
    seconds = labelmend("retrain", path, "-q")
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    version = last(path)
    found.say(
        f"| {kind} | {version.rows:,} | {version.new_rows} | {seconds:.0f} s | {spent:.0f} s | "
        f"{version.verdict} |"
    )


def poisoned(
    rows: Sequence[tuple[str, str]], how: str, drawn: random.Random
) -> list[tuple[str, str]]:
    """Return a batch as it is, shuffled, or with one intent renamed in 10 % of the rows."""
    if how == "as they are":
        return list(rows[:BATCH])
    if how == "labels shuffled":
        labels = [label for _, label in rows[:BATCH]]
        drawn.shuffle(labels)
        return [(text, label) for (text, _), label in zip(rows[:BATCH], labels, strict=True)]
    every = [row for name in ("validation", "test") for row in rows_of(CLINC / f"{name}.csv")]
    intent, other = drawn.choice(NEIGHBOURS)
    texts = [text for text, label in every if label == intent][: BATCH // 10]
    return [*((text, other) for text in texts), *rows[: BATCH - len(texts)]]


def gate(work: Path, found: Found, batches: int) -> None:
    """Count the batches that are refused."""
    path = project(work, "gate", "logreg")
    labelmend("retrain", path, "-q")
    later = rows_of(work / "validation.csv")
    for how in ("as they are", "labels shuffled", "one intent renamed"):
        refused, reasons = 0, set()
        for number in range(batches):
            drawn = random.Random(SEED + number)
            rows = list(later)
            drawn.shuffle(rows)
            for old in (path.parent / "inbox").iterdir():
                old.unlink()
            name = f"{how.replace(' ', '-')}-{number}.csv"
            write_rows(path.parent / "inbox" / name, poisoned(rows, how, drawn))
            labelmend("retrain", path, "-q")
            version = last(path)
            refused += version.verdict == "refused"
            reasons |= {re.sub(r"[\d.]+%?|'[^']*'", "_", one) for one in version.reasons}
        found.say(f"| {how} | {refused} of {batches} |")
    found.say("")


def day(work: Path, found: Found, steps: int, kills: int) -> None:
    """Take many steps in a row, and kill the process at random moments."""
    path, later = day_of(work, "day", steps)
    drawn = random.Random(SEED)
    labelmend("retrain", path, "-q")
    registry = path.parent / "registry"
    moments = sorted(drawn.sample(range(1, steps), kills))
    memory: list[int] = []
    done, killed = 0, 0
    while done < steps:
        part = later[done * STEP : (done + 1) * STEP]
        write_rows(path.parent / "inbox" / f"{done:03}.csv", part)
        child = subprocess.Popen(
            [sys.executable, "-c", LOOP, str(path), "1"], stdout=subprocess.PIPE, text=True
        )
        if killed < kills and moments[killed] == done:
            time.sleep(drawn.uniform(0, _LONGEST))
            child.kill()
            killed += 1
        out, _ = child.communicate()
        memory += [int(line.split()[1]) for line in out.splitlines() if line.startswith("step ")]
        opened = Registry(registry)
        versions = opened.versions()
        taken = sum(version.new_rows for version in versions)
        assert tuple(event.version for event in opened.history()) == opened.ids()
        assert opened.champion() in opened.ids()
        assert opened.champions()[-1] == opened.champion()
        assert taken in {done * STEP, (done + 1) * STEP}, taken
        # A step that was killed before its version stood is taken again.
        done += taken == (done + 1) * STEP
    found.say(
        f"{steps} steps, {killed} of their processes killed with SIGKILL: each row was taken once, "
        f"{len(Registry(registry).champions())} champions, and link, versions and history agreed "
        f"after every one. A process held {min(memory)} to {max(memory)} MiB after its step."
    )


_LONGEST = 15.0
"""Seconds after which a step that is killed is killed at the latest."""


def loop(work: Path, found: Found, steps: int) -> None:
    """Take many steps in one process, as `--every` does."""
    path, later = day_of(work, "loop", steps)
    child = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(path), str(steps + 1)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    memory: list[int] = []
    for line in child.stdout:
        memory.append(int(line.split()[1]))
        number = len(memory) - 1
        write_rows(
            path.parent / "inbox" / f"{number:03}.csv",
            later[number * STEP : (number + 1) * STEP],
        )
    half = memory[len(memory) // 2 :]
    found.say(
        f"{len(memory)} steps in one process: {memory[1]} MiB after the second, {half[0]} after "
        f"half of them, {memory[-1]} after the last."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="speed,gate,day,loop")
    parser.add_argument("--kind", default="logreg,linear-svm,lightgbm")
    parser.add_argument("--steps", type=int, default=96)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--work", type=Path, help="a folder that is kept")
    told = parser.parse_args()
    parts = told.parts.split(",")
    found = Found()
    found.say("# Retraining\n")
    found.say(
        "`python benchmarks/retrain.py`: CLINC150, uniform noise of 20 % in known and new rows, "
        f"seed {SEED}; embeddings cached. {package_versions()}; {platform.machine()}, "
        f"{usable_cores()} cores.\n"
    )
    with tempfile.TemporaryDirectory() as temporary:
        work = (told.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        prepare(work)
        if "speed" in parts:
            found.say(
                "| classifier | rows learned from | new rows | clock | processors | verdict |"
            )
            found.say("|---|---|---|---|---|---|")
            for kind in told.kind.split(","):
                speed(work, kind, found)
            found.say("")
        if "gate" in parts:
            found.say(f"| batches of {BATCH} rows | refused |")
            found.say("|---|---|")
            gate(work, found, told.batches)
        if "day" in parts:
            day(work, found, told.steps, told.kills)
        if "loop" in parts:
            loop(work, found, told.steps)
    write_section(HERE / "RESULTS.md", "retrain", "\n".join(found.lines))


if __name__ == "__main__":
    main()
