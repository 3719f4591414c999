"""The training loop: AdamW on the encoder's last layers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelmend.configs.schema import EncoderConfig, TuneConfig
from labelmend.errors import ModelError
from labelmend.protocols import Progress
from labelmend.retrieval.encode import quiet_offline
from labelmend.tune.batches import Batch, batches, steps_an_epoch
from labelmend.tune.checkpoint import Checkpoint, Saved
from labelmend.tune.holdout import TuningTexts
from labelmend.tune.loss import LOSSES
from labelmend.types import Ints

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter


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


def tune(
    model: Any,
    lesson: Lesson,
    encoder: EncoderConfig,
    config: TuneConfig,
    seed: int,
    checkpoint: Checkpoint,
    progress: Progress,
) -> tuple[float, ...]:
    """Train an encoder in place; a run that was killed goes on from its checkpoint.

    Each step's texts and dropout depend on the seed and the step alone, so that a run that goes on
    ends as one that was never interrupted.

    Args:
        model: a `SentenceTransformer`; what was frozen stays frozen.
        lesson: what is learned from.
        encoder: how long texts may be, and the prefix of row texts.
        config: of the training.
        seed: of the order of texts, their partners and dropout.
        checkpoint: where the unfinished training is kept.
        progress: advances by steps.

    Returns:
        the loss of each step.

    Raises:
        ModelError: the model has no layers that could be told apart.
        OutputError: the checkpoint can't be written.
    """
    import torch

    trained = train_last_layers(model, config.layers)
    optimizer = torch.optim.AdamW(trained.values(), weight_decay=config.weight_decay)
    losses: list[float] = []
    if (held := checkpoint.load()) is not None and _restore(held, trained, optimizer):
        losses = list(held.losses)
    total, an_epoch = lesson.steps(config), steps_an_epoch(lesson.texts, config.batch_texts)
    progress.start("tune encoder", total)
    progress.advance(len(losses))
    known = model.max_seq_length
    model.max_seq_length = encoder.max_tokens if known is None else min(known, encoder.max_tokens)
    model.train()
    try:
        # The libraries' own random numbers are a global state: it is put back afterwards.
        with quiet_offline(), torch.random.fork_rng():
            for epoch in range(len(losses) // an_epoch, config.epochs):
                epoch_batches = batches(
                    lesson.texts, lesson.negatives, config.batch_texts, seed, epoch
                )
                for number, batch in enumerate(epoch_batches, start=epoch * an_epoch):
                    if number < len(losses):
                        continue
                    torch.manual_seed(_step_seed(seed, number))
                    for group in optimizer.param_groups:
                        group["lr"] = config.learning_rate * _pace(number, total, config.warmup)
                    loss = _loss(model, lesson, batch, encoder.query_prefix, config)
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    torch.nn.utils.clip_grad_norm_(trained.values(), config.max_grad_norm)
                    optimizer.step()
                    losses.append(float(loss.detach()))
                    if len(losses) % config.checkpoint_steps == 0 or len(losses) == total:
                        checkpoint.save(_saved(losses, trained, optimizer))
                    progress.advance()
    finally:
        model.max_seq_length = known
        model.eval()
    return tuple(losses)


def train_last_layers(model: Any, count: int) -> "dict[str, Parameter]":
    """Freeze a model but for its last layers and what comes after them.

    Args:
        model: a `SentenceTransformer`.
        count: layers to train, at least one; token embeddings stay as they are in any case.

    Returns:
        what is trained, by name.

    Raises:
        ModelError: no stack of layers is found in the model.
    """
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
    trained = {}
    learns = False
    for parameter_name, parameter in model.named_parameters():
        # Parameters come in the order in which a text passes them.
        learns = learns or parameter_name.startswith(first)
        parameter.requires_grad_(learns)
        if learns:
            trained[parameter_name] = parameter
    return trained


def _loss(model: Any, lesson: Lesson, batch: Batch, prefix: str, config: TuneConfig) -> "Tensor":
    """Return a step's loss: of descriptions, plus that of partners times its weight."""
    import torch

    texts = _vectors(model, [lesson.texts.data.texts[i] for i in batch.texts], prefix)
    passages = _vectors(model, [lesson.passages[k] for k in batch.described], "")
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


def _vectors(model: Any, texts: Sequence[str], prefix: str) -> "Tensor":
    """Return float32 [len(texts), d], unit rows, with their gradients.

    Texts of like length pass together: padded to the longest of a step, most tokens were padding.
    """
    import torch
    from torch.nn.functional import normalize

    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    parts = []
    for start in range(0, len(order), _TOGETHER):
        part = [texts[i] for i in order[start : start + _TOGETHER]]
        features = {
            name: value.to(model.device) if hasattr(value, "to") else value
            for name, value in model.preprocess(part, prompt=prefix).items()
        }
        parts.append(model(features)["sentence_embedding"])
    place = torch.tensor(order, device=parts[0].device).argsort()
    vectors: Tensor = normalize(torch.cat(parts)[place], dim=1)
    return vectors


_TOGETHER = 16
"""Texts padded to one length, for speed alone: padding changes no vector but in its last bits."""


def _pace(step: int, total: int, warmup: float) -> float:
    """Return the share of the learning rate: it rises over the warm-up, then falls to zero."""
    rising = max(math.ceil(warmup * total), 1)
    if step < rising:
        return (step + 1) / rising
    return (total - step) / max(total - rising, 1)


def _step_seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


_MOMENTS = ("exp_avg", "exp_avg_sq")


def _saved(losses: Sequence[float], trained: "Mapping[str, Parameter]", optimizer: Any) -> Saved:
    tensors = {f"weight/{name}": p.detach().cpu().contiguous() for name, p in trained.items()}
    for name, parameter in trained.items():
        state = optimizer.state.get(parameter, {})
        tensors |= {f"{m}/{name}": state[m].cpu().contiguous() for m in _MOMENTS if m in state}
    return Saved(len(losses), tuple(losses), tensors)


def _restore(held: Saved, trained: "Mapping[str, Parameter]", optimizer: Any) -> bool:
    """Take weights and moments over from a checkpoint; False where it does not fit."""
    import torch

    for name, parameter in trained.items():
        found = held.tensors.get(f"weight/{name}")
        if found is None or found.shape != parameter.shape:
            return False
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(held.tensors[f"weight/{name}"])
            if any(f"{m}/{name}" not in held.tensors for m in _MOMENTS):
                continue  # a weight that never had a gradient, as a pooler's
            moments = {m: held.tensors[f"{m}/{name}"].to(parameter.device) for m in _MOMENTS}
            optimizer.state[parameter] = {"step": torch.tensor(float(held.step)), **moments}
    return True
