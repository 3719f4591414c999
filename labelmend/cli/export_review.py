"""`labelmend export-review`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless


def export_review(
    table: options.Table,
    to: Annotated[
        Literal["label-studio", "argilla", "prodigy", "doccano", "csv"],
        typer.Option(
            "--to",
            help="The tool that the rows go to.",
            show_default=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file of tasks; what else the tool needs is written beside it.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows",
            help="At most so many; if not given, those of the audit and those that the run left to "
            "people.",
            min=1,
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    queue: Annotated[
        Literal["doubtful", "audit", "all"],
        typer.Option(
            "--queue",
            help="The rows of which queue; of all, the audit's come first.",
            rich_help_panel=help_page.ROWS,
        ),
    ] = "all",
    blind: Annotated[
        bool | None,
        typer.Option(
            "--blind/--no-blind",
            help="Leave out the labels of all rows, or of none; of those of the audit if not "
            "given.",
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="What was answered before, and is left out; answers.jsonl beside the table if "
            "not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    labels: options.MendedLabels = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    excel_safe: options.ExcelSafe = False,
    quiet: options.Quiet = False,
) -> None:
    """Write rows of a mended table as tasks of another tool, with predictions and evidence.

    What people answer there comes back by `labelmend answers import`.
    """
    from labelmend.data.request import TableRequest
    from labelmend.workflows.export_review import ExportRequest, export_review

    request = ExportRequest(
        table=TableRequest(table, encoding=encoding, header=header),
        to=to,
        output=output,
        wanted=queue,
        rows=rows,
        blind=blind,
        answers=answers,
        labels=labels,
        excel_safe=excel_safe,
    )
    done = export_review(request)
    if quiet:
        return
    typer.echo(harmless(f"Read: {done.columns.in_words}."))
    of = f"{done.audit:,} of an audit, {done.blind:,} blind"
    tasks, *more = done.written
    typer.echo(harmless(f"{done.rows:,} row{'' if done.rows == 1 else 's'} ({of}): {tasks}"))
    for path in more:
        typer.echo(harmless(f"with it: {path}"))
    for note in done.notes:
        typer.echo(harmless(f"Note: {note}"))
    typer.echo(
        harmless(
            "When they are answered there, export them and take the answers: labelmend answers "
            f"import FILE -o answers.jsonl --table {table}"
        )
    )
