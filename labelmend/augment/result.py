"""What an augmentation is, and how it is written down."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelmend.augment.diversity import Diversity
from labelmend.augment.plan import Draft, Plan, Wanted

SCHEMA_VERSION = 1
"""Of the record as JSON, to be raised with any change of its keys."""

MARK = '"augmented_by": "labelmend'
"""Stands near the beginning of all records, and in no other file."""


@dataclass(frozen=True)
class Accepted:
    """A text that the judge let in.

    Attributes:
        draft: the text, its label, and what it was made from.
        confidence: probability of its label by the judge's encoder, among all labels.
    """

    draft: Draft
    confidence: float


@dataclass(frozen=True)
class LabelOutcome:
    """What became of one label.

    Attributes:
        wanted: what was asked for.
        drafts: texts that the LLM wrote.
        accepted: those that the judge let in.
        rejected: the others, by reason.
        diversity: of the real texts, the new ones, and both together.
    """

    wanted: Wanted
    drafts: int
    accepted: tuple[Accepted, ...]
    rejected: Mapping[str, int]
    diversity: Mapping[str, Diversity]


@dataclass(frozen=True)
class Augmentation:
    """New texts for a table.

    Attributes:
        plan: what was asked for.
        labels: what became of it, label by label.
        questions: that were put to the LLM, those that were remembered with them.
        remembered: of these, what the store held already.
        failures: questions without an answer, by reason.
        notes: what the user should know, one line each.
    """

    plan: Plan
    labels: tuple[LabelOutcome, ...]
    questions: int
    remembered: int
    failures: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[Accepted, ...]:
        """All texts that were let in, label by label."""
        return tuple(text for label in self.labels for text in label.accepted)

    @property
    def drafts(self) -> int:
        """How many texts the LLM wrote."""
        return sum(label.drafts for label in self.labels)

    @property
    def rejected(self) -> dict[str, int]:
        """How many drafts were not let in, by reason, the most frequent first."""
        total: Counter[str] = Counter()
        for label in self.labels:
            total.update(label.rejected)
        return dict(sorted(total.items(), key=lambda kind: (-kind[1], kind[0])))

    @property
    def short(self) -> tuple[str, ...]:
        """Labels that got fewer texts than they need."""
        return tuple(
            label.wanted.card.label
            for label in self.labels
            if len(label.accepted) < label.wanted.count
        )


def record_beside(table: Path) -> Path:
    """Return where the record of an augmented table lies."""
    return table.with_suffix(".augment.json")


def found_record(found: Augmentation) -> dict[str, Any]:
    """Return as JSON what became of an augmentation."""
    return {
        "texts": {
            "wanted": sum(label.wanted.count for label in found.labels),
            "drafts": found.drafts,
            "accepted": len(found.accepted),
            "rejected": found.rejected,
        },
        "questions": {
            "asked": found.questions,
            "remembered": found.remembered,
            "failures": dict(found.failures),
        },
        "labels": {
            label.wanted.card.label: {
                "rows": len(label.wanted.rows),
                "wanted": label.wanted.count,
                "drafts": label.drafts,
                "accepted": {
                    source: sum(text.draft.source == source for text in label.accepted)
                    for source in ("rewording", "card")
                },
                "rejected": dict(sorted(label.rejected.items())),
                "diversity": {name: vars(value) for name, value in label.diversity.items()},
            }
            for label in found.labels
        },
        "notes": list(found.notes),
    }
