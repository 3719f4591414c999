"""`labelmend answers`: what people say of texts: import, withdraw, show."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless

app = typer.Typer(help="What people say of texts, in a file that only grows.", no_args_is_help=True)

Answers = Annotated[
    Path,
    typer.Argument(
        help="File that `labelmend answers import` wrote.",
        metavar="ANSWERS",
        show_default=False,
        readable=False,
    ),
]
Who = Annotated[
    str | None,
    typer.Option(
        "--who",
        help="Name of the person; your login if not given.",
        show_default=False,
        rich_help_panel=help_page.ANSWERS,
    ),
]


@app.command(
    "import",
    **help_page.page(
        help_page.COMMANDS,
        "Take answers from a filled-in table, or from a tool.",
        "labelmend answers import audit.csv -o answers.jsonl",
        "labelmend answers import tasks.json -o answers.jsonl --table mended.csv --who 3=anna",
    ),
)
def import_table(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The file of answers, such as answers.jsonl; it is appended to.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    answer_column: Annotated[
        list[str] | None,
        typer.Option(
            "--answer-column",
            help="'answer' if not given; may be repeated: each is then named for its person.",
            show_default=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    source: Annotated[
        Literal["label-studio", "argilla", "prodigy", "doccano", "csv"] | None,
        typer.Option(
            "--from",
            help="The tool that exported the file; found out if not given.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    of: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="The mended table that the answers are of: rows are found by id, and what doesn't "
            "fit it is told.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    who: Annotated[
        list[str] | None,
        typer.Option(
            "--who",
            metavar="NAME|THEIRS=NAME",
            help="Name of the person; your login if not given. Of several in a tool's file, "
            "such as 3=anna; may be repeated.",
            show_default=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    none_word: Annotated[
        list[str] | None,
        typer.Option(
            "--none-word",
            help="What a cell says for 'no label fits', 'none of these' if not given; may be "
            "repeated.",
            show_default=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    several: Annotated[
        bool,
        typer.Option(
            "--several",
            help="A cell holds all labels of its text, in a list or joined; '[]' for none.",
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = False,
    label_separator: options.LabelSeparator = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    settings: options.Settings = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be written, and write nothing.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Take answers from a table that people filled in, or from what another tool exported.

    A table is such as that of `labelmend audit`, or of `labelmend export-review --to csv`.
    """
    from labelmend.configs.load import load_config
    from labelmend.data.request import TableRequest
    from labelmend.workflows.answer_sheet import NONE_WORDS
    from labelmend.workflows.answers import ImportRequest, import_answers

    config = load_config("embedded", options.overrides(settings, None))
    request = TableRequest(
        table, text_column, label_column, id_column, encoding=encoding, header=header
    )
    asked = ImportRequest(
        request,
        source,
        columns=tuple(answer_column) if answer_column else None,
        who=tuple(who or ()),
        none_words=tuple(none_word or NONE_WORDS),
        of=of,
        sets=options.label_rules(label_separator, None, False) if several else None,
    )
    done = import_answers(asked, output, config.data, dry_run=dry_run)
    if quiet:
        return
    told = f"{_count(done.written, 'answer')} {'would be ' if dry_run else ''}written to {output}"
    if done.replacing:
        told += f", {done.replacing} of them instead of an earlier one"
    silent = f"{_count(done.blank, 'cell')} empty"
    if done.source != "csv":
        told = f"{done.source}: {told}"
        silent = f"{done.blank} without an answer"
    typer.echo(harmless(f"{told}; {done.standing} there already, {silent}"))
    _print_notes(done.notes)


@app.command(
    "withdraw",
    **help_page.page(
        help_page.COMMANDS,
        "Take an answer back.",
        "labelmend answers withdraw answers.jsonl --id T-1041 --who anna",
    ),
)
def withdraw(
    answers: Answers,
    row: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ROW_ID",
            help="Of the row answered.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            "--answer",
            metavar="ID",
            help="Of the answer.",
            show_default=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option(
            "--who",
            help="Whose answer it is, if several answered.",
            show_default=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Take an answer back: a line more says so, and the answer's own line stays."""
    from labelmend.workflows.answers import withdraw_answers

    taken = withdraw_answers(answers, row=row, answer=answer, who=who)
    if not quiet:
        for one in taken:
            said = one.labels[0] if one.labels else one.verdict
            typer.echo(harmless(f"withdrawn: row {one.id}, {said!r} by {one.who}"))


@app.command(
    "show",
    **help_page.page(
        help_page.COMMANDS,
        "Count the answers, and how far people agree.",
        "labelmend answers show answers.jsonl",
    ),
)
def show(answers: Answers) -> None:
    """Count the answers that stand, by person and by reason, and how far people agree."""
    from labelmend.workflows.answers import summarise

    found = summarise(answers)
    texts = _count(found.texts, "text")
    typer.echo(f"{_count(found.standing, 'answer')} on {texts}{_in_words(found.people)}")
    if found.standing:
        typer.echo(f"asked for{_in_words(found.why)}")
        typer.echo(f"{found.none} say none of these, {found.unsure} are unsure")
    typer.echo(f"{found.replaced} replaced by later ones, {found.withdrawn} withdrawn")
    same = found.agreement
    if same.total:
        typer.echo(
            f"{_count(same.total, 'text')} answered by several people: all agree on {same.count} "
            f"({same.rate:.0%}, 95 % interval {same.low:.0%} to {same.high:.0%})"
        )
    _print_notes(found.notes)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _in_words(counts: Mapping[str, int]) -> str:
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    return harmless(f": {words}" if words else "")


def _print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        typer.echo(harmless(f"Note: {note}"))
