"""The seam for evidence: what a source is, and what it may read.

A source scores the candidate labels of texts. What it says is weighed by the label model, which
learns how loud each source deserves to be; a source that is off by a constant a text, or on another
scale, loses nothing. Sources are found by the entry point group `labelmend.evidence` and switched
on by the profile; `docs/evidence.md` writes one of thirty lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol, Self, get_args, runtime_checkable

from scipy.sparse import csr_array, csr_matrix

from labelmend.llm.types import VoterReport
from labelmend.parallel import LOCAL, Executor
from labelmend.protocols import NoProgress, Progress
from labelmend.retrieval.neighbours import Neighbours
from labelmend.retrieval.passages import LabelPassages
from labelmend.retrieval.words import word_features
from labelmend.stopwatch import Clock, Stopwatch
from labelmend.types import Bools, Evidence, Floats, Ints, LabelCard

Phase = Literal["fixed", "round", "escalated"]
"""`fixed` sources read texts and label cards only; `round` sources learn from the posterior's
labels, out of fold, in every round; `escalated` ones are asked about some texts, after the rounds.
"""

PHASES: tuple[Phase, ...] = get_args(Phase)

Need = Literal["texts", "cards", "space"]
NEEDS: tuple[Need, ...] = get_args(Need)


@dataclass(frozen=True)
class Corpus:
    """What sources may read: all but the labels that the texts were given.

    Texts are distinct, and in the order of their keys, so that a text's copies are the text itself.

    Attributes:
        texts: [u]; blank where only features are known.
        labels: the label set, [K].
        embeddings: float32 [u, d], unit rows.
        neighbours: of each text.
        oos: index of the out-of-scope label, or None.
        has: what there is besides features: the texts' words, label cards, and whether a dot
            product of embeddings is a likeness of texts.
        cards: one a label, or none.
        passages: of the cards.
        passage_vectors: float32 [p, d], unit rows.
        card_views: float32 [K, d] each, unit rows, what label cards are like in several ways (rows
            of zeros without a card); none where the given labels are enough to learn from.
        said: by annotator, sparse [u, K], what another one said of the text, as shares.
        language: of the table, as an ISO 639 code; None where it is not known.
        stands_for: texts of the table of which these are a sample, or 0: what depends on the size
            of a table then depends on that.
        seed: of all that is drawn.
        block_rows: texts that a source is asked about at a time.
        progress: hears how far the work is.
        clock: hears what takes how long.
        executor: carries the work by blocks.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    embeddings: Floats
    neighbours: Neighbours
    oos: int | None
    has: frozenset[Need] = frozenset(("texts", "cards", "space"))
    cards: tuple[LabelCard, ...] = ()
    passages: LabelPassages | None = None
    passage_vectors: Floats | None = None
    card_views: tuple[Floats, ...] = ()
    said: Mapping[str, csr_array] = field(default_factory=dict)
    language: str | None = None
    stands_for: int = 0
    seed: int = 0
    block_rows: int = 2048
    progress: Progress = field(default_factory=NoProgress)
    clock: Clock = field(default_factory=Stopwatch)
    executor: Executor = LOCAL

    def __getstate__(self) -> dict[str, Any]:
        """Leave those who listen behind: a copy in another process tells nobody."""
        quiet = {"progress": NoProgress(), "clock": Stopwatch(), "executor": LOCAL}
        return {**self.__dict__, **quiet}

    def listened_to(self, progress: Progress, clock: Clock) -> "Corpus":
        """Return the same texts for a run in the run, whose progress and time are its own."""
        same = replace(self, progress=progress, clock=clock)
        if "words" in self.__dict__:  # they need not be counted again
            same.__dict__["words"] = self.words
        return same

    @cached_property
    def words(self) -> csr_matrix:
        """Sparse TF-IDF [u, w] of the texts' stems and pairs of stems."""
        return word_features(self.texts, self.language)


class EvidenceSource(Protocol):
    """Says how well labels fit texts.

    Out of fold: a text's own given label never moves its score. Order-free: a text's score depends
    neither on the order of the texts nor on which others are asked about.

    A source that is a `Searcher` as well may name candidates.

    Optional attributes: `Options`, a `Section` of the settings that it is made with (without it, a
    source is made with the profile's options as keywords); `needs`, a set of `Need` without which
    the profile's entry is passed over (the texts' words, if it is missing); `steps`, of the
    progress bar, which the source then advances itself in every round; `whole`, True for a source
    that is asked about all texts at once and cuts them into blocks itself; and for the phase
    `escalated` `candidates`, labels a text that it is asked about, and `max_texts`, doubtful texts
    at most (-1 for all), and `close()`, which frees what it has loaded. A class method
    `for_run(corpus, resources, ...)` may make several sources, or none, in place of the
    constructor.
    """

    name: str
    phase: Phase

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Learn what the scores rest on.

        Args:
            corpus: the texts.
            memberships: float32 sparse [u, K], the weight with which each text carries each label;
                None for sources of the phases `fixed` and `escalated`.
            turn: the round, from 0.
        """
        ...

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return float32 [b, c], higher is better, NaN where silent.

        Several threads may ask at once, each for texts of its own.

        Args:
            texts: int64 [b], of the corpus.
            candidates: int64 [b, c], labels of each text.
        """
        ...


@runtime_checkable
class Deriving(Protocol):
    """An escalated source whose scores say more than one thing."""

    def derived(self, scores: Floats, candidates: Ints) -> tuple[Evidence, ...]:
        """Return the evidence in scores float32 [u, c] of candidates int64 [u, c]."""
        ...


@runtime_checkable
class CastingVotes(Protocol):
    """An escalated source that chooses among the labels on a ballot, as an LLM does.

    Its votes are weighed as probabilities of the ballot's labels, and it is held to chance.

    Attributes:
        exemplars: texts that it is shown with each label.
        unscored: a label that it can't score, or None.
        limit: seconds that it may take.
        asked: bool [b], the texts of the last call that it was really asked about.
        report: what it did in the last call.
    """

    exemplars: int
    candidates: int
    unscored: int | None
    limit: float
    asked: Bools
    report: VoterReport


@dataclass(frozen=True)
class Opened:
    """A source as the profile wants it.

    Attributes:
        source: itself.
        weight: of its ranking among those that propose candidates; 0 to propose none.
        speaks: whether its scores are evidence, too.
    """

    source: EvidenceSource
    weight: float
    speaks: bool


@dataclass(frozen=True)
class Resources:
    """What a run has for sources that need more than the corpus.

    Attributes:
        config: of the run.
        models: the located models.
        store: remembers what LLMs said.
    """

    config: Any
    models: Any
    store: Any
