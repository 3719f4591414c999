"""Files packed by gzip or zstd: any format inside, told by the suffix before the last one."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from labelmend.data.formats.base import Format
from labelmend.data.table import Content, NewColumn, SourceTable
from labelmend.errors import InputError

_MOST_BYTES = 1 << 31
"""Bytes that a file may unpack to, 2 GiB: a table of ten million long messages."""

_MOST_RATIO = 200
"""Unpacked bytes to packed ones above which a file is no table: texts reach 30, logs with one line
over and over 100, and what is made to fill a disk 1,000 and more."""

_FREE_BYTES = 1 << 26
"""Up to here, 64 MiB, the ratio is not looked at: it does no harm."""

_CHUNK = 1 << 20
"""Bytes that are unpacked at once."""

_ZSTD_CHUNK = 1 << 10
"""Packed bytes at once: a block of four may unpack to 128 KiB, so this many to 32 MiB."""

_WINDOW_LOG = 27
"""Of zstd: 128 MiB, what its own command allows without --long."""

_NO_TIME = 0
"""In gzip's header, so that the same table gives the same bytes."""


class Packing(NamedTuple):
    """A way to pack files.

    Attributes:
        name: in messages.
        pieces: yields unpacked bytes, little by little; ValueError and OSError say what is damaged.
        pack: packs bytes.
        begins: what all such files begin with.
    """

    name: str
    pieces: Callable[[bytes], Iterator[bytes]]
    pack: Callable[[bytes], bytes]
    begins: bytes


def split_name(path: Path) -> tuple[str, str, Packing | None]:
    """Return a file's name without its suffixes, the format's suffix in lower case, its packing.

    `a.csv.gz` gives `a`, `.csv` and gzip.
    """
    packing = PACKINGS.get(path.suffix.lower())
    inner = path if packing is None else path.with_suffix("")
    return inner.stem, inner.suffix.lower(), packing


def full_suffix(path: Path) -> str:
    """Return all that tells a file's format: `.csv.gz`, as it is spelled."""
    return path.name[len(split_name(path)[0]) :]


def unpacked(raw: bytes, path: Path, *, by_name: bool = True) -> bytes:
    """Return what a file holds: as it is where nothing tells of a packing.

    Args:
        raw: its bytes.
        path: what messages call it.
        by_name: its name tells how it is packed; else its first bytes do.

    Raises:
        InputError: it is damaged, or holds far more than a table would.
    """
    packing = split_name(path)[2] if by_name else _by_first_bytes(raw)
    if packing is None:
        return raw
    most = min(_MOST_BYTES, max(_FREE_BYTES, len(raw) * _MOST_RATIO))
    pieces = []
    size = 0
    try:
        for piece in packing.pieces(raw):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                break
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: can't be unpacked as {packing.name} ({reason}); pack the table again"
        ) from None
    if size > most:
        raise InputError(
            f"{path}: {len(raw):,} bytes of {packing.name} unpack to more than {most:,}, which no "
            "table does that is meant well; unpack it yourself if it is one"
        )
    return b"".join(pieces)


class Compressed(Format):
    """Another format's files, packed; what is inside comes back byte by byte."""

    def __init__(self, inner: Format, packing: Packing) -> None:
        self.name = inner.name
        self.suffixes = inner.suffixes
        self._inner = inner
        self._packing = packing

    def read(self, content: Content) -> SourceTable:
        """Read what is inside."""
        return self._inner.read(content)

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Pack what the format inside writes."""
        return self._packing.pack(self._inner.write(table, columns))


def _by_first_bytes(raw: bytes) -> Packing | None:
    return next((found for found in PACKINGS.values() if raw.startswith(found.begins)), None)


def _gunzip(raw: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
        try:
            while piece := stream.read(_CHUNK):
                yield piece
        except (EOFError, zlib.error) as error:
            raise ValueError(str(error)) from None


def _gzip(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=_NO_TIME)


def _unzstd(raw: bytes) -> Iterator[bytes]:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG)
    frame = unpacker.decompressobj()
    for start in range(0, len(raw), _ZSTD_CHUNK):
        rest = raw[start : start + _ZSTD_CHUNK]
        while rest:
            if frame.eof:
                frame = unpacker.decompressobj()
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise ValueError(str(error)) from None
            rest = frame.unused_data
    if not frame.eof:
        raise ValueError("the file ends before its end")


def _zstd(raw: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(raw)


PACKINGS = {
    ".gz": Packing("gzip", _gunzip, _gzip, b"\x1f\x8b"),
    ".zst": Packing("zstd", _unzstd, _zstd, b"\x28\xb5\x2f\xfd"),
}
