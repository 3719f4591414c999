"""What an interrupted comparison has trained so far, so that the next one goes on from there."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.calibrate import TradeOff
from labelmend.errors import OutputError
from labelmend.evaluation.baseline import Condition, TrainingRun
from labelmend.evaluation.evaluate import LabelScores, Metrics, ReliabilityBin
from labelmend.regular_file import parsed_json

_FORMAT = 2
"""Of the lines. Those of another are passed over, and the runs that they hold are trained again."""


@dataclass(frozen=True)
class RunLog:
    """A file of finished runs, a line of JSON each.

    Attributes:
        path: of the file; the folder is there.
        facts: all that a run depends on besides its labels, kind and seed, as a digest.
    """

    path: Path
    facts: str

    def find(self, condition: Condition, kind: str, seed: int) -> TrainingRun | None:
        """Return a run that was trained before; of versions with the same labels one will do.

        Raises:
            OutputError: the file can't be read.
        """
        key = self._key(condition, kind, seed)
        try:
            lines = self.path.read_bytes().splitlines() if self.path.is_file() else ()
        except OSError as error:
            raise OutputError(
                f"{self.path}: can't be read: {error.strerror}; mend that, or remove it"
            ) from None
        for line in lines:
            try:
                held = parsed_json(line)
                if held["key"] == key:
                    return replace(_run(held["run"]), condition=condition.name)
            except (ValueError, KeyError, TypeError):
                continue  # cut short when the command was killed
        return None

    def add(self, condition: Condition, run: TrainingRun) -> None:
        """Remember a run.

        Raises:
            OutputError: the file can't be written.
        """
        line = json.dumps({"key": self._key(condition, run.kind, run.seed), "run": _plain(run)})
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

    def _key(self, condition: Condition, kind: str, seed: int) -> str:
        facts = (_FORMAT, self.facts, condition.training_set().digest, kind, seed)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def log_beside(folder: Path) -> Path:
    """Return where the unfinished comparison of a report's folder is kept."""
    resolved = folder.resolve()
    return resolved.with_name(f"{resolved.name}.unfinished.jsonl")


def _plain(run: TrainingRun) -> dict[str, Any]:
    curve = {name: values.tolist() for name, values in vars(run.curve).items()}
    return {**vars(run), "metrics": asdict(run.metrics), "curve": curve}


def _run(plain: dict[str, Any]) -> TrainingRun:
    metrics = plain["metrics"]
    labels = {label: LabelScores(**scores) for label, scores in metrics["labels"].items()}
    bins = tuple(ReliabilityBin(**bin_) for bin_ in metrics["reliability"])
    curve = {name: np.array(values, dtype=np.float64) for name, values in plain["curve"].items()}
    return TrainingRun(
        kind=plain["kind"],
        condition=plain["condition"],
        seed=plain["seed"],
        metrics=Metrics(**{**metrics, "labels": labels, "reliability": bins}),
        curve=TradeOff(**curve),
        called=tuple(plain["called"]),
        flagged=tuple(plain["flagged"]),
    )
