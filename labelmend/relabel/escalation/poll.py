"""The poll: which ballots go to the voters, and what their votes are as evidence."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from labelmend.configs.schema import RoutingConfig, VotesConfig
from labelmend.llm.types import VoterReport
from labelmend.relabel.escalation.exemplars import with_exemplars
from labelmend.relabel.escalation.label_bias import without_label_bias
from labelmend.relabel.escalation.routing import (
    FEWEST,
    Routing,
    Voted,
    asking_order,
    counts_in_learning,
    shortlist,
    worth_asking,
)
from labelmend.relabel.evidence.base import CastingVotes, Corpus, EvidenceSource
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.types import NO_LABEL, Bools, Doubles, Evidence, Floats, Ints


class Voting(EvidenceSource, CastingVotes, Protocol):
    """An escalated source that casts votes."""


def within_time(voters: Sequence[Voting], minutes: float) -> Iterator[Voting]:
    """Yield voters, each of which may take an even share of the time that those before it left.

    Args:
        voters: that are asked as they come.
        minutes: for all of them; 0 for no limit.
    """
    left = 60 * minutes or math.inf
    for place, voter in enumerate(voters):
        voter.limit = left / (len(voters) - place)
        yield voter
        left = max(left - voter.report.spent, 0.0)


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
        corpus: the texts and label cards.
        exemplars: the user's own, by label.
        given: float64 [u, c], rows of each text given each kept candidate.
        fit: the posterior of all evidence but the routed.
        routing: which texts may be voted on.
        config: of the routing.
        votes: how votes are made.
        seed: of the order in which the audit is asked.
    """

    corpus: Corpus
    exemplars: Mapping[str, tuple[str, ...]]
    given: Doubles
    fit: Fit
    routing: Routing
    config: RoutingConfig
    votes: VotesConfig
    seed: int

    def hold(self, voters: Sequence[Voting]) -> Polled:
        """Put the routed texts to the voters, one model at a time."""
        routed = self.routing.voted(self.config, self.seed)
        total = len(self.corpus.texts)
        drawn = np.isin(np.arange(total), routed.drawn)
        candidates = self.fit.posterior.candidates
        believed = np.exp(self.fit.log_prior[:, : candidates.shape[1]])
        voted = np.zeros(total, dtype=bool)
        evidence, reports = [], []
        for voter in within_time(voters, self.config.llm_minutes):
            with self.corpus.clock.stage(f"escalate: {voter.name}"):
                scores, asked = self._ask(routed, voter)
            counts = counts_in_learning(self.routing.doubtful, drawn, scores)
            labels = len(self.corpus.labels)
            scores = without_label_bias(
                scores, candidates, believed, counts, labels, self.votes.unbiased_texts
            )
            evidence.append(Evidence(voter.name, scores))
            reports.append(voter.report)
            voted[asked] = True
        return Polled(tuple(evidence), tuple(reports), voted, drawn)

    def _ask(self, routed: Voted, voter: Voting) -> tuple[Floats, Ints]:
        """Ask one voter.

        Returns:
            its log-scores, float32 [u, c], NaN where it has no vote; the texts it saw, int64.
        """
        candidates = self.fit.posterior.candidates
        cards = with_exemplars(
            self.corpus.cards,
            self.corpus.texts,
            self.fit.posterior,
            self.routing.settled,
            self.exemplars,
            self.corpus.oos,
            voter.exemplars,
            self.votes.surest_texts,
        )
        source = voter.fit(replace(self.corpus, cards=cards), None, 0)
        texts, unscored = routed.texts, voter.unscored
        columns = shortlist(self.fit, self.given, texts, voter.candidates, unscored)
        labels = np.take_along_axis(candidates[texts], columns, axis=1)
        stays = worth_asking(
            self.fit,
            self.given,
            texts,
            columns,
            np.not_equal(labels, NO_LABEL if unscored is None else unscored),
            self.config.cut_below,
        )
        order = asking_order(routed, labels, timed=self.config.llm_minutes > 0)
        order = order[stays[order].sum(axis=1) >= FEWEST]
        asked, shown, columns = texts[order], stays[order], columns[order]
        said = source.score(asked, np.where(shown, labels[order], NO_LABEL))
        scores = np.full(candidates.shape, np.nan, dtype=np.float32)
        row, place = np.nonzero(shown)
        scores[asked[row], columns[row, place]] = said[row, place]
        return scores, asked[voter.asked]
