"""The poll: what LLMs are asked where a text may have several labels, and what they say.

A ballot holds the labels that were given and the likeliest others, unmarked, and the voter says how
well each fits beside the others. So one reading of a text speaks of all labels that are in doubt.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from labelmend.configs.schema import Config
from labelmend.configs.schema.asking import MOST_OPTIONS
from labelmend.relabel.assignments.fusion import Beliefs
from labelmend.relabel.assignments.types import Votes
from labelmend.relabel.escalation.exemplars import with_exemplars_of_sets
from labelmend.relabel.escalation.poll import Voting, within_time
from labelmend.relabel.escalation.routing import Routing, Voted, asking_order, route_by_doubt
from labelmend.relabel.evidence.base import CastingVotes, Corpus, Resources
from labelmend.relabel.evidence.registry import open_sources
from labelmend.types import NO_LABEL, Bools, Doubles, Ints


@dataclass(frozen=True)
class Polled:
    """What all voters said.

    Attributes:
        votes: of each voter.
        drawn: bool [u], texts that they were asked about since they were drawn at random.
        doubtful: int64, texts in doubt, those first where a vote can change most.
    """

    votes: tuple[Votes, ...]
    drawn: Bools
    doubtful: Ints


@dataclass(frozen=True)
class Poll:
    """What the voters are asked about.

    Attributes:
        corpus: texts, embeddings and label cards, which have the user's exemplars.
        beliefs: without any vote.
        given: float64 [u, L], the share of a text's copies that were given each label.
        rows: int64 [u], copies of each text.
        answered: int64, texts that people answered; nobody else is asked about them.
        resources: models, settings and store.
    """

    corpus: Corpus
    beliefs: Beliefs
    given: Doubles
    rows: Ints
    answered: Ints
    resources: Resources

    def hold(self) -> Polled:
        """Put the doubtful texts, and some drawn at random, to the voters of the profile."""
        config: Config = self.resources.config
        opened = open_sources(config.evidence, self.corpus, self.resources, ("escalated",))
        voters = [
            cast(Voting, each.source)
            for each in opened
            if each.speaks and isinstance(each.source, CastingVotes)
        ]
        routing = self._routing(config)
        routed = routing.voted(config.routing, config.seed)
        votes = tuple(
            self._asked(voter, routing, routed, config)
            for voter in within_time(voters, config.routing.llm_minutes)
        )
        drawn = np.isin(np.arange(len(self.corpus.texts)), routed.drawn)
        return Polled(votes, drawn, routing.doubtful)

    def _routing(self, config: Config) -> Routing:
        holds = self.beliefs.holds
        doubt = np.minimum(holds, 1 - holds).sum(axis=1)
        known = np.isin(np.arange(len(doubt)), self.answered)
        found = route_by_doubt(doubt, config.routing, config.seed, self.rows)
        doubtful = found.doubtful[~known[found.doubtful]]
        return Routing(doubtful, found.audit & ~known)

    def _asked(self, voter: Voting, routing: Routing, routed: Voted, config: Config) -> Votes:
        """Ask one voter."""
        cards = with_exemplars_of_sets(
            self.corpus.cards,
            self.corpus.texts,
            self.beliefs.holds,
            routing.settled,
            {card.label: card.exemplars for card in self.corpus.cards},
            voter.exemplars,
            config.votes.surest_texts,
        )
        source = voter.fit(replace(self.corpus, cards=cards), None, 0)
        texts = routed.texts
        on_ballot = self._ballots(texts, voter.candidates)
        order = asking_order(routed, on_ballot, timed=config.routing.llm_minutes > 0)
        labels = np.full((len(self.corpus.texts), on_ballot.shape[1]), NO_LABEL)
        labels[texts] = on_ballot
        scores = np.full(labels.shape, np.nan, dtype=np.float32)
        scores[texts[order]] = source.score(texts[order], on_ballot[order])
        return Votes(labels, scores, voter.report)

    def _ballots(self, texts: Ints, candidates: int) -> Ints:
        """Return the labels on the ballot of each text, int64 [b, c]; `NO_LABEL` fills up.

        What was given is there, and the likeliest others by the evidence; a few of these, however
        many were given, so that the voter has something to compare them with. They stand in the
        order of the evidence, which does not betray what was given.
        """
        evidence, given = self.beliefs.evidence[texts], self.given[texts] > 0
        size = np.maximum(candidates, given.sum(axis=1) + _BESIDE)
        width = int(min(size.max(initial=0), MOST_OPTIONS, evidence.shape[1]))
        ties = np.broadcast_to(np.arange(evidence.shape[1]), evidence.shape)
        chosen = np.lexsort((ties, -evidence, ~given), axis=1)[:, :width]
        likely = np.take_along_axis(evidence, chosen, axis=1)
        likely[np.arange(width) >= size[:, None]] = -1.0
        order = np.lexsort((chosen, -likely), axis=1)
        found = np.take_along_axis(chosen, order, axis=1)
        beyond = np.take_along_axis(likely, order, axis=1) < 0
        return np.where(beyond, NO_LABEL, found)


_BESIDE = 2
"""Labels on a ballot beside those given, at least."""
