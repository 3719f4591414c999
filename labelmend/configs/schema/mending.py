"""Settings of the label model: how evidence becomes a posterior, and a posterior a decision."""

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from labelmend.configs.schema.base import CHECKED, Section, Share, at_least


@dataclass(frozen=True, config=CHECKED)
class FusionConfig(Section):
    """How evidence becomes a posterior."""

    method: Literal["noisy-channel", "majority"] = "noisy-channel"
    """`noisy-channel` is ours; `majority` reproduces the reference pipeline."""

    rounds: Annotated[int, at_least(1, "rounds")] = 4
    """Times at most that supervised evidence learns from the posterior's labels. Chosen on the
    seeds 100 to 104 of benchmarks/correction.py."""

    weight_penalty: Annotated[float, at_least(0)] = 1.0
    """Precision of the normal prior on the weight of evidence of unit spread. Chosen by hand."""

    routed_weight_penalty: Annotated[float, at_least(0)] = 10.0
    """The same precision for the reranker, which was heard on few rows. Chosen by hand."""

    max_iterations: Annotated[int, at_least(1, "iterations")] = 200
    """Iterations at most of the optimiser that learns the weights."""

    oos_threshold: Share = 0.0
    """A best reranker probability below this means out-of-scope; for `majority` only."""


@dataclass(frozen=True, config=CHECKED)
class DecisionConfig(Section):
    """The harm budget."""

    max_harm: Share = 0.005
    """Share of the good labels that may be broken."""

    max_row_harm: Share = 0.5
    """A row whose given label is more probable than this is not changed. Chosen on the noise seeds
    100 and 101."""

    min_confidence: Share = 0.5
    """A label is written only with at least this posterior."""

    review_below: Share = 0.5
    """Unchanged rows whose given label is less probable than this go to review."""
