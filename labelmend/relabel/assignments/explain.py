"""Why a row's labels are what they are now: sentences, probabilities and the nearest texts."""

from collections.abc import Iterator, Sequence

import numpy as np

from labelmend.relabel.assignments.explanation import LikelyLabel, NearSet, SetExplanation
from labelmend.relabel.assignments.types import MendedSets
from labelmend.types import Ints
from labelmend.voice.speak import note

_SHOWN, _LIKELY = 10, 0.05
"""Labels that a line shows of a row at most beside those given, and how likely they must be."""

_VOTED = 3
"""Labels that a line shows of a ballot."""

_NEIGHBOURS, _NEIGHBOUR_CHARS = 5, 200
"""Texts that a line shows, and how much of each."""

_DIGITS = 6
"""Of probabilities."""

_EVEN = 0.5
"""Doubt from which on an assignment is as likely wrong as right."""


class SetReader:
    """Reads single rows out of mended sets."""

    def __init__(self, result: MendedSets) -> None:
        self._result = result
        self._mended = result.mended
        self._doubt = result.doubt
        self._quality = result.quality
        self._decisions = result.decisions
        self._answered = result.answered
        # What each distinct text carries now, from the first of its rows.
        self._row_of = np.zeros(len(result.texts), dtype=np.int64)
        self._row_of[result.of_row[::-1]] = np.arange(len(result.of_row))[::-1]

    def reason(self, row: int) -> str:
        """Return what was done with a row and why, in sentences that a person can check."""
        if self._answered[row]:
            names = self._names(np.flatnonzero(self._mended[row]))
            if not names:
                return note("A person said: no label.")
            return note("A person said: {labels}.", labels=", ".join(names))
        changes = self._result.changes
        kinds = {
            "added": changes.added[row],
            "removed": changes.removed[row],
            "review": self._doubt[row] >= _EVEN,
        }
        parts = [
            self._change(row, k, kind)
            for kind, which in kinds.items()
            for k in np.flatnonzero(which).tolist()
        ]
        if parts:
            return " ".join(parts)
        share = f"{100 * self._quality[row]:.1f} %"
        if not self._result.given[row].any():
            return note("Without a label, which is {share} likely to be right.", share=share)
        return note("All labels as given: {share} likely to be right.", share=share)

    def _change(self, row: int, label: int, what: str) -> str:
        near = self._near(row)
        carry = int(self._mended[self._row_of[near], label].sum())
        holds = self._result.holds[row, label]
        given = bool(self._result.given[row, label])
        facts = {
            "label": self._result.labels[label],
            "share": f"{100 * holds:.1f} %",
            "carry": carry,
            "near": len(near),
        }
        if what == "added":
            return note(
                "Added {label}: {share} likely, and {carry} of the {near} nearest texts have it.",
                **facts,
            )
        if what == "removed":
            return note(
                "Took {label} away: {share} likely, and {carry} of the {near} nearest texts "
                "have it.",
                **facts,
            )
        return note(
            "{label} may be wrong: {share} likely, and {carry} of the {near} nearest texts have "
            "it; not sure enough to take it away."
            if given
            else "{label} may be missing: {share} likely, and {carry} of the {near} nearest texts "
            "have it; not sure enough to add it.",
            **facts,
        )

    def _near(self, row: int) -> Ints:
        near: Ints = self._result.near[self._result.of_row[row]]
        return np.asarray(near[near >= 0])

    def _votes(self, row: int) -> dict[str, dict[str, float]]:
        """Return what each voter likes best on a row's ballot."""
        text = self._result.of_row[row]
        said = {}
        for votes in self._result.votes:
            scores, labels = votes.scores[text], votes.labels[text]
            places = np.flatnonzero(~np.isnan(scores))
            # Of equal ones the label that comes first.
            best = places[np.lexsort((labels[places], -scores[places]))][:_VOTED]
            if len(best):
                shares = np.exp(scores[best].astype(np.float64)).round(_DIGITS).tolist()
                said[votes.report.voter] = dict(zip(self._names(labels[best]), shares, strict=True))
        return said

    def _names(self, labels: Ints) -> list[str]:
        return [self._result.labels[k] for k in labels.tolist()]

    def explanations(
        self, ids: Sequence[str], texts: Sequence[str], rows: Ints
    ) -> Iterator[SetExplanation]:
        """Yield the explanation of each row.

        Args:
            ids: of the rows.
            texts: of the rows.
            rows: int64 [n], where they stand in the table, from 0.
        """
        result = self._result
        for i, row in enumerate(rows.tolist()):
            holds = result.holds[i]
            # Of equal ones the label that comes first.
            likely = np.lexsort((np.arange(len(holds)), -holds))[:_SHOWN]
            shown = {*np.flatnonzero(result.given[i] | self._mended[i]).tolist()}
            shown |= {k for k in likely.tolist() if holds[k] >= _LIKELY}
            order = sorted(shown, key=lambda k: (-holds[k], k))
            yield SetExplanation(
                row=row + 1,
                id=ids[i],
                text=texts[i],
                given=self._names(np.flatnonzero(result.given[i])),
                mended=self._names(np.flatnonzero(self._mended[i])),
                added=self._names(np.flatnonzero(result.changes.added[i])),
                removed=self._names(np.flatnonzero(result.changes.removed[i])),
                decision=self._decisions[i],
                reason=self.reason(i),
                labels=[
                    LikelyLabel(result.labels[k], round(float(holds[k]), _DIGITS)) for k in order
                ],
                neighbours=[
                    NearSet(
                        result.texts[j][:_NEIGHBOUR_CHARS],
                        self._names(np.flatnonzero(self._mended[self._row_of[j]])),
                    )
                    for j in self._near(i)[:_NEIGHBOURS].tolist()
                ],
                votes=self._votes(i),
            )
