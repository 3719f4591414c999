"""Fine-tuning: a sentence encoder learns together with a linear classifier on its vectors."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import math
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.data import TrainingSet
from labelmend.classify.heads.estimator import EstimatorScorer, linear_scorer
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.classify.scorer import Examples
from labelmend.configs.schema import ClassifyConfig, FinetuneConfig
from labelmend.errors import ModelError, ModelMissingError, OutputError
from labelmend.protocols import Progress
from labelmend.retrieval.encode import load_sentence_transformer, quiet_offline, require_files
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.weights.locate import LocatedModel

_IDENTITY = "labelmend.json"
_TUNED = "tuned"
_STATE = "trainer_state.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "accelerate")
"""What a training depends on."""

_EXTRA = "pip install 'labelmend[finetune]'"


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
        ModelMissingError: a library is missing.
        ModelError: the encoder has no torch weights.
    """
    missing = [name for name in ("accelerate", "peft") if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelMissingError(
            f"--kind finetune needs {' and '.join(missing)}, which is not installed; run: {_EXTRA}"
        )
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
    _open_work(work, _identity(data, held_out, config, model, seed))
    encoder = load_sentence_transformer(model.path, settings.max_tokens)
    inside = np.flatnonzero(~held_out[data.text_of])
    weights = _pair_weights(data, settings.balance)
    head = _first_head(encoder, data, inside, weights, config, seed)
    with quiet_offline(), _unlogged():
        return _train(
            encoder, head, _Pairs(data, held_out, weights), settings, seed, work, progress
        )


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
        """Return the pairs on one side."""
        found: list[int] = np.flatnonzero(self.held_out[self.data.text_of] == held_out).tolist()
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
    import torch
    from sklearn.base import clone
    from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, set_seed

    set_seed(seed)
    adapted = _with_adapters(encoder, settings) if settings.method == "lora" else None
    train_pairs = pairs.places(held_out=False)
    trainer = Trainer(
        model=_classified(encoder, head),
        args=_arguments(settings, len(train_pairs), seed, work),
        data_collator=_collator(encoder, pairs),
        train_dataset=train_pairs,
        eval_dataset=pairs.places(held_out=True),
        callbacks=[_teller(progress), EarlyStoppingCallback(settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    last = _last_checkpoint(work)
    with _one_line_error(settings, work):
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    state, trained = trainer.state, trainer.model.cpu().eval()
    if adapted is not None:
        adapted.merge_and_unload()
    folder = work / _TUNED
    shutil.rmtree(folder, ignore_errors=True)
    with _one_line_error(settings, work):
        encoder.save(str(folder), create_model_card=False)
    with torch.no_grad():
        learned = trained.head.weight.numpy().T, trained.head.bias.numpy().copy()
    scorer = linear_scorer(clone(head.model), *learned)
    return Tuned(folder, scorer, state.global_step, state.best_global_step or 0, _step_of(last))


def _classified(encoder: Any, head: EstimatorScorer) -> Any:
    """Return a torch module: tokens and labels to logits and the weighted loss."""
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


def _teller(progress: Progress) -> Any:
    """Return a callback that tells our progress how far the Trainer is."""
    from transformers import TrainerCallback

    class Heard(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            """The steps are known."""
            progress.start("fine-tune", state.max_steps)
            if state.global_step:
                progress.advance(state.global_step)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            """One more is done."""
            progress.advance()

    return Heard()


def _arguments(settings: FinetuneConfig, pairs: int, seed: int, work: Path) -> Any:
    """Return the Trainer's settings for so many pairs."""
    from transformers import TrainingArguments

    steps_an_epoch = math.ceil(pairs / settings.batch_size)
    every = math.ceil(steps_an_epoch / settings.evaluations)
    is_lora = settings.method == "lora"
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.lora.learning_rate if is_lora else settings.learning_rate,
        warmup_steps=math.ceil(settings.warmup * steps_an_epoch * settings.epochs),
        weight_decay=settings.weight_decay,
        lr_scheduler_type="linear",
        seed=seed,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        prediction_loss_only=True,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )


@contextlib.contextmanager
def _one_line_error(settings: FinetuneConfig, work: Path) -> Iterator[None]:
    """Turn what the libraries raise into one line.

    Raises:
        OutputError: a checkpoint or the encoder can't be written.
        ModelError: anything else.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        # The last is how torch says that a disk is full.
        if isinstance(error, OSError | SafetensorError) or "StreamWriter" in said:
            raise OutputError(
                f"{work}: can't write there: {said}; free some space and run again: whole "
                "checkpoints are gone on with"
            ) from None
        raise ModelError(
            f"fine-tuning {settings.encoder} failed: {said}; remove {work} if it lies there, and "
            "lower classify.finetune.batch_size if memory ran out"
        ) from None


def _with_adapters(encoder: Any, settings: FinetuneConfig) -> Any:
    """Put adapters into the encoder's layers, in place; only they will learn."""
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


def _open_work(work: Path, identity: str) -> None:
    """Keep the checkpoints of this very training, and remove those of another."""
    mark = work / _IDENTITY
    if work.exists() and not mark.is_file() and (not work.is_dir() or any(work.iterdir())):
        raise OutputError(
            f"{work}: is where checkpoints go, and holds something else; move it away"
        )
    try:
        if work.exists() and mark.is_file() and mark.read_text("utf-8") != identity:
            shutil.rmtree(work)
        work.mkdir(exist_ok=True)
        mark.write_text(identity, "utf-8")
    except OSError as error:
        raise OutputError(f"{work}: can't write checkpoints there: {error.strerror}") from None


def _last_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint; one that was being written at the end is removed."""
    found = sorted(work.glob("checkpoint-*"), key=_step_of)
    while found:
        try:
            # Written last, so it tells that the others are there.
            json.loads((found[-1] / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(found.pop())
        else:
            return found[-1]
    return None


def _step_of(checkpoint: Path | None) -> int:
    return 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the Trainer's and accelerate's remarks to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
