"""Evidence of a cross-encoder, which reads a text and a label's description together."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from labelmend.configs.schema import RerankerConfig
from labelmend.llm.ballots import shown_exemplars
from labelmend.protocols import Reranker
from labelmend.relabel.evidence.base import Corpus, Phase, Resources
from labelmend.retrieval.neighbours import oos_scores
from labelmend.retrieval.rerank import load_reranker
from labelmend.types import NO_LABEL, Evidence, Floats, Ints, LabelCard
from labelmend.weights.locate import LocatedModel


class RerankerSource:
    """A cross-encoder's logits, and what the best of a text's says of out-of-scope.

    Args:
        config: its settings.
        model: the located model, which is loaded when the first text is scored.
    """

    name = "reranker"
    phase: Phase = "escalated"
    needs = frozenset(("texts", "cards"))

    def __init__(self, config: RerankerConfig, model: LocatedModel) -> None:
        self.candidates = config.candidates
        self.max_texts = config.max_rows
        self._config = config
        self._model = model
        self._reranker: Reranker | None = None

    @classmethod
    def for_run(cls, corpus: Corpus, resources: Resources) -> Sequence[Self]:
        """Return the source where the profile has a reranker."""
        model = resources.models.reranker
        return [] if model is None else [cls(resources.config.reranker, model)]

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Take the texts and the label cards."""
        self._texts, self._cards, self._oos = corpus.texts, corpus.cards, corpus.oos
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model behind: a copy in another process loads its own."""
        return {**self.__dict__, "_reranker": None}

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Return logits, float32 [b, c]; NaN for out-of-scope, which has nothing to read."""
        if self._reranker is None:
            self._reranker = load_reranker(self._config, self._model.path)
        oos = NO_LABEL if self._oos is None else self._oos
        read = candidates != oos
        pairs = [
            (text, label_passage(self._cards[label], text))
            for text, labels, mask in zip(
                (self._texts[i] for i in texts), candidates, read, strict=True
            )
            for label in labels[mask]
        ]
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)
        scores[read] = self._reranker.score(pairs)
        return scores

    def close(self) -> None:
        """Free the model."""
        self._reranker = None

    def derived(self, scores: Floats, candidates: Ints) -> tuple[Evidence, ...]:
        """Return the logits, and evidence for out-of-scope where nothing fits a text well."""
        best = np.where(np.isnan(scores), -np.inf, scores).max(axis=1)
        strength = np.where(np.isneginf(best), np.nan, best).astype(np.float32)
        evidence = Evidence(self.name, scores)
        oos = self._oos
        if oos is None or not np.isfinite(strength).any():
            return (evidence,)
        return evidence, Evidence(RERANKER_OOS, oos_scores(strength, candidates, oos))


RERANKER_OOS = "reranker_oos"


def label_passage(card: LabelCard, text: str) -> str:
    """Return what the reranker reads of a label: its description, else its exemplars."""
    rest = card.description or " / ".join(shown_exemplars(card, text, 2))
    return f"{card.name}: {rest}" if rest else card.name
