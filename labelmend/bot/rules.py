"""How a bot talks, and where its token is."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from labelmend.errors import ConfigError
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


_IS_TOKEN = re.compile(r"[0-9]{1,20}:[0-9A-Za-z_-]{1,100}")


def check_bot(token: str | None, rules: BotRules) -> str:
    """Return the token, if it may be one, before anything takes time.

    Raises:
        ConfigError: it is none, or the server's address can't be used.
    """
    if not token or not token.strip():
        raise ConfigError(
            f"the environment has no {TOKEN}: ask @BotFather for a bot, and set it to its token"
        )
    if rules.api_server is not None:
        _check_address(rules.api_server)
    if _IS_TOKEN.fullmatch(token.strip()) is None:
        raise ConfigError(
            f"{TOKEN} is no token of a bot: set it to what @BotFather gave, such as "
            "123456789:AAF..."
        )
    return token.strip()


def _check_address(address: str) -> None:
    """Look at the address of a Bot API server.

    Raises:
        ConfigError: it can't be used.
    """
    try:
        parts = urlsplit(address)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            "--api-server: give an address such as http://127.0.0.1:8081, without a password"
        )
