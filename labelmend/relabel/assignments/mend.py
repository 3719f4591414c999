"""Mending of tables with several labels a row: from texts and their labels to changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.answers import AnswerFile
from labelmend.data.duplicates import given_counts, smallest_spellings, text_groups
from labelmend.data.sets.label_sets import LabelSets
from labelmend.llm.store import Store
from labelmend.parallel import LOCAL, Executor
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.assignments.answers import AnsweredTexts, answered_texts
from labelmend.relabel.assignments.decisions import decide_assignments
from labelmend.relabel.assignments.fusion import fuse
from labelmend.relabel.assignments.poll import Poll
from labelmend.relabel.assignments.types import (
    MendedSets,
    NoiseRange,
    Votes,
    missing_share,
    wrong_share,
)
from labelmend.relabel.assignments.vote_evidence import hear
from labelmend.relabel.escalation.voter_quality import notes_on_voters
from labelmend.relabel.evidence.base import Corpus, Resources
from labelmend.relabel.run_models import RunModels
from labelmend.retrieval.neighbours import Neighbours
from labelmend.retrieval.space import open_space
from labelmend.types import Bools, Doubles, Floats, Ints, LabelCard
from labelmend.weights.locate import locate


@dataclass(frozen=True)
class Voters:
    """LLMs that may be asked.

    Attributes:
        models: those of the run.
        store: remembers what they said.
        cards: what labels mean by the user, by label.
    """

    models: RunModels
    store: Store
    cards: Mapping[str, LabelCard] = field(default_factory=dict)


def mend_assignments(
    sets: LabelSets,
    config: Config,
    progress: Progress | None = None,
    answers: AnswerFile | None = None,
    executor: Executor = LOCAL,
    voters: Voters | None = None,
) -> MendedSets:
    """Find for each text and each label whether it holds, and change what is sure.

    Copies of a text are one text, of whose labels each is given as far as its copies have it.
    Nothing depends on the order of the rows.

    Args:
        sets: texts and the labels they carry.
        config: encoders, seed and harm budget.
        progress: hears how far the work is.
        answers: what people said of texts; their rows get it, and the others learn from it.
        executor: carries the work by blocks.
        voters: LLMs that are asked about the texts in doubt; None to ask none.

    Raises:
        ModelError: a model is not on this machine, or is another one, or can't be used.
        OutputError: votes can't be kept.
    """
    progress = progress or NoProgress()
    of_row = text_groups(sets.texts)
    distinct = smallest_spellings(sets.texts, of_row)
    heard = AnsweredTexts.none(len(sets.labels))
    if answers is not None:
        heard = answered_texts(distinct, sets, answers)
    models = [locate(encoder.model) for encoder in config.encoders]
    embeddings = open_space(config.encoders, models).fit(distinct, progress, executor)
    points = Points(distinct, of_row, embeddings)
    given, labels = sets.given, sets.labels
    return mend_points(points, given, labels, config, progress, heard, executor, voters)


@dataclass(frozen=True)
class Points:
    """What rows say, each thing once.

    Attributes:
        texts: [u]; whatever names them where there are none.
        of_row: int64 [n], which of them each row says.
        embeddings: float32 [u, d], unit rows.
    """

    texts: tuple[str, ...]
    of_row: Ints
    embeddings: Floats


def cards_of_labels(
    labels: Sequence[str], written: Mapping[str, LabelCard]
) -> tuple[LabelCard, ...]:
    """Return a card a label: the user's, or one that has its name."""
    return tuple(written.get(label, LabelCard(label, "", (), "name")) for label in labels)


def mend_points(
    points: Points,
    given: Bools,
    labels: tuple[str, ...],
    config: Config,
    progress: Progress,
    answers: AnsweredTexts,
    executor: Executor = LOCAL,
    voters: Voters | None = None,
) -> MendedSets:
    """Mend rows whose texts are embedded already: see `mend_assignments`.

    Args:
        points: that the rows say.
        given: bool [n, L].
        labels: [L].
        config: seed and harm budget.
        progress: hears how far the work is.
        answers: on some of the points.
        executor: carries the work by blocks.
        voters: that are asked; the points have texts then.
    """
    of_row = points.of_row
    rows, carried = np.nonzero(given)
    counts = given_counts(of_row[rows], carried, (len(points.texts), len(labels)))
    shares = counts.toarray().astype(np.float64) / np.bincount(of_row)[:, None]
    beliefs = fuse(points.embeddings, shares, answers, config.seed, executor, progress)
    votes: tuple[Votes, ...] = ()
    if voters is not None and voters.models.voters:
        corpus = Corpus(
            points.texts,
            labels,
            points.embeddings,
            Neighbours(beliefs.near, np.full(beliefs.near.shape, np.nan, dtype=np.float32)),
            oos=None,
            cards=cards_of_labels(labels, voters.cards),
            seed=config.seed,
            progress=progress,
            executor=executor,
        )
        resources = Resources(config, voters.models, voters.store)
        copies = np.bincount(of_row)
        poll = Poll(corpus, beliefs, shares, copies, answers.texts, resources)
        heard = hear(beliefs, poll.hold(), config.votes)
        beliefs, votes = heard.beliefs, heard.votes
    said = np.full(shares.shape, np.nan)
    said[answers.texts[answers.agreed]] = answers.said[answers.agreed]
    said, cautious = said[of_row], beliefs.cautious[of_row]
    return MendedSets(
        labels=labels,
        given=given,
        holds=beliefs.holds[of_row],
        changes=decide_assignments(
            cautious, given, said, config.decision.max_harm, beliefs.spread[of_row]
        ),
        channel=beliefs.channel,
        said=said,
        of_row=of_row,
        texts=points.texts,
        near=beliefs.near,
        noise=None if len(answers.texts) else _range(cautious, beliefs.evidence[of_row], given),
        votes=votes,
        notes=(*answers.notes, *notes_on_voters([one.report for one in votes])),
    )


def _range(cautious: Doubles, evidence: Doubles, given: Bools) -> NoiseRange:
    """Return what the noise is at the two extremes: see `Beliefs`."""
    wrong, missing = (
        sorted(share(holds, given) for holds in (cautious, evidence))
        for share in (wrong_share, missing_share)
    )
    return NoiseRange((wrong[0], wrong[1]), (missing[0], missing[1]))
