"""Personal data in texts, found by their form and their check digits: no model is asked.

Numbers of phones are known by libphonenumber's rules, those of bank accounts by ISO 13616, of cards
by Luhn's check digit (ISO 7812). What has no check digit is masked rather too often than too
seldom: any number of nine digits and more goes. Names and postal addresses have no form that a rule
could know, and stay.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from itertools import islice

from phonenumbers import NumberParseException, is_valid_number, parse
from stdnum import iban, luhn

_REGIONS = ("US", "GB", "RU", "DE", "FR", "ES", "IT", "IN")
"""Countries whose phone numbers are known without their prefix, such as +44."""

_PHONE_DIGITS = 7
"""A text with fewer digits has no phone number: the shortest of libphonenumber's that is dialled
from elsewhere."""

_NUMBER_DIGITS = 9
"""From so many digits on, a number names something: prices and years are shorter."""

_MOST_PHONES = 50
"""That are told from other numbers in one text, at some 0.1 ms each; of nine digits, the others go
as numbers."""

_LONGEST_PHONE = 30
"""Characters: 15 digits (ITU-T E.164), and what stands between them."""

_CARD_DIGITS = range(12, 20)
"""Digits of a card's number (ISO 7812)."""

Span = tuple[int, int, str]
"""Where something stands, from and to, and the word for it."""


def mask(text: str) -> tuple[str, int]:
    """Put a word in the place of each personal datum: [URL], [MAIL], [IBAN] and so on.

    Returns:
        the text, and how many words were put into it.
    """
    if _HINT.search(text) is None:
        return text, 0
    pieces: list[str] = []
    end = count = 0
    for begin, stop, word in _apart(text):
        pieces += (text[end:begin], f"[{word}]")
        end, count = stop, count + 1
    return "".join((*pieces, text[end:])), count


def _apart(text: str) -> list[Span]:
    """Return what is masked, in order; of two that overlap, that of the surer recogniser."""
    taken = bytearray(len(text))
    spans: list[Span] = []
    for found in _RECOGNISERS:
        for begin, end, word in found(text):
            if not any(taken[begin:end]):
                taken[begin:end] = b"\1" * (end - begin)
                spans.append((begin, end, word))
    return sorted(spans)


def _matches(
    pattern: re.Pattern[str], word: str, holds: Callable[[str], bool] = bool
) -> Callable[[str], Iterator[Span]]:
    """Return a recogniser of what a pattern matches and a check confirms."""

    def find(text: str) -> Iterator[Span]:
        for found in pattern.finditer(text):
            if holds(found.group()):
                yield found.start(), found.end(), word

    return find


def _digits(text: str) -> str:
    """Return the digits of a text, whatever script they are of, as ASCII."""
    return "".join(str(int(c)) for c in text if c.isdecimal())


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return len(digits) in _CARD_DIGITS and bool(luhn.is_valid(digits))


def _is_ip(text: str) -> bool:
    if not _digits(text):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return len(_digits(text)) >= _NUMBER_DIGITS


def _ibans(text: str) -> Iterator[Span]:
    """Yield bank accounts: what follows one, such as a word, is not taken for a part of it."""
    for found in _IBAN.finditer(text):
        ends = [at.end() for at in re.finditer(r"[0-9A-Za-z](?![0-9A-Za-z])", found.group())]
        for end in reversed(ends):
            if iban.is_valid(found.group()[:end]):
                yield found.start(), found.start() + end, "IBAN"
                break


def _phones(text: str) -> Iterator[Span]:
    """Yield phone numbers, with their country's prefix or as one dials them in `_REGIONS`."""
    found = (one for one in _NUMBER.finditer(text) if len(_digits(one.group())) >= _PHONE_DIGITS)
    for match in islice(found, _MOST_PHONES):
        if _is_phone(match.group()):
            yield match.start(), match.end(), "PHONE"


def _is_phone(text: str) -> bool:
    if len(text) > _LONGEST_PHONE or _DATE.fullmatch(text):
        return False
    for region in _REGIONS:
        try:
            if is_valid_number(parse(text, region)):
                return True
        except NumberParseException:
            continue
    return False


_HINT = re.compile(r"(?i)[\d@]|://|www\.")
"""What a text has in which anything is masked: most have none of it."""

_URL = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"'()\[\]{}]+(?<![.,;:!?])")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}(?![\w-])")
_IBAN = re.compile(r"(?i)(?<![0-9a-z])[a-z]{2}\d{2}(?:[ -]?[0-9a-z]){11,30}(?![0-9a-z])")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")
_IP4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)")
_IP6 = re.compile(r"(?i)(?<![0-9a-z:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-z:])")
_UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")
_TOKEN = re.compile(r"(?<!\w)(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{20,200}(?!\w)")
_PAPER = re.compile(r"(?<!\w)[A-Z]{1,3}[ -]?\d{6,9}(?!\w)")
_SSN = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
_HANDLE = re.compile(r"(?<![\w@])@\w{3,64}")
_DATE = re.compile(r"\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4}")
_NUMBER = re.compile(r"(?<!\d)\+?\(?\d(?:[ ()./-]{0,2}\d){6,}(?!\d)")

_RECOGNISERS: tuple[Callable[[str], Iterator[Span]], ...] = (
    _matches(_URL, "URL"),
    _matches(_MAIL, "MAIL"),
    _ibans,
    _matches(_UUID, "ID"),
    _matches(_IP4, "IP", _is_ip),
    _matches(_IP6, "IP", _is_ip),
    _matches(_CARD, "CARD", _is_card),
    _matches(_SSN, "ID"),
    _phones,
    _matches(_PAPER, "ID"),
    _matches(_TOKEN, "ID"),
    _matches(_HANDLE, "USER"),
    _matches(_NUMBER, "NUMBER", _is_number),
)
"""The surest first."""
