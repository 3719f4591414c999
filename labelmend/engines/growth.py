"""How time, memory and disk grow with rows and labels: a table that `benchmarks/scale.py` fits.

What was measured on one machine can't tell the seconds of another, but it tells how they grow: a
sample timed here, times the growth, is an estimate for the whole table.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

NEIGHBOURS, CLASSIFIER = "neighbours", "rounds: classifier"
"""Stages that have another way for large tables."""


@dataclass(frozen=True)
class Law:
    """A power law: factor * (rows + start) ** of_rows * labels ** of_labels.

    Attributes:
        factor: seconds, bytes or tasks.
        start: rows that are worth what a stage costs however few there are.
        of_rows: the power of rows.
        of_labels: the power of labels.
    """

    factor: float
    start: float
    of_rows: float
    of_labels: float

    def at(self, rows: float, labels: float) -> float:
        """Return what it says of a table; at least one label is counted."""
        grown = (rows + self.start) ** self.of_rows
        return float(self.factor * grown * max(labels, 1.0) ** self.of_labels)


@dataclass(frozen=True)
class Sum:
    """A sum: fixed + of_rows * rows + of_labels * labels. Memory grows so: each part has its own.

    Attributes:
        fixed: bytes that any table takes.
        of_rows: bytes of a row.
        of_labels: bytes of a label.
    """

    fixed: float
    of_rows: float
    of_labels: float

    def at(self, rows: float, labels: float) -> float:
        """Return what it says of a table."""
        return self.fixed + self.of_rows * rows + self.of_labels * labels


@dataclass(frozen=True)
class StageGrowth:
    """How one stage grows.

    Attributes:
        seconds: of processor time, of all cores, on the machine of the fit.
        divides: share of them that is carried in blocks, which other machines can take.
        tasks: blocks that may run side by side; None where nothing divides.
    """

    seconds: Law
    divides: float
    tasks: Law | None


@dataclass(frozen=True)
class Growth:
    """The fitted table.

    Attributes:
        stages: by name; a stage with another way for large tables has a name for each.
        peak_bytes: of memory at the peak, beyond what the program takes by itself.
        evidence_bytes: of the lines of evidence that are written.
        column_bytes: of the columns that are added to the table.
        width: numbers of a text's vector while it was fitted.
        rows: the most that were measured.
        labels: likewise.
        off_by: the total time of no measured run is more than so many times off the fit.
        drawn_out_by: the same of the runs with most rows, by a fit that has not seen them; 0 where
            the others can't tell.
        fitted: where it comes from: command, commit, date, machine.
    """

    stages: Mapping[str, StageGrowth]
    peak_bytes: Sum
    evidence_bytes: Law
    column_bytes: Law
    width: int
    rows: int
    labels: int
    off_by: float
    drawn_out_by: float
    fitted: Mapping[str, str]


@dataclass(frozen=True)
class Ways:
    """Which way stages take, by the size of a table.

    Attributes:
        exact_up_to: texts among which all are compared to find neighbours.
        large_scores: texts times labels above which the classifier has few folds.
        max_scores: the same above which it is a discriminant.
        least_texts: texts a label up to which one of few folds is so, too.
    """

    exact_up_to: int
    large_scores: int
    max_scores: int
    least_texts: float

    def of(self, stage: str, texts: int, labels: int) -> str:
        """Return the name under which the table has a stage of a run of such a size."""
        if stage == NEIGHBOURS:
            return f"{stage}, {'exact' if texts <= self.exact_up_to else 'in cells'}"
        if stage != CLASSIFIER:
            return stage
        scores = texts * labels
        large = scores > self.large_scores
        if scores > self.max_scores or (large and texts <= self.least_texts * labels):
            return f"{stage}, discriminant"
        return f"{stage}, {'few' if large else 'many'} folds"


@dataclass(frozen=True)
class Part:
    """A part of a run: what it takes here, and how it divides.

    Attributes:
        seconds: by the clock of this machine.
        divides: share of the processor time that other machines can take.
        tasks: blocks that may run side by side.
        whole_machines: a block keeps a whole machine busy, as a model does, not one core.
    """

    seconds: float
    divides: float = 0.0
    tasks: float = 1.0
    whole_machines: bool = False

    def on(self, machines: int, cores: int) -> float:
        """Return the seconds on so many machines that are like this one (Amdahl 1967).

        Args:
            machines: at least one.
            cores: of each.
        """
        if self.whole_machines:
            turns = math.ceil(self.tasks / machines) / max(math.ceil(self.tasks), 1)
            return self.seconds * (1 - self.divides + self.divides * turns)
        alone = 1 - self.divides
        here = alone + self.divides / max(min(cores, self.tasks), 1.0)
        there = alone + self.divides / max(min(machines * cores, self.tasks), 1.0)
        return self.seconds * there / here


@lru_cache(maxsize=1)
def fitted_growth() -> Growth:
    """Return the table that labelmend brings."""
    text = (resources.files("labelmend.engines") / "growth.json").read_text("utf-8")
    return growth_from(json.loads(text))


def growth_from(record: Mapping[str, object]) -> Growth:
    """Return the table that a record holds, as `Growth` has its fields.

    Raises:
        KeyError: a field is missing.
        TypeError: one is of another kind, or unknown.
    """
    fields = dict(record)
    stages = fields.pop("stages")
    laws = {name: _law(fields.pop(name)) for name in _LAWS}
    peak = fields.pop("peak_bytes")
    assert isinstance(stages, dict)
    assert isinstance(peak, dict)
    grown = {
        name: StageGrowth(
            _law(each["seconds"]),
            float(each["divides"]),
            None if each["tasks"] is None else _law(each["tasks"]),
        )
        for name, each in stages.items()
    }
    return Growth(stages=grown, peak_bytes=Sum(**peak), **laws, **fields)  # type: ignore[arg-type]


_LAWS = ("evidence_bytes", "column_bytes")


def _law(record: object) -> Law:
    if not isinstance(record, dict):
        raise TypeError("a law is a mapping")
    return Law(**{name: float(value) for name, value in record.items()})
