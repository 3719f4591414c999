"""Fine-tuning: a sentence encoder learns together with a linear classifier on its vectors."""

import hashlib
import importlib.metadata
import json
import math
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.data import TrainingSet
from labelmend.classify.finetune.trainer import (
    load_tunable,
    one_line_error,
    open_work,
    teller,
    train,
    training_arguments,
    unlogged,
)
from labelmend.classify.heads.estimator import EstimatorScorer, linear_scorer
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.scorer import Examples
from labelmend.configs.schema import ClassifyConfig, FinetuneConfig
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.retrieval.encode import quiet_offline, require_files
from labelmend.retrieval.encoders.packed_file import is_packed
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.weights.locate import LocatedModel

_TUNED = "tuned"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "accelerate")
"""What a training depends on."""


@dataclass(frozen=True)
class Tuned:
    """An encoder that has learned, and the classifier on its vectors.

    Attributes:
        folder: of the encoder, as sentence-transformers saves it; adapters are merged.
        head: reads its vectors [b, d] of unit length.
        steps: that were taken.
        best_step: whose weights these are.
        resumed_at: the step that an interrupted training went on from; 0 for none.
    """

    folder: Path
    head: EstimatorScorer
    steps: int
    best_step: int
    resumed_at: int


def check_tunable(settings: FinetuneConfig, model: LocatedModel) -> None:
    """Find out before any work whether an encoder can be fine-tuned here.

    Raises:
        ExtraMissingError: a library is missing.
        ModelError: the encoder has no torch weights.
    """
    require("torch", "transformers", "accelerate", "peft", by="--kind finetune")
    if is_packed(model.path):
        return
    if not model.path.is_dir() or not any((model.path / name).is_file() for name in _WEIGHTS):
        raise ModelError(
            f"{settings.encoder}: has no torch weights ({' or '.join(_WEIGHTS)}), which "
            "fine-tuning needs; name another encoder with --encoder"
        )
    require_files(model.path, "config.json")


def tune(
    data: TrainingSet,
    held_out: Bools,
    config: ClassifyConfig,
    model: LocatedModel,
    seed: int,
    work: Path,
    progress: Progress,
) -> Tuned:
    """Fine-tune an encoder, or go on with a training that was interrupted.

    The classifier begins as a logistic regression on the encoder as it was, so that its first steps
    don't undo what the encoder knows (Kumar et al. 2022, "Fine-tuning can distort pretrained
    features"). The loss is cross-entropy, weighted by the pairs' weights and, if so configured,
    against the labels' frequencies. The weights kept are those of the evaluation with the least
    loss on the held-out texts.

    Args:
        data: texts and labels.
        held_out: bool [u], texts that are not trained on; every label has others.
        config: `finetune` and, for the classifier's begin, `logreg` and `components`.
        model: the encoder (`check_tunable`).
        seed: of batches, dropout and adapters.
        work: folder for checkpoints, which are gone on with if they are of this very training.
        progress: advances one step a step.

    Raises:
        ModelError: the encoder can't be loaded or trained.
        OutputError: the folder holds something else.
    """
    settings = config.finetune
    open_work(work, _identity(data, held_out, config, model, seed))
    encoder = load_tunable(model.path, settings.max_tokens)
    pairs = _Pairs(data, held_out, _pair_weights(data, settings.balance))
    inside = np.array(pairs.places(held_out=False))
    head = _first_head(encoder, data, inside, pairs.weights, config, seed)
    with quiet_offline(), unlogged():
        return _train(encoder, head, pairs, settings, seed, work, progress)


@dataclass(frozen=True)
class _Pairs:
    """What is learned from: pairs of text and label.

    Attributes:
        data: texts and labels.
        held_out: bool [u], texts that are not trained on.
        weights: float64 [p], of the pairs.
    """

    data: TrainingSet
    held_out: Bools
    weights: Doubles

    def places(self, *, held_out: bool) -> list[int]:
        """Return the pairs on one side; what is made from held-out texts is on neither."""
        texts = self.held_out
        if not held_out:
            texts = ~(self.held_out | self.data.descends_from(self.held_out))
        found: list[int] = np.flatnonzero(texts[self.data.text_of]).tolist()
        return found


def _pair_weights(data: TrainingSet, balance: float) -> Doubles:
    """Return float64 [p], with a mean of 1."""
    rows = np.bincount(data.label_of, weights=data.weights)
    weights = data.weights * rows[data.label_of] ** -balance
    return np.asarray(weights / weights.mean())


def _first_head(
    encoder: Any,
    data: TrainingSet,
    pairs: Ints,
    weights: Doubles,
    config: ClassifyConfig,
    seed: int,
) -> EstimatorScorer:
    with quiet_offline():
        embeddings: Floats = encoder.encode(
            [data.texts[text] for text in data.text_of[pairs]],
            batch_size=config.finetune.batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
    examples = Examples(
        np.asarray(embeddings, dtype=np.float32),
        data.label_of[pairs],
        weights[pairs],
        len(data.labels),
        seed,
    )
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        return LogisticRegressionHead().learn(examples, config)


def _train(
    encoder: Any,
    head: EstimatorScorer,
    pairs: _Pairs,
    settings: FinetuneConfig,
    seed: int,
    work: Path,
    progress: Progress,
) -> Tuned:
    require("torch", "transformers")
    import torch
    from sklearn.base import clone
    from transformers import EarlyStoppingCallback, Trainer, set_seed

    set_seed(seed)
    adapted = with_adapters(encoder, settings) if settings.method == "lora" else None
    train_pairs = pairs.places(held_out=False)
    trainer = Trainer(
        model=_classified(encoder, head),
        args=arguments(settings, len(train_pairs), seed, work),
        data_collator=_collator(encoder, pairs),
        train_dataset=train_pairs,
        eval_dataset=pairs.places(held_out=True),
        callbacks=[teller(progress, "fine-tune"), EarlyStoppingCallback(settings.patience)],
    )
    error = (work, settings.encoder, "classify.finetune.batch_size")
    resumed_at = train(trainer, *error)
    state, trained = trainer.state, trainer.model.cpu().eval()
    if adapted is not None:
        adapted.merge_and_unload()
    folder = work / _TUNED
    shutil.rmtree(folder, ignore_errors=True)
    with one_line_error(*error):
        encoder.save(str(folder), create_model_card=False)
    with torch.no_grad():
        learned = trained.head.weight.numpy().T, trained.head.bias.numpy().copy()
    scorer = linear_scorer(clone(head.model), *learned)
    return Tuned(folder, scorer, state.global_step, state.best_global_step or 0, resumed_at)


def _classified(encoder: Any, head: EstimatorScorer) -> Any:
    """Return a torch module: tokens and labels to logits and the weighted loss."""
    require("torch")
    import torch

    class Classified(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            labels, width = head.model.coef_.shape
            self.head = torch.nn.Linear(width, labels)
            with torch.no_grad():
                self.head.weight.copy_(torch.from_numpy(head.model.coef_.copy()))
                self.head.bias.copy_(torch.from_numpy(head.model.intercept_.copy()))

        def forward(self, features: Any, labels: Any, weights: Any) -> Any:
            """Return the loss and the logits [b, K]."""
            found = self.encoder(dict(features))["sentence_embedding"]
            logits = self.head(torch.nn.functional.normalize(found, dim=1))
            losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
            return {"loss": (losses * weights).mean(), "logits": logits}

    return Classified()


def _collator(encoder: Any, pairs: _Pairs) -> Callable[[Sequence[int]], dict[str, Any]]:
    """Return what turns pairs into a batch."""
    require("torch")
    import torch

    data = pairs.data

    def collate(places: Sequence[int]) -> dict[str, Any]:
        rows = list(places)
        return {
            "features": dict(encoder.tokenize([data.texts[data.text_of[row]] for row in rows])),
            "labels": torch.from_numpy(data.label_of[rows]),
            "weights": torch.from_numpy(pairs.weights[rows].astype(np.float32)),
        }

    return collate


def arguments(settings: FinetuneConfig, pairs: int, seed: int, work: Path) -> Any:
    """Return the Trainer's settings for so many pairs."""
    steps_an_epoch = math.ceil(pairs / settings.batch_size)
    every = math.ceil(steps_an_epoch / settings.evaluations)
    is_lora = settings.method == "lora"
    return training_arguments(
        work,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.lora.learning_rate if is_lora else settings.learning_rate,
        warmup_steps=math.ceil(settings.warmup * steps_an_epoch * settings.epochs),
        weight_decay=settings.weight_decay,
        seed=seed,
        eval_strategy="steps",
        eval_steps=every,
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        prediction_loss_only=True,
        restore_callback_states_from_checkpoint=True,
        logging_strategy="no",
    )


def with_adapters(encoder: Any, settings: FinetuneConfig) -> Any:
    """Put adapters into the encoder's layers, in place; only they will learn."""
    require("peft")
    from peft import LoraConfig, get_peft_model

    lora = settings.lora
    return get_peft_model(
        encoder[0].auto_model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
        ),
    )


def _identity(
    data: TrainingSet, held_out: Bools, config: ClassifyConfig, model: LocatedModel, seed: int
) -> str:
    """Return a hash of all that changes a training."""
    facts = {
        "data": data.digest,
        "held_out": np.flatnonzero(held_out).tolist(),
        "finetune": asdict(config.finetune),
        "begin": [asdict(config.logreg), config.components],
        "model": model.digest,
        "seed": seed,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
