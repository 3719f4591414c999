"""The demo: the data set that labelmend ships is mended and scored, and trained on."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labelmend.configs.schema import Config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.errors import OutputError
from labelmend.evaluation.comparison import ComparisonRequest
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.relabel.run_models import require_packages
from labelmend.workflows.corrupt import TRUE_LABEL
from labelmend.workflows.relabel import RelabelOutcome, relabel_file
from labelmend.workflows.report import Report, report_files
from labelmend.workflows.train import TrainOutcome, default_point, train_file

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DemoLanguage = Literal["en", "ru"]
"""Of the messages: to a bank app's support bot, or to a marketplace's support."""

KINDS = ("logreg", "linear-svm")
SEEDS = 2
"""Trainings a classifier and version of the labels: enough to show that they differ a little."""

MODEL, REPORT = "model", "report"
"""Folders beside the mended table."""


@dataclass(frozen=True)
class Score:
    """What mending did, where the truth is known.

    Attributes:
        rows: of the table.
        right_before: rows whose given label is the true one.
        right_after: rows whose mended label is.
        broken: rows that were right before and are wrong now.
        fixed: rows that were wrong before and are right now.
    """

    rows: int
    right_before: int
    right_after: int
    broken: int
    fixed: int


def score(outcome: RelabelOutcome, truth: list[str]) -> Score:
    """Compare a relabelling with the true labels, a row each."""
    dataset = outcome.result.dataset
    number = {label: i for i, label in enumerate(dataset.labels)}
    true = [number.get(label) for label in truth]
    before = [g == t for g, t in zip(dataset.given.tolist(), true, strict=True)]
    after = [m == t for m, t in zip(outcome.result.decisions.mended.tolist(), true, strict=True)]
    pairs = list(zip(before, after, strict=True))
    return Score(
        rows=len(true),
        right_before=sum(before),
        right_after=sum(after),
        broken=sum(b and not a for b, a in pairs),
        fixed=sum(a and not b for b, a in pairs),
    )


def run_demo(
    folder: Path,
    config: Config,
    progress: Progress,
    *,
    use_llm: bool,
    language: DemoLanguage = "en",
) -> tuple[RelabelOutcome, Score]:
    """Mend the demo's noisy table into `folder`, and score it.

    The column with the truth is read only after the mended table is written.

    Args:
        folder: for the mended table and what lies beside it; made if missing.
        config: what runs and how.
        progress: hears how far the work is.
        use_llm: let the LLMs describe labels and vote.
        language: of the messages.

    Raises:
        LabelmendError: a model is missing, or the folder can't be written.
    """
    require_packages(config, use_llm=use_llm)
    require("plotly", by="the demo's report")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: can't make this folder: {error.strerror}; name another with -o"
        ) from None
    data = _data(language)
    with (
        resources.as_file(data / "train_noisy.csv") as table,
        resources.as_file(data / "labels.yaml") as labels,
    ):
        outcome = relabel_file(
            TableRequest(table),
            folder / "mended.csv",
            config,
            progress,
            labels_file=labels,
            use_llm=use_llm,
        )
        truth = read_table(table).values(TRUE_LABEL)
    return outcome, score(outcome, truth)


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


def report_demo(
    table: Path, config: Config, progress: Progress, language: DemoLanguage = "en"
) -> Report:
    """Compare with the labels as given, on the demo's test rows, and write the report.

    No test row is among those that are mended and trained on.

    Args:
        table: the mended one.
        config: what runs and how.
        progress: hears how far the work is.
        language: of the messages.

    Raises:
        LabelmendError: a model is missing, or the folder can't be written.
    """
    with resources.as_file(_data(language) / "test.csv") as test:
        return report_files(
            ComparisonRequest(before=table, test=test, gold_column=TRUE_LABEL),
            table.parent / REPORT,
            config,
            KINDS,
            range(config.seed, config.seed + SEEDS),
            default_point(config),
            progress,
        )


def _data(language: DemoLanguage) -> "Traversable":
    """Return the folder of the demo in a language; the English one lies above the others."""
    folder = resources.files("labelmend.data.demo")
    return folder if language == "en" else folder / language
