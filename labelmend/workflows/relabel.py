"""Files in, files out: what `labelmend relabel` does."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from labelmend.configs.schema import Config
from labelmend.data.answer_file import loaded_answers
from labelmend.data.dataset import ColumnChoice
from labelmend.data.formats.find import format_to_write
from labelmend.data.label_edits.file import EditsFile, loaded_edits
from labelmend.data.labels_file import labels_yaml, read_labels_file
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.read import table_digest
from labelmend.data.request import LoadedTable, TableRequest, load_table
from labelmend.data.shards.find import shards_of
from labelmend.data.shards.table import ShardedTable, digest_of_all, sha256_of
from labelmend.data.task import require_task
from labelmend.data.write import atomic_files, check_new_columns, lost_in, write_table
from labelmend.engines.choose import HERE, Engine
from labelmend.errors import InputError, OutputError
from labelmend.llm.store import Store, check_store, forget
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.relabel.diagnostics.explain import RowReader
from labelmend.relabel.evidence.registry import resolved_sources
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.result import Relabelling
from labelmend.relabel.run_models import locate_models, require_packages
from labelmend.retrieval.tuned import notes_on_tuned
from labelmend.runs.columns import COLUMNS, Places, columns_of, evidence_lines
from labelmend.runs.companions import EVIDENCE, INDEX, LABELS, TABLE, check_labels, digest_of
from labelmend.runs.index_of_run import index_of, write_lines
from labelmend.runs.layout import OutputPaths
from labelmend.runs.parts import (
    InputColumns,
    LabelEditsRecord,
    LabelReading,
    LabelsFile,
    RunInput,
)
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import write_row_index
from labelmend.runs.shards.unfinished import check_output, taken_up
from labelmend.runs.shards.write import write_sharded_run
from labelmend.types import NO_LABEL
from labelmend.workflows.profile import read_language


@dataclass(frozen=True)
class RelabelOutcome:
    """A finished relabelling, the settings that it was made with, its files, and what was read."""

    result: Relabelling
    config: Config
    notes: tuple[str, ...]
    paths: OutputPaths
    columns: ColumnChoice


def relabel_file(
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    labels_file: Path | None = None,
    answers_file: Path | None = None,
    edits_file: Path | None = None,
    use_llm: bool = True,
    fresh: bool = False,
    self_test: bool = False,
    tell: Callable[[str], None] | None = None,
    others: Sequence[Given] = (),
    excel_safe: bool = False,
    chosen: Sequence[str] = (),
    engine: Engine = HERE,
) -> RelabelOutcome:
    """Mend a table and write the mended one, its evidence and the run's record beside it.

    Either all files are written or none; votes are kept from the first one on. Of a table in
    shards, each is whole as soon as it is there, and the next run goes on with those of a killed
    one.

    Args:
        request: the table.
        output: the mended one; of a table in shards a folder, new or empty.
        config: what runs and how.
        progress: hears how far the work is.
        labels_file: the user's label cards.
        answers_file: what people said.
        edits_file: what people did to the labels.
        use_llm: let the LLMs describe labels and vote.
        fresh: forget the votes of an earlier run.
        self_test: mend known errors, too.
        tell: hears before the work what may make it vain, and else what the texts are in.
        others: what the user gave besides; nothing that was given is written to.
        excel_safe: keep spreadsheets from running what our columns say.
        chosen: notes on why it is this profile.
        engine: what carries the work.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    config = _runnable(config, engine, use_llm=use_llm)
    paths = OutputPaths.of(request.path, output)
    theirs = {"--labels": labels_file, "--answers": answers_file, "--label-edits": edits_file}
    settled = settle(request.path, *paths.places, *theirs.values())
    edits = loaded_edits(edits_file)
    written = edits.cards(read_labels_file(labels_file) if labels_file else {})
    loaded = _mendable(load_table(request, config.data, written, edits))
    inputs = (*_tables(request.path), *named_files(theirs), *given_models(config), *others)
    _check_outputs(paths, loaded, inputs, labels=labels_file is None, store=use_llm or fresh)
    answers = loaded_answers(loaded.dataset, answers_file)
    models = locate_models(config, use_llm=use_llm)
    language = read_language(loaded.dataset.texts, config.encoders, models.encoders, chosen, tell)
    # Before the work: the files may be gone or others after it.
    digest, shards = _digests(request.path, loaded)
    cards = None if labels_file is None else labels_given(labels_file, paths.record)
    opened = engine.opened(config.cluster)
    with _writing(paths, shards, progress, cards=cards, excel_safe=excel_safe) as write:
        with opened as executor, opened_votes(paths.store, use_llm=use_llm, fresh=fresh) as store:
            result = relabel(
                *(loaded.dataset, config, models),
                written=written,
                votes=loaded.votes,
                answers=answers,
                store=store,
                progress=language.beginning(progress, tell),
                self_test=self_test,
                executor=executor,
            )
        refused = loaded.refused_notes(_mended_labels(result))
        tuned = notes_on_tuned(models.encoders, loaded.dataset.texts)
        notes = (*loaded.notes, *refused, *language.notes, *result.notes, *tuned)
        source = _run_input(request, loaded, digest, len(result.unique), cards, _edits_given(edits))
        record = RunRecord.of(result, config, models.all(), source, notes, language.record)
        write(loaded, result, record)
    notes = (*settled, *lost_in(loaded.table, output), *notes)
    return RelabelOutcome(result, config, notes, paths, loaded.columns)


def _tables(path: Path) -> tuple[Given, ...]:
    """Return the table that the user gave, or the shards of it."""
    shards = shards_of(path)
    return tuple(map(Given, shards)) if shards else given(path)


def _digests(path: Path, loaded: LoadedTable) -> tuple[str, dict[str, str]]:
    """Return the sha256 of a table, and those of its shards by name, none where it is one file."""
    table = loaded.table
    if not isinstance(table, ShardedTable):
        return table_digest(path), {}
    shards = {shard.path.name: sha256_of(shard.path) for shard in table.shards}
    return digest_of_all([*shards.values()]), shards


@contextmanager
def _writing(
    paths: OutputPaths,
    shards: Mapping[str, str],
    progress: Progress,
    *,
    cards: LabelsFile | None,
    excel_safe: bool,
) -> Iterator[Callable[[LoadedTable, Relabelling, RunRecord], None]]:
    """Give what writes the files of a run; where these are shards, their folder is made before."""
    labels = cards is None
    if not shards:
        yield partial(write_run, paths, labels=labels, excel_safe=excel_safe)
        return
    with taken_up(paths, shards) as unfinished:
        yield partial(
            write_sharded_run, paths, unfinished=unfinished, progress=progress, labels=labels
        )


def _mendable(loaded: LoadedTable) -> LoadedTable:
    """Return a table that has one label a row, and none of our columns.

    Raises:
        LabelmendError: it is another.
    """
    require_task(loaded.dataset, {"single"}, "relabel")
    check_new_columns(loaded.table, COLUMNS)
    return loaded


def opened_votes(path: Path, *, use_llm: bool, fresh: bool) -> Store:
    """Return what remembers the votes: a file where there is an LLM, without the earlier ones."""
    if fresh:
        forget(path)
    return Store(path if use_llm else None)


def _runnable(config: Config, engine: Engine, *, use_llm: bool) -> Config:
    """Return the settings with the options of all sources, once what runs them is installed.

    Raises:
        ConfigError: a source is not installed, or does not take its options.
        ExtraMissingError: a package that a model or the engine needs is not installed.
    """
    engine.check()
    require_packages(config, use_llm=use_llm)
    return resolved_sources(config)


def write_run(
    paths: OutputPaths,
    loaded: LoadedTable,
    result: Relabelling,
    record: RunRecord,
    *,
    labels: bool,
    excel_safe: bool,
) -> None:
    """Write all files of a run, the record with the hash of each other one; cards if asked for.

    Raises:
        OutputError: they can't be written.
    """
    # The table comes last: where one is missing, it or the evidence isn't that of the record.
    files = {
        EVIDENCE: paths.evidence,
        INDEX: paths.index,
        LABELS: paths.labels,
        TABLE: paths.table,
    }
    if not labels:
        del files[LABELS]
    places = Places(loaded.rows, loaded.ids, loaded.columns.label)
    with atomic_files([paths.record, *files.values()]) as (run, *names):
        files = dict(zip(files, names, strict=True))
        reader = RowReader(result)
        columns = columns_of(result, places, reader)
        ours = guarded_columns(columns, paths.table) if excel_safe else columns
        write_table(loaded.table, ours, files[TABLE])
        lines = write_lines(files[EVIDENCE], evidence_lines(result, places, reader))
        texts = loaded.columns.text_values(loaded.table)
        write_row_index(files[INDEX], index_of(result, places, texts, lines))
        if LABELS in files:
            files[LABELS].write_text(labels_yaml(result.cards), "utf-8")
        digests = {what: digest_of(path) for what, path in files.items()}
        record = record.model_copy(update={"files": digests})
        run.write_text(record.to_json(), "utf-8", errors="replace")


def _run_input(
    request: TableRequest,
    loaded: LoadedTable,
    digest: str,
    texts: int,
    cards: LabelsFile | None,
    edits: LabelEditsRecord | None,
) -> RunInput:
    """Return what the record says of the table, of that many distinct texts."""
    return RunInput(
        path=recorded(request.path),
        sha256=digest,
        rows=len(loaded.table),
        texts=texts,
        columns=InputColumns(
            text=loaded.columns.text,
            label=loaded.columns.label,
            id=loaded.columns.id,
            votes=tuple(loaded.votes),
            more_text=loaded.columns.more_text,
        ),
        reading=LabelReading(**asdict(request.rules)),
        blank=len(loaded.table) - len(loaded.dataset),
        labels_file=cards,
        label_edits=edits,
    )


def named_files(files: Mapping[str, Path | None]) -> list[Given]:
    """Return files that the user named, by their options."""
    return [one for option, path in files.items() for one in given(path, f"given as {option}")]


def _mended_labels(result: Relabelling) -> list[str | None]:
    """Return the label of each row after mending; None where it has none."""
    labels = result.dataset.labels
    return [None if k == NO_LABEL else labels[k] for k in result.decisions.mended]


def _edits_given(edits: EditsFile) -> LabelEditsRecord | None:
    """Return what the record says of edits of labels."""
    if edits.path is None:
        return None
    return LabelEditsRecord(
        path=recorded(edits.path),
        sha256=edits.sha256,
        count=len(edits.labels.standing),
        names=dict(sorted(edits.labels.names.items())),
    )


def labels_given(path: Path, record: Path) -> LabelsFile:
    """Return what the record says of the user's labels file, which moves with the record's folder.

    Links among the folders are followed first, as `..` behind a link leads elsewhere.

    Raises:
        InputError: it was there a moment ago, and can't be read now.
    """
    folder, parent = record.parent.resolve(), path.parent.resolve()
    try:
        found = os.path.relpath(parent / path.name, folder)
    except ValueError:  # they are on two drives
        found = str(parent / path.name)
    try:
        digest = digest_of(path)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None
    return LabelsFile(path=os.fsencode(found).decode(errors="replace"), sha256=digest)


def _check_outputs(
    paths: OutputPaths,
    loaded: LoadedTable,
    inputs: Sequence[Given],
    *,
    labels: bool,
    store: bool,
) -> None:
    """Find out before any work whether the files may be written.

    Raises:
        OutputError: they may not.
    """
    if isinstance(loaded.table, ShardedTable):
        check_output(paths, loaded.table, inputs)
        if store:
            check_store(paths.store)
        return
    claim(inputs, paths.outputs(labels=labels, store=store))
    if labels:
        check_labels(paths)
    if store:
        check_store(paths.store)
    _check_encodable(loaded, paths.table)


def _check_encodable(loaded: LoadedTable, output: Path) -> None:
    """Find out before the work whether the table's encoding has all characters of the labels.

    Raises:
        OutputError: it lacks one, which a label of the labels file must have brought.
    """
    kind = format_to_write(loaded.table, output)
    if kind is None or kind.name != loaded.table.format:
        return
    for label in loaded.dataset.labels:
        try:
            label.encode(loaded.table.encoding)
        except UnicodeEncodeError:
            raise OutputError(
                f"{output}: label {label!r} can't be written in the table's encoding, "
                f"{loaded.table.encoding}; convert the table to UTF-8 first"
            ) from None
