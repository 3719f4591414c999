"""`labelmend bot`."""

from typing import Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes
from labelmend.cli.serve import Against, Plain, Served, WatchS, tell_swap
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import tell


def bot(
    model: Served,
    against: Against = None,
    plain: Plain = False,
    watch_s: WatchS = 2.0,
    trust_key: options.TrustKey = None,
    api_server: Annotated[
        str | None,
        typer.Option(
            "--api-server",
            metavar="URL",
            help="A Bot API server of your own; Telegram's if not given.",
            show_default=False,
            rich_help_panel=help_page.SERVER,
        ),
    ] = None,
    log: options.LogFile = None,
    log_texts: options.LogTexts = False,
    mask: options.Mask = False,
    log_days: options.LogDays = None,
    feedback_rate: options.FeedbackRate = 60,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Answer in Telegram what labels messages have, with buttons that say what was right.

    The bot's token stands in the environment, as LABELMEND_TELEGRAM_TOKEN. Buttons need --log.
    """
    from labelmend.bot.rules import BotRules
    from labelmend.voice.speak import spoken
    from labelmend.workflows.bot import BotRequest, open_bot
    from labelmend.workflows.serve import Models

    kept = options.log_request(
        log, texts=log_texts, mask=mask, days=log_days, feedback_rate=feedback_rate
    )
    rules = BotRules(api_server, spoken())
    request = BotRequest(Models(model, against, plain, trust_key), rules, kept, watch_s)

    def heard(what: str, fact: str) -> None:
        if not quiet or what == "lost":
            typer.echo(_in_words(what, fact), err=what != "begun")

    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        running = open_bot(request, bars, tell_swap, heard)
    try:
        if not quiet:
            for loaded in running.service.models.values():
                for text in loaded.notes:
                    typer.echo(tell("Note: {note:name}", note=harmless(text)), err=True)
        running.run()
    finally:
        running.close()
    if not quiet:
        typer.echo(tell("stopped; all messages that came were answered"))


def _in_words(what: str, fact: str) -> str:
    """Return a line on what the bot went through; no message and no token is in it."""
    known = {
        "begun": tell("@{name} answers; stop with Ctrl-C", name=harmless(fact)),
        "lost": tell(
            "the Bot API can't be asked now ({why:name}); trying again", why=harmless(fact)
        ),
        "found": tell("the Bot API answers again"),
        "passed": tell("passed over: {what:name}", what=harmless(fact)),
    }
    return known[what]
