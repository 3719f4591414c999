"""What people say of texts with several labels, and the texts that they speak of."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.data.answers import AnswerFile, match_notes, text_sha256
from labelmend.data.sets.label_sets import LabelSets
from labelmend.types import Bools, Doubles, Ints

_EVEN = 0.5
"""Share of people above which most say so."""


@dataclass(frozen=True)
class AnsweredTexts:
    """Texts of which people said which labels hold.

    Attributes:
        texts: int64 [a], indices of distinct texts, ascending.
        holds: float64 [a, L], the share of those who answered that say so.
        notes: what could not be used, one line each.
    """

    texts: Ints
    holds: Doubles
    notes: tuple[str, ...] = ()

    @classmethod
    def none(cls, labels: int) -> "AnsweredTexts":
        """Return no answers, on so many labels."""
        return cls(np.empty(0, dtype=np.int64), np.empty((0, labels)))

    @property
    def said(self) -> Bools:
        """Which labels most say hold, bool [a, L]."""
        return self.holds > _EVEN

    @property
    def agreed(self) -> Bools:
        """Texts of which most say the same of each label, bool [a]; others are for review."""
        return np.asarray((self.holds != _EVEN).all(axis=1))


def answered_texts(texts: Sequence[str], sets: LabelSets, answers: AnswerFile) -> AnsweredTexts:
    """Find the texts and labels that answers speak of.

    An answer says of all labels that it does not name that they don't hold. Those that are unsure,
    or name a label that the table lacks, are left out; a note counts those that can't be used.

    Args:
        texts: distinct, [u], as `smallest_spellings` has them.
        sets: that they are of.
        answers: that stand, of the task `several`.
    """
    labels = sets.labels
    index = {text_sha256(text): i for i, text in enumerate(texts)}
    places = {label: i for i, label in enumerate(labels)}
    places |= {old: places[now] for old, now in sets.former_names.items() if now in places}
    said: dict[int, list[list[int]]] = defaultdict(list)
    gone = 0
    strange: Counter[str] = Counter()
    for answer in answers.answers:
        text = index.get(answer.text_sha256)
        unknown = [label for label in answer.labels if label not in places]
        if text is None:
            gone += 1
        elif unknown:
            strange.update(unknown)
        elif answer.verdict != "unsure":
            said[text].append([places[label] for label in answer.labels])
    found = np.array(sorted(said), dtype=np.int64)
    holds = np.zeros((len(found), len(labels)))
    for row, text in enumerate(found.tolist()):
        for one in said[text]:
            holds[row, one] += 1 / len(said[text])
    notes = (*answers.notes, *match_notes(answers.path, gone, strange, labels))
    return AnsweredTexts(found, holds, notes)
