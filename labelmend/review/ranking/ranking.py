"""A new order of a table's rows, and its file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.errors import InputError
from labelmend.types import Doubles, Ints


@dataclass(frozen=True)
class Ranking:
    """A new order of a table's n rows.

    Attributes:
        ranked: int64, the rows that have a text, most worth a look first.
        doubt: float64 [n], probability that the label after mending is wrong.
    """

    ranked: Ints
    doubt: Doubles

    def write(self, path: Path) -> None:
        """Write it to a file."""
        with path.open("wb") as file:
            np.savez(file, ranked=self.ranked, doubt=self.doubt)

    @classmethod
    def read(cls, path: Path, rows: int) -> "Ranking":
        """Read what `write` wrote.

        Raises:
            InputError: it is of a table with another number of rows.
        """
        with np.load(path, allow_pickle=False) as found:
            ranking = cls(found["ranked"], found["doubt"])
        if len(ranking.doubt) != rows or ranking.ranked.max(initial=-1) >= rows:
            raise InputError(f"{path}: is of a table with another number of rows")
        return ranking
