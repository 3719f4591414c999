"""The parts of a run's record. Their fields' names are keys of the file: see `record.py`."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from labelmend.relabel.diagnostics.advice import (
    ConfusedPair,
    EmptyLabel,
    MergeAdvice,
    MostlyWrongLabel,
    SplitAdvice,
)
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.types import Share
from labelmend.voice.speak import tell

if TYPE_CHECKING:  # whoever reads a record needs nothing of what made it
    from labelmend.configs.schema import DiagnosticsConfig
    from labelmend.llm.types import VoterReport
    from labelmend.relabel.noise_interval import NoiseInterval
    from labelmend.relabel.result import Relabelling, SelfTest


def _unicode(value: object) -> object:
    """Return a text without what no file can hold: a path may be no Unicode."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _json(value: object) -> object:
    """Return plain JSON, of Unicode.

    Raises:
        ValueError: it is none, such as NaN.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return json.loads(text.encode(errors="replace"))


def _all_unicode(value: object) -> object:
    """Return texts as `_unicode` does of one; hundreds of thousands take no time."""
    if not isinstance(value, list | tuple):
        return value
    try:
        "".join(value).encode()
    except (TypeError, ValueError):
        return tuple(map(_unicode, value))
    return tuple(value)


Text = Annotated[str, BeforeValidator(_unicode)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_all_unicode)]
Settings = Annotated[Mapping[str, JsonValue], BeforeValidator(_json)]


class Part(BaseModel):
    """A part of the record: types are as they are written, and all numbers are finite."""

    # What checks a part is made when one is read, and of a part of a part with that one.
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class InputColumns(Part):
    """Which column was what.

    Attributes:
        text: what was classified.
        label: the given labels; None where there were none.
        id: what names the rows; None where their numbers do.
        votes: with what others said.
        more_text: further columns of what was classified, joined behind `text`.
    """

    text: Text
    label: Text | None
    id: Text | None
    votes: tuple[Text, ...]
    more_text: tuple[Text, ...] = ()


class LabelReading(Part):
    """How cells with labels were read: see `LabelRules`."""

    separator: Text | None = None
    missing: tuple[Text, ...] = ()
    merge_spellings: bool = False


class LabelsFile(Part):
    """The labels file that a run was given.

    Attributes:
        path: from the folder of the mended table; from the root where no path leads there.
        sha256: of the file.
    """

    path: Text
    sha256: Text


class LabelEditsRecord(Part):
    """The edits of labels that were applied before anything else.

    Attributes:
        path: of their file, as it was typed.
        sha256: of the file.
        count: of the edits that stood.
        names: of each name that means another label since, that label's name.
    """

    path: Text
    sha256: Text
    count: int
    names: Mapping[Text, Text]


class RunInput(Part):
    """The table that was mended.

    Attributes:
        path: as it was typed.
        sha256: of the file.
        rows: of the table.
        texts: distinct ones.
        columns: which was what.
        reading: how cells with labels were read.
        blank: rows without text, which were left out.
        labels_file: that was given with the table; None where the run wrote its own.
        label_edits: that were given; None where none were.
    """

    path: Text
    sha256: Text
    rows: int
    texts: int
    columns: InputColumns
    reading: LabelReading = LabelReading()
    blank: int = 0
    labels_file: LabelsFile | None = None
    label_edits: LabelEditsRecord | None = None


class UsedModel(Part):
    """A model of the run: its name, its hash, and where it was found."""

    name: Text
    sha256: Text
    source: Text


class TrustRecord(Part):
    """Whether the given labels can be learned from; what could not be tested is None."""

    trusted: bool
    reason: Text
    agreement: float | None
    errors: float | None


class Advice(Part):
    """What is to be said of the label set: see `Diagnoses`."""

    trust: TrustRecord
    merge: tuple[MergeAdvice, ...]
    split: tuple[SplitAdvice, ...]
    mostly_wrong: tuple[MostlyWrongLabel, ...]
    empty: tuple[EmptyLabel, ...]

    @classmethod
    def of(cls, result: "Relabelling", config: "DiagnosticsConfig") -> "Advice":
        """Look at the label set; JSON has no NaN."""
        from labelmend.relabel.diagnostics.label_set import diagnose

        found = diagnose(result, config)
        trust = found.trust
        return cls(
            trust=TrustRecord(
                trusted=trust.trusted,
                reason=trust.reason,
                agreement=_known(trust.agreement),
                errors=_known(trust.errors),
            ),
            merge=found.merge,
            split=found.split,
            mostly_wrong=found.mostly_wrong,
            empty=found.empty,
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


class IntervalRecord(Part):
    """What the table leaves open of its noise: see `NoiseInterval`.

    Attributes:
        low: share of wrong labels, at least; as far as the table can tell.
        high: the same, at most.
        agreement: share of the given labels with which the evidence agrees, out of fold.
        own_errors: share of the evidence's most decisive contradictions that may be its own errors.
        weak: whether the evidence is weak on this table.
        words: what the user was told.
    """

    low: float
    high: float
    agreement: float
    own_errors: float
    weak: bool
    words: Text

    @classmethod
    def of(cls, interval: "NoiseInterval") -> "IntervalRecord":
        """Round an interval."""
        from labelmend.relabel.noise_interval import interval_in_words

        return cls(
            low=round(interval.low, 6),
            high=round(interval.high, 6),
            agreement=round(interval.agreement, 6),
            own_errors=round(interval.own_errors, 6),
            weak=interval.weak,
            words=interval_in_words(interval),
        )


class NoiseRecord(Part):
    """How wrong the given labels are.

    Attributes:
        estimated_rate: expected share of wrong labels among them, errors taken to be as frequent
            where texts are easy as where they are hard.
        channel: how they come about.
        confused_pairs: the label pairs most often confused, by expected rows.
        interval: between which the rate lies; None where answers tell it, where nothing does, and
            in records of schema version 1.
    """

    estimated_rate: float
    channel: NoiseChannel
    confused_pairs: tuple[ConfusedPair, ...]
    interval: IntervalRecord | None = None


class PersonRecord(Part):
    """How far a person can be relied on: see `Reliability`."""

    accuracy: float
    answers: int
    shared: int


class AnswersRecord(Part):
    """What people said, and what it taught.

    Attributes:
        texts: that were answered.
        audited: those among them that an audit drew.
        unsure: texts of which nobody could tell.
        people: by name.
        learned: whether the other texts learned from them; too few answers teach nothing.
        guaranteed: whether the harm budget is kept with 95 % confidence; None without an audit.
        allowed: changes that the audit allows; None without one.
    """

    texts: int
    audited: int
    unsure: int
    people: Mapping[Text, PersonRecord]
    learned: bool
    guaranteed: bool | None
    allowed: int | None

    @classmethod
    def of(cls, result: "Relabelling") -> "AnswersRecord | None":
        """Sum up the answers of a run; None without any."""
        if result.answered is None:
            return None
        spoken, found = result.answered.spoken, result.guarantee
        return cls(
            texts=len(spoken),
            audited=int(spoken.audit.sum()),
            unsure=spoken.unsure,
            people={
                name: PersonRecord(
                    accuracy=round(each.accuracy, 4), answers=each.answers, shared=each.shared
                )
                for name, each in spoken.people.items()
            },
            learned=result.answered.correction is not None,
            guaranteed=None if found is None else found.holds,
            allowed=None if found is None else found.rows,
        )

    @property
    def in_words(self) -> str:
        """One sentence on who answered what."""
        people = ", ".join(
            tell(
                "{name} {answers:,} (right on about {share:.0%})"
                if person.shared
                else "{name} {answers:,}",
                name=name,
                answers=person.answers,
                share=person.accuracy,
            )
            for name, person in self.people.items()
        )
        parts = [tell("{texts:,} texts are answered, by {people}", texts=self.texts, people=people)]
        parts += [tell("of {texts:,} nobody could tell", texts=self.unsure)] if self.unsure else []
        parts += [] if self.learned else [tell("too few to teach the other rows")]
        return "; ".join(parts)


class HarmRecord(Part):
    """What mending may have broken.

    Attributes:
        expected_broken: good labels that the posterior expects to have broken.
        expected_good: good labels that it expects there to be.
        budget: share of the good labels that may be broken.
    """

    expected_broken: float
    expected_good: float
    budget: float


class ShareRecord(Part):
    """A share of counted cases, with its 95 % interval."""

    count: int
    total: int
    rate: float
    interval_95: tuple[float, float]

    @classmethod
    def of(cls, share: Share) -> "ShareRecord":
        """Round a share."""
        return cls(
            count=share.count,
            total=share.total,
            rate=round(share.rate, 6),
            interval_95=(round(share.low, 6), round(share.high, 6)),
        )


class SelfTestRecord(Part):
    """What mending did to known errors: see `SelfTest`."""

    runs: int
    estimated_rate: float
    injected_rate: float
    recovery: ShareRecord
    detection: ShareRecord
    harm: ShareRecord
    expected_broken: float
    realised_by_expected_harm: float | None
    budget: float
    factor: float
    broken_at_factor: int
    withdrawn_changes: int
    verdict: Text
    hard_recovery: ShareRecord | None = None

    @classmethod
    def of(cls, test: "SelfTest") -> "SelfTestRecord":
        """Round what a self-test found."""
        calibration = test.calibration
        return cls(
            runs=test.runs,
            estimated_rate=round(test.estimated_rate, 6),
            injected_rate=round(test.injected_rate, 6),
            recovery=ShareRecord.of(test.recovery),
            detection=ShareRecord.of(test.detection),
            harm=ShareRecord.of(test.harm),
            expected_broken=round(test.expected_broken, 4),
            realised_by_expected_harm=None if calibration is None else round(calibration, 4),
            budget=test.budget,
            factor=round(test.factor, 6),
            broken_at_factor=test.broken_at_factor,
            withdrawn_changes=test.withdrawn,
            verdict=test.verdict,
            hard_recovery=None if test.hard is None else ShareRecord.of(test.hard),
        )


class SourceRecord(Part):
    """A source of evidence: its weight, and the rows that it moved."""

    weight: float
    moved: int


class VoterRecord(Part):
    """What one voter did and was worth: see `VoterReport`; what isn't known is None."""

    voter: Text
    asked: int
    remembered: int
    failures: Mapping[Text, int]
    seconds: float
    spent: float
    tokens: int
    audited: int
    agreement: float | None
    lift_over_chance: float | None = Field(
        validation_alias=AliasChoices("lift_over_chance", "luck")
    )
    information: float | None
    unasked: int
    tokens_per_second: float
    weight: float | None
    worse_than_chance: bool
    answered: Mapping[Text, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, report: "VoterReport", weight: float | None) -> "VoterRecord":
        """Round a voter's report."""
        return cls(
            voter=report.voter,
            asked=report.asked,
            remembered=report.remembered,
            failures=dict(report.failures),
            seconds=round(report.seconds, 2),
            spent=round(report.spent, 2),
            tokens=report.tokens,
            audited=report.audited,
            agreement=_rounded(report.agreement),
            lift_over_chance=_rounded(report.lift_over_chance),
            information=_rounded(report.information),
            unasked=report.unasked,
            tokens_per_second=round(report.tokens_per_second, 1),
            weight=_rounded(weight),
            worse_than_chance=report.worse_than_chance,
            answered=dict(report.answered),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)
