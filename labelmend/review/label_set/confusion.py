"""Which labels are taken for which, and texts that show it."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from labelmend.data.answers import Answer
from labelmend.review.table import ReviewTable

MOST_PAIRS = 100
"""That are shown: what comes later is confused in some rows only."""

EXAMPLES = 6
"""Texts of each side of a pair: as many as a person takes in at a look."""

MOST_TEXTS = 100
"""Of one label, from which some may be chosen for a new one."""

_CUT = 400
"""Characters of a text that is an example: its beginning says which label it has."""


@dataclass(frozen=True)
class ConfusedLabels:
    """Two labels, one of which is taken for the other.

    Attributes:
        one: the label that comes first by name.
        other: the second one.
        changed: rows given the first, or the second, that the run changed to the other one.
        review: rows given the first, or the second, that it left to people, with the other one as
            the most probable.
        answered: rows given the first, or the second, of which people said that they are the other.
    """

    one: str
    other: str
    changed: tuple[int, int] = (0, 0)
    review: tuple[int, int] = (0, 0)
    answered: tuple[int, int] = (0, 0)

    @property
    def rows(self) -> int:
        """All of them."""
        return sum((*self.changed, *self.review, *self.answered))

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}


_KINDS = ("changed", "review", "answered")
"""What speaks for a confusion, as `ConfusedLabels` counts it."""

_OF_DECISION = {"change": "changed", "review": "review"}


class Confusion:
    """The labels of a table as run and people contradict each other about them, at one moment."""

    def __init__(
        self, table: ReviewTable, answers: Iterable[Answer], hidden: Collection[str]
    ) -> None:
        """Begin.

        Args:
            table: under the labels' present names.
            answers: of people, oldest first; of each text the last one counts that is not "unsure".
            hidden: texts, by hash, whose labels are not to be seen: they are left out.
        """
        self._table = table
        self._answers = {a.text_sha256: a for a in answers if a.verdict != "unsure"}
        self._hidden = frozenset(hidden)

    def pairs(self) -> list[ConfusedLabels]:
        """Return the pairs that are confused most, both directions counted, then by name."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for row in self._rows():
            found = self._contradiction(row)
            if found is not None:
                counts[found] += 1
        named: dict[tuple[str, str], dict[str, list[int]]] = {}
        for (given, said, kind), rows in counts.items():
            pair = (min(given, said), max(given, said))
            # In the order of the fields.
            sides = named.setdefault(pair, {name: [0, 0] for name in _KINDS})
            sides[kind][given != pair[0]] += rows
        pairs = [
            ConfusedLabels(*pair, *((first, second) for first, second in sides.values()))
            for pair, sides in named.items()
        ]
        pairs.sort(key=lambda pair: (-pair.rows, pair.one, pair.other))
        return pairs[:MOST_PAIRS]

    def examples(self, label: str, other: str | None, most: int) -> list[dict[str, Any]]:
        """Return texts that were given a label: those first that seem to be the other one.

        Of these the most doubtful ones come first. Of the others come first those of which nobody
        doubts the label, for they say what it is; where no other label is named, the most doubtful
        ones. Then the text's hash counts: the order of the rows says nothing. Of copies of a text
        only one is there.

        Args:
            label: that they were given.
            other: that they may be taken for; None for any.
            most: texts.
        """
        table, found = self._table, []
        place = table.labels.index(label)
        for row in (table.mended.dataset.given == place).nonzero()[0].tolist():
            key = table.keys[row]
            if key in self._hidden or not table.texts[row].strip():
                continue
            said = self._contradiction(row)
            speaks = said is not None and (other is None or said[1] == other)
            doubt = round(float(table.doubt[row]), 9)
            # A row that seems to be of a third label says nothing of this one.
            typical = other is not None and not speaks
            order = doubt + (said is not None) if typical else -doubt
            found.append((not speaks, order, key, row))
        found.sort()
        texts = {key: (row, not silent) for silent, _, key, row in reversed(found)}
        first = list(dict.fromkeys(key for _, _, key, _ in found))[:most]
        return [self._example(*texts[key]) for key in first]

    def _rows(self) -> set[int]:
        """Return the rows that may contradict their given label."""
        decisions = self._table.evidence.decisions
        rows = {row for row, made in enumerate(decisions) if made in _OF_DECISION}
        for key in self._answers:
            rows.update(self._table.rows_of.get(key, ()))
        return rows

    def _example(self, row: int, speaks: bool) -> dict[str, Any]:
        table = self._table
        said = self._answers.get(table.keys[row])
        return {
            "row": row,
            "id": table.mended.dataset.ids[row],
            "text": table.texts[row][:_CUT],
            "proposed": table.evidence.proposed[row],
            "decision": table.evidence.decisions[row] or "",
            "answer": None if said is None else self._now(said),
            "speaks": speaks,
        }

    def _contradiction(self, row: int) -> tuple[str, str, str] | None:
        """Return a row's given label, the other one, and who says so; None where nobody does."""
        table = self._table
        given = table.given(row)
        key = table.keys[row]
        if given is None or key in self._hidden:
            return None
        answer = self._answers.get(key)
        if answer is not None:
            said = self._now(answer)
            return None if said is None or said == given else (given, said, "answered")
        kind = _OF_DECISION.get(table.evidence.decisions[row] or "")
        proposed = table.evidence.proposed[row]
        if kind is None or proposed is None or proposed == given:
            return None
        return given, proposed, kind

    def _now(self, answer: Answer) -> str | None:
        """Return the label that an answer means by now; None for "none of these"."""
        dataset = self._table.mended.dataset
        if answer.verdict == "none":
            return None if dataset.oos is None else dataset.labels[dataset.oos]
        return dataset.former_names.get(answer.labels[0], answer.labels[0])
