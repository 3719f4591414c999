"""What is counted of rows with several labels: assignments that hold, that lack, that changed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from labelmend.types import Bools, Ints


@dataclass(frozen=True)
class RowCounts:
    """Labels of rows, by what they are, int64 [n] each.

    Attributes:
        given: that came with the row.
        mended: that it carries now.
        holds: that hold.
        missing_before: that hold and were not given.
        missing_after: that hold and that it does not carry now.
        false_before: that were given and don't hold.
        false_after: that it carries now and that don't hold.
        removed: that were taken away.
        added: that were added.
        removed_holding: that were taken away and hold.
        added_false: that were added and don't hold.
    """

    given: Ints
    mended: Ints
    holds: Ints
    missing_before: Ints
    missing_after: Ints
    false_before: Ints
    false_after: Ints
    removed: Ints
    added: Ints
    removed_holding: Ints
    added_false: Ints

    @classmethod
    def of(cls, given: Bools, mended: Bools, truth: Bools) -> "RowCounts":
        """Count.

        Args:
            given: bool [n, L], what each row came with.
            mended: bool [n, L], what it carries now.
            truth: bool [n, L], what holds; of rows of which nobody knows, what depends on it is
                not to be used.
        """
        removed, added = given & ~mended, mended & ~given
        return cls(
            *(
                which.sum(axis=1).astype(np.int64)
                for which in (
                    *(given, mended, truth),
                    *(truth & ~given, truth & ~mended, given & ~truth, mended & ~truth),
                    *(removed, added, removed & truth, added & ~truth),
                )
            )
        )

    def __len__(self) -> int:
        return len(self.given)

    @property
    def changes(self) -> Ints:
        """int64 [n], labels that were added or taken away."""
        return self.removed + self.added

    @property
    def right_changes(self) -> Ints:
        """int64 [n], those among them that are right."""
        return self.changes - self.removed_holding - self.added_false

    @property
    def right_before(self) -> Bools:
        """Bool [n], rows whose labels were all right, and none of which was missing."""
        return np.asarray((self.missing_before + self.false_before) == 0)

    @property
    def right_after(self) -> Bools:
        """Bool [n], the same of what they carry now."""
        return np.asarray((self.missing_after + self.false_after) == 0)

    def rows(self, chosen: Ints) -> "RowCounts":
        """Return some of the rows, int64, in that order."""
        return RowCounts(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence["RowCounts"]) -> "RowCounts":
        """Return rows one after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))
