"""The record of a run, `mended.run.json`: one class writes it and reads it.

The names of the fields, here, in `parts.py` and in the dataclasses that stand in them, are the keys
of the file. Whoever renames one, adds one or takes one away raises `SCHEMA_VERSION`, so that other
versions of labelmend can tell.
"""

import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import NonNegativeInt

from labelmend.errors import InputError
from labelmend.extras import installed_versions
from labelmend.regular_file import read_regular
from labelmend.runs.language import LanguageRecord
from labelmend.runs.parts import (
    Advice,
    AnswersRecord,
    HarmRecord,
    IntervalRecord,
    NoiseRecord,
    Part,
    RunInput,
    SelfTestRecord,
    Settings,
    SourceRecord,
    Text,
    Texts,
    UsedModel,
    VoterRecord,
)
from labelmend.runs.shards.record import ShardRecord
from labelmend.version import __version__

if TYPE_CHECKING:  # whoever reads a record needs nothing of what made it
    from labelmend.configs.schema import Config
    from labelmend.relabel.result import Relabelling
    from labelmend.weights.locate import LocatedModel

RecordT = TypeVar("RecordT")

SCHEMA_VERSION = 6
"""Of the records that are written. 5 is read too, which knows nothing of shards and of the servers
that voters were asked on, 4, which knows nothing of languages, 3, which knows nothing of the labels
file that was given, 2, which knows one column of text and no rules of reading labels, 1, which
knows no interval of the noise, and 0, which has no such key, and older words."""

_LIBRARIES = (
    *("numpy", "scikit-learn", "onnxruntime"),
    *("sentence-transformers", "torch", "llama-cpp-python"),
)

_CONFUSED_PAIRS = 20
"""So many of the most frequent ones are kept."""


class RunRecord(Part):
    """What `mended.run.json` says: enough to defend the outcome and to repeat it.

    Attributes:
        schema_version: of the record.
        labelmend: its version.
        input: the table that was mended.
        seed: of all random choices.
        config: all settings.
        models: that were used, by role.
        labels: how many there are.
        oos_label: the label that means "fits no label"; None without one.
        advice: on the label set.
        counts: rows by decision.
        noise: how wrong the given labels are.
        harm: what mending may have broken.
        self_test: None where it was not asked for.
        answers: None without any.
        sources: of evidence, by name.
        voters: what each voter did.
        review_order: ids of all rows, most worth a look first; up to schema version 1 only of those
            for review.
        notes: what the run had to say.
        seconds: time by stage.
        versions: of the libraries.
        language: of the table; None in older records.
        files: sha256 of what was written with it, by what it is: table, evidence, index (since
            schema version 4), and labels unless they were the user's; None in older records. Of
            shards it is the sha256 of theirs, a line each.
        shards: of which the table is made, in their order; none where it is one file.
    """

    schema_version: int = SCHEMA_VERSION
    labelmend: Text
    input: RunInput
    seed: int
    config: Settings
    models: Mapping[Text, UsedModel]
    labels: int
    oos_label: Text | None
    advice: Advice
    counts: Mapping[Text, int]
    noise: NoiseRecord
    harm: HarmRecord
    self_test: SelfTestRecord | None
    answers: AnswersRecord | None = None
    sources: Mapping[Text, SourceRecord]
    voters: tuple[VoterRecord, ...]
    review_order: Texts
    notes: tuple[Text, ...]
    seconds: Mapping[Text, float]
    versions: Mapping[Text, Text]
    language: LanguageRecord | None = None
    files: Mapping[Text, Text] | None = None
    shards: tuple[ShardRecord, ...] = ()

    @property
    def channel_in_words(self) -> str:
        """One sentence on how given labels come about."""
        from labelmend.relabel.diagnostics.explain import channel_in_words

        return channel_in_words(self.noise.channel, oos=self.oos_label is not None)

    @classmethod
    def of(
        cls,
        result: "Relabelling",
        config: "Config",
        models: "Mapping[str, LocatedModel]",
        source: RunInput,
        notes: tuple[str, ...],
        language: LanguageRecord | None = None,
    ) -> "RunRecord":
        """Sum up a run.

        Args:
            result: what came out.
            config: its settings.
            models: that were used, by role.
            source: the table that was mended.
            notes: what the user was told.
            language: of the table.
        """
        from labelmend.configs.load import config_to_dict
        from labelmend.runs.findings import confused_pairs, estimated_noise, rows_moved

        dataset, decisions, weights = result.dataset, result.decisions, result.posterior.weights
        moved = rows_moved(result)
        return cls(
            labelmend=__version__,
            input=source,
            seed=config.seed,
            config=config_to_dict(config),
            models={
                role: UsedModel(name=m.name, sha256=m.digest, source=m.source)
                for role, m in models.items()
            },
            labels=len(dataset.labels),
            oos_label=None if dataset.oos is None else dataset.labels[dataset.oos],
            advice=Advice.of(result, config.diagnostics),
            counts=dict(sorted(Counter(decisions.actions).items())),
            noise=NoiseRecord(
                estimated_rate=round(estimated_noise(result), 6),
                channel=result.posterior.channel,
                confused_pairs=confused_pairs(result, _CONFUSED_PAIRS),
                interval=None if result.interval is None else IntervalRecord.of(result.interval),
            ),
            harm=HarmRecord(
                expected_broken=round(decisions.expected_harm, 4),
                expected_good=round(decisions.expected_good, 4),
                budget=config.decision.max_harm,
            ),
            answers=AnswersRecord.of(result),
            self_test=None if result.self_test is None else SelfTestRecord.of(result.self_test),
            sources={
                name: SourceRecord(weight=round(weight, 6), moved=moved[name])
                for name, weight in weights.items()
            },
            voters=tuple(VoterRecord.of(v, weights.get(v.voter)) for v in result.voters),
            review_order=tuple(dataset.ids[row] for row in decisions.review_order),
            notes=notes,
            language=language,
            seconds={stage: round(s, 2) for stage, s in result.seconds.items()},
            versions={
                "python": platform.python_version(),
                **installed_versions(_LIBRARIES),
            },
        )

    def to_json(self) -> str:
        """Return the text of the file."""
        fields: dict[str, Any] = self.model_dump()
        return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "RunRecord":
        """Read the text of the file.

        Raises:
            NewerRecordError: a later version of labelmend wrote it.
            SeveralLabelsError: it is of a table with several labels a row.
            ValueError: it is none of ours.
        """
        head = RecordHead.model_validate_json(text)
        if head.task != "single":
            raise SeveralLabelsError
        if head.schema_version > SCHEMA_VERSION:
            raise NewerRecordError(head.schema_version, SCHEMA_VERSION)
        return cls.model_validate_json(text)

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Read the file.

        Raises:
            FileNotFoundError: there is none.
            InputError: it can't be read, or is no record of ours.
        """
        return record_at(path, cls.from_json)


def record_at(path: Path, parse: Callable[[bytes], RecordT]) -> RecordT:
    """Read a record.

    Args:
        path: of the file.
        parse: what stands in it.

    Raises:
        FileNotFoundError: there is none.
        InputError: it can't be read, or is no record of ours.
    """
    try:
        return parse(read_regular(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    except NewerRecordError as error:
        raise InputError(f"{path}: {error}; update labelmend") from None
    except SeveralLabelsError as error:
        raise InputError(f"{path}: {error}") from None
    except ValueError:
        raise InputError(
            f"{path} is damaged, or of another version of labelmend; run labelmend relabel again"
        ) from None


class RecordHead(Part):
    """What is read of a record first."""

    schema_version: NonNegativeInt = 0
    task: str = "single"


class NewerRecordError(ValueError):
    """A record is of a schema that this labelmend doesn't know yet."""

    def __init__(self, version: int, known: int) -> None:
        super().__init__(
            f"written by a later labelmend (schema version {version}, this one reads up to {known})"
        )


class SeveralLabelsError(ValueError):
    """A record is of a table in which a row may have several labels."""

    def __init__(self) -> None:
        super().__init__(
            "is of a table in which rows have several labels, which this command can't work on yet"
        )
