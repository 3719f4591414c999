"""Coverage-guided fuzzing of whatever reads a file, by hand: atheris looks for other branches.

    pip install atheris    # wheels for Python 3.11 to 3.13 on Linux; no part of the dev extra
    python tests/fuzz/atheris_readers.py tables --seconds 300
    python tests/fuzz/atheris_readers.py all --seconds 120

The seeds are the corpus and the files of the tools' own. What breaks a property of
test_properties.py, hangs for a minute or takes 2 GiB is written to --found, one file a kind, and
told; the others go on. Without atheris it says so and ends with 0.
"""

import argparse
import importlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

TABLE_SUFFIXES = (
    *(".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".feather", ".xlsx", ".yaml"),
    *(".txt", ".csv.gz", ".jsonl.zst", ""),
)
"""The first byte of a table tells which one its file has."""

LONGEST = 1 << 14
"""Bytes of an input: what a branch needs, and fast."""

EACH = 8
"""Where a property is slow, one input in so many has to keep it."""

WORKBOOK = HERE / "corpus" / "workbooks" / "two_sheets.xlsx"


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        property: by its name in test_properties.py.
        files: that fuzzing begins with, as patterns in the corpus.
        suffixes: that an input's file may have; where there are several, its first byte tells.
        longest: bytes of an input.
        also: a module besides ours whose branches are looked for.
        quick: the property that seven of eight inputs have to keep, where the other one is slow.
    """

    property: str
    files: tuple[str, ...]
    suffixes: tuple[str, ...] = ("",)
    longest: int = LONGEST
    also: str | None = None
    quick: str | None = None

    def drawn(self, raw: bytes) -> tuple[str, bytes]:
        """Return an input as the property takes it."""
        if len(self.suffixes) == 1:
            return self.suffixes[0], raw
        return (self.suffixes[raw[0] % len(self.suffixes)], raw[1:]) if raw else ("", b"")

    def seeds(self) -> Iterator[bytes]:
        """Yield what fuzzing begins with."""
        for path in sorted(path for name in self.files for path in (HERE / "corpus").glob(name)):
            if len(self.suffixes) == 1:
                yield path.read_bytes()
            elif path.is_file():
                suffix = path.suffix if path.suffix in self.suffixes else self.suffixes[-1]
                yield bytes([self.suffixes.index(suffix)]) + path.read_bytes()


class Parts(Target):
    """A workbook, one part of which is the input: packed, none of it would be found again."""

    def drawn(self, raw: bytes) -> tuple[str, bytes]:
        """Return the workbook with another part; the first byte tells which one."""
        parts = self._parts()
        changed = sorted(parts)[raw[0] % len(parts)] if raw else ""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            for name, content in parts.items():
                file.writestr(name, raw[1:] if name == changed else content)
        return self.suffixes[0], held.getvalue()

    def seeds(self) -> Iterator[bytes]:
        """Yield the parts as they are."""
        parts = self._parts()
        for number, name in enumerate(sorted(parts)):
            if len(parts[name]) < self.longest:
                yield bytes([number]) + parts[name]

    @staticmethod
    @cache
    def _parts() -> dict[str, bytes]:
        with zipfile.ZipFile(WORKBOOK) as packed:
            return {part: packed.read(part) for part in packed.namelist()}


FORMATS = "../../fixtures/formats"
TARGETS = {
    "tables": Target("tables", ("tables/*", f"{FORMATS}/**/*"), TABLE_SUFFIXES),
    # openpyxl takes a tenth of a second to read and write a workbook several times.
    "excel": Parts(
        "workbooks", (), (".xlsx",), LONGEST // 4, "openpyxl.worksheet._reader", "tables"
    ),
    "headless": Parts(
        "headless", (), (".xlsx",), LONGEST // 4, "openpyxl.worksheet._reader", "tables"
    ),
    "fasttext": Target("tools", ("tools/*.txt", f"{FORMATS}/*.txt"), (".txt",), LONGEST // 4),
    "prodigy": Target("tools", ("tools/*.jsonl", f"{FORMATS}/*.jsonl"), (".jsonl",), LONGEST // 4),
    "json": Target("tools", ("tools/*.json", f"{FORMATS}/*.json"), (".json",), LONGEST // 4),
    "rasa": Target("tools", ("tools/*.yml",), (".yml",), LONGEST // 4),
    "labels": Target("labels", ("labels/*",), (".yaml",)),
    "edited": Target("edited", ("labels/*",), (".yaml",), LONGEST // 4),
    "settings": Target("settings", ("settings/*",), (".yaml",)),
    "cards": Target("cards", ("cards/*",), (".json",)),
    "trees": Target("trees", ("trees/*",)),
    "evidence": Target("evidence", ("evidence/*",)),
    "records": Target("records", ("records/*",), (".json",)),
    "answers": Target("answers", ("answers/*",), (".jsonl",)),
    "edits": Target("edits", ("edits/*",), (".jsonl",)),
    "headers": Target("headers", ("gguf/*",), (".gguf",)),
    "signatures": Target("signatures", ("signatures/*",), (".minisig", ".pub"), LONGEST // 4),
}


def dictionary(path: Path) -> None:
    """Write what readers are known to stumble over, as libFuzzer wants it."""
    from fuzz.inputs import HARD

    words = (
        "".join(f"\\x{byte:02x}" for byte in word)  # all escaped: nothing else can go wrong
        for word in HARD
        if len(word) < 100
    )
    path.write_text("".join(f'"{word}"\n' for word in words))


def check_of(name: str):
    """The property that an input has to keep."""
    from fuzz.test_properties import PROPERTIES

    target = TARGETS[name]
    if target.also is not None:
        importlib.import_module(target.also)
    check = PROPERTIES[target.property][0]
    quick = PROPERTIES[target.quick or target.property][0]
    return lambda raw: (quick if zlib.crc32(raw) % EACH else check)(target.drawn(raw))


def fuzz(target: str, seconds: int, found: Path) -> None:
    """Never return: libFuzzer ends the process."""
    import atheris

    also = TARGETS[target].also
    with atheris.instrument_imports(include=["labelmend", *([also] if also else [])]):
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

    # What is imported at its first use takes a minute on a busy machine, which is no hang.
    one(next(TARGETS[target].seeds()))
    with tempfile.TemporaryDirectory(prefix="labelmend-atheris-") as scratch:
        corpus, words = Path(scratch) / "corpus", Path(scratch) / "words"
        corpus.mkdir()
        for number, seed in enumerate(TARGETS[target].seeds()):
            (corpus / f"{number}").write_bytes(seed)
        dictionary(words)
        settings = {
            "max_total_time": seconds,
            "timeout": 60,
            "rss_limit_mb": 2048,
            "max_len": TARGETS[target].longest,
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
