"""Asks an OpenAI-compatible server: a pool of connections, retries with backoff, a rate limit.

The `openai` client would need the same loop around it: it has no limit on the time of a whole
answer, gives up on one that is not JSON, waits out a timeout as often as it retries, and keeps a
server's wish for rest to one thread. By itself it also tells any server $OPENAI_ORG_ID and facts on
the machine, and follows a redirection to another host with the texts.
"""

import email.utils
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from labelmend.configs.schema import ServerConfig
from labelmend.errors import ConfigError, ModelError

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the first retry; doubled for each next one, to the longest. Chosen by hand: no
outcome depends on them."""

_CONNECT_S = 10.0
"""Seconds that a connection takes at most. Chosen by hand; docs/voters.md tells it."""

RESUME = "votes so far are kept: run the same command again to resume"

# HTTP's own numbers.
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TIMEOUT, _TOO_MANY = 401, 403, 404, 408, 429
_SERVER_ERROR = 500
"""From this number on, HTTP's answers say that the server failed."""

_PASSING = frozenset((_TIMEOUT, _TOO_MANY, 502, 503, 504))
"""HTTP's numbers of faults that pass; others may say that a server has no such path."""


_MOST_BYTES = 32 << 20
"""Of an answer, unpacked: the log-probabilities of a prompt of 4,000 tokens take one MiB."""

_LONGEST_SAID = 120
"""Characters of what a server says that are shown."""

_MOST_MODELS, _LONGEST_NAME = 10_000, 1000
"""Names of models that are listened to, and their characters."""

_MOST_TOKENS = 10**9
"""That one answer can have read: no model reads as many."""

_MOST_REST = 1e9
"""Seconds that a server can ask to be left alone: thirty years, which a thread can still wait."""

_MODELS = "/models"


class _EndlessError(Exception):
    """An answer is larger than any that is asked for."""


class ServerFaultError(Exception):
    """A question got no answer that can be used; the reason is one of few, so that it counts."""

    def __init__(
        self,
        reason: str,
        *,
        down: bool = True,
        passes: bool = False,
        detail: str = "",
        wait: float = 0.0,
    ) -> None:
        """Keep the reason.

        Args:
            reason: one of few.
            down: the server is at fault, not the question.
            passes: it may answer the same question later.
            detail: what the server said.
            wait: seconds that it asks to be left alone.
        """
        super().__init__(reason)
        self.down = down
        self.passes = passes
        self.detail = detail
        self.wait = wait


class LostServerError(ModelError):
    """No server answers at an address.

    Args:
        line: what is wrong, and what to do.
        reason: in a few words.
    """

    def __init__(self, line: str, reason: str) -> None:
        super().__init__(line)
        self.reason = reason


class ModelServer:
    """One server: a pool of connections, retries, a rate limit."""

    def __init__(self, config: ServerConfig) -> None:
        """Prepare to ask; nothing is sent yet.

        Raises:
            ConfigError: the URL is none, or the environment lacks the key or names a proxy that
                can't be used.
        """
        import httpx

        self._httpx = httpx
        self._config = config
        self.url, self._key = _address(config)
        self._client = _open_client(config, self.url, self._key)
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._closing = threading.Event()
        self.tokens = 0

    def close(self) -> None:
        """Close all connections; who waits to retry gives up."""
        self._closing.set()
        self._client.close()

    def models(self) -> dict[str, Mapping[str, Any]]:
        """Return what the server says of each model, by its name; nothing where it doesn't tell.

        Raises:
            ModelError: no server answers, or it refuses the key.
            ServerFaultError: it fails at the moment.
        """
        try:
            body = self._answer("GET", _MODELS, None)
            told = body["data"][:_MOST_MODELS]
            return {str(model["id"])[:_LONGEST_NAME]: model for model in told}
        except ServerFaultError as fault:
            if fault.passes:
                raise
            return {}
        except (KeyError, TypeError):
            return {}

    def ask(self, path: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the first choice of the answer to a completion request, and `usage` in it.

        Raises:
            ServerFaultError: there is no answer that can be used.
            ModelError: no server answers any more, or it refuses the key or the path.
        """
        body = self._answer("POST", path, question)
        choices = body.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise ServerFaultError("an answer without choices")
        usage = body.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        with self._lock:
            self.tokens += whole_number(usage.get("total_tokens"))
        return {**choices[0], "usage": usage}

    def _answer(self, method: str, path: str, question: Any) -> Mapping[str, Any]:
        httpx = self._httpx
        late = (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)
        tries, timeouts, wait = 0, 0, FIRST_WAIT
        while True:
            self._take_turn()
            tries += 1
            asked_to_wait: float | None = None
            try:
                response, content = self._request(method, path, question)
            except late as error:
                said = f"no answer within {self._config.timeout_s:g} s"
                fault = ServerFaultError(said, passes=True)
                timeouts += 1  # it had its time
                if tries > self._config.retries or timeouts > 1:
                    raise fault from error
            except _EndlessError:
                raise ServerFaultError(f"an answer of more than {_MOST_BYTES:,} bytes") from None
            except httpx.DecodingError:
                fault = ServerFaultError("an answer that is not JSON")
                if tries > self._config.retries:
                    raise fault from None
            except httpx.TransportError as error:  # a timeout of the connection as well
                if tries > self._config.retries:
                    raise self._gone(str(error) or type(error).__name__) from None
            else:
                status = response.status_code
                if response.is_success:
                    body = _json(content)
                    if body is not None:
                        return body
                    fault = ServerFaultError("an answer that is not JSON")
                elif status in {_TIMEOUT, _TOO_MANY} or status >= _SERVER_ERROR:
                    asked_to_wait = _retry_after(response.headers.get("retry-after"))
                    fault = ServerFaultError(
                        f"HTTP {status}", passes=status in _PASSING, wait=asked_to_wait or 0.0
                    )
                else:
                    raise self._refused(status, path, content.decode(errors="replace"))
                if tries > self._config.retries:
                    raise fault
            self._pause(wait if asked_to_wait is None else asked_to_wait, asked_to_wait is not None)
            wait = min(2 * wait, LONGEST_WAIT)

    def _request(self, method: str, path: str, question: Any) -> tuple[Any, bytes]:
        """Return the response, and what it holds; httpx limits single reads, this all of them."""
        content = bytearray()
        until = time.monotonic() + self._config.timeout_s
        with self._client.stream(method, f"{self.url}{path}", json=question) as response:
            for part in response.iter_bytes():
                content += part
                if len(content) > _MOST_BYTES:
                    raise _EndlessError
                if time.monotonic() > until:
                    raise self._httpx.ReadTimeout("it comes too slowly")
        return response, bytes(content)

    def _take_turn(self) -> None:
        """Wait until the rate limit, and a server that asked for rest, allow one more request."""
        gap = 60.0 / self._config.per_minute if self._config.per_minute else 0.0
        with self._lock:
            now = time.monotonic()
            at = max(self._free_at, now)
            self._free_at = at + gap
        if self._closing.wait(at - now):
            raise ServerFaultError("interrupted")

    def _pause(self, seconds: float, for_all: bool) -> None:
        if seconds > self._config.max_pause_s:
            raise ModelError(
                f"{self.url}: the server asks to be left alone for {seconds:.0f} s; {RESUME} then"
            )
        if for_all:
            with self._lock:
                self._free_at = max(self._free_at, time.monotonic() + seconds)
        elif self._closing.wait(seconds):
            raise ServerFaultError("interrupted")

    def _gone(self, reason: str) -> ModelError:
        said = self._clean(reason)
        return LostServerError(f"{self.url}: no server answers ({said}); {RESUME}", said)

    def _refused(self, status: int, path: str, text: str) -> Exception:
        if status in {  # HTTP's own numbers.
            _UNAUTHORIZED,
            _FORBIDDEN,
        }:
            name = self._config.api_key_env
            mend = f"check the key in ${name}" if name else "name its variable in api_key_env"
            return ModelError(
                f"{self.url}: the server wants another API key (HTTP {status}); {mend}"
            )
        if status == _NOT_FOUND and path != _MODELS:  # some servers don't tell their models
            said = self._clean(text)
            return ModelError(
                f"{self.url}{path}: HTTP 404 ({said}); check server.url and the model"
            )
        reason = f"the server refuses the question (HTTP {status})"
        return ServerFaultError(reason, down=False, detail=self._clean(text))

    def _clean(self, text: str) -> str:
        """Return what a server said, on one line, without the key."""
        words = " ".join(text.split())
        return (words.replace(self._key, "***") if self._key else words)[:_LONGEST_SAID]


def check_server(config: ServerConfig) -> tuple[str, str]:
    """Return a server's base URL and API key, which may be empty; nothing is sent.

    Raises:
        ConfigError: the URL is none or holds what is to be hidden, the environment holds no key, or
            it names a proxy or certificates that can't be used.
    """
    url, key = _address(config)
    _open_client(config, url, key).close()
    return url, key


def each_server(config: ServerConfig) -> tuple[ServerConfig, ...]:
    """Return the settings of the server at each address, in the order in which they are named.

    Raises:
        ConfigError: an address is none, or stands there twice; see `check_server`, which looks at
            the environment too.
    """
    found: dict[str, ServerConfig] = {}
    for url in (config.url, *config.more_urls):
        own = replace(config, url=url, more_urls=())
        base, _ = _address(own)
        if base in found:
            raise ConfigError(f"server.more_urls names {base} twice; leave one of them out")
        found[base] = replace(own, url=base)
    return tuple(found.values())


def _address(config: ServerConfig) -> tuple[str, str]:
    url = config.url.rstrip("/")
    hidden = "a query or a fragment" if "?" in url or "#" in url else None
    if _has_password(url):
        hidden = "a password"
    if hidden:
        raise ConfigError(
            f"server.url holds {hidden}, which run.json would show; write http://host:port/v1, put "
            "a key into an environment variable and name that in server.api_key_env"
        )
    if not _is_url(url):
        raise ConfigError(f"server.url {config.url!r} is no URL; write http://host:port/v1")
    key = os.environ.get(config.api_key_env, "").strip() if config.api_key_env else ""
    if config.api_key_env and not key:
        raise ConfigError(
            f"server.api_key_env names ${config.api_key_env}, which is not set; "
            "export the API key there"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"${config.api_key_env} holds no API key: it has characters that none has"
        )
    return url if urlsplit(url).path else f"{url}/v1", key


def _has_password(url: str) -> bool:
    return "@" in url.partition("://")[2].partition("/")[0]


def _is_url(url: str) -> bool:
    """Tell whether requests can be sent there, as far as can be told without sending one."""
    import httpx

    try:
        parts = urlsplit(url)
        read = httpx.URL(url)
        # What these raise, they raise only when they are read; the last is what a socket does.
        _ = parts.port, read.host, read.raw_host.decode().encode("idna")
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _open_client(config: ServerConfig, url: str, key: str) -> Any:
    import httpx

    try:
        return httpx.Client(
            # Packed answers could be a thousand times as large as what comes.
            headers={"Accept-Encoding": "identity"}
            | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(config.timeout_s, connect=min(config.timeout_s, _CONNECT_S)),
            limits=httpx.Limits(
                max_connections=config.requests, max_keepalive_connections=config.requests
            ),
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        reason = str(error).rstrip(".")
        raise ConfigError(
            f"{url}: no connection can be made with the proxies and certificates that the "
            "environment names (ALL_PROXY, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE): "
            f"{reason}; mend or unset them"
        ) from None


def whole_number(value: Any) -> int:
    """Return a count that a server told; 0 where it is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 <= value <= _MOST_TOKENS else 0


def _json(content: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number or a date."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _MOST_REST)
