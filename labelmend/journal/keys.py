"""The key of a log: who lacks it can't tell which text or which person a hash stands for.

Texts of a chat are short and few, so that a plain hash of one is found by trying. The key lies in a
file of its own. Who removes it makes all hashes of the log unlinkable for ever.
"""

import hashlib
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labelmend.data.duplicates import text_key
from labelmend.errors import InputError, OutputError

_KEY_BYTES = 32
"""Of a key: as long as BLAKE2b's security."""

_HASH_BYTES = 16
"""Of a hash: 128 bits, so that no two texts of a log meet by chance."""

_SENDER = "s-"
"""What the hash of a sender begins with, so that a person tells it from an account."""

_IS_HASH = re.compile(f"{_SENDER}[0-9a-f]{{{2 * _HASH_BYTES}}}")

_NEW = "bring it back, or begin a new log"


@dataclass(frozen=True)
class LogKey:
    """Hashes texts and senders of one log.

    Attributes:
        secret: of `_KEY_BYTES`.
    """

    secret: bytes

    @classmethod
    def beside(cls, log: Path) -> Path:
        """Return where the key of a log lies."""
        return log.with_name(f"{log.name}.key")

    @classmethod
    def read(cls, path: Path) -> "LogKey":
        """Read a key.

        Raises:
            InputError: there is none, or it is damaged.
        """
        try:
            secret = bytes.fromhex(path.read_text("ascii"))
        except FileNotFoundError:
            raise InputError(f"{path}: the key of the log is missing; {_NEW}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is damaged"
            raise InputError(f"{path}: can't read the key of the log: {reason}; {_NEW}") from None
        if len(secret) != _KEY_BYTES:
            raise InputError(f"{path}: is no key of a log; {_NEW}")
        return cls(secret)

    @classmethod
    def made(cls, path: Path) -> "LogKey":
        """Make a key and keep it, readable by its owner only; one that is there already stays.

        Raises:
            InputError: what is there is no key.
            OutputError: it can't be written.
        """
        rough = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(rough, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, secrets.token_hex(_KEY_BYTES).encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            # Of two processes that begin a log, the first one's key stands.
            with suppress(FileExistsError):
                os.link(rough, path)
        except OSError as error:
            raise OutputError(
                f"{path}: can't write the key of the log: {error.strerror or error}; choose a "
                "folder that you may write to"
            ) from None
        finally:
            rough.unlink(missing_ok=True)
        return cls.read(path)

    def of_text(self, text: str) -> str:
        """Return the hash of a text; its copies, as `text_key` has them, share it."""
        return self._hash(b"text", text_key(text))

    def of_sender(self, sender: str) -> str:
        """Return the hash of a sender, "" of nobody."""
        return _SENDER + self._hash(b"sender", sender) if sender else ""

    def of_named(self, sender: str) -> str:
        """Return the hash of a sender that the log's owner names, by account or by its hash."""
        return sender if _IS_HASH.fullmatch(sender) else self.of_sender(sender)

    def check(self) -> str:
        """Return what tells this key from others."""
        return self._hash(b"check", "")

    def _hash(self, what: bytes, value: str) -> str:
        raw = value.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(
            raw, key=self.secret, person=what, digest_size=_HASH_BYTES
        ).hexdigest()
