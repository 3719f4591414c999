"""The pictures of a running page: what they show a person, and which rows are picked there."""

from collections.abc import Collection
from typing import Any

import numpy as np

from labelmend.review.pictures.choice import Area, Choice, Near
from labelmend.review.pictures.matrix import confused_pairs, confused_together, count_pairs
from labelmend.review.pictures.points import Points, inside, nearest
from labelmend.review.seats import RefusedError
from labelmend.review.sitting import Sitting
from labelmend.review.table import ReviewTable
from labelmend.types import NO_LABEL, Bools, Ints

MOST_LABELS = 24
"""Of the matrix: as many columns as a screen has room for."""

MOST_PAIRS = 40
"""Of the list of pairs: more is nothing that a person reads; a search finds the others."""

MOST_NEAR = 25
"""Texts that a click on a point picks: as many as bring a refit."""

_CUT = 300
"""Characters of a text that the map shows."""

_REMEMBERED = 32
"""Choices whose rows are kept: as many as tabs that anybody has open."""


class Pictures:
    """The map and the matrix of a sitting. Its methods may be called from several threads."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self._drawn: tuple[ReviewTable, Points] | None = None
        self._picked: dict[Choice, tuple[Points, Bools]] = {}

    def map(self, who: str) -> bytes:
        """Return the map, as `Points.packed` has it.

        Raises:
            RefusedError: the run left none.
        """
        table, points = self._now()
        if points.places is None:
            raise RefusedError(404, "no-map")
        hidden = self._hidden(points, table, who)
        return points.packed(hidden, _among(points, table, self._sitting.answered()))

    def matrix(self, who: str, label: str | None) -> dict[str, Any]:
        """Return how often which label is proposed in the place of which.

        Args:
            who: looks; texts whose labels they may not see are left out, and counted.
            label: pairs of this label alone; None for the most frequent of all.

        Raises:
            RefusedError: there is no such label.
        """
        table, points = self._now()
        names = table.labels
        if label is not None and label not in table.label_set:
            raise RefusedError(404, "unknown-label", label=label)
        hidden = self._hidden(points, table, who)
        given = np.where(hidden, NO_LABEL, points.given)
        counts = count_pairs(given, points.proposed, len(names))
        shown = confused_together(counts, MOST_LABELS)
        pairs = confused_pairs(counts, None if label is None else names.index(label))
        return {
            "labels": [names[k] for k in shown],
            "counts": counts[shown][:, shown].toarray().tolist(),
            "others": int(np.count_nonzero((counts + counts.T).sum(axis=1))) - len(shown),
            "pairs": [
                {"given": names[one.given], "proposed": names[one.proposed], "texts": one.texts}
                for one in pairs[:MOST_PAIRS]
            ],
            "more": max(0, len(pairs) - MOST_PAIRS),
            "hidden": int(hidden.sum()),
        }

    def texts(self, rows: tuple[int, ...]) -> list[dict[str, Any]]:
        """Return how the texts of rows begin; rows that are not there are left out."""
        table = self._sitting.table
        return [
            {"row": row, "id": table.mended.dataset.ids[row], "text": table.texts[row][:_CUT]}
            for row in rows
            if row < len(table)
        ]

    def among(self, choice: Choice | None) -> Bools | None:
        """Return which rows of the table a choice picks, bool [n]; None for None.

        Raises:
            RefusedError: it is one of the map, and the run left none; or there is no such row.
        """
        if choice is None:
            return None
        table, points = self._now()
        known = self._picked.get(choice)
        if known is not None and known[0] is points:
            return known[1]
        found = np.zeros(len(table), dtype=bool)
        found[points.rows[self._chosen(points, choice)]] = True
        # Once answered they are closed, so it is the same as leaving out those that are open.
        found[_rows_of(table, self._sitting.queues.designed)] = False
        if len(self._picked) >= _REMEMBERED:
            self._picked = {}
        self._picked[choice] = points, found
        return found

    def open_texts(self, who: str, choice: Choice) -> int:
        """Return how many texts of a choice a person may be asked about.

        Raises:
            RefusedError: as `among` does.
        """
        return self._sitting.open_texts(who, self.among(choice))

    def _now(self) -> tuple[ReviewTable, Points]:
        table = self._sitting.table
        drawn = self._drawn
        if drawn is None or drawn[0] is not table:
            drawn = self._drawn = table, Points.of(table)
        return drawn

    def _chosen(self, points: Points, choice: Choice) -> Any:
        """Return what picks the texts of a choice among the points."""
        if isinstance(choice, Area):
            if points.places is None:
                raise RefusedError(404, "no-map")
            return inside(points.places, np.array(choice.area))
        if isinstance(choice, Near):
            return self._near(points, choice.near)
        labels = self._sitting.table.labels
        if self._sitting.queues.blind or not {choice.given, choice.proposed} <= set(labels):
            return np.zeros(len(points), dtype=bool)
        given, proposed = labels.index(choice.given), labels.index(choice.proposed)
        return (points.given == given) & (points.proposed == proposed)

    def _near(self, points: Points, row: int) -> Ints:
        """Return a text and those most like it, by their embeddings where the run left them.

        In two dimensions most of how texts differ is lost; what lies near there need not be alike.
        """
        index = self._sitting.table.index
        space = points.places if index is None else index.vectors
        if space is None:
            raise RefusedError(404, "no-map")
        place = np.flatnonzero(points.rows == row)
        if not len(place):
            raise RefusedError(404, "no-row", row=str(row + 1))
        lie = space if index is None else space[points.rows]
        return nearest(lie, int(place[0]), MOST_NEAR)

    def _hidden(self, points: Points, table: ReviewTable, who: str) -> Bools:
        """Return the texts whose labels a person is not to see."""
        if self._sitting.queues.blind:
            return np.ones(len(points), dtype=bool)
        return _among(points, table, self._sitting.unseen(who))


def _among(points: Points, table: ReviewTable, keys: set[str]) -> Bools:
    found = np.zeros(len(table), dtype=bool)
    found[_rows_of(table, keys)] = True
    return found[points.rows]


def _rows_of(table: ReviewTable, keys: Collection[str]) -> Ints:
    return table.rows_of.of_all(list(keys))[0]
