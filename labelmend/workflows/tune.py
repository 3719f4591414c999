"""Files in, files out: what the command `tune-embedder` does."""

import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.data import CONFIDENCE, MENDED, LabelledTable, labelled_table
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.dataset import check_column
from labelmend.data.duplicates import text_key, unique_texts
from labelmend.data.labels_file import read_labels_file
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.data.task import require_task
from labelmend.errors import ConfigError, InputError
from labelmend.protocols import Progress
from labelmend.relabel.label_cards import core_texts, draft_cards
from labelmend.retrieval.cache import open_encoder
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever
from labelmend.retrieval.encode import load_encoder, one_line_error, quiet_offline
from labelmend.retrieval.passages import LabelPassages, label_passages
from labelmend.retrieval.space import TextSpace
from labelmend.retrieval.tuned import notes_on_tuned, read_tuning, text_hashes
from labelmend.tune.batches import hard_negatives
from labelmend.tune.checkpoint import Checkpoint
from labelmend.tune.folder import check_folder, checkpoint_beside, save_encoder, write_folder
from labelmend.tune.holdout import TuningTexts, hold_out
from labelmend.tune.recall import Questions, candidate_recall
from labelmend.tune.train import Lesson, tune
from labelmend.types import Dataset, Floats, LabelCard
from labelmend.weights.locate import LocatedModel, locate

_LIBRARIES = ("numpy", "sentence-transformers", "transformers", "torch")

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


def tune_file(
    request: TableRequest,
    folder: Path,
    config: Config,
    progress: Progress,
    *,
    labels_file: Path | None = None,
    gold_column: str | None = None,
) -> TuneOutcome:
    """Tune a profile's encoder on a table, and write the folder of the tuned one.

    Args:
        request: the table; its label column is `mended_label` by default, if there is one.
        folder: of the tuned encoder; an unfinished tuning is kept beside it.
        config: its first sentence-transformers encoder is the one that is tuned.
        progress: hears how far the work is.
        labels_file: the user's label cards.
        gold_column: holds true labels, on which recall is measured, too; nothing learns from it.

    Raises:
        LabelmendError: the input can't be used, or the encoder can't be written.
    """
    check_folder(folder)
    base_config = _tunable(config)
    written = read_labels_file(labels_file) if labels_file else {}
    loaded, weighed = _load(request, config)
    if gold_column is not None:
        check_column(loaded.table, gold_column, "--gold-column")
    where = f"{request.path}: column {loaded.columns.label!r}"
    digest = hashlib.sha256(request.path.read_bytes()).hexdigest()
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
    models = [locate(encoder.model) for encoder in config.encoders]
    base = models[config.encoders.index(base_config)]
    earlier = read_tuning(base.path)
    seen_before = text_hashes(()) if earlier is None else earlier.trained
    space = TextSpace([partial(open_encoder, base_config, base)])
    embeddings = space.fit(texts.data.texts, progress)
    cards = _cards(texts, written, embeddings, config)
    passages = label_passages(cards, texts.data.texts, texts.data.oos)
    before = _retriever(space, embeddings, passages)
    gold = _gold(loaded, gold_column, texts, cards)
    asked = {"recall": questions} | ({"gold_recall": gold} if gold is not None else {})
    lesson = Lesson(
        texts=texts,
        passages=_described(passages, len(cards)),
        negatives=hard_negatives(before, texts, config.tune.negatives, config.retrieval.block_rows),
    )
    checkpoint = Checkpoint(
        checkpoint_beside(folder), _key(texts, lesson, base, base_config, config)
    )
    held = checkpoint.load()
    begun_anew = []
    if held is None and checkpoint.path.exists():
        begun_anew = [f"{checkpoint.path} was of other data or settings: the tuning began anew"]
    model = _load_model(base.path)
    losses = tune(model, lesson, base_config, config.tune, config.seed, checkpoint, progress)
    retrievers = {"before": before}
    notes = [*loaded.notes, *_notes(loaded, weighed, written), *begun_anew]
    notes += notes_on_tuned([base], [texts.data.texts[i] for i in questions.texts.tolist()])
    if len(models) > 1:
        openers = [
            partial(open_encoder, e, m) for e, m in zip(config.encoders, models, strict=True)
        ]
        whole = TextSpace(openers)
        retrievers["profile"] = _retriever(whole, whole.fit(texts.data.texts, progress), passages)
        notes += whole.notes
    # Beside the folder, where there is room for it if there is any for the result.
    with tempfile.TemporaryDirectory(
        prefix=".labelmend-", dir=folder.resolve().parent
    ) as temporary:
        saved = Path(temporary) / "encoder"
        saved.mkdir()
        save_encoder(model, saved)
        # Measured as it will be used: read from its files, without a cache.
        after = TextSpace([partial(load_encoder, base_config, saved)])
        retrievers["after"] = _retriever(after, after.fit(texts.data.texts, progress), passages)
        recalls = {
            name: {
                which: candidate_recall(retriever, questions)
                for which, retriever in retrievers.items()
            }
            for name, questions in asked.items()
        }
        card = {
            **_made_of(base, base_config, config),
            "data": _data_record(request, loaded, texts, digest, weighed=weighed),
            "labels": [{"label": c.label, "source": c.source} for c in cards],
            "measured_on": {name: len(questions.texts) for name, questions in asked.items()},
            **recalls,
            "epoch_losses": _epoch_means(losses, config.tune.epochs),
            "notes": notes,
        }
        now = text_hashes(texts.data.texts[i] for i in np.flatnonzero(texts.trained))
        trained = np.union1d(now, seen_before)
        write_folder(folder, saved, card, trained, _readme(card, folder))
    checkpoint.remove()
    return TuneOutcome(
        folder=folder,
        base=base,
        texts=texts,
        recall=recalls["recall"],
        gold_recall=recalls.get("gold_recall"),
        measured=len(questions.texts),
        gold_measured=0 if gold is None else len(gold.texts),
        losses=losses,
        resumed=0 if held is None else held.step,
        notes=tuple(notes),
    )


def _tunable(config: Config) -> EncoderConfig:
    """Return the encoder that is tuned: the first one that torch runs."""
    for encoder in config.encoders:
        if encoder.backend == "sentence-transformers":
            return encoder
    raise ConfigError(
        "only sentence-transformers encoders can be tuned, and the profile has none; "
        "name one with --embedder"
    )


def _load(request: TableRequest, config: Config) -> tuple[LabelledTable, bool]:
    """Read the table, and the confidence of its labels where labelmend has written it."""
    table = read_table(request.path, request.encoding)
    mended = request.label_column in {None, MENDED} and MENDED in table.columns
    weighed = mended and CONFIDENCE in table.columns
    loaded = labelled_table(
        table,
        config.data,
        text_column=request.text_column,
        label_column=request.label_column,
        oos_label=request.oos_label,
        weigh=weighed,
    )
    require_task(loaded.dataset, {"single"}, "tune-embedder")
    return loaded, weighed


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
        *(importlib.metadata.version(name) for name in _LIBRARIES),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _made_of(base: LocatedModel, encoder: EncoderConfig, config: Config) -> dict[str, Any]:
    return {
        "base": {"name": base.name, "sha256": base.digest, "source": base.source},
        "encoder": {"query_prefix": encoder.query_prefix, "max_tokens": encoder.max_tokens},
        "seed": config.seed,
        "config": config_to_dict(config)["tune"],
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
    }


def _data_record(
    request: TableRequest, loaded: LabelledTable, texts: TuningTexts, digest: str, *, weighed: bool
) -> dict[str, Any]:
    return {
        "path": os.fsencode(request.path).decode(errors="replace"),
        "sha256": digest,
        "content_sha256": texts.data.digest,
        "rows": len(loaded.dataset),
        "columns": {"text": loaded.columns.text, "label": loaded.columns.label},
        "weighted_by_confidence": weighed,
        "trained_texts": int(texts.trained.sum()),
        "held_out_texts": int(texts.held_out.sum()),
    }


def _load_model(folder: Path) -> Any:
    with quiet_offline(), one_line_error(folder):
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), local_files_only=True).float()


def _notes(loaded: LabelledTable, weighed: bool, written: Mapping[str, LabelCard]) -> list[str]:
    notes = []
    if not weighed:
        column = loaded.columns.label
        why = (
            f"column {column!r} is taken as it is and every row counts alike; mend it first "
            "(`labelmend relabel`), and rows count by their confidence"
            if column != MENDED
            else f"there is no column {CONFIDENCE!r}, so every row counts alike"
        )
        notes.append(why)
    if not written:
        notes.append(
            "labels are known by name and example only; descriptions help (--labels, see "
            "`labelmend describe`)"
        )
    return notes


def _epoch_means(losses: Sequence[float], epochs: int) -> list[float]:
    return [round(float(part.mean()), 6) for part in np.array_split(np.array(losses), epochs)]


def _readme(card: Mapping[str, Any], folder: Path) -> str:
    """Return the card for people."""
    data, measured = card["data"], card["measured_on"]["recall"]
    lines = [
        "# A sentence encoder, tuned by labelmend",
        "",
        f"`labelmend relabel NEW.csv --embedder {folder.name}/` uses it, and so does "
        "`SentenceTransformer(THIS_FOLDER)`. `tuning.json` says the same and more, for programs.",
        "",
        "| | |",
        "|---|---|",
        f"| tuned from | {card['base']['name']}, sha256 {card['base']['sha256'][:12]} |",
        f"| trained on | {data['trained_texts']:,} distinct texts of column "
        f"`{data['columns']['label']}`, file sha256 {data['sha256'][:12]} |",
        f"| held out | {data['held_out_texts']:,} distinct texts, {measured:,} of them measured |",
        f"| seed | {card['seed']} |",
        "",
        "| Recall of candidates on held-out texts | at 1 | at 5 | at 10 |",
        "|---|---|---|---|",
        *(
            f"| {name} | " + " | ".join(f"{share:.2%}" for share in recalls.values()) + " |"
            for name, recalls in card["recall"].items()
        ),
        "",
        "What it says of the texts that it was trained on is not out-of-fold.",
        "",
    ]
    return "\n".join(lines)
