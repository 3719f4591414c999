"""The main job: a list of stages over a frozen state, and nothing of it is written elsewhere.

    embed -> neighbours -> describe -> index -> candidates -> rounds -> escalate -> answers
    -> learnability -> decide -> self-test

The command line and the Python API run all of it; `describe`, the corrector, the dry run and the
self-test run the part that they need. A stage takes what the stages before it left in the state,
and returns the state with what it adds.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares
from labelmend.configs.schema import Config
from labelmend.data.answers import MatchedAnswers
from labelmend.data.duplicates import unique_texts
from labelmend.errors import ConfigError
from labelmend.llm.store import Store
from labelmend.parallel import LOCAL, Executor
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.corpus import index, new_labels
from labelmend.relabel.diagnostics.learnability import assess_learnability
from labelmend.relabel.diagnostics.self_test import (
    NamedProgress,
    Noise,
    Plausible,
    measure,
    notes_on_test,
    presumed_truth,
    tighten,
)
from labelmend.relabel.diagnostics.text_layout import layout_of
from labelmend.relabel.doubt import notes_on_evidence, notes_on_length, with_interval
from labelmend.relabel.escalation.annotator_weights import hear_witnesses
from labelmend.relabel.escalation.escalate import Escalation
from labelmend.relabel.escalation.voter_quality import notes_on_voters
from labelmend.relabel.evidence.annotators import VOTE_COLUMN, agreed_against
from labelmend.relabel.evidence.base import Opened
from labelmend.relabel.evidence.guard import begun, timed
from labelmend.relabel.evidence.registry import open_sources, proposers, resolved_sources
from labelmend.relabel.label_cards import label_cards
from labelmend.relabel.labelmodel.answered import Answered, Spoken, learn_from_answers
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.risk_control import guarantee_of, most_quality, notes_on_guarantee
from labelmend.relabel.labelmodel.rounds import Given, expectation_maximisation
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.result import Relabelling, SelfTest
from labelmend.relabel.run_models import RunModels, notes_on_gpu
from labelmend.relabel.run_state import Run, Stage, State, carry_out, found
from labelmend.relabel.self_training import from_cards, notes_on_cards, self_train
from labelmend.retrieval.candidates import find_candidates
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.stopwatch import Clock, Stopwatch
from labelmend.types import Dataset, Doubles, Ints, LabelCard


def embed(run: Run, state: State) -> State:
    """Make each distinct text a vector."""
    unique = unique_texts(run.dataset)
    embeddings = found(run.space).fit(unique.texts, run.progress, run.executor)
    return replace(state, unique=unique, embeddings=embeddings)


def neighbours(run: Run, state: State) -> State:
    """Find the texts nearest to each text."""
    retrieval = run.config.retrieval
    near = find_neighbours(
        found(state.embeddings),
        retrieval.neighbours,
        retrieval.block_rows,
        exact_up_to=retrieval.exact_up_to,
        searched_texts=retrieval.searched_texts,
        executor=run.executor,
    )
    return replace(state, neighbours=near)


def describe(run: Run, state: State) -> State:
    """Write a card for each label."""
    described = label_cards(
        run.dataset,
        found(state.unique),
        found(state.embeddings),
        run.written,
        run.models.describer,
        run.config.describe,
        run.store,
        run.progress,
    )
    return replace(state, described=described)


def propose(run: Run, state: State) -> State:
    """Choose the labels that are looked at, and score them with what reads no given label."""
    corpus, given, told = found(state.corpus), *_given_and_told(run, state)
    listed = open_sources(run.config.evidence, corpus, run.resources, ("fixed", "round"))
    opened = (*run.sources, *listed)
    shares = given_shares(told)
    opened = tuple(begun(each, corpus, shares) for each in opened)
    new = new_labels(corpus, given, run.config.retrieval.new_labels)
    trained = None
    if corpus.card_views:
        trained = self_train(corpus.embeddings, corpus.card_views, told, run.config.self_training)
    sure = [(known, _SURELY) for known in (new, trained) if known is not None]
    run.progress.start("candidates", given.shape[0])
    chosen = find_candidates(
        [*sure, *proposers(opened, len(corpus.labels))],
        given + told if run.spoken else given,
        corpus.oos,
        run.config.retrieval,
        run.config.seed,
        run.progress,
        run.executor,
    )
    speaking = [each.source for each in opened if each.speaks]
    if not speaking:
        raise ConfigError(
            "no source of evidence speaks before the rounds: switch one on under evidence, such as "
            "classifier or bm25"
        )
    fixed = [timed(source, corpus, chosen) for source in speaking if source.phase == "fixed"]
    start = Given(
        corpus=corpus,
        given=told,
        candidates=chosen,
        fixed=tuple(e for e in fixed if not e.source.startswith(VOTE_COLUMN)),
        witnesses=tuple(e for e in fixed if e.source.startswith(VOTE_COLUMN)),
        sources=tuple(source for source in speaking if source.phase == "round"),
        first=None if new is None else new.first,
    )
    return replace(state, start=start, self_trained=trained)


def _given_and_told(run: Run, state: State) -> tuple[csr_array, csr_array]:
    """Return the labels that texts came with, and with people's answers in their place."""
    given = found(state.unique).given
    return given, given if run.spoken is None else run.spoken.instead_of(given)


def rounds(run: Run, state: State) -> State:
    """Learn channel, weights and labels in turn."""
    start = found(state.start)
    if state.self_trained is not None:
        estimated = from_cards(start, state.self_trained)
    else:
        estimated = expectation_maximisation(start, run.config.fusion)
    # What the sources have learned is heard now, and takes memory.
    return replace(state, start=replace(start, sources=()), estimated=estimated)


def escalate(run: Run, state: State) -> State:
    """Ask the sources that are asked about some texts only."""
    corpus, unique, start = found(state.corpus), found(state.unique), found(state.start)
    opened: tuple[Opened, ...] = ()
    if state.self_trained is None:  # else there are no labels to learn from what their word weighs
        opened = open_sources(run.config.evidence, corpus, run.resources, ("escalated",))
    escalation = Escalation(
        corpus=corpus,
        exemplars={} if state.described is None else state.described.exemplars,
        rows=np.bincount(unique.of_row, minlength=len(unique)),
        given=_given_columns(start),
        candidates=start.candidates,
        estimated=found(state.estimated),
        config=run.config,
    )
    escalated = escalation.carry_out([each.source for each in opened if each.speaks])
    if start.witnesses and run.config.fusion.method != "majority":
        fit, heard = hear_witnesses(
            escalated.fit, start.witnesses, run.config.fusion, run.config.seed
        )
        escalated = replace(escalated, fit=fit, evidence=(*escalated.evidence, *heard))
    return replace(state, escalated=escalated)


def answers(run: Run, state: State) -> State:
    """Learn from people's answers."""
    if run.spoken is None or not len(run.spoken):
        return state
    corpus, start = found(state.corpus), found(state.start)
    answered = learn_from_answers(
        run.spoken,
        state.fit,
        (*found(state.estimated).evidence, *found(state.escalated).evidence),
        start.candidates,
        found(state.unique).given,
        corpus.embeddings,
        found(state.estimated).source_error_rate,
        run.config.correction,
        run.config.seed,
    )
    return replace(state, answered=answered)


def learnability(run: Run, state: State) -> State:
    """Tell whether the given labels can be learned from."""
    unique, near = found(state.unique), found(state.neighbours)
    config = run.config.diagnostics
    trust = assess_learnability(unique, near.indices, near.similarities, config)
    return replace(state, trust=trust)


def decide_rows(run: Run, state: State) -> State:
    """Keep, change or review each row."""
    state = with_interval(run, state)
    state = replace(state, decisions=_decide(run, state, run.config.decision.max_harm))
    answered = state.answered
    if answered is None:
        return state
    audited = guarantee_of(
        run.dataset,
        found(state.unique).of_row,
        answered,
        found(state.decisions),
        run.config.decision,
        run.config.seed,
        state.interval,
    )
    state = replace(state, guarantee=audited)
    if audited is not None:
        state = replace(state, decisions=_decide(run, state, run.config.decision.max_harm))
    return replace(state, held_out=_held_out(run, state, answered))


def self_test(run: Run, state: State) -> State:
    """Mend known errors without escalation; where the budget is not kept, spend less of it."""
    if not run.self_tests or (state.trust is not None and not state.trust.trusted):
        return state
    tested, decisions = tighten(
        _measured(run, state), found(state.decisions), lambda harm: _decide(run, state, harm)
    )
    return replace(state, tested=tested, decisions=decisions)


EMBED = Stage("embed", embed)
DESCRIBE = Stage("describe", describe)
PREPARE = (EMBED, Stage("neighbours", neighbours), DESCRIBE, Stage("index", index))
"""What no given label changes, but for the cards that show texts of each label."""

MODEL = (Stage("candidates", propose), Stage("rounds", rounds))
"""From given labels to a posterior."""

DECIDE = Stage("decide", decide_rows)
STAGES = (
    *PREPARE,
    *MODEL,
    Stage("escalate", escalate),
    Stage("answers", answers),
    Stage("learnability", learnability),
    DECIDE,
    Stage("self-test", self_test),
)


def relabel(
    dataset: Dataset,
    config: Config,
    models: RunModels,
    *,
    written: Mapping[str, LabelCard] | None = None,
    votes: Mapping[str, Ints] | None = None,
    answers: MatchedAnswers | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    self_test: bool = False,
    self_test_runs: int = 1,
    space: TextSpace | None = None,
    clock: Clock | None = None,
    executor: Executor = LOCAL,
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
        answers: what people said of texts, matched with the dataset.
        store: remembers what LLMs said; in memory if None.
        progress: hears how far the work is.
        self_test: mend known errors in the mended labels, too, and spend less of the harm budget
            where that breaks too many good labels.
        self_test_runs: times that errors are drawn and mended.
        space: where texts are embedded; the profile's encoders if None.
        clock: hears what takes how long.
        executor: carries the work by blocks of rows.

    Raises:
        ConfigError: a self-test is asked for with a fusion that knows no harm budget, or a source
            of evidence can't be made.
        ModelError: a model can't be loaded.
    """
    if self_test and config.fusion.method == "majority":
        raise ConfigError(
            "a self-test needs a posterior, and a majority vote has none: "
            "leave --self-test out, or set fusion.method=noisy-channel"
        )
    if answers is not None and config.fusion.method == "majority":
        raise ConfigError(
            "answers need a posterior, and a majority vote has none: leave --answers out, or set "
            "fusion.method=noisy-channel"
        )
    config = resolved_sources(config)
    watch = Stopwatch(clock)
    run = Run(
        dataset=dataset,
        config=config,
        models=models,
        space=space or open_space(config.encoders, models.encoders),
        store=store or Store(None),
        written=written or {},
        votes=votes or {},
        spoken=None if answers is None else Spoken.of(answers, len(dataset.labels)),
        self_tests=max(self_test_runs, 1) if self_test else 0,
        progress=progress or NoProgress(),
        clock=watch,
        executor=executor,
    )
    return _relabelling(run, carry_out(run, STAGES), watch.seconds)


def _relabelling(run: Run, state: State, seconds: Mapping[str, float]) -> Relabelling:
    """Gather what the stages found."""
    corpus, trust = found(state.corpus), found(state.trust)
    estimated, escalated = found(state.estimated), found(state.escalated)
    return Relabelling(
        dataset=run.dataset,
        cards=corpus.cards,
        posterior=state.fit.posterior,
        decisions=found(state.decisions),
        unique=found(state.unique),
        evidence=(
            *estimated.evidence,
            *escalated.evidence,
            *(() if state.answered is None else state.answered.evidence),
        ),
        neighbours=corpus.neighbours.indices,
        neighbour_scores=corpus.neighbours.similarities,
        routed=escalated.voted,
        voters=escalated.reports,
        seconds=seconds,
        self_test=state.tested,
        answered=state.answered,
        guarantee=state.guarantee,
        held_out=state.held_out,
        interval=state.interval,
        layout=layout_of(corpus.embeddings, run.config.seed),
        notes=(
            *found(run.space).notes,
            *corpus.neighbours.notes,
            *([] if trust.trusted else [trust.reason]),
            *notes_on_cards(state.self_trained if state.answered is None else None),
            *notes_on_evidence(run, state),
            *notes_on_length(run.config, run.models, found(state.unique).texts),
            *notes_on_gpu(run.config, run.models),
            *found(state.described).notes,
            *notes_on_voters(escalated.reports),
            *(() if run.spoken is None else run.spoken.notes),
            *notes_on_guarantee(state.guarantee, run.config.decision),
            *notes_on_test(state.tested),
        ),
    )


_SURELY = 1e3
"""Weight of a ranking whose labels are candidates whatever the others say."""


def _given_columns(start: Given) -> Doubles:
    """Return float64 [u, c - tail], rows of each text given each kept candidate."""
    kept = start.candidates.kept
    return gather(start.given, np.arange(len(kept)), kept)


def _decide(run: Run, state: State, max_harm: float) -> Decisions:
    budget = replace(run.config.decision, max_harm=max_harm)
    trusted = state.trust is None or state.trust.trusted
    text_of = found(state.unique).of_row
    return decide(
        run.dataset,
        text_of,
        state.fit.posterior,
        budget,
        trusted=trusted,
        spoken=run.spoken,
        interval=state.interval,
        most_quality=most_quality(state.guarantee),
        disputed=agreed_against(run.dataset.given, run.votes),
    )


def _held_out(run: Run, state: State, answered: Answered) -> Decisions:
    """Decide as if each answered text had been answered by nobody."""
    text_of = found(state.unique).of_row
    return decide(
        run.dataset,
        text_of,
        answered.held_out,
        run.config.decision,
        interval=state.interval,
        most_quality=most_quality(state.guarantee),
        disputed=agreed_against(run.dataset.given, run.votes),
    )


def _measured(run: Run, state: State) -> SelfTest:
    """Mend known errors; label cards stay as they are."""
    unique, decisions = found(state.unique), found(state.decisions)
    quiet = NamedProgress("self-test", run.progress)
    corpus = found(state.corpus).listened_to(quiet, Stopwatch())

    def mend(given: Ints) -> Decisions:
        noisy = replace(
            run,
            dataset=replace(run.dataset, given=given),
            spoken=None,
            progress=quiet,
            clock=corpus.clock,
        )
        counted = replace(unique, given=unique_texts(noisy.dataset).given)
        again = carry_out(noisy, (*MODEL, DECIDE), State(unique=counted, corpus=corpus))
        return found(again.decisions)

    truth, _ = presumed_truth(run.dataset, decisions)
    mended = unique_texts(replace(run.dataset, given=truth)).given
    prototypes = PrototypeRetriever(corpus.embeddings, given_shares(mended)).prototypes()
    learned, channel = found(state.estimated).learned, run.config.fusion.channel
    noise = Noise(learned, prototypes, run.dataset.oos, channel)
    fit, labels = found(state.estimated).fit, found(state.start).candidates.labels
    return measure(
        run.dataset,
        unique.of_row,
        decisions,
        noise,
        mend,
        run.config,
        run.self_tests,
        Plausible(labels, np.exp(fit.log_prior)),
    )
