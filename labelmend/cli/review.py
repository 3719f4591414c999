"""`labelmend review`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless

if TYPE_CHECKING:
    from labelmend.review.serving.server import ReviewServer


def review(
    table: options.Table,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="Where answers go, and what was answered before; answers.jsonl beside the table "
            "if not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            help="A sheet that `labelmend audit` wrote: only its rows, in its order. All that were "
            "drawn if not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    labels: options.MendedLabels = None,
    who: Annotated[
        str | None,
        typer.Option(
            "--who", help="Who answers; your login if not given.", rich_help_panel=help_page.ANSWERS
        ),
    ] = None,
    blind: Annotated[
        bool | None,
        typer.Option(
            "--blind/--no-blind",
            help="Hide the given and the proposed label in all queues, or in none but agreement; "
            "in those of audit and agreement if not given.",
            rich_help_panel=help_page.ANSWERS,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help="8377 or any free one if not given.",
            min=0,
            max=65535,
            show_default=False,
            rich_help_panel=help_page.PAGE,
        ),
    ] = None,
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser",
            help="Print the address and open nothing.",
            rich_help_panel=help_page.PAGE,
        ),
    ] = False,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Another one lets other machines in.", rich_help_panel=help_page.PAGE
        ),
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="Holds the token that the address ends in; a random one if not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.PAGE,
        ),
    ] = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    _lang: options.Lang = "en",
) -> None:
    """Open a page in the browser on which people answer rows of a mended table.

    Each answer is in the answers file before the page says so. The page talks to this machine only.
    """
    from labelmend.data.request import TableRequest
    from labelmend.review.serving.place import Place
    from labelmend.voice.speak import spoken
    from labelmend.workflows.review import ReviewRequest, open_review

    request = ReviewRequest(
        TableRequest(table, encoding=encoding, header=header),
        answers,
        audit,
        labels,
        who,
        blind,
        spoken(),
    )
    server = open_review(request, Place(host, port, token_file))
    try:
        _say(server, request.answers_path)
        if not no_browser:
            import webbrowser

            # The socket listens already: the browser waits for the first answer.
            webbrowser.open(server.door.address)
        server.serve()
    except KeyboardInterrupt:
        typer.echo()
    finally:
        server.close()
    typer.echo(f"closed; all answers are in {harmless(str(request.answers_path))}")


def _say(server: "ReviewServer", answers: Path) -> None:
    typer.echo(f"review page:  {server.door.address}")
    typer.echo(f"answers go to {harmless(str(answers))}; stop with Ctrl-C")
    for note in server.desk.sitting.table.notes:
        typer.echo(f"Note: {harmless(note)}", err=True)
    if not server.door.is_loopback():
        typer.echo(
            f"Note: whoever has this address and reaches port {server.door.port} of this machine "
            "reads the texts and answers under any name; what goes over the network is not "
            "encrypted.",
            err=True,
        )
