"""Sources that are asked about the doubtful texts, if the audit gives their word any weight."""

from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import FusionConfig
from labelmend.parallel import blocks_of
from labelmend.relabel.escalation.routing import Routing, shortlist
from labelmend.relabel.evidence.base import Corpus, Deriving, EvidenceSource
from labelmend.relabel.evidence.guard import fitted, scored
from labelmend.relabel.labelmodel.fusion import Fit, fuse_routed, unit_spread
from labelmend.retrieval.candidates import Candidates
from labelmend.types import Doubles, Evidence, Floats, Ints


@dataclass(frozen=True)
class Reading:
    """What is known before the sources are asked.

    Attributes:
        corpus: the texts and label cards.
        candidates: the labels that are looked at.
        given: float64 [u, c - tail], rows of each text given each kept candidate.
        fit: the posterior of the evidence so far.
        routing: which texts need more evidence.
        source_error_rate: see `posterior_of`.
        config: of the fusion.
    """

    corpus: Corpus
    candidates: Candidates
    given: Doubles
    fit: Fit
    routing: Routing
    source_error_rate: float
    config: FusionConfig

    def ask(self, source: EvidenceSource) -> tuple[Evidence, ...]:
        """Return what a source says of the audit and, if it is heard there, of doubtful texts."""
        source = fitted(source, self.corpus, None, 0)
        asking = _Asking(source)
        scores = np.full(self.candidates.kept.shape, np.nan, dtype=np.float32)
        audit = np.flatnonzero(self.routing.audit)
        self._score(asking, audit, scores)
        evidence = self._evidence(source, scores)
        doubtful = self.routing.first(getattr(source, "max_texts", -1))
        doubtful = doubtful[~self.routing.audit[doubtful]]
        if len(doubtful) and self._is_heard(evidence):
            self._score(asking, doubtful, scores)
            evidence = self._evidence(source, scores)
        if callable(close := getattr(source, "close", None)):
            close()
        return evidence

    def _score(self, asking: "_Asking", texts: Ints, scores: Floats) -> None:
        """Write the scores of texts and their leading candidates into `scores` [u, c - tail]."""
        source = asking.source
        count = int(getattr(source, "candidates", 0)) or self.candidates.kept.shape[1]
        columns = shortlist(self.fit, self.given, texts, count)
        labels = np.take_along_axis(self.candidates.kept[texts], columns, axis=1)
        self.corpus.progress.start(source.name, len(texts))
        blocks = list(blocks_of(len(texts), _BLOCK))
        said = self.corpus.executor.map_loaded(asking, ((texts[b], labels[b]) for b in blocks))
        for block, part in zip(blocks, said, strict=True):
            assert part is not None
            scores[texts[block, None], columns[block]] = part
            self.corpus.progress.advance(len(part))

    def _evidence(self, source: EvidenceSource, scores: Floats) -> tuple[Evidence, ...]:
        if isinstance(source, Deriving):
            return source.derived(scores, self.candidates.kept)
        return (Evidence(source.name, scores),)

    def _is_heard(self, evidence: tuple[Evidence, ...]) -> bool:
        """Tell whether the audit gives any of the evidence a weight that could change a label."""
        if self.config.method == "majority":
            return True
        audit = self.routing.audit
        trial = fuse_routed(
            self.fit, evidence, self.candidates, audit, self.source_error_rate, self.config
        )
        _, spread = unit_spread(evidence)
        weights = trial.posterior.weights
        return any(
            weights[e.source] * s >= self.config.min_routed_say
            for e, s in zip(evidence, spread, strict=True)
        )


@dataclass(frozen=True)
class _Asking:
    """Asks a source, which may have loaded a model, about a block of texts and their labels."""

    source: EvidenceSource

    def __call__(self, block: tuple[Ints, Ints]) -> Floats:
        return scored(self.source, *block)


_BLOCK = 64
"""Texts asked about between two steps of the progress bar."""
