"""What votes say of each label of a text, as evidence beside all other.

How well a voter tells labels where all else is clear says nothing of how well it does where a vote
is asked for: what is hard for the encoders may be hard for it as well. So a voter is weighed where
the other evidence is in doubt, each label of a text counting as far as it is, and by what it says
beyond that evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_expit, logit

from labelmend.configs.schema import VotesConfig
from labelmend.llm.types import VoterReport
from labelmend.relabel.assignments.fusion import Beliefs
from labelmend.relabel.assignments.poll import Polled
from labelmend.relabel.assignments.types import Votes
from labelmend.relabel.escalation.label_bias import without_label_bias
from labelmend.relabel.escalation.routing import counts_in_learning
from labelmend.relabel.escalation.voter_quality import against_chance
from labelmend.types import Doubles, Evidence, Ints

_LEAST = 1e-6
"""A probability is no nearer to 0 or 1."""

_LEAST_PART = 0.25
"""Of the variance of scores around what is believed, the part that the two means leave at least."""


@dataclass(frozen=True)
class Heard:
    """What came of a poll.

    Attributes:
        beliefs: with the votes.
        votes: of each voter, with what they are worth.
    """

    beliefs: Beliefs
    votes: tuple[Votes, ...]


@dataclass(frozen=True)
class _Part:
    """What one voter adds.

    Attributes:
        weight: nats that one of its own is worth.
        texts: int64 [m], of which it speaks.
        labels: int64 [m], and of which of their labels.
        nats: float64 [m], by which the log-odds of these are more.
    """

    weight: float
    texts: Ints
    labels: Ints
    nats: Doubles


@dataclass(frozen=True)
class _Worth:
    """What a voter is worth where the other evidence is in doubt.

    Attributes:
        weight: nats a nat of its scores.
        lean: of the scores, what they are more by a nat of the other evidence.
        middle: what is left of a score that speaks neither for nor against a label.
        told: nats that a label's score tells, on average.
    """

    weight: float
    lean: float
    middle: float
    told: float


_NOTHING = _Worth(0.0, 0.0, 0.0, 0.0)


def hear(beliefs: Beliefs, polled: Polled, config: VotesConfig) -> Heard:
    """Add what voters say to what is believed.

    Several are averaged, each by its share of what they tell, as where texts have one label: they
    err on the same texts. On a text that only some of them saw, the others' part is left unsaid.

    Args:
        beliefs: without any vote.
        polled: the votes.
        config: how votes are weighed.
    """
    judged, said, worth = [], [], []
    for votes in polled.votes:
        believed = _at(beliefs.holds, votes.labels)
        own = Evidence(votes.report.voter, votes.scores)
        (report,) = against_chance([votes.report], [own], votes.labels, believed, polled.drawn)
        scores = _scores(votes, believed, polled, config)
        evidence = _log_odds(_at(beliefs.evidence, votes.labels))
        judged.append(replace(votes, report=report))
        worse = report.worse_than_chance
        worth.append(_NOTHING if worse else _worth(scores, believed, evidence, config))
        said.append(scores - worth[-1].lean * evidence)
    total = sum(one.told for one in worth)
    parts = []
    for votes, scores, one in zip(judged, said, worth, strict=True):
        share = one.told / total if total else 0.0
        text, place = np.nonzero(~np.isnan(scores))
        nats = share * one.weight * (scores[text, place] - one.middle)
        parts.append(_Part(share * one.weight, text, votes.labels[text, place], nats))
    moved = _moved(beliefs, parts)
    heard = (
        replace(votes, weight=part.weight, report=_appraised(votes, part, moved.holds, polled))
        for votes, part in zip(judged, parts, strict=True)
    )
    return Heard(moved, tuple(heard))


def _at(holds: Doubles, labels: Ints) -> Doubles:
    """Return float64 [u, c], the probabilities of the labels on each ballot; 0 beyond it."""
    return np.where(labels < 0, 0.0, np.take_along_axis(holds, np.maximum(labels, 0), axis=1))


def _scores(votes: Votes, believed: Doubles, polled: Polled, config: VotesConfig) -> Doubles:
    """Return float64 [u, c], a voter's scores beside those of labels that seem not to hold.

    Its liking for single labels is taken out; NaN where it is silent.
    """
    counts = counts_in_learning(polled.doubtful, polled.drawn, votes.scores)
    labels = int(votes.labels.max(initial=0)) + 1
    plain = without_label_bias(
        votes.scores, votes.labels, believed, counts, labels, config.unbiased_texts
    )
    heard = ~np.isnan(plain)
    wrong = np.where(heard, 1 - believed, 0.0)
    known = np.where(heard, plain, 0.0).astype(np.float64)
    means = (wrong * known).sum(axis=1) / np.maximum(wrong.sum(axis=1), _LEAST)
    return np.where(heard, known - means[:, None], np.nan)


def _worth(scores: Doubles, believed: Doubles, evidence: Doubles, config: VotesConfig) -> _Worth:
    """Return what a voter is worth, by how its scores rise with what is believed.

    Were it known which labels hold, the scores of these and of the others would have two means and
    about one variance, and their log-likelihood ratio would be linear in the score (Fisher's
    discriminant). Regression on what is believed finds both means without knowing: what is
    believed has the right mean at each probability. Each label counts by the variance of its being
    so or not.

    What the other evidence says of a label is in that regression as well: a voter that repeats it
    tells nothing new. So what counts is how far its scores agree with what was given, of which
    neither knows. That has to be there beyond its standard error, in which a text's labels are one
    observation; what is within it is left out.

    Args:
        scores: float64 [u, c]; NaN where the voter is silent.
        believed: float64 [u, c], the probability that each label holds.
        evidence: float64 [u, c], the log-odds of that by the other evidence alone.
        config: how votes are weighed.
    """
    heard = ~np.isnan(scores)
    counts = np.where(heard, believed * (1 - believed), 0.0)
    total = float(counts.sum())
    if not total:
        return _NOTHING

    def less_mean(values: Doubles) -> Doubles:
        return values - float((counts * values).sum()) / total

    known = np.where(heard, scores, 0.0)
    said, likely, usual = less_mean(known), less_mean(evidence), less_mean(believed)
    spread = float((counts * likely**2).sum())
    by_evidence = float((counts * likely * usual).sum()) / spread if spread else 0.0
    own = usual - by_evidence * likely
    open_part = float((counts * own**2).sum())
    if open_part < _LEAST * total:
        return _NOTHING
    # Each voter starts with some texts of which it says nothing: on few it is right by chance.
    texts = int(heard.any(axis=1).sum())
    rise = float((counts * own * said).sum()) / open_part
    rise *= texts / (texts + config.undecided_texts)
    lean = float((counts * likely * (said - rise * usual)).sum()) / spread if spread else 0.0
    off = said - rise * usual - lean * likely
    error = float(np.sqrt(((counts * own * off).sum(axis=1) ** 2).sum())) / open_part
    sure = max(rise - error, 0.0)
    if not sure:
        return _NOTHING
    # What is left beside the line is also that each label holds or doesn't.
    around, unknown = float((counts * off**2).sum()), float((counts**2).sum()) * rise**2
    variance = max(around - unknown, _LEAST_PART * around) / total
    weight = min(sure / max(variance, _LEAST), config.max_weight)
    # Half way between both means a score tells nothing.
    rest = known - lean * evidence
    middle = float((counts * (rest - sure * (believed - _EVEN))).sum()) / total
    return _Worth(weight, lean, middle, weight * sure / 2)


def _moved(beliefs: Beliefs, parts: Sequence[_Part]) -> Beliefs:
    """Return beliefs whose log-odds are more by what votes add; the others keep each bit."""
    nats = np.zeros(beliefs.holds.shape)
    for part in parts:
        nats[part.texts, part.labels] += part.nats

    def moved(probabilities: Doubles) -> Doubles:
        found = probabilities.copy()
        which = nats != 0
        found[which] = expit(_log_odds(probabilities[which]) + nats[which])
        return found

    return replace(
        beliefs,
        holds=moved(beliefs.holds),
        cautious=moved(beliefs.cautious),
        evidence=moved(beliefs.evidence),
    )


def _log_odds(probabilities: Doubles) -> Doubles:
    return np.asarray(logit(np.clip(probabilities, _LEAST, 1 - _LEAST)))


def _appraised(votes: Votes, part: _Part, holds: Doubles, polled: Polled) -> VoterReport:
    """Say how often a voter's first choice is believed to hold, and how much it tells.

    The information is the mean over the drawn texts of log q - log q', in nats and summed over the
    labels of a ballot: q is the probability of what is believed of a label, q' the same without the
    voter.

    Args:
        votes: its own.
        part: what it adds.
        holds: float64 [u, L], with all voters.
        polled: says which texts were drawn.
    """
    spoken = polled.drawn & ~np.isnan(votes.scores).all(axis=1)
    if not spoken.any():
        return votes.report
    first = np.nanargmax(votes.scores[spoken], axis=1)
    chosen = np.take_along_axis(votes.labels[spoken], first[:, None], axis=1)
    agreement = float((np.take_along_axis(holds[spoken], chosen, axis=1) > _EVEN).mean())
    counts = spoken[part.texts]
    now = _log_odds(holds[part.texts[counts], part.labels[counts]])
    side = np.where(now > 0, 1.0, -1.0)
    before = now - part.nats[counts]
    gained = log_expit(side * now) - log_expit(side * before)
    information = float(gained.sum() / spoken.sum())
    return replace(votes.report, agreement=agreement, information=information)


_EVEN = 0.5
"""What is likelier than not is believed."""
