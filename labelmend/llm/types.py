"""What passes between a voter and those who ask it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from labelmend.types import LabelCard


class Voter(Protocol):
    """Answers ballots."""

    @property
    def name(self) -> str:
        """The voter's name in weights and reports."""
        ...

    @property
    def key(self) -> str:
        """Names all that can change its answers: model digest, ballot, prompt version, settings."""
        ...

    @property
    def together(self) -> int:
        """Ballots that are put to it at a time, at least 1: about a second's work."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens that the model has read so far."""
        ...

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order; a ballot that fails is a Vote with its failure.

        Raises:
            ModelError: the model can't be used any more. What an earlier call found out is said by
                the next one, even one without ballots, so that votes are returned first.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A voter that has several groups of ballots under way at a time."""

    @property
    def answered(self) -> Mapping[str, int]:
        """Ballots that each server has answered so far, by its address; empty without servers."""
        ...

    def stream(
        self, groups: Iterator[Sequence[int]], ballots: Sequence[Ballot]
    ) -> Iterator[tuple[Sequence[int], list[Vote]]]:
        """Yield votes as they come: places of ballots, and a vote each. Each place comes once.

        Args:
            groups: places of ballots; the next one is taken when there is room for it.
            ballots: of which some are asked.

        Raises:
            ModelError: the model can't be used any more.
        """
        ...


@dataclass(frozen=True)
class Ballot:
    """One question to a voter: which of these labels does the text carry?

    The given label is not marked: voters are blind to it.
    """

    text: str
    candidates: tuple[LabelCard, ...]


@dataclass(frozen=True)
class Vote:
    """A voter's answer to one ballot: log-scores, or the reason why there is none.

    Attributes:
        scores: log-scores over the ballot's candidates, or None where the voter failed or was not
            asked.
        failure: one line, or None.
    """

    scores: tuple[float, ...] | None
    failure: str | None = None


@dataclass(frozen=True)
class VoterReport:
    """What one voter did, and what it was worth.

    What stands from `audited` to `information` is of the texts that it was asked about since they
    were drawn at random: doubtful ones would judge it by the hardest.

    Attributes:
        voter: its name.
        asked: ballots that were put to it.
        remembered: ballots of these that the vote store already held.
        failures: failures by their reason.
        seconds: time spent voting in this run.
        spent: seconds in which it was asked, by earlier runs on the same ballots too; a time budget
            is held to them.
        tokens: that the model read in this run; remembered votes cost none.
        audited: texts drawn at random that it voted on.
        agreement: share of them where its first choice is the posterior's; None without any.
        lift_over_chance: probability, by the other evidence, that its first choice is right, less
            that of a label drawn from the ballot.
        information: mean nats by which the posterior of the label that it favours is higher with
            the voter than without; None where nothing was fused.
        unasked: ballots that were not put to it, as the time was up.
        answered: ballots that each of several servers has answered in this run, by its address.
    """

    voter: str
    asked: int
    remembered: int
    failures: Mapping[str, int]
    seconds: float
    spent: float = 0.0
    tokens: int = 0
    audited: int = 0
    agreement: float | None = None
    lift_over_chance: float | None = None
    information: float | None = None
    unasked: int = 0
    answered: Mapping[str, int] = field(default_factory=dict)

    @property
    def worse_than_chance(self) -> bool:
        """Whether it gets no weight: its lift is negative by more than few texts may do.

        That is the standard error of a mean of so many tosses of a coin, the most that there is.
        """
        lift = self.lift_over_chance
        return lift is not None and lift < -0.5 / math.sqrt(self.audited)

    @property
    def failed(self) -> int:
        """Return the number of failures."""
        return sum(self.failures.values())

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Return the failures by their reason, the most frequent first."""
        return sorted(self.failures.items(), key=lambda kind: (-kind[1], kind[0]))

    @property
    def tokens_per_second(self) -> float:
        """Of this run, 0 where all was remembered."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0
