"""Mending of tables with several labels a row: from texts and their labels to changes."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_groups
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.assignments.channel import Channel
from labelmend.relabel.assignments.decisions import AssignmentChanges, decide_assignments
from labelmend.relabel.assignments.fusion import fuse
from labelmend.retrieval.cache import open_encoder
from labelmend.retrieval.space import TextSpace
from labelmend.types import Bools, Doubles, Ints
from labelmend.weights.locate import locate


@dataclass(frozen=True)
class MendedSets:
    """What became of a table with several labels a row.

    Attributes:
        labels: the label set.
        given: bool [n, L], what each row carried.
        holds: float64 [n, L], probability that a label holds at a row.
        changes: the labels that are taken away and added.
        channel: how often labels were forgotten and added.
    """

    labels: tuple[str, ...]
    given: Bools
    holds: Doubles
    changes: AssignmentChanges
    channel: Channel

    @property
    def mended(self) -> Bools:
        """What each row carries now, bool [n, L]."""
        return (self.given & ~self.changes.removed) | self.changes.added

    @property
    def sets(self) -> tuple[tuple[str, ...], ...]:
        """The labels of each row now, in the order of the label set."""
        return tuple(tuple(self.labels[i] for i in np.flatnonzero(row)) for row in self.mended)

    @property
    def doubt(self) -> Doubles:
        """How likely each assignment is wrong as it is now, float64 [n, L]."""
        return np.where(self.mended, 1 - self.holds, self.holds)

    @property
    def review_order(self) -> Ints:
        """Rows, int64 [n], those first of which most assignments are expected to be wrong."""
        return np.argsort(-self.doubt.sum(axis=1), kind="stable")


def mend_assignments(
    texts: tuple[str, ...],
    given: Bools,
    labels: tuple[str, ...],
    config: Config,
    progress: Progress | None = None,
) -> MendedSets:
    """Find for each text and each label whether it holds, and change what is sure.

    Copies of a text are one text, whose labels are those that at least half of the copies have.
    Nothing depends on the order of the rows.

    Args:
        texts: one a row, [n].
        given: bool [n, L].
        labels: the label set, [L].
        config: encoders, seed and harm budget.
        progress: hears how far the work is.

    Raises:
        ModelError: an encoder is not on this machine, or is another one.
    """
    progress = progress or NoProgress()
    of_row = text_groups(texts)
    copies = np.bincount(of_row)
    carried = np.zeros((len(copies), len(labels)))
    np.add.at(carried, of_row, given)
    smallest = sorted(range(len(texts)), key=texts.__getitem__, reverse=True)
    spelled = dict(zip(of_row[smallest].tolist(), smallest, strict=True))
    models = [locate(encoder.model) for encoder in config.encoders]
    space = TextSpace(
        [
            partial(open_encoder, encoder, model)
            for encoder, model in zip(config.encoders, models, strict=True)
        ]
    )
    limit = config.data.max_text_chars
    distinct = [texts[spelled[text]][:limit] for text in range(len(copies))]
    embeddings = space.fit(distinct, progress)
    common = 2 * carried >= copies[:, None]
    beliefs = fuse(embeddings, common, config.seed, LOCAL, progress)
    holds = beliefs.holds[of_row]
    changes = decide_assignments(holds, given, config.decision.max_harm)
    return MendedSets(labels, given, holds, changes, beliefs.channel)
