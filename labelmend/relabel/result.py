"""What the main job returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmend.llm.types import VoterReport
from labelmend.relabel.labelmodel.answered import Answered
from labelmend.relabel.labelmodel.risk_control import Guarantee
from labelmend.relabel.labelmodel.types import Decisions, Posterior
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.types import Bools, Dataset, Evidence, Floats, Ints, LabelCard, Share, UniqueTexts


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
        hard: of the injected errors, those that fell where the evidence is in doubt, and how many
            of them were changed back; None where all were of the learned kind.
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
    hard: Share | None = None

    @property
    def calibration(self) -> float | None:
        """Realised harm by expected harm, None if none was expected; above 1 it is too sure."""
        return self.harm.count / self.expected_broken if self.expected_broken > 0 else None


@dataclass(frozen=True)
class Layout:
    """What a run leaves of its embeddings, by distinct text.

    Attributes:
        points: float32 [u, 2], places on a map of the texts.
        leading: float16 [u, m], on their leading axes of variance, less the mean.
    """

    points: Floats
    leading: npt.NDArray[np.float16]


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
        answered: what people's answers taught; None without answers.
        guarantee: what the audit among the answers allows; None without one.
        held_out: what would be done with each answered row if only the others were answered; None
            without answers.
        interval: between which the share of wrong labels lies, as far as the table can tell; None
            where answers tell it, or where nothing does.
        layout: what is left of the embeddings; None where nobody asked for it.
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
    answered: Answered | None = None
    guarantee: Guarantee | None = None
    held_out: Decisions | None = None
    interval: NoiseInterval | None = None
    layout: Layout | None = None
