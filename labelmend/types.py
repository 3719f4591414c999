"""The frozen values that pass from stage to stage.

Shapes: n rows, u distinct texts, K labels, c candidates a text, d dimensions.
Scores: higher is better, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_LABEL = -1
"""Stands in integer label arrays for "no label given" and "abstains"."""


Task = Literal["single", "several", "soft"]
"""How many labels a row has: one or none, any number, or a probability of each."""


@dataclass(frozen=True)
class Dataset:
    """A table as the stages see it.

    Its task is `single`. Tables with several labels a row are `LabelSets`, and those with shares
    are read by `labelmend.data.soft`.

    Attributes:
        ids: one unique name a row, from the id column or the row number (the first row is "1").
        texts: one text a row, truncated to what the models read.
        given: int64 [n], index into `labels`, or `NO_LABEL`.
        labels: the label set, sorted; it may hold labels that no row carries.
        oos: index of the out-of-scope label in `labels`, or None where there is none.
        task: what kind of labels the rows have.
        former_names: other names that a label of the set had, by which answers may still call it.
        made_from: by row, of texts that `labelmend augment` wrote: the rows that they were made
            from, which may be none. Rows that are not in it are real.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    given: Ints
    labels: tuple[str, ...]
    oos: int | None
    task: Task = "single"
    former_names: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def assignments(self) -> tuple[Ints, Ints]:
        """Return two int64 [a]: the row and the label of each label that a row was given."""
        rows = np.flatnonzero(self.given != NO_LABEL)
        return rows, self.given[rows]


@dataclass(frozen=True)
class UniqueTexts:
    """The distinct texts of a dataset, on which all evidence is computed.

    Rows whose texts differ only by case or white space are one text. So no row can be its own
    neighbour or train its own classifier fold through a copy, duplicates are mended together,
    and nothing depends on the order of the rows: texts are sorted by their key.

    Attributes:
        texts: one representative a text, [u].
        of_row: int64 [n], the text of each row.
        given: float32 sparse [u, K], how many rows of the text were given each label.
    """

    texts: tuple[str, ...]
    of_row: Ints
    given: csr_array

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class LabelCard:
    """What is known of one label before any row is looked at.

    Attributes:
        label: the label's name.
        description: one paragraph; empty where only the name and exemplars are known.
        exemplars: texts that carry the label, best first.
        source: where the description comes from: the user's file, an LLM, or the name alone.
    """

    label: str
    description: str
    exemplars: tuple[str, ...]
    source: Literal["user", "llm", "name"]

    @property
    def name(self) -> str:
        """The label's name in words: `card_lost` reads "card lost"."""
        return " ".join(self.label.replace("_", " ").replace("-", " ").replace("/", " ").split())


@dataclass(frozen=True)
class Ranking:
    """The best labels of a batch of texts, by one retriever.

    Attributes:
        labels: int64 [b, m], best first, `NO_LABEL` where fewer than m were found.
        scores: float32 [b, m], -inf where `labels` is `NO_LABEL`.
    """

    labels: Ints
    scores: Floats


@dataclass(frozen=True)
class Evidence:
    """One source's log-scores over the candidates.

    Attributes:
        source: the source's name, for weights and explanations.
        scores: float32 [u, c], higher is better; NaN where the source is silent.
        centre: float64 [u], what fusion takes out of each row's scores; None for the mean of the
            known ones.
    """

    source: str
    scores: Floats
    centre: Doubles | None = None


@dataclass(frozen=True)
class Share:
    """A share of counted cases.

    Attributes:
        count: cases of which something is true.
        total: all cases.
        low: lower end of the 95 % interval.
        high: its upper end.
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The point estimate; 0 where there are no cases."""
        return self.count / self.total if self.total else 0.0
