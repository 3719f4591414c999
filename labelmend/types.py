"""The frozen values that pass from stage to stage.

Shapes: n rows, u distinct texts, K labels, c candidates a text, d dimensions.
Scores: higher is better, everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_LABEL = -1
"""Stands in integer label arrays for "no label given" and "abstains"."""

Decision = Literal["keep", "change", "review", "label"]
"""What is done with a row: `label` marks a row that came without a label and got one."""


@dataclass(frozen=True)
class Dataset:
    """A table as the stages see it.

    Attributes:
        ids: one unique name a row, from the id column or the row number (the first row is "1").
        texts: one text a row, truncated to what the models read.
        given: int64 [n], index into `labels`, or `NO_LABEL`.
        labels: the label set, sorted; it may hold labels that no row carries.
        oos: index of the out-of-scope label in `labels`, or None where there is none.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    given: Ints
    labels: tuple[str, ...]
    oos: int | None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class UniqueTexts:
    """The distinct texts of a dataset, on which all evidence is computed.

    Rows whose texts differ only by case or white space are one text. So no row can be its own
    neighbour or train its own classifier fold through a copy, duplicates are mended together,
    and nothing depends on the order of the rows: texts are sorted by their key.

    Attributes:
        texts: one representative a text, [u].
        of_row: int64 [n], the text of each row.
        given: float32 sparse [u, K], how many rows of the text were given each label.
    """

    texts: tuple[str, ...]
    of_row: Ints
    given: csr_array

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class LabelCard:
    """What is known of one label before any row is looked at.

    Attributes:
        label: the label's name.
        description: one paragraph; empty where only the name and exemplars are known.
        exemplars: texts that carry the label, best first.
        source: where the description comes from: the user's file, an LLM, or the name alone.
    """

    label: str
    description: str
    exemplars: tuple[str, ...]
    source: Literal["user", "llm", "name"]

    @property
    def name(self) -> str:
        """The label's name in words: `card_lost` reads "card lost"."""
        return " ".join(self.label.replace("_", " ").replace("-", " ").replace("/", " ").split())


@dataclass(frozen=True)
class Ranking:
    """The best labels of a batch of texts, by one retriever.

    Attributes:
        labels: int64 [b, m], best first, `NO_LABEL` where fewer than m were found.
        scores: float32 [b, m], -inf where `labels` is `NO_LABEL`.
    """

    labels: Ints
    scores: Floats


@dataclass(frozen=True)
class Evidence:
    """One source's log-scores over the candidates.

    Attributes:
        source: the source's name, for weights and explanations.
        scores: float32 [u, c], higher is better; NaN where the source is silent.
        centre: float64 [u], what fusion takes out of each row's scores; None for the mean of the
            known ones.
    """

    source: str
    scores: Floats
    centre: Doubles | None = None


@dataclass(frozen=True)
class Ballot:
    """One question to a voter: which of these labels does the text carry?

    The given label is not marked: voters are blind to it.
    """

    text: str
    candidates: tuple[LabelCard, ...]


@dataclass(frozen=True)
class Vote:
    """A voter's answer to one ballot: log-scores, or the reason why there is none.

    Attributes:
        scores: log-scores over the ballot's candidates, or None where the voter failed or was not
            asked.
        failure: one line, or None.
    """

    scores: tuple[float, ...] | None
    failure: str | None = None


@dataclass(frozen=True)
class VoterReport:
    """What one voter did, and what it was worth.

    What stands from `audited` to `information` is of the texts that it was asked about since they
    were drawn at random: doubtful ones would judge it by the hardest.

    Attributes:
        voter: its name.
        asked: ballots that were put to it.
        remembered: ballots of these that the vote store already held.
        failures: failures by their reason.
        seconds: time spent voting in this run.
        spent: seconds in which it was asked, by earlier runs on the same ballots too; a time budget
            is held to them.
        tokens: that the model read in this run; remembered votes cost none.
        audited: texts drawn at random that it voted on.
        agreement: share of them where its first choice is the posterior's; None without any.
        luck: probability, by the other evidence, that its first choice is right, less that of a
            label drawn from the ballot.
        information: mean nats by which the posterior of the label that it favours is higher with
            the voter than without; None where nothing was fused.
        unasked: ballots that were not put to it, as the time was up.
    """

    voter: str
    asked: int
    remembered: int
    failures: Mapping[str, int]
    seconds: float
    spent: float = 0.0
    tokens: int = 0
    audited: int = 0
    agreement: float | None = None
    luck: float | None = None
    information: float | None = None
    unasked: int = 0

    @property
    def worse_than_chance(self) -> bool:
        """Whether it gets no weight: its luck is negative by more than what few texts may do.

        That is the standard error of a mean of so many tosses of a coin, the most that there is.
        """
        return self.luck is not None and self.luck < -0.5 / math.sqrt(self.audited)

    @property
    def failed(self) -> int:
        """Return the number of failures."""
        return sum(self.failures.values())

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Return the failures by their reason, the most frequent first."""
        return sorted(self.failures.items(), key=lambda kind: (-kind[1], kind[0]))

    @property
    def tokens_per_second(self) -> float:
        """Of this run, 0 where all was remembered."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class NoiseChannel:
    """P(given label | true label): the annotator's errors.

    P(g | k) = keep_rate if g = k, else (1 - keep_rate) * [(1 - similar_share - oos_share) / (K - 1)
    + similar_share * S(g | k) + oos_share * [g is out of scope]], where S(. | k) is the softmax of
    prototype similarity / temperature over the labels other than k.

    Attributes:
        keep_rate: probability that the annotator writes the true label.
        similar_share: share of the errors that go to similar labels.
        oos_share: share of the errors that call a text out of scope; the rest is uniform.
        temperature: of S, in units of cosine similarity.
        pair_strength: pseudo-count of the Dirichlet prior on each label's errors; None where the
            data show no pairs that are confused more often than the rest.
        label_strength: pseudo-count of the Beta prior on each label's keep rate; None where all
            labels share one.
    """

    keep_rate: float
    similar_share: float
    oos_share: float
    temperature: float
    pair_strength: float | None
    label_strength: float | None


@dataclass(frozen=True)
class Posterior:
    """What fusion believes of each text.

    Attributes:
        candidates: int64 [u, c], label indices; a text's are distinct.
        probabilities: float64 [u, c]; what a row lacks to 1 belongs to labels beyond these.
        channel: the noise channel that was learned.
        weights: each source's weight, >= 0, in nats per unit of its scores.
        oos_bias: nats by which out-of-scope is favoured before a text is looked at.
        channel_nats: float64 [u, c], log-likelihood of the given labels under each candidate.
        given_share: float64 [u, c], the given labels of each text as shares.
    """

    candidates: Ints
    probabilities: Doubles
    channel: NoiseChannel
    weights: Mapping[str, float]
    oos_bias: float
    channel_nats: Doubles
    given_share: Doubles

    def best(self) -> tuple[Ints, Doubles]:
        """Return the most probable label of each text and its probability.

        Ties go to the candidate with the smaller label index, whatever the order of candidates.
        """
        top = self.probabilities.max(axis=1, keepdims=True)
        tied = np.where(self.probabilities >= top, self.candidates, np.iinfo(np.int64).max)
        return tied.min(axis=1), top[:, 0]


@dataclass(frozen=True)
class Decisions:
    """What is done with each row.

    Attributes:
        actions: one of keep, change, review, label a row.
        mended: int64 [n], the label to use; `NO_LABEL` for an unlabelled row under review.
        proposed: int64 [n], the most probable label.
        confidence: float64 [n], posterior of `mended` (of `proposed` where `mended` is missing).
        quality: float64 [n], posterior of the given label; NaN for rows without one.
        review_order: int64 [r], rows under review, most worth a look first.
        expected_harm: expected number of good labels among the changed ones.
        expected_good: expected number of good labels in the whole table.
    """

    actions: tuple[Decision, ...]
    mended: Ints
    proposed: Ints
    confidence: Doubles
    quality: Doubles
    review_order: Ints
    expected_harm: float
    expected_good: float


@dataclass(frozen=True)
class Share:
    """A share of counted cases.

    Attributes:
        count: cases of which something is true.
        total: all cases.
        low: lower end of the 95 % interval.
        high: its upper end.
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The point estimate; 0 where there are no cases."""
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True)
class SelfTest:
    """What mending did to known errors, drawn by the learned noise into the mended labels.

    Attributes:
        runs: times that errors were drawn and mended; all counts are over all of them.
        estimated_rate: estimated share of wrong labels in the data as given.
        injected_rate: share of the tested labels that were made wrong.
        recovery: injected errors that were changed back to the truth.
        detection: injected errors that were changed or put under review.
        harm: good labels that were changed, at the full budget.
        expected_broken: good labels that the posterior expected to break.
        budget: the share of good labels that may be broken, as the user set it.
        factor: share of the budget that may be spent so that the harm is within it; 1 where it is.
        broken_at_factor: good labels that are broken when only so much is spent.
        withdrawn: changes of the real run that the tightened threshold takes back.
        verdict: one sentence.
        notes: what else the user should know of the test.
    """

    runs: int
    estimated_rate: float
    injected_rate: float
    recovery: Share
    detection: Share
    harm: Share
    expected_broken: float
    budget: float
    factor: float
    broken_at_factor: int
    withdrawn: int
    verdict: str
    notes: tuple[str, ...]

    @property
    def calibration(self) -> float | None:
        """Realised harm by expected harm, None if none was expected; above 1 it is too sure."""
        return self.harm.count / self.expected_broken if self.expected_broken > 0 else None


@dataclass(frozen=True)
class Relabelling:
    """The whole outcome of the main job, in the order of the dataset's rows.

    Attributes:
        dataset: what was mended.
        cards: one card a label.
        posterior: what fusion believes.
        decisions: what is done.
        unique: the distinct texts, to which `posterior`, `evidence` and what follows refer.
        evidence: every source's scores over the posterior's candidates.
        neighbours: int64 [u, m], the nearest other texts, best first; -1 where there are fewer.
        neighbour_scores: float32 [u, m], their cosine similarity.
        routed: bool [u], texts that the voters saw.
        voters: what each voter did.
        seconds: time by stage.
        self_test: how well the same mending does on known errors; None where it was not asked for.
        notes: what the user should know of the run.
    """

    dataset: Dataset
    cards: tuple[LabelCard, ...]
    posterior: Posterior
    decisions: Decisions
    unique: UniqueTexts
    evidence: tuple[Evidence, ...]
    neighbours: Ints
    neighbour_scores: Floats
    routed: Bools
    voters: tuple[VoterReport, ...]
    seconds: Mapping[str, float]
    self_test: SelfTest | None = None
    notes: tuple[str, ...] = ()
