"""Calls of sources, which may be strangers: what goes wrong in one ends in a line that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from labelmend.errors import ConfigError, LabelmendError
from labelmend.parallel import blocks_of
from labelmend.protocols import Searcher
from labelmend.relabel.evidence.base import Corpus, EvidenceSource, Opened
from labelmend.retrieval.candidates import Candidates
from labelmend.types import NO_LABEL, Evidence, Floats, Ints, Ranking


def fitted(
    source: EvidenceSource, corpus: Corpus, memberships: csr_array | None, turn: int
) -> EvidenceSource:
    """Fit a source, and return what its `fit` returns.

    Raises:
        ConfigError: it fails, or returns no source.
    """
    with _blamed(source.name, "fit"):
        made: EvidenceSource = source.fit(corpus, memberships, turn)
    if not callable(getattr(made, "score", None)):
        raise ConfigError(_line(source.name, "fit", f"it returned {made!r}, and not the source"))
    return made


def scored(source: EvidenceSource, texts: Ints, candidates: Ints) -> Floats:
    """Return a source's scores, float32 [b, c].

    Raises:
        ConfigError: it fails, or returns another shape, what is no number, or infinity.
    """
    with _blamed(source.name, "score"):
        scores = np.asarray(source.score(texts, candidates)).astype(np.float32, copy=False)
    if scores.shape != candidates.shape:
        said = f"it returned the shape {scores.shape} for candidates of {candidates.shape}"
        raise ConfigError(_line(source.name, "score", said))
    if np.isinf(scores).any():
        raise ConfigError(_line(source.name, "score", "a score is infinite; NaN is silence"))
    return scores


def spoken(source: EvidenceSource, corpus: Corpus, candidates: Ints) -> Evidence:
    """Return what a source says of the candidates int64 [u, c] of all texts."""
    total = len(candidates)
    every = np.arange(total)
    if getattr(source, "whole", False):
        return Evidence(source.name, scored(source, every, candidates))
    scores = np.empty(candidates.shape, dtype=np.float32)
    blocks = list(blocks_of(total, corpus.block_rows))
    parts = corpus.executor.map_blocks(
        lambda b: scored(source, every[b], candidates[b]), blocks, one_core=True
    )
    for rows, part in zip(blocks, parts, strict=True):
        scores[rows] = part
    return Evidence(source.name, scores)


class Searching:
    """A source that proposes candidates, as the retrievers do."""

    def __init__(self, source: Searcher, name: str, labels: int) -> None:
        self._source, self._name, self._labels = source, name, labels

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the best labels, at most `limit`, of each text.

        Raises:
            ConfigError: the source fails, or names a label that there is none of.
        """
        with _blamed(self._name, "search"):
            ranking = self._source.search(texts, limit)
            labels = np.asarray(ranking.labels)
            low, high = labels.min(initial=NO_LABEL), labels.max(initial=NO_LABEL)
        if len(labels) != len(texts) or low < NO_LABEL or high >= self._labels:
            said = f"its labels are to be {len(texts)} rows of numbers below {self._labels}"
            raise ConfigError(_line(self._name, "search", said))
        return ranking


@contextmanager
def _blamed(name: str, call: str) -> Iterator[None]:
    try:
        yield
    except LabelmendError:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        raise ConfigError(_line(name, call, f"{type(error).__name__}: {said}")) from error


def _line(name: str, call: str, said: str) -> str:
    return (
        f"source of evidence {name!r}: {call} failed ({said}); mend it, or switch it off in the "
        "profile with enabled: false"
    )


def begun(each: Opened, corpus: Corpus, shares: csr_array) -> Opened:
    """Fit a source that speaks before the rounds, or proposes candidates."""
    proposes = bool(each.weight) and isinstance(each.source, Searcher)
    if each.source.phase == "fixed" and (each.speaks or proposes):
        return replace(each, source=fitted(each.source, corpus, None, 0))
    if each.source.phase == "round" and proposes:
        return replace(each, source=fitted(each.source, corpus, shares, 0))
    return each


def timed(source: EvidenceSource, corpus: Corpus, chosen: Candidates) -> Evidence:
    """Return what a fixed source says, and tell how long that takes."""
    with corpus.clock.stage(f"candidates: {source.name}"):
        return spoken(source, corpus, chosen.labels)
