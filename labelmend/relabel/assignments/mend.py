"""Mending of tables with several labels a row: from texts and their labels to changes."""

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.answers import AnswerFile
from labelmend.data.duplicates import given_counts, smallest_spellings, text_groups
from labelmend.data.label_sets import LabelSets
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.assignments.answers import AnsweredTexts, answered_texts
from labelmend.relabel.assignments.decisions import decide_assignments
from labelmend.relabel.assignments.fusion import fuse
from labelmend.relabel.assignments.types import MendedSets
from labelmend.retrieval.space import open_space
from labelmend.weights.locate import locate


def mend_assignments(
    sets: LabelSets,
    config: Config,
    progress: Progress | None = None,
    answers: AnswerFile | None = None,
) -> MendedSets:
    """Find for each text and each label whether it holds, and change what is sure.

    Copies of a text are one text, whose labels are those that at least half of the copies have.
    Nothing depends on the order of the rows.

    Args:
        sets: texts and the labels they carry.
        config: encoders, seed and harm budget.
        progress: hears how far the work is.
        answers: what people said of texts; their rows get it, and the others learn from it.

    Raises:
        ModelError: an encoder is not on this machine, or is another one.
    """
    progress = progress or NoProgress()
    of_row = text_groups(sets.texts)
    distinct = smallest_spellings(sets.texts, of_row)
    rows, carried = np.nonzero(sets.given)
    counts = given_counts(of_row[rows], carried, (len(distinct), len(sets.labels)))
    common = 2 * counts.toarray() >= np.bincount(of_row)[:, None]
    heard = AnsweredTexts.none(len(sets.labels))
    if answers is not None:
        heard = answered_texts(distinct, sets, answers)
    models = [locate(encoder.model) for encoder in config.encoders]
    embeddings = open_space(config.encoders, models).fit(distinct, progress)
    beliefs = fuse(embeddings, common, heard, config.seed, LOCAL, progress)
    said = np.full(common.shape, np.nan)
    said[heard.texts] = heard.said
    holds, said = beliefs.holds[of_row], said[of_row]
    return MendedSets(
        labels=sets.labels,
        given=sets.given,
        holds=holds,
        changes=decide_assignments(
            holds, sets.given, said, config.decision.max_harm, beliefs.spread[of_row]
        ),
        channel=beliefs.channel,
        said=said,
        of_row=of_row,
        texts=distinct,
        near=beliefs.near,
        notes=heard.notes,
    )
