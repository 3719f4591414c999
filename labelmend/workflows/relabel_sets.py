"""Files in, files out: what `labelmend relabel` does where rows may have several labels."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.answer_file import read_answers
from labelmend.data.answers import AnswerFile
from labelmend.data.duplicates import smallest_spellings, text_groups
from labelmend.data.formats.find import format_to_write
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.spreadsheet import guarded_columns
from labelmend.data.read import table_digest
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LabelSets, LoadedSets, has_several, load_sets
from labelmend.data.shards.find import refuse_shards
from labelmend.data.write import atomic_files, check_new_columns, write_table
from labelmend.engines.choose import HERE, Engine
from labelmend.errors import ConfigError, InputError, OutputError
from labelmend.protocols import NoProgress, Progress
from labelmend.regular_file import recorded
from labelmend.relabel.assignments.answers import AnsweredTexts, answered_texts
from labelmend.relabel.assignments.mend import (
    Points,
    Voters,
    cards_of_labels,
    mend_assignments,
    mend_points,
)
from labelmend.relabel.assignments.types import MendedSets
from labelmend.relabel.escalation.exemplars import with_exemplars_of_sets
from labelmend.relabel.run_models import (
    RunModels,
    asking_of_sets,
    locate_models,
    notes_on_gpu,
    require_packages,
)
from labelmend.retrieval.space import open_space
from labelmend.runs.companions import EVIDENCE, TABLE, digest_of
from labelmend.runs.index_of_run import write_lines
from labelmend.runs.layout import OutputPaths
from labelmend.runs.parts import InputColumns, LabelReading, LabelsFile, RunInput
from labelmend.runs.sets.columns import new_set_columns, set_columns_of, set_evidence_lines
from labelmend.runs.sets.record import SetRunRecord
from labelmend.stopwatch import Stopwatch
from labelmend.types import LabelCard
from labelmend.workflows.plan import expected_routing, vote_cost
from labelmend.workflows.profile import read_language
from labelmend.workflows.relabel import labels_given, named_files, opened_votes


@dataclass(frozen=True)
class SetsOutcome:
    """A finished mending of a table with several labels a row, and its files."""

    result: MendedSets
    notes: tuple[str, ...]
    paths: OutputPaths
    loaded: LoadedSets


@dataclass(frozen=True)
class SetsPlan:
    """What a mending will work on.

    Attributes:
        rows: of the table.
        texts: distinct ones.
        labels: of the label set.
        given: labels that rows carry, in all.
        answers: texts that people answered.
        voted: texts that reach the voters, about.
        seconds: by stage, about, from a sample.
        tokens: that each voter will read, about.
        notes: what the user should know, one line each.
    """

    rows: int
    texts: int
    labels: int
    given: int
    answers: int
    voted: int
    seconds: dict[str, float]
    tokens: dict[str, int]
    notes: tuple[str, ...]


def rows_have_several(request: TableRequest, labels_file: Path | None) -> bool:
    """Tell whether a table is one in which a row may have several labels.

    Args:
        request: the table.
        labels_file: the user's label cards, which are labels whatever signs their names hold.

    Raises:
        InputError: a file can't be read.
    """
    return has_several(request, read_labels_file(labels_file) if labels_file else ())


NOBODY_ASKED = (
    "--llm-budget: the profile has no LLM that is asked where a row has several labels; add one "
    "with --voter, or leave it out"
)


def refuse_for_sets(**options: object) -> None:
    """Say of options that mean nothing where rows have several labels.

    Args:
        options: by name, with `_` for `-`; those that are not given are None, False or empty.

    Raises:
        ConfigError: one is given.
    """
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if named:
        raise ConfigError(
            f"{' and '.join(named)}: not for tables in which a row has several labels; leave "
            f"{'it' if len(named) == 1 else 'them'} out, or give --label-separator none if each "
            "cell is one label as it stands"
        )


def plan_sets_file(
    request: TableRequest,
    config: Config,
    labels_file: Path | None = None,
    answers_file: Path | None = None,
    chosen: Sequence[str] = (),
    *,
    use_llm: bool = True,
) -> SetsPlan:
    """Check what a mending needs; nothing is written.

    Args:
        request: the table.
        config: what would run and how.
        labels_file: the user's label cards.
        answers_file: what people said.
        chosen: notes on why it is this profile.
        use_llm: let the LLMs vote.

    Raises:
        LabelmendError: the input can't be used.
    """
    config = asking_of_sets(config)
    require_packages(config, use_llm=use_llm)
    refuse_shards(request.path, _SEVERAL)
    written = read_labels_file(labels_file) if labels_file else {}
    loaded = _loaded(request, config, written)
    check_new_columns(loaded.table, set_columns_of(loaded))
    answers = _answers(answers_file)
    models = locate_models(config, use_llm=use_llm)
    language = read_language(loaded.sets.texts, config.encoders, models.encoders, chosen)
    texts = smallest_spellings(loaded.sets.texts, text_groups(loaded.sets.texts))
    heard = AnsweredTexts.none(len(loaded.sets.labels))
    if answers is not None:
        heard = answered_texts(texts, loaded.sets, answers)
    probed = _probed(loaded.sets, len(texts), config, models, written)
    return SetsPlan(
        rows=len(loaded.table),
        texts=len(texts),
        labels=len(loaded.sets.labels),
        given=int(loaded.sets.given.sum()),
        answers=len(heard.texts),
        voted=probed.voted,
        seconds=probed.seconds,
        tokens=probed.tokens,
        notes=(*loaded.notes, *language.told, *heard.notes, *notes_on_gpu(config, models)),
    )


@dataclass(frozen=True)
class _Probed:
    """What the stages will take, by a sample.

    Attributes:
        voted: texts that reach the voters.
        seconds: by stage.
        tokens: by voter.
    """

    voted: int
    seconds: dict[str, float]
    tokens: dict[str, int]


_SEVERAL = "its rows have several labels"
_SAMPLE = 1000
"""Rows that are mended to see how long it takes."""

_SAMPLED = 1_000_000
"""Rows times labels of the sample at most."""


def _probed(
    sets: LabelSets,
    total: int,
    config: Config,
    models: RunModels,
    written: Mapping[str, LabelCard],
) -> _Probed:
    """Return what the stages will take on so many texts, from mending some rows, drawn by the seed.

    Embeddings that are kept from earlier runs take no time, and are not asked for.
    """
    most = max(1, min(_SAMPLE, _SAMPLED // max(len(sets.labels), 1)))
    rows = np.random.default_rng(config.seed).permutation(len(sets.texts))[:most]
    texts = tuple(sets.texts[row] for row in rows.tolist())
    encoders = [replace(encoder, cache=False) for encoder in config.encoders]
    watch = Stopwatch()
    with watch.stage("embed"):
        embeddings = open_space(encoders, models.encoders).fit(texts, NoProgress())
    with watch.stage("believe"):
        points = Points(texts, np.arange(len(texts)), embeddings)
        nobody = AnsweredTexts.none(len(sets.labels))
        found = mend_points(points, sets.given[rows], sets.labels, config, NoProgress(), nobody)
    seconds = {stage: took * total / len(texts) for stage, took in watch.seconds.items()}
    if not models.voters:
        return _Probed(0, seconds, {})
    certain = np.minimum(found.holds, 1 - found.holds).sum(axis=1) <= 1 - config.routing.settled
    doubtful = round(total * float((~certain).mean()))
    routing = expected_routing(total, doubtful, config)
    voted = len(routing.voted(config.routing, config.seed).texts)
    limit = 60 * config.routing.llm_minutes / len(models.voters) or math.inf
    cards = cards_of_labels(sets.labels, written)
    tokens = {}
    for voter, model in models.voters:
        shown = with_exemplars_of_sets(
            cards, texts, found.holds, certain, {}, voter.exemplars, config.votes.surest_texts
        )
        vote, _ = vote_cost(voter, model, shown, texts)
        share = min(limit / max(voted * vote.seconds, 1e-9), 1.0)
        seconds[f"vote {model.name}"] = share * voted * vote.seconds
        tokens[model.name] = round(share * voted * vote.tokens)
    return _Probed(voted, seconds, tokens)


def relabel_sets_file(
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    labels_file: Path | None = None,
    answers_file: Path | None = None,
    use_llm: bool = True,
    fresh: bool = False,
    tell: Callable[[str], None] | None = None,
    others: Sequence[Given] = (),
    excel_safe: bool = False,
    chosen: Sequence[str] = (),
    engine: Engine = HERE,
) -> SetsOutcome:
    """Mend a table with several labels a row; write it, its evidence and the run's record.

    Either all files are written or none.

    Args:
        request: the table.
        output: the mended one.
        config: what runs and how.
        progress: hears how far the work is.
        labels_file: the user's label cards, which LLMs are shown.
        answers_file: what people said.
        use_llm: let the LLMs vote.
        fresh: forget the votes of an earlier run.
        tell: hears before the work what may make it vain, and else what the texts are in.
        others: what the user gave besides; nothing that was given is written to.
        excel_safe: keep spreadsheets from running what our columns say.
        chosen: notes on why it is this profile.
        engine: what carries the work.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    engine.check()
    config = asking_of_sets(config)
    require_packages(config, use_llm=use_llm)
    refuse_shards(request.path, _SEVERAL)
    paths = OutputPaths.beside(output)
    settled = settle(request.path, output, answers_file, labels_file)
    written = read_labels_file(labels_file) if labels_file else {}
    loaded = _loaded(request, config, written)
    check_new_columns(loaded.table, set_columns_of(loaded))
    theirs = named_files({"--answers": answers_file, "--labels": labels_file})
    inputs = (*given(request.path), *theirs, *given_models(config), *others)
    asks = use_llm and bool(config.voters)
    claim(inputs, paths.outputs(labels=False, store=asks or fresh))
    _check_format(loaded, output)
    answers = _answers(answers_file)
    models = locate_models(config, use_llm=use_llm)
    sets = loaded.sets
    language = read_language(sets.texts, config.encoders, models.encoders, chosen, tell)
    digest = table_digest(request.path)
    cards = None if labels_file is None else labels_given(labels_file, paths.record)
    opened = engine.opened(config.cluster)
    with opened as executor, opened_votes(paths.store, use_llm=asks, fresh=fresh) as store:
        progress = language.beginning(progress, tell)
        voters = Voters(models, store, written)
        result = mend_assignments(sets, config, progress, answers, executor, voters)
    notes = (*loaded.notes, *language.notes, *notes_on_gpu(config, models), *result.notes)
    record = SetRunRecord.of(
        result,
        config,
        models.all(),
        _run_input(request, loaded, digest, len(result.texts), cards),
        tuple(loaded.shape.columns.values()),
        sets.ids,
        notes,
        language.record,
    )
    _write(paths, loaded, result, record, excel_safe=excel_safe)
    return SetsOutcome(result, (*settled, *notes), paths, loaded)


def _loaded(request: TableRequest, config: Config, written: Mapping[str, LabelCard]) -> LoadedSets:
    """Read the table, with labels that the user describes and no row carries.

    Raises:
        InputError: the table can't be used, or has no column for such a label.
    """
    loaded = load_sets(request, config.data, written)
    columns = loaded.shape.columns
    lacking = sorted(set(written) - set(columns)) if columns else []
    if lacking:
        raise InputError(
            f"{request.path}: has no column for {lacking[0]!r}, which --labels describes; name its "
            "columns there as they are called, or add one"
        )
    return loaded


def _write(
    paths: OutputPaths,
    loaded: LoadedSets,
    result: MendedSets,
    record: SetRunRecord,
    *,
    excel_safe: bool,
) -> None:
    """Write all files of a run, the record with the hash of each other one."""
    with atomic_files([paths.record, paths.evidence, paths.table]) as (run, evidence, table):
        columns = new_set_columns(result, loaded)
        write_table(
            loaded.table, guarded_columns(columns, paths.table) if excel_safe else columns, table
        )
        write_lines(evidence, set_evidence_lines(result, loaded))
        files = {TABLE: digest_of(table), EVIDENCE: digest_of(evidence)}
        run.write_text(record.model_copy(update={"files": files}).to_json(), "utf-8")


def _check_format(loaded: LoadedSets, output: Path) -> None:
    """Find out before any work whether the output has room for several labels and for our columns.

    Raises:
        OutputError: it has not.
    """
    kind = format_to_write(loaded.table, output)
    if kind is not None and not kind.other_columns:
        raise OutputError(
            f"{output}: {kind.name} files have no place for what is decided of rows with several "
            "labels; end the output's name in .csv or .jsonl"
        )


def _answers(path: Path | None) -> AnswerFile | None:
    return None if path is None else read_answers(path, "several")


def _run_input(
    request: TableRequest, loaded: LoadedSets, digest: str, texts: int, cards: LabelsFile | None
) -> RunInput:
    """Return what the record says of the table, of that many distinct texts."""
    columns = loaded.columns
    return RunInput(
        path=recorded(request.path),
        sha256=digest,
        rows=len(loaded.table),
        texts=texts,
        columns=InputColumns(
            text=columns.text,
            label=columns.label,
            id=columns.id,
            votes=(),
            more_text=columns.more_text,
        ),
        reading=LabelReading(**asdict(request.rules)),
        blank=len(loaded.table) - len(loaded.sets),
        labels_file=cards,
    )
