"""What a run will do and cost, from a short timed probe on a sample of the texts."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from labelmend.configs.schema import Config, VoterConfig
from labelmend.data.answer_file import loaded_answers
from labelmend.data.duplicates import unique_texts
from labelmend.data.label_edits.file import loaded_edits
from labelmend.data.labels_file import read_labels_file
from labelmend.data.request import TableRequest, load_table
from labelmend.data.shards.find import shards_of
from labelmend.data.task import require_task
from labelmend.data.write import check_new_columns
from labelmend.engines.growth import Part
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot
from labelmend.llm.voters import open_voter
from labelmend.parallel import usable_cores
from labelmend.protocols import NoProgress
from labelmend.relabel.doubt import notes_on_length
from labelmend.relabel.escalation.exemplars import with_exemplars
from labelmend.relabel.escalation.routing import Routing, route
from labelmend.relabel.evidence.base import PHASES, CastingVotes, Corpus, EvidenceSource
from labelmend.relabel.evidence.guard import fitted, scored
from labelmend.relabel.evidence.registry import open_sources, resolved_sources
from labelmend.relabel.forecast import Cluster, Forecast, ways_of
from labelmend.relabel.label_cards import describe_cards
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.relabel.pipeline import MODEL, PREPARE
from labelmend.relabel.run_models import RunModels, locate_models, notes_on_gpu, require_packages
from labelmend.relabel.run_state import Run, carry_out
from labelmend.retrieval.space import open_space
from labelmend.runs.columns import COLUMNS
from labelmend.stopwatch import Stopwatch
from labelmend.types import Dataset, Ints, LabelCard
from labelmend.weights.locate import LocatedModel
from labelmend.workflows.profile import read_language

_SAMPLE = 2000
"""Texts that are mended. Fewer a label than in the whole table, so more seem doubtful."""

_READ = 64
"""Texts that a process reads at a time that was asked after the rounds."""

_ASKED = 16
"""Ballots that a process holds at a time."""

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
        sources: of evidence, by name, with the phase in which they are heard.
        seconds: by stage.
        tokens: that each voter will read, at most about; a server counts them in its own way.
        disk_bytes: of what is written, the embeddings that are kept among it.
        free_disk_bytes: where the table lies.
        clusters: the same run on more machines, for each number that was asked for.
        notes: what the estimate can't know, one line each.
        answered: texts that people have answered.
        read: which columns are read.
    """

    rows: int
    texts: int
    labels: int
    unlabelled: int
    doubtful: int
    voted: int
    memory_bytes: int
    available_bytes: int
    sources: dict[str, str]
    seconds: dict[str, float]
    tokens: dict[str, int]
    disk_bytes: int = 0
    free_disk_bytes: int = 0
    clusters: tuple[Cluster, ...] = ()
    notes: tuple[str, ...] = ()
    answered: int = 0
    read: str = ""


def plan_file(
    request: TableRequest,
    config: Config,
    labels_file: Path | None,
    answers_file: Path | None = None,
    edits_file: Path | None = None,
    *,
    use_llm: bool,
    chosen: tuple[str, ...] = (),
    machines: Sequence[int] = (),
) -> tuple[Plan, RunModels, tuple[str, ...]]:
    """Check a run's input and probe what it would cost; nothing is written.

    Args:
        request: the table.
        config: what would run and how.
        labels_file: the user's label cards.
        answers_file: what people said.
        edits_file: what people did to the labels.
        use_llm: let the LLMs describe labels and vote.
        chosen: notes on why it is this profile.
        machines: numbers of machines for which it is told as well.

    Returns:
        the plan, the models, and notes on the data and the machine.

    Raises:
        LabelmendError: the input can't be used.
    """
    require_packages(config, use_llm=use_llm)
    edits = loaded_edits(edits_file)
    written = edits.cards(read_labels_file(labels_file) if labels_file else {})
    loaded = load_table(request, config.data, written, edits)
    require_task(loaded.dataset, {"single"}, "relabel")
    check_new_columns(loaded.table, COLUMNS)
    answers = loaded_answers(loaded.dataset, answers_file)
    config = resolved_sources(config)
    models = locate_models(config, use_llm=use_llm)
    reading = read_language(loaded.dataset.texts, config.encoders, models.encoders, chosen)
    length = notes_on_length(config, models, unique_texts(loaded.dataset).texts)
    table_bytes = _size(request.path)
    plan = make_plan(
        *(loaded.dataset, config, models, written, loaded.votes), machines, table_bytes
    )
    folder = next(part for part in request.path.resolve().parents if part.is_dir())
    free = int(psutil.disk_usage(str(folder)).free)
    plan = replace(plan, rows=len(loaded.table), read=loaded.columns.in_words, free_disk_bytes=free)
    notes = (*loaded.notes, *reading.told, *length, *notes_on_gpu(config, models), *plan.notes)
    if answers is None:
        return plan, models, notes
    told = replace(plan, answered=len(np.unique(answers.text[~answers.unsure])))
    return told, models, (*notes, *answers.notes)


def _size(path: Path) -> int:
    """Return the bytes of a table, which may be one of shards; 0 of what is no file."""
    files = shards_of(path) or (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def make_plan(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    written: Mapping[str, LabelCard] | None = None,
    votes: Mapping[str, Ints] | None = None,
    machines: Sequence[int] = (),
    table_bytes: int = 0,
) -> Plan:
    """Probe every stage on a seeded sample, and extrapolate.

    Args:
        dataset: what would be mended.
        config: what would run.
        models: from `locate_models`.
        written: label cards of the user's, by label.
        votes: by voter, int64 [n], what another annotator or model said of each row.
        machines: numbers of machines for which it is told as well.
        table_bytes: of the table's file.
    """
    probe = _probe(dataset, config, models, written or {}, votes or {})
    total, sampled = probe.total, len(probe.corpus.texts)
    doubtful = round(total * len(probe.routing.doubtful) / sampled)
    routing = expected_routing(total, doubtful, config)
    voted = len(routing.voted(config.routing, config.seed).texts) if models.voters else 0
    forecast = Forecast.of(
        sampled, total, len(dataset), len(dataset.labels), probe.corpus.embeddings.shape[1]
    )
    parts = forecast.parts(probe.seconds, ways_of(config))
    if models.describer is not None:
        open_cards = [c for c in probe.corpus.cards if not c.description and c.exemplars]
        parts.append(("describe labels", Part(_describing(config, models.describer, open_cards))))
    for source in probe.readers:
        read = len(routing.first(getattr(source, "max_texts", -1)))
        blocks = math.ceil(read / _READ)
        took = read * _reading(source, probe.corpus)
        parts.append((source.name, Part(took, 1.0, blocks, whole_machines=True)))
    tokens = {}
    limit = 60 * config.routing.llm_minutes / max(len(models.voters), 1) or math.inf
    for voter, model in models.voters:
        vote, prefix = vote_cost(voter, model, probe.shown(voter.exemplars), probe.corpus.texts)
        prefixes = min(len(dataset.labels), voted * voter.candidates)
        whole = voted * vote.seconds + prefixes * prefix.seconds
        share = min(limit / max(whole, 1e-9), 1.0)
        parts.append((f"vote {model.name}", _votes(share * whole, voted, voter)))
        tokens[model.name] = round(share * (voted * vote.tokens + prefixes * prefix.tokens))
    cores = usable_cores()
    loaded = _loaded(models)
    clusters = forecast.clusters([part for _, part in parts], machines, cores, loaded)
    return Plan(
        rows=len(dataset),
        texts=total,
        labels=len(dataset.labels),
        unlabelled=int((dataset.given < 0).sum()),
        doubtful=doubtful,
        voted=voted,
        memory_bytes=forecast.memory(loaded),
        available_bytes=int(psutil.virtual_memory().available),
        sources=probe.sources,
        seconds=_by_stage(parts),
        tokens=tokens,
        disk_bytes=forecast.disk(table_bytes, config),
        clusters=clusters,
        notes=forecast.notes(clusters, cores),
    )


def expected_routing(total: int, doubtful: int, config: Config) -> Routing:
    """Return how texts would be routed if so many were in doubt; which ones is of no account."""
    shuffled = np.random.default_rng(config.seed).permutation(total)
    return Routing(np.arange(doubtful), shuffled < config.routing.audit_rows)


def _votes(seconds: float, voted: int, voter: VoterConfig) -> Part:
    """Return what a voter takes: other machines help where the model is not on servers."""
    if voter.server is not None:
        return Part(seconds)
    return Part(seconds, 1.0, math.ceil(voted / _ASKED), whole_machines=True)


def _by_stage(parts: Sequence[tuple[str, Part]]) -> dict[str, float]:
    """Return seconds by stage, in the order in which the stages come first."""
    seconds: dict[str, float] = {}
    for stage, part in parts:
        seconds[stage] = seconds.get(stage, 0.0) + part.seconds
    return seconds


@dataclass(frozen=True)
class _Probe:
    """What the first stages make of a sample.

    Attributes:
        total: distinct texts of the whole table.
        corpus: the sample.
        posterior: of its texts.
        routing: which of them need more evidence.
        sources: of evidence, by name, with their phases.
        readers: escalated ones that are no voters.
        seconds: by stage.
        own: the user's exemplars, by label.
        surest_texts: of a label, over which exemplars are spread.
    """

    total: int
    corpus: Corpus
    posterior: Posterior
    routing: Routing
    sources: dict[str, str]
    readers: tuple[EvidenceSource, ...]
    seconds: dict[str, float]
    own: Mapping[str, tuple[str, ...]]
    surest_texts: int

    def shown(self, count: int) -> Sequence[LabelCard]:
        """Return the label cards as ballots would show them."""
        corpus, settled = self.corpus, self.routing.settled
        cards, texts, oos = corpus.cards, corpus.texts, corpus.oos
        surest = self.surest_texts
        return with_exemplars(cards, texts, self.posterior, settled, self.own, oos, count, surest)


def _probe(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    written: Mapping[str, LabelCard],
    votes: Mapping[str, Ints],
) -> _Probe:
    """Run the main job on a seeded sample of the texts, up to where texts would be escalated."""
    of_row = unique_texts(dataset).of_row
    total = int(of_row.max()) + 1
    chosen = np.random.default_rng(config.seed).choice(total, min(_SAMPLE, total), replace=False)
    rows = np.flatnonzero(np.isin(of_row, chosen))
    sample = replace(
        dataset,
        ids=tuple(dataset.ids[row] for row in rows),
        texts=tuple(dataset.texts[row] for row in rows),
        given=dataset.given[rows],
    )
    watch = Stopwatch()
    # Without the cache: what it knows of the sample says little of the other texts.
    encoders = [replace(encoder, cache=False) for encoder in config.encoders]
    with Store(None) as store:
        run = Run(
            dataset=sample,
            config=config,
            models=replace(models, describer=None),
            space=open_space(encoders, models.encoders),
            store=store,
            written=written,
            votes={name: vote[rows] for name, vote in votes.items()},
            stands_for=total,
            clock=watch,
        )
        state = carry_out(run, (*PREPARE, *MODEL))
        assert state.corpus is not None
        assert state.described is not None
        opened = open_sources(config.evidence, state.corpus, run.resources, PHASES)
        sources = [each.source for each in opened if each.speaks]
    posterior = state.fit.posterior
    return _Probe(
        total=total,
        corpus=state.corpus,
        posterior=posterior,
        routing=route(posterior, config.routing, config.seed),
        sources={source.name: source.phase for source in sources},
        readers=tuple(
            source
            for source in sources
            if source.phase == "escalated" and not isinstance(source, CastingVotes)
        ),
        seconds=watch.seconds,
        own=state.described.exemplars,
        surest_texts=config.votes.surest_texts,
    )


def _loaded(models: RunModels) -> int:
    """Return bytes of this process, and of the most models that are loaded at once."""
    # The encoders are loaded together, every other model alone.
    together = sum(model.size_bytes for model in models.encoders)
    most = max(together, *(model.size_bytes for model in models.all().values()))
    return int(psutil.Process().memory_info().rss) + most


def _describing(config: Config, model: LocatedModel, cards: Sequence[LabelCard]) -> float:
    """Return the seconds that describing all labels will take, from two of them."""
    probed = cards[:2]
    core = [card.exemplars for card in probed]
    began = time.monotonic()
    with Store(None) as store:
        describe_cards(probed, core, model, config.describe, store, NoProgress())
    return (time.monotonic() - began) * len(cards) / max(len(probed), 1)


def _reading(source: EvidenceSource, corpus: Corpus) -> float:
    """Return the seconds that an escalated source takes to score a text."""
    ready = fitted(source, corpus, None, 0)
    probed = np.arange(min(_PROBED, len(corpus.texts)))
    labels = np.arange(min(getattr(source, "candidates", _PROBED), len(corpus.labels)))
    shown = np.tile(labels, (len(probed), 1))
    scored(ready, probed[:1], shown[:1])  # the model is loaded
    began = time.monotonic()
    scored(ready, probed, shown)
    return (time.monotonic() - began) / len(probed)


@dataclass(frozen=True)
class Cost:
    """Of a vote or a prefix.

    Attributes:
        seconds: it takes.
        tokens: that are read for it.
    """

    seconds: float
    tokens: float


def vote_cost(
    config: VoterConfig, model: LocatedModel, cards: Sequence[LabelCard], texts: Sequence[str]
) -> tuple[Cost, Cost]:
    """Return what a vote costs once the labels' prefixes are known, and what a prefix costs."""
    shown, others = cards[: config.candidates], cards[config.candidates :][: config.candidates]
    known = [Ballot(text, tuple(shown)) for text in texts[:_PROBED]]
    voter = open_voter(config, model)

    def cost(ballots: Sequence[Ballot]) -> Cost:
        began, before = time.monotonic(), voter.tokens
        voter.vote(ballots)
        count = max(len(ballots), 1)
        return Cost((time.monotonic() - began) / count, (voter.tokens - before) / count)

    try:
        voter.vote(known[:1])  # the model is loaded
        each = cost(known)
        if config.ballot == "choice" or not others:
            return each, Cost(0.0, 0.0)
        first = cost([Ballot(texts[0], tuple(others))])
        vote = len(others) / len(shown)
        once = (first.seconds - vote * each.seconds, first.tokens - vote * each.tokens)
        return each, Cost(*(max(part, 0.0) / len(others) for part in once))
    finally:
        voter.close()
