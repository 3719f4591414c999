"""A file as bytes, the table in it, and columns of ours that go behind the user's."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.data.decode import DecodedText, decode
from labelmend.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Value = str | float | int | None


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds.

    Attributes:
        path: what messages call it.
        raw: its bytes.
        encoding: a codec's name, from the user; None to find it out.
        header: whether the first row names the columns, where a file can be without such a row.
    """

    path: Path
    raw: bytes
    encoding: str | None = None
    header: bool = True

    @cached_property
    def text(self) -> DecodedText:
        """The bytes as text.

        Raises:
            InputError: they are no text, or blank.
        """
        decoded = decode(self.raw, self.path, self.encoding)
        if not decoded.text.strip():
            raise empty_file(self.path)
        return decoded


def empty_file(path: Path) -> InputError:
    """Return the error for a file without a word in it."""
    return InputError(f"{path}: the file is empty; give a table with a header and rows")


@dataclass(frozen=True, eq=False)
class SourceTable:
    """A file as it was read, and what gives its bytes back.

    Attributes:
        path: where it was read.
        format: the name of its format.
        columns: names, in order.
        frame: [n, columns] of text exactly as read; "" where a value is missing or null.
        encoding: a codec that writes no byte order mark; utf-8 where the format knows no other.
        origin: what the format needs to give the user's bytes back; no one else looks at it. None
            where there are none to give back.
        refused_column: says of rows which label they are not, in words; None where none does.
    """

    path: Path
    format: str
    columns: tuple[str, ...]
    frame: "pd.DataFrame"
    encoding: str = "utf-8"
    origin: object = None
    text_column: str | None = None
    label_column: str | None = None
    refused_column: str | None = None
    headless: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def row_numbers(self) -> range:
        """What a message calls the rows: the first one after the header is 1."""
        return range(1, len(self.frame) + 1)

    def values(self, column: str) -> list[str]:
        """Return a column's values, one text a row."""
        values: list[str] = self.frame[column].tolist()
        return values

    def rows(self) -> list[list[str]]:
        """Return the values of each row, in the order of the columns."""
        rows: list[list[str]] = self.frame.to_numpy().tolist()
        return rows


@dataclass(frozen=True)
class NewColumn:
    """A column of ours.

    Attributes:
        name: it is not in the user's table.
        values: one a row; None, and a float that is not finite, is a missing value.
        like: the user's column whose values they are, as text: a format that knows types writes
            them as that column's own (3 as a number, a name as its code). None for values of ours.
        others: values that its type has to hold, too: they stand in other parts of the table.
    """

    name: str
    values: tuple[Value, ...]
    like: str | None = None
    others: tuple[Value, ...] = ()


def frame_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "pd.DataFrame":
    """Return the frame of a `SourceTable`, every value as text."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns), dtype=str)
