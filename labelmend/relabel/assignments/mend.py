"""Mending of tables with several labels a row: from texts and their labels to changes."""

from functools import partial

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_groups
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.assignments.decisions import decide_assignments
from labelmend.relabel.assignments.fusion import fuse
from labelmend.relabel.assignments.types import MendedSets
from labelmend.retrieval.cache import open_encoder
from labelmend.retrieval.space import TextSpace
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
