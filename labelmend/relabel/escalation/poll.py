"""The poll: which ballots go to the voters, and what their votes are as evidence."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import Config, VoterConfig
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot, VoterReport
from labelmend.llm.voters import collect_votes, open_voter
from labelmend.protocols import Progress
from labelmend.relabel.escalation.exemplars import with_exemplars
from labelmend.relabel.escalation.label_bias import without_label_bias
from labelmend.relabel.escalation.routing import (
    FEWEST,
    Routing,
    Voted,
    counts_in_learning,
    shortlist,
    worth_asking,
)
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.types import NO_LABEL, Bools, Doubles, Evidence, Floats, LabelCard
from labelmend.weights.locate import LocatedModel

_BLOCK_IN_ORDER = 64
"""Texts that are sorted among themselves by their labels where time may run out."""


@dataclass(frozen=True)
class Polled:
    """What the voters said.

    Attributes:
        evidence: of each voter, over the kept candidates, its liking for single labels taken out.
        reports: of each voter.
        voted: bool [u], texts that any of them saw.
        drawn: bool [u], texts that they were asked about since they were drawn at random.
    """

    evidence: tuple[Evidence, ...]
    reports: tuple[VoterReport, ...]
    voted: Bools
    drawn: Bools


@dataclass(frozen=True)
class Poll:
    """What the voters are asked about.

    Attributes:
        texts: the distinct ones, [u].
        cards: one a label.
        exemplars: the user's own, by label.
        oos: index of the out-of-scope label, or None.
        given: float64 [u, c], rows of each text given each kept candidate.
        fit: the posterior of all evidence but the routed.
        routing: which texts may be voted on.
        config: of the run.
        store: remembers votes.
        progress: advances by votes.
    """

    texts: tuple[str, ...]
    cards: tuple[LabelCard, ...]
    exemplars: Mapping[str, tuple[str, ...]]
    oos: int | None
    given: Doubles
    fit: Fit
    routing: Routing
    config: Config
    store: Store
    progress: Progress

    def hold(self, voters: Sequence[tuple[VoterConfig, LocatedModel]]) -> Polled:
        """Put the routed texts to the voters, one model at a time."""
        routed = self.routing.voted(self.config.routing, self.config.seed)
        drawn = np.isin(np.arange(len(self.texts)), routed.drawn)
        candidates = self.fit.posterior.candidates
        believed = np.exp(self.fit.log_prior[:, : candidates.shape[1]])
        voted = np.zeros(len(self.texts), dtype=bool)
        evidence, reports = [], []
        left = 60 * self.config.routing.llm_minutes or math.inf
        for place, (config, model) in enumerate(voters):
            limit = left / (len(voters) - place)
            scores, asked, report = self._ask(routed, config, model, limit)
            left = max(left - report.spent, 0.0)
            counts = counts_in_learning(self.routing.doubtful, drawn, scores)
            scores = without_label_bias(scores, candidates, believed, counts, len(self.cards))
            evidence.append(Evidence(model.name, scores))
            reports.append(report)
            voted[asked] = True
        return Polled(tuple(evidence), tuple(reports), voted, drawn)

    def _ask(
        self, routed: Voted, config: VoterConfig, model: LocatedModel, limit: float
    ) -> tuple[Floats, list[int], VoterReport]:
        """Ask one voter, for `limit` seconds at most.

        Returns:
            its log-scores, float32 [u, c], NaN where it has no vote; the texts it saw; its report.
        """
        candidates = self.fit.posterior.candidates
        cards = with_exemplars(
            self.cards,
            self.texts,
            self.fit.posterior,
            self.routing.settled,
            self.exemplars,
            self.oos,
            config.exemplars,
        )
        texts, unscored = routed.texts, self._unscored(config)
        columns = shortlist(self.fit, self.given, texts, config.candidates, unscored)
        labels = np.take_along_axis(candidates[texts], columns, axis=1)
        stays = worth_asking(
            self.fit,
            self.given,
            texts,
            columns,
            np.not_equal(labels, NO_LABEL if unscored is None else unscored),
            self.config.routing.cut_below,
        )
        # Texts that share labels follow each other, so that their prefixes are still in the cache;
        # where time may run out, only within blocks of those where a vote can change most, and the
        # drawn ones stay as they were drawn: what was asked by then is to be a random part of them.
        blocks = np.zeros(len(texts), dtype=np.int64)
        if self.config.routing.llm_minutes > 0:
            blocks = np.arange(len(texts)) - len(routed.drawn)
            blocks[blocks > 0] //= _BLOCK_IN_ORDER
        order = np.lexsort((*labels.T[::-1], blocks))
        places, ballots = [], []
        for text, row, on_ballot in zip(texts[order], columns[order], stays[order], strict=True):
            shown = row[on_ballot]
            if len(shown) < FEWEST:
                continue
            places.append((text, shown))
            on_it = tuple(cards[label] for label in candidates[text, shown])
            ballots.append(Ballot(self.texts[text], on_it))
        voter = open_voter(config, model)
        try:
            votes, report = collect_votes(voter, ballots, self.store, self.progress, limit=limit)
        finally:
            voter.close()
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)
        asked = []
        for (text, shown), vote in zip(places, votes, strict=True):
            if vote.scores is not None:
                scores[text, shown] = vote.scores
            if vote.scores is not None or vote.failure is not None:
                asked.append(text)
        return scores, asked, report

    def _unscored(self, config: VoterConfig) -> int | None:
        """Return the label that a voter can't score: what fits no label resembles no message."""
        if self.oos is None or config.ballot == "choice" or self.cards[self.oos].source == "user":
            return None
        return self.oos
