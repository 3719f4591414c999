"""Signatures of minisign: who made a file, which its hash does not say.

Whoever changes a file can write its hash anew; a signature takes the key. The format is that of
minisign (https://jedisct1.github.io/minisign), whose tool makes keys and signs; here it is only
checked: Ed25519 of the file or of its BLAKE2b-512, and of the comment that stands with it.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from labelmend.errors import ConfigError, ModelError, ModelHashError
from labelmend.extras import require
from labelmend.regular_file import read_regular

SUFFIX = ".minisig"
"""What minisign calls the signature of a file: its name and this."""

_MOST_BYTES = 10_000
"""Of a key or a signature, which take some hundred."""

_PLAIN, _HASHED = b"Ed", b"ED"
"""What begins a signature of the file itself, or of its BLAKE2b-512; keys begin with the first."""

_ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 8, 32, 64
"""Of a key's id, of a key, and of a signature by Ed25519 (RFC 8032)."""

_TRUSTED = "trusted comment: "


@dataclass(frozen=True)
class TrustedKey:
    """A public key of minisign: its id, and the 32 bytes of Ed25519."""

    key_id: bytes
    key: bytes

    @classmethod
    def read(cls, path: Path) -> "TrustedKey":
        """Read a public key, as `minisign -G` writes it to minisign.pub.

        Raises:
            ConfigError: it is none.
        """
        try:
            lines = read_regular(path, _MOST_BYTES).decode().splitlines()
            raw = base64.b64decode(lines[1] if len(lines) > 1 else lines[0], validate=True)
        except OSError as error:
            raise ConfigError(f"--trust-key {path}: can't be read: {error.strerror}") from None
        except (UnicodeDecodeError, binascii.Error, ValueError, IndexError):
            raw = b""
        if len(raw) != len(_PLAIN) + _ID_BYTES + _KEY_BYTES or not raw.startswith(_PLAIN):
            raise ConfigError(
                f"--trust-key {path}: is no public key of minisign; give its minisign.pub"
            )
        return cls(raw[2 : 2 + _ID_BYTES], raw[2 + _ID_BYTES :])

    def check(self, path: Path) -> str:
        """Hold a file to the signature beside it, and return the comment that was signed with it.

        Raises:
            ModelHashError: there is no signature, it is another key's, or not of this file.
            ModelError: the file can't be read, or cryptography is not installed.
        """
        signed = path.with_name(path.name + SUFFIX)
        try:
            algorithm, key_id, signature, comment, comment_signature = _parts(signed)
            content = read_regular(path)
        except FileNotFoundError:
            raise ModelHashError(
                f"{path}: is not signed; sign it with: minisign -Sm {path.name}"
            ) from None
        except OSError as error:
            raise ModelError(f"{error.filename}: can't be read: {error.strerror}") from None
        except (ValueError, IndexError):
            raise ModelHashError(f"{signed}: is no signature of minisign; sign again") from None
        if key_id != self.key_id:
            raise ModelHashError(f"{signed}: was made with another key than the trusted one")
        if algorithm == _HASHED:
            content = hashlib.blake2b(content).digest()
        if not self._signed(signature, content):
            raise ModelHashError(f"{signed}: is not of {path.name} as it is: it was changed since")
        if not self._signed(comment_signature, signature + comment.encode()):
            raise ModelHashError(f"{signed}: its trusted comment was changed")
        return comment

    def _signed(self, signature: bytes, content: bytes) -> bool:
        require("cryptography", by="--trust-key")
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, content)
        except InvalidSignature:
            return False
        return True


def _parts(path: Path) -> tuple[bytes, bytes, bytes, str, bytes]:
    """Return a signature's algorithm, key id and signature, its comment and the comment's own.

    Raises:
        OSError: it can't be read.
        ValueError: it is none; so does an IndexError.
    """
    lines = read_regular(path, _MOST_BYTES).decode().splitlines()
    raw = base64.b64decode(lines[1], validate=True)
    comment_signature = base64.b64decode(lines[3], validate=True)
    start = len(_PLAIN) + _ID_BYTES
    sizes = (len(raw), len(comment_signature))
    known = raw[: len(_PLAIN)] in (_PLAIN, _HASHED) and lines[2].startswith(_TRUSTED)
    if not known or sizes != (start + _SIGNATURE_BYTES, _SIGNATURE_BYTES):
        raise ValueError("no signature")
    comment = lines[2].removeprefix(_TRUSTED)
    return raw[:2], raw[2:start], raw[start:], comment, comment_signature
