"""What an interrupted comparison has trained so far, so that the next run goes on from there."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.calibrate import TradeOff
from labelmend.errors import OutputError
from labelmend.evaluation.baseline import Arm, Cell
from labelmend.evaluation.evaluate import LabelScores, Metrics, ReliabilityBin


@dataclass(frozen=True)
class CellLog:
    """A file of finished cells, a line of JSON each.

    Attributes:
        path: of the file; the folder is there.
        facts: all that a cell depends on besides its labels, kind and seed, as a digest.
    """

    path: Path
    facts: str

    def find(self, arm: Arm, kind: str, seed: int) -> Cell | None:
        """Return a cell that was trained before; of versions with the same labels one will do.

        Raises:
            OutputError: the file can't be read.
        """
        key = self._key(arm, kind, seed)
        try:
            lines = self.path.read_bytes().splitlines() if self.path.is_file() else ()
        except OSError as error:
            raise OutputError(
                f"{self.path}: can't be read: {error.strerror}; mend that, or remove it"
            ) from None
        for line in lines:
            try:
                held = json.loads(line)
                if held["key"] == key:
                    return replace(_cell(held["cell"]), arm=arm.name)
            except (ValueError, KeyError, TypeError):
                continue  # cut short when the run was killed
        return None

    def add(self, arm: Arm, cell: Cell) -> None:
        """Remember a cell.

        Raises:
            OutputError: the file can't be written.
        """
        line = json.dumps({"key": self._key(arm, cell.kind, cell.seed), "cell": _plain(cell)})
        try:
            with self.path.open("ab") as file:
                # A line of its own even behind one that was cut short.
                file.write(b"\n" + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(
                f"{self.path}: can't be written: {error.strerror}; free some space, or name "
                "another folder with -o"
            ) from None

    def _key(self, arm: Arm, kind: str, seed: int) -> str:
        facts = (self.facts, arm.training_set().digest, kind, seed)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def log_beside(folder: Path) -> Path:
    """Return where the unfinished comparison of a report's folder is kept."""
    resolved = folder.resolve()
    return resolved.with_name(f"{resolved.name}.unfinished.jsonl")


def _plain(cell: Cell) -> dict[str, Any]:
    curve = {name: values.tolist() for name, values in vars(cell.curve).items()}
    return {**vars(cell), "metrics": asdict(cell.metrics), "curve": curve}


def _cell(plain: dict[str, Any]) -> Cell:
    metrics = plain["metrics"]
    labels = {label: LabelScores(**scores) for label, scores in metrics["labels"].items()}
    bins = tuple(ReliabilityBin(**bin_) for bin_ in metrics["reliability"])
    curve = {name: np.array(values, dtype=np.float64) for name, values in plain["curve"].items()}
    return Cell(
        kind=plain["kind"],
        arm=plain["arm"],
        seed=plain["seed"],
        metrics=Metrics(**{**metrics, "labels": labels, "reliability": bins}),
        curve=TradeOff(**curve),
        called=tuple(plain["called"]),
        flagged=tuple(plain["flagged"]),
    )
