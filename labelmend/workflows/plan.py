"""What a run will do and cost, from a short timed probe on a sample of the texts."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from labelmend.arrays import given_shares
from labelmend.configs.schema import Config, VoterConfig
from labelmend.data.duplicates import unique_texts
from labelmend.data.labels_file import read_labels_file
from labelmend.data.request import TableRequest, load_table
from labelmend.data.write import check_new_columns
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot
from labelmend.llm.voters import open_voter
from labelmend.protocols import NoProgress
from labelmend.relabel.escalation.routing import Routing
from labelmend.relabel.evidence.classifier import EmbeddingClassifier
from labelmend.relabel.evidence.lexical import lexical_scores, word_features
from labelmend.relabel.label_cards import core_texts, describe_cards, draft_cards
from labelmend.relabel.pipeline import label_passage
from labelmend.relabel.run_models import RunModels, locate_models, notes_on_gpu
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.rerank import load_reranker
from labelmend.retrieval.space import open_space
from labelmend.runs.record import COLUMNS
from labelmend.types import Dataset, LabelCard, UniqueTexts
from labelmend.weights.locate import LocatedModel

_SAMPLE = 2000
"""Texts embedded and classified. Fewer a label than in the whole table, so more seem doubtful."""

_PROBED = 4
"""Texts put to the reranker and to each voter."""


@dataclass(frozen=True)
class Plan:
    """An estimate; no promise.

    Attributes:
        rows: of the table.
        texts: distinct ones.
        labels: of the label set.
        unlabelled: rows without a label.
        doubtful: texts in doubt: a sample's share, extrapolated.
        voted: texts that reach the voters, the audit with them.
        memory_bytes: at the peak.
        available_bytes: of this machine now.
        seconds: by stage.
        tokens: that each voter will read, at most about; a server counts them in its own way.
    """

    rows: int
    texts: int
    labels: int
    unlabelled: int
    doubtful: int
    voted: int
    memory_bytes: int
    available_bytes: int
    seconds: dict[str, float]
    tokens: dict[str, int]


def plan_file(
    request: TableRequest, config: Config, labels_file: Path | None, *, use_llm: bool
) -> tuple[Plan, RunModels, tuple[str, ...]]:
    """Check a run's input and probe what it would cost; nothing is written.

    Returns:
        the plan, the models, and notes on the data and the machine.

    Raises:
        LabelmendError: the input can't be used.
    """
    written = read_labels_file(labels_file) if labels_file else {}
    job = load_table(request, config.data, written)
    check_new_columns(job.table, COLUMNS)
    models = locate_models(config, use_llm=use_llm)
    notes = (*job.notes, *notes_on_gpu(config, models))
    return make_plan(job.dataset, config, models, written), models, notes


def make_plan(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    written: Mapping[str, LabelCard] | None = None,
) -> Plan:
    """Probe every stage on a seeded sample, and extrapolate.

    Args:
        dataset: what would be mended.
        config: what would run.
        models: from `locate_models`.
        written: label cards of the user's, by label.
    """
    unique = unique_texts(dataset)
    total, labels = len(unique), len(dataset.labels)
    generator = np.random.default_rng(config.seed)
    sample = np.sort(generator.choice(total, size=min(_SAMPLE, total), replace=False))
    # Without the cache: what it knows of the sample says little of the other texts.
    space = open_space([replace(e, cache=False) for e in config.encoders], models.encoders)
    began = time.monotonic()
    embeddings = space.fit([unique.texts[i] for i in sample], NoProgress())
    per_text = (time.monotonic() - began) / len(sample)
    space.release()
    part = UniqueTexts(
        tuple(unique.texts[i] for i in sample), np.arange(len(sample)), unique.given[sample]
    )
    prototypes = PrototypeRetriever(embeddings, part.given)
    most = max(config.describe.examples, *(voter.exemplars for voter, _ in models.voters), 0)
    core = core_texts(part, prototypes, labels, most)
    cards = draft_cards(dataset, core, written or {}, config.describe)

    candidates = np.tile(np.arange(labels), (len(sample), 1))
    began = time.monotonic()
    # Its method depends on texts times labels, so the sample stands in with more labels a text.
    classifier = EmbeddingClassifier(
        embeddings, labels * total // len(sample), config.suspect, config.seed, NoProgress()
    )
    words = word_features(part.texts)
    once = time.monotonic() - began
    began = time.monotonic()
    shares = given_shares(part.given)
    scores = classifier.scores(shares, candidates, turn=0)
    lexical_scores(words, shares, candidates)
    each = time.monotonic() - began
    suspecting = (once + each * config.fusion.rounds) * total / len(sample)
    given = np.asarray(part.given.argmax(axis=1)).ravel()
    known = np.asarray(part.given.sum(axis=1)).ravel() > 0
    known &= np.isfinite(np.take_along_axis(scores, given[:, None], axis=1)[:, 0])
    disagree = np.nanargmax(np.where(np.isnan(scores), -np.inf, scores), axis=1) != given
    doubtful = round(total * float(disagree[known].mean())) if known.any() else total

    audit = generator.permutation(total) < config.routing.audit_rows
    routing = Routing(np.arange(doubtful), audit)
    reranked = len(routing.first(config.reranker.max_rows))
    voted = len(routing.voted(config.routing, config.seed).texts) if models.voters else 0
    seconds = {"embed": per_text * total, "suspect and fuse": suspecting}
    if models.describer is not None:
        open_cards = [card for card in cards if not card.description and card.exemplars]
        seconds["describe labels"] = _describing(config, models.describer, open_cards)
    if models.reranker is not None:
        seconds["rerank"] = reranked * _reranking(config, models.reranker, cards, part.texts)
    tokens = {}
    limit = 60 * config.routing.llm_minutes / max(len(models.voters), 1) or math.inf
    shown = [replace(c, exemplars=own) for c, own in zip(cards, core, strict=True)]
    for voter, model in models.voters:
        vote, prefix = _voting(voter, model, shown, part.texts)
        prefixes = min(labels, voted * voter.candidates)
        whole = voted * vote.seconds + prefixes * prefix.seconds
        share = min(limit / max(whole, 1e-9), 1.0)
        seconds[f"vote {model.name}"] = share * whole
        tokens[model.name] = round(share * (voted * vote.tokens + prefixes * prefix.tokens))
    width = embeddings.shape[1]
    kept = min(config.retrieval.candidates + config.retrieval.tail_samples, labels)
    # The encoders are loaded together, every other model alone.
    together = sum(model.size_bytes for model in models.encoders)
    loaded = max(together, *(model.size_bytes for model in models.all().values()))
    memory = psutil.Process().memory_info().rss + total * (width * 8 + kept * 8 * 30) + loaded
    return Plan(
        rows=len(dataset),
        texts=total,
        labels=labels,
        unlabelled=int((dataset.given < 0).sum()),
        doubtful=doubtful,
        voted=voted,
        memory_bytes=int(memory),
        available_bytes=int(psutil.virtual_memory().available),
        seconds=seconds,
        tokens=tokens,
    )


def _describing(config: Config, model: LocatedModel, cards: Sequence[LabelCard]) -> float:
    """Return the seconds that describing all labels will take, from two of them."""
    probed = cards[:2]
    core = [card.exemplars for card in probed]
    began = time.monotonic()
    with Store(None) as store:
        describe_cards(probed, core, model, config.describe, store, NoProgress())
    return (time.monotonic() - began) * len(cards) / max(len(probed), 1)


def _reranking(
    config: Config, model: LocatedModel, cards: Sequence[LabelCard], texts: Sequence[str]
) -> float:
    """Return the seconds that reranking a text takes."""
    reranker = load_reranker(config.reranker, model.path)
    shown = cards[: config.reranker.candidates]
    pairs = [(text, label_passage(c, text)) for text in texts[:_PROBED] for c in shown]
    began = time.monotonic()
    reranker.score(pairs)
    return (time.monotonic() - began) / min(_PROBED, len(texts))


@dataclass(frozen=True)
class _Cost:
    """Of a vote or a prefix.

    Attributes:
        seconds: it takes.
        tokens: that are read for it.
    """

    seconds: float
    tokens: float


def _voting(
    config: VoterConfig, model: LocatedModel, cards: Sequence[LabelCard], texts: Sequence[str]
) -> tuple[_Cost, _Cost]:
    """Return what a vote costs once the labels' prefixes are known, and what a prefix costs."""
    shown, others = cards[: config.candidates], cards[config.candidates :][: config.candidates]
    known = [Ballot(text, tuple(shown)) for text in texts[:_PROBED]]
    voter = open_voter(config, model)

    def cost(ballots: Sequence[Ballot]) -> _Cost:
        began, before = time.monotonic(), voter.tokens
        voter.vote(ballots)
        count = max(len(ballots), 1)
        return _Cost((time.monotonic() - began) / count, (voter.tokens - before) / count)

    try:
        voter.vote(known[:1])  # the model is loaded
        each = cost(known)
        if config.ballot == "choice" or not others:
            return each, _Cost(0.0, 0.0)
        first = cost([Ballot(texts[0], tuple(others))])
        vote = len(others) / len(shown)
        once = (first.seconds - vote * each.seconds, first.tokens - vote * each.tokens)
        return each, _Cost(*(max(part, 0.0) / len(others) for part in once))
    finally:
        voter.close()
