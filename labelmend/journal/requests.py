"""Requests into the log: masked and hashed as its rules say."""

import json
import sqlite3
from collections.abc import Callable, Sequence

from labelmend.journal.database import transaction
from labelmend.journal.entries import Entry, Guess, LogRules
from labelmend.journal.keys import LogKey

_DIGITS = 6
"""Of probabilities that are kept."""


def keep_requests(
    database: sqlite3.Connection, key: LogKey, entries: Sequence[Entry], rules: LogRules
) -> None:
    """Write requests and what was guessed of them, all or none.

    Where personal data are masked, the hash is that of the masked text: what was masked leaves no
    trace, and texts that differ in it only are copies. A request whose id is there already is left
    out.
    """
    mask = _masker(rules)
    requests, guesses = [], []
    for entry in entries:
        text, masked = mask(entry.text)
        requests.append(
            (
                entry.id,
                int(entry.at * 1000),
                entry.source,
                key.of_sender(entry.sender),
                key.of_text(text),
                masked,
                _storable(text) if rules.texts else None,
            )
        )
        guesses += [_guess(entry.id, place, one) for place, one in enumerate(entry.guesses)]
    with transaction(database):
        database.executemany("INSERT OR IGNORE INTO requests VALUES (?,?,?,?,?,?,?)", requests)
        database.executemany("INSERT OR IGNORE INTO guesses VALUES (?,?,?,?,?,?,?)", guesses)


def _masker(rules: LogRules) -> Callable[[str], tuple[str, int]]:
    """Return what gives the text to keep, and how many places of it were masked."""
    if not rules.mask:
        return lambda text: (text, 0)
    from labelmend.journal.mask import mask

    return mask


def _guess(request: str, place: int, guess: Guess) -> tuple[str | int | float, ...]:
    top = [[label, round(p, _DIGITS)] for label, p in guess.top]
    probability = round(guess.probability, _DIGITS)
    names = json.dumps(top, ensure_ascii=False, separators=(",", ":"))
    return request, place, guess.model, guess.label, probability, int(guess.is_oos), names


def _storable(text: str) -> str:
    """Return a text without what tables can't hold: halves of characters, and NUL."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
