"""fastText's training files: `__label__card where is my card`, a text a line.

https://fasttext.cc/docs/en/supervised-tutorial.html. Such a file holds labels and texts, and every
other word would be learned from: there is no place for columns of ours. What is written has the
mended label in the place of the given one where they differ, and the user's bytes everywhere else;
for the reasons, name an output that ends in .csv or .jsonl.

doccano writes such files, too, with the quotes of CSV around texts with commas and with
`__comment__` behind the text; both are read and kept.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labelmend.data.formats.base import Format
from labelmend.data.formats.records import Records, encoded, line_end, line_of, records_of
from labelmend.data.formats.tools.annotations import one_label
from labelmend.data.table import Content, NewColumn, SourceTable, frame_of
from labelmend.errors import InputError, OutputError

_PREFIX = "__label__"
_COLUMNS = ("text", "label")

_LABELS = ("mended_label", "predicted_label")
"""Our columns that take the place of the user's labels."""

_SURE = 0.9
"""That a file is fastText's: no text begins so by accident."""

_RECORD = re.compile(r"\s*(?P<labels>(?:__label__\S+\s+)*(?:__label__\S+)?)(?P<text>.*)", re.DOTALL)
_COMMENT = re.compile(r"\s__comment__.*", re.DOTALL)  # with \s+, a million blanks take half an hour

_MOST_LINES = 1000
"""Lines of a text in quotes; a quote that is never closed is found by then."""


class FastText(Format):
    """Labels with their prefix, and the text behind them."""

    name = "fasttext"
    suffixes = (".txt",)
    suffix_tells = False
    other_columns = False

    def recognises(self, content: Content) -> float:
        """Say whether the first line begins with a label."""
        return _SURE if content.text.text.lstrip()[:20].lstrip('"').startswith(_PREFIX) else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the lines; several labels of a text are shown as a list."""
        raw, tail = _records(content)
        rows = [list(_row(record)) for record in raw]
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=_COLUMNS,
            frame=frame_of(_COLUMNS, rows),
            encoding=content.text.encoding,
            origin=Records(content.text.bom, "", tuple(raw), tail),
            text_column="text",
            label_column="label",
        )

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put the labels that changed in the places of the user's; there is no place for more.

        Raises:
            OutputError: our columns hold no labels, or another format's table doesn't say which of
                its columns hold texts and labels.
        """
        text = table.text_column
        ours = next((column for column in columns if column.name in _LABELS), None)
        if (columns and ours is None) or text is None:
            raise OutputError(
                f"{table.path}: a fastText file holds labels and texts, nothing else; end the "
                "output's name in .csv or .jsonl"
            )
        given = [""] * len(table)
        if table.label_column is not None:
            given = table.values(table.label_column)
        labels = given if ours is None else ["" if v is None else str(v) for v in ours.values]
        source = records_of(table) if table.format == self.name else None
        if source is None:
            table = replace(table, encoding="utf-8")
            texts = [" ".join(value.split()) for value in table.values(text)]
            source = Records(b"", "", tuple(f"{value}\n" for value in texts), "")
            given = [""] * len(table)
        records = (
            record if new == old else _relabelled(record, new)
            for record, old, new in zip(source.records, given, labels, strict=True)
        )
        return source.bom + encoded("".join((*records, source.tail)), table, columns)

    def with_values(self, table: SourceTable, column: str, values: Sequence[str]) -> SourceTable:
        """Put other labels in their places; other texts make the file anew."""
        source = records_of(table)
        if source is None or column != "label":
            return super().with_values(table, column, values)
        old = table.values(column)
        records = tuple(
            record if values[i] == old[i] else _relabelled(record, values[i])
            for i, record in enumerate(source.records)
        )
        changed = super().with_values(table, column, values)
        return replace(changed, origin=replace(source, records=records))

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Count the lines before the row's."""
        return line_of(table, row)


def _records(content: Content) -> tuple[list[str], str]:
    """Return the raw records, and the blank lines behind them."""
    raw: list[str] = []
    pending, opened = "", 0
    for number, line in enumerate(io.StringIO(content.text.text, newline="\n"), start=1):
        pending += line
        if not pending.strip():
            continue
        quoted = pending.lstrip().startswith('"')
        if quoted and pending.count('"') % 2:
            opened = opened or number
            if number - opened < _MOST_LINES:
                continue
            break
        raw.append(pending)
        pending, opened = "", 0
    if opened:
        raise InputError(
            f'{content.path}: line {opened}: a quote (") is opened at the beginning and not '
            "closed; close it"
        )
    return raw, pending


def _row(record: str) -> Iterator[str]:
    """Yield a record's text, and its label."""
    found = _RECORD.fullmatch(_unquoted(record))
    labels, text = (found["labels"], found["text"]) if found is not None else ("", record)
    yield _COMMENT.sub("", text).strip()
    yield one_label([label.removeprefix(_PREFIX) for label in labels.split()])


def _unquoted(record: str) -> str:
    """Return a record without the quotes that CSV puts around it."""
    text = record.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return record


def _relabelled(record: str, label: str) -> str:
    """Return a record with another label; white space would end it, so it becomes hyphens."""
    end = line_end(record)
    body = record.removesuffix(end)
    start = len(body) - len(body.lstrip())
    quote = '"' if body[start:].startswith(f'"{_PREFIX}') else ""
    found = _RECORD.fullmatch(body, start + len(quote))
    rest = body[start:] if found is None else found["text"]
    shown = f"{_PREFIX}{'-'.join(label.split())}" if label.strip() else ""
    return f"{body[:start]}{quote}{shown}{' ' if shown else ''}{rest.lstrip()}{end}"


FASTTEXT = FastText()
