"""The demo's second half: a classifier on the mended labels, and the report on what they gave."""

from importlib import resources
from pathlib import Path

from labelmend.classify.comparison import ComparisonRequest
from labelmend.classify.job import TrainOutcome, default_point, train_file
from labelmend.classify.learners import Kind
from labelmend.configs.schema import Config
from labelmend.protocols import Progress
from labelmend.relabel.corrupt import TRUE_LABEL
from labelmend.relabel.job import TableRequest
from labelmend.report.build import Report, report_files

KINDS: tuple[Kind, ...] = ("logreg", "linear-svm")
SEEDS = 2
MODEL, REPORT = "model", "report"


def train_demo(table: Path, config: Config, progress: Progress) -> TrainOutcome:
    """Train a classifier on the demo's mended labels, into a folder beside the table.

    Raises:
        LabelmendError: a model is missing, or the folder can't be written.
    """
    return train_file(
        TableRequest(table),
        table.parent / MODEL,
        config,
        config.classify.kind,
        default_point(config),
        progress,
    )


def report_demo(table: Path, config: Config, progress: Progress) -> Report:
    """Compare with the labels as given, on the demo's test rows, and write the report.

    No test row is among those that are mended and trained on.

    Raises:
        LabelmendError: a model is missing, or the folder can't be written.
    """
    with resources.as_file(resources.files("labelmend.data.demo") / "test.csv") as test:
        return report_files(
            ComparisonRequest(before=table, test=test, gold_column=TRUE_LABEL),
            table.parent / REPORT,
            config,
            KINDS,
            range(config.seed, config.seed + SEEDS),
            default_point(config),
            progress,
        )
