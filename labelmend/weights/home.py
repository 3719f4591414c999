"""The folders that labelmend keeps, and the lock file of what was recorded of pulled models."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import platformdirs

from labelmend.errors import ModelError
from labelmend.regular_file import parsed_json
from labelmend.weights.hashing import write_json
from labelmend.weights.registry import HubSource, ModelEntry, ModelFile


def model_home() -> Path:
    """Return `$LABELMEND_HOME/models`, or `models` in the user's data folder."""
    return (_chosen_home() or Path(platformdirs.user_data_dir("labelmend"))) / "models"


def cache_home() -> Path:
    """Return `$LABELMEND_HOME/cache`, or the user's cache folder: what lies there can be remade."""
    home = _chosen_home()
    return home / "cache" if home else Path(platformdirs.user_cache_dir("labelmend"))


def _chosen_home() -> Path | None:
    chosen = os.environ.get("LABELMEND_HOME")
    try:
        return Path(chosen).expanduser() if chosen else None
    except RuntimeError:
        raise ModelError(f"LABELMEND_HOME: {chosen} is in no user's home folder") from None


def lock_file() -> Path:
    """Return the path of the record of first uses."""
    return model_home() / "models.lock.json"


def with_record(entry: ModelEntry) -> ModelEntry:
    """Return the entry with what models.yaml leaves open filled in from the record, if any.

    A record of another repository or revision than the entry's says nothing of it.

    Raises:
        ModelError: the lock file can't be read.
    """
    if not isinstance(entry.source, HubSource):
        return entry
    record = _read_lock().get(entry.name)
    if record is None or record["repo"] != entry.source.repo:
        return entry
    if entry.source.revision not in (None, record["revision"]):
        return entry
    held = record["files"]
    files = tuple(
        file if file.sha256 or file.path not in held else ModelFile(file.path, *held[file.path])
        for file in entry.files
    )
    source = HubSource(entry.source.repo, record["revision"])
    return dataclasses.replace(entry, source=source, files=files)


def record(entry: ModelEntry) -> None:
    """Record a hub model's revision, sizes and hashes.

    Raises:
        ModelError: the lock file can't be read.
        OSError: it can't be written.
    """
    assert isinstance(entry.source, HubSource)
    held = {
        "repo": entry.source.repo,
        "revision": entry.source.revision,
        "files": {file.path: [file.size, file.sha256] for file in entry.files},
    }
    write_json(lock_file(), {**_read_lock(), entry.name: held})


def _read_lock() -> dict[str, Any]:
    path = lock_file()
    try:
        held = parsed_json(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ModelError(f"{path}: can't read this lock file: {error.strerror}") from None
    except ValueError:
        held = None
    # It is a pin: a record that can't be trusted is an error, not an empty record.
    if not isinstance(held, dict) or not all(_is_record(value) for value in held.values()):
        raise ModelError(
            f"{path}: not a lock file of labelmend; delete it and pull the models anew"
        )
    return held


def _is_record(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"repo", "revision", "files"}:
        return False
    return (
        isinstance(value["repo"], str)
        and re.fullmatch(r"[0-9a-f]{40}", str(value["revision"])) is not None
        and isinstance(value["files"], dict)
        and all(_is_pin(pin) for pin in value["files"].values())
    )


def _is_pin(pin: object) -> bool:
    return (
        isinstance(pin, list)
        and len(pin) == 2
        and isinstance(pin[0], int)
        and re.fullmatch(r"[0-9a-f]{64}", str(pin[1])) is not None
    )
