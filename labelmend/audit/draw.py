"""The design of an audit: the strata, and the order in which their rows are drawn.

Each row has a permanent random number, made of the seed, its text and its labels (Ohlsson 1995). A
stratum's sample is its first rows by these numbers, so going on means taking the next ones, and the
order of the table's rows does not matter.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field, NonNegativeInt

from labelmend.audit.strata import NAMES, Stratum, allocate, make_strata
from labelmend.data.duplicates import text_key
from labelmend.data.formats.base import MOST_CELLS
from labelmend.errors import InputError
from labelmend.regular_file import read_regular
from labelmend.runs.parts import Part
from labelmend.types import Doubles, Ints

SCHEMA_VERSION = 1
"""Of the file of a design."""

_ID_DIGITS = 16
"""Hex digits of a design's name, as of an answer's."""


class Drawable(Protocol):
    """A mended table whose rows can be drawn.

    Attributes:
        path: of the table.
        ids: of the rows.
        texts: of the rows.
        has_ids: the table names its rows.
        kinds: int64 [n], the `Kind` of each row.
        doubt: float64 [n], probability that something is wrong with a row after mending.
    """

    @property
    def path(self) -> Path:
        """As above; so with the others."""

    @property
    def ids(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def texts(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def has_ids(self) -> bool: ...  # noqa: D102

    @property
    def kinds(self) -> Ints: ...  # noqa: D102

    @property
    def doubt(self) -> Doubles: ...  # noqa: D102

    def said_of(self, row: int) -> Sequence[str]:
        """Return what a row has for labels, as given and after mending."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class DrawnRow:
    """A row to be looked at.

    Attributes:
        row: its index, from 0.
        stratum: its stratum's name.
        inclusion: probability that the design, as it stands, draws it.
    """

    row: int
    stratum: str
    inclusion: float


@dataclass(frozen=True)
class Design:
    """Which rows are looked at.

    Attributes:
        design: its name, 16 hex digits.
        seed: of the draw.
        digest: sha256 of the table's ids and texts.
        strata: with their rows in the order in which they are drawn.
        draws: by draw, how many rows of each stratum it took; each goes on where the one before
            ended.
    """

    design: str
    seed: int
    digest: str
    strata: tuple[Stratum, ...]
    draws: tuple[tuple[int, ...], ...]

    @property
    def drawn(self) -> Ints:
        """int64 [h], the rows drawn of each stratum in all."""
        return self._before(len(self.draws))

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return sum(map(len, self.strata))

    def rows_of(self, draw: int | None = None) -> tuple[DrawnRow, ...]:
        """Return the rows of one draw, or of all.

        Each stretch of them holds the strata in about the proportion of the whole, so that a person
        who stops early has looked at all strata.
        """
        total = self.drawn
        first = np.zeros_like(total) if draw is None else self._before(draw)
        ends = total if draw is None else self._before(draw + 1)
        placed = []
        for h, stratum in enumerate(self.strata):
            count = int(ends[h] - first[h])
            inclusion = float(total[h] / len(stratum))
            for k, row in enumerate(stratum.rows[first[h] : ends[h]].tolist()):
                placed.append(((k + 0.5) / count, h, DrawnRow(row, stratum.name, inclusion)))
        return tuple(row for _, _, row in sorted(placed, key=lambda p: p[:2]))

    def _before(self, draw: int) -> Ints:
        """Return int64 [h], the rows that were drawn of each stratum before a draw."""
        counts: Ints = np.zeros(len(self.strata), dtype=np.int64)
        for taken in self.draws[:draw]:
            counts = counts + np.array(taken, dtype=np.int64)
        return counts

    def to_json(self) -> str:
        """Return the text of the file."""
        fields = {
            "schema_version": SCHEMA_VERSION,
            "design": self.design,
            "seed": self.seed,
            "table_sha256": self.digest,
            "draws": [list(draw) for draw in self.draws],
            "strata": [
                {
                    "name": s.name,
                    "kind": NAMES[s.kind],
                    "rows": len(s),
                    "doubt": round(s.doubt, 6),
                    "order": (s.rows + 1).tolist(),
                }
                for s in self.strata
            ],
        }
        return json.dumps(fields, ensure_ascii=False) + "\n"


def new_design(table: Drawable, rows: int, seed: int) -> Design:
    """Draw rows of a table for the first time.

    Args:
        table: the mended one.
        rows: how many; all that can be drawn where there are no more.
        seed: of the draw.
    """
    numbers = _random_numbers(table, seed)
    strata = tuple(
        replace(stratum, rows=np.array(sorted(stratum.rows.tolist(), key=numbers.__getitem__)))
        for stratum in make_strata(table.kinds, table.doubt, rows)
    )
    digest = table_digest(table)
    name = f"{seed}\0{digest}" + "".join(f"\0{s.name}\0{s.doubt:.6f}\0{len(s)}" for s in strata)
    counts = tuple(allocate(strata, rows).tolist())
    return Design(
        design=hashlib.sha256(name.encode()).hexdigest()[:_ID_DIGITS],
        seed=seed,
        digest=digest,
        strata=strata,
        draws=(counts,),
    )


def continued(design: Design, rows: int) -> Design:
    """Return the design with so many further rows drawn."""
    drawn = design.drawn
    sizes = np.array([len(s) for s in design.strata], dtype=np.int64)
    total = int(drawn.sum()) + rows
    counts = np.maximum(allocate(design.strata, total), drawn)
    # A stratum may have more than its share already: the others wait for it.
    while counts.sum() > total:
        spare = np.where(counts > drawn, (counts - drawn) / sizes, -1.0)
        counts[int(spare.argmax())] -= 1
    return replace(design, draws=(*design.draws, tuple((counts - drawn).tolist())))


def table_digest(table: Drawable) -> str:
    """Return the sha256 of a table's ids and texts, which mending leaves as they are."""
    digest = hashlib.sha256()
    for name, text in zip(table.ids, table.texts, strict=True):
        digest.update(f"{name}\0{text_key(text)}\n".encode(errors="replace"))
    return digest.hexdigest()


def read_design(path: Path, table: Drawable) -> Design | None:
    """Read the design of a table, None where there is none.

    Raises:
        InputError: the file can't be read, or is of another table.
    """
    try:
        raw = read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    try:
        found = _DesignFile.model_validate_json(raw)
        design = found.design_of()
    except ValueError:
        raise InputError(
            f"{path} is damaged, or of another version of labelmend; start anew with "
            "labelmend audit --new"
        ) from None
    if design.digest != table_digest(table) or design.rows != len(table):
        raise InputError(
            f"{path} is of a table with other rows, texts or ids than {table.path}; give the "
            "table that was audited, or start anew with labelmend audit --new"
        )
    return design


_Count = Annotated[int, Field(ge=0, le=MOST_CELLS)]
"""Rows, or a row's number: no table has more."""


class _StratumFile(Part):
    name: str
    kind: str
    rows: NonNegativeInt
    doubt: Annotated[float, Field(ge=0, le=1)]
    order: tuple[_Count, ...]


class _DesignFile(Part):
    schema_version: int
    design: str
    seed: NonNegativeInt
    table_sha256: str
    draws: tuple[tuple[_Count, ...], ...]
    strata: tuple[_StratumFile, ...]

    def design_of(self) -> Design:
        """Return the design.

        Raises:
            ValueError: what it says can't be.
        """
        kinds = {name: kind for kind, name in NAMES.items()}
        if self.schema_version != SCHEMA_VERSION or any(s.kind not in kinds for s in self.strata):
            raise ValueError("another version")
        strata = tuple(
            Stratum(s.name, kinds[s.kind], s.doubt, np.array(s.order, dtype=np.int64) - 1)
            for s in self.strata
        )
        design = Design(self.design, self.seed, self.table_sha256, strata, self.draws)
        rows = np.concatenate([s.rows for s in strata]) if strata else np.zeros(0, dtype=np.int64)
        fits = all(len(draw) == len(strata) for draw in self.draws) and (
            np.array_equal(np.sort(rows), np.arange(len(rows)))
        )
        if not fits or (design.drawn > [len(s) for s in strata]).any():
            raise ValueError("rows that can't be")
        return design


def _random_numbers(table: Drawable, seed: int) -> list[str]:
    """Return each row's number, as a hex text; rows that say the same differ by their id.

    A row without an id of its own is known by how many of its like come before it: which of them it
    is can't matter, since they are the same.
    """
    seen: Counter[str] = Counter()
    numbers = []
    for row, text in enumerate(table.texts):
        key = "\0".join([text_key(text), *table.said_of(row)])
        seen[key] += 1
        name = table.ids[row] if table.has_ids else str(seen[key])
        said = f"{seed}\0{key}\0{name}".encode(errors="replace")
        numbers.append(hashlib.sha256(said).hexdigest())
    return numbers
