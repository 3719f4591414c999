"""Configurations of Triton's models, written as its `config.pbtxt` wants them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BATCH = 64
"""Texts that run together at most: enough to fill a processor, and 64 long texts of eight windows
still fit memory."""

_DELAY = 2000
"""Microseconds that a request waits for others at most, as in the manual's own example of a few
milliseconds: little beside what a text takes."""


@dataclass(frozen=True)
class TensorConfig:
    """An input or an output of a model.

    Attributes:
        name: of it.
        kind: its type, as Triton names it: TYPE_INT64.
        dims: its shape without the batch; -1 for a size that varies.
        scalar: whether the graph's own value is [batch], which has no shape without the batch.
        labels: name of the file with what its values stand for; None without one.
    """

    name: str
    kind: str
    dims: tuple[int, ...]
    scalar: bool = False
    labels: str | None = None

    def lines(self) -> list[str]:
        """Return the fields, as they stand in braces."""
        found = [
            f"name: {_text(self.name)}",
            f"data_type: {self.kind}",
            f"dims: [ {', '.join(map(str, self.dims))} ]",
        ]
        if self.scalar:
            found.append("reshape { shape: [ ] }")
        if self.labels is not None:
            found.append(f"label_filename: {_text(self.labels)}")
        return found


@dataclass(frozen=True)
class Step:
    """A step of an ensemble.

    Attributes:
        model: that runs.
        inputs: the ensemble's tensors, by the model's names for them.
        outputs: as above.
    """

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return the fields, as they stand in braces."""
        found = [f"model_name: {_text(self.model)}", "model_version: -1"]
        for kind, names in (("input_map", self.inputs), ("output_map", self.outputs)):
            found += [
                f"{kind} {{ key: {_text(name)} value: {_text(tensor)} }}"
                for name, tensor in names.items()
            ]
        return found


@dataclass(frozen=True)
class ModelConfig:
    """A model of a repository.

    Attributes:
        name: of it and of its folder.
        backend: `onnxruntime` or `python`; None for an ensemble.
        inputs: of it.
        outputs: of it.
        steps: of an ensemble.
    """

    name: str
    backend: str | None
    inputs: Sequence[TensorConfig]
    outputs: Sequence[TensorConfig]
    steps: Sequence[Step] = field(default=())

    def pbtxt(self) -> str:
        """Return the configuration in protobuf's text format."""
        kind = "platform: " + _text("ensemble")
        if self.backend is not None:
            kind = "backend: " + _text(self.backend)
        lines = [f"name: {_text(self.name)}", kind, f"max_batch_size: {BATCH}"]
        lines += _repeated("input", [one.lines() for one in self.inputs])
        lines += _repeated("output", [one.lines() for one in self.outputs])
        if self.steps:
            steps = _repeated("step", [step.lines() for step in self.steps])
            return "\n".join([*lines, "ensemble_scheduling {", *_indented(steps), "}", ""])
        lines += [
            # Results were checked on the processor; KIND_GPU runs them on a graphics card.
            "instance_group [ { count: 1 kind: KIND_CPU } ]",
            f"dynamic_batching {{ max_queue_delay_microseconds: {_DELAY} }}",
            "",
        ]
        return "\n".join(lines)


def _repeated(name: str, values: Sequence[Sequence[str]]) -> list[str]:
    return [line for value in values for line in (f"{name} {{", *_indented(value), "}")]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _text(value: str) -> str:
    return json.dumps(value)
