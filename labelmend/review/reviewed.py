"""What the page needs of a table whose rows people answer, however many labels a row has."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from labelmend.runs.text_hashes import RowsOf, TextHashes
from labelmend.types import Doubles, Ints


class Reviewed(Protocol):
    """A table that people review.

    Attributes:
        ids: of the rows.
        texts: whole, as the file has them; rows without one are never shown.
        keys: of each row its text's hash, as answers have it.
        rows_of: the rows of each text, by its hash.
        order: int64, rows in the order of a look; of copies of a text only the first.
        doubt: float64 [n], probability that something is wrong with a row's labels after mending,
            as far as the run can tell, 0 to 1.
        in_review: texts that the run leaves to people, by hash.
        label_set: all labels that an answer may name.
        former_names: of each name that means another label by now, that label's name.
        notes: what the user should know, one line each.
    """

    @property
    def ids(self) -> Sequence[str]:
        """As above; so with the others."""

    @property
    def texts(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def keys(self) -> TextHashes: ...  # noqa: D102

    @property
    def rows_of(self) -> RowsOf: ...  # noqa: D102

    @property
    def order(self) -> Ints: ...  # noqa: D102

    @property
    def doubt(self) -> Doubles: ...  # noqa: D102

    @property
    def in_review(self) -> frozenset[str]: ...  # noqa: D102

    @property
    def label_set(self) -> frozenset[str]: ...  # noqa: D102

    @property
    def former_names(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102

    def __len__(self) -> int: ...


TableT = TypeVar("TableT", bound=Reviewed)
"""A kind of table."""
