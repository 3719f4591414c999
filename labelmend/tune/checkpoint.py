"""An unfinished tuning on disk, from which a killed run goes on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.data.write import atomic_files

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds.

    Attributes:
        step: steps done.
        losses: of each of them.
        tensors: trained weights and the optimiser's moments, by name.
    """

    step: int
    losses: tuple[float, ...]
    tensors: "Mapping[str, Tensor]"


@dataclass(frozen=True)
class Checkpoint:
    """A file of tensors in the safetensors format: no pickle, which could run any code.

    Attributes:
        path: of the file.
        key: names all that the outcome depends on; a file with another key is not gone on from.
    """

    path: Path
    key: str

    def load(self) -> Saved | None:
        """Return what the file holds; None if there is none, or another run's, or a damaged one."""
        if not self.path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(self.path), framework="pt") as file:
                facts = file.metadata() or {}
                if facts.get("key") != self.key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                losses = tuple(map(float, json.loads(facts["losses"])))
        except (SafetensorError, OSError, ValueError, KeyError):
            return None
        return Saved(len(losses), losses, tensors)

    def save(self, saved: Saved) -> None:
        """Replace the file as a whole.

        Raises:
            OutputError: it can't be written.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        facts = {"key": self.key, "losses": json.dumps(list(saved.losses))}
        with atomic_files([self.path]) as (temporary,):
            try:
                save_file(dict(saved.tensors), str(temporary), metadata=facts)
            except SafetensorError as error:  # how it says that a disk is full
                raise OSError(str(error)) from None

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)
