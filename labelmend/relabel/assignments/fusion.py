"""Rounds of evidence and belief: whether each label holds at each text."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit, logit

from labelmend.arrays import principal_components
from labelmend.parallel import Executor
from labelmend.protocols import Progress
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.channel import learn_channel
from labelmend.relabel.assignments.classifier import FoldedLogits
from labelmend.relabel.assignments.recalibration import recalibrated
from labelmend.relabel.assignments.together import with_others
from labelmend.relabel.assignments.types import Channel
from labelmend.relabel.evidence.classifier import drawn_folds
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.types import Bools, Doubles, Floats, Ints

ROUNDS = 6
"""Of training and belief. Chosen by hand on NLU++ with other seeds than are reported."""

_FOLDS, _COMPONENTS = 8, 192
"""Of the out-of-fold classifier, as in tables with one label a row."""

_NEIGHBOURS, _SHARPNESS = 15, 10.0
"""Texts that a text asks, and how much more the nearest of them count."""

_BLOCK = 1024
"""Texts searched at a time."""

_FIRST, _LATER = 50, 25
"""Iterations of the solver in the first round, and in others, which start from the one before."""

_HURRIED = 15, 5
"""The same where there are more than so many texts times labels, for minutes' sake. On NLU++ they
find wrong assignments as well, and keep the budget (seed 10)."""

_MANY = 4_000_000
"""Texts times labels. Chosen by hand."""

_EVEN = 0.5
"""Share of copies from which on a label counts as given to a text."""

_MIDDLE = 0.5
"""What given labels say, between all and nothing of what the channel says."""

_WEIGHTS = (0.5, 0.5, 0.0, 0.0)
"""Of regression, neighbours, a label's share of all, and the offset, before any data: half of what
each says. Their prior has a deviation of 1, so that a few rows can't make evidence certain."""

_LEAST = 1e-4
"""A share of neighbours is no nearer to 0 or 1."""


@dataclass(frozen=True)
class Beliefs:
    """What is believed of assignments.

    How often people err in a like manner can't be seen from a table: where texts are hard, the
    evidence is in doubt, and given labels are wrong oftener than elsewhere. At one extreme errors
    know nothing of that, and given labels say all that the channel says; at the other they follow
    it, and say nothing. What is believed stands in the middle; what is changed has to be sure at
    both.

    Attributes:
        holds: float64 [n, L], probability that a label holds at a text, in the middle.
        cautious: float64 [n, L], the same where given labels say all that the channel says.
        evidence: float64 [n, L], the same where they say nothing.
        channel: the noise.
        near: int64 [n, k], the nearest other texts, the nearest first; -1 where there are fewer.
        spread: float64 [n, L], the standard deviation of the log-odds that a label holds, as far as
            answers are too few to tell; 0 without any.
    """

    holds: Doubles
    cautious: Doubles
    evidence: Doubles
    channel: Channel
    near: Ints
    spread: Doubles


def fuse(
    embeddings: Floats,
    given: Doubles | Bools,
    answers: AnsweredTexts,
    seed: int,
    executor: Executor,
    progress: Progress,
) -> Beliefs:
    """Learn what holds from the labels that were given, and from what like texts have.

    In each round, a logistic regression a label and the nearest texts say out of fold how likely a
    label is; three weights for all labels join them, and the channel adds what was given. Nobody's
    own labels, given or answered, are in the evidence on them. At the end a text's other labels say
    what they know of each.

    Args:
        embeddings: float32 [n, d], unit rows of distinct texts.
        given: float64 [n, L], the share of a text's copies that were given the label.
        answers: texts whose labels people know, which show by how much beliefs are off.
        seed: draws the folds.
        executor: trains folds side by side.
        progress: hears of each round.
    """
    features = principal_components(embeddings, _COMPONENTS)
    logits = FoldedLogits(features, drawn_folds(len(given), _FOLDS, seed), executor)
    near, weights = _near(embeddings, executor)
    given = given.astype(np.float64)
    holds = given
    first, later = (_FIRST, _LATER) if given.size <= _MANY else _HURRIED
    progress.start("believe", ROUNDS)
    for turn in range(ROUNDS):
        said = logits.fit(holds.astype(np.float32), later if turn else first)
        usual = np.clip(holds.mean(axis=0), _LEAST, 1 - _LEAST)
        shares = weights @ holds
        # A text's neighbours are few: a twentieth of what they say is the label's share of all.
        shares = np.clip(0.95 * shares + 0.05 * usual, _LEAST, 1 - _LEAST)
        evidence = _joined(said, logit(shares), logit(usual), holds, seed)
        channel = learn_channel(evidence, given)
        holds = channel.posterior(evidence, given)
        progress.advance()
    evidence = with_others(evidence, holds, drawn_folds(len(given), _FOLDS, seed + 1), executor)
    channel = learn_channel(evidence, given)
    holds = channel.posterior(evidence, given)
    middle = channel.posterior(evidence, given, _MIDDLE)
    if not len(answers.texts):
        return Beliefs(middle, holds, evidence, channel, near, np.zeros(holds.shape))
    # Rounds that had learned from the answers would find these texts better known than others.
    holds, spread = recalibrated(middle, evidence, given >= _EVEN, answers)
    holds[answers.texts], spread[answers.texts] = answers.holds, 0
    return Beliefs(holds, holds, evidence, channel, near, spread)


def _near(embeddings: Floats, executor: Executor) -> tuple[Ints, csr_array]:
    """Return the nearest texts of each, int64 [n, k], and what they weigh, sparse [n, n]."""
    found = find_neighbours(embeddings, _NEIGHBOURS, _BLOCK, executor=executor)
    weights = np.exp(_SHARPNESS * found.similarities.astype(np.float64))
    weights[found.indices < 0] = 0
    total = weights.sum(axis=1, keepdims=True)
    # A text that is alone has no neighbours.
    np.divide(weights, total, out=weights, where=total > 0)
    text, place = np.nonzero(weights)
    spread = (weights[text, place], (text, found.indices[text, place]))
    return found.indices, csr_array(spread, shape=(len(embeddings), len(embeddings)))


def _joined(said: Doubles, near: Doubles, usual: Doubles, holds: Doubles, seed: int) -> Doubles:
    """Join the evidence by a logistic regression on what is believed, one for all labels."""
    rows: Ints | slice = slice(None)
    if holds.size > _LEARNED_FROM:
        count = max(1, _LEARNED_FROM // holds.shape[1])
        rows = np.random.default_rng(seed).choice(len(holds), min(count, len(holds)), replace=False)
    own, others, target = said[rows], near[rows], holds[rows]

    def logits(weights: Doubles, own: Doubles, others: Doubles) -> Doubles:
        return np.asarray(weights[0] * own + weights[1] * others + weights[2] * usual + weights[3])

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        found = logits(weights, own, others)
        wrong = expit(found) - target
        slopes = [(wrong * own).sum(), (wrong * others).sum(), (wrong * usual).sum(), wrong.sum()]
        total = np.logaddexp(0, found).sum() - (target * found).sum()
        off = weights - _WEIGHTS
        total += 0.5 * (off**2).sum()
        return float(total) / target.size, (np.array(slopes) + off) / target.size

    best = minimize(loss, np.array(_WEIGHTS), jac=True, method="L-BFGS-B")
    return np.asarray(expit(logits(best.x, said, near)))


_LEARNED_FROM = 2_000_000
"""Assignments from which four numbers are learned at most, those of texts drawn by the seed."""
