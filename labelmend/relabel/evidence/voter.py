"""Evidence of LLMs: what voters choose among a text's likeliest labels."""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from labelmend.configs.schema import VoterConfig
from labelmend.llm.fleet.workers import WorkersVoter
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot, Voter, VoterReport
from labelmend.llm.voters import collect_votes, open_voter
from labelmend.parallel import LOCAL
from labelmend.relabel.evidence.base import Corpus, Phase, Resources
from labelmend.types import NO_LABEL, Bools, Floats, Ints
from labelmend.weights.locate import LocatedModel


class VoterSource:
    """One LLM's log-scores of the labels on its ballots; the given label is not marked there.

    Args:
        config: its settings.
        model: the located model, which is loaded for each call and freed after it.
        store: remembers votes.
    """

    phase: Phase = "escalated"
    needs = frozenset(("texts", "cards"))

    def __init__(self, config: VoterConfig, model: LocatedModel, store: Store) -> None:
        self.name = model.name
        self.candidates = config.candidates
        self.exemplars = config.exemplars
        self.unscored: int | None = None
        self.limit = math.inf
        self.asked: Bools = np.zeros(0, dtype=bool)
        self.report = VoterReport(model.name, 0, 0, {}, 0.0)
        self._config, self._model, self._store = config, model, store

    @classmethod
    def for_run(cls, corpus: Corpus, resources: Resources) -> Sequence[Self]:
        """Return one source a voter of the profile."""
        return [cls(config, model, resources.store) for config, model in resources.models.voters]

    def fit(self, corpus: Corpus, memberships: csr_array | None, turn: int) -> Self:
        """Take the texts, and the label cards with the exemplars that ballots show."""
        self._corpus = corpus
        oos = corpus.oos
        # What fits no label resembles no message, so a text's likelihood under it says nothing.
        read = self._config.ballot == "choice" or oos is None or corpus.cards[oos].source == "user"
        self.unscored = None if read else oos
        return self

    def score(self, texts: Ints, candidates: Ints) -> Floats:
        """Put one ballot a text to the model, in the order given.

        Args:
            texts: int64 [b].
            candidates: int64 [b, c]; `NO_LABEL` fills up.

        Returns:
            float32 [b, c], log-scores; NaN where there is no vote.
        """
        on_ballot = candidates != NO_LABEL
        ballots = [
            Ballot(self._corpus.texts[i], tuple(self._corpus.cards[k] for k in labels[mask]))
            for i, labels, mask in zip(texts, candidates, on_ballot, strict=True)
        ]
        voter = self._opened()
        try:
            votes, self.report = collect_votes(
                voter, ballots, self._store, self._corpus.progress, limit=self.limit
            )
        finally:
            voter.close()
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)
        self.asked = np.zeros(len(texts), dtype=bool)
        for row, (mask, vote) in enumerate(zip(on_ballot, votes, strict=True)):
            if vote.scores is not None:
                scores[row, mask] = vote.scores
            self.asked[row] = vote.scores is not None or vote.failure is not None
        return scores

    def _opened(self) -> Voter:
        """Return the voter: a model of this process, on its servers, or in other processes."""
        executor = self._corpus.executor
        if self._config.server is None and executor is not LOCAL:
            return WorkersVoter(self._config, self._model, executor)
        return open_voter(self._config, self._model)
