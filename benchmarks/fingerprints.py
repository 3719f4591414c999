"""Whether a change of the code changed any output.

    python benchmarks/fingerprints.py record FOLDER [--cases demo,reference,resumed]
    python benchmarks/fingerprints.py compare FOLDER FOLDER

`record` runs the command line, each command in a process of its own with one thread, and keeps all
that it writes, with the sha256 of each file, in FOLDER: the demo with its classifier and report,
2,000 rows of the reference's set (../shared/data) with their explanations, classifiers and
predictions, and an LLM run that was cut off by its budget and resumed. What no two runs share
(times, versions, paths) is taken out of JSON first. `compare` says which files differ, and for
mended tables by how much: labels, decisions, and the largest difference of a number. The hashes
hold on one machine only: another processor rounds otherwise.
"""

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT.parent / "shared/data/sirius/noisy_train.csv"
DEMO = ROOT / "labelmend/data/demo"
ROWS, SEED = 2000, 0
EXPLAINED = range(1, ROWS, 97)

_VOLATILE = frozenset(
    {
        *("seconds", "spent", "tokens_per_second", "versions", "path", "source", "sha256"),
        *("labelmend", "machine", "created"),
    }
)
_PRECISE = 1e-9


def labelmend(folder: Path, *words: str) -> str:
    """Run one command in `folder`, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "labelmend", *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "COLUMNS": "120",
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


def demo(folder: Path) -> None:
    """The demo: mended with the LLM, a classifier, the report."""
    labelmend(folder, "demo", "-o", "demo", "--set", "describe.threads=1", *_ONE_THREAD)


_ONE_THREAD = ("--set", "voters.0.threads=1")


def reference(folder: Path) -> None:
    """A part of the reference's set: mended, explained, trained on, predicted."""
    with REFERENCE.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    rows = sorted(random.Random(SEED).sample(range(1, len(lines)), ROWS))
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([lines[0], *(lines[row] for row in rows)])
    labelmend(
        folder,
        *("relabel", "table.csv", "-o", "mended.csv", "--no-llm", "--self-test", "--quiet"),
        *(word for name in ("qwen", "llama") for word in ("--vote-column", _votes(lines[0], name))),
    )
    labelmend(folder, "describe", "table.csv", "-o", "labels.yaml", "--no-llm", "--quiet")
    explained = [labelmend(folder, "explain", "mended.csv", "--row", str(r)) for r in EXPLAINED]
    (folder / "explained.txt").write_text("\n".join(explained), "utf-8")
    for kind in ("logreg", "linear-svm", "lightgbm"):
        labelmend(folder, "train-classifier", "mended.csv", "-o", kind, "--kind", kind, "--quiet")
        labelmend(folder, "predict", kind, "table.csv", "-o", f"{kind}.csv", "--quiet")


def _votes(columns: list[str], name: str) -> str:
    return next(column for column in columns if name in column.casefold())


def resumed(folder: Path) -> None:
    """An LLM run that its budget cut off, and the run that goes on from its votes."""
    table = folder / "table.csv"
    lines = (DEMO / "train_noisy.csv").read_text("utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:301]), "utf-8")
    for budget in ("10", "40"):
        labelmend(
            folder,
            *("relabel", "table.csv", "-o", "mended.csv", "--llm-budget", budget, "--quiet"),
            *("--labels", str(DEMO / "labels.yaml"), "--set", "routing.audit_rows=20"),
            *("--set", "describe.threads=1", *_ONE_THREAD),
        )


CASES: Mapping[str, Callable[[Path], None]] = {
    "demo": demo,
    "reference": reference,
    "resumed": resumed,
}


def plain(value: Any) -> Any:
    """Return JSON without what no two runs share."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in _VOLATILE}
    return [plain(v) for v in value] if isinstance(value, list) else value


def fingerprint(path: Path) -> str:
    """Return the sha256 of what a file says."""
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(plain(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def fingerprints(folder: Path) -> dict[str, str]:
    """Return the hash of each file that says something of its own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): fingerprint(path)
        for path in files
        # The store's bytes hold times; the page says again what the JSON beside it says.
        if path.suffix not in {".sqlite", ".html", ".md"} and path.name != _HASHES
    }


_HASHES = "fingerprints.json"


def record(folder: Path, cases: list[str]) -> None:
    """Run the cases, and write their hashes."""
    for case in cases:
        shutil.rmtree(folder / case, ignore_errors=True)
        (folder / case).mkdir(parents=True)
        CASES[case](folder / case)
        hashes = fingerprints(folder / case)
        (folder / case / _HASHES).write_text(json.dumps(hashes, indent=2) + "\n", "utf-8")
        print(f"{case}: {len(hashes)} files")


def compare(old: Path, new: Path) -> int:
    """Print what differs, and return the number of files that do."""
    differing = 0
    for case in CASES:
        if not all((folder / case / _HASHES).exists() for folder in (old, new)):
            continue
        before, after = (fingerprints(folder / case) for folder in (old, new))
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) == after.get(name):
                continue
            differing += 1
            print(f"{case}/{name}: {_difference(old / case / name, new / case / name)}")
    print(f"{differing} files differ")
    return differing


def _difference(old: Path, new: Path) -> str:
    if not old.exists() or not new.exists():
        return "is in one of them only"
    if old.suffix != ".csv":
        return "differs"
    with old.open(encoding="utf-8") as a, new.open(encoding="utf-8") as b:
        rows = list(zip(csv.DictReader(a), csv.DictReader(b), strict=False))
    said = []
    for column in rows[0][0]:
        pairs = [(one.get(column), other.get(column)) for one, other in rows]
        unlike = [pair for pair in pairs if pair[0] != pair[1]]
        if unlike:
            apart = max(map(_apart, unlike))
            size = "" if apart is None else f", by {apart:.1e} at most"
            small = apart is not None and apart <= _PRECISE
            said.append(f"{column} in {len(unlike)} rows{size}{' (rounding)' if small else ''}")
    return "; ".join(said) or "differs in its shape"


def _apart(pair: tuple[str | None, str | None]) -> float:
    try:
        return abs(float(pair[0] or "") - float(pair[1] or ""))
    except ValueError:
        return float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    recording = actions.add_parser("record")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--cases", default=",".join(CASES))
    comparing = actions.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    options = parser.parse_args()
    if options.action == "record":
        record(options.folder.resolve(), options.cases.split(","))
    else:
        sys.exit(1 if compare(options.old, options.new) else 0)


if __name__ == "__main__":
    main()
