"""The seam for formats of files.

A format is found by the entry point group `labelmend.formats`, so another package can bring one:

    [project.entry-points."labelmend.formats"]
    ini = "my_package.ini:INI"

`INI` is an instance of a subclass of `Format`; `name`, `suffixes`, `read` and `write` are all that
it needs.

A file is read by the format that has its suffix, or by another that says it shares that suffix and
is surer of the file's content. Files of other suffixes are read by their content alone. A table is
written by its own format where its suffix stays, else by the format that has the new one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from labelmend.data.table import Content, NewColumn, SourceTable, frame_of
from labelmend.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 50_000_000
"""Rows times columns of a table: some 3 GB of references to texts. What has more is no table that
fits in memory, or was made to fill it."""


@runtime_checkable
class Format(Protocol):
    """A kind of file that holds a table.

    Attributes:
        name: stands in `SourceTable.format`; no other format has it.
        suffixes: of its files' names, with the dot, in lower case; no other format has them.
        shares: suffixes that other formats have and its own files may bear, too.
        suffix_tells: whether a file with one of its suffixes is its own whatever it holds.
        headed: whether its files begin with a row of names, which may be missing.
        other_columns: whether its files have a place for columns besides texts and labels.
    """

    name: str
    suffixes: tuple[str, ...]
    shares: tuple[str, ...] = ()
    suffix_tells: bool = True
    headed: bool = False
    other_columns: bool = True

    def recognises(self, content: Content) -> float:
        """Return how sure it is, from 0 to 1, that a file is its own, where no suffix says so.

        `content.text` raises an InputError where the bytes are no text; let it pass.
        """
        del content
        return 0.0

    def read(self, content: Content) -> SourceTable:
        """Return the table of a file.

        Raises:
            InputError: it can't be read as this format.
        """
        ...

    def check(self, table: SourceTable) -> None:
        """Find out before any work whether `write` can give the user's file back.

        Raises:
            InputError: it holds what can be read past, but not written again.
        """
        del table

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Return a file with the table and our columns behind it.

        A table of this format keeps what its user wrote, as `SourceTable.origin` tells; one of
        another format is written from its frame, as text in UTF-8. A format that knows types gives
        values of a column that is `like` one of the user's the type of that one.

        Raises:
            OutputError: the file's encoding lacks a character of ours, or the format can't hold
                the table.
        """
        ...

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Return a table of this format with other values in one column.

        What stays the same should keep its bytes; here the whole table is written anew.
        """
        return replace(table, frame=changed_frame(table, column, values), origin=None)

    def with_rows(self, table: SourceTable, rows: Sequence[Sequence[str]]) -> SourceTable:
        """Return a table of this format with more rows behind its own.

        What was there should keep its bytes; here the whole table is written anew.

        Args:
            table: of this format.
            rows: a value a column; "" for none.
        """
        return replace(table, frame=longer_frame(table, rows), origin=None)

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Return the line of a file of this format on which a row begins; the first is 1.

        None where the row is none of the table, or the format has no lines.
        """
        del table, row
        return None


def changed_frame(table: SourceTable, column: str, values: Sequence[str]) -> "pd.DataFrame":
    """Return a copy of the table's frame with other values in one column."""
    import pandas as pd

    frame = table.frame.copy()
    frame[column] = pd.Series(values, dtype=str)
    return frame


def longer_frame(table: SourceTable, rows: Sequence[Sequence[str]]) -> "pd.DataFrame":
    """Return the table's frame with more rows behind its own."""
    import pandas as pd

    return pd.concat([table.frame, frame_of(table.columns, rows)], ignore_index=True)


_TELLING_WORDS = 4
"""A name of a column has fewer words; a message has as many."""

_TELLING_CHARS = 40
"""A name of a column is shorter."""


def looks_headless(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a first row, read as names, looks like one more row.

    It does where one of its fields is as long as a message, is a number above numbers, or is one of
    the repeated values of its own column, as a label is.
    """
    for place, name in enumerate(header):
        if len(name.split()) >= _TELLING_WORDS or len(name) >= _TELLING_CHARS:
            return True
        values = [row[place].strip() for row in rows]
        filled = [value for value in values if value]
        if not name.strip() or not filled:
            continue
        known = set(filled)
        if len(known) < len(filled) and name.strip() in known:
            return True
        if all(value.isdecimal() for value in (name.strip(), *filled)):
            return True
    return False


def numbered(columns: int) -> list[str]:
    """Return the names of columns that have none."""
    return [f"column_{place}" for place in range(1, columns + 1)]


def refuse_repeated(columns: Sequence[str], path: Path) -> None:
    """Make sure that no two columns have one name.

    Raises:
        InputError: they do.
    """
    repeated = [repr(name) for name, times in Counter(columns).items() if times > 1]
    if repeated:
        raise InputError(
            f"{path}: more than one column is named {', '.join(repeated)}; rename all but one"
        )


def without_rows(path: Path) -> InputError:
    """Return the error for a table with columns and nothing in them."""
    return InputError(f"{path}: has a header and no rows; give at least two rows")
