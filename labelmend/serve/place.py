"""Where a model is served, and for whom."""

from dataclasses import dataclass, field
from pathlib import Path

from labelmend.http.address import LOOPBACK

PORT = 8378
"""The port that is taken if none is named: the one after that of `labelmend review`."""


@dataclass(frozen=True)
class Patience:
    """Seconds that a client may take: 1 MiB comes over the slowest mobile network in less.

    Attributes:
        head: until a request's headers are there.
        body: until its body is there.
        reading: until it has read some of its answer.
        idle: between two requests.
    """

    head: float = 10.0
    body: float = 10.0
    reading: float = 20.0
    idle: int = 20


@dataclass(frozen=True)
class Place:
    """Where a model is served, and for whom.

    Attributes:
        host: to bind to.
        port: None for `PORT`; 0 for any free one.
        token_files: hold tokens, one a line; beyond this machine there is one at least.
        certificate: file of a chain of certificates, for HTTPS; None for HTTP.
        key: file of its private key.
        is_behind_proxy: whether a proxy on the way has HTTPS.
        grace: seconds after a signal in which new requests are still taken, while a proxy hears
            that there shall be none.
        most_connections: that are open at once.
        patience: with slow clients.
    """

    host: str = LOOPBACK
    port: int | None = None
    token_files: tuple[Path, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    is_behind_proxy: bool = False
    grace: float = 1.0
    most_connections: int = 1000
    patience: Patience = field(default_factory=Patience)
