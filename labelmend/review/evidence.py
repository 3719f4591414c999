"""The evidence file of a run, row by row: where each line begins, and what the page shows of it."""

import json
import os
import re
import weakref
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, overload

import numpy as np

from labelmend.errors import InputError
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.runs.row_index import DECISIONS, Checks, RowIndex
from labelmend.runs.shards.joined import JoinedFiles, open_evidence
from labelmend.types import Floats, Ints
from labelmend.voice.speak import retell

_LABELS = re.compile(
    rb'"given":(null|"(?:[^"\\]|\\.)*"),"proposed":("(?:[^"\\]|\\.)*"),"decision":"(\w+)"'
)
"""Labels and decision in a line. A quote inside a text is escaped, so no text looks like that."""

_AGAIN = "run labelmend relabel again"

_NOTHING = 0.05
"""Nats that are shown as 0.0 or 0.1: next to nothing, as `labelmend explain` has it."""


class Names(Sequence[str | None]):
    """Names by code, as a sequence over rows; a code below 0 is no name."""

    def __init__(self, codes: Ints, names: Sequence[str]) -> None:
        self.codes = codes
        self._names = names

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, row: int) -> str | None: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[str | None]: ...

    def __getitem__(self, row: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(row, slice):
            return Names(self.codes[row], self._names)
        code = int(self.codes[row])
        return None if code < 0 else self._names[code]


class OpenFile:
    """A descriptor that is closed with the last that holds it.

    A thread may read a row while the page goes over to a newer run.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    def line(self, starts: Ints, row: int) -> bytes:
        """Return a line.

        Args:
            starts: int64 [n + 1], where each line begins, and the end of the last.
            row: its number, from 0.

        Raises:
            OSError: as reading goes.
        """
        start, end = int(starts[row]), int(starts[row + 1])
        return os.pread(self.descriptor, end - start, start)


class OpenParts:
    """The evidence of a table in shards; a file that was changed since is known by its lines."""

    def __init__(self, files: JoinedFiles) -> None:
        self._files = files

    def line(self, starts: Ints, row: int) -> bytes:
        """Return a line, as `OpenFile` does.

        Raises:
            OSError: as reading goes.
        """
        start, end = int(starts[row]), int(starts[row + 1])
        return self._files.read_at(end - start, start)


def held_open(file: BufferedReader) -> OpenFile | OpenParts:
    """Return what reads lines of evidence when the file that was opened is closed again."""
    if isinstance(file.raw, JoinedFiles):
        return OpenParts(file.raw)
    return OpenFile(os.dup(file.fileno()))


@dataclass(frozen=True)
class EvidenceIndex:
    """An evidence file, with what is needed of all rows at once.

    Attributes:
        file: stays open, so that rows can be read on when another run puts its own in its place.
        starts: int64 [n + 1], where each row's line begins, and the end of the last.
        proposed: the proposed label of each row; None where nothing was decided.
        decisions: of each row; empty where nothing was decided.
        checks: uint32 [n], CRC-32 of the lines, by which one that was changed since is known; None
            where all lines were read when this was made.
        places: float32 [n, 2], of the rows on a map of the texts, NaN where a row has none; None
            where the run left no map.
    """

    file: OpenFile | OpenParts
    starts: Ints
    proposed: Sequence[str | None]
    decisions: Sequence[str | None]
    checks: Checks | None = None
    places: Floats | None = None

    @classmethod
    def read(cls, path: Path, rows: int) -> "EvidenceIndex":
        """Go through a file once.

        Args:
            path: of the evidence.
            rows: of its table.

        Raises:
            InputError: it can't be read, or has another number of lines.
        """
        starts, proposed, decisions = [0], [], []
        with opened_evidence(path) as file:
            for line in file:
                starts.append(starts[-1] + len(line))
                found = _LABELS.search(line)
                proposed.append(json.loads(found[2]) if found else None)
                decisions.append(found[3].decode() if found else "")
            if len(proposed) != rows:
                raise InputError(
                    f"{path}: has {len(proposed):,} lines, and the table {rows:,} rows; {_AGAIN}"
                )
            held = held_open(file)
        return cls(held, np.array(starts, dtype=np.int64), tuple(proposed), tuple(decisions))

    @classmethod
    def indexed(cls, file: BufferedReader, index: RowIndex) -> "EvidenceIndex":
        """Return what an index says of a file, of which no line is read before it is shown."""
        return cls(
            held_open(file),
            index.starts,
            Names(index.proposed, index.labels),
            Names(index.decision, DECISIONS),
            index.checks,
            index.points,
        )

    def explanation(self, row: int, text: str) -> Explanation | None:
        """Return a row's explanation, None where the file has none of this text any more.

        Args:
            row: its index, from 0.
            text: as the models read it.
        """
        try:
            line = self.file.line(self.starts, row)
            if self.checks is not None and zlib.crc32(line) != self.checks[row]:
                return None
            found = Explanation.from_line(line.decode())
        except (OSError, ValueError):
            return None
        return found if found.text == text else None


@contextmanager
def opened_evidence(path: Path) -> Iterator[BufferedReader]:
    """Open a file of evidence.

    Raises:
        InputError: it can't be read.
    """
    try:
        with open_evidence(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file, and without it there is nothing to show; {_AGAIN}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def panel(explanation: Explanation) -> dict[str, Any]:
    """Return why a row was decided as it was, for the page: what `labelmend explain` prints.

    Nats are against the given label, or the runner-up where none was given; positive ones speak for
    the candidate.
    """
    reference = explanation.reference
    others = [c for c in explanation.candidates if c is not reference]
    nats = [c.against(reference) for c in others]
    sources = []
    for source in dict.fromkeys(s for each in nats for s in each):
        values = [_heard(each, source) for each in nats]
        if any(value is not None for value in values):
            sources.append({"source": retell(source), "nats": values})
    return {
        "reason": retell(explanation.reason),
        "reference": reference.label,
        "reference_given": reference.label == explanation.given,
        "labels": [c.label for c in others],
        "sources": sources,
        "totals": [round(c.total - reference.total, 1) for c in others],
        "held": explanation.held,
        "votes": [{"voter": voter, "label": label} for voter, label in explanation.votes.items()],
        "neighbours": [
            {"text": near.text, "labels": list(near.labels), "similarity": near.similarity}
            for near in explanation.neighbours
        ],
    }


def _heard(nats: Mapping[str, float], source: str) -> float | None:
    value = nats.get(source, 0.0)
    return round(value, 1) if abs(value) >= _NOTHING else None
