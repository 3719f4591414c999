"""The main job: describe, retrieve, suspect, rerank, vote, fuse, decide."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from labelmend.arrays import gather, given_shares
from labelmend.configs.schema import Config
from labelmend.data.duplicates import unique_texts
from labelmend.errors import ConfigError
from labelmend.llm.ballots import shown_exemplars
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress, Progress, Reranker
from labelmend.relabel.diagnostics.label_set import judge
from labelmend.relabel.diagnostics.self_test import (
    NamedProgress,
    Noise,
    measure,
    presumed_truth,
    tighten,
)
from labelmend.relabel.escalation.poll import Poll, Polled
from labelmend.relabel.escalation.routing import Routing, route, shortlist
from labelmend.relabel.escalation.vote_weights import vote_weights, within_ballots
from labelmend.relabel.escalation.voter_quality import against_chance, appraised, notes_on_voters
from labelmend.relabel.evidence.annotators import vote_scores, vote_shares
from labelmend.relabel.evidence.lexical import word_features
from labelmend.relabel.evidence.sources import VOTE_COLUMN, Sources, find_sources
from labelmend.relabel.label_cards import Described, label_cards
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.fusion import Fit, add_evidence, fuse_routed, unit_spread
from labelmend.relabel.labelmodel.majority import majority
from labelmend.relabel.labelmodel.rounds import Settled, settle
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.result import Relabelling, SelfTest
from labelmend.relabel.run_models import RunModels, notes_on_gpu
from labelmend.retrieval.bm25 import Bm25Retriever
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever
from labelmend.retrieval.neighbours import Neighbours, find_neighbours, oos_scores
from labelmend.retrieval.new_labels import find_new_labels
from labelmend.retrieval.passages import LabelPassages, label_passages
from labelmend.retrieval.rerank import load_reranker
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.types import Dataset, Doubles, Evidence, Floats, Ints, LabelCard, UniqueTexts


def relabel(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    *,
    written: Mapping[str, LabelCard] | None = None,
    votes: Mapping[str, Ints] | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    self_test: bool = False,
    self_test_runs: int = 1,
) -> Relabelling:
    """Mend a dataset's labels.

    The outcome does not depend on the order of rows: all evidence is computed on distinct texts in
    the order of their keys.

    Args:
        dataset: the rows and their given labels.
        config: what runs and how.
        models: from `locate_models`; without voters no LLM is asked.
        written: label cards of the user's, by label.
        votes: by voter, int64 [n], what another annotator or model said of each row, `NO_LABEL`
            where nothing; each voter is a source, and its weight is learned.
        store: remembers what LLMs said; in memory if None.
        progress: hears how far the work is.
        self_test: mend known errors in the mended labels, too, and spend less of the harm budget
            where that breaks too many good labels.
        self_test_runs: times that errors are drawn and mended.

    Raises:
        ConfigError: a self-test is asked for with a fusion that knows no harm budget.
        ModelError: a model can't be loaded.
    """
    if self_test and config.fusion.method == "majority":
        raise ConfigError(
            "a self-test needs a posterior, and a majority vote has none: "
            "leave --self-test out, or set fusion.method=noisy-channel"
        )
    job = _Job(dataset, config, models, store or Store(None), progress or NoProgress(), {})
    unique = unique_texts(dataset)
    space = open_space(config.encoders, models.encoders)
    with job.timed("embed"):
        embeddings = space.fit(unique.texts, job.progress)
    with job.timed("neighbours"):
        retrieval = config.retrieval
        neighbours = find_neighbours(
            embeddings,
            retrieval.neighbours,
            retrieval.block_rows,
            exact_up_to=retrieval.exact_up_to,
            probed_cells=retrieval.probed_cells,
        )
    described = job.describe(unique, embeddings, written or {})
    with job.timed("retrieve"):
        texts = job.prepare(unique, embeddings, neighbours, described.cards, space)
        shares = {name: vote_shares(unique, vote) for name, vote in (votes or {}).items()}
        texts = replace(texts, votes=shares)
        corpus = job.retrieve(texts, unique.given)
    space.release()
    with job.timed("suspect"):
        settled = settle(corpus.sources, config, job.progress)
    fit, evidence = settled.fit, settled.evidence
    rows = np.bincount(unique.of_row, minlength=len(unique))
    routing = route(fit.posterior, config.routing, config.seed, rows)
    reranked = job.rerank(corpus, settled, routing)
    polled = job.poll(corpus, fit, routing, described.exemplars)
    routed_evidence, reports = (*reranked, *polled.evidence), polled.reports
    if config.fusion.method == "majority":
        fit = majority(fit, routed_evidence, corpus.given_columns, dataset.oos, config.fusion)
    elif routed_evidence:
        reports = against_chance(reports, polled.evidence, fit.posterior, polled.drawn)
        with job.timed("fuse"):
            blunder = settled.blunder
            if reranked:
                fit = fuse_routed(
                    fit, reranked, corpus.candidates, routing.audit, blunder, config.fusion
                )
            weights = vote_weights(
                polled.evidence,
                fit.posterior,
                routing.doubtful,
                [report.worse_than_chance for report in reports],
            )
            votes_cast = within_ballots(polled.evidence, weights, fit)
            fit = add_evidence(fit, votes_cast, weights, corpus.candidates, blunder)
            routed_evidence = (*reranked, *votes_cast)
    reports = appraised(reports, routed_evidence, fit, polled.drawn)

    trust = judge(unique, neighbours.indices, neighbours.similarities)

    def decide_within(max_harm: float) -> Decisions:
        budget = replace(config.decision, max_harm=max_harm)
        return decide(dataset, unique.of_row, fit.posterior, budget, trusted=trust.trusted)

    decisions = decide_within(config.decision.max_harm)
    tested: SelfTest | None = None
    if self_test and trust.trusted:
        with job.timed("self-test"):
            tested = job.self_test(texts, unique, decisions, settled, self_test_runs)
        tested, decisions = tighten(tested, decisions, decide_within)
    return Relabelling(
        dataset=dataset,
        cards=texts.cards,
        posterior=fit.posterior,
        decisions=decisions,
        unique=unique,
        evidence=(*evidence, *routed_evidence),
        neighbours=neighbours.indices,
        neighbour_scores=neighbours.similarities,
        routed=polled.voted,
        voters=reports,
        seconds=job.seconds,
        self_test=tested,
        notes=(
            *space.notes,
            *([] if trust.trusted else [trust.reason]),
            *notes_on_gpu(config, models),
            *described.notes,
            *notes_on_voters(reports),
            *_notes_on(tested),
        ),
    )


def _notes_on(test: SelfTest | None) -> tuple[str, ...]:
    """Return what must not be missed of a self-test: that it changed the run, and its limits."""
    if test is None:
        return ()
    return (*test.notes, test.verdict) if test.factor < 1 else test.notes


@dataclass(frozen=True)
class _Texts:
    """What is known of the texts, whatever labels they were given.

    Attributes:
        texts: the distinct ones, [u].
        embeddings: float32 [u, d].
        neighbours: of each text.
        words: sparse [u, w].
        cards: one a label.
        readers: the retrievers that read label cards.
        passages: of the cards.
        vectors: float32 [p, d], unit rows, of the passages.
        votes: by voter, sparse [u, K], what it said of the text, as shares.
    """

    texts: tuple[str, ...]
    embeddings: Floats
    neighbours: Neighbours
    words: csr_matrix
    cards: tuple[LabelCard, ...]
    readers: tuple[Bm25Retriever, DescriptionRetriever]
    passages: LabelPassages
    vectors: Floats
    votes: Mapping[str, csr_array] = field(default_factory=dict)


@dataclass(frozen=True)
class _Corpus:
    """What the later stages know of the texts and their given labels.

    Attributes:
        texts: the distinct ones, [u].
        cards: one a label.
        candidates: the labels that are looked at.
        sources: what the rounds start from.
        given_columns: float64 [u, c - tail], rows of each text given each kept candidate.
    """

    texts: tuple[str, ...]
    cards: tuple[LabelCard, ...]
    candidates: Candidates
    sources: Sources
    given_columns: Doubles


@dataclass(frozen=True)
class _Job:
    """One run's settings, and where its stages report."""

    dataset: Dataset
    config: Config
    models: RunModels
    store: Store
    progress: Progress
    seconds: dict[str, float]

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a block to its stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - began

    def describe(
        self, unique: UniqueTexts, embeddings: Floats, written: Mapping[str, LabelCard]
    ) -> Described:
        """Return one card a label."""
        with self.timed("describe"):
            return label_cards(
                self.dataset,
                unique,
                embeddings,
                written,
                self.models.describer,
                self.config.describe,
                self.store,
                self.progress,
            )

    def prepare(
        self,
        unique: UniqueTexts,
        embeddings: Floats,
        neighbours: Neighbours,
        cards: tuple[LabelCard, ...],
        space: TextSpace,
    ) -> _Texts:
        """Index what no given label changes."""
        passages = label_passages(cards, unique.texts, self.dataset.oos)
        vectors = space.passages(passages.passages)
        new = find_new_labels(
            *(embeddings, unique.given, passages, vectors, self.dataset.oos),
            most=self.config.retrieval.new_labels,
        )
        exemplars = new.exemplars(self.config.describe.exemplars)
        if exemplars:
            # Beside cards with exemplars, one without would seldom be the nearest.
            cards = tuple(
                replace(card, exemplars=tuple(unique.texts[i] for i in exemplars[label]))
                if label in exemplars and not card.exemplars
                else card
                for label, card in enumerate(cards)
            )
            passages = label_passages(cards, unique.texts, self.dataset.oos)
            vectors = space.passages(passages.passages)
        bm25 = Bm25Retriever(unique.texts, passages, len(cards))
        return _Texts(
            texts=unique.texts,
            embeddings=embeddings,
            neighbours=neighbours,
            words=word_features(unique.texts),
            cards=cards,
            readers=(bm25, DescriptionRetriever(embeddings, passages, vectors)),
            passages=passages,
            vectors=vectors,
        )

    def retrieve(self, texts: _Texts, given: csr_array) -> _Corpus:
        """Choose the candidates, and score them with the retrievers that read label cards.

        Args:
            texts: [u] of them.
            given: float32 sparse [u, K], how many rows of the text were given each label.
        """
        weights = self.config.retrieval.weights
        bm25, description = texts.readers
        sources = find_sources(
            given,
            texts.embeddings,
            texts.neighbours,
            texts.words,
            [(bm25, weights.bm25), (description, weights.description)],
            self.dataset.oos,
            self.config,
            self.progress,
            new=find_new_labels(
                *(texts.embeddings, given, texts.passages, texts.vectors, self.dataset.oos),
                most=self.config.retrieval.new_labels,
            ),
        )
        candidates = sources.candidates
        votes = (
            Evidence(f"{VOTE_COLUMN}{name}", vote_scores(shares, candidates.labels))
            for name, shares in texts.votes.items()
        )
        sources = replace(sources, fixed=(*sources.fixed, *votes))
        columns = gather(given, np.arange(len(texts.texts)), candidates.kept)
        return _Corpus(texts.texts, texts.cards, candidates, sources, columns)

    def self_test(
        self, texts: _Texts, unique: UniqueTexts, decisions: Decisions, settled: Settled, runs: int
    ) -> SelfTest:
        """Mend known errors without the reranker and the LLM; label cards stay as they are."""
        job = replace(self, progress=NamedProgress("self-test", self.progress))

        def mend(given: Ints) -> Decisions:
            noisy = replace(self.dataset, given=given)
            corpus = job.retrieve(texts, unique_texts(noisy).given)
            fit = settle(corpus.sources, self.config, job.progress).fit
            return decide(noisy, unique.of_row, fit.posterior, self.config.decision)

        truth, _ = presumed_truth(self.dataset, decisions)
        mended = unique_texts(replace(self.dataset, given=truth)).given
        prototypes = PrototypeRetriever(texts.embeddings, given_shares(mended)).prototypes()
        noise = Noise(settled.learned, prototypes, self.dataset.oos)
        return measure(
            self.dataset, unique.of_row, decisions, noise, mend, self.config, max(runs, 1)
        )

    def rerank(self, corpus: _Corpus, settled: Settled, routing: Routing) -> tuple[Evidence, ...]:
        """Return the cross-encoder's logits, and what their best says of out-of-scope.

        The audit is read first, and the doubtful texts only if the audit gives it a say.
        """
        if self.models.reranker is None:
            return ()
        with self.timed("rerank"):
            reranker = load_reranker(self.config.reranker, self.models.reranker.path)
            scores = np.full(corpus.candidates.kept.shape, np.nan, dtype=np.float32)
            audit = np.flatnonzero(routing.audit)
            self._read_pairs(corpus, settled.fit, reranker, audit, scores)
            evidence = self._rerank_evidence(corpus, scores)
            doubtful = routing.first(self.config.reranker.max_rows)
            doubtful = doubtful[~routing.audit[doubtful]]
            if len(doubtful) and self._is_heard(corpus, settled, routing, evidence):
                self._read_pairs(corpus, settled.fit, reranker, doubtful, scores)
                evidence = self._rerank_evidence(corpus, scores)
        return evidence

    def poll(
        self,
        corpus: _Corpus,
        fit: Fit,
        routing: Routing,
        exemplars: Mapping[str, tuple[str, ...]],
    ) -> Polled:
        """Put the routed texts to the voters."""
        about = Poll(
            corpus.texts,
            corpus.cards,
            exemplars,
            self.dataset.oos,
            corpus.given_columns,
            fit,
            routing,
            self.config,
            self.store,
            self.progress,
        )
        if not self.models.voters:
            return about.hold(())
        with self.timed("vote"):
            return about.hold(self.models.voters)

    def _is_heard(
        self, corpus: _Corpus, settled: Settled, routing: Routing, evidence: Sequence[Evidence]
    ) -> bool:
        """Tell whether the audit gives any of the sources a weight that could change a label."""
        config = self.config.fusion
        if config.method == "majority":
            return True
        trial = fuse_routed(
            settled.fit, evidence, corpus.candidates, routing.audit, settled.blunder, config
        )
        _, spread = unit_spread(evidence)
        weights = trial.posterior.weights
        return any(
            weights[e.source] * s >= _LEAST_SAY for e, s in zip(evidence, spread, strict=True)
        )

    def _read_pairs(
        self, corpus: _Corpus, fit: Fit, reranker: Reranker, texts: Ints, scores: Floats
    ) -> None:
        """Write the logits of texts and their leading candidates into `scores` [u, c - tail]."""
        columns = shortlist(fit, corpus.given_columns, texts, self.config.reranker.candidates)
        self.progress.start("rerank", len(texts))
        for start in range(0, len(texts), _RERANK_BLOCK):
            part = slice(start, start + _RERANK_BLOCK)
            places, pairs = [], []
            for i, row in zip(texts[part], columns[part], strict=True):
                text = corpus.texts[i]
                for column in row:
                    label = corpus.candidates.kept[i, column]
                    if label != self.dataset.oos:
                        places.append((i, column))
                        pairs.append((text, label_passage(corpus.cards[label], text)))
            for place, score in zip(places, reranker.score(pairs), strict=True):
                scores[place] = score
            self.progress.advance(len(texts[part]))

    def _rerank_evidence(self, corpus: _Corpus, scores: Floats) -> tuple[Evidence, ...]:
        best = np.where(np.isnan(scores), -np.inf, scores).max(axis=1)
        strength = np.where(np.isneginf(best), np.nan, best).astype(np.float32)
        evidence = Evidence("reranker", scores)
        if self.dataset.oos is None or not np.isfinite(strength).any():
            return (evidence,)
        doubt = oos_scores(strength, corpus.candidates.kept, self.dataset.oos)
        return evidence, Evidence("reranker_oos", doubt)


_RERANK_BLOCK = 64
"""Texts reranked between two steps of the progress bar."""

_LEAST_SAY = 0.05
"""Nats by which a source of unit spread must move a log-score for its reading to be worth it."""


def label_passage(card: LabelCard, text: str) -> str:
    """Return what the reranker reads of a label: its description, else its exemplars."""
    rest = card.description or " / ".join(shown_exemplars(card, text, 2))
    return f"{card.name}: {rest}" if rest else card.name
