"""What a run left of its evidence, as arrays: enough to learn from answers without the run.

The evidence file has of each row the leading candidates with their probability and what every
source says in nats. They make the fusion's state again (see `Fit`), but for candidates far behind.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax

from labelmend.errors import InputError
from labelmend.relabel.labelmodel.answered import ANSWERS
from labelmend.runs.row_index import RowIndex
from labelmend.runs.shards.joined import open_evidence
from labelmend.types import Doubles, Evidence, Ints

_MOST = 16
"""Candidates of a row that are read: runs write six at most."""

_FAR = -20.0
"""Nats of a candidate that only fills a row: it is out of the question."""

_MOST_NATS = 1e9
"""Evidence beyond is damaged, as `explanation.py` has it."""


@dataclass(frozen=True)
class Kept:
    """The candidates of u texts.

    Attributes:
        candidates: int64 [u, c], labels, distinct in a row.
        log_prior: float64 [u, c], log p_w among them, which no given label of the text has moved.
        believed: float64 [u, c], the posterior.
        evidence: of each source the nats, float32 [u, c]; NaN where it is silent.
    """

    candidates: Ints
    log_prior: Doubles
    believed: Doubles
    evidence: tuple[Evidence, ...]


def read_kept(path: Path, index: RowIndex, rows: Sequence[int], *, answered: bool) -> Kept:
    """Read the evidence of rows.

    Args:
        path: of the evidence.
        index: of its table.
        rows: ascending, one a text.
        answered: the run learned from answers, which is left out of what is read.

    Raises:
        InputError: the file can't be read, or isn't that of the index.
    """
    labels = {name: code for code, name in enumerate(index.labels)}
    width = min(_MOST, len(labels))
    candidates = np.full((len(rows), width), -1, dtype=np.int64)
    posterior, channel = np.zeros(candidates.shape), np.zeros(candidates.shape)
    base = np.full(candidates.shape, _FAR)
    nats: dict[str, Any] = {}
    most = 1
    try:
        for text, found in enumerate(_lines(path, index, rows)):
            for column, one in enumerate(found[:width]):
                candidates[text, column] = labels[one["label"]]
                posterior[text, column] = one["posterior"]
                channel[text, column] = one["channel"]
                base[text, column] = one["oos_bias"]
                for source, value in one["nats"].items():
                    if source not in nats:
                        nats[source] = np.full(candidates.shape, np.nan, dtype=np.float32)
                    nats[source][text, column] = value
            most = max(most, min(len(found), width))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error!r}); run labelmend relabel again") from None
    candidates = _filled(candidates[:, :most], len(labels))
    posterior, channel, base = posterior[:, :most], channel[:, :most], base[:, :most]
    nats = {source: scores[:, :most] for source, scores in sorted(nats.items())}
    told = nats.pop(ANSWERS, None)
    sums = base + sum(np.nan_to_num(scores) for scores in nats.values())
    _check(path, sums, channel, posterior)
    log_prior = np.asarray(log_softmax(sums, axis=1))
    if answered or told is not None:
        posterior = np.asarray(softmax(sums + channel, axis=1))
    evidence = tuple(Evidence(source, scores) for source, scores in nats.items())
    return Kept(candidates, log_prior, posterior, evidence)


def _lines(path: Path, index: RowIndex, rows: Sequence[int]) -> Iterator[list[Any]]:
    """Yield the candidates of each of the rows."""
    starts, checks = index.starts, index.checks
    try:
        with open_evidence(path) as file:
            for row in rows:
                start, end = int(starts[row]), int(starts[row + 1])
                if file.tell() != start:
                    file.seek(start)
                line = file.read(end - start)
                if checks is not None and zlib.crc32(line) != checks[row]:
                    raise InputError(f"{path}: line {row + 1} is not as the run left it")
                yield json.loads(line)["candidates"]
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None


def _filled(candidates: Ints, total: int) -> Ints:
    """Return the candidates, -1 replaced by labels that the row has not; total is K."""
    found = candidates.copy()
    spare = np.arange(min(total, 2 * found.shape[1]))
    for row in np.flatnonzero((found < 0).any(axis=1)).tolist():
        free = spare[~np.isin(spare, found[row])]
        gaps = np.flatnonzero(found[row] < 0)
        found[row, gaps] = free[: len(gaps)]
    return found


def _check(path: Path, *numbers: Doubles) -> None:
    for each in numbers:
        if not (np.abs(each) <= _MOST_NATS).all():  # NaN is not, either
            raise InputError(f"{path}: has numbers that can't be; run labelmend relabel again")
