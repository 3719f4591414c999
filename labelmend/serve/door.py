"""Who is let in: tokens beyond this machine, and no page but our own.

On this machine alone no token is needed. But another site that a person has open in the same
browser can send requests here, and a name of its own can be made to lead here: so the Host must be
this machine's own name for itself, and an Origin our own. Beyond this machine each request needs a
token; a browser gets it as a cookie, from the address `/?token=...`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from labelmend.http.address import is_loopback
from labelmend.http.asgi import SAFE, Scope

SENDER = "labelmend.sender"
"""Where a scope has who asks."""

USER = b"x-labelmend-user"
"""The header in which a client says for whom it asks."""

_LONGEST_USER = 200
"""Bytes of that: longer than any account's name."""

OPEN = frozenset({"/health/live", "/health/ready"})
"""What a probe may ask without a token: they tell nothing but that the server is there."""

_LONGEST_COOKIE = 64 * 1024
"""Characters that are read: all headers together have no more."""


@dataclass(frozen=True)
class Door:
    """Who is let in.

    Attributes:
        host: that the server is bound to.
        port: of the server.
        tokens: of which each request has one; none are asked for where there are none.
        is_secure: whether browsers come by HTTPS.
        is_behind_proxy: whether a proxy hands requests on, and says from where they come.
    """

    host: str
    port: int
    tokens: tuple[str, ...] = ()
    is_secure: bool = False
    is_behind_proxy: bool = False

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies don't know ports, and two servers may be open."""
        return f"labelmend_serve_{self.port}"

    @property
    def address(self) -> str:
        """Where the page is, without a token."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_secure else 'http'}://{name}:{self.port}/"

    def refused(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Return status, word and sentence of a refusal; None to let a request pass.

        Args:
            scope: of the request; it says from then on who asks.
            headers: by their names in small letters.
        """
        if scope["path"] in OPEN:
            return None
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            return 403, "wrong-origin", "this page may not ask here"
        if not self.tokens:
            scope[SENDER] = self._from(scope, headers)
            name = host.rpartition(":")[0] if _has_port(host) else host
            if is_loopback(name.strip("[]").lower()):
                return None
            return 421, "wrong-host", "the Host header names another machine than this one"
        return self._without_token(scope, headers, origin)

    def token_of_page(self, query: bytes) -> str | None:
        """Return the right token of an address `/?token=...`; None where there is none."""
        said = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        return said if self._is_token(said) else None

    def set_cookie(self, token: str) -> str:
        """Return the header's value that hands a browser its token."""
        secure = "; Secure" if self.is_secure else ""
        return f"{self.cookie}={token}; HttpOnly; Path=/; SameSite=strict{secure}"

    def _without_token(
        self, scope: Scope, headers: Mapping[str, str], origin: str | None
    ) -> tuple[int, str, str] | None:
        said = self._said(headers)
        if scope["path"] == "/" and scope["method"] in SAFE:
            said = self.token_of_page(scope["query_string"]) or said
        if not self._is_token(said):
            return 401, "no-token", "send the header: Authorization: Bearer TOKEN"
        # A browser names the origin of whatever is no mere reading.
        by_header = "authorization" in headers
        if origin is None and scope["method"] not in SAFE and not by_header:
            return 403, "wrong-origin", "this page may not ask here"
        scope[SENDER] = f"token {hashlib.sha256(said.encode()).hexdigest()[:12]}"
        return None

    def _said(self, headers: Mapping[str, str]) -> str:
        """Return the token that a request has, right or wrong."""
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return said.strip()
        try:
            found = SimpleCookie(headers.get("cookie", "")[:_LONGEST_COOKIE]).get(self.cookie)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def _is_token(self, said: str) -> bool:
        """Compare in constant time."""
        plain = said.encode(errors="replace")
        same = [hmac.compare_digest(plain, token.encode()) for token in self.tokens]
        return any(same)

    def _from(self, scope: Scope, headers: Mapping[str, str]) -> str:
        client = scope.get("client")
        address = client[0] if client else "unknown"
        if self.is_behind_proxy:
            # The proxy adds the address that it sees at the end; what stands before is hearsay.
            address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or address
        return f"address {address[:64]}"


def sender_of(scope: Scope) -> str:
    """Return who sent a request that was let in: a digest of the token, or the address.

    A client that asks for many people names each in the header `X-Labelmend-User`.
    """
    sender = str(scope.get(SENDER, "unknown"))
    user = next((value for name, value in scope["headers"] if name == USER), b"")
    return f"{sender} user {user[:_LONGEST_USER].decode('latin-1')}" if user else sender


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _has_port(host: str) -> bool:
    """Tell whether a Host ends in a port: an address of IPv6 has colons of its own."""
    return host.rpartition(":")[2].isdigit() and (host.count(":") == 1 or "]:" in host)
