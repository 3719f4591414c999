"""Escalation: the doubtful texts go to sources that are asked about some texts only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from labelmend.configs.schema import Config
from labelmend.llm.types import VoterReport
from labelmend.relabel.escalation.poll import Poll, Polled, Voting
from labelmend.relabel.escalation.routing import Routing, route
from labelmend.relabel.escalation.second_reading import Reading
from labelmend.relabel.escalation.vote_weights import vote_weights, within_ballots
from labelmend.relabel.escalation.voter_quality import against_chance, appraised
from labelmend.relabel.evidence.base import CastingVotes, Corpus, EvidenceSource
from labelmend.relabel.labelmodel.fusion import Fit, add_evidence, fuse_routed
from labelmend.relabel.labelmodel.majority import RERANKED, majority
from labelmend.relabel.labelmodel.rounds import Estimated
from labelmend.retrieval.candidates import Candidates
from labelmend.types import Bools, Doubles, Evidence, Ints


@dataclass(frozen=True)
class Escalated:
    """What came of it.

    Attributes:
        fit: with all evidence.
        evidence: of the escalated sources, over the kept candidates.
        reports: of the voters.
        voted: bool [u], texts that any voter saw.
    """

    fit: Fit
    evidence: tuple[Evidence, ...]
    reports: tuple[VoterReport, ...]
    voted: Bools


@dataclass(frozen=True)
class Escalation:
    """What the sources are asked about.

    Attributes:
        corpus: the texts and label cards.
        exemplars: the user's own, by label.
        rows: int64 [u], of each text.
        given: float64 [u, c - tail], rows of each text given each kept candidate.
        candidates: the labels that are looked at.
        estimated: the outcome of the rounds.
        config: of the run.
    """

    corpus: Corpus
    exemplars: Mapping[str, tuple[str, ...]]
    rows: Ints
    given: Doubles
    candidates: Candidates
    estimated: Estimated
    config: Config

    def carry_out(self, sources: Sequence[EvidenceSource]) -> Escalated:
        """Ask the sources, and fuse what they say."""
        config, estimated = self.config, self.estimated
        routing = route(estimated.fit.posterior, config.routing, config.seed, self.rows)
        voters = [cast(Voting, s) for s in sources if isinstance(s, CastingVotes)]
        reading = Reading(
            self.corpus,
            self.candidates,
            self.given,
            estimated.fit,
            routing,
            estimated.source_error_rate,
            config.fusion,
        )
        read: list[Evidence] = []
        for source in sources:
            if not isinstance(source, CastingVotes):
                with self.corpus.clock.stage(f"escalate: {source.name}"):
                    read += reading.ask(source)
        polled = Poll(
            self.corpus,
            self.exemplars,
            self.given,
            estimated.fit,
            routing,
            config.routing,
            config.votes,
            config.seed,
        ).hold(voters)
        if config.fusion.method == "majority":
            # Ballots are counted: what is none, but for the reranker's bar, has no say.
            evidence = (*(e for e in read if e.source in RERANKED), *polled.evidence)
            fit = majority(estimated.fit, evidence, self.given, self.corpus.oos, config.fusion)
            return Escalated(
                fit, evidence, appraised(polled.reports, evidence, fit, polled.drawn), polled.voted
            )
        return self._fused(routing, read, polled)

    def _fused(self, routing: Routing, read: Sequence[Evidence], polled: Polled) -> Escalated:
        fit, source_error_rate = self.estimated.fit, self.estimated.source_error_rate
        reports, votes = polled.reports, polled.evidence
        if read or votes:
            known = fit.posterior
            reports = against_chance(
                reports, votes, known.candidates, known.probabilities, polled.drawn
            )
            if read:
                fit = fuse_routed(
                    fit, read, self.candidates, routing.audit, source_error_rate, self.config.fusion
                )
            silenced = [report.worse_than_chance for report in reports]
            weights = vote_weights(
                votes, fit.posterior, routing.doubtful, silenced, self.config.votes
            )
            votes = within_ballots(votes, weights, fit)
            fit = add_evidence(fit, votes, weights, self.candidates, source_error_rate)
        evidence = (*read, *votes)
        reports = appraised(reports, evidence, fit, polled.drawn)
        return Escalated(fit, evidence, reports, polled.voted)
