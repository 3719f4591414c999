"""What `labelmend relabel` left beside the mended table: the run's record and the evidence."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmend.relabel.diagnostics.explain import Explanation, channel_in_words
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import ConfusedPair

AGAIN = "run labelmend relabel again to have it in the report"


@dataclass(frozen=True)
class UsedModel:
    """A model of the run: what it did, its name, its hash, and where it was found."""

    role: str
    name: str
    sha256: str
    source: str


@dataclass(frozen=True)
class Run:
    """The record of a run, as far as the report shows it.

    Attributes:
        version: of labelmend.
        seed: of all random choices.
        table: path of the table that was mended, as it was typed.
        sha256: of that table.
        rows: of that table.
        id_column: what names the rows in `review_order`; None where their numbers do.
        estimated_noise: expected share of wrong labels among the given ones.
        channel: one sentence on how given labels come about.
        confused: the label pairs most often confused, by expected rows.
        expected_broken: good labels that the posterior expects to have broken.
        expected_good: good labels that it expects there to be.
        max_harm: share of the good labels that may be broken.
        self_test: the self-test's verdict; None where it was not asked for.
        sources: weight of each source of evidence, and the rows that it moved.
        models: that were used.
        review_order: ids of the rows for review, best first.
        seconds: time by stage.
        versions: of the libraries.
        config: all settings.
        notes: what the run had to say.
    """

    version: str
    seed: int
    table: str
    sha256: str
    rows: int
    id_column: str | None
    estimated_noise: float
    channel: str
    confused: tuple[ConfusedPair, ...]
    expected_broken: float
    expected_good: float
    max_harm: float
    self_test: str | None
    sources: Mapping[str, tuple[float, int]]
    models: tuple[UsedModel, ...]
    review_order: tuple[str, ...]
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    config: Mapping[str, Any]
    notes: tuple[str, ...]

    @classmethod
    def from_json(cls, fields: Any) -> "Run":
        """Read a record.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            return cls._from_fields(fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(repr(error)) from error

    @classmethod
    def _from_fields(cls, fields: Any) -> "Run":
        source, noise, harm = fields["input"], fields["noise"], fields["harm"]
        id_column, test = source["columns"]["id"], fields["self_test"]
        return cls(
            version=str(fields["labelmend"]),
            seed=int(fields["seed"]),
            table=str(source["path"]),
            sha256=str(source["sha256"]),
            rows=int(source["rows"]),
            id_column=None if id_column is None else str(id_column),
            estimated_noise=float(noise["estimated_rate"]),
            channel=channel_in_words(
                NoiseChannel(**noise["channel"]), oos=fields["oos_label"] is not None
            ),
            confused=tuple(
                ConfusedPair(str(p["true"]), str(p["given"]), float(p["rows"]), float(p["rate"]))
                for p in noise["confused_pairs"]
            ),
            expected_broken=float(harm["expected_broken"]),
            expected_good=float(harm["expected_good"]),
            max_harm=float(harm["budget"]),
            self_test=None if test is None else str(test["verdict"]),
            sources={
                str(s): (float(v["weight"]), int(v["moved"])) for s, v in fields["sources"].items()
            },
            models=tuple(
                UsedModel(str(role), str(m["name"]), str(m["sha256"]), str(m["source"]))
                for role, m in fields["models"].items()
            ),
            review_order=tuple(str(name) for name in fields["review_order"]),
            seconds={str(s): float(v) for s, v in fields["seconds"].items()},
            versions={str(s): str(v) for s, v in fields["versions"].items()},
            config=dict(fields["config"]),
            notes=tuple(str(note) for note in fields["notes"]),
        )


def read_run(table: Path, rows: int) -> tuple[Run | None, str | None]:
    """Read the record of the run that wrote a table.

    Args:
        table: the mended one.
        rows: that it has.

    Returns:
        the record, and what is amiss with it; one of them is None.
    """
    path = OutputPaths.beside(table).record
    try:
        run = Run.from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None, f"there is no {path.name} beside the mended table; {AGAIN}"
    except OSError as error:
        return None, f"{path} can't be read: {error.strerror}"
    except (ValueError, RecursionError):
        return None, f"{path} is damaged, or of another version of labelmend; {AGAIN}"
    if run.rows != rows:
        return None, (
            f"{path} is of a run on {run.rows:,} rows, and the mended table has {rows:,}; {AGAIN}"
        )
    return run, None


def read_explanations(
    table: Path, rows: Collection[int], texts: Mapping[int, str]
) -> tuple[dict[int, Explanation], str | None]:
    """Read the evidence of some rows of a table.

    Args:
        table: the mended one.
        rows: their indices, from 0.
        texts: of these rows, by index; evidence of another text is not that row's.

    Returns:
        the explanations by index, and what is amiss, or None.
    """
    path = OutputPaths.beside(table).evidence
    found: dict[int, Explanation] = {}
    wanted = set(rows)
    try:
        with path.open("rb") as file:
            for row, line in enumerate(file):
                if row not in wanted:
                    continue
                explanation = Explanation.from_line(line.decode())
                if explanation.text != texts[row]:
                    return (
                        {},
                        f"{path} is of another table: row {row + 1} has another text; {AGAIN}",
                    )
                found[row] = explanation
    except FileNotFoundError:
        return {}, f"there is no {path.name} beside the mended table; {AGAIN}"
    except OSError as error:
        return {}, f"{path} can't be read: {error.strerror}"
    except ValueError:
        return {}, f"{path} is damaged, or of another version of labelmend; {AGAIN}"
    if len(found) < len(wanted):
        return {}, f"{path} ends before the mended table does; {AGAIN}"
    return found, None
