"""What is said of single labels and of pairs. It loads nothing: records are read with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MergeAdvice:
    """Two labels that seem to be one.

    Attributes:
        label_a: the one.
        label_b: the other.
        rows: texts given either.
        alike: assortativity of the pair; 0 where neighbours don't tell the two apart at all.
        examples_a: texts given `label_a` that fit both best.
        examples_b: texts given `label_b` that fit both best.
    """

    label_a: str
    label_b: str
    rows: int
    alike: float
    examples_a: tuple[str, ...]
    examples_b: tuple[str, ...]


@dataclass(frozen=True)
class SplitAdvice:
    """One label that seems to be two.

    Attributes:
        label: its name.
        rows: texts in each part, the larger first.
        cut: edges between the parts, as a share of what chance would put there.
        examples_a: the most typical texts of the larger part.
        examples_b: those of the smaller one.
    """

    label: str
    rows: tuple[int, int]
    cut: float
    examples_a: tuple[str, ...]
    examples_b: tuple[str, ...]


@dataclass(frozen=True)
class MostlyWrongLabel:
    """A label that most of its rows should not carry.

    Attributes:
        label: its name.
        rows: rows that were given it.
        right_share: expected share of them that are right.
        goes_to: the label that most of the others should carry; None where there is none.
    """

    label: str
    rows: int
    right_share: float
    goes_to: str | None


@dataclass(frozen=True)
class EmptyLabel:
    """A label that no row was given.

    Attributes:
        label: its name.
        mended_rows: rows that carry it after mending.
    """

    label: str
    mended_rows: int


@dataclass(frozen=True)
class ConfusedPair:
    """A label that annotators write for another.

    Attributes:
        true: the label that the texts seem to have.
        given: the label that they were given.
        rows: expected number of such rows.
        rate: P(given | true), the expected share of such rows among those with that true label.
    """

    true: str
    given: str
    rows: float
    rate: float
