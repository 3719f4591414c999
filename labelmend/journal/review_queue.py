"""A queue of the log as a mended table, which `labelmend review` and its neighbours read.

The label of a row is the one that was answered; all rows are under review; the record of the run
ranks them. Nothing else of a run is there: no noise channel was learned, and no harm is done.
"""

import csv
import hashlib
import io
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from labelmend.configs.load import config_to_dict, load_config
from labelmend.data.labels_file import labels_yaml
from labelmend.journal.doubt import Doubted
from labelmend.journal.entries import utc
from labelmend.journal.read import LoggedLabels
from labelmend.relabel.diagnostics.explanation import CandidateNats, Explanation
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.runs.companions import EVIDENCE, LABELS, TABLE
from labelmend.runs.parts import (
    Advice,
    HarmRecord,
    InputColumns,
    NoiseRecord,
    RunInput,
    TrustRecord,
    UsedModel,
)
from labelmend.runs.record import RunRecord
from labelmend.types import LabelCard
from labelmend.version import __version__
from labelmend.voice.speak import note

COLUMNS = (
    *("id", "text", "label", "mended_label", "decision", "label_quality", "confidence"),
    *("requests", "feedback", "last_asked", "rising"),
)
"""Of the table. The first seven are as `labelmend relabel` writes them."""

_LEAST = 1e-6
"""A share that is less counts as so much: evidence is in nats, and of nothing they have no end."""

_MOST_CANDIDATES = 20
"""Of a text: more than a person looks at."""

_MOST_WORDS = 5
"""Of people on a text that the page shows, the newest."""

_NOBODY = "s-"
"""What a sender is called that nobody knows."""

_REVIEW = "review"

_SOURCE = "model"
"""The one source of evidence: the models that were asked, and people."""

_NO_CHANNEL = NoiseChannel(
    keep_rate=1.0,
    similar_share=0.0,
    oos_share=0.0,
    temperature=1.0,
    pair_strength=None,
    label_strength=None,
)
"""Of labels that no annotator gave."""


@dataclass(frozen=True)
class QueueFiles:
    """What a queue is on the disk, each file as its bytes.

    Attributes:
        table: CSV.
        evidence: a line a row.
        record: of the run that it stands for.
        labels: all labels that a person may name.
    """

    table: bytes
    evidence: bytes
    record: bytes
    labels: bytes


def queue_files(log: Path, texts: Sequence[Doubted], labels: LoggedLabels) -> QueueFiles:
    """Return the files of a queue.

    Args:
        log: that it is of.
        texts: in the order of a look; at least one.
        labels: all that were served.
    """
    config = load_config()
    limit = config.data.max_text_chars
    named = {label for one in texts for label, _ in _candidates(one)}
    names = sorted({*labels.labels, *named})
    evidence = "".join(
        f"{_evidence(row, one, limit).to_line()}\n" for row, one in enumerate(texts, start=1)
    )
    parts = {
        TABLE: _table(texts),
        EVIDENCE: evidence.encode(),
        LABELS: labels_yaml([LabelCard(name, "", (), "user") for name in names]).encode(),
    }
    oos = labels.oos
    trust = TrustRecord(
        trusted=True, reason=note("labels are a model's"), agreement=None, errors=None
    )
    record = RunRecord(
        labelmend=__version__,
        input=queue_input(log, len(texts), "label"),
        seed=config.seed,
        config=config_to_dict(config),
        models=served_models(texts),
        labels=len(names),
        oos_label=oos,
        advice=Advice(trust=trust, merge=(), split=(), mostly_wrong=(), empty=()),
        counts={_REVIEW: len(texts)},
        noise=NoiseRecord(
            estimated_rate=sum(one.doubt for one in texts) / len(texts),
            channel=_NO_CHANNEL,
            confused_pairs=(),
        ),
        harm=HarmRecord(expected_broken=0.0, expected_good=0.0, budget=0.0),
        self_test=None,
        sources={},
        voters=(),
        review_order=tuple(one.of.last.id for one in texts),
        notes=(),
        seconds={},
        versions={"python": platform.python_version()},
        files={what: hashlib.sha256(raw).hexdigest() for what, raw in parts.items()},
    )
    return QueueFiles(parts[TABLE], parts[EVIDENCE], record.to_json().encode(), parts[LABELS])


def queue_input(log: Path, texts: int, label: str) -> RunInput:
    """Return what a record says of the log that a queue of so many texts is of.

    Args:
        log: that it is of.
        texts: a row each.
        label: the column of what was answered.
    """
    columns = InputColumns(text="text", label=label, id="id", votes=())
    path = f"{log} (requests)"
    return RunInput(path=path, sha256="", rows=texts, texts=texts, columns=columns)


def served_models(texts: Sequence[Doubted]) -> dict[str, UsedModel]:
    """Return the models that answered, as a record has them."""
    versions = sorted({guess.model for one in texts for guess in one.of.last.guesses})
    return {
        f"served {place}": UsedModel(name=version, sha256="", source="log")
        for place, version in enumerate(versions, start=1)
    }


def _candidates(one: Doubted) -> tuple[tuple[str, float], ...]:
    """Return the likeliest labels and the answered one."""
    first = one.shares[:_MOST_CANDIDATES]
    own = tuple(share for share in one.shares[_MOST_CANDIDATES:] if share[0] == one.label)
    return first + own


def _table(texts: Sequence[Doubted]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in texts:
        last, sure = one.of.last, f"{1 - one.doubt:.6g}"
        writer.writerow(
            [
                *(last.id, one.of.text, one.label, one.label, _REVIEW, sure, sure),
                *(one.of.count, len(one.of.words), utc(last.at), "true" if one.rising else "false"),
            ]
        )
    return text.getvalue().encode()


def _evidence(row: int, one: Doubted, limit: int) -> Explanation:
    """Return why a row is in the queue.

    Args:
        row: its number, from 1.
        one: the text.
        limit: characters of a text that are read.
    """
    last = one.of.last
    candidates = tuple(
        CandidateNats(label, share, {_SOURCE: math.log(max(share, _LEAST))}, 0.0, 0.0)
        for label, share in _candidates(one)
    )
    votes = {f"model {guess.model}": guess.label for guess in last.guesses}
    people = (word for word in reversed(one.of.words) if word.label is not None)
    votes |= {word.sender or _NOBODY: word.label or "" for word in islice(people, _MOST_WORDS)}
    return Explanation(
        row=row,
        id=last.id,
        text=one.of.text[:limit],
        given=one.label,
        proposed=one.proposed,
        decision=_REVIEW,
        reason=_reason(one),
        candidates=candidates,
        votes=votes,
        neighbours=(),
    )


def _reason(one: Doubted) -> str:
    against = sum(word.label != one.label for word in one.of.words)
    said = note(
        "Asked {requests:,} {requests:one=time|other=times}; {people} of {words} that spoke say "
        "that {label} is wrong.",
        requests=one.of.count,
        people=against,
        words=len(one.of.words),
        label=one.label,
    )
    if not one.of.words:
        said = note(
            "Asked {requests:,} {requests:one=time|other=times}; nobody said whether {label} is "
            "right.",
            requests=one.of.count,
            label=one.label,
        )
    return said
