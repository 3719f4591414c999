"""The rows that go out: what each task says, and what a blind one must not."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from labelmend.data.answers import Saw
from labelmend.review.evidence import panel
from labelmend.review.exchange.marks import Mark, Words
from labelmend.review.items import item_of
from labelmend.review.queues import Asked, Queues
from labelmend.review.table import ReviewTable
from labelmend.runs.layout import OutputPaths

Wanted = Literal["audit", "doubtful", "all"]
"""Rows of which queue."""

_DIGITS = 6
"""Behind the point of a probability."""

_RUN_DIGITS = 8
"""Hex digits that tell two runs of a version of labelmend apart."""


@dataclass(frozen=True)
class Task:
    """A row for a person, in whichever tool.

    Attributes:
        mark: by which its answer is known again.
        text: whole.
        blind: nothing of the next is in the file, nor any label of the row.
        given: the label that it came with; None where it had none.
        proposed: the most probable one.
        candidates: with their probabilities, likeliest first.
        evidence: what the page's panel shows, with given, proposed, decision and candidates;
            None where the run left none.
    """

    mark: Mark
    text: str
    blind: bool
    given: str | None = None
    proposed: str | None = None
    candidates: tuple[tuple[str, float], ...] = ()
    evidence: Mapping[str, Any] | None = None

    def in_words(self) -> dict[str, str]:
        """Return the evidence for people, a line a part; nothing of a blind row."""
        if self.evidence is None:
            return {}
        shares = (f"{label} {share:.1%}" for label, share in self.candidates)
        near = (
            f"{one['similarity']:.2f} {', '.join(one['labels']) or '(no label)'}: {one['text']}"
            for one in self.evidence["neighbours"]
        )
        votes = (f"{vote['voter']}: {vote['label']}" for vote in self.evidence["votes"])
        found = {
            "given": self.given or "",
            "candidates": "; ".join(shares),
            "reason": self.evidence["reason"] or "",
            "nats": "; ".join(_nats(self.evidence)),
            "votes": "; ".join(votes),
            "nearest": "\n".join(near),
        }
        return {name: said for name, said in found.items() if said}

    def reason(self) -> str:
        """Return the same as one text."""
        return "\n".join(f"{name}: {said}" for name, said in self.in_words().items())


def _nats(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield what speaks for each candidate against the reference."""
    for place, label in enumerate(evidence["labels"]):
        heard = [
            f"{source['source']} {source['nats'][place]:+.1f}"
            for source in evidence["sources"]
            if source["nats"][place] is not None
        ]
        if heard:
            total = evidence["totals"][place]
            yield f"{label} {total:+.1f} ({', '.join(heard)})"


@dataclass(frozen=True)
class Export:
    """All that goes out.

    Attributes:
        tasks: in the order of the review.
        labels: that a person may choose, by name.
        descriptions: of labels, by name; labels without one are missing.
        words: that stand beside the labels.
        version: of the model that made the predictions.
    """

    tasks: tuple[Task, ...]
    labels: tuple[str, ...]
    descriptions: Mapping[str, str]
    words: Words
    version: str

    @property
    def choices(self) -> tuple[str, ...]:
        """All that a person may choose: the labels, and the two words behind them."""
        return (*self.labels, self.words.none, self.words.unsure)


def export_of(queues: Queues[ReviewTable], wanted: Wanted, rows: int | None, table: Path) -> Export:
    """Return the rows that people are asked about.

    Args:
        queues: of the table.
        wanted: the audit's open rows, the doubtful ones, or both, the audit's first.
        rows: how many; None for those of the audit and those that the run leaves to people.
        table: where it lies, for the run's record beside it.
    """
    labels = queues.table.labels
    words = Words.beside(labels)
    asked = _asked(queues, wanted, all_rows=rows is not None)
    return Export(
        tasks=tuple(_task(queues, one, words) for one in islice(asked, rows)),
        labels=labels,
        descriptions=queues.table.descriptions,
        words=words,
        version=_version(queues.table.run.labelmend, table),
    )


def _asked(queues: Queues[ReviewTable], wanted: Wanted, *, all_rows: bool) -> Iterator[Asked]:
    table = queues.table
    audit = queues.open_rows("audit", "") if wanted != "doubtful" else ()
    doubtful = queues.open_rows("doubtful", "") if wanted != "audit" else ()
    seen: set[str] = set()
    for one in chain(audit, doubtful):
        key = table.keys[one.row]
        if key in seen or not (all_rows or one.queue == "audit" or key in table.in_review):
            continue
        seen.add(key)
        yield one


def _task(queues: Queues[ReviewTable], asked: Asked, words: Words) -> Task:
    table = queues.table
    shows = not asked.blind
    mark = Mark(
        id=table.mended.dataset.ids[asked.row],
        text_sha256=table.keys[asked.row],
        shown=asked.shown,
        saw=Saw(given=shows, proposed=shows),
        words=words,
    )
    if asked.blind:
        return Task(mark, table.texts[asked.row], blind=True)
    item = item_of(table, asked, hidden=False)
    candidates = _likeliest(item.candidates)
    found = table.evidence.explanation(asked.row, table.mended.dataset.texts[asked.row])
    evidence = None
    if found is not None:
        evidence = {
            "given": item.given,
            "proposed": item.proposed,
            "decision": item.decision,
            "candidates": [{"label": label, "probability": share} for label, share in candidates],
            **panel(found),
        }
    return Task(
        *(mark, item.text, False, item.given, item.proposed),
        candidates=candidates,
        evidence=evidence,
    )


def _likeliest(
    candidates: Sequence[tuple[str, float | None]],
) -> tuple[tuple[str, float], ...]:
    known = [(label, round(share, _DIGITS)) for label, share in candidates if share is not None]
    return tuple(sorted(known, key=lambda one: (-one[1], one[0])))


def _version(labelmend: str, table: Path) -> str:
    record = OutputPaths.beside(table).record.read_bytes()
    return f"labelmend {labelmend} {hashlib.sha256(record).hexdigest()[:_RUN_DIGITS]}"
