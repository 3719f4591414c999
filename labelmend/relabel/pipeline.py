"""The main job: describe, retrieve, suspect, rerank, vote, fuse, decide."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import Config, VoterConfig
from labelmend.data.duplicates import unique_texts
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.ballots import shown_exemplars
from labelmend.relabel.decide import decide
from labelmend.relabel.describe import label_cards
from labelmend.relabel.fuse import Fit, fuse_routed
from labelmend.relabel.majority import majority
from labelmend.relabel.models import RunModels
from labelmend.relabel.rounds import Sources, given_shares, settle
from labelmend.relabel.route import Routing, route, shortlist
from labelmend.relabel.store import Store
from labelmend.relabel.suspect import word_features
from labelmend.relabel.voters import LlamaVoter, collect_votes
from labelmend.retrieval.bm25 import Bm25Retriever
from labelmend.retrieval.candidates import Candidates, find_candidates, score_in_blocks
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever, gather
from labelmend.retrieval.neighbours import (
    NeighbourRetriever,
    Neighbours,
    find_neighbours,
    oos_scores,
)
from labelmend.retrieval.passages import label_passages
from labelmend.retrieval.rerank import load_reranker
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.types import (
    Ballot,
    Dataset,
    Doubles,
    Evidence,
    Floats,
    Ints,
    LabelCard,
    Relabelling,
    UniqueTexts,
    VoterReport,
)
from labelmend.weights.locate import LocatedModel

_NEAREST_FOR_OOS = 5
"""Neighbours whose mean similarity says whether a text resembles anything."""


def relabel(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    *,
    written: Mapping[str, LabelCard] | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Relabelling:
    """Mend a dataset's labels.

    The outcome does not depend on the order of rows: all evidence is computed on distinct texts in
    the order of their keys.

    Args:
        dataset: the rows and their given labels.
        config: what runs and how.
        models: from `locate_models`; without voters no LLM is asked.
        written: label cards of the user's, by label.
        store: remembers what LLMs said; in memory if None.
        progress: hears how far the work is.
    """
    job = _Job(dataset, config, models, store or Store(None), progress or NoProgress(), {})
    unique = unique_texts(dataset)
    space = open_space(config.encoders, models.encoders)
    with job.timed("embed"):
        embeddings = space.fit(unique.texts, job.progress)
    with job.timed("neighbours"):
        neighbours = find_neighbours(
            embeddings, config.retrieval.neighbours, config.retrieval.block_rows
        )
    cards = job.describe(unique, embeddings, written or {})
    corpus = job.retrieve(unique, embeddings, neighbours, cards, space)
    space.release()
    with job.timed("suspect"):
        settled = settle(corpus.sources, config, job.progress)
    fit, evidence = settled.fit, settled.evidence
    routing = route(fit.posterior, config.routing, config.seed)
    routed_evidence, reports, voted = job.ask_models(corpus, fit, routing)
    if config.fusion.method == "majority":
        fit = majority(fit, routed_evidence, corpus.given_columns, dataset.oos, config.fusion)
    elif routed_evidence:
        with job.timed("fuse"):
            fit = fuse_routed(
                fit,
                routed_evidence,
                corpus.candidates,
                routing.audit,
                settled.blunder,
                config.fusion,
            )
    return Relabelling(
        dataset=dataset,
        cards=cards,
        posterior=fit.posterior,
        decisions=decide(dataset, unique.of_row, fit.posterior, config.decision),
        unique=unique,
        evidence=(*evidence, *routed_evidence),
        neighbours=neighbours.indices,
        neighbour_scores=neighbours.similarities,
        routed=voted,
        voters=reports,
        seconds=job.seconds,
    )


@dataclass(frozen=True)
class _Corpus:
    """What the later stages know of the texts.

    Attributes:
        unique: the distinct texts.
        embeddings: float32 [u, d].
        neighbours: of each text.
        cards: one a label.
        candidates: the labels that are looked at.
        sources: what the rounds start from.
        given_columns: float64 [u, c - tail], rows of each text given each kept candidate.
    """

    unique: UniqueTexts
    embeddings: Floats
    neighbours: Neighbours
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
    ) -> tuple[LabelCard, ...]:
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

    def retrieve(
        self,
        unique: UniqueTexts,
        embeddings: Floats,
        neighbours: Neighbours,
        cards: tuple[LabelCard, ...],
        space: TextSpace,
    ) -> _Corpus:
        """Choose the candidates, and score them with the retrievers that read label cards."""
        config, weights = self.config.retrieval, self.config.retrieval.weights
        with self.timed("retrieve"):
            passages = label_passages(cards, unique.texts, self.dataset.oos)
            vectors = space.passages(passages.passages)
            bm25 = Bm25Retriever(unique.texts, passages, len(cards))
            description = DescriptionRetriever(embeddings, passages, vectors)
            shares = given_shares(unique.given)
            prototype = PrototypeRetriever(embeddings, shares)
            neighbour = NeighbourRetriever(neighbours, shares, config.neighbour_sharpness)
            self.progress.start("retrieve candidates", len(unique))
            candidates = find_candidates(
                [
                    (bm25, weights.bm25),
                    (description, weights.description),
                    (prototype, weights.prototype),
                    (neighbour, weights.neighbour),
                ],
                unique.given,
                self.dataset.oos,
                config,
                self.config.seed,
                self.progress,
            )
            resemblance = neighbours.similarities[:, :_NEAREST_FOR_OOS].mean(axis=1)
            fixed = (
                *(
                    Evidence(r.name, score_in_blocks(r.score, candidates.labels, config.block_rows))
                    for r in (bm25, description)
                ),
                Evidence("oos", oos_scores(resemblance, candidates.labels, self.dataset.oos)),
            )
            columns = gather(unique.given, np.arange(len(unique)), candidates.kept)
            sources = Sources(
                given=unique.given,
                embeddings=embeddings,
                neighbours=neighbours,
                words=word_features(unique.texts),
                candidates=candidates,
                fixed=fixed,
                oos=self.dataset.oos,
            )
        return _Corpus(unique, embeddings, neighbours, cards, candidates, sources, columns)

    def ask_models(
        self, corpus: _Corpus, fit: Fit, routing: Routing
    ) -> tuple[tuple[Evidence, ...], tuple[VoterReport, ...], np.ndarray]:
        """Put the routed texts to the reranker and the voters, one model at a time."""
        evidence: list[Evidence] = []
        if self.models.reranker is not None:
            with self.timed("rerank"):
                texts = routing.first(self.config.reranker.max_rows)
                evidence += self._rerank(corpus, fit, texts)
        texts = routing.first(self.config.routing.llm_rows)
        voted = np.zeros(len(corpus.unique), dtype=bool)
        reports = []
        for config, model in self.models.voters:
            with self.timed("vote"):
                scores, report = self._vote(corpus, fit, texts, config, model)
            evidence.append(Evidence(model.name, scores))
            reports.append(report)
            voted[texts] = True
        return tuple(evidence), tuple(reports), voted

    def _vote(
        self, corpus: _Corpus, fit: Fit, texts: Ints, config: VoterConfig, model: LocatedModel
    ) -> tuple[Floats, VoterReport]:
        """Return one voter's log-scores, float32 [u, c - tail], NaN where it was not asked."""
        columns = shortlist(fit, corpus.given_columns, texts, config.candidates)
        labels = np.take_along_axis(corpus.candidates.kept[texts], columns, axis=1)
        # Texts that share labels follow each other, so that their prefixes are still in the cache.
        order = np.lexsort(labels.T[::-1])
        places, ballots = [], []
        for text, row in zip(texts[order], columns[order], strict=True):
            shown = [column for column in row if self._on_ballot(corpus, config, text, column)]
            cards = tuple(corpus.cards[corpus.candidates.kept[text, column]] for column in shown)
            places.append((text, shown))
            ballots.append(Ballot(corpus.unique.texts[text], cards))
        voter = LlamaVoter(config, model)
        try:
            votes, report = collect_votes(voter, ballots, self.store, self.progress)
        finally:
            voter.close()
        scores = np.full(corpus.candidates.kept.shape, np.nan, dtype=np.float32)
        for (text, shown), vote in zip(places, votes, strict=True):
            if vote.scores is not None:
                scores[text, shown] = vote.scores
        return scores, report

    def _on_ballot(self, corpus: _Corpus, config: VoterConfig, text: int, column: int) -> bool:
        """Tell whether a voter can score a label: what fits no label resembles no message."""
        label = corpus.candidates.kept[text, column]
        described = corpus.cards[label].source == "user"
        return config.ballot == "choice" or label != self.dataset.oos or described

    def _rerank(self, corpus: _Corpus, fit: Fit, texts: Ints) -> list[Evidence]:
        """Return the cross-encoder's logits, and what their best says of out-of-scope."""
        assert self.models.reranker is not None
        config = self.config.reranker
        columns = shortlist(fit, corpus.given_columns, texts, config.candidates)
        reranker = load_reranker(config, self.models.reranker.path)
        scores = np.full(corpus.candidates.kept.shape, np.nan, dtype=np.float32)
        self.progress.start("rerank", len(texts))
        for start in range(0, len(texts), _RERANK_BLOCK):
            part = slice(start, start + _RERANK_BLOCK)
            places, pairs = [], []
            for i, row in zip(texts[part], columns[part], strict=True):
                text = corpus.unique.texts[i]
                for column in row:
                    label = corpus.candidates.kept[i, column]
                    if label != self.dataset.oos:
                        places.append((i, column))
                        pairs.append((text, label_passage(corpus.cards[label], text)))
            for place, score in zip(places, reranker.score(pairs), strict=True):
                scores[place] = score
            self.progress.advance(len(texts[part]))
        best = np.where(np.isnan(scores), -np.inf, scores).max(axis=1)
        strength = np.where(np.isneginf(best), np.nan, best).astype(np.float32)
        evidence = [Evidence("reranker", scores)]
        if self.dataset.oos is not None and np.isfinite(strength).any():
            doubt = oos_scores(strength, corpus.candidates.kept, self.dataset.oos)
            evidence.append(Evidence("reranker_oos", doubt))
        return evidence


_RERANK_BLOCK = 64
"""Texts reranked between two steps of the progress bar."""


def label_passage(card: LabelCard, text: str) -> str:
    """Return what the reranker reads of a label: its description, else its exemplars."""
    rest = card.description or " / ".join(shown_exemplars(card, text, 2))
    return f"{card.name}: {rest}" if rest else card.name
