"""The folder of a tuned encoder: what sentence-transformers saves, and a card beside it."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.data.write import atomic_folder, check_output_folder
from labelmend.errors import OutputError
from labelmend.extras import require
from labelmend.regular_file import parsed_json
from labelmend.retrieval.encode import quiet_offline
from labelmend.retrieval.tuned import CARD, FORMAT, TRAINED_TEXTS
from labelmend.version import __version__


def check_folder(folder: Path) -> None:
    """Find out before any work whether an encoder can be written there.

    Raises:
        OutputError: it is a file, or a folder that holds something else than a tuned encoder, or
            its own folder is missing.
    """
    check_output_folder(folder, "a tuned encoder", _written(folder), CARD)


def _written(folder: Path) -> set[str]:
    """Return the names of what an earlier tuning wrote there."""
    try:
        return {str(name) for name in parsed_json((folder / CARD).read_text("utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def save_encoder(model: Any, folder: Path) -> None:
    """Write a `SentenceTransformer` into an empty folder.

    Raises:
        OutputError: it can't be written.
    """
    require("safetensors")
    from safetensors import SafetensorError

    try:
        with quiet_offline():
            model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    except (OSError, SafetensorError) as error:
        said = str(error).splitlines()[0]
        raise OutputError(
            f"can't write the encoder to {folder}: {said}; free some space and run again: the "
            "tuning is kept and goes on"
        ) from None


def write_folder(
    folder: Path,
    encoder: Path,
    card: Mapping[str, Any],
    trained: npt.NDArray[np.uint64],
    readme: str,
) -> None:
    """Write the folder, whole or not at all; a tuned encoder that stands there is replaced.

    Args:
        folder: its place, see `check_folder`.
        encoder: a folder that `save_encoder` wrote.
        card: what the encoder was made of; plain JSON values.
        trained: `text_hashes` of the texts that it was trained on, now or before.
        readme: the card for people, in Markdown.

    Raises:
        OutputError: it can't be written.
    """
    check_folder(folder)
    with atomic_folder(folder) as temporary:
        # Contents only: safetensors lets nobody else read what it writes.
        shutil.copytree(encoder, temporary, dirs_exist_ok=True, copy_function=shutil.copyfile)
        np.save(temporary / TRAINED_TEXTS, trained, allow_pickle=False)
        (temporary / "README.md").write_text(readme, "utf-8")
        files = sorted({CARD, *(path.name for path in temporary.iterdir())})
        body = {"format": FORMAT, "labelmend": __version__, **card, "files": files}
        text = json.dumps(body, indent=2, ensure_ascii=False)
        (temporary / CARD).write_text(text + "\n", "utf-8")
