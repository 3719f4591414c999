"""The evidence file of a run, row by row: where each line begins, and what the page shows of it."""

import json
import os
import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.errors import InputError
from labelmend.regular_file import open_regular
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.types import Ints

_LABELS = re.compile(
    rb'"given":(null|"(?:[^"\\]|\\.)*"),"proposed":("(?:[^"\\]|\\.)*"),"decision":"(\w+)"'
)
"""Labels and decision in a line. A quote inside a text is escaped, so no text looks like that."""

_AGAIN = "run labelmend relabel again"

_NOTHING = 0.05
"""Nats that are shown as 0.0 or 0.1: next to nothing, as `labelmend explain` has it."""


@dataclass(frozen=True)
class EvidenceIndex:
    """An evidence file, with what is needed of all rows at once.

    Attributes:
        descriptor: of the open file, so that rows can be read on when another run puts its own in
            its place; it is closed with the last that holds this index.
        starts: int64 [n + 1], where each row's line begins, and the end of the last.
        proposed: the proposed label of each row; None where nothing was decided.
        decisions: of each row; empty where nothing was decided.
    """

    descriptor: int
    starts: Ints
    proposed: tuple[str | None, ...]
    decisions: tuple[str, ...]

    def __post_init__(self) -> None:
        # A thread may read a row while the page goes over to a newer run.
        weakref.finalize(self, os.close, self.descriptor)

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
        try:
            with open_regular(path) as file:
                for line in file:
                    starts.append(starts[-1] + len(line))
                    found = _LABELS.search(line)
                    proposed.append(json.loads(found[2]) if found else None)
                    decisions.append(found[3].decode() if found else "")
                if len(proposed) != rows:
                    raise InputError(
                        f"{path}: has {len(proposed):,} lines, and the table {rows:,} rows; "
                        f"{_AGAIN}"
                    )
                descriptor = os.dup(file.fileno())
        except FileNotFoundError:
            raise InputError(
                f"{path}: no such file, and without it there is nothing to show; {_AGAIN}"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: can't be read: {error.strerror or error}") from None
        return cls(descriptor, np.array(starts, dtype=np.int64), tuple(proposed), tuple(decisions))

    def explanation(self, row: int, text: str) -> Explanation | None:
        """Return a row's explanation, None where the file has none of this text any more.

        Args:
            row: its index, from 0.
            text: as the models read it.
        """
        try:
            start, end = int(self.starts[row]), int(self.starts[row + 1])
            line = os.pread(self.descriptor, end - start, start)
            found = Explanation.from_line(line.decode())
        except (OSError, ValueError):
            return None
        return found if found.text == text else None


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
            sources.append({"source": source, "nats": values})
    return {
        "reason": explanation.reason,
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
