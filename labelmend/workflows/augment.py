"""Files in, files out: what `labelmend augment` does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.augment.judge import open_judge
from labelmend.augment.known import KnownTexts
from labelmend.augment.language import Speaks, any_language, languages_of
from labelmend.augment.models import (
    given_llms,
    judge_encoder,
    locate_llms,
    open_writers,
    with_writer,
)
from labelmend.augment.plan import Plan, RealTexts, plan_of
from labelmend.augment.questions import Interview
from labelmend.augment.result import (
    MARK,
    SCHEMA_VERSION,
    Augmentation,
    found_record,
    record_beside,
)
from labelmend.augment.rounds import notes_on, write_texts
from labelmend.augment.rows import new_rows
from labelmend.augment.texts import real_texts, rows_that_stand
from labelmend.classify.data import CONFIDENCE, MENDED
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.dataset import choose_columns
from labelmend.data.descendants import DescentColumns, descent_columns, free_columns
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import LoadedTable, TableRequest, load_whole
from labelmend.data.task import require_task
from labelmend.data.write import atomic_files, check_new_columns, with_rows, write_table
from labelmend.errors import ColumnError, ModelError
from labelmend.llm.store import Store, check_store, forget
from labelmend.protocols import NoProgress, Progress
from labelmend.regular_file import recorded
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.runs.again import as_the_run, label_cards
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_run
from labelmend.types import LabelCard, UniqueTexts
from labelmend.version import __version__
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders


@dataclass(frozen=True)
class AugmentRequest:
    """What is asked for.

    Attributes:
        table: the table; its label column is `mended_label` by default, if there is one.
        output: the table with new rows behind the user's.
        labels_file: label cards; None for those that the run which mended the table wrote or read.
        only: labels to look at; none for all but the out-of-scope one.
        split: share of each label's texts that is kept for testing; 0 for none.
        apart_from: a table whose texts no new text may nearly copy, such as a test set.
        fresh: forget what an LLM wrote earlier.
    """

    table: TableRequest
    output: Path
    labels_file: Path | None = None
    only: tuple[str, ...] = ()
    split: float = 0.0
    apart_from: Path | None = None
    fresh: bool = False


@dataclass(frozen=True)
class AugmentPlan:
    """What a run would do.

    Attributes:
        plan: the labels that lack texts.
        questions: that would be put to the LLM at most.
        remembered: of these, what the store holds already.
        writer: the LLM's name.
        encoder: the judge's.
        asks: name of the LLM that is asked about drafts, or None.
        notes: what the user should know.
    """

    plan: Plan
    questions: int
    remembered: int
    writer: str
    encoder: str
    asks: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AugmentOutcome:
    """A finished augmentation.

    Attributes:
        found: the new texts and what became of the others.
        rows: of the user's table.
        columns: names of our columns.
        output: the table.
        record: where its record lies.
        notes: what the user should know, one line each.
    """

    found: Augmentation
    rows: int
    columns: DescentColumns
    output: Path
    record: Path
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Input:
    """The table and what is known of its labels, read and checked."""

    loaded: LoadedTable
    real: RealTexts
    unique: UniqueTexts
    cards: Mapping[str, LabelCard]
    names: DescentColumns
    plan: Plan
    notes: tuple[str, ...]
    speaks: Speaks


def augment_file(
    request: AugmentRequest, config: Config, progress: Progress, *, others: Sequence[Given] = ()
) -> AugmentOutcome:
    """Write texts for rare labels, and the table with them.

    What the LLM said is kept beside the output, so a run that was killed goes on where it was.

    Args:
        request: what is asked for.
        config: the LLM, the encoders, and what the judge looks at.
        progress: hears how far the work is.
        others: what the user gave besides; nothing that was given is written to.

    Raises:
        LabelmendError: the input can't be used, the LLM writes nothing that passes, or the output
            can't be written.
    """
    config = with_writer(config)
    settled, read, paths = _checked(request, config, others)
    model, judge_model = locate_llms(config.augment)
    encoder = judge_encoder(config)
    located = locate(encoder.model)
    if request.fresh:
        forget(paths.store)
    apart = _texts_apart(request, config)
    with Store(paths.store) as store, open_writers(config.augment, model, judge_model) as llms:
        writer = Interview(llms[0], store, progress)
        asks = None if llms[1] is None else Interview(llms[1], store, NoProgress())
        texts = list(dict.fromkeys((*read.real.texts, *apart)))
        known = KnownTexts(open_encoder(encoder, located), texts, progress)
        judge = open_judge(
            read.real, known, read.loaded.dataset, read.cards, config.augment, read.speaks, asks
        )
        found = write_texts(
            read.plan, read.real, writer, judge, config.augment, config.seed, progress
        )
        judged = {
            "encoder": encoder.model,
            "sha256": located.digest,
            "llm": None if llms[1] is None else llms[1].name,
            "questions": 0 if asks is None else asks.asked,
        }
        wrote = {"model": llms[0].name, "sha256": "" if model is None else model.digest}
    found = replace(found, notes=(*found.notes, *notes_on(found)))
    if read.plan.texts and not found.accepted:
        raise ModelError(_nothing_passed(found))
    notes = (*settled, *read.notes, *found.notes, *_notes_on_judge(config, encoder))
    record = {
        **_record(request, read, config),
        "writer": wrote,
        "judge": judged,
        **found_record(replace(found, notes=notes)),
    }
    _write(request, read, found, record)
    return AugmentOutcome(
        found,
        len(read.loaded.table),
        read.names,
        request.output,
        record_beside(request.output),
        notes,
    )


def plan_augment(
    request: AugmentRequest, config: Config, *, others: Sequence[Given] = ()
) -> AugmentPlan:
    """Say what would be done, and write nothing.

    Raises:
        LabelmendError: the input can't be used.
    """
    config = with_writer(config)
    _, read, paths = _checked(request, config, others)
    model, judge_model = locate_llms(config.augment)
    encoder = judge_encoder(config)
    locate(encoder.model)
    remembered = 0
    with open_writers(config.augment, model, judge_model) as (writer, asks):
        if paths.store.is_file() and not request.fresh:
            questions = [
                wanted.question(number, read.real, config.augment, config.seed)
                for wanted in read.plan.wanted
                for number in range(wanted.budget(config.augment))
            ]
            with Store(paths.store) as store:
                remembered = Interview(writer, store, NoProgress()).known(questions)
        return AugmentPlan(
            read.plan,
            read.plan.questions(config.augment),
            remembered,
            writer.name,
            encoder.model,
            None if asks is None else asks.name,
            (*read.notes, *read.plan.notes, *_notes_on_judge(config, encoder)),
        )


def _checked(
    request: AugmentRequest, config: Config, others: Sequence[Given]
) -> tuple[tuple[str, ...], _Input, OutputPaths]:
    """Find out before any work whether all can be read and written."""
    require_encoders([judge_encoder(config)], by="labelmend augment")
    settled = settle(request.table.path, request.labels_file, request.apart_from, request.output)
    paths = OutputPaths.beside(request.output)
    inputs = (
        *given(request.table.path),
        *given(request.labels_file, "given as --labels"),
        *given(request.apart_from, "given as --apart-from"),
        *given_models(config),
        *given_llms(config.augment),
        *others,
    )
    outputs = [
        Output(request.output, is_table=True),
        Output(record_beside(request.output), "record of an augmentation", (MARK,)),
        *paths.store_files,
    ]
    claim(inputs, outputs)
    read = _read(request, config)
    check_store(paths.store)
    return settled, read, paths


def _read(request: AugmentRequest, config: Config) -> _Input:
    asked = request.table
    table = read_table(asked.path, asked.encoding, header=asked.header)
    if descent_columns(table) is not None:
        raise ColumnError(
            f"{asked.path}: has new texts of labelmend augment already; give the table that it was "
            "made from"
        )
    run, _ = read_run(asked.path, len(table))
    if asked.label_column is None and MENDED in table.columns:
        asked = replace(asked, label_column=MENDED)
    told = as_the_run(asked, table.columns, run)
    if told.label_column == MENDED:
        told = replace(told, rules=told.rules.as_they_stand)
    cards_file = request.labels_file or label_cards(asked.path, run)
    cards = {} if cards_file is None else read_labels_file(cards_file)
    loaded = load_whole(told, config.data, cards)
    if loaded.columns.label is None:
        choose_columns(table, told.text_column)  # says what is missing
    require_task(loaded.dataset, {"single"}, "augment")
    names = free_columns(table.columns)
    columns = [names.source, names.parent, *([names.split] if request.split else [])]
    check_new_columns(loaded.table, columns)
    with_rows(loaded.table, [[""] * len(table.columns)], request.output)
    real, unique = real_texts(loaded.dataset, request.split, config.seed)
    speaks: Speaks = any_language
    if config.augment.checks.language:
        speaks, language = languages_of(real.texts, config.seed)
        real = replace(real, language=language)
    dataset = loaded.dataset
    plan = plan_of(dataset.labels, dataset.oos, real, cards, config.augment.min_rows, request.only)
    notes = [f"read {loaded.columns.in_words}"]
    if cards_file is not None and request.labels_file is None:
        notes.append(f"label cards of {cards_file}")
    return _Input(loaded, real, unique, cards, names, plan, (*notes, *loaded.table.notes), speaks)


def _texts_apart(request: AugmentRequest, config: Config) -> list[str]:
    """Return the texts of the table that new ones must stay apart from."""
    if request.apart_from is None:
        return []
    table = read_table(request.apart_from)
    named = request.table.text_column
    there = isinstance(named, str) and named in table.columns
    columns = choose_columns(table, named if there else None, label_needed=False)
    limit = config.data.max_text_chars
    return [text[:limit] for text in columns.text_values(table) if text.strip()]


def _notes_on_judge(config: Config, encoder: EncoderConfig) -> tuple[str, ...]:
    if len(config.encoders) > 1:
        return ()
    return (
        f"profile {config.profile} has one encoder, {encoder.model}, so the judge reads what "
        "classifiers read, which flatters what it lets in",
    )


def _nothing_passed(found: Augmentation) -> str:
    counts = ", ".join(f"{reason} {count}" for reason, count in found.rejected.items())
    why = f"{found.drafts} drafts, none let in ({counts})" if found.drafts else "no draft at all"
    return (
        f"no new text passed: {found.questions} questions, {why}; nothing was written; give a "
        "larger model with --model, or descriptions with --labels"
    )


def _record(request: AugmentRequest, read: _Input, config: Config) -> dict[str, Any]:
    names = asdict(read.names)
    if not request.split:
        del names["split"]
    return {
        "augmented_by": f"labelmend {__version__}",
        "schema_version": SCHEMA_VERSION,
        "input": {
            "path": recorded(request.table.path),
            "sha256": table_digest(request.table.path),
            "rows": len(read.loaded.table),
            "texts": len(read.real.texts),
        },
        "columns": names,
        "seed": config.seed,
        "split": request.split,
        "config": config_to_dict(config)["augment"],
    }


def _write(
    request: AugmentRequest, read: _Input, found: Augmentation, record: Mapping[str, Any]
) -> None:
    """Write the table and its record, both or none."""
    loaded, dataset = read.loaded, read.loaded.dataset
    stands = rows_that_stand(read.unique, dataset, read.real.label_of)
    parents = {text: int(loaded.rows[row]) for text, row in enumerate(stands)}
    tested = None
    if request.split:
        kept = np.zeros(len(loaded.table), dtype=bool)
        usable = np.array(read.real.usable)
        kept[loaded.rows] = ~usable[read.unique.of_row]
        tested = kept.tolist()
    mended = loaded.columns.label == MENDED and CONFIDENCE in loaded.table.columns
    rows = new_rows(
        loaded.table,
        loaded.columns,
        read.names,
        dataset.labels,
        found.accepted,
        parents,
        loaded.ids,
        tested,
        CONFIDENCE if mended else None,
    )
    table = with_rows(loaded.table, rows.rows, request.output)
    with atomic_files([request.output, record_beside(request.output)]) as (one, two):
        write_table(table, rows.columns, one)
        two.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
