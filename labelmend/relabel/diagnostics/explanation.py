"""An explanation: why a row was decided as it was, and its line in the evidence file."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_NEIGHBOUR_CHARS = 200
"""Characters of a near text that the evidence file has."""

_DIGITS = 3
"""Digits of nats and similarities in the evidence file."""

_MOST_CANDIDATES = 100
"""That a line is read with; runs write about a dozen."""

_MOST_NATS = 1e9
"""Evidence beyond is damaged: the largest that a run can give is some thousands."""

_LEAST_HELD = 1e-3
"""A posterior that is no matter of rounding."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class CandidateNats:
    """What speaks for one label.

    Attributes:
        label: the candidate.
        posterior: its probability.
        by_source: nats of each source; a source that is silent on the label is not among them.
        oos_bias: nats before the text is looked at; 0 but for out-of-scope.
        channel: log-likelihood of the text's given labels if this is the true one.
    """

    label: str
    posterior: float
    by_source: Mapping[str, float]
    oos_bias: float
    channel: float

    @property
    def total(self) -> float:
        """Return the sum; the difference between two candidates is their log-odds."""
        return sum(self.by_source.values()) + self.oos_bias + self.channel

    def against(self, other: "CandidateNats") -> dict[str, float]:
        """Return the nats for this label less those for another, by source and the rest."""
        sources = {**self.by_source, **other.by_source}
        nats = {s: self.by_source.get(s, 0.0) - other.by_source.get(s, 0.0) for s in sources}
        return {
            **nats,
            OOS_BIAS: self.oos_bias - other.oos_bias,
            CHANNEL: self.channel - other.channel,
        }


OOS_BIAS = "out-of-scope bias"
CHANNEL = "channel"


@dataclass(frozen=True)
class NearText:
    """A neighbour: the labels its rows were given, most frequent first, and its cosine."""

    text: str
    labels: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class HeldOut:
    """What would be done with a row if nobody had answered its text.

    Attributes:
        label: after mending; None where it would have none.
        decision: keep, change, review or label.
        quality: probability of the given label; None where it has none.
    """

    label: str | None
    decision: str
    quality: float | None

    @classmethod
    def from_fields(cls, fields: Any) -> "HeldOut":
        """Read it from a line of the evidence file."""
        label, quality = fields["label"], fields["quality"]
        return cls(
            None if label is None else str(label),
            str(fields["decision"]),
            None if quality is None else float(quality),
        )


@dataclass(frozen=True)
class Explanation:
    """Why a row was decided as it was.

    Attributes:
        row: its number; the first is 1.
        id: its name.
        text: as the models read it.
        given: its label; None if it had none.
        proposed: the most probable label.
        decision: keep, change, review, label or answered.
        reason: one sentence.
        candidates: the leading ones by posterior, and the given one.
        votes: each LLM's choice, where it was asked.
        neighbours: nearest first.
        held_out: what would be done if nobody had answered this text; None where nobody did.
    """

    row: int
    id: str
    text: str
    given: str | None
    proposed: str
    decision: str
    reason: str
    candidates: tuple[CandidateNats, ...]
    votes: Mapping[str, str]
    neighbours: tuple[NearText, ...]
    held_out: HeldOut | None = None

    @property
    def reference(self) -> CandidateNats:
        """Return what the others are compared with: the given label, else the runner-up."""
        given = [c for c in self.candidates if c.label == self.given]
        return given[0] if given else self.candidates[min(1, len(self.candidates) - 1)]

    @property
    def duel(self) -> tuple[CandidateNats, CandidateNats]:
        """Return the proposed label and its rival: the given one, or the next best."""
        ahead = [c for c in self.candidates if c.label == self.proposed]
        winner = ahead[0] if ahead else self.candidates[0]
        if self.reference is not winner:
            return winner, self.reference
        return winner, next((c for c in self.candidates if c is not winner), winner)

    @property
    def held(self) -> bool:
        """Tell whether most of the given label's posterior is not from its nats: see `fuse`."""
        given = self.reference
        if given.label != self.given:
            return False
        top = max(c.total for c in self.candidates)
        odds = [math.exp(c.total - top) for c in self.candidates]
        share = math.exp(given.total - top) / sum(odds)
        shown = sum(c.posterior for c in self.candidates)
        return given.posterior > max(2 * share * shown, _LEAST_HELD)

    def to_line(self) -> str:
        """Return the line of the evidence file, numbers rounded."""
        fields = {
            "row": self.row,
            "id": self.id,
            "text": self.text,
            "given": self.given,
            "proposed": self.proposed,
            "decision": self.decision,
            "reason": self.reason,
            "candidates": [
                {
                    "label": c.label,
                    "posterior": round(c.posterior, 6),
                    "total": _rounded(c.total),
                    "nats": {s: _rounded(n) for s, n in c.by_source.items()},
                    "oos_bias": _rounded(c.oos_bias),
                    "channel": _rounded(c.channel),
                }
                for c in self.candidates
            ],
            "votes": dict(self.votes),
            "neighbours": [
                {
                    "text": near.text[:_NEIGHBOUR_CHARS],
                    "labels": near.labels,
                    "similarity": _rounded(near.similarity),
                }
                for near in self.neighbours
            ],
        }
        if self.held_out is not None:
            fields["held_out"] = asdict(self.held_out)
        return _encode(fields)

    @classmethod
    def from_line(cls, line: str) -> "Explanation":
        """Read a line of the evidence file.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            read = cls._from_fields(json.loads(line))
            # Half a character has no bytes, and so is none of ours.
            json.dumps(asdict(read), ensure_ascii=False).encode()
        except (ArithmeticError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(repr(error)) from error
        return read

    @classmethod
    def _from_fields(cls, fields: Any) -> "Explanation":
        candidates = tuple(
            CandidateNats(
                label=str(c["label"]),
                posterior=_within(c["posterior"], 0, 1),
                by_source={str(s): _nats(n) for s, n in c["nats"].items()},
                oos_bias=_nats(c["oos_bias"]),
                channel=_nats(c["channel"]),
            )
            for c in fields["candidates"]
        )
        if not 0 < len(candidates) <= _MOST_CANDIDATES:
            raise ValueError("no candidates, or too many")
        return cls(
            row=int(fields["row"]),
            id=str(fields["id"]),
            text=str(fields["text"]),
            given=None if fields["given"] is None else str(fields["given"]),
            proposed=str(fields["proposed"]),
            decision=str(fields["decision"]),
            reason=str(fields["reason"]),
            candidates=candidates,
            votes={str(voter): str(label) for voter, label in fields["votes"].items()},
            neighbours=tuple(
                NearText(str(n["text"]), tuple(map(str, n["labels"])), _nats(n["similarity"]))
                for n in fields["neighbours"]
            ),
            held_out=HeldOut.from_fields(fields["held_out"]) if "held_out" in fields else None,
        )


def _nats(value: Any) -> float:
    return _within(value, -_MOST_NATS, _MOST_NATS)


def _within(value: Any, least: float, most: float) -> float:
    number = float(value)
    if not least <= number <= most:  # NaN is not, either
        raise ValueError(f"{number} is not from {least} to {most}")
    return number


def _rounded(value: float) -> float:
    # Adding 0 takes the sign off -0.0.
    return round(value, _DIGITS) + 0.0
