"""How the cells of new rows say which labels a row has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules, read_labels
from labelmend.data.dataset import given_labels
from labelmend.data.table import SourceTable
from labelmend.journal.sets import packed


class RowCells(Protocol):
    """Reads labels; "" is said of a row that has none and so is left out."""

    @property
    def of_sets(self) -> bool:
        """Whether a row may have any number of them."""
        ...

    def of_table(self, table: SourceTable, column: str, known: Collection[str]) -> Sequence[str]:
        """Return what the rows of a table say.

        Args:
            table: with new rows.
            column: of their labels.
            known: labels whose spelling stays.

        Raises:
            InputError: a cell says something else.
        """
        ...

    def of_values(self, values: Sequence[str], known: Collection[str]) -> Sequence[str]:
        """Return what the values of a query say; `known` is that of `of_table`."""
        ...


@dataclass(frozen=True)
class OneLabel:
    """A cell is a label."""

    of_sets = False

    def of_table(self, table: SourceTable, column: str, known: Collection[str]) -> Sequence[str]:
        """Return the label of each row."""
        labels, _ = given_labels(table, column, AS_IT_LOOKS, (), known)
        return labels

    def of_values(
        self,
        values: Sequence[str],
        known: Collection[str],  # noqa: ARG002 -- nothing is looked for in a value
    ) -> Sequence[str]:
        """Return the values as they are."""
        return values


@dataclass(frozen=True)
class SeveralLabels:
    """A cell holds any number of labels, as a list or joined; none of them is an answer, too.

    Attributes:
        joined_by: the sign between them; None where neither the project nor the base has one, such
            as in lists. Then cells of known labels show it.
    """

    joined_by: str | None

    of_sets = True

    def of_table(self, table: SourceTable, column: str, known: Collection[str]) -> Sequence[str]:
        """Return the set of each row, as a log has it."""
        return self.of_values(table.values(column), known)

    def of_values(self, values: Sequence[str], known: Collection[str]) -> Sequence[str]:
        """Return the set that each value holds."""
        rules = AS_IT_LOOKS if self.joined_by is None else LabelRules(self.joined_by)
        return [packed(labels) for labels in read_labels(values, rules, described=known).sets]
