"""Where the page is served."""

from dataclasses import dataclass
from pathlib import Path

from labelmend.http.address import LOOPBACK

PORT = 8377
"""The port that is tried first, so that the address stays the same from one sitting to the next. It
is not registered for anything."""


@dataclass(frozen=True)
class Place:
    """Where the page is served.

    Attributes:
        host: to bind to.
        port: None for `PORT`, or any free one if that is taken; 0 for any free one.
        token_file: holds the token; None for a random one.
    """

    host: str = LOOPBACK
    port: int | None = None
    token_file: Path | None = None
