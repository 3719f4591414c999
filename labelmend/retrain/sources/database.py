"""Rows out of a database, read only, with a cursor of what was read."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labelmend.data.dataset import LABEL_NAMES, TEXT_NAMES
from labelmend.errors import ColumnError, ExtraMissingError, InputError, nearest
from labelmend.extras import require
from labelmend.retrain.project import RowSource
from labelmend.retrain.rows import NewRow

if TYPE_CHECKING:
    from sqlalchemy import URL

_FROM_ENVIRONMENT = "env:"

_WHOLE = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True)
class Selected:
    """What a query selected.

    Attributes:
        source: that it belongs to.
        columns: names, in their order.
        records: the values of each row.
        cursor: greatest value of the cursor's column so far; None without one.
    """

    source: RowSource
    columns: tuple[str, ...]
    records: tuple[Mapping[str, Any], ...]
    cursor: Any

    def rows(self, text: str | None, label: str | None) -> Iterator[NewRow]:
        """Yield the rows.

        Args:
            text: the column of texts; None to find it by name.
            label: that of labels.

        Raises:
            ColumnError: a column is missing.
        """
        source = self.source
        text = self._column(text, TEXT_NAMES, "text_column")
        label = self._column(label, LABEL_NAMES, "label_column")
        name, sender = source.id_column, source.sender_column
        for column, key in ((name, "id_column"), (sender, "sender_column")):
            if column is not None:
                self._column(column, (), key)
        for record in self.records:
            yield NewRow(
                source=source.name,
                id="" if name is None else _text(record[name]),
                text=_text(record[text]),
                label=_text(record[label]),
                rows=source.rows,
                sender="" if sender is None else _text(record[sender]),
            )

    def _column(self, named: str | None, known: Sequence[str], key: str) -> str:
        folded = {column.casefold(): column for column in self.columns}
        found = next((folded[name] for name in known if name in folded), None)
        column = found if named is None else named
        if column is None or column not in self.columns:
            said = "no column is found by its name" if column is None else f"no column {column!r}"
            hint = "" if column is None else nearest(column, self.columns)
            raise ColumnError(
                f"source {self.source.name!r}: {said}{hint} among {', '.join(self.columns)} of the "
                f"query; name it with {key}"
            )
        return column


def read_sqlite(source: RowSource, path: Path, cursor: Any) -> Selected:
    """Run a source's query on a SQLite file, which is not written to.

    Args:
        source: with the query.
        path: of the file.
        cursor: what an earlier step reached; None in the first.

    Raises:
        InputError: it can't be read.
    """
    require("sqlalchemy", by="a source of rows with a query")
    from sqlalchemy import URL

    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path of the source {source.name!r}")
    place = f"file:{quote(str(path.resolve()))}?mode=ro"
    return _selected(source, URL.create("sqlite", database=place, query={"uri": "true"}), cursor)


def read_database(source: RowSource, cursor: Any) -> Selected:
    """Run a source's query on the database of its URL.

    Args:
        source: with the URL and the query.
        cursor: what an earlier step reached; None in the first.

    Raises:
        InputError: it can't be read; the message has no password.
        ExtraMissingError: SQLAlchemy is not installed, or the database's driver.
    """
    require("sqlalchemy", by="a source of rows with a query")
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    told = source.database or ""
    if told.startswith(_FROM_ENVIRONMENT):
        name = told.removeprefix(_FROM_ENVIRONMENT)
        told = os.environ.get(name, "")
        if not told:
            raise InputError(
                f"source {source.name!r}: the environment variable {name} is not set; set it to "
                "the URL of the database"
            )
    try:
        url = make_url(told)
    except (ArgumentError, ValueError):  # whose words repeat the URL, password and all
        raise InputError(
            f"source {source.name!r}: its database is no URL such as "
            "postgresql+psycopg://me@host/name; mend it"
        ) from None
    return _selected(source, url, cursor)


def _selected(source: RowSource, url: "URL", cursor: Any) -> Selected:
    require("sqlalchemy", by="a source of rows with a query")
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    assert source.query is not None
    query, start = text(source.query), _start(source, cursor)
    told = {"cursor": start} if ":cursor" in source.query else {}
    try:
        engine = create_engine(url, poolclass=NullPool)
    except ImportError as error:
        raise ExtraMissingError(
            f"source {source.name!r}: {url.drivername} needs {error.name}, which is not installed; "
            f"run: pip install {_PACKAGES.get(error.name or '', error.name)}"
        ) from None
    except (NoSuchModuleError, SQLAlchemyError) as error:
        raise _failed(source, url, error) from None
    try:
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            result = connection.execute(query, told)
            columns = tuple(result.keys())
            records = tuple(dict(zip(columns, row, strict=True)) for row in result)
    except SQLAlchemyError as error:
        raise _failed(source, url, error) from None
    finally:
        engine.dispose()
    return Selected(source, columns, records, _reached(source, columns, records, cursor))


_PACKAGES = {
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
"""Distributions of drivers that are not called as their module is."""


def _start(source: RowSource, cursor: Any) -> Any:
    if cursor is not None:
        return cursor
    told = source.cursor_from
    return int(told) if _WHOLE.fullmatch(told) else told


def _reached(
    source: RowSource,
    columns: Sequence[str],
    records: Sequence[Mapping[str, Any]],
    cursor: Any,
) -> Any:
    """Return the greatest value of the cursor's column, as JSON has it; the one before if none."""
    if source.cursor is None:
        return None
    if source.cursor not in columns:
        raise ColumnError(
            f"source {source.name!r}: no column {source.cursor!r} among {', '.join(columns)} of "
            "the query; select the cursor's column, too"
        )
    values = [record[source.cursor] for record in records]
    there = [value for value in values if value is not None]
    if not there:
        return cursor
    greatest = max(there)
    return greatest if isinstance(greatest, int | float | str) else str(greatest)


def _failed(source: RowSource, url: "URL", error: Exception) -> InputError:
    said = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    line = said[0]
    if url.password:
        line = line.replace(str(url.password), "***")
    shown = url.render_as_string(hide_password=True)
    return InputError(
        f"source {source.name!r}: {shown} can't be read ({line}); check the database and the query"
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
