"""What each voter was worth, judged on the audit: the texts drawn at random."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from labelmend.llm.types import VoterReport
from labelmend.relabel.labelmodel.fusion import Fit, contribution
from labelmend.types import Bools, Doubles, Evidence, Ints
from labelmend.voice.speak import note


def against_chance(
    reports: Sequence[VoterReport],
    evidence: Sequence[Evidence],
    candidates: Ints,
    believed: Doubles,
    drawn: Bools,
) -> tuple[VoterReport, ...]:
    """Hold each voter to a label drawn from its ballot at random; both are judged by what is known.

    Args:
        reports: of the voters.
        evidence: theirs, and maybe others', over the candidates.
        candidates: int64 [u, c], labels.
        believed: float64 [u, c], the probability without any of the voters that each holds.
        drawn: bool [u], the texts drawn at random.
    """
    scores = {source.source: source.scores for source in evidence}
    judged = []
    for report in reports:
        texts = _voted(scores[report.voter], drawn)
        on_ballot = ~np.isnan(scores[report.voter][texts])
        first = _first_choices(scores[report.voter][texts], candidates[texts])
        hit = np.take_along_axis(believed[texts], first[:, None], axis=1)[:, 0]
        size = np.maximum(on_ballot.sum(axis=1), 1)
        at_random = (believed[texts] * on_ballot).sum(axis=1) / size
        lift_over_chance = float((hit - at_random).mean()) if len(texts) else None
        judged.append(replace(report, audited=len(texts), lift_over_chance=lift_over_chance))
    return tuple(judged)


def appraised(
    reports: Sequence[VoterReport], evidence: Sequence[Evidence], fit: Fit, drawn: Bools
) -> tuple[VoterReport, ...]:
    """Say how often each voter agrees with the posterior, and how much it tells.

    The information is the mean over the drawn texts of log q(k) - log q'(k), in nats: q is the
    posterior before source errors, q' the same without the voter, and k the label that the
    posterior favours.

    Args:
        reports: of the voters.
        evidence: theirs, and maybe others'.
        fit: with all voters.
        drawn: bool [u], the texts drawn at random.
    """
    sources = {source.source: source for source in evidence}
    posterior = fit.posterior
    told = []
    for report in reports:
        source = sources[report.voter]
        own = source.scores
        texts = _voted(own, drawn)
        if not len(texts):
            told.append(report)
            continue
        candidates = posterior.candidates[texts]
        best = posterior.best()[0][texts]
        first = _first_choices(own[texts], candidates)
        agreement = float((np.take_along_axis(candidates, first[:, None], 1)[:, 0] == best).mean())
        information = None
        if report.voter in posterior.weights:
            nats = contribution(source, posterior, texts)
            place = (candidates == best[:, None]).argmax(axis=1)
            information = _information(fit, texts, nats, place)
        told.append(replace(report, agreement=agreement, information=information))
    return tuple(told)


def _information(fit: Fit, texts: Ints, nats: Doubles, place: Ints) -> float:
    joint = fit.log_prior[texts] + fit.log_likelihood[texts]
    without = joint.copy()
    without[:, : nats.shape[1]] -= nats
    rows = np.arange(len(texts))
    gained = log_softmax(joint, axis=1)[rows, place] - log_softmax(without, axis=1)[rows, place]
    return float(gained.mean())


def notes_on_voters(reports: Sequence[VoterReport]) -> tuple[str, ...]:
    """Name the voters that are worse than chance or fail, and those whose time was up."""
    worse = [
        note(
            "{voter} is worse than chance on {texts} texts drawn at random, so it got no weight; "
            "leave it out, or give it the other ballot",
            voter=r.voter,
            texts=r.audited,
        )
        for r in reports
        if r.worse_than_chance
    ]
    late = [
        note(
            "the time was up with {unasked:,} of {texts:,} texts unasked by {voter}; run again "
            "with a longer --llm-budget (routing.llm_minutes) to go on",
            unasked=r.unasked,
            texts=r.asked + r.unasked,
            voter=r.voter,
        )
        for r in reports
        if r.unasked
    ]
    failing = [
        note(
            "{voter} failed on {failed:,} of {texts:,} texts, mostly as {reason!r}; leave it out, "
            "or change its context_tokens, candidates or ballot, see docs/voters.md",
            voter=r.voter,
            failed=r.failed,
            texts=r.asked,
            reason=r.reasons[0][0],
        )
        for r in reports
        if r.failed > r.asked / 2
    ]
    return *worse, *failing, *late


def _voted(scores: np.ndarray, drawn: Bools) -> Ints:
    return np.flatnonzero(drawn & ~np.isnan(scores).all(axis=1))


def _first_choices(scores: np.ndarray, candidates: Ints) -> Ints:
    """Return the column of each text's best score; ties go to the smaller label index."""
    filled = np.where(np.isnan(scores), -np.inf, scores)
    tied = filled >= filled.max(axis=1, keepdims=True)
    chosen = np.where(tied, candidates, np.iinfo(np.int64).max).argmin(axis=1)
    return np.asarray(chosen, dtype=np.int64)
