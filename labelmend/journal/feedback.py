"""What people say of answers: of a request that is known, with a label that there is, not too much.

One sender's word on a request replaces the earlier one. How often a sender may speak is limited
here; what share of a new training table one sender may have, where the table is made (`rows.py`).
"""

import math
import sqlite3
from collections.abc import Collection

from labelmend.errors import LabelmendError, nearest, shown
from labelmend.journal.database import transaction
from labelmend.journal.entries import LogRules, Said
from labelmend.journal.keys import LogKey

_HOUR = 3_600_000
"""Milliseconds."""

_MOST_SENDERS = 20
"""That may speak on one request: a request has one sender, and few people look at its answer."""

_MOST_CHANGES = 10
"""Times that one sender may say something else of the same request."""


class FeedbackError(LabelmendError):
    """Feedback is refused; nothing was kept.

    Attributes:
        status: of the reply, as HTTP has it.
        retry_after: seconds after which it may be given; None where waiting does not help.
    """

    def __init__(self, message: str, status: int, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def no_request(request: str) -> FeedbackError:
    """Return what is said of a request that is not in the log."""
    return FeedbackError(f"there is no request {shown(request)}", 404)


def keep_feedback(
    database: sqlite3.Connection,
    key: LogKey,
    said: Said,
    labels: Collection[str],
    rules: LogRules,
    at: int,
) -> None:
    """Keep what was said; once this returns, it outlives a loss of power.

    Args:
        database: of the log.
        key: of the log.
        said: of a request.
        labels: the closed list of those that there are.
        rules: how much one sender may say.
        at: milliseconds since 1970.

    Raises:
        FeedbackError: it is refused.
    """
    sender = key.of_sender(said.sender)
    database.execute("PRAGMA synchronous = FULL")
    try:
        with transaction(database):
            guess = database.execute(
                "SELECT label FROM guesses WHERE request = ? AND place = 0", (said.request,)
            ).fetchone()
            if guess is None:
                raise no_request(said.request)
            label = guess[0] if said.verdict == "right" else said.kept
            for strange in (one for one in said.named if one not in labels):
                hint = nearest(strange, labels)
                raise FeedbackError(f"there is no label {shown(strange)}{hint}", 422)
            _refuse_flood(database, said.request, sender, rules, at)
            database.execute(
                "INSERT INTO feedback VALUES (?, ?, ?, ?, 1) ON CONFLICT (request, sender) DO "
                "UPDATE SET at = excluded.at, label = excluded.label, times = feedback.times + 1",
                (said.request, sender, at, label),
            )
    finally:
        database.execute("PRAGMA synchronous = NORMAL")


def _refuse_flood(
    database: sqlite3.Connection, request: str, sender: str, rules: LogRules, at: int
) -> None:
    """Refuse what is too much.

    Raises:
        FeedbackError: it is.
    """
    since = at - _HOUR
    times, first = database.execute(
        "SELECT coalesce(sum(times), 0), min(at) FROM feedback WHERE sender = ? AND at > ?",
        (sender, since),
    ).fetchone()
    if times >= rules.feedback_an_hour:
        wait = 3600 if first is None else max(math.ceil((first - since) / 1000), 1)
        raise FeedbackError("too much feedback from one sender; wait", 429, wait)
    mine = database.execute(
        "SELECT times FROM feedback WHERE request = ? AND sender = ?", (request, sender)
    ).fetchone()
    if mine is not None and mine[0] >= _MOST_CHANGES:
        raise FeedbackError("this feedback was changed too often", 409)
    (senders,) = database.execute(
        "SELECT count(*) FROM feedback WHERE request = ?", (request,)
    ).fetchone()
    if mine is None and senders >= _MOST_SENDERS:
        raise FeedbackError("too many have given feedback on this request", 409)
