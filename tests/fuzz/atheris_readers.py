"""Coverage-guided fuzzing of whatever reads a file, by hand: atheris looks for other branches.

    pip install atheris    # wheels for Python 3.11 to 3.13 on Linux; no part of the dev extra
    python tests/fuzz/atheris_readers.py tables --seconds 300
    python tests/fuzz/atheris_readers.py all --seconds 120

The seeds are the corpus and the files of the tools' own. What breaks a property of
test_properties.py, hangs for a minute or takes 2 GiB is written to --found, one file a kind, and
told; the others go on. Without atheris it says so and ends with 0.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

SUFFIXES = (
    *(".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".feather", ".xlsx", ".yaml"),
    *(".txt", ".csv.gz", ".jsonl.zst", ""),
)
"""The first byte of an input tells which one its file has."""

TARGETS = ("tables", "labels", "settings", "cards", "trees", "evidence", "records", "answers")
LONGEST = 1 << 14
"""Bytes of an input: what a branch needs, and fast."""


def seeds(target: str, folder: Path) -> None:
    """Write what fuzzing begins with; a byte that tells the suffix stands before tables."""
    found = sorted((HERE / "corpus" / target).glob("*"))
    if target == "tables":
        found += sorted(p for p in (HERE.parent / "fixtures" / "formats").rglob("*") if p.is_file())
    for number, path in enumerate(found):
        raw = path.read_bytes()
        if target == "tables":
            known = path.suffix in SUFFIXES
            raw = bytes([SUFFIXES.index(path.suffix if known else "")]) + raw
        (folder / f"{number}").write_bytes(raw)


def dictionary(path: Path) -> None:
    """Write what readers are known to stumble over, as libFuzzer wants it."""
    from fuzz.test_properties import HARD

    words = (
        "".join(f"\\x{byte:02x}" for byte in word)  # all escaped: nothing else can go wrong
        for word in HARD
        if len(word) < 100
    )
    path.write_text("".join(f'"{word}"\n' for word in words))


def check_of(target: str):
    """The property that an input has to keep."""
    from fuzz import test_properties as properties

    if target == "tables":
        return lambda raw: properties.table_is_read_or_refused(
            (SUFFIXES[raw[0] % len(SUFFIXES)], raw[1:]) if raw else ("", b"")
        )
    if target == "records":
        return lambda raw: properties.record_is_read_or_refused(raw.decode(errors="replace"))
    suffixes = {"labels": ".yaml", "settings": ".yaml", "cards": ".json", "answers": ".jsonl"}
    check = properties.PROPERTIES[target][0]
    return lambda raw: check((suffixes.get(target, ""), raw))


def fuzz(target: str, seconds: int, found: Path) -> None:
    """Never return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["labelmend"]):
        check = check_of(target)
    kinds = set()

    def one(raw: bytes) -> None:
        try:
            check(raw)
        except Exception as error:  # noqa: BLE001 - each kind is told once
            places = traceback.extract_tb(error.__traceback__)
            ours = [place for place in places if "labelmend" in place.filename] or places
            kind = (type(error).__name__, ours[-1].filename, ours[-1].lineno)
            if kind not in kinds:
                kinds.add(kind)
                path = found / f"{target}-{len(kinds)}"
                path.write_bytes(raw)
                where = f"{Path(kind[1]).name}:{kind[2]}"
                sys.stdout.write(f"FOUND {path}: {kind[0]} in {where}: {str(error)[:200]!r}\n")
                sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="labelmend-atheris-") as scratch:
        corpus, words = Path(scratch) / "corpus", Path(scratch) / "words"
        corpus.mkdir()
        seeds(target, corpus)
        dictionary(words)
        settings = {
            "max_total_time": seconds,
            "timeout": 60,
            "rss_limit_mb": 2048,
            "max_len": LONGEST,
            "dict": words,
            "artifact_prefix": f"{found / target}-",
            "print_final_stats": 1,
            "verbosity": 0,
        }
        options = [f"-{name}={value}" for name, value in settings.items()]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=(*TARGETS, "all"))
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--found", type=Path, default=Path("found"), help="folder for what breaks")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.stdout.write("skipped: atheris is not installed (pip install atheris)\n")
        return 0
    given.found.mkdir(exist_ok=True)
    if given.target != "all":
        fuzz(given.target, given.seconds, given.found)
        return 0
    # libFuzzer ends its process, so each target has one.
    rest = ("--seconds", str(given.seconds), "--found", str(given.found))
    ended = [subprocess.run([sys.executable, __file__, name, *rest]).returncode for name in TARGETS]
    told = list(given.found.iterdir())
    sys.stdout.write(f"{len(told)} kinds found\n")
    return 1 if any(ended) or told else 0


if __name__ == "__main__":
    sys.exit(main())
