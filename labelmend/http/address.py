"""The names of this machine, the socket that is bound, and the tokens that a file holds."""

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

from labelmend.errors import InputError
from labelmend.regular_file import read_regular

LOOPBACK = "127.0.0.1"
"""Where a server is bound unless somebody says otherwise."""

_SHORTEST_TOKEN = 20
"""Characters of a token that people made: of random letters and digits, 100 bits and more."""

_LONGEST_TOKEN = 1024
"""Characters: a file that has more is no token."""

_MOST_TOKENS = 100
"""Of one file: each client has its own, and more would be a list of something else."""


def is_loopback(name: str) -> bool:
    """Tell whether a name or address is this machine's own for itself."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def own_names() -> set[str]:
    """Return this machine's names, in small letters."""
    return {socket.gethostname().lower(), socket.getfqdn().lower()}


def bound(host: str, ports: Sequence[int]) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: to bind to.
        ports: the first that is free; 0 is any.

    Raises:
        InputError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    problem = ""
    for port in ports:
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
            found.listen()
        except (OSError, OverflowError) as error:
            found.close()
            problem = getattr(error, "strerror", None) or str(error)
        else:
            return found
    raise InputError(
        f"--host {host} --port {ports[0]}: can't be bound to: {problem}; name another port"
    )


def read_tokens(path: Path, most: int = 1) -> tuple[str, ...]:
    """Return the tokens of a file, one a line.

    Args:
        path: of the file.
        most: tokens that it may hold, at most a hundred.

    Raises:
        InputError: the file can't be read, or holds no token.
    """
    # Line ends and blanks around them as well.
    bytes_of_all = 4 * _LONGEST_TOKEN * min(most, _MOST_TOKENS)
    try:
        text = read_regular(path, bytes_of_all).decode()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{path}: can't be read: {said}") from None
    tokens = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not 1 <= len(tokens) <= most or not all(map(_is_token, tokens)):
        raise InputError(
            f"{path}: holds no token: write {_SHORTEST_TOKEN} or more letters and "
            "digits into it, such as: openssl rand -hex 32"
        )
    return tokens


def _is_token(said: str) -> bool:
    plain = said.isascii() and all(c.isalnum() or c in "-_" for c in said)
    return plain and _SHORTEST_TOKEN <= len(said) <= _LONGEST_TOKEN
