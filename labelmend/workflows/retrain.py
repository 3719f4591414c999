"""A project in, a version out: what `labelmend retrain` does."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from labelmend.classify.data import TrainingSet, label_counts
from labelmend.classify.folder import CARD, SEVERAL, SINGLE, in_words, task_of
from labelmend.classify.heads.base import Fitted
from labelmend.classify.several.data import SetTraining
from labelmend.classify.several.train import TrainedSets
from labelmend.classify.space import ProfileSpace
from labelmend.data.answer_file import read_answers
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.write import atomic_files
from labelmend.errors import ConfigError, InputError, OutputError
from labelmend.journal.read import reading, texts_of
from labelmend.journal.rows import RowRules, new_rows
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.retrain.known import ROW, Known, exported, read_base
from labelmend.retrain.project import Opened, RowsAre, open_project
from labelmend.retrain.registry import CHAMPION, Event, Registry, is_registry
from labelmend.retrain.rows import NewRow
from labelmend.retrain.sets.known import KnownSets, base_of_sets, exported_sets, read_base_sets
from labelmend.retrain.sets.way import SeveralLabelsWay
from labelmend.retrain.step import Step, Tools, counting_rows, take_step
from labelmend.retrain.trial.challenger import Placed
from labelmend.retrain.version import Version
from labelmend.retrain.way import OneLabelWay, Way
from labelmend.types import Task
from labelmend.workflows.train import default_point, write_trained
from labelmend.workflows.train_sets import SetsToWrite, label_rows, write_sets_model


@dataclass(frozen=True)
class RetrainOutcome:
    """What a step did.

    Attributes:
        steps: one, or two where a first champion was made before it.
        registry: folder of the versions.
        champion: the version in use now; None in a dry run that would make the first.
        notes: what the user should know.
    """

    steps: tuple[Step, ...]
    registry: Path
    champion: str | None
    notes: tuple[str, ...]


def retrain_project(
    path: Path,
    progress: Progress,
    *,
    promote_equal: bool = False,
    dry_run: bool = False,
) -> RetrainOutcome:
    """Take one step of champion and challenger.

    Args:
        path: of the project.
        progress: hears how far the work is.
        promote_equal: promote a challenger of which neither is shown to be better, whatever the
            project says.
        dry_run: leave the registry as it is.

    Raises:
        LabelmendError: the project, a source, the base or a model can't be used, or the registry
            can't be written to.
    """
    opened = open_project(path, {"promote_equal": True} if promote_equal else {})
    _claim(opened)
    tools = Tools(
        way=way_of(opened),
        progress=progress,
        journal=partial(_journal_rows, opened=opened),
    )
    steps = take_step(opened, tools, dry_run=dry_run)
    notes = tuple(dict.fromkeys(line for step in steps for line in step.notes))
    champion = Registry(opened.registry).champion() if is_registry(opened.registry) else None
    return RetrainOutcome(steps, opened.registry, champion, notes)


def way_of(opened: Opened) -> Way:
    """Return what depends on how many labels a row of the base may have.

    Raises:
        LabelmendError: the base can't be used, or the registry or the project's own champion has
            models of another task.
    """
    of_sets = base_of_sets(opened)
    task = SEVERAL if of_sets else SINGLE
    own = opened.project.champion
    for folder in (opened.registry / CHAMPION, None if own is None else opened.find(own)):
        if folder is not None and (folder / CARD).is_file() and task_of(folder) != task:
            raise ConfigError(
                f"{folder}: is a model of {in_words(task_of(folder))}, and the base is a table of "
                f"{in_words(task)}; give another base, or begin a new registry"
            )
    if of_sets:
        return SeveralLabelsWay.of(opened, partial(_write_sets, opened))
    return OneLabelWay(_Writer(opened), default_point(opened.config))


def roll_back(path: Path, to: str | None = None, reason: str = "") -> Event:
    """Put an earlier version in the champion's place: the one before, or one by its name.

    Raises:
        LabelmendError: there is no such version, or the registry can't be written to.
    """
    return Registry(open_project(path).registry).rollback(to, reason)


def accept_rows(path: Path, version: str, reason: str = "") -> Event:
    """Let the rows of a refused version count from the next step on.

    Raises:
        LabelmendError: there is no such version, or the registry can't be written to.
    """
    return Registry(open_project(path).registry).accept(version, reason)


def export_known(path: Path, output: Path) -> int:
    """Write all known rows as they came, for a full mending; return how many.

    Raises:
        LabelmendError: the project, its base or its registry can't be read, or the table can't be
            written.
    """
    opened = open_project(path)
    if output.suffix.lower() != ".csv":
        raise OutputError(f"{output}: rows are written as CSV; end the name in .csv")
    claim(
        (*given(opened.base), Given(opened.path, "the project"), *_given_sources(opened)),
        [Output(output, is_table=True)],
    )
    rows = counting_rows(Registry(opened.registry))
    header = ("text", "label", ROW)
    if base_of_sets(opened):
        found = exported_sets(read_base_sets(opened), rows)
        header = ("text", "labels", ROW)
    else:
        found = exported(read_base(opened), rows)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *found])
    with atomic_files([output]) as (temporary,):
        temporary.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    return len(found)


@dataclass(frozen=True)
class Standing:
    """What a registry holds.

    Attributes:
        folder: its place.
        versions: of all, oldest first.
        champion: the one in use.
        history: all that happened.
    """

    folder: Path
    versions: tuple[Version, ...]
    champion: str | None
    history: tuple[Event, ...]


def standing(path: Path) -> Standing:
    """Return what a project's registry holds.

    Raises:
        LabelmendError: there is none, or it can't be read.
    """
    registry = Registry(open_project(path).registry)
    return Standing(registry.folder, registry.versions(), registry.champion(), registry.history())


def _claim(opened: Opened) -> None:
    """Make sure that nothing that was given lies where the registry is written."""
    project = opened.project
    others: list[Given] = [Given(opened.path, "the project"), *_given_sources(opened)]
    if project.champion is not None:
        others.append(Given(opened.find(project.champion), "the project's champion"))
    claim((*given(opened.base), *given_models(opened.config), *others), (), [opened.registry])


def _given_sources(opened: Opened) -> list[Given]:
    return [
        Given(opened.find(place), f"the source {source.name}")
        for source in opened.project.sources
        for place in (source.folder, source.table, source.sqlite, source.journal, source.answers)
        if place is not None
    ]


def _journal_rows(log: Path, answers: Path | None, opened: Opened) -> Iterable[NewRow]:
    """Yield what people said of a served model's answers: a row a text, by the text's hash.

    Raises:
        InputError: the log or the answers can't be read, or are of another task than the base.
    """
    of_sets = base_of_sets(opened)
    with reading(log, None if of_sets else "labelmend retrain") as reader:
        if of_sets and not reader.is_of_sets:
            raise InputError(
                f"{log}: is a log of models of one label a text, and the base has several; give "
                "one of several"
            )
        labels = reader.labels()
        texts = texts_of(reader.requests())
    limit = opened.config.data.max_text_chars
    rules = RowRules(limit, labels.oos, frozenset(labels.labels), of_sets=of_sets)
    task: Task = "several" if of_sets else "single"
    reviewed = () if answers is None else read_answers(answers, task).answers
    for row in new_rows(texts, reviewed, rules).rows:
        rows: RowsAre = "answers" if row.by == "review" else "corrections"
        yield NewRow("", row.of.last.text_hash, row.of.text or "", row.label, rows)


def _write_sets(
    opened: Opened,
    trained: TrainedSets,
    placed: Placed,
    data: SetTraining,
    known: KnownSets,
    folder: Path,
) -> None:
    """Write the model folder of a version that gives several labels.

    Raises:
        OutputError: it can't be written.
    """
    used = placed.space.encoders(data.texts)
    source = {**_source(opened, known, data, len(known)), "label_rows": label_rows(data)}
    written = SetsToWrite(trained, data, used, known.shape, source, None, used.notes)
    write_sets_model(written, opened.config, folder)


def _source(
    opened: Opened, known: Known | KnownSets, data: TrainingSet | SetTraining, rows: int
) -> dict[str, Any]:
    """Return where a version's rows come from, as its card says it."""
    return {
        "path": recorded(opened.base),
        "sha256": known.base_sha256,
        "content_sha256": data.digest,
        "rows": rows,
        "rows_of_the_base": known.base_rows,
        "texts": len(data.texts),
        "columns": {
            "text": known.columns.text,
            "label": known.columns.label,
            "more_text": list(known.columns.more_text),
        },
    }


class _Writer:
    """Writes a version's model folder, whose card says where its rows come from."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def __call__(
        self, fitted: Fitted, space: ProfileSpace, data: TrainingSet, known: Known, folder: Path
    ) -> None:
        opened = self._opened
        used = fitted.encoders or space.encoders(data.texts)
        source = {
            **_source(opened, known, data, len(known.dataset)),
            "weighted_by_confidence": False,
            "label_weights": label_counts(data),
        }
        write_trained(
            *(fitted, used, data, source, opened.config, default_point(opened.config), folder),
            used.notes,
        )
