"""What is known of assignments, and what becomes of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.special import expit, logit

from labelmend.llm.types import VoterReport
from labelmend.types import Bools, Doubles, Floats, Ints

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""

_EVEN = 0.5
"""From here on, an assignment is as likely wrong as right."""

SetDecision = Literal["answered", "change", "keep", "review"]
"""What is done with a row."""


@dataclass(frozen=True)
class Channel:
    """What is known of the noise.

    Attributes:
        forgotten: float64 [L], probability that a label that holds is not given.
        added: float64 [L], probability that one that does not hold is given.
    """

    forgotten: Doubles
    added: Doubles

    def posterior(self, evidence: Doubles, given: Doubles | Bools, heard: float = 1.0) -> Doubles:
        """Return float64 [n, L], the probability that a label holds, the given ones known.

        Args:
            evidence: float64 [n, L], the same without them.
            given: float64 [n, L], the share of a text's copies that were given the label.
            heard: how much the given labels say, as a share of what the rates say that they do.
        """
        said = np.log1p(-self.forgotten) - np.log(self.added)
        unsaid = np.log(self.forgotten) - np.log1p(-self.added)
        sure = logit(np.clip(evidence, _LEAST, 1 - _LEAST))
        # Copies were labelled by the same people or rules, and so speak with one voice.
        return np.asarray(expit(sure + heard * (given * said + (1 - given) * unsaid)))


@dataclass(frozen=True)
class NoiseRange:
    """What a table can't tell of its noise: the least and the most of it that may be.

    Attributes:
        wrong: share of the given labels that don't hold.
        missing: share of the labels that hold which were not given.
    """

    wrong: tuple[float, float]
    missing: tuple[float, float]


@dataclass(frozen=True)
class AssignmentChanges:
    """What is changed.

    Attributes:
        removed: bool [n, L], labels that were given and are taken away.
        added: bool [n, L], labels that were not given and are added.
        expected_broken: labels that hold and are taken away, as many as are expected.
        expected_false: labels that do not hold and are added, likewise.
    """

    removed: Bools
    added: Bools
    expected_broken: float
    expected_false: float

    @property
    def rows(self) -> Bools:
        """Rows of which something is changed, bool [n]."""
        return np.asarray((self.removed | self.added).any(axis=1))


@dataclass(frozen=True)
class Votes:
    """What one voter said.

    Attributes:
        labels: int64 [u, c], those on the ballot of each text; `NO_LABEL` fills up.
        scores: float32 [u, c], log-probabilities among the ballot's labels; NaN where silent.
        report: what the voter did.
        weight: nats that one of its own is worth; 0 before it is weighed.
    """

    labels: Ints
    scores: Floats
    report: VoterReport
    weight: float = 0.0


@dataclass(frozen=True)
class MendedSets:
    """What became of a table with several labels a row.

    Attributes:
        labels: the label set.
        given: bool [n, L], what each row carried.
        holds: float64 [n, L], probability that a label holds at a row, at the middle of `noise`.
        changes: the labels that are taken away and added.
        channel: how often labels were forgotten and added.
        said: float64 [n, L], 1 for labels that people say hold, 0 for others; NaN in rows that
            nobody answered, or of which people say this and that.
        of_row: int64 [n], the distinct text of each row.
        texts: distinct ones, [u].
        near: int64 [u, k], the nearest other texts of each, the nearest first; -1 for none.
        noise: what of it the table can't tell; None where people's answers told.
        votes: of each LLM that was asked.
        notes: what the user should know, one line each.
    """

    labels: tuple[str, ...]
    given: Bools
    holds: Doubles
    changes: AssignmentChanges
    channel: Channel
    said: Doubles
    of_row: Ints
    texts: tuple[str, ...]
    near: Ints
    noise: NoiseRange | None = None
    votes: tuple[Votes, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def mended(self) -> Bools:
        """What each row carries now, bool [n, L]."""
        return (self.given & ~self.changes.removed) | self.changes.added

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The labels of each row now, in the order of the label set."""
        return self.names(self.mended)

    def names(self, chosen: Bools) -> tuple[tuple[str, ...], ...]:
        """Return the names of labels that are chosen, by row, in the order of the label set."""
        return tuple(tuple(self.labels[i] for i in np.flatnonzero(row)) for row in chosen)

    @cached_property
    def answered(self) -> Bools:
        """Rows that people answered, bool [n]."""
        return np.asarray(~np.isnan(self.said).any(axis=1))

    @cached_property
    def doubt(self) -> Doubles:
        """How likely each assignment is wrong as it is now, float64 [n, L]; 0 where answered."""
        wrong = np.where(self.mended, 1 - self.holds, self.holds)
        return np.where(self.answered[:, None], 0.0, wrong)

    @property
    def estimated_wrong(self) -> float:
        """The share of the given labels that don't hold; 0 where none was given."""
        return wrong_share(self.holds, self.given)

    @property
    def estimated_missing(self) -> float:
        """The share of the labels that hold which were not given."""
        return missing_share(self.holds, self.given)

    @property
    def quality(self) -> Doubles:
        """How likely it is that all labels of a row are right as given, float64 [n].

        Assignments are taken to be wrong independently of each other.
        """
        right = np.where(self.given, self.holds, 1 - self.holds)
        return np.asarray(np.exp(np.log(np.maximum(right, _LEAST)).sum(axis=1)))

    @property
    def confidence(self) -> Doubles:
        """The same of what a row carries now, float64 [n]; 1 where people answered."""
        return np.asarray(np.exp(np.log(np.maximum(1 - self.doubt, _LEAST)).sum(axis=1)))

    @cached_property
    def decisions(self) -> tuple[SetDecision, ...]:
        """What was done with each row.

        A row is for review where an assignment is likelier wrong than right, though the budget did
        not allow to change it.
        """
        changed = self.changes.rows
        doubtful: Bools = np.asarray((self.doubt >= _EVEN).any(axis=1))
        return tuple(
            "answered" if known else "review" if unsure else "change" if new else "keep"
            for known, unsure, new in zip(self.answered, doubtful, changed, strict=True)
        )

    @property
    def review_order(self) -> Ints:
        """Rows, int64 [n], those first of which most assignments are expected to be wrong.

        Of equal ones in the order of their texts.
        """
        return np.lexsort((self.of_row, -self.doubt.sum(axis=1)))


def wrong_share(holds: Doubles, given: Bools) -> float:
    """Return the share of the given labels that don't hold, by probabilities; 0 without any."""
    return float((1 - holds[given]).sum() / max(given.sum(), 1))


def missing_share(holds: Doubles, given: Bools) -> float:
    """Return the share of the labels that hold which were not given, by probabilities."""
    return float(holds[~given].sum() / max(holds.sum(), _LEAST))
