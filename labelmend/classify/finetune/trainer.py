"""What trainings by transformers' Trainer have in common: checkpoints, progress, errors."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelmend.errors import ModelError, OutputError
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encode import load_sentence_transformer

_IDENTITY = "labelmend.json"
_STATE = "trainer_state.json"


_MANY_WORDS = 100_000
"""Words from which on their vectors are not trained: a table's texts hold few of them, and to move
all takes most of the time and memory. Chosen by hand, between English encoders' and XLM-R's."""


def load_tunable(folder: Path, max_tokens: int) -> Any:
    """Load an encoder that is to be fine-tuned, as a SentenceTransformer.

    Raises:
        ModelError: it can't load.
    """
    encoder = load_sentence_transformer(folder, max_tokens)
    for name, parameter in encoder.named_parameters():
        if name.endswith("word_embeddings.weight") and len(parameter) > _MANY_WORDS:
            parameter.requires_grad_(False)
    return encoder


def open_work(work: Path, identity: str) -> bool:
    """Keep the checkpoints of this very training, and remove those of another.

    Args:
        work: folder for checkpoints.
        identity: names all that the outcome depends on.

    Returns:
        whether checkpoints of another training were removed.

    Raises:
        OutputError: the folder holds something else, or can't be written.
    """
    mark = work / _IDENTITY
    if work.exists() and not mark.is_file() and (not work.is_dir() or any(work.iterdir())):
        raise OutputError(
            f"{work}: is where checkpoints go, and holds something else; move it away"
        )
    try:
        is_other = mark.is_file() and mark.read_text("utf-8") != identity
        if is_other:
            shutil.rmtree(work)
        work.mkdir(exist_ok=True)
        mark.write_text(identity, "utf-8")
    except OSError as error:
        raise OutputError(f"{work}: can't write checkpoints there: {error.strerror}") from None
    return is_other


def last_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint; one that was being written at the end is removed."""
    found = sorted(work.glob("checkpoint-*"), key=_step_of)
    while found:
        try:
            # Written last, so it tells that the others are there.
            parsed_json((found[-1] / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(found.pop())
        else:
            return found[-1]
    return None


def train(trainer: Any, work: Path, encoder: str, smaller: str) -> int:
    """Train, or go on with a training that was interrupted.

    Args:
        trainer: a `Trainer`.
        work: its folder, see `open_work`.
        encoder: what it trains, for messages.
        smaller: the setting to lower if memory ran out.

    Returns:
        the step that it went on from; 0 for none.

    Raises:
        ModelError: it can't be trained.
        OutputError: a checkpoint can't be written.
    """
    require("transformers")
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    last = last_checkpoint(work)
    with one_line_error(work, encoder, smaller):
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    return 0 if last is None else _step_of(last)


def training_arguments(work: Path, **settings: Any) -> Any:
    """Return a Trainer's arguments, of which it says nothing by itself, to nobody."""
    require("transformers")
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(work),
        lr_scheduler_type="linear",
        save_strategy="steps",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        **settings,
    )


def teller(progress: Progress, task: str) -> Any:
    """Return a callback that tells our progress how far a Trainer is."""
    require("transformers")
    from transformers import TrainerCallback

    class Heard(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            """The steps are known."""
            progress.start(task, state.max_steps)
            if state.global_step:
                progress.advance(state.global_step)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            """One more is done."""
            progress.advance()

    return Heard()


@contextlib.contextmanager
def one_line_error(work: Path, encoder: str, smaller: str) -> Iterator[None]:
    """Turn what the libraries raise into one line; see `train`.

    Raises:
        OutputError: a checkpoint or the encoder can't be written.
        ModelError: anything else.
    """
    require("safetensors")
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
            f"fine-tuning {encoder} failed: {said}; remove {work} if it lies there, and lower "
            f"{smaller} if memory ran out"
        ) from None


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Keep the Trainer's and accelerate's remarks to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
