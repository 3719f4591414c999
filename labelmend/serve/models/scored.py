"""What models say of a batch in numbers, and what the figures of the server keep of it."""

from dataclasses import dataclass

import numpy as np

from labelmend.types import Bools, Doubles, Ints


@dataclass(frozen=True)
class Tally:
    """A batch, for the figures.

    Attributes:
        texts: of it.
        flagged: of them, as out of scope.
        labels: int64, places of the labels that were given, one for each time.
        doubts: float64, how probable it is that a text's answer is not right, 0 to 1.
    """

    texts: int
    flagged: int
    labels: Ints
    doubts: Doubles


@dataclass(frozen=True)
class Scored:
    """What a model of one label a text says of a batch.

    Attributes:
        labels: int64 [b], the label of each text.
        is_oos: bool [b], flagged as fitting no label.
        probabilities: float64 [b, K], calibrated.
    """

    labels: Ints
    is_oos: Bools
    probabilities: Doubles

    def top(self, count: int) -> Ints:
        """Return int64 [b, count], the most probable labels, best first; ties to the smaller."""
        most = min(count, self.probabilities.shape[1])
        return np.argsort(-self.probabilities, axis=1, kind="stable")[:, :most]

    def tally(self) -> Tally:
        """Return it for the figures; the doubt is 1 less the probability of the label."""
        count = len(self.labels)
        own = self.probabilities[np.arange(count), self.labels]
        return Tally(count, int(self.is_oos.sum()), self.labels, 1 - own)


@dataclass(frozen=True)
class SetsScored:
    """What a model of several labels a text says of a batch.

    Attributes:
        probabilities: float64 [b, L], calibrated, each label by itself.
        called: bool [b, L].
    """

    probabilities: Doubles
    called: Bools

    def worth_saying(self, count: int) -> list[list[int]]:
        """Return the labels of each text that are called or among its likeliest, so many of them.

        The most probable come first; ties go to the smaller.
        """
        most = min(count, self.probabilities.shape[1])
        least = np.partition(self.probabilities, -most, axis=1)[:, -most]
        worth = self.called | (self.probabilities >= least[:, None])
        found = []
        for row, said, called in zip(self.probabilities, worth, self.called, strict=True):
            places = np.flatnonzero(said)
            ranked = places[np.argsort(-row[places], kind="stable")]
            # Thousands may share the last place, all as improbable as it gets.
            found.append([*ranked[:most].tolist(), *ranked[most:][called[ranked[most:]]].tolist()])
        return found

    def all_right(self) -> Doubles:
        """Return float64 [b], how probable it is that just the called labels hold.

        Labels are taken for independent of each other.
        """
        each = np.where(self.called, self.probabilities, 1 - self.probabilities)
        return np.asarray(each.prod(axis=1))

    def tally(self) -> Tally:
        """Return it for the figures; each label counts that is called."""
        labels: Ints = np.nonzero(self.called)[1]
        return Tally(len(self.called), 0, labels, 1 - self.all_right())


@dataclass(frozen=True)
class SoftScored:
    """What a model of soft targets says of a batch.

    Attributes:
        values: float64 [b, T], 0 to 1.
    """

    values: Doubles

    def tally(self) -> Tally:
        """Return it for the figures: there are no labels, and nothing says what is doubtful."""
        return Tally(len(self.values), 0, np.empty(0, dtype=np.int64), np.empty(0))


AnyScored = Scored | SetsScored | SoftScored
