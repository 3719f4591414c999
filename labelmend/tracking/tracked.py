"""What an experiment server is told of a piece of work: facts alone, and no server's words."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelmend.classify.folder import CARD, README
from labelmend.classify.model_card import read_json

Points = Sequence[tuple[float, Mapping[str, float | None]]]
"""Of a curve: where each is, and the figures there by name."""


@dataclass(frozen=True)
class Tracked:
    """One run of a command.

    Attributes:
        command: such as "train-classifier".
        params: what was asked for, by dotted names.
        metrics: what came out, by name; None where nothing was measured.
        curves: by name.
        texts: files of text, by the names that they are to have.
        files: files and folders, by the folders that they are to lie in; "" for the top.
        model: a model folder, which is logged as a model that can be loaded; None without one.
    """

    command: str
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    curves: Mapping[str, Points] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, Path]] = ()
    model: Path | None = None


def tracked_model(command: str, folder: Path) -> Tracked:
    """Return what a model folder says of itself.

    Args:
        command: that wrote it.
        folder: of the model.

    Raises:
        ModelError: its card can't be read.
    """
    card = read_json(folder / CARD) or {}
    held_out = card.get("held_out") or {}
    asked = ("kind", "oos_label", "seed", "operating_point", "encoders", "data", "config")
    params = {name: card.get(name) for name in asked}
    params["labels"] = len(card.get("labels") or ())
    data = params.get("data")
    if isinstance(data, dict):
        params["data"] = {key: value for key, value in data.items() if key != "label_weights"}
    plain = {
        f"held_out.{name}": value
        for name, value in held_out.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    trade_off: Points = [
        (
            float(place),
            {"in_scope_accuracy": at["in_scope_accuracy"], "oos_recall": at["oos_recall"]},
        )
        for place, at in enumerate(card.get("oos_trade_off") or ())
    ]
    reliability: Points = [
        (round(_PER_CENT * at["low"]), {"accuracy": at["accuracy"], "confidence": at["confidence"]})
        for at in held_out.get("reliability") or ()
    ]
    readme = folder / README
    return Tracked(
        command=command,
        params=dict(flattened(params)),
        metrics=plain,
        curves={"oos_trade_off": trade_off, "reliability": reliability},
        texts={
            "model_card.json": json.dumps(card, indent=2, ensure_ascii=False),
            **({"model_card.md": readme.read_text("utf-8")} if readme.is_file() else {}),
        },
        model=folder,
    )


_PER_CENT = 100
"""Steps of a curve over shares: a bin that begins at 0.4 is at 40."""


def flattened(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the plain values in nested mappings and lists, by dotted names; none for None."""
    for key, value in values.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping):
            yield from flattened(value, name)
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            yield from flattened({str(place): v for place, v in enumerate(value)}, name)
        elif value is not None:
            yield name, value


def measured(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return the metrics that are finite numbers."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    }
