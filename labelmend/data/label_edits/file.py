"""The file of label edits: read line by line, and appended to, never overwritten."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from labelmend.data.answers import field_beyond, name_of
from labelmend.data.label_edits.edits import (
    SCHEMA_VERSION,
    EditedLabels,
    EditError,
    LabelEdit,
    Undo,
    label_exists,
)
from labelmend.data.outputs.lines import append_lines, is_begun, numbered_lines, read_lines
from labelmend.errors import InputError, nearest, shown
from labelmend.regular_file import parsed_json
from labelmend.types import LabelCard

_EDIT: TypeAdapter[LabelEdit] = TypeAdapter(LabelEdit)
_UNDO: TypeAdapter[Undo] = TypeAdapter(Undo)

_DONE = {"rename": "renamed", "merge": "merged", "split": "split", "describe": "described"}
"""What a note calls edits."""


@dataclass(frozen=True)
class EditsFile:
    """A file of label edits as it stands.

    Attributes:
        path: of the file; None where none was given.
        sha256: of its bytes.
        labels: as the edits have made them.
        entries: all lines, oldest first.
        lines: the number of each edit's line, by the edit's name.
        notes: what could not be used, one line each.
    """

    path: Path | None = None
    sha256: str = ""
    labels: EditedLabels = field(default_factory=EditedLabels)
    entries: tuple[LabelEdit | Undo, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of_names(cls, names: Mapping[str, str]) -> "EditsFile":
        """Return edits of which only the outcome is known, as a run's record has it."""
        return cls(labels=EditedLabels(names))

    def check(self, carried: Collection[str], described: Collection[str]) -> None:
        """Make sure that the edits are of this table.

        Args:
            carried: labels of its rows, as they are read.
            described: further labels, of a labels file: edits may have been written to it already.

        Raises:
            InputError: an edit names a label that the table lacks, or gives a label the name that
                another one has.
        """
        rows, known = set(carried), {*carried, *described}
        for edit in self.labels.standing:
            to = edit.to or ""
            where = f"{self.path}: line {self.lines[edit.edit]}"
            # A label that no row carried may stand nowhere any more.
            missing = [edit.label] if edit.label not in known and edit.rows != 0 else []
            missing += [to] if edit.what == "merge" and to not in known else []
            if missing:
                raise InputError(
                    f"{where}: speaks of {shown(missing[0])}, which is no label of the table"
                    f"{nearest(missing[0], known)}; give the file that belongs to this table"
                )
            if edit.what in {"rename", "split"} and to in rows:
                raise InputError(f"{where}: {label_exists(to)}")
            if edit.what in {"rename", "merge"}:
                rows.discard(edit.label)
                known.discard(edit.label)
            rows |= {to} if edit.what in {"rename", "split"} else set()
            known |= {to} if to else set()

    def cards(self, written: Mapping[str, LabelCard]) -> dict[str, LabelCard]:
        """Return the user's label cards under the labels' present names.

        What the labels file says of a label wins: an edit is written to it, and it may have been
        worked on since.
        """
        found: dict[str, LabelCard] = {}
        merged = self.labels.merged()
        for label in sorted(written, key=lambda label: label in self.labels.names):
            now = self.labels.now(label)
            if now not in found and label not in merged:
                card = written[label]
                found[now] = LabelCard(now, card.description, card.exemplars, card.source)
        for label, said in self.labels.descriptions.items():
            card = found.get(label, LabelCard(label, "", (), "user"))
            if not card.description and said.strip():
                found[label] = LabelCard(label, " ".join(said.split()), card.exemplars, "user")
        return found

    def in_words(self, rows: int) -> tuple[str, ...]:
        """Return a note on what was applied, and how many rows carry another name by it."""
        done = Counter(_DONE[edit.what] for edit in self.labels.standing)
        if not done:
            return self.notes
        said = ", ".join(f"{count} {what}" for what, count in done.items())
        many = "1 row carries" if rows == 1 else f"{rows:,} rows carry"
        note = f"{self.path}: labels were edited: {said}; {many} another name by that"
        return (*self.notes, note)


NO_EDITS = EditsFile()
"""Nobody edited anything."""


def read_label_edits(path: Path) -> EditsFile:
    """Read the edits that stand; a line that was not written to its end is skipped, with a note.

    Raises:
        InputError: the file can't be read, a line of it is none, or does not fit those before it.
    """
    raw = read_lines(path)
    labels = EditedLabels()
    entries: list[LabelEdit | Undo] = []
    lines: dict[str, int] = {}
    torn: list[int] = []
    for number, entry in _entries(path, raw):
        if entry is None:
            torn.append(number)
            continue
        try:
            labels = labels.after(entry)
        except EditError as error:
            raise InputError(f"{path}: line {number}: {error}") from None
        entries.append(entry)
        if isinstance(entry, LabelEdit):
            lines[entry.edit] = number
    notes = tuple(f"{path}: line {number}: was not written to its end; skipped" for number in torn)
    digest = hashlib.sha256(raw).hexdigest()
    return EditsFile(path, digest, labels, tuple(entries), lines, notes)


def loaded_edits(path: Path | None) -> EditsFile:
    """Return the edits of a file; none where no file is named.

    Raises:
        InputError: as `read_label_edits`.
    """
    return NO_EDITS if path is None else read_label_edits(path)


def append_edits(path: Path, entries: Sequence[LabelEdit | Undo]) -> None:
    """Write edits behind those of the file; when this returns they are on the disk.

    Raises:
        OutputError: the file can't be written.
    """
    append_lines(path, [entry.line() for entry in entries], "label edits")


def _entries(path: Path, raw: bytes) -> Iterator[tuple[int, LabelEdit | Undo | None]]:
    """Yield the lines' numbers and what they say; None for a torn one.

    Raises:
        InputError: a line says something else.
    """
    for number, line, _ in numbered_lines(raw):
        where = f"{path}: line {number}"
        try:
            fields = parsed_json(line)
        except ValueError:
            # A later process ended the line before it wrote its own.
            if is_begun(line):
                yield number, None
                continue
            fields = None
        except RecursionError:
            fields = None
        if not isinstance(fields, dict) or len({"edit", "undoes"} & set(fields)) != 1:
            raise InputError(f"{where}: is no label edit; give the file that the review page wrote")
        yield number, _entry(where, fields, line)


def _entry(where: str, fields: dict[str, object], line: bytes) -> LabelEdit | Undo:
    version = fields.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(f"{where}: was written by a newer version of labelmend; update labelmend")
    if version != SCHEMA_VERSION or isinstance(version, bool | float):
        raise InputError(f"{where}: is no label edit: it has no known schema_version")
    kind: TypeAdapter[LabelEdit] | TypeAdapter[Undo] = _UNDO if "undoes" in fields else _EDIT
    try:
        entry = kind.validate_json(line, strict=True)
    except ValidationError as error:
        raise InputError(f"{where}: is no whole label edit: {_reason(error)}") from None
    written = entry.line()
    strange, missing = field_beyond(fields, written), field_beyond(written, fields)
    if strange is not None:
        raise InputError(
            f"{where}: is no label edit: it has a field {shown(strange)}, which none of ours has; "
            "take it out"
        )
    if missing is not None:
        raise InputError(f"{where}: is no whole label edit: {missing}: Field required")
    if isinstance(entry, Undo):
        return entry
    name = fields.pop("edit")
    if name_of(fields) != name:
        raise InputError(
            f"{where}: was changed after it was written (its name does not fit what it says); "
            "bring the line back as it was, or edit the label anew"
        )
    return entry


def _reason(error: ValidationError) -> str:
    """Return in words what is wrong first."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
