"""New intents as a queue that people review: examples, under names made of words."""

from collections.abc import Sequence

from labelmend.data.answers import text_sha256
from labelmend.drift.intents import NewIntent
from labelmend.drift.observed import Observed
from labelmend.journal.doubt import Doubted
from labelmend.journal.entries import Guess
from labelmend.journal.read import Logged, LoggedLabels, LoggedText
from labelmend.journal.review_queue import QueueFiles, queue_files

_NEW = "new: "
"""Begins the name that is proposed, so that nobody takes it for a label that somebody chose."""


def intent_queue(
    log: Observed, intents: Sequence[NewIntent], labels: Sequence[str], oos: str | None
) -> QueueFiles:
    """Return the files of a queue with the examples of new intents, one intent after the other.

    Args:
        log: that the intents were found in.
        intents: at least one.
        labels: all that an answer may name besides.
        oos: the label that means "fits no label"; None without one.
    """
    taken: dict[str, Doubted] = {}
    for intent in intents:
        for row in intent.examples.tolist():
            # A text that lies in two of them is asked about once.
            taken.setdefault(log.texts[row], _doubted(log, row, intent))
    names = sorted({*labels, *(_NEW + one.name for one in intents)} - {""})
    return queue_files(log.path, list(taken.values()), LoggedLabels(tuple(names), oos))


def _doubted(log: Observed, row: int, intent: NewIntent) -> Doubted:
    """Return a row with the intent as what is proposed."""
    text, given = log.texts[row], ""
    if log.labels is not None:
        given = log.labels[row]
    proposed = _NEW + intent.name
    guess = Guess("drift", given or proposed, 0.0, is_oos=False, top=((proposed, 1.0),))
    logged = Logged(
        *(log.rows[row], 0, "monitor", "", text_sha256(text), 0, text),
        guesses=(guess,),
        words=(),
    )
    return Doubted(LoggedText(logged, text, 1, ()), 1.0, ((proposed, 1.0),), rising=True)
