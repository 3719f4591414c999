"""What a comparison of classifiers of label sets found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.set_metrics import SetMetrics
from labelmend.types import Bools


@dataclass(frozen=True)
class SetRun:
    """One training and its test.

    Attributes:
        kind: of the classifier.
        condition: the version of the labels.
        seed: of the folds.
        metrics: on the test rows, without intervals.
        called: bool [n, L], the labels as predicted, of all there are.
    """

    kind: str
    condition: str
    seed: int
    metrics: SetMetrics
    called: Bools


@dataclass(frozen=True)
class SetComparison:
    """A finished comparison.

    Attributes:
        runs: every training and its test.
        outcomes: as given against mended, by kind of classifier.
        conditions: the versions of the labels, with their numbers of rows.
        test_rows: rows that were tested on.
        read: what was read of each table, in words.
        notes: what the user should know.
        files: that were written.
        record: all of it as JSON.
    """

    runs: tuple[SetRun, ...]
    outcomes: tuple[Outcome, ...]
    conditions: dict[str, int]
    test_rows: int
    read: dict[str, str]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    record: dict[str, Any]
