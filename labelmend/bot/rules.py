"""How a bot talks, and where its token is."""

from dataclasses import dataclass

from labelmend.voice.speak import ENGLISH, Language

TOKEN = "LABELMEND_TELEGRAM_TOKEN"  # noqa: S105 -- its name
"""The variable of the environment that has the token: arguments and files are read by others."""


@dataclass(frozen=True)
class BotRules:
    """How a bot talks.

    Attributes:
        api_server: address of a Bot API server; None for Telegram's own.
        language: that is spoken with those whose own is none of ours.
        long_poll: seconds that the server may wait for an update; None for the usual ones.
    """

    api_server: str | None = None
    language: Language = ENGLISH
    long_poll: int | None = None
