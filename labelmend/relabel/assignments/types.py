"""What is known of assignments, and what becomes of them."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from labelmend.types import Bools, Doubles, Ints

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""


@dataclass(frozen=True)
class Channel:
    """What is known of the noise.

    Attributes:
        forgotten: float64 [L], probability that a label that holds is not given.
        added: float64 [L], probability that one that does not hold is given.
    """

    forgotten: Doubles
    added: Doubles

    def posterior(self, evidence: Doubles, given: Bools) -> Doubles:
        """Return float64 [n, L], the probability that a label holds, the given ones known.

        Args:
            evidence: float64 [n, L], the same without them.
            given: bool [n, L].
        """
        said = np.log1p(-self.forgotten) - np.log(self.added)
        unsaid = np.log(self.forgotten) - np.log1p(-self.added)
        sure = logit(np.clip(evidence, _LEAST, 1 - _LEAST))
        return np.asarray(expit(sure + np.where(given, said, unsaid)))


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


@dataclass(frozen=True)
class MendedSets:
    """What became of a table with several labels a row.

    Attributes:
        labels: the label set.
        given: bool [n, L], what each row carried.
        holds: float64 [n, L], probability that a label holds at a row.
        changes: the labels that are taken away and added.
        channel: how often labels were forgotten and added.
    """

    labels: tuple[str, ...]
    given: Bools
    holds: Doubles
    changes: AssignmentChanges
    channel: Channel

    @property
    def mended(self) -> Bools:
        """What each row carries now, bool [n, L]."""
        return (self.given & ~self.changes.removed) | self.changes.added

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The labels of each row now, in the order of the label set."""
        return tuple(tuple(self.labels[i] for i in np.flatnonzero(row)) for row in self.mended)

    @property
    def doubt(self) -> Doubles:
        """How likely each assignment is wrong as it is now, float64 [n, L]."""
        return np.where(self.mended, 1 - self.holds, self.holds)

    @property
    def review_order(self) -> Ints:
        """Rows, int64 [n], those first of which most assignments are expected to be wrong."""
        return np.argsort(-self.doubt.sum(axis=1), kind="stable")
