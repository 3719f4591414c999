"""What a step does where a text may have several labels."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.classify.several.data import SetTraining
from labelmend.classify.several.linear import require_kind
from labelmend.classify.several.model_folder import load_sets_model
from labelmend.classify.several.train import TrainedSets, train_sets
from labelmend.configs.schema import Config
from labelmend.protocols import Progress
from labelmend.retrain.project import GateConfig, HeldOutConfig, Opened, Project
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrain.sets.known import KnownSets, SetsHeldOut, read_base_sets, sets_with_rows
from labelmend.retrain.sets.mending import SetsMending, mend_sets, texts_to_place_sets
from labelmend.retrain.sets.trial import (
    CalledSets,
    compare_set_versions,
    figures,
    said_by_challenger,
    said_by_champion,
)
from labelmend.retrain.sources.cells import RowCells, SeveralLabels
from labelmend.retrain.trial.challenger import Placed
from labelmend.retrain.trial.comparison import Compared
from labelmend.retrain.trial.gate import look_at_rows
from labelmend.retrain.way import Trial
from labelmend.types import Floats

SetsWriter = Callable[[TrainedSets, Placed, SetTraining, KnownSets, Path], None]
"""Writes the model folder of a trained classifier; may raise LabelmendError."""


@dataclass(frozen=True)
class SeveralLabelsWay:
    """Texts of any number of labels each.

    Attributes:
        writer: writes model folders.
        base: the base.
        joined_by: the sign between labels, of the project or as the base shows it; None without.
    """

    writer: SetsWriter
    base: KnownSets
    joined_by: str | None

    @classmethod
    def of(cls, opened: Opened, writer: SetsWriter) -> "SeveralLabelsWay":
        """Read the base of a project.

        Raises:
            LabelmendError: it can't be used, or its kind of classifier can't learn several labels.
        """
        require_kind(opened.project.kind)
        base = read_base_sets(opened)
        return cls(writer, base, opened.project.label_separator or base.shape.joined_by)

    @property
    def cells(self) -> RowCells:
        """Cells are read as those of the base."""
        return SeveralLabels(self.joined_by)

    def check(self, project: Project, config: Config) -> None:  # noqa: ARG002 -- nothing of these
        """Make sure that the kind can learn several labels."""
        require_kind(project.kind)

    def kind_of(self, folder: Path) -> str:
        """Read the model."""
        return load_sets_model(folder).classifier.kind

    def read_base(self, opened: Opened) -> KnownSets:  # noqa: ARG002 -- it was read already
        """Return the base."""
        return self.base

    def with_rows(
        self, known: KnownSets, rows: Iterable[MendedRow], config: HeldOutConfig
    ) -> KnownSets:
        """See `known.sets_with_rows`."""
        return sets_with_rows(known, rows, config)

    def texts(self, known: KnownSets, rows: Sequence[NewRow]) -> tuple[str, ...]:
        """See `mending.texts_to_place_sets`."""
        return texts_to_place_sets(known, rows)

    def mend(
        self,
        known: KnownSets,
        rows: Sequence[NewRow],
        embeddings: Floats,
        config: Config,
        share: float,
        progress: Progress,
    ) -> SetsMending:
        """See `mending.mend_sets`."""
        return mend_sets(known, rows, embeddings, config, share, progress)

    def amiss(self, mending: SetsMending, gate: GateConfig, seed: int) -> tuple[str, ...]:
        """See `gate.look_at_rows`; a row and a label that it was given are a case."""
        return look_at_rows(mending, gate, seed)

    def train(
        self,
        data: SetTraining,
        placed: Placed,
        config: Config,
        kind: str,
        work: Path,  # noqa: ARG002 -- such trainings leave nothing behind
        progress: Progress,
    ) -> Trial:
        """Train a classifier a label."""
        vectors = placed.vectors.of(data.texts)
        found = train_sets(data, vectors, config.classify, kind, config.seed, progress)
        return Trial(found, data, placed)

    def write(self, trial: Trial, known: KnownSets, folder: Path) -> None:
        """Let the writer do it."""
        self.writer(trial.fitted, trial.space, trial.data, known, folder)

    def measured(self, trial: Trial, held_out: SetsHeldOut, seed: int) -> dict[str, float | None]:
        """Return the headline of its figures."""
        classifier = trial.fitted.classifier
        labels = tuple(sorted({*held_out.labels, *classifier.labels}))
        truth = np.zeros((len(held_out.texts), len(labels)), dtype=np.bool_)
        truth[:, [labels.index(label) for label in held_out.labels]] = held_out.truth
        found = said_by_challenger(classifier, trial.space, held_out.texts)
        return figures(CalledSets(found, classifier.labels, labels).metrics(truth, labels, seed))

    def compared(
        self,
        champion: Path,
        trial: Trial,
        held_out: SetsHeldOut,
        earlier: Sequence[str],
        project: Project,
        seed: int,
    ) -> Compared:
        """See `trial.compare_set_versions`."""
        classifier = trial.fitted.classifier
        found = said_by_challenger(classifier, trial.space, held_out.texts)
        return compare_set_versions(
            said_by_champion(champion, held_out.texts),
            (found, classifier.labels),
            held_out,
            earlier,
            project,
            seed,
        )
