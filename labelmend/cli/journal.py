"""`labelmend journal`: the log of a served model: show, forget, expire, queue, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless

if TYPE_CHECKING:
    from labelmend.journal.read import Logged
    from labelmend.journal.rows import NewRows
    from labelmend.workflows.journal import LogSummary

app = typer.Typer(
    help="The log of what a served model was asked, and what people said of its answers.",
    no_args_is_help=True,
)

Log = Annotated[
    Path,
    typer.Argument(
        help="File of `labelmend serve --log` or `labelmend bot --log`.",
        metavar="LOG",
        show_default=False,
        readable=False,
    ),
]
Reviewed = Annotated[
    Path | None,
    typer.Option(
        "--answers",
        help="What reviewers said, as `labelmend review` keeps it.",
        show_default=False,
        readable=False,
        rich_help_panel=help_page.ANSWERS,
    ),
]
_MOST_LABELS = 10
"""Labels that a summary names: with what stands above them, a screen."""


@app.command(
    "show",
    **help_page.page(
        help_page.COMMANDS,
        "Say what a log holds, or one request.",
        "labelmend journal show log.sqlite",
        "labelmend journal show log.sqlite --id 5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b",
    ),
)
def show(
    log: Log,
    request: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="REQUEST_ID",
            help="One request, as the reply named it, with its texts.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
) -> None:
    """Say what a log holds: requests, senders, models, labels, feedback. No text is shown.

    With --id, one request and all that belongs to it.
    """
    from labelmend.workflows.journal import requests_of, summary_of

    if request is None:
        _print_summary(summary_of(log))
        return
    for one in requests_of(log, request):
        _print_request(one)


@app.command(
    "forget",
    **help_page.page(
        help_page.COMMANDS,
        "Remove a request, or all of a sender.",
        "labelmend journal forget log.sqlite --id 5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b",
        "labelmend journal forget log.sqlite --sender telegram:123456789",
    ),
)
def forget(
    log: Log,
    request: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="REQUEST_ID",
            help="Of the request, as the reply named it.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--sender",
            help="Who sent requests: telegram:NUMBER, an address, or as `journal show --id` names "
            "a sender.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Remove a request, or all that a sender asked and said; the bytes are gone from the file.

    Tables that were made of the log before, and copies of it, are not reached.
    """
    from labelmend.workflows.journal import forget as forget_in

    found = forget_in(log, request, sender)
    if not quiet:
        told = f"removed {_count(found.requests, 'request')}"
        if sender is not None:
            told += f" and {_count(found.feedback, 'word of feedback')} on those of others"
        typer.echo(told)


@app.command(
    "expire",
    **help_page.page(
        help_page.COMMANDS,
        "Remove what was asked long ago.",
        "labelmend journal expire log.sqlite --older 30",
    ),
)
def expire(
    log: Log,
    older: Annotated[
        float,
        typer.Option(
            "--older",
            metavar="DAYS",
            help="Requests asked longer ago go, with all that belongs to them.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ],
    quiet: options.Quiet = False,
) -> None:
    """Remove requests that are older than so many days; the bytes are gone from the file."""
    from labelmend.workflows.journal import expire_requests

    removed = expire_requests(log, older)
    if not quiet:
        typer.echo(f"removed {_count(removed, 'request')}")


@app.command(
    "queue",
    **help_page.page(
        help_page.COMMANDS,
        "Write what is worth a look as a table for `review`.",
        "labelmend journal queue log.sqlite -o queue.csv",
        "labelmend journal queue log.sqlite -o queue.csv --order drift --window 7",
    ),
)
def queue(
    log: Log,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The table, such as queue.csv; what `review` needs lies beside it.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    order: Annotated[
        Literal["worth", "doubt", "count", "drift"],
        typer.Option(
            "--order",
            help="What comes first: most answers expected to be wrong, least sure, most frequent, "
            "or labels that are given more often than before.",
            rich_help_panel=help_page.ROWS,
        ),
    ] = "worth",
    rows: Annotated[
        int,
        typer.Option("--rows", help="At most.", min=1, rich_help_panel=help_page.ROWS),
    ] = 500,
    window: Annotated[
        float,
        typer.Option(
            "--window",
            metavar="DAYS",
            help="The last days, in which shares of labels are held against those before.",
            rich_help_panel=help_page.ROWS,
        ),
    ] = 7.0,
    answers: Reviewed = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the texts of a log that are most worth a look as a table that `labelmend review` reads.

    Texts that --answers has are left out.
    """
    from labelmend.workflows.journal import QueueRequest, write_queue

    done = write_queue(QueueRequest(log, order, rows, window, answers), output)
    if quiet:
        return
    typer.echo(
        harmless(
            f"{_count(done.rows, 'text')} of {done.texts:,} written to {output}; "
            f"{done.expected_wrong:,.1f} of their answers are expected to be wrong"
        )
    )
    for drift in done.rising:
        typer.echo(
            harmless(
                f"rising: {drift.label}, {drift.before:.1%} before, {drift.now:.1%} in the last "
                f"{window:g} days (p = {drift.p_value:.2g})"
            )
        )
    typer.echo(harmless(f"next: labelmend review {output} --answers {answers or 'answers.jsonl'}"))


@app.command(
    "export",
    **help_page.page(
        help_page.COMMANDS,
        "Write new training rows: texts whose label people said.",
        "labelmend journal export log.sqlite --answers answers.jsonl -o new_rows.csv",
    ),
)
def export(
    log: Log,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The table, such as new_rows.csv.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    answers: Reviewed = None,
    feedback: Annotated[
        Path | None,
        typer.Option(
            "--feedback",
            help="Write what senders said as answers, too, such as feedback.jsonl; it is appended "
            "to. `labelmend relabel --answers` reads it and finds out whom to trust.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    sender_share: Annotated[
        str,
        typer.Option(
            "--sender-share",
            metavar="SHARE",
            help="Of all feedback that one sender may give, beyond the first 50 words.",
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = "20%",
    quiet: options.Quiet = False,
) -> None:
    """Write the texts of a log whose right label somebody said as a table to train on.

    An answer of --answers settles a text; else the senders who spoke of it do, by majority.
    """
    from labelmend.workflows.journal import ExportRequest, export_rows

    share = options.share("--sender-share", sender_share)
    made = export_rows(ExportRequest(log, answers, feedback, share), output)
    if not quiet:
        _print_rows(made, output)


def _print_summary(found: "LogSummary") -> None:
    lines = {
        "requests": f"{found.requests:,}",
        "distinct texts": f"{found.texts:,}",
        "texts kept": f"{found.kept:,}" + (f", {found.masked:,} masked" if found.masked else ""),
        "senders": f"{found.senders:,}",
        "feedback": f"{found.feedback:,}, {found.wrong:,} of it against the answer",
        "size": f"{found.size_bytes:,} bytes",
    }
    if found.first is not None:
        lines["asked"] = f"{found.first} to {found.last}"
    for name, counts in (("by source", found.sources), ("by model", found.models)):
        lines[name] = ", ".join(f"{key} {count:,}" for key, count in counts.items()) or "none"
    first = list(found.labels.items())[:_MOST_LABELS]
    lines["labels"] = ", ".join(f"{label} {count:,}" for label, count in first) or "none"
    if len(found.labels) > _MOST_LABELS:
        lines["labels"] += f" and {len(found.labels) - _MOST_LABELS} more"
    for name, said in lines.items():
        typer.echo(harmless(f"{name + ':':<16}{said}"))


def _print_request(one: "Logged") -> None:
    from labelmend.journal.entries import utc

    typer.echo(harmless(f"{one.id}  {utc(one.at)}  {one.source}  {one.sender or 'nobody'}"))
    typer.echo(harmless(f"  text:   {one.text if one.text is not None else 'not kept'}"))
    for guess in one.guesses:
        typer.echo(
            harmless(
                f"  {guess.model}: {guess.label} {guess.probability:.3f}"
                + (" out of scope" if guess.is_oos else "")
            )
        )
    for word in one.words:
        said = f"right is {word.label}" if word.label is not None else "wrong"
        typer.echo(harmless(f"  {word.sender or 'nobody'}, {utc(word.at)}: {said}"))


def _print_rows(made: "NewRows", output: Path) -> None:
    by = [row.by for row in made.rows]
    typer.echo(
        harmless(
            f"{_count(len(by), 'row')} written to {output}: {by.count('review'):,} settled by "
            f"reviewers, {by.count('feedback'):,} by feedback"
        )
    )
    words = sum(made.strange.values())
    left = (
        (made.torn, "text", "as many people say one label as another"),
        (made.unnamed, "text", "called wrong, and nobody said what is right"),
        (made.unsure, "text", "reviewers could not tell"),
        (made.beyond, "word of feedback", "beyond the share of one sender"),
        (words, "word of feedback", "names a label that was never served"),
    )
    for count, what, why in left:
        if count:
            typer.echo(f"Note: {_count(count, what)} left out: {why}", err=True)


def _count(count: int, what: str) -> str:
    first, space, rest = what.partition(" ")
    return f"{count:,} {first}{'' if count == 1 else 's'}{space}{rest}"
