"""What a step does that depends on how many labels a text may have.

`step` and the registry know versions, rows and verdicts; a way knows texts, labels and classifiers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import TrainingSet
from labelmend.classify.heads.base import Fitted
from labelmend.classify.heads.registry import find_head
from labelmend.classify.model_folder import load_model
from labelmend.classify.space import ProfileSpace
from labelmend.configs.schema import Config
from labelmend.evaluation.evaluate import headline
from labelmend.protocols import Progress
from labelmend.retrain.known import HeldOut, Known, read_base, with_rows
from labelmend.retrain.mending import Mending, mend, texts_to_place
from labelmend.retrain.project import GateConfig, HeldOutConfig, Opened, Project
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrain.sources.cells import OneLabel, RowCells
from labelmend.retrain.trial.challenger import (
    ModelWriter,
    Placed,
    test_challenger,
    test_champion,
    train_challenger,
)
from labelmend.retrain.trial.comparison import Compared, compare_versions
from labelmend.retrain.trial.gate import look_at_rows
from labelmend.types import Floats


class AnyData(Protocol):
    """What a version learns from."""

    @property
    def texts(self) -> Sequence[str]:
        """Distinct ones."""
        ...

    @property
    def digest(self) -> str:
        """The sha256 of texts, labels and weights."""
        ...


class AnyHeldOut(Protocol):
    """What versions are compared on."""

    @property
    def texts(self) -> Sequence[str]:
        """Distinct ones."""
        ...

    @property
    def answered(self) -> int:
        """Of these, those whose labels a person settled."""
        ...


class AnyKnown(Protocol):
    """All rows that are known; the base's come first."""

    @property
    def labels(self) -> Collection[str]:
        """All that there are."""
        ...

    @property
    def base_rows(self) -> int:
        """Rows of the base."""
        ...

    @property
    def base_sha256(self) -> str:
        """Of its file."""
        ...

    @property
    def learned_rows(self) -> int:
        """Rows that versions learn from."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the base."""
        ...

    def __len__(self) -> int: ...

    def training_set(self, where: str) -> tuple[Any, tuple[str, ...]]:
        """Return an `AnyData` of the same way, with notes.

        Raises:
            InputError: there is too little of it.
        """
        ...

    def test_set(self, config: HeldOutConfig) -> Any:
        """Return an `AnyHeldOut` of the same way."""
        ...


class AnyMending(Protocol):
    """New rows, mended."""

    @property
    def rows(self) -> tuple[MendedRow, ...]:
        """All of them, in their order."""
        ...

    @property
    def unknown(self) -> tuple[str, ...]:
        """Labels of new rows that no known row carries and no person answered with."""
        ...

    @property
    def channel_record(self) -> Mapping[str, Any]:
        """How given labels come about, as JSON."""
        ...


@dataclass(frozen=True)
class Trial:
    """A challenger, trained but not tested yet.

    Attributes:
        fitted: what was trained.
        data: on what; an `AnyData`.
        space: in which its texts lie.
    """

    fitted: Any
    data: Any
    space: Placed


class Way(Protocol):
    """What a step does; everything that it hands out goes back to the same way."""

    @property
    def cells(self) -> RowCells:
        """How the cells of new rows say their labels."""
        ...

    def check(self, project: Project, config: Config) -> None:
        """Make sure before any work that such classifiers can be trained.

        Raises:
            LabelmendError: they can't.
        """
        ...

    def kind_of(self, folder: Path) -> str:
        """Return the kind of a model of this way.

        Raises:
            ModelError: it is another one, or can't be read.
        """
        ...

    def read_base(self, opened: Opened) -> AnyKnown:
        """Read the table that a project begins with.

        Raises:
            InputError: it can't be used.
        """
        ...

    def with_rows(self, known: Any, rows: Iterable[MendedRow], config: HeldOutConfig) -> AnyKnown:
        """Return what is known with further rows behind."""
        ...

    def texts(self, known: Any, rows: Sequence[NewRow]) -> tuple[str, ...]:
        """Return the texts that mending rows needs vectors of, and training without any."""
        ...

    def mend(
        self,
        known: Any,
        rows: Sequence[NewRow],
        embeddings: Floats,
        config: Config,
        share: float,
        progress: Progress,
    ) -> AnyMending:
        """Mend new rows with what is known; no held-out row of that is looked at."""
        ...

    def amiss(self, mending: Any, gate: GateConfig, seed: int) -> tuple[str, ...]:
        """Return what is wrong with new rows, one line a reason."""
        ...

    def train(
        self, data: Any, placed: Placed, config: Config, kind: str, work: Path, progress: Progress
    ) -> Trial:
        """Train a challenger."""
        ...

    def write(self, trial: Trial, known: Any, folder: Path) -> None:
        """Write its model folder."""
        ...

    def measured(self, trial: Trial, held_out: Any, seed: int) -> dict[str, float | None]:
        """Return its figures on held-out rows."""
        ...

    def compared(
        self,
        champion: Path,
        trial: Trial,
        held_out: Any,
        earlier: Sequence[str],
        project: Project,
        seed: int,
    ) -> Compared:
        """Compare it with the champion, whose folder is given, on the held-out rows."""
        ...


@dataclass(frozen=True)
class OneLabelWay:
    """Texts of one label each.

    Attributes:
        writer: writes model folders.
        point: the operating point of out-of-scope detection.
    """

    writer: ModelWriter
    point: OperatingPoint

    @property
    def cells(self) -> RowCells:
        """A cell is a label."""
        return OneLabel()

    def check(self, project: Project, config: Config) -> None:
        """Ask the kind whether it can be trained so."""
        find_head(project.kind).check(config.classify)

    def kind_of(self, folder: Path) -> str:
        """Read the model."""
        return load_model(folder).classifier.kind

    def read_base(self, opened: Opened) -> Known:
        """See `known.read_base`."""
        return read_base(opened)

    def with_rows(self, known: Known, rows: Iterable[MendedRow], config: HeldOutConfig) -> Known:
        """See `known.with_rows`."""
        return with_rows(known, rows, config)

    def texts(self, known: Known, rows: Sequence[NewRow]) -> tuple[str, ...]:
        """See `mending.texts_to_place`."""
        return texts_to_place(known, rows)

    def mend(
        self,
        known: Known,
        rows: Sequence[NewRow],
        embeddings: Floats,
        config: Config,
        share: float,
        progress: Progress,
    ) -> Mending:
        """See `mending.mend`."""
        return mend(known, rows, embeddings, config, share, progress)

    def amiss(self, mending: Mending, gate: GateConfig, seed: int) -> tuple[str, ...]:
        """See `gate.look_at_rows`."""
        return look_at_rows(mending, gate, seed)

    def train(
        self,
        data: TrainingSet,
        placed: Placed,
        config: Config,
        kind: str,
        work: Path,
        progress: Progress,
    ) -> Trial:
        """See `challenger.train_challenger`."""
        fitted = train_challenger(data, placed.known, config, kind, self.point, work, progress)
        return Trial(fitted, data, placed)

    def write(self, trial: Trial, known: Known, folder: Path) -> None:
        """Let the writer do it."""
        fitted: Fitted = trial.fitted
        space: ProfileSpace = trial.space.space
        self.writer(fitted, space, trial.data, known, folder)

    def measured(self, trial: Trial, held_out: HeldOut, seed: int) -> dict[str, float | None]:
        """Return the headline of its run."""
        run = test_challenger(trial.fitted, trial.data, held_out.test, seed)
        return headline(run.metrics)

    def compared(
        self,
        champion: Path,
        trial: Trial,
        held_out: HeldOut,
        earlier: Sequence[str],
        project: Project,
        seed: int,
    ) -> Compared:
        """See `comparison.compare_versions`."""
        return compare_versions(
            test_champion(champion, held_out.test, seed),
            test_challenger(trial.fitted, trial.data, held_out.test, seed),
            held_out,
            earlier,
            project.promotion,
            project.gate,
            seed,
        )
