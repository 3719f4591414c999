"""What the stages of a run share, what they have found so far, and how they follow each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from labelmend.configs.schema import Config
from labelmend.llm.store import Store
from labelmend.parallel import LOCAL, Executor
from labelmend.protocols import NoProgress, Progress
from labelmend.relabel.diagnostics.learnability import Trust
from labelmend.relabel.escalation.escalate import Escalated
from labelmend.relabel.evidence.base import Corpus, Opened, Resources
from labelmend.relabel.label_cards import Described
from labelmend.relabel.labelmodel.answered import Answered, Spoken
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.risk_control import Guarantee
from labelmend.relabel.labelmodel.rounds import Estimated, Given
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.relabel.result import SelfTest
from labelmend.relabel.run_models import RunModels
from labelmend.relabel.self_training import SelfTrained
from labelmend.retrieval.large.room import leave_memory
from labelmend.retrieval.neighbours import Neighbours
from labelmend.retrieval.space import TextSpace
from labelmend.stopwatch import Clock, Stopwatch
from labelmend.types import Dataset, Floats, Ints, LabelCard, UniqueTexts

Part = TypeVar("Part")


@dataclass(frozen=True)
class Run:
    """What all stages share, and none changes.

    Attributes:
        dataset: the rows and their given labels.
        config: what runs and how.
        models: from `locate_models`; without voters no LLM is asked.
        space: where texts are embedded; None where no stage embeds any.
        store: remembers what LLMs said.
        written: label cards of the user's, by label.
        votes: by voter, int64 [n], what another annotator or model said of each row, `NO_LABEL`
            where nothing.
        spoken: what people answered; None where nobody did.
        stands_for: texts of the table of which the dataset is a sample, or 0.
        sources: that the caller brings, before those of the profile.
        self_tests: times that errors are drawn into the mended labels and mended again.
        progress: hears how far the work is.
        clock: hears what takes how long.
        executor: carries the work by blocks of rows.
    """

    dataset: Dataset
    config: Config
    models: RunModels
    space: TextSpace | None
    store: Store
    written: Mapping[str, LabelCard] = field(default_factory=dict)
    votes: Mapping[str, Ints] = field(default_factory=dict)
    spoken: Spoken | None = None
    stands_for: int = 0
    sources: tuple[Opened, ...] = ()
    self_tests: int = 0
    progress: Progress = field(default_factory=NoProgress)
    clock: Clock = field(default_factory=Stopwatch)
    executor: Executor = LOCAL

    @property
    def resources(self) -> Resources:
        """What sources may need besides the corpus."""
        return Resources(self.config, self.models, self.store)


@dataclass(frozen=True)
class State:
    """What the stages have found so far; None where none of them has run.

    Attributes:
        unique: the distinct texts and what they were given.
        embeddings: float32 [u, d], unit rows.
        neighbours: of each text.
        described: the label cards.
        corpus: what sources may read.
        start: what the rounds start from: candidates and fixed evidence among it.
        self_trained: what label cards lead to; None where enough texts were given a label.
        estimated: the outcome of the rounds.
        escalated: what the escalated sources said, and the fusion with it.
        answered: what people's answers taught.
        trust: whether the given labels can be learned from.
        interval: what the table leaves open of its noise; None where that is known, or nothing is.
        decisions: what is done with each row.
        guarantee: what the audit among the answers allows; None without one.
        held_out: what would be done with each answered row if only the others were answered.
        tested: how well the same mending does on known errors.
    """

    unique: UniqueTexts | None = None
    embeddings: Floats | None = None
    neighbours: Neighbours | None = None
    described: Described | None = None
    corpus: Corpus | None = None
    start: Given | None = None
    self_trained: SelfTrained | None = None
    estimated: Estimated | None = None
    escalated: Escalated | None = None
    answered: Answered | None = None
    trust: Trust | None = None
    interval: NoiseInterval | None = None
    decisions: Decisions | None = None
    guarantee: Guarantee | None = None
    held_out: Decisions | None = None
    tested: SelfTest | None = None

    @property
    def fit(self) -> Fit:
        """The fusion of all evidence so far."""
        if self.answered is not None:
            return self.answered.fit
        if self.escalated is not None:
            return self.escalated.fit
        return found(self.estimated).fit


def found(part: Part | None) -> Part:
    """Return what an earlier stage left.

    Raises:
        RuntimeError: no such stage has run.
    """
    if part is None:
        raise RuntimeError("a stage was left out: nothing is here that this one builds on")
    return part


@dataclass(frozen=True)
class Stage:
    """One step of the main job.

    Attributes:
        name: under which its time is told.
        work: returns the state with what it adds.
    """

    name: str
    work: Callable[[Run, State], State]


def carry_out(run: Run, stages: Sequence[Stage], state: State | None = None) -> State:
    """Run stages one after another.

    Args:
        run: what they share.
        stages: a part of `STAGES`, in their order.
        state: what earlier stages left; None to begin.

    Raises:
        ModelError: a model can't be loaded.
    """
    state = state or State()
    for stage in stages:
        with run.clock.stage(stage.name):
            state = stage.work(run, state)
            if state.embeddings is not None:
                # The next stage reads those that it needs, if they are mapped.
                leave_memory(state.embeddings)
    return state
