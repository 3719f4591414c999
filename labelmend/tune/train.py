"""Fine-tuning: the encoder's last layers learn, by transformers' Trainer with our loss."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelmend.classify.finetune.trainer import teller, train, training_arguments, unlogged
from labelmend.configs.schema import EncoderConfig, TuneConfig
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.retrieval.encode import quiet_offline
from labelmend.tune.batches import Batch, batches, steps_an_epoch
from labelmend.tune.holdout import TuningTexts
from labelmend.tune.loss import LOSSES
from labelmend.types import Ints

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Lesson:
    """What is learned from.

    Attributes:
        texts: of the table.
        passages: [K], each label's description as retrieval reads it; empty where it has none.
        negatives: int64 [u, m], hard negatives, see `hard_negatives`.
    """

    texts: TuningTexts
    passages: tuple[str, ...]
    negatives: Ints

    def steps(self, config: TuneConfig) -> int:
        """Return how many steps the training takes."""
        return config.epochs * steps_an_epoch(self.texts, config.batch_texts)

    def batches(self, config: TuneConfig, seed: int) -> list[Batch]:
        """Return what is learned from at each step."""
        return [
            batch
            for epoch in range(config.epochs)
            for batch in batches(self.texts, self.negatives, config.batch_texts, seed, epoch)
        ]


@dataclass(frozen=True)
class Learned:
    """What became of a training.

    Attributes:
        losses: of each step.
        resumed_at: the step that an interrupted training went on from; 0 for none.
    """

    losses: tuple[float, ...]
    resumed_at: int


def tune(
    model: Any,
    lesson: Lesson,
    encoder: EncoderConfig,
    config: TuneConfig,
    seed: int,
    work: Path,
    progress: Progress,
) -> Learned:
    """Train an encoder in place; a run that was killed goes on from its last checkpoint.

    Args:
        model: a `SentenceTransformer`; what was frozen stays frozen.
        lesson: what is learned from.
        encoder: how long texts may be, and the prefix of row texts.
        config: of the training.
        seed: of the order of texts, their partners and dropout.
        work: holds checkpoints of this very training, see `open_work`.
        progress: advances by steps.

    Raises:
        ModelError: the model has no layers that could be told apart, or can't be trained.
        OutputError: a checkpoint can't be written.
    """
    require("torch", "transformers")
    import torch
    from transformers import Trainer

    train_last_layers(model, config.layers)
    known = model.max_seq_length
    model.max_seq_length = encoder.max_tokens if known is None else min(known, encoder.max_tokens)
    try:
        # The libraries' own random numbers are a global state: it is put back afterwards.
        with quiet_offline(), unlogged(), torch.random.fork_rng():
            trainer = Trainer(
                model=_compared(model, config),
                args=_arguments(lesson, config, seed, work),
                data_collator=_collator(model, lesson, encoder.query_prefix),
                train_dataset=lesson.batches(config, seed),
                callbacks=[teller(progress, "tune encoder")],
            )
            resumed_at = train(trainer, work, encoder.model, "tune.batch_texts")
    finally:
        model.max_seq_length = known
        model.eval()
    losses = tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    return Learned(losses, resumed_at)


def train_last_layers(model: Any, count: int) -> None:
    """Freeze a model but for its last layers and what comes after them.

    Args:
        model: a `SentenceTransformer`.
        count: layers to train, at least one; token embeddings stay as they are in any case.

    Raises:
        ModelError: no stack of layers is found in the model.
    """
    require("torch")
    from torch.nn import ModuleList

    stacks = [
        (name, module) for name, module in model.named_modules() if isinstance(module, ModuleList)
    ]
    if not stacks:
        raise ModelError(
            "this encoder has no stack of layers whose last ones could be tuned; name a transformer"
        )
    name, layers = max(stacks, key=lambda stack: len(stack[1]))
    first = f"{name}.{max(len(layers) - count, 0)}."
    learns = False
    for parameter_name, parameter in model.named_parameters():
        # Parameters come in the order in which a text passes them.
        learns = learns or parameter_name.startswith(first)
        parameter.requires_grad_(learns)


def _arguments(lesson: Lesson, config: TuneConfig, seed: int, work: Path) -> Any:
    steps = lesson.steps(config)
    arguments = training_arguments(
        work,
        max_steps=steps,
        per_device_train_batch_size=1,  # of ready-made batches
        train_sampling_strategy="sequential",
        learning_rate=config.learning_rate,
        warmup_steps=max(math.ceil(config.warmup * steps), 1),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=seed,
        save_steps=config.checkpoint_steps,
        save_total_limit=1,
        logging_strategy="steps",
        logging_steps=1,
    )
    # A batch is compared as a whole: it can't be dealt out to several GPUs.
    arguments._n_gpu = min(arguments.n_gpu, 1)  # noqa: SLF001
    return arguments


def _compared(encoder: Any, config: TuneConfig) -> Any:
    """Return a torch module: tokens of texts and of descriptions to the loss."""
    require("torch")
    import torch

    class Compared(torch.nn.Module):
        _keys_to_ignore_on_save = None  # the Trainer asks where a checkpoint isn't the whole model

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            """Return what learns: the rest would be the same in each checkpoint."""
            whole = super().state_dict(*args, **kwargs)
            return {n: whole[n] for n, p in self.named_parameters() if p.requires_grad}

        def forward(self, texts: Any, passages: Any, batch: Batch) -> Any:
            """Return the loss."""
            vectors = _vectors(encoder, texts), _vectors(encoder, passages)
            return {"loss": _loss(*vectors, batch, config)}

    return Compared()


def _collator(
    encoder: Any, lesson: Lesson, prefix: str
) -> Callable[[Sequence[Batch]], dict[str, Any]]:
    """Return what turns a ready-made batch into tokens."""

    def collate(given: Sequence[Batch]) -> dict[str, Any]:
        (batch,) = given
        texts = [lesson.texts.data.texts[i] for i in batch.texts]
        passages = [lesson.passages[k] for k in batch.described]
        return {
            "texts": _tokens(encoder, texts, prefix),
            "passages": _tokens(encoder, passages, ""),
            "batch": batch,
        }

    return collate


def _loss(texts: "Tensor", passages: "Tensor", batch: Batch, config: TuneConfig) -> "Tensor":
    """Return a step's loss: of descriptions, plus that of partners times its weight."""
    require("torch")
    import torch

    device = texts.device
    compare = LOSSES[config.loss]
    right = torch.from_numpy(np.searchsorted(batch.described, batch.labels)).to(device)
    nothing = torch.zeros((len(texts), len(passages)), dtype=torch.bool, device=device)
    weights = torch.from_numpy(batch.weights).to(device, texts.dtype)
    described = compare(config.scale * texts @ passages.T, right, nothing, weights)
    partner = torch.from_numpy(batch.partners).to(device)
    alike = batch.labels[:, None] == batch.labels[None, :]
    alike[np.arange(len(alike)), batch.partners] = False
    passed_over = torch.from_numpy(alike).to(device)
    pair_weights = torch.from_numpy(batch.pair_weights).to(device, texts.dtype)
    paired = compare(config.scale * texts @ texts.T, partner, passed_over, pair_weights)
    return described + config.partner_weight * paired


def _tokens(encoder: Any, texts: Sequence[str], prefix: str) -> dict[str, Any]:
    """Return tokens of texts of like length together, and the place of each text among them.

    Padded to the longest of a step, most tokens were padding.
    """
    require("torch")
    import torch

    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
    tokens = [dict(encoder.preprocess([texts[i] for i in part], prompt=prefix)) for part in parts]
    return {"parts": tokens, "place": torch.tensor(order).argsort()}


def _vectors(encoder: Any, tokens: Any) -> "Tensor":
    """Return float32 [texts, d], unit rows, with their gradients."""
    require("torch")
    import torch
    from torch.nn.functional import normalize

    parts = [encoder(dict(part))["sentence_embedding"] for part in tokens["parts"]]
    vectors: Tensor = normalize(torch.cat(parts)[tokens["place"]], dim=1)
    return vectors


_TOGETHER = 16
"""Texts padded to one length."""
