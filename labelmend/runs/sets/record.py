"""The record of a run on a table with several labels a row."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from labelmend.errors import InputError
from labelmend.extras import installed_versions
from labelmend.runs.language import LanguageRecord
from labelmend.runs.parts import Part, RunInput, Settings, Text, Texts, UsedModel, VoterRecord
from labelmend.runs.record import NewerRecordError, RecordHead, record_at
from labelmend.version import __version__

if TYPE_CHECKING:  # whoever reads a record needs nothing of what made it
    from labelmend.configs.schema import Config
    from labelmend.relabel.assignments.types import MendedSets, NoiseRange
    from labelmend.weights.locate import LocatedModel

SCHEMA_VERSION = 1
"""Of these records."""

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "onnxruntime")
_DIGITS = 6
"""Of rates."""


class LabelRecord(Part):
    """A label: its rows before and after, and how often it was forgotten and added."""

    given: int
    mended: int
    added: int
    removed: int
    forgotten_rate: float
    added_rate: float


class AssignmentHarm(Part):
    """What mending may have broken.

    Attributes:
        expected_broken: labels that hold and were taken away.
        expected_false: labels that don't hold and were added.
        expected_holding: labels that hold, in all.
        budget: share of these that either may be.
    """

    expected_broken: float
    expected_false: float
    expected_holding: float
    budget: float


class NoiseBetween(Part):
    """What the table can't tell of its noise: the least and the most of it that may be.

    Attributes:
        wrong: share of the given labels that don't hold.
        missing: share of the labels that hold which were not given.
    """

    wrong: tuple[float, float]
    missing: tuple[float, float]


class SetRunRecord(Part):
    """What `mended.run.json` says of such a table.

    Attributes:
        task: tells such records from those of tables with one label a row.
        schema_version: of the record.
        labelmend: its version.
        input: the table that was mended.
        label_columns: columns of 0 and 1 that were labels; none where one column held them all.
        seed: of all random choices.
        config: all settings.
        models: that were used, by role.
        labels: by name.
        counts: rows by decision.
        assignments: labels that were added and removed.
        estimated_wrong: share of the given labels that are wrong, by the probabilities.
        estimated_missing: share of the labels that hold which were not given, likewise.
        noise: between what both may be; None where people's answers told, and in older records.
        harm: what mending may have broken.
        answered: rows that people answered.
        voters: what each LLM did.
        review_order: ids of all rows, most worth a look first.
        notes: what the run had to say.
        versions: of the libraries.
        language: of the table.
        files: sha256 of what was written with it, by what it is.
    """

    task: Literal["several"] = "several"
    schema_version: int = SCHEMA_VERSION
    labelmend: Text
    input: RunInput
    label_columns: Texts
    seed: int
    config: Settings
    models: Mapping[Text, UsedModel]
    labels: Mapping[Text, LabelRecord]
    counts: Mapping[Text, int]
    assignments: Mapping[Text, int]
    estimated_wrong: float
    estimated_missing: float
    noise: NoiseBetween | None = None
    harm: AssignmentHarm
    answered: int
    voters: tuple[VoterRecord, ...] = ()
    review_order: Texts
    notes: tuple[Text, ...]
    versions: Mapping[Text, Text]
    language: LanguageRecord | None = None
    files: Mapping[Text, Text] | None = None

    @classmethod
    def of(
        cls,
        result: "MendedSets",
        config: "Config",
        models: "Mapping[str, LocatedModel]",
        source: RunInput,
        switches: tuple[str, ...],
        ids: tuple[str, ...],
        notes: tuple[str, ...],
        language: LanguageRecord | None,
    ) -> "SetRunRecord":
        """Sum up a run.

        Args:
            result: what came out.
            config: its settings.
            models: that were used, by role.
            source: the table that was mended.
            switches: columns of 0 and 1 that were labels.
            ids: of the rows that were worked on.
            notes: what the user was told.
            language: of the table.
        """
        from labelmend.configs.load import config_to_dict

        changes, mended = result.changes, result.mended
        columns = (result.given, mended, changes.added, changes.removed)
        rows = np.stack([column.sum(axis=0) for column in columns], axis=1).tolist()
        rates = np.stack([result.channel.forgotten, result.channel.added], axis=1).round(_DIGITS)
        return cls(
            labelmend=__version__,
            input=source,
            label_columns=switches,
            seed=config.seed,
            config=config_to_dict(config),
            models={
                role: UsedModel(name=m.name, sha256=m.digest, source=m.source)
                for role, m in models.items()
            },
            labels={
                label: LabelRecord(
                    given=count[0],
                    mended=count[1],
                    added=count[2],
                    removed=count[3],
                    forgotten_rate=rate[0],
                    added_rate=rate[1],
                )
                for label, count, rate in zip(result.labels, rows, rates.tolist(), strict=True)
            },
            counts=dict(sorted(Counter(result.decisions).items())),
            assignments={
                "added": int(changes.added.sum()),
                "removed": int(changes.removed.sum()),
            },
            estimated_wrong=round(result.estimated_wrong, _DIGITS),
            estimated_missing=round(result.estimated_missing, _DIGITS),
            noise=_between(result.noise),
            harm=AssignmentHarm(
                expected_broken=round(changes.expected_broken, 4),
                expected_false=round(changes.expected_false, 4),
                expected_holding=round(float(result.holds.sum()), 4),
                budget=config.decision.max_harm,
            ),
            answered=int(result.answered.sum()),
            voters=tuple(VoterRecord.of(v.report, v.weight) for v in result.votes),
            review_order=tuple(ids[row] for row in result.review_order),
            notes=notes,
            versions=installed_versions(_LIBRARIES),
            language=language,
        )

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "SetRunRecord":
        """Read the text of the file.

        Raises:
            NewerRecordError: a later version of labelmend wrote it.
            ValueError: it is none of ours, or of a table with one label a row.
        """
        head = RecordHead.model_validate_json(text)
        if head.task != "several":
            raise ValueError("is not of a table with several labels a row")
        if head.schema_version > SCHEMA_VERSION:
            raise NewerRecordError(head.schema_version, SCHEMA_VERSION)
        return cls.model_validate_json(text)

    @classmethod
    def read(cls, path: Path) -> "SetRunRecord":
        """Read the file.

        Raises:
            FileNotFoundError: there is none.
            InputError: it can't be read, or is no such record.
        """
        return record_at(path, cls.from_json)


def task_of(path: Path) -> str | None:
    """Return how many labels a row may have by a run's record; None where it can't be read."""
    try:
        return record_at(path, RecordHead.model_validate_json).task
    except (FileNotFoundError, InputError):
        return None


def _between(noise: "NoiseRange | None") -> NoiseBetween | None:
    if noise is None:
        return None
    (least, most), (fewest, largest) = (
        [round(share, _DIGITS) for share in shares] for shares in (noise.wrong, noise.missing)
    )
    return NoiseBetween(wrong=(least, most), missing=(fewest, largest))
