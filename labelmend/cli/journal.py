"""`labelmend journal`: the log of a served model: show, forget, expire, queue, export."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import meant, number, tell

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
_REMOVED = meant("removed {count:,} {count:one=request|other=requests}")
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
    _lang: options.Lang = "en",
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
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Remove a request, or all that a sender asked and said; the bytes are gone from the file.

    Tables that were made of the log before, and copies of it, are not reached.
    """
    from labelmend.workflows.journal import forget as forget_in

    found = forget_in(log, request, sender)
    if quiet:
        return
    told = tell(_REMOVED, count=found.requests)
    if sender is not None:
        told = tell(
            "removed {requests:,} {requests:one=request|other=requests} and {words:,} "
            "{words:one=word|other=words} of feedback on those of others",
            requests=found.requests,
            words=found.feedback,
        )
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
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Remove requests that are older than so many days; the bytes are gone from the file."""
    from labelmend.workflows.journal import expire_requests

    removed = expire_requests(log, older)
    if not quiet:
        typer.echo(tell(_REMOVED, count=removed))


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
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Write the texts of a log that are most worth a look as a table that `labelmend review` reads.

    Texts that --answers has are left out.
    """
    from labelmend.workflows.journal import QueueRequest, write_queue

    done = write_queue(QueueRequest(log, order, rows, window, answers), output)
    if quiet:
        return
    told = tell(
        "{rows:,} {rows:one=text|other=texts} of {texts:,} written to {path}; {wrong:,.1f} of "
        "their answers are expected to be wrong",
        rows=done.rows,
        texts=done.texts,
        path=output,
        wrong=done.expected_wrong,
    )
    typer.echo(harmless(told))
    for drift in done.rising:
        told = tell(
            "rising: {label}, {before:.1%} before, {now:.1%} in the last {days:g} "
            "{days:one=day|other=days} (p = {p:.2g})",
            label=drift.label,
            before=drift.before,
            now=drift.now,
            days=window,
            p=drift.p_value,
        )
        typer.echo(harmless(told))
    told = tell(
        "next: labelmend review {path} --answers {answers}",
        path=output,
        answers=answers or "answers.jsonl",
    )
    typer.echo(harmless(told))


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
    _lang: options.Lang = "en",
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
    kept = number(found.kept, ",")
    if found.masked:
        kept = tell("{kept:,}, {masked:,} masked", kept=found.kept, masked=found.masked)
    lines = {
        tell("requests"): number(found.requests, ","),
        tell("distinct texts"): number(found.texts, ","),
        tell("texts kept"): kept,
        tell("senders"): number(found.senders, ","),
        tell("feedback"): tell(
            "{words:,}, {wrong:,} of it against the answer", words=found.feedback, wrong=found.wrong
        ),
        tell("size"): tell(
            "{bytes:,} {bytes:one=byte|other=bytes}",
            bytes=found.size_bytes,
        ),
    }
    if found.first is not None:
        lines[tell("asked")] = tell("{first} to {last}", first=found.first, last=found.last)
    lines[tell("by source")] = _counts(found.sources)
    lines[tell("by model")] = _counts(found.models)
    lines[tell("labels")] = _counts(found.labels, _MOST_LABELS)
    wide = max(_WIDE, *(len(name) + 2 for name in lines))
    for name, said in lines.items():
        typer.echo(harmless(f"{name + ':':<{wide}}{said}"))


_WIDE = 16
"""Columns that a name has at least: those of English."""


def _counts(counts: Mapping[str, int], most: int | None = None) -> str:
    """Return names and how often each is, the first of them."""
    first = list(counts.items())[:most]
    said = ", ".join(f"{name} {number(count, ',')}" for name, count in first)
    if len(first) < len(counts):
        return tell("{counts} and {more:,} more", counts=said, more=len(counts) - len(first))
    return said or tell("none")


def _print_request(one: "Logged") -> None:
    from labelmend.journal.entries import utc

    nobody, kept = tell("nobody"), one.text
    typer.echo(harmless(f"{one.id}  {utc(one.at)}  {one.source}  {one.sender or nobody}"))
    text = tell("  text:   {text}", text=tell("not kept") if kept is None else kept)
    typer.echo(harmless(text))
    for guess in one.guesses:
        said = f"  {guess.model}: {guess.label} {number(guess.probability, '.3f')}"
        typer.echo(harmless(f"{said} {tell('out of scope')}" if guess.is_oos else said))
    for word in one.words:
        said = tell("wrong")
        if word.label is not None:
            said = tell("right is {label}", label=word.label)
        typer.echo(harmless(f"  {word.sender or nobody}, {utc(word.at)}: {said}"))


def _print_rows(made: "NewRows", output: Path) -> None:
    by = [row.by for row in made.rows]
    told = tell(
        "{rows:,} {rows:one=row|other=rows} written to {path}: {review:,} settled by reviewers, "
        "{feedback:,} by feedback",
        rows=len(by),
        path=output,
        review=by.count("review"),
        feedback=by.count("feedback"),
    )
    typer.echo(harmless(told))
    left = {_TORN: made.torn, _UNNAMED: made.unnamed, _UNSURE: made.unsure}
    left |= {_BEYOND: made.beyond, _STRANGE: sum(made.strange.values())}
    for sentence, count in left.items():
        if count:
            told = tell(sentence, count=count)
            typer.echo(tell("Note: {note:name}", note=told), err=True)


_TORN = meant(
    "{count:,} {count:one=text|other=texts} left out: as many people say one label as another"
)
_UNNAMED = meant(
    "{count:,} {count:one=text|other=texts} left out: called wrong, and nobody said what is right"
)
_UNSURE = meant("{count:,} {count:one=text|other=texts} left out: reviewers could not tell")
_BEYOND = meant(
    "{count:,} {count:one=word|other=words} of feedback left out: beyond the share of one sender"
)
_STRANGE = meant(
    "{count:,} {count:one=word|other=words} of feedback left out: names a label that was never "
    "served"
)
