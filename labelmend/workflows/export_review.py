"""What `labelmend export-review` does: rows for people, in the files of another tool."""

from dataclasses import dataclass
from pathlib import Path

from labelmend.audit.draw import read_design
from labelmend.audit.mended import audit_paths
from labelmend.data.dataset import ColumnChoice
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_files
from labelmend.errors import InputError, OutputError
from labelmend.review.book import AnswerBook
from labelmend.review.exchange import sheet
from labelmend.review.exchange.find import TOOLS
from labelmend.review.exchange.marks import WRITTEN_BY
from labelmend.review.exchange.tasks import Export, Wanted, export_of
from labelmend.review.queues import Queues
from labelmend.review.table import ReviewTable
from labelmend.runs.layout import OutputPaths
from labelmend.workflows.review import ANSWERS, has_sets

CSV = "csv"
"""The name of the sheet among the tools'."""

_BESIDE = {
    ".config.xml": "labelling interface",
    ".settings.json": "settings of a data set",
    ".labels.json": "list of labels",
}
"""What lies beside the tasks, by suffix."""


@dataclass(frozen=True)
class ExportRequest:
    """Which rows go out, and where to.

    Attributes:
        table: the mended one.
        to: the tool's name.
        output: the file of tasks.
        wanted: rows of which queue.
        rows: how many; None for those of the audit and those that the run leaves to people.
        blind: hide the labels of all rows, or of none; None for those of the audit.
        answers: what people said already; None for `ANSWERS` beside the table, if it is there.
        labels: the user's labels file; None for the one that the run was given or wrote.
        excel_safe: keep spreadsheets from running texts and labels; of a sheet only.
    """

    table: TableRequest
    to: str
    output: Path
    wanted: Wanted = "all"
    rows: int | None = None
    blind: bool | None = None
    answers: Path | None = None
    labels: Path | None = None
    excel_safe: bool = False


@dataclass(frozen=True)
class Exported:
    """What went out.

    Attributes:
        rows: how many.
        audit: how many of them an audit drew.
        blind: how many of them without labels.
        written: the files, that of the tasks first.
        columns: that were read.
        notes: what the user should know, one line each.
    """

    rows: int
    audit: int
    blind: int
    written: tuple[Path, ...]
    columns: ColumnChoice
    notes: tuple[str, ...]


def export_review(request: ExportRequest) -> Exported:
    """Write rows of a mended table as tasks of another tool.

    Rows that somebody has answered are left out. Open rows of an audit go out blind, so that what
    comes back counts as the audit's.

    Raises:
        LabelmendError: an input can't be used, no row is left, or the output can't be written.
    """
    settle(request.output)
    outputs = _outputs(request)
    _check(request, outputs)
    if has_sets(request.table):
        raise InputError(
            f"{request.table.path}: rows have several labels, which is not built for other tools "
            "yet; let people answer them on our page: labelmend review"
        )
    table = ReviewTable.read(request.table, request.labels)
    answers = request.answers or request.table.path.with_name(ANSWERS)
    if request.answers is not None and not answers.exists():
        raise InputError(f"{answers}: no such file; check the path")
    book = AnswerBook(answers)
    design = read_design(audit_paths(request.table.path)[0], table.mended)
    drawn = () if design is None else design.rows_of()
    if request.wanted == "audit" and design is None:
        raise InputError(
            f"{request.table.path}: no rows were drawn for an audit; draw some with labelmend audit"
        )
    queues = Queues(table, book, design, drawn, request.blind)
    export = export_of(queues, request.wanted, request.rows, request.table.path)
    if not export.tasks:
        raise InputError(_nothing_left(request))
    made = _made(request, export)
    with atomic_files(outputs) as files:
        for file, content in zip(files, made.values(), strict=True):
            file.write_bytes(content)
    return Exported(
        rows=len(export.tasks),
        audit=sum(task.mark.shown.why == "audit" for task in export.tasks),
        blind=sum(task.blind for task in export.tasks),
        written=outputs,
        columns=table.mended.columns,
        notes=(*table.mended.notes, *book.notes),
    )


def _outputs(request: ExportRequest) -> tuple[Path, ...]:
    """Return the files that will be written.

    Raises:
        OutputError: the name ends in another way than the tool's files do.
    """
    suffix = ".csv" if request.to == CSV else TOOLS[request.to].suffix
    output = request.output
    if output.suffix.lower() != suffix:
        title = "a sheet" if request.to == CSV else TOOLS[request.to].title
        raise OutputError(f"{output}: for {title}, end the name in {suffix}")
    more = () if request.to == CSV else TOOLS[request.to].beside
    return (output, *(output.with_suffix(ending) for ending in more))


def _made(request: ExportRequest, export: Export) -> dict[str, bytes]:
    if request.to == CSV:
        return {".csv": sheet.written(export, excel_safe=request.excel_safe)}
    return TOOLS[request.to].written(export)


def _check(request: ExportRequest, outputs: tuple[Path, ...]) -> None:
    path = request.table.path
    inputs = list(given(path))
    for read in (*OutputPaths.beside(path).read, *audit_paths(path)):
        inputs += given(read, f"read with {path}")
    answers = request.answers or path.with_name(ANSWERS)
    inputs += given(answers, "the file of answers")
    inputs += given(request.labels, "given as --labels")
    first, *more = outputs
    others = [Output(one, _BESIDE["".join(one.suffixes[-2:])], (WRITTEN_BY,)) for one in more]
    claim(inputs, [Output(first), *others])
    if request.to == CSV and first.exists():
        raise OutputError(
            f"{first}: is there already and may hold answers; give another name, or move it away"
        )


def _nothing_left(request: ExportRequest) -> str:
    path = request.table.path
    if request.wanted == "audit":
        return f"{path}: all rows of the audit are answered; draw more with labelmend audit"
    if request.rows is None:
        return (
            f"{path}: no row is left to people; say with --rows how many of the most doubtful ones "
            "to export"
        )
    return f"{path}: all rows are answered; there is nothing to export"
