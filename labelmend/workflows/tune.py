"""Files in, files out: what the command `tune-embedder` does."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.classify.data import CONFIDENCE, MENDED, LabelledTable
from labelmend.classify.finetune.trainer import open_work
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.cells.read import counted_note
from labelmend.data.dataset import ColumnChoice, check_column
from labelmend.data.duplicates import text_key, unique_texts
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.outputs.publication import scratch_folder
from labelmend.data.read import table_digest
from labelmend.data.request import TableRequest
from labelmend.data.task import require_task
from labelmend.errors import InputError
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.relabel.label_cards import core_texts, draft_cards
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever
from labelmend.retrieval.encode import load_encoder, one_line_error, quiet_offline
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.retrieval.encoders.windows import Windows, notes_on_cut
from labelmend.retrieval.passages import LabelPassages, label_passages
from labelmend.retrieval.space import TextSpace
from labelmend.retrieval.tuned import notes_on_tuned, read_tuning, text_hashes
from labelmend.tune.base import tunable_encoder
from labelmend.tune.batches import hard_negatives
from labelmend.tune.card import epoch_means, made_of, readme, versions
from labelmend.tune.folder import check_folder, save_encoder, write_folder
from labelmend.tune.holdout import TuningTexts, hold_out
from labelmend.tune.recall import Questions, candidate_recall
from labelmend.tune.train import Lesson, tune
from labelmend.types import Dataset, Floats, LabelCard
from labelmend.voice.speak import meant
from labelmend.weights.locate import LocatedModel, locate
from labelmend.workflows.train import checkpoints_of, read_labelled

Recalls = Mapping[str, Mapping[int, float]]
"""Recall by depth, by encoder: `before`, `after`, and `profile` where it has several encoders."""


@dataclass(frozen=True)
class TuneOutcome:
    """A finished tuning.

    Attributes:
        folder: where the encoder was written.
        base: the encoder that was tuned.
        texts: trained on and held out.
        recall: on held-out texts, by the labels of the table.
        gold_recall: the same by the true labels; None where none are given.
        measured: held-out texts behind `recall`.
        gold_measured: those behind `gold_recall`.
        losses: of each step.
        resumed: steps that an earlier run had done.
        notes: what the user should know.
        columns: that were read.
    """

    folder: Path
    base: LocatedModel
    texts: TuningTexts
    recall: Recalls
    gold_recall: Recalls | None
    measured: int
    gold_measured: int
    losses: tuple[float, ...]
    resumed: int
    notes: tuple[str, ...]
    columns: ColumnChoice


@dataclass(frozen=True)
class _Table:
    """The table, and what of it is trained on and measured.

    Attributes:
        loaded: its rows and labels.
        digest: sha256 of the file.
        weighed: whether rows count by their confidence.
        written: the user's label cards.
        texts: trained on and held out.
        questions: held-out texts and their labels.
    """

    loaded: LabelledTable
    digest: str
    weighed: bool
    written: Mapping[str, LabelCard]
    texts: TuningTexts
    questions: Questions


@dataclass(frozen=True)
class _Start:
    """Retrieval before the tuning, and what is learned from it.

    Attributes:
        encoder: that is tuned.
        base: its files.
        models: those of all the profile's encoders.
        cards: one a label.
        passages: of the cards.
        before: retrieval by the encoder as it is.
        lesson: what is learned from.
    """

    encoder: EncoderConfig
    base: LocatedModel
    models: Sequence[LocatedModel]
    cards: Sequence[LabelCard]
    passages: LabelPassages
    before: DescriptionRetriever
    lesson: Lesson


def tune_file(
    request: TableRequest,
    folder: Path,
    config: Config,
    progress: Progress,
    *,
    labels_file: Path | None = None,
    gold_column: str | None = None,
    others: Sequence[Given] = (),
) -> TuneOutcome:
    """Tune a profile's encoder on a table, and write the folder of the tuned one.

    Args:
        request: the table; its label column is `mended_label` by default, if there is one.
        folder: of the tuned encoder; an unfinished tuning is kept beside it.
        config: its first encoder that torch can run is the one that is tuned; if it has none,
            `tune.encoder` is.
        progress: hears how far the work is.
        labels_file: the user's label cards.
        gold_column: holds true labels, on which recall is measured, too; nothing learns from it.
        others: what the user gave besides; nothing that was given is written to or removed.

    Raises:
        LabelmendError: the input can't be used, or the encoder can't be written.
    """
    require("torch", "sentence_transformers", "accelerate", by="tune-embedder")
    settled, work = settle(request.path, folder), checkpoints_of(folder)
    inputs = (*given(request.path), *given(labels_file, "given as --labels"))
    claim((*inputs, *given_models(config), *others), (), [folder, work])
    check_folder(folder)
    encoder = tunable_encoder(config)
    table = _read(request, config, labels_file, gold_column)
    start = _begin(table, encoder, config, progress)
    gold = _gold(table.loaded, gold_column, table.texts, start.cards)
    asked = {"recall": table.questions} | ({"gold_recall": gold} if gold is not None else {})
    anew = open_work(work, _key(table.texts, start.lesson, start.base, encoder, config))
    model = _load_model(start.base.path)
    learned = tune(model, start.lesson, encoder, config.tune, config.seed, work, progress)
    notes = _notes(table, start, config)
    if anew:
        notes.append(f"{work} was of other data or settings: the tuning began anew")
    retrievers = {"before": start.before}
    if len(start.models) > 1:
        retrievers["profile"], more = _by_the_profile(table, start, config, progress)
        notes += more
    # Beside the folder, where there is room for it if there is any for the result.
    with scratch_folder(folder.resolve().parent) as saved:
        save_encoder(model, saved)
        retrievers["after"] = _from_files(saved, table, start, progress)
        recalls = {
            name: {which: candidate_recall(found, held) for which, found in retrievers.items()}
            for name, held in asked.items()
        }
        card = {
            **made_of(start.base, encoder, config),
            "data": _data_record(request, table),
            "labels": [{"label": c.label, "source": c.source} for c in start.cards],
            "measured_on": {name: len(held.texts) for name, held in asked.items()},
            **recalls,
            "epoch_losses": epoch_means(learned.losses, config.tune.epochs),
            "notes": notes,
        }
        trained = _trained_on(table.texts, start.base)
        write_folder(folder, saved, card, trained, readme(card, folder))
    shutil.rmtree(work, ignore_errors=True)
    return TuneOutcome(
        folder=folder,
        base=start.base,
        texts=table.texts,
        recall=recalls["recall"],
        gold_recall=recalls.get("gold_recall"),
        measured=len(table.questions.texts),
        gold_measured=0 if gold is None else len(gold.texts),
        losses=learned.losses,
        resumed=learned.resumed_at,
        notes=(*settled, *notes),
        columns=replace(table.loaded.columns, id=None),
    )


def _read(
    request: TableRequest, config: Config, labels_file: Path | None, gold_column: str | None
) -> _Table:
    """Read the table, and hold texts out."""
    written = read_labels_file(labels_file) if labels_file else {}
    loaded, weighed = _load(request, config)
    if gold_column is not None:
        check_column(loaded.table, gold_column, "--gold-column")
    where = f"{loaded.table.path}: column {loaded.columns.label!r}"
    digest = table_digest(request.path)
    texts = hold_out(
        loaded.dataset,
        loaded.confidence,
        share=config.tune.held_out,
        known=[text for card in written.values() for text in card.exemplars],
        seed=config.seed,
        where=where,
    )
    certain = texts.measured(config.tune.held_out_confidence)
    if not len(certain):
        raise InputError(
            f"{where}: no held-out text has a label of confidence "
            f"{config.tune.held_out_confidence:g}; lower tune.held_out_confidence"
        )
    questions = Questions(certain, texts.labels[certain])
    return _Table(loaded, digest, weighed, written, texts, questions)


def _begin(table: _Table, encoder: EncoderConfig, config: Config, progress: Progress) -> _Start:
    """Retrieve by the encoder as it is, and find what it is to learn."""
    models = [locate(each.model) for each in config.encoders]
    base = locate(encoder.model)
    encoder = replace(encoder, backend="sentence-transformers")  # which tunes it, and runs it
    texts = table.texts
    space = TextSpace([partial(open_encoder, encoder, base)])
    embeddings = space.fit(texts.data.texts, progress)
    cards = _cards(texts, table.written, embeddings, config)
    passages = label_passages(cards, texts.data.texts, texts.data.oos)
    before = _retriever(space, embeddings, passages)
    lesson = Lesson(
        texts=texts,
        passages=_described(passages, len(cards)),
        negatives=hard_negatives(before, texts, config.tune.negatives, config.retrieval.block_rows),
    )
    return _Start(encoder, base, models, cards, passages, before, lesson)


def _by_the_profile(
    table: _Table, start: _Start, config: Config, progress: Progress
) -> tuple[DescriptionRetriever, Sequence[str]]:
    """Return retrieval by all the profile's encoders together, and what the user should know."""
    openers = [
        partial(open_encoder, e, m) for e, m in zip(config.encoders, start.models, strict=True)
    ]
    whole = TextSpace(openers)
    embeddings = whole.fit(table.texts.data.texts, progress)
    return _retriever(whole, embeddings, start.passages), whole.notes


def _from_files(
    saved: Path, table: _Table, start: _Start, progress: Progress
) -> DescriptionRetriever:
    """Return retrieval by the tuned encoder as it will be used: from its files, without a cache."""
    space = TextSpace([partial(load_encoder, start.encoder, saved)])
    return _retriever(space, space.fit(table.texts.data.texts, progress), start.passages)


def _trained_on(texts: TuningTexts, base: LocatedModel) -> npt.NDArray[np.uint64]:
    """Return hashes of the texts that the encoder was trained on, now or by labelmend before."""
    now = text_hashes(texts.data.texts[i] for i in np.flatnonzero(texts.trained))
    earlier = read_tuning(base.path)
    return now if earlier is None else np.union1d(now, earlier.trained)


def _load(request: TableRequest, config: Config) -> tuple[LabelledTable, bool]:
    """Read the table, and the confidence of its labels where labelmend has written it."""
    loaded = read_labelled(request, config.data, weigh=None)
    require_task(loaded.dataset, {"single"}, "tune-embedder")
    return loaded, loaded.columns.label == MENDED and CONFIDENCE in loaded.table.columns


def _cards(
    texts: TuningTexts, written: Mapping[str, LabelCard], embeddings: Floats, config: Config
) -> tuple[LabelCard, ...]:
    """Return one card a label: the user's, else name and core texts that are not held out.

    Labels that only the user's file names follow those of the table.
    """
    oos_names = {name.casefold() for name in config.data.oos_labels}
    known = texts.training_texts()
    more = sorted(set(written) - set(known.labels))
    labels = (*known.labels, *(label for label in more if label.casefold() not in oos_names))
    dataset = Dataset(known.ids, known.texts, known.given, labels, known.oos)
    unique = unique_texts(dataset)
    prototypes = PrototypeRetriever(embeddings[~texts.held_out], unique.given)
    core = core_texts(unique, prototypes, len(labels), config.describe.exemplars)
    return draft_cards(dataset, core, written, config.describe)


def _retriever(
    space: TextSpace, embeddings: Floats, passages: LabelPassages
) -> DescriptionRetriever:
    vectors = space.passages(passages.passages)
    space.release()
    return DescriptionRetriever(embeddings, passages, vectors)


def _described(passages: LabelPassages, count: int) -> tuple[str, ...]:
    """Return each label's first passage, its description; empty where it has none."""
    found = [""] * count
    labels = passages.label_of.tolist()
    for label, passage in reversed(list(zip(labels, passages.passages, strict=True))):
        found[label] = passage
    return tuple(found)


def _gold(
    loaded: LabelledTable, column: str | None, texts: TuningTexts, cards: Sequence[LabelCard]
) -> Questions | None:
    """Return the held-out texts with their true labels; those out of scope are left out."""
    if column is None:
        return None
    found: dict[str, Counter[str]] = {}
    for text, value in zip(loaded.dataset.texts, loaded.table.values(column), strict=True):
        if value.strip():
            found.setdefault(text_key(text), Counter())[value] += 1
    number = {card.label: i for i, card in enumerate(cards)}
    rows: list[int] = []
    labels: list[int] = []
    for row in np.flatnonzero(texts.held_out).tolist():
        counts = found.get(text_key(texts.data.texts[row]))
        if counts is None:
            continue
        # Of true labels that stand equally often, the first by name.
        name = max(sorted(counts), key=counts.__getitem__)
        gold = number.get(name, _UNKNOWN)
        if gold != texts.data.oos:
            rows.append(row)
            labels.append(gold)
    if not rows:
        raise InputError(
            f"{loaded.table.path}: column {column!r} holds no true label of a held-out text; "
            "name another --gold-column, or leave it out"
        )
    return Questions(np.array(rows, dtype=np.int64), np.array(labels, dtype=np.int64))


_UNKNOWN = -2
"""A true label that nobody described and no row carries: it can't be retrieved."""


def _key(
    texts: TuningTexts,
    lesson: Lesson,
    base: LocatedModel,
    encoder: EncoderConfig,
    config: Config,
) -> str:
    """Name all that the tuned weights depend on."""
    held_out = np.flatnonzero(texts.held_out).tolist()
    settings = {k: v for k, v in asdict(config.tune).items() if k != "checkpoint_steps"}
    facts = [
        *(base.digest, texts.data.digest, held_out, lesson.passages, lesson.negatives.tolist()),
        *(texts.weights.tolist(), settings, config.seed, encoder.query_prefix, encoder.max_tokens),
        versions(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _data_record(request: TableRequest, table: _Table) -> dict[str, Any]:
    texts, columns = table.texts, table.loaded.columns
    return {
        "path": recorded(request.path),
        "sha256": table.digest,
        "content_sha256": texts.data.digest,
        "rows": len(table.loaded.dataset),
        "columns": {
            "text": columns.text,
            "label": columns.label,
            "more_text": list(columns.more_text),
        },
        "weighted_by_confidence": table.weighed,
        "trained_texts": int(texts.trained.sum()),
        "held_out_texts": int(texts.held_out.sum()),
    }


def _load_model(folder: Path) -> Any:
    with quiet_offline(), one_line_error(folder):
        require("sentence_transformers")
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), local_files_only=True).float()


def _notes(table: _Table, start: _Start, config: Config) -> list[str]:
    notes = [*table.loaded.notes, *_cut_notes(table.texts, start, config)]
    if not table.weighed:
        column = table.loaded.columns.label
        notes.append(
            f"column {column!r} is taken as it is and every row counts alike; mend it first "
            "(`labelmend relabel`), and rows count by their confidence"
            if column != MENDED
            else f"there is no column {CONFIDENCE!r}, so every row counts alike"
        )
    if not table.written:
        notes.append(
            "labels are known by name and example only; descriptions help (--labels, see "
            "`labelmend describe`)"
        )
    held_out = [table.texts.data.texts[i] for i in table.questions.texts.tolist()]
    return [*notes, *notes_on_tuned([start.base], held_out)]


def _cut_notes(texts: TuningTexts, start: _Start, config: Config) -> list[str]:
    """Return notes on texts of which a part is not read, or not learned from."""
    notes = notes_on_cut(config.encoders, start.models, texts.data.texts)
    # What it learns from is one window of each text; recall is measured on all of them.
    window = Windows(start.base.path, replace(start.encoder, max_windows=1))
    learned = [texts.data.texts[i] for i in np.flatnonzero(texts.trained).tolist()]
    longer = sum(window.is_cut(text, start.encoder.query_prefix) for text in learned)
    told = meant(
        "{count} of {texts:,} texts to learn from {count:one=is|other=are} longer than {tokens} "
        "tokens: {model} learns from the begin only"
    )
    facts = {"texts": len(learned), "tokens": window.limit, "model": start.base.name}
    return [*notes, *counted_note(longer, told, **facts)]
