"""Soft targets by fine-tuning: an encoder that learns together with a linear model on its vectors.

The loss is binary cross-entropy with the soft values. AdamW (Loshchilov and Hutter 2019) takes
smaller steps the deeper a layer lies (Howard and Ruder 2018, "Discriminative fine-tuning"), and
larger ones for the linear model. Two texts of a pair are read by one encoder, and put together as
everywhere: [q, a, |q - a|, q * a].
"""

import hashlib
import importlib.metadata
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.finetune.trainer import (
    load_tunable,
    one_line_error,
    open_work,
    teller,
    train,
    unlogged,
)
from labelmend.classify.finetune.tuning import LIBRARIES, arguments, with_adapters
from labelmend.classify.soft.data import SoftRows, distinct_texts, placed
from labelmend.classify.soft.folds import group_folds
from labelmend.classify.soft.linear import calibrated
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.classify.soft.train import SoftExamples, SoftTraining, mean_logits, train_soft
from labelmend.configs.schema import ClassifyConfig, FinetuneConfig
from labelmend.extras import require
from labelmend.protocols import NoProgress, Progress
from labelmend.retrieval.encode import quiet_offline
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.weights.locate import LocatedModel

LAYER_DECAY = 0.9
"""A layer's learning rate is so much of that of the layer above it. Chosen by hand, as Howard and
Ruder (2018) have 0.4 for three layers, and what is usual for twelve."""

HEAD_RATE = 10.0
"""The linear model's learning rate is so many times that of the last layer. Chosen by hand."""

_TUNED = "tuned"
_LAYER = re.compile(r"\.layers?\.(\d+)\.")


@dataclass(frozen=True)
class Tuned:
    """An encoder that has learned, and a linear model on its vectors that learned with it.

    Attributes:
        folder: of the encoder, as sentence-transformers saves it; adapters are merged.
        scorer: the linear model, as it was trained.
        tested: int64 [t], the rows that were never trained on; they ended the training.
        parts: float32 [t, d] each, the vectors of these.
        logits: float64 [t, T], what the model says of them.
        facts: for the model card.
        resumed_at: the step that an interrupted training went on from; 0 for none.
    """

    folder: Path
    scorer: SoftScorer
    tested: Ints
    parts: tuple[Floats, ...]
    logits: Doubles
    facts: dict[str, Any]
    resumed_at: int


def tune_rows(
    rows: SoftRows,
    config: ClassifyConfig,
    base: LocatedModel,
    seed: int,
    work: Path,
    progress: Progress,
) -> Tuned:
    """Fine-tune an encoder on soft targets, or go on with a training that was interrupted.

    The linear model begins as `logreg` on the encoder as it was. Groups with about the share
    `finetune.held_out` of the rows are never trained on: they end the training.

    Args:
        rows: in an order that does not depend on the table's (`data.row_order`).
        config: `finetune`, and what `logreg` reads.
        base: the encoder (`check_tunable`).
        seed: of what is held out, batches, dropout and adapters.
        work: folder for checkpoints, which are gone on with if they are of this very training.
        progress: advances one step a step.

    Raises:
        ModelError: the encoder can't be loaded or trained.
        OutputError: the folder holds something else.
    """
    settings = config.finetune
    held_out = group_folds(rows.groups, max(2, round(1 / settings.held_out)), seed) == 0
    open_work(work, _identity(rows, held_out, config, base, seed))
    encoder = load_tunable(base.path, settings.max_tokens)
    start = _start(encoder, rows, ~held_out, config, seed)
    with quiet_offline(), unlogged():
        tuned = _train(encoder, start, rows, held_out, settings, seed, work, progress)
    scorer, steps, best_step, resumed_at = tuned
    tested = np.flatnonzero(held_out)
    some = [[part[row] for row in tested.tolist()] for part in rows.parts]
    parts = tuple(_embedded(encoder, some, settings))
    facts = {
        "held_out_rows": len(tested),
        "steps": steps,
        "best_step": best_step,
        "layer_decay": LAYER_DECAY,
        "head_rate": HEAD_RATE,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    logits = scorer.logits(parts)
    return Tuned(work / _TUNED, scorer, tested, parts, logits, facts, resumed_at)


def soft_training(tuned: Tuned, values: Doubles) -> SoftTraining:
    """Return the model of soft targets, calibrated on what was held out.

    Args:
        tuned: on rows.
        values: float64 [n, T], of all of them.
    """
    scorer, parts = tuned.scorer, tuned.parts
    slopes, offsets = calibrated(tuned.logits, values[tuned.tested])
    weights, bias = (scorer.weights * slopes).astype(np.float32), scorer.bias * slopes + offsets
    constant = np.ptp(values, axis=0) == 0
    weights[:, constant], bias[constant] = 0, mean_logits(values)[constant]
    final = SoftScorer(weights, bias)
    return SoftTraining(
        scorer=final,
        held_out=final.predict(parts),
        tested=tuned.tested,
        folds=1,
        penalties=np.full(values.shape[1], np.nan),
    )


def _embedded(
    encoder: Any, parts: Sequence[Sequence[str]], settings: FinetuneConfig
) -> list[Floats]:
    texts = distinct_texts(parts)
    with quiet_offline():
        vectors = encoder.encode(
            list(texts),
            batch_size=settings.batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
    return placed(parts, texts, np.asarray(vectors, dtype=np.float32))


def _start(
    encoder: Any, rows: SoftRows, inside: Bools, config: ClassifyConfig, seed: int
) -> SoftScorer:
    """Return what the linear model begins with."""
    chosen = np.flatnonzero(inside)
    some = [[part[row] for row in chosen.tolist()] for part in rows.parts]
    parts = tuple(_embedded(encoder, some, config.finetune))
    examples = SoftExamples(parts, rows.values[chosen], rows.groups[chosen])
    if len(np.unique(examples.groups)) == 1:  # no groups to choose a penalty by: rows have to do
        examples = SoftExamples(parts, examples.values, np.arange(len(chosen), dtype=np.int64))
    every = np.arange(len(chosen), dtype=np.int64)
    return train_soft(examples.of(every), "logreg", config, seed, NoProgress()).scorer


def _train(
    encoder: Any,
    start: SoftScorer,
    rows: SoftRows,
    held_out: Bools,
    settings: FinetuneConfig,
    seed: int,
    work: Path,
    progress: Progress,
) -> tuple[SoftScorer, int, int, int]:
    """Return the linear model, the steps taken, the best one, and that it went on from."""
    require("torch", "transformers")
    import torch
    from transformers import EarlyStoppingCallback, Trainer, set_seed

    set_seed(seed)
    adapted = with_adapters(encoder, settings) if settings.method == "lora" else None
    model = _model(encoder, start)
    inside = np.flatnonzero(~held_out).tolist()
    trainer = Trainer(
        model=model,
        args=arguments(settings, len(inside), seed, work),
        data_collator=_collator(encoder, rows),
        train_dataset=inside,
        eval_dataset=np.flatnonzero(held_out).tolist(),
        optimizers=(torch.optim.AdamW(parameter_groups(model, settings)), None),
        callbacks=[teller(progress, "fine-tune"), EarlyStoppingCallback(settings.patience)],
    )
    error = (work, settings.encoder, "classify.finetune.batch_size")
    resumed_at = train(trainer, *error)
    state, trained = trainer.state, trainer.model.cpu().eval()
    if adapted is not None:
        adapted.merge_and_unload()
    shutil.rmtree(work / _TUNED, ignore_errors=True)
    with one_line_error(*error):
        encoder.save(str(work / _TUNED), create_model_card=False)
    weights = trained.head.weight.detach().numpy().T.copy()
    bias = trained.head.bias.detach().numpy().astype(np.float64)
    return SoftScorer(weights, bias), state.global_step, state.best_global_step or 0, resumed_at


def _model(encoder: Any, start: SoftScorer) -> Any:
    """Return a torch module: tokens of one text or two, and values, to logits and the loss."""
    require("torch")
    import torch

    class Soft(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.head = torch.nn.Linear(*start.weights.shape)
            with torch.no_grad():
                self.head.weight.copy_(torch.from_numpy(start.weights.T.copy()))
                self.head.bias.copy_(torch.from_numpy(start.bias.astype(np.float32)))

        def forward(self, features: Any, labels: Any) -> Any:
            """Return the loss and the logits [b, T]."""
            parts = []
            for tokens in features:
                found = self.encoder(dict(tokens))["sentence_embedding"]
                parts.append(torch.nn.functional.normalize(found, dim=1))
            blocks = parts
            if len(parts) > 1:
                blocks = [*parts, (parts[0] - parts[1]).abs(), parts[0] * parts[1]]
            logits = self.head(torch.cat(blocks, dim=1))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            return {"loss": loss, "logits": logits}

    return Soft()


def parameter_groups(model: Any, settings: FinetuneConfig) -> list[dict[str, Any]]:
    """Return what AdamW takes: parameters by their depth, each with its learning rate.

    Vectors, which are biases and scales of norms, are not decayed.

    Args:
        model: with an `encoder` and a `head`.
        settings: the learning rate of the last layer, or of adapters, and the weight decay.
    """
    rate = settings.lora.learning_rate if settings.method == "lora" else settings.learning_rate
    depths = [
        int(found[1]) for name, _ in model.named_parameters() if (found := _LAYER.search(name))
    ]
    layers = max(depths, default=-1) + 1
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        found = _LAYER.search(name)
        # Embeddings lie below the first layer; what stands above all layers learns as the last.
        depth = int(found[1]) if found else (-1 if "embeddings" in name else layers - 1)
        own = rate * (
            HEAD_RATE if name.startswith("head.") else LAYER_DECAY ** (layers - 1 - depth)
        )
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((own, decay), []).append(parameter)
    return [
        {"params": params, "lr": own, "weight_decay": decay}
        for (own, decay), params in groups.items()
    ]


def _collator(encoder: Any, rows: SoftRows) -> Callable[[Sequence[int]], dict[str, Any]]:
    """Return what turns rows into a batch."""
    require("torch")
    import torch

    def collate(places: Sequence[int]) -> dict[str, Any]:
        chosen = list(places)
        tokens = [dict(encoder.tokenize([part[row] for row in chosen])) for part in rows.parts]
        values = torch.from_numpy(rows.values[chosen].astype(np.float32))
        return {"features": tokens, "labels": values}

    return collate


def _identity(
    rows: SoftRows, held_out: Bools, config: ClassifyConfig, base: LocatedModel, seed: int
) -> str:
    """Return a hash of all that changes a training."""
    digest = hashlib.sha256(rows.values.tobytes() + held_out.tobytes())
    for part in rows.parts:
        digest.update(json.dumps(list(part)).encode())
    facts = {
        "finetune": asdict(config.finetune),
        "begin": [config.components, config.folds],
        "rates": [LAYER_DECAY, HEAD_RATE],
        "model": base.digest,
        "seed": seed,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()
