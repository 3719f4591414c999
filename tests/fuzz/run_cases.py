"""Run all bad inputs, or some, in forked children of one process: python tests/fuzz/run_cases.py.

It prints a line a case and ends with 1 where one of them ends otherwise than it should.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from fuzz import forked
from fuzz.cases import (
    commands,
    edits,
    labels,
    models,
    people,
    records,
    settings,
    tables,
    tools,
    weights,
)

ONCE_BAD = re.compile(
    r"/dev/|a pipe|loop|bomb|digits|nines|escapes|colours|--test|as undefined|circle|too far|"
    r"twice|in itself|half a character|blank|endless|GiB|long name|many candidates|\\x1b|"
    r"labels: (choices|an object)|piped (nothing|twice|to explain)$"
)
"""Cases of the kinds that ended badly once: they are always run."""

EVERY = 10
"""Of the other kinds, an ordinary run of the tests has one in so many, and `make peers` all."""

MODULES = (tables, labels, settings, models, records, people, commands, tools, edits, weights)


@cache
def all_cases() -> tuple[tuple[ModuleType, forked.Case], ...]:
    """All cases that there are, each with its module: they take seconds to make."""
    return tuple((module, case) for module in MODULES for case in module.cases())


def chosen(*, one_a_kind: bool, pattern: str, every: int = EVERY) -> list[forked.Case]:
    """All cases; or of each kind the first that does no real work, if it is one in `every`."""
    found, seen = [], set()
    for module, case in all_cases():
        kind = (module.__name__, case.kind or case.name)
        if not re.search(pattern, case.name) or (one_a_kind and (case.slow or kind in seen)):
            continue
        seen.add(kind)
        bad = getattr(module, "ONCE_BAD", ONCE_BAD)
        if not one_a_kind or bad.search(case.name) or len(seen) % every == 0:
            found.append(case)
    twice = [name for name, count in Counter(case.name for case in found).items() if count > 1]
    assert not twice, twice
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="?", default="", help="regular expression for names")
    parser.add_argument("--one-a-kind", action="store_true", help="as the tests do")
    parser.add_argument("--every", type=int, default=EVERY, help="one in so many of most kinds")
    parser.add_argument("--part", default="1/1", help="such as 2/3: every third case")
    parser.add_argument("--patience", type=float, default=1, help="times as long until it hangs")
    parser.add_argument("--faults", action="store_true", help="print only what is wrong")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    began, used = time.monotonic(), os.times()
    bad = ran = 0
    with tempfile.TemporaryDirectory(prefix="labelmend-cases-") as scratch:
        os.environ["LABELMEND_HOME"] = str(Path(scratch) / "home")
        forked.preload()
        asked = chosen(one_a_kind=given.one_a_kind, pattern=given.pattern, every=given.every)
        for case in asked[part - 1 :: parts]:
            patient = replace(case, seconds=case.seconds * given.patience)
            ended = forked.run(patient, Path(scratch))
            ran += 1
            bad += bool(ended.faults)
            if ended.faults or not given.faults:
                said = (ended.err.strip().splitlines() or [""])[
                    -1 if "traceback" in ended.faults else 0
                ]
                shown = said.encode("unicode_escape").decode()[:160]
                faults = f" {'; '.join(ended.faults).upper()}" if ended.faults else ""
                sys.stdout.write(
                    f"{case.name!r} {ended.code} {ended.seconds:.1f} s{faults} | {shown}\n"
                )
                sys.stdout.flush()
    now = os.times()
    cpu = sum(now[:4]) - sum(used[:4])
    spent = f"{time.monotonic() - began:.0f} s, {cpu:.0f} s of processor"
    sys.stdout.write(f"{ran} cases, {bad} with faults, {spent}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
