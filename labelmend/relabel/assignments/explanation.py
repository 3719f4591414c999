"""Why a row with several labels was decided as it was: a line of the evidence file."""

import json
from dataclasses import asdict, field

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from labelmend.relabel.assignments.types import SetDecision

_STRICT = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid", defer_build=True)


@dataclass(frozen=True, config=_STRICT)
class LikelyLabel:
    """A label, and the probability that it holds."""

    label: str
    holds: float


@dataclass(frozen=True, config=_STRICT)
class NearSet:
    """A near text, and the labels that it carries now."""

    text: str
    labels: list[str]


@dataclass(frozen=True, config=_STRICT)
class SetExplanation:
    """What is known of a row.

    Attributes:
        row: its number, from 1.
        id: its name.
        text: as the models read it.
        given: the labels that it carried.
        mended: those that it carries now.
        added: labels that were added.
        removed: labels that were taken away.
        decision: what was done with it.
        reason: and why, in sentences.
        labels: given, mended and likely ones, the likeliest first.
        neighbours: the nearest texts, the nearest first.
        votes: of each LLM that was asked, the labels that it likes best on its ballot, each with
            its share of the vote.
    """

    row: int
    id: str
    text: str
    given: list[str]
    mended: list[str]
    added: list[str]
    removed: list[str]
    decision: SetDecision
    reason: str
    labels: list[LikelyLabel]
    neighbours: list[NearSet]
    votes: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_line(self) -> str:
        """Return the line of the evidence file."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: bytes | str) -> "SetExplanation":
        """Read a line of the evidence file.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            read = _ADAPTER.validate_json(line)
            read.to_line().encode()  # half a character has no bytes, and so is none of ours
        except (ValidationError, RecursionError) as error:
            raise ValueError(str(error)) from None
        return read


_ADAPTER = TypeAdapter(SetExplanation)
