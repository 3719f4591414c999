"""Which texts reach the reranker and the voters, and with which candidates."""

from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import RoutingConfig
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import Bools, Doubles, Floats, Ints


@dataclass(frozen=True)
class Voted:
    """The texts that voters may see, each once, in the order in which they are asked.

    Attributes:
        drawn: int64, those of the audit, in an order drawn at random: on them voters are held to
            chance.
        doubtful: int64, the most doubtful of the others.
    """

    drawn: Ints
    doubtful: Ints

    @property
    def texts(self) -> Ints:
        """Return all of them, int64."""
        return np.concatenate([self.drawn, self.doubtful])


@dataclass(frozen=True)
class Routing:
    """The texts that need more evidence.

    Attributes:
        doubtful: int64 [r], unsettled texts, first those where a vote can change most: by the
            number of rows that are expected to be wrong now.
        audit: bool [u], texts drawn at random whatever their posterior.
    """

    doubtful: Ints
    audit: Bools

    @property
    def settled(self) -> Bools:
        """Return bool [u], the texts that are neither doubtful nor of the audit."""
        settled = ~self.audit
        settled[self.doubtful] = False
        return settled

    def first(self, most: int) -> Ints:
        """Return the `most` most doubtful texts (all for -1) and the audit, each once, int64."""
        doubtful = self.doubtful if most < 0 else self.doubtful[:most]
        audit = np.flatnonzero(self.audit)
        return np.concatenate([doubtful, audit[~np.isin(audit, doubtful)]])

    def voted(self, config: RoutingConfig, seed: int) -> Voted:
        """Return the texts that the voters may see.

        Where not all may be seen, the audit gets up to half of the room: without it nobody knows of
        a voter that is worse than chance.

        Args:
            config: how many they may see.
            seed: of the order of the audit, and so of its part where not all of it may be seen.
        """
        audit = np.random.default_rng(seed).permutation(np.flatnonzero(self.audit))
        if config.llm_rows < 0:
            doubtful, room = self.doubtful, len(self.audit)
        else:
            doubtful = self.doubtful[: config.llm_rows]
            room = int(config.llm_share * len(self.audit))
        # What is of the audit and in doubt takes one place.
        besides = np.cumsum(~np.isin(audit, doubtful))
        fits = int(np.searchsorted(besides, room - len(doubtful), side="right"))
        drawn = audit[: max(fits, min(len(audit), room // 2))]
        others = doubtful[~np.isin(doubtful, drawn)]
        return Voted(drawn, others[: room - len(drawn)])


def route(
    posterior: Posterior, config: RoutingConfig, seed: int, rows: Ints | None = None
) -> Routing:
    """Settled texts leave; the others go on, and a random audit with them.

    Args:
        posterior: of each text.
        config: when a text is settled, and the size of the audit.
        seed: of the audit.
        rows: int64 [u], of each text; None for one each. A vote can change as many decisions.
    """
    return route_by_doubt(1 - posterior.probabilities.max(axis=1), config, seed, rows)


def route_by_doubt(
    doubt: Doubles, config: RoutingConfig, seed: int, rows: Ints | None = None
) -> Routing:
    """Do the same where all that is known is how much of a text is expected to be wrong.

    Args:
        doubt: float64 [u], labels of each text that are expected to be wrong as they are believed.
        config: as for `route`.
        seed: of the audit.
        rows: int64 [u], of each text; None for one each.
    """
    unsettled = np.flatnonzero(1 - doubt < config.settled)
    total = len(doubt)
    audit = np.zeros(total, dtype=bool)
    drawn = np.random.default_rng(seed).choice(
        total, size=min(config.audit_rows, total), replace=False
    )
    audit[drawn] = True
    weighed = doubt * (1 if rows is None else rows)
    # Rounded, so that what is equal on paper keeps the order of the texts.
    order = np.argsort(-np.round(weighed[unsettled], 9), kind="stable")
    return Routing(unsettled[order], audit)


def asking_order(routed: Voted, labels: Ints, *, timed: bool) -> Ints:
    """Return the order in which texts are asked, int64 [b].

    Texts that share labels follow each other, so that their prefixes are still in the cache; where
    time may run out, only within blocks of those where a vote can change most, and the drawn ones
    stay as they were drawn: what was asked by then is to be a random part of them.

    Args:
        routed: the texts.
        labels: int64 [b, c], those on the ballot of each.
        timed: whether time may run out.
    """
    blocks = np.zeros(len(labels), dtype=np.int64)
    if timed:
        blocks = np.arange(len(labels)) - len(routed.drawn)
        blocks[blocks > 0] //= _BLOCK_IN_ORDER
    return np.lexsort((*labels.T[::-1], blocks))


_BLOCK_IN_ORDER = 64
"""Texts that are sorted among themselves by their labels where time may run out."""


def counts_in_learning(doubtful: Ints, drawn: Bools, scores: Floats) -> Doubles:
    """Return float64 [u]: how much each text counts where those that a voter saw stand for all.

    The most doubtful texts were all asked, down to some place in their order, so each stands for
    itself. The drawn ones stand for the rest, each for as many as there are to one of them: a
    stratified sample (Horvitz & Thompson 1952). All is scaled so that the sum is the number
    of texts, drawn at random, that would be worth as much (Kish 1965, "Survey sampling"): where the
    drawn ones stand for many, the doubtful texts add next to nothing to them.

    Args:
        doubtful: int64, texts in doubt, the most doubtful first.
        drawn: bool [u], texts that the voter was asked about since they were drawn at random.
        scores: float32 [u, c] of the voter, NaN where it is silent.
    """
    spoken = ~np.isnan(scores).all(axis=1)
    asked = np.zeros(len(scores), dtype=bool)
    beyond = np.flatnonzero((spoken & ~drawn)[doubtful])
    if len(beyond):
        asked[doubtful[: beyond[-1] + 1]] = True
    asked &= spoken
    stand_in = drawn & spoken & ~asked
    counts = asked.astype(np.float64)
    if stand_in.any():
        counts[stand_in] = (~asked).sum() / stand_in.sum()
    squares = float((counts**2).sum())
    return counts * (counts.sum() / squares) if squares else counts


def shortlist(
    fit: Fit, given: Doubles, texts: Ints, count: int, without: int | None = None
) -> Ints:
    """Return the candidates a model is asked about: the most probable, and the given one.

    Args:
        fit: its log-prior ranks the candidates without looking at the given label.
        given: float64 [u, c - tail], how many rows of a text were given each candidate.
        texts: int64 [b].
        count: candidates a text, at most.
        without: a label that the model can't score; it is chosen where there is no other.

    Returns:
        int64 [b, min(count, c - tail)]: columns of the kept candidates.
    """
    kept = fit.log_prior[texts][:, : given.shape[1]]
    candidates = fit.posterior.candidates[texts][:, : given.shape[1]]
    wanted = kept + _FORCED * (given[texts] > 0)
    if without is not None:
        wanted = np.where(candidates == without, -np.inf, wanted)
    chosen = np.argsort(-wanted, axis=1, kind="stable")[:, :count]
    # Shown in the order of the evidence, then of the label set, so that its place doesn't betray
    # the given label: among the candidates, what was given stands first.
    labels = np.take_along_axis(candidates, chosen, axis=1)
    order = np.lexsort((labels, -np.take_along_axis(kept, chosen, axis=1)), axis=1)
    return np.take_along_axis(chosen, order, axis=1)


def worth_asking(
    fit: Fit, given: Doubles, texts: Ints, columns: Ints, on_ballot: Bools, cut_below: float
) -> Bools:
    """Cut the candidates' lists where the evidence leaves the rest next to nothing.

    Two stay at least, and what was given always does: the noise channel speaks for it as the
    evidence does not, and whether it is kept is what a vote is to say. A candidate that leaves
    keeps its probability, whatever the vote.

    Args:
        fit: its log-prior says how probable the candidates are.
        given: float64 [u, c - tail], how many rows of a text were given each candidate.
        texts: int64 [b].
        columns: int64 [b, s], their candidates from `shortlist`.
        on_ballot: bool [b, s], those that the voter can score.
        cut_below: a list ends where all that would follow have together less than this share of
            the probability of all on the ballot.

    Returns:
        bool [b, s]: those of `on_ballot` that stay.
    """
    prior = np.take_along_axis(fit.log_prior[texts], columns, axis=1)
    prior = np.where(on_ballot, prior, -np.inf)
    best = prior.max(axis=1, keepdims=True, initial=-np.inf)
    mass = np.exp(prior - np.where(np.isneginf(best), 0.0, best))
    rest = mass[:, ::-1].cumsum(axis=1)[:, ::-1]
    told = np.take_along_axis(given[texts], columns, axis=1) > 0
    stays = on_ballot & ((rest >= cut_below * rest[:, :1]) | told)
    spare = on_ballot & ~stays
    short = np.flatnonzero((stays.sum(axis=1) < FEWEST) & spare.any(axis=1))
    stays[short, spare[short].argmax(axis=1)] = True
    return stays


FEWEST = 2
"""Candidates on a ballot: one is no question."""

_FORCED = 1e6
"""Nats that put the given label before all others."""
