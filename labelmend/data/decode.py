"""Bytes to text: the byte order mark, then UTF-8, then a guess between two old code pages."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from labelmend.errors import InputError, shown

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BOM_OF = {codec: bom for bom, codec in _BOMS}
_BARE = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}
"""Codecs that eat a byte order mark, and what they are without it."""

_ASCII_END = 0x7F
"""The last byte of ASCII."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WORD = re.compile(rb"[A-Za-z\xa8\xb8\xc0-\xff]+")
"""Letters by cp1251; the high ones are letters by cp1252 too, but for two."""
_COMMON_CYRILLIC = frozenset("оеаинтс")
_RARE_CYRILLIC = frozenset("йфчцщъэюжх")
_LEAST_LEAD = 0.2
"""Share of common less share of rare letters: 0.4 in Russian, 0.1 in KOI8-R read as cp1251."""

_ENOUGH_LETTERS = 20
"""Fewer letters don't tell. Chosen by hand."""

_UTF16_CHARS = 1 << 14
"""Characters in which what no text has is looked for: a wrong byte order shows in the first."""


_SAVE_AS_XLSX = "open it in a spreadsheet and save it as .xlsx or as CSV (UTF-8)"
_MAGIC = (
    (b"PK\x03\x04", "a zip archive", "unpack it and give the table inside"),
    (b"\x1f\x8b", "a gzip archive", "end its name in .gz, such as table.csv.gz"),
    (b"BZh", "a bzip2 archive", "unpack it with bunzip2"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "end its name in .zst, such as table.csv.zst"),
    (b"%PDF", "a PDF", "export its table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", _SAVE_AS_XLSX),
    (b"PAR1", "Parquet", "rename it to end in .parquet"),
    (b"SQLite format 3", "an SQLite database", "export its table as CSV"),
)


@dataclass(frozen=True)
class DecodedText:
    """A file's text, and what turns it back into the same bytes.

    Attributes:
        text: without the byte order mark; line ends as they are.
        encoding: a codec that neither eats nor writes a byte order mark.
        bom: the byte order mark the file began with, or no bytes.
    """

    text: str
    encoding: str
    bom: bytes


def decode(raw: bytes, path: Path, encoding: str | None = None) -> DecodedText:
    """Decode a text file's bytes, by `encoding` if it is given.

    Raises:
        InputError: the bytes are no text, not of that encoding, or of none that can be told; or
            the encoding can't give the same bytes back.
    """
    _refuse_magic(raw, path)
    decoded = _decode_as(raw, path, encoding) if encoding else _detect(raw, path)
    if "\0" in decoded.text:
        raise InputError(
            f"{path}: holds NUL bytes, so it is binary, not a text table; "
            "give a table in one of the formats of docs/files.md"
        )
    try:
        back = decoded.text.encode(decoded.encoding)
    except ValueError:
        back = b""
    if decoded.bom + back != raw:
        raise InputError(
            f"{path}: {decoded.encoding} would not give the same bytes back; "
            "convert the file to UTF-8"
        )
    return decoded


def _refuse_magic(raw: bytes, path: Path) -> None:
    if raw.startswith(b"PK\x03\x04") and b"xl/" in raw:
        raise InputError(f"{path}: looks like an Excel workbook; end its name in .xlsx")
    for magic, kind, advice in _MAGIC:
        if raw.startswith(magic):
            raise InputError(f"{path}: looks like {kind}, not a text table; {advice}")


def _decode_as(raw: bytes, path: Path, encoding: str) -> DecodedText:
    try:
        codec = codecs.lookup(encoding).name
        if codec == "utf-16" and raw.startswith(codecs.BOM_UTF16_BE):
            codec = "utf-16-be"
        codec = _BARE.get(codec, codec)
        mark = _BOM_OF.get(codec, b"")
        return _strict(raw, mark if raw.startswith(mark) else b"", codec, path)
    # LookupError also of codecs such as hex, which do not make text; ValueError of names with NUL
    # or half a character.
    except (LookupError, ValueError):
        raise InputError(
            f"{path}: unknown encoding {shown(encoding)}; give one that Python knows, "
            "such as utf-8, utf-16, cp1251 or latin-1"
        ) from None


def _detect(raw: bytes, path: Path) -> DecodedText:
    for mark, codec in _BOMS:
        if raw.startswith(mark):
            return _strict(raw, mark, codec, path)
    if b"\0" in raw:
        return _detect_utf16(raw, path)
    try:
        return DecodedText(raw.decode("utf-8"), "utf-8", b"")
    except UnicodeDecodeError as error:
        if _is_damaged_utf8(raw):
            raise _undecodable(error, raw, path) from None
    page = _guess_code_page(raw)
    if page is None:
        raise InputError(
            f"{path}: can't tell the encoding (not UTF-8, UTF-16, cp1251 or latin-1); "
            "name it with --encoding"
        )
    return _strict(raw, b"", page, path)


def _strict(raw: bytes, mark: bytes, codec: str, path: Path) -> DecodedText:
    try:
        return DecodedText(raw[len(mark) :].decode(codec), codec, mark)
    except UnicodeDecodeError as error:
        error.start += len(mark)
        raise _undecodable(error, raw, path) from None
    except ValueError:  # UnicodeError and others, of codecs for host names and the like
        raise InputError(f"{path}: {codec} is no encoding of tables; give another") from None


def _undecodable(error: UnicodeDecodeError, raw: bytes, path: Path) -> InputError:
    line = raw[: error.start].decode(error.encoding, "ignore").count("\n") + 1
    return InputError(
        f"{path}: line {line}, byte offset {error.start}: byte 0x{raw[error.start]:02x} is not "
        f"{error.encoding}; mend the file, or name its encoding with --encoding"
    )


def _detect_utf16(raw: bytes, path: Path) -> DecodedText:
    """Tell UTF-16 without a byte order mark from binary: ASCII leaves NULs on one side only."""
    codec = "utf-16-le" if raw[1::2].count(0) >= raw[::2].count(0) else "utf-16-be"
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        text = "\0"
    odd = ("Cc", "Cn", "Co")
    if any(unicodedata.category(c) in odd and c not in "\t\r\n" for c in text[:_UTF16_CHARS]):
        raise InputError(
            f"{path}: holds NUL bytes, so it is binary, not a text table; "
            "give a table in one of the formats of docs/files.md"
        )
    return DecodedText(text, codec, b"")


def _is_damaged_utf8(raw: bytes) -> bool:
    """Whether more characters are good UTF-8 than not: old code pages hardly ever look so."""
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return foreign > 2 * bad


def _guess_code_page(raw: bytes) -> str | None:
    """Tell cp1251 from cp1252 by its words, or neither.

    Cyrillic words hold no ASCII letters, western words hardly ever go without. On files of one to
    a hundred rows this errs less than charset-normalizer does on these two code pages. cp1252
    stands for latin-1 too: they differ in control characters only, which no text holds.
    """
    if _CONTROL.search(raw):
        return None
    foreign = [word for word in _WORD.findall(raw) if not word.isascii()]
    whole = sum(len(word) > 1 and min(word) > _ASCII_END for word in foreign)
    mixed = sum(min(word) <= _ASCII_END for word in foreign)
    codec = "cp1251" if whole > mixed else "cp1252"
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return None
    if codec == "cp1251":
        high = [c for c in text.casefold() if not c.isascii()]
        lead = sum((c in _COMMON_CYRILLIC) - (c in _RARE_CYRILLIC) for c in high)
        if len(high) >= _ENOUGH_LETTERS and lead < _LEAST_LEAD * len(high):
            return None
    return codec
