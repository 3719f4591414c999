"""The demo: the main job on the data set that labelmend ships, scored against the truth."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from labelmend.configs.schema import Config
from labelmend.data.read import read_table
from labelmend.errors import OutputError
from labelmend.protocols import Progress
from labelmend.relabel.corrupt import TRUE_LABEL
from labelmend.relabel.job import RelabelOutcome, TableRequest, relabel_file


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
    folder: Path, config: Config, progress: Progress, *, use_llm: bool
) -> tuple[RelabelOutcome, Score]:
    """Mend the demo's noisy table into `folder`, and score it.

    The column with the truth is read only after the mended table is written.

    Raises:
        LabelmendError: a model is missing, or the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: can't make this folder: {error.strerror}; name another with -o"
        ) from None
    data = resources.files("labelmend.data.demo")
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
