"""Builds what is committed, and installs it where there is no compiler, as a newcomer would.

    python tools/prove_install.py /tmp/proof

Run it with the Python of an environment in which labelmend runs from this tree with the extra
embedded: its labels are those that the installed one's are compared with. Everything is written
into the folder. It takes a few minutes and needs the Python index.
"""

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path("labelmend", "data", "demo", "train_noisy.csv")

HELP_SECONDS = 0.3
"""Processor time that `labelmend --help` may take: what issue 22 asks for."""

NO_COMPILER = {"CC": "/bin/false", "CXX": "/bin/false", "CMAKE": "/bin/false"}
LACKING = {
    ("relabel", "x.csv"): "labelmend[embedded-llm]",
    ("relabel", "x.csv", "--no-llm"): "labelmend[embedded]",
    ("train-classifier", "x.csv", "-o", "model"): "labelmend[embedded]",
    ("train-classifier", "x.csv", "-o", "model", "--kind", "lightgbm"): "labelmend[lightgbm]",
    ("compare-baseline", "x.csv", "-o", "report"): "labelmend[embedded]",
    ("tune-embedder", "x.csv", "-o", "encoder"): "labelmend[finetune]",
    ("export", "model", "-o", "onnx"): "labelmend[onnx]",
    ("review", "x.csv"): "labelmend[review]",
    ("demo", "-o", "demo"): "labelmend[embedded-llm]",
}
"""Commands, and what the core alone says that they lack."""


class NotProvenError(Exception):
    """The installed package does not do what is promised."""


def main() -> None:
    """Build, check, install and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for all that is built; made anew")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / ".proof").exists():
        parser.error(f"{folder} holds something else")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / ".proof").touch()
    source = snapshot(folder)
    wheel = build(folder, source)
    python = environment(folder / "core")
    install(python, str(wheel))
    core_alone(python, folder)
    install(python, f"{wheel}[embedded]")
    prove(not has(python, "torch"), "the extra embedded brings no torch")
    same_labels(python, folder, source)


def snapshot(folder: Path) -> Path:
    """Copy what is committed: files of the tree may change while it is built twice."""
    source = folder / "source"
    source.mkdir()
    packed = folder / "source.tar"
    run(["git", "-C", ROOT, "archive", "--output", packed, "HEAD"], os.environ)
    shutil.unpack_archive(packed, source)
    return source


def build(folder: Path, source: Path) -> Path:
    """Build both files, the wheel from the source archive; return the wheel."""
    python = environment(folder / "builder")
    install(python, "build", "twine", only_binary=False)
    dist, straight = folder / "dist", folder / "straight"
    run([python, "-m", "build", "--outdir", dist, source], os.environ)
    run([python, "-m", "build", "--wheel", "--outdir", straight, source], os.environ)
    (wheel,) = dist.glob("*.whl")
    (archive,) = dist.glob("*.tar.gz")
    same = wheel.read_bytes() == (straight / wheel.name).read_bytes()
    prove(same, f"the source archive builds the same {wheel.name}")
    run([python, "-m", "twine", "check", "--strict", wheel, archive], os.environ)
    prove(True, "twine check --strict passes on both files")
    return wheel


def core_alone(python: Path, folder: Path) -> None:
    """See what the package does without any extra."""
    for module in ("torch", "onnxruntime", "llama_cpp", "lightgbm", "plotly", "transformers"):
        prove(not has(python, module), f"the core brings no {module}")
    seconds = min(help_seconds(python) for _ in range(3))
    prove(seconds < HELP_SECONDS, f"labelmend --help takes {seconds:.2f} s of processor time")
    place = folder / "empty"
    place.mkdir()
    (place / "x.csv").write_text("text,label\nlost my card,card\nmy card is lost,card\n", "utf-8")
    for words, extra in LACKING.items():
        done = labelmend(python, *words, cwd=place, home=folder / "home-core")
        lines = done.stderr.strip().splitlines()
        named = len(lines) == 1 and extra in lines[0] and "Traceback" not in done.stderr
        prove(done.returncode == 2 and named, f"labelmend {' '.join(words)}: {done.stderr.strip()}")
        left = sorted(path.name for path in place.iterdir())
        prove(left == ["x.csv"], f"  and nothing is written: {', '.join(left)}")


def same_labels(python: Path, folder: Path, source: Path) -> None:
    """Mend the demo's table with the installed package and with the tree, and compare."""
    found = {}
    for name, runner in (("installed", python), ("tree", Path(sys.executable))):
        place = folder / name
        place.mkdir()
        table = place / "table.csv"
        shutil.copyfile(source / TABLE, table)
        words = ("relabel", "table.csv", "--no-llm", "--quiet")
        if name == "tree":
            os.environ["PYTHONPATH"] = str(source)
        done = labelmend(runner, *words, cwd=place, home=folder / f"home-{name}")
        prove(done.returncode == 0, f"the demo's table is mended by the {name} one{done.stderr}")
        with (place / "table.mended.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    installed, tree = found["installed"], found["tree"]
    for column in ("mended_label", "decision"):
        pairs = zip(installed, tree, strict=True)
        differing = sum(ours[column] != theirs[column] for ours, theirs in pairs)
        prove(not differing, f"{len(tree):,} rows: {differing} differ in {column}")


def environment(place: Path) -> Path:
    """Make a fresh virtual environment; return its Python."""
    venv.create(place, with_pip=True)
    return place / "bin" / "python"


def install(python: Path, *what: str, only_binary: bool = True) -> None:
    """Install packages with pip, held to the constraints, without a compiler."""
    words = ["--only-binary", ":all:"] if only_binary else []
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    environ = {**os.environ, **NO_COMPILER}
    run([python, "-m", "pip", "install", "--quiet", *constraints, *words, *what], environ)


def has(python: Path, module: str) -> bool:
    """Tell whether a package is installed."""
    code = f"import importlib.util; print(importlib.util.find_spec({module!r}) is not None)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def help_seconds(python: Path) -> float:
    """Return the processor time of `labelmend --help`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-m", "labelmend", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def labelmend(python: Path, *words: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with a home of its own."""
    environ = {**os.environ, **NO_COMPILER, "HOME": str(home), "LABELMEND_HOME": str(home)}
    return subprocess.run(
        [python, "-m", "labelmend", *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def run(command: Sequence[str | Path], environ: Mapping[str, str]) -> None:
    """Run a command that has to succeed.

    Raises:
        NotProvenError: it does not.
    """
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotProvenError(
            f"{' '.join(map(str, command))}: {(done.stdout + done.stderr)[-3000:]}"
        )


def prove(holds: bool, what: str) -> None:
    """Print what was seen.

    Raises:
        NotProvenError: it is not what was promised.
    """
    if not holds:
        raise NotProvenError(what)
    print(f"OK  {what}", flush=True)


if __name__ == "__main__":
    main()
