"""New rows are mended with what is known, without mending anew what was mended.

One round of the main job's evidence is learned from the known labels alone: new texts lend it
nothing, neither to each other nor to themselves, and known texts are judged out of fold, so that
both are judged alike. The noise channel is learned from the known rows as they came against what
they were mended to. What fusion, channel and decisions are is said where they are:
`labelmend/relabel/labelmodel`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares, main_labels
from labelmend.configs.schema import Config
from labelmend.data.dataset import label_indices
from labelmend.data.duplicates import given_counts, unique_texts
from labelmend.llm.store import Store
from labelmend.protocols import Progress
from labelmend.relabel.evidence.base import Corpus, Resources
from labelmend.relabel.evidence.classifier import ClassifierOptions, ClassifierSource
from labelmend.relabel.evidence.guard import begun, timed
from labelmend.relabel.evidence.registry import open_sources, proposers, resolved_sources
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.fusion import posterior_of
from labelmend.relabel.labelmodel.noise_channel import (
    FIRST_GUESS,
    LearnedChannel,
    learn_channel,
    observe,
    taken_to_carry,
)
from labelmend.relabel.labelmodel.rounds import (
    Estimated,
    Given,
    decisive_texts,
    expectation_maximisation,
    source_error_rate,
)
from labelmend.relabel.labelmodel.types import NoiseChannel, Posterior
from labelmend.relabel.run_models import RunModels
from labelmend.retrain.known import ANSWERED, Known, is_held_out
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrieval.candidates import find_candidates
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Floats, Ints

_ENOUGH_PAIRS = 200
"""Known rows with a label as it came and a mended one from which the channel is learned; with fewer
the new rows have to tell how wrong they are."""


@dataclass(frozen=True)
class Judged:
    """What all evidence but a row's own label says of it; one entry a text and label.

    Attributes:
        best: int64 [m], the label that the evidence speaks for.
        given: int64 [m], the label as it came.
        rank: int64 [m], how many labels the evidence finds likelier than the given one.
    """

    best: Ints
    given: Ints
    rank: Ints


@dataclass(frozen=True)
class Mending:
    """New rows, mended.

    Attributes:
        rows: all of them, in their order.
        labels: the label set that indices below mean.
        judged: new rows of the kind `labels`.
        settled: new rows of the other kinds, judged as well.
        known: known rows with the labels that they came with, judged out of fold.
        channel: how given labels come about.
        unknown: labels of new rows that no known row carries and no person answered with.
    """

    rows: tuple[MendedRow, ...]
    labels: tuple[str, ...]
    judged: Judged
    settled: Judged
    known: Judged
    channel: NoiseChannel
    unknown: tuple[str, ...]

    @property
    def channel_record(self) -> dict[str, Any]:
        """The channel as JSON."""
        return dict(vars(self.channel))


def texts_to_place(known: Known, rows: Sequence[NewRow]) -> tuple[str, ...]:
    """Return the texts that `mend` needs vectors of, beside those of new rows."""
    learned = known.learned_from
    placed = [learned.texts[row] for row in np.flatnonzero(learned.given != NO_LABEL)]
    return unique_texts(_dataset(known, [*placed, *(row.text for row in rows)])).texts


def mend(
    known: Known,
    rows: Sequence[NewRow],
    embeddings: Floats,
    config: Config,
    share: float,
    progress: Progress,
) -> Mending:
    """Mend new rows with what is known.

    Args:
        known: what evidence learns from; no held-out row of it is looked at.
        rows: the new ones.
        embeddings: float32 [u, d], of `texts_to_place`.
        config: which sources speak, and how decisions are made.
        share: of texts that are held out.
        progress: hears how far the work is.

    Raises:
        ConfigError: a source of evidence fails.
    """
    table = _Table.of(known, rows)
    evidence = _evidence(table, embeddings, config, progress)
    learned = _channel(table, evidence, embeddings, config)
    posterior = _posterior(table, evidence, learned, embeddings, config)
    plain = Dataset(
        ids=tuple(str(number) for number in range(len(table.new))),
        texts=tuple(table.rows[i].text for i in table.new.tolist()),
        given=table.came[table.new],
        labels=table.labels,
        oos=table.oos,
    )
    decisions = decide(plain, table.text_of[table.new], posterior, config.decision)
    names = ["" if k == NO_LABEL else table.labels[k] for k in decisions.mended.tolist()]
    done = dict(
        zip(
            table.new.tolist(),
            zip(names, decisions.confidence.tolist(), decisions.actions, strict=True),
            strict=True,
        )
    )
    mended = []
    for number, row in enumerate(rows):
        label, confidence, action = done.get(number, (row.label, 1.0, ANSWERED))
        if number in table.strange:
            label, confidence, action = "", 0.0, "review"
        side = "held out" if is_held_out(row.text, share) else "train"
        mended.append(
            MendedRow(
                *(row.source, row.id, row.key, row.text, row.label, row.rows),
                *(side, label, round(confidence, 6), action),
            )
        )
    settled = np.array([row.rows != "labels" for row in rows], dtype=bool)
    return Mending(
        rows=tuple(mended),
        labels=table.labels,
        judged=_judged(evidence, table.text_of[table.new], table.came[table.new]),
        settled=_judged(evidence, table.text_of[settled], table.came[settled]),
        known=_judged(evidence, table.known_text, table.known_came),
        channel=learned.channel,
        unknown=tuple(sorted({rows[number].label for number in table.strange})),
    )


@dataclass(frozen=True)
class _Table:
    """Known and new rows on distinct texts.

    Attributes:
        rows: the new ones, r of them.
        labels: the label set.
        oos: index of the out-of-scope label, or None.
        texts: distinct, [u].
        mended: float32 sparse [u, K], the known labels.
        text_of: int64 [r], the text of each new row.
        came: int64 [r], the label of each, or `NO_LABEL` where it is strange.
        new: int64, the new rows that are mended: those of the kind `labels` with a known label.
        strange: new rows whose label nobody knows.
        known_text: int64 [k], texts of the known rows that came with a label nobody has settled.
        known_came: int64 [k], these labels.
        tells: bool [k], those that were mended, so that they tell how labels come about.
    """

    rows: tuple[NewRow, ...]
    labels: tuple[str, ...]
    oos: int | None
    texts: tuple[str, ...]
    mended: csr_array
    text_of: Ints
    came: Ints
    new: Ints
    strange: frozenset[int]
    known_text: Ints
    known_came: Ints
    tells: Bools

    @classmethod
    def of(cls, known: Known, rows: Sequence[NewRow]) -> "_Table":
        learned = known.learned_from
        kept = np.flatnonzero(learned.given != NO_LABEL)
        carried = {learned.labels[k] for k in np.unique(learned.given[kept])}
        labels = tuple(sorted(carried | {row.label for row in rows if row.rows != "labels"}))
        oos = None if learned.oos is None else learned.labels[learned.oos]
        texts = [*(learned.texts[row] for row in kept), *(row.text for row in rows)]
        dataset = _dataset(known, texts)
        unique = unique_texts(dataset)
        recode = label_indices(labels, learned.labels)
        mended = np.concatenate([recode[learned.given[kept]], np.full(len(rows), NO_LABEL)])
        came = label_indices(labels, [row.label for row in rows])
        strange = frozenset(np.flatnonzero(came == NO_LABEL).tolist())
        told = known.given[kept]
        pairs = np.where(told == NO_LABEL, NO_LABEL, recode[told])
        open_ones = (pairs != NO_LABEL) & ~known.answered[kept]
        return cls(
            rows=tuple(rows),
            labels=labels,
            oos=labels.index(oos) if oos in labels else None,
            texts=unique.texts,
            mended=given_counts(unique.of_row, mended, (len(unique), len(labels))),
            text_of=unique.of_row[len(kept) :],
            came=came,
            new=np.array(
                [i for i, row in enumerate(rows) if row.rows == "labels" and i not in strange],
                dtype=np.int64,
            ),
            strange=strange,
            known_text=unique.of_row[: len(kept)][open_ones],
            known_came=pairs[open_ones],
            # Where nothing was mended, a label is what it came as, and says nothing of errors.
            tells=(known.is_mended | (kept >= known.base_rows))[open_ones],
        )

    def counts(self, texts: Ints, labels: Ints) -> csr_array:
        """Return float32 sparse [u, K], how many rows of each text carry each label."""
        return given_counts(texts, labels, (len(self.texts), len(self.labels)))


def _dataset(known: Known, texts: Sequence[str]) -> Dataset:
    return Dataset(
        ids=tuple(map(str, range(len(texts)))),
        texts=tuple(texts),
        given=np.full(len(texts), NO_LABEL),
        labels=known.dataset.labels,
        oos=known.dataset.oos,
    )


@dataclass(frozen=True)
class _Evidence:
    """What the sources say of all texts.

    Attributes:
        start: what the round started from.
        estimated: what it led to.
        prior: float64 [u, c], log-probabilities of the candidates before a text's given label is
            looked at; a known text's mended label counts for others, and not for itself.
    """

    start: Given
    estimated: Estimated
    prior: Doubles


def _evidence(table: _Table, embeddings: Floats, config: Config, progress: Progress) -> _Evidence:
    config = resolved_sources(_hurried(config))
    retrieval = config.retrieval
    corpus = Corpus(
        texts=table.texts,
        labels=table.labels,
        embeddings=embeddings,
        neighbours=find_neighbours(
            embeddings,
            retrieval.neighbours,
            retrieval.block_rows,
            exact_up_to=retrieval.exact_up_to,
            searched_texts=retrieval.searched_texts,
        ),
        oos=table.oos,
        has=frozenset(("texts", "space")),
        seed=config.seed,
        block_rows=retrieval.block_rows,
        progress=progress,
    )
    resources = Resources(config, RunModels((), None, None, ()), Store(None))
    shares = given_shares(table.mended)
    opened = tuple(
        begun(each, corpus, shares)
        for each in open_sources(config.evidence, corpus, resources, ("fixed", "round"))
    )
    looked_at = (
        table.mended
        + table.counts(table.text_of, table.came)
        + table.counts(table.known_text, table.known_came)
    )
    chosen = find_candidates(
        proposers(opened, len(table.labels)),
        csr_array(looked_at),
        table.oos,
        retrieval,
        config.seed,
        progress,
    )
    speaking = [each.source for each in opened if each.speaks]
    start = Given(
        corpus=corpus,
        given=table.mended,
        candidates=chosen,
        fixed=tuple(timed(s, corpus, chosen) for s in speaking if s.phase == "fixed"),
        sources=tuple(s for s in speaking if s.phase == "round"),
    )
    estimated = expectation_maximisation(start, replace(config.fusion, rounds=1))
    return _Evidence(start, estimated, estimated.fit.log_prior)


_FOLDS = 4
"""Of the out-of-fold classifier: half as many as where a table is mended take two fifths of the
time, and a step has to keep up with the clock. Chosen by hand."""


def _hurried(config: Config) -> Config:
    """Return the settings with fewer folds of the out-of-fold classifier, where it has more."""
    entry = config.evidence.get(ClassifierSource.name)
    if entry is None:
        return config
    folds = min(int(entry.options.get("folds", ClassifierOptions.folds)), _FOLDS)
    hurried = replace(entry, options={**entry.options, "folds": folds})
    return replace(config, evidence={**config.evidence, ClassifierSource.name: hurried})


def _channel(
    table: _Table, evidence: _Evidence, embeddings: Floats, config: Config
) -> LearnedChannel:
    """Learn how given labels come about: of known rows, else of the new ones."""
    candidates = evidence.start.candidates
    texts, came = table.known_text[table.tells], table.known_came[table.tells]
    few = len(texts) < _ENOUGH_PAIRS
    if few:
        texts, came = table.text_of[table.new], table.came[table.new]
    prototypes = PrototypeRetriever(embeddings, given_shares(table.mended)).prototypes()
    seen = observe(
        table.counts(texts, came), candidates.labels, prototypes, table.oos, config.fusion.channel
    )
    if few:
        anchors = decisive_texts(
            evidence.prior, candidates, len(table.labels), config.fusion.channel.anchors
        )
        true = np.take_along_axis(
            candidates.labels, evidence.prior.argmax(axis=1)[:, None], axis=1
        )[:, 0]
        true = np.where(anchors, true, NO_LABEL)
    else:
        true = main_labels(table.mended)
    return learn_channel(seen, taken_to_carry(seen, true), FIRST_GUESS, config.fusion.channel)


def _posterior(
    table: _Table, evidence: _Evidence, learned: LearnedChannel, embeddings: Floats, config: Config
) -> Posterior:
    """Return what is believed of all texts once the new rows' labels are heard."""
    candidates, fit = evidence.start.candidates, evidence.estimated.fit
    given = table.counts(table.text_of[table.new], table.came[table.new])
    prototypes = PrototypeRetriever(embeddings, given_shares(table.mended)).prototypes()
    seen = observe(given, candidates.labels, prototypes, table.oos, config.fusion.channel)
    share = given_shares(given)
    return posterior_of(
        # A new row that is a copy of a known text hears what that was mended to.
        evidence.prior + fit.log_likelihood,
        # What the new rows put into no counts can't be taken out of them.
        learned.for_others(seen).log_likelihood(seen),
        candidates,
        learned.channel,
        fit.posterior.weights,
        fit.posterior.oos_bias,
        source_error_rate(learned, config.fusion),
        gather(share, np.arange(len(table.texts)), candidates.kept),
    )


def _judged(evidence: _Evidence, texts: Ints, given: Ints) -> Judged:
    """Return what the evidence says of rows with a label, one entry a text and label."""
    pairs = np.unique(np.stack([texts, given], axis=1)[given != NO_LABEL], axis=0)
    text, label = pairs[:, 0], pairs[:, 1]
    labels, prior = evidence.start.candidates.labels[text], evidence.prior[text]
    best = np.take_along_axis(labels, prior.argmax(axis=1)[:, None], axis=1)[:, 0]
    is_given: Bools = labels == label[:, None]
    own = np.where(is_given, prior, -np.inf).max(axis=1, initial=-np.inf)
    rank = (prior > own[:, None]).sum(axis=1)
    return Judged(best, label, rank)
