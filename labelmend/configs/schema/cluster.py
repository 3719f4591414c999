"""Settings of a cluster that carries the work."""

from typing import Annotated

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Section, at_least


@dataclass(frozen=True, config=CHECKED)
class ClusterConfig(Section):
    """What a process of a cluster gets that holds a model; nothing else reads these."""

    model_cores: Annotated[int, at_least(0, "cores")] = 0
    """Cores of each; 0 for those of the smallest node, so that a node loads a model once."""

    model_gpus: Annotated[float, at_least(0, "GPUs")] = 0.0
    """GPUs of each, or a part of one that several share."""
