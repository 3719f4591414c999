"""A queue of a log of several labels a text, as a mended table of such, which `review` reads.

What the models called is what a row was given, and nothing is changed; all rows are under review,
and the record of the run ranks them.
"""

import csv
import hashlib
import io
import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmend.configs.load import config_to_dict, load_config
from labelmend.journal.doubt import PRIOR, Doubted
from labelmend.journal.entries import utc
from labelmend.journal.read import LoggedLabels
from labelmend.journal.review_queue import queue_input, served_models
from labelmend.journal.sets import labels_in
from labelmend.relabel.assignments.explanation import LikelyLabel, SetExplanation
from labelmend.runs.companions import EVIDENCE, TABLE
from labelmend.runs.sets.record import AssignmentHarm, LabelRecord, SetRunRecord
from labelmend.version import __version__
from labelmend.voice.speak import note

COLUMNS = (
    *("id", "text", "labels", "mended_labels", "added", "removed", "decision"),
    *("label_quality", "confidence", "requests", "feedback", "last_asked", "rising"),
)
"""Of the table. The first nine are as `labelmend relabel` writes them."""

_REVIEW = "review"

_DIGITS = 6
"""Of probabilities."""


@dataclass(frozen=True)
class SetQueueFiles:
    """What a queue is on the disk, each file as its bytes; the record has all labels.

    Attributes:
        table: CSV.
        evidence: a line a row.
        record: of the run that it stands for.
    """

    table: bytes
    evidence: bytes
    record: bytes


def set_queue_files(log: Path, texts: Sequence[Doubted], labels: LoggedLabels) -> SetQueueFiles:
    """Return the files of a queue.

    Args:
        log: that it is of.
        texts: in the order of a look; at least one.
        labels: all that were served.
    """
    config = load_config()
    limit = config.data.max_text_chars
    shares = [label_shares(one) for one in texts]
    evidence = "".join(
        f"{_evidence(row, one, held, limit).to_line()}\n"
        for row, (one, held) in enumerate(zip(texts, shares, strict=True), start=1)
    )
    parts = {TABLE: _table(texts), EVIDENCE: evidence.encode()}
    given = Counter(label for one in texts for label in labels_in(one.label))
    names = sorted({*labels.labels, *(label for held in shares for label in held)})
    wrong, missing, holding = _expected(texts, shares)
    record = SetRunRecord(
        labelmend=__version__,
        input=queue_input(log, len(texts), "labels"),
        label_columns=(),
        seed=config.seed,
        config=config_to_dict(config),
        models=served_models(texts),
        labels={
            name: LabelRecord(
                given=given[name],
                mended=given[name],
                added=0,
                removed=0,
                forgotten_rate=0.0,
                added_rate=0.0,
            )
            for name in names
        },
        counts={_REVIEW: len(texts)},
        assignments={"added": 0, "removed": 0},
        estimated_wrong=round(wrong / max(given.total(), 1), _DIGITS),
        estimated_missing=round(missing / holding if holding else 0.0, _DIGITS),
        harm=AssignmentHarm(
            expected_broken=0.0, expected_false=0.0, expected_holding=round(holding, 4), budget=0.0
        ),
        answered=0,
        review_order=tuple(one.of.last.id for one in texts),
        notes=(),
        versions={"python": platform.python_version()},
        files={what: hashlib.sha256(raw).hexdigest() for what, raw in parts.items()},
    )
    return SetQueueFiles(parts[TABLE], parts[EVIDENCE], record.to_json().encode())


def label_shares(one: Doubted) -> dict[str, float]:
    """Return how probable each label is that a model or somebody named, the likeliest first.

    What the models believe counts as `PRIOR` people; of a label that a model did not name among its
    likeliest it is taken to believe nothing.
    """
    guesses = one.of.last.guesses
    believed: dict[str, float] = defaultdict(float)
    for guess in guesses:
        for label, share in guess.top:
            believed[label] += share / len(guesses)
    sets = [labels_in(word.label) for word in one.of.words if word.label is not None]
    said = Counter(label for labels in sets for label in labels)
    weighed = {
        label: (PRIOR * believed[label] + said[label]) / (PRIOR + len(sets))
        for label in sorted({*believed, *said})
    }
    return dict(sorted(weighed.items(), key=lambda share: (-share[1], share[0])))


def _expected(
    texts: Sequence[Doubted], shares: Sequence[dict[str, float]]
) -> tuple[float, float, float]:
    """Return how many given labels are expected to be wrong, how many to be missing, and to hold.

    Of labels that nobody named nothing is known; they count as none.
    """
    wrong = missing = holding = 0.0
    for one, held in zip(texts, shares, strict=True):
        given = set(labels_in(one.label))
        wrong += sum(1 - held.get(label, 0.0) for label in given)
        missing += sum(share for label, share in held.items() if label not in given)
        holding += sum(held.values())
    return wrong, missing, holding


def _table(texts: Sequence[Doubted]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in texts:
        last, sure = one.of.last, f"{1 - one.doubt:.6g}"
        writer.writerow(
            [
                *(last.id, one.of.text, one.label, one.label, "", "", _REVIEW, sure, sure),
                *(one.of.count, len(one.of.words), utc(last.at), "true" if one.rising else "false"),
            ]
        )
    return text.getvalue().encode()


def _evidence(row: int, one: Doubted, held: dict[str, float], limit: int) -> SetExplanation:
    """Return why a row is in the queue.

    Args:
        row: its number, from 1.
        one: the text.
        held: how probable each of its labels is.
        limit: characters of a text that are read.
    """
    given = list(labels_in(one.label))
    return SetExplanation(
        row=row,
        id=one.of.last.id,
        text=one.of.text[:limit],
        given=given,
        mended=given,
        added=[],
        removed=[],
        decision="review",
        reason=_reason(one),
        labels=[LikelyLabel(label, round(share, _DIGITS)) for label, share in held.items()],
        neighbours=[],
    )


def _reason(one: Doubted) -> str:
    against = sum(word.label != one.label for word in one.of.words)
    if not one.of.words:
        return note(
            "Asked {requests:,} {requests:one=time|other=times}; nobody said which labels are "
            "right.",
            requests=one.of.count,
        )
    return note(
        "Asked {requests:,} {requests:one=time|other=times}; {people} of {words} that spoke say "
        "that the labels are wrong.",
        requests=one.of.count,
        people=against,
        words=len(one.of.words),
    )
