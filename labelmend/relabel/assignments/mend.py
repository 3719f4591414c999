"""Mending of tables with several labels a row: from texts and their labels to changes."""

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.duplicates import given_counts, smallest_spellings, text_groups
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.assignments.decisions import decide_assignments
from labelmend.relabel.assignments.fusion import fuse
from labelmend.relabel.assignments.types import MendedSets
from labelmend.retrieval.space import open_space
from labelmend.types import Bools
from labelmend.weights.locate import locate


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
    distinct = smallest_spellings(texts, of_row)
    rows, carried = np.nonzero(given)
    counts = given_counts(of_row[rows], carried, (len(distinct), len(labels)))
    common = 2 * counts.toarray() >= np.bincount(of_row)[:, None]
    models = [locate(encoder.model) for encoder in config.encoders]
    limit = config.data.max_text_chars
    embeddings = open_space(config.encoders, models).fit(
        [text[:limit] for text in distinct], progress
    )
    beliefs = fuse(embeddings, common, config.seed, LOCAL, progress)
    holds = beliefs.holds[of_row]
    changes = decide_assignments(holds, given, config.decision.max_harm)
    return MendedSets(labels, given, holds, changes, beliefs.channel)
