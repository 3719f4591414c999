"""What a comparison of classifiers is, and how it is written down."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labelmend.classify.data import LabelledTable, RareLabels
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.evaluation.baseline import TestSet, TrainingRun, answers_of, by_condition, test_rows
from labelmend.evaluation.compare import Outcome, compare
from labelmend.evaluation.error_analysis.counts import ErrorCounts
from labelmend.evaluation.evaluate import curve_record
from labelmend.voice.speak import note

BEFORE, AFTER, GOLD, AUGMENTED = "as given", "mended", "gold", "augmented"

SCHEMA_VERSION = 2
"""Of the record as JSON, to be raised with any change of its keys; without one it is of version 1,
where `conditions` were `arms`, `runs` were `cells` and `mending.accuracy` was `rightness`."""


@dataclass(frozen=True)
class ComparisonRequest:
    """Which tables, and which of their columns; None to find a column by its name.

    Attributes:
        before: table with the labels as given.
        after: table with the mended ones; None where `before` has both.
        test: table with labels that are held for true, or None.
        text_column: of all tables; several are joined.
        label_column: the given labels.
        mended_column: the mended ones.
        gold_column: the true labels of the training texts, in `before` or `after`; None to go
            without.
        test_label_column: of the test table.
        oos_label: the label that means "fits no label".
        encoding: of all tables.
        keep_overlap: test on texts that are trained on, too.
        weigh: mended rows count by labelmend's confidence.
        rules: how labels are read.
        rare_labels: what is done with labels of one text in a training set.
        strict: refuse tables with rows without text.
        header: whether the first rows of `before` and `test` name the columns; that of `after`
            does, as labelmend wrote it.
        augmented: the mended table with new texts, as `labelmend augment` wrote it, or None.
    """

    before: Path
    after: Path | None = None
    test: Path | None = None
    text_column: str | Sequence[str] | None = None
    label_column: str | None = None
    mended_column: str | None = None
    gold_column: str | None = None
    test_label_column: str | None = None
    oos_label: str | None = None
    encoding: str | None = None
    keep_overlap: bool = False
    weigh: bool = False
    rules: LabelRules = AS_IT_LOOKS
    rare_labels: RareLabels = "drop"
    strict: bool = False
    header: bool = True
    augmented: Path | None = None


@dataclass(frozen=True)
class ComparedTables:
    """The tables that were trained on, checked.

    Attributes:
        before: with the labels as given.
        after: with the mended ones.
        gold: with the true ones, or None.
    """

    before: LabelledTable
    after: LabelledTable
    gold: LabelledTable | None


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        tables: what was trained on.
        runs: every training and its test.
        outcomes: as given against mended, by kind of classifier.
        conditions: the versions of the labels, with their numbers of labelled rows.
        test_rows: rows that were tested on.
        cross_validated: whether there was no test set.
        notes: what the user should know.
        record: all of it as JSON.
        augmentation: mended against augmented, by kind of classifier; empty where no augmented
            table was given.
        errors: what stands behind the mended labels; None where nobody looked.
    """

    tables: ComparedTables
    runs: tuple[TrainingRun, ...]
    outcomes: tuple[Outcome, ...]
    conditions: dict[str, int]
    test_rows: int
    cross_validated: bool
    notes: tuple[str, ...]
    record: dict[str, Any]
    augmentation: tuple[Outcome, ...] = ()
    errors: ErrorCounts | None = None


def compare_runs(
    runs: Sequence[TrainingRun],
    kinds: Sequence[str],
    test: TestSet,
    before: str,
    after: str,
    seed: int,
) -> tuple[Outcome, ...]:
    """Compare two versions of the labels, kind by kind."""
    labels = sorted({*test.labels, *(label for run in runs for label in run.called)})
    pairs = []
    for kind in kinds:
        conditions = by_condition(runs, kind)
        pairs.append(
            (kind, answers_of(conditions[before], labels), answers_of(conditions[after], labels))
        )
    return compare(pairs, test_rows(test, labels), seed)


def overall(outcomes: Sequence[Outcome]) -> str:
    """Return one sentence on all kinds of classifiers, such as "better with logreg"."""
    said: dict[str, list[str]] = {}
    for verdict in ("better", "worse", "no difference shown"):
        kinds = [outcome.kind for outcome in outcomes if outcome.verdict == verdict]
        if kinds:
            said[verdict] = kinds
    if len(said) == 1:
        return next(iter(said))
    return "; ".join(
        note("{verdict:words} with {kinds}", verdict=verdict, kinds=", ".join(kinds))
        for verdict, kinds in said.items()
    )


def outcome_record(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it."""
    return {
        "kind": outcome.kind,
        "verdict": outcome.verdict,
        "differences": [
            {**vars(difference), "change": difference.change} for difference in outcome.differences
        ],
        "mcnemar": vars(outcome.test),
    }


def training_run_record(run: TrainingRun) -> dict[str, Any]:
    """Return a run as JSON has it, without what it says of each row."""
    return {
        "kind": run.kind,
        "condition": run.condition,
        "seed": run.seed,
        "metrics": asdict(run.metrics),
        "oos_trade_off": curve_record(run.curve),
    }
