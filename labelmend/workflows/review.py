"""What `labelmend review` does: it reads a mended table, and makes the page for answers."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.audit.draw import Design, Drawable, DrawnRow, read_design
from labelmend.audit.mended import audit_paths
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, refuse_standard_input
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError, InputError
from labelmend.extras import require
from labelmend.review.book import AnswerBook
from labelmend.review.label_set.edit_book import edits_path
from labelmend.review.queues import Queues
from labelmend.review.serving.place import Place
from labelmend.review.table import ReviewTable
from labelmend.runs.layout import OutputPaths
from labelmend.runs.sets.record import task_of
from labelmend.voice.speak import ENGLISH, Language
from labelmend.workflows.answer_sheet import person_named

if TYPE_CHECKING:
    from labelmend.review.serving.server import ReviewServer
    from labelmend.review.sets.desk import SetDesk
    from labelmend.review.work.workbench import DeskFiles

ANSWERS = "answers.jsonl"
"""The file of answers beside the table, where none is named."""

HERE = Place()
"""This machine and nobody else."""

_NEEDED = ("fastapi", "uvicorn")
"""Packages of the extra `review`."""


@dataclass(frozen=True)
class ReviewRequest:
    """What is reviewed, and how.

    Attributes:
        table: the mended one.
        answers: where answers go; None for `ANSWERS` beside the table.
        audit: a sheet of an audit, whose rows are asked about in its order, or the audit's design;
            None for all rows that were drawn.
        labels: the user's labels file; None for the one that the run was given or wrote.
        who: answers; None for the login's name.
        blind: hide the labels in all queues, or in none but agreement; None for those of audit and
            agreement.
        language: of the page.
    """

    table: TableRequest
    answers: Path | None = None
    audit: Path | None = None
    labels: Path | None = None
    who: str | None = None
    blind: bool | None = None
    language: Language = ENGLISH

    @property
    def answers_path(self) -> Path:
        """Where answers go."""
        return self.answers or self.table.path.with_name(ANSWERS)


def open_review(request: ReviewRequest, place: Place = HERE) -> "ReviewServer":
    """Read everything and bind the server; nothing is written until somebody answers.

    Args:
        request: what is reviewed.
        place: where it is served.

    Raises:
        LabelmendError: an input can't be used, the extra is not installed, or the address is taken.
    """
    require(*_NEEDED, by="review")
    from labelmend.review.desk import Desk
    from labelmend.review.serving.server import ReviewServer
    from labelmend.review.work.workbench import DeskFiles

    answers = request.answers_path
    inputs = (
        *given(request.table.path),
        *given(request.labels, "given as --labels"),
        *given(request.audit, "given as --audit"),
    )
    edits = Output(edits_path(request.table.path), "file of label edits", ('{"schema_version": ',))
    claim(inputs, [Output(answers), edits])
    files = DeskFiles(request.table, answers, request.labels)
    who = person_named(request.who)
    desk: Desk | SetDesk
    if has_sets(request.table):
        desk = _desk_of_sets(request, files, who)
    else:
        table = ReviewTable.read(request.table, request.labels)
        book = AnswerBook(answers)
        design, drawn = _drawn(request, table.mended)
        desk = Desk(files, Queues(table, book, design, drawn, request.blind), who, request.language)
    try:
        return ReviewServer(desk, place)
    except BaseException:
        desk.close()
        raise


def has_sets(request: TableRequest) -> bool:
    """Whether a mended table is one in which a row may have several labels.

    Raises:
        InputError: the table can't be read.
    """
    refuse_standard_input(request.path)
    settle(request.path)  # the record may be among what a killed run left
    task = task_of(OutputPaths.beside(request.path).record)
    if task is not None:
        return task == "several"
    # Without a record nothing can be shown; the columns tell what to say of it.
    columns = read_table(request.path, request.encoding, header=request.header).columns
    return "mended_label" not in columns and {"added", "removed", "decision"} <= {*columns}


def _desk_of_sets(request: ReviewRequest, files: "DeskFiles", who: str) -> "SetDesk":
    """Return the desk of a table in which a row may have several labels.

    Raises:
        LabelmendError: an input can't be used.
    """
    # What is loaded here, other tables need not wait for.
    from labelmend.review.sets.desk import SetDesk
    from labelmend.review.sets.table import SetTable

    if request.labels is not None:
        raise ConfigError(
            "--labels: not for tables in which a row has several labels, which have no label "
            "cards; leave it out"
        )
    table = SetTable.of(request.table)
    book = AnswerBook(files.answers, "several")
    design, drawn = _drawn_sets(request)
    queues = Queues(table, book, design, drawn, request.blind)
    return SetDesk(files, queues, who, request.language)


def _drawn_sets(request: ReviewRequest) -> tuple[Design | None, tuple[DrawnRow, ...]]:
    """Return the same as `_drawn` of a table with several labels a row, by the table's own rows.

    Raises:
        InputError: as there.
    """
    path, _ = audit_paths(request.table.path)
    if not path.exists() and request.audit is None:
        return None, ()
    from labelmend.audit.sets.mended import read_mended_sets

    mended = read_mended_sets(request.table)
    design, drawn = _drawn(request, mended)
    if design is None:
        return None, ()
    # An audit counts the rows that have a text.
    rows = mended.loaded.rows
    strata = tuple(replace(stratum, rows=rows[stratum.rows]) for stratum in design.strata)
    placed = tuple(replace(one, row=int(rows[one.row])) for one in drawn)
    return replace(design, strata=strata), placed


def _drawn(request: ReviewRequest, table: Drawable) -> tuple[Design | None, tuple[DrawnRow, ...]]:
    """Return the audit's design and the rows that are asked about.

    Raises:
        InputError: the audit can't be used, or there is none and one is named.
    """
    path, _ = audit_paths(request.table.path)
    design = read_design(path, table)
    if design is None:
        if request.audit is not None:
            raise InputError(
                f"{path}: no such file, so {request.audit} is of no audit of this table; draw rows "
                "with labelmend audit"
            )
        return None, ()
    drawn = design.rows_of()
    if request.audit is None:
        return design, drawn
    if request.audit.suffix.lower() == ".json":
        named = read_design(request.audit, table)
        if named is None:
            raise InputError(f"{request.audit}: no such file; check the path")
        if named.design != design.design:
            raise InputError(
                f"{request.audit}: is of another audit than {path}, which lies beside the table "
                "and is the one that certify reads"
            )
        return design, drawn
    return design, _of_sheet(request.audit, design, drawn, table)


def _of_sheet(
    path: Path, design: Design, drawn: tuple[DrawnRow, ...], table: Drawable
) -> tuple[DrawnRow, ...]:
    """Return the drawn rows that a sheet has, in its order."""
    sheet = read_table(path)
    for column in ("id", "design"):
        if column not in sheet.columns:
            raise InputError(
                f"{path}: no column {column!r}; give the table that labelmend audit wrote"
            )
    by_id = {table.ids[one.row]: one for one in drawn}
    found = [
        by_id[name]
        for name, of in zip(sheet.values("id"), sheet.values("design"), strict=True)
        if of == design.design and name in by_id
    ]
    if not found:
        raise InputError(
            f"{path}: has no row that the audit {design.design} drew; give its sheet, or write it "
            "again with labelmend audit --rows 0"
        )
    return tuple(dict.fromkeys(found))
