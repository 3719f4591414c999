"""The self-test: is the harm budget kept? Known errors are mended, and what comes of it is counted.

The mended labels are taken for the truth. Errors are drawn into them at the learned rate, and the
LLM-free part mends them again. Half of the errors are of the learned kind, which knows no
difficulty; half fall on texts of which the evidence is in doubt, towards labels that it finds
plausible for them, as people err. That is assumed: the table does not show it. What the mending is
blind to stays unseen: an error that it missed is part of this truth, and rows under review, the
hardest ones, are not counted.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, eye_array

from labelmend.arrays import share
from labelmend.configs.schema import ChannelConfig, Config, DecisionConfig
from labelmend.protocols import Progress
from labelmend.relabel.labelmodel.decisions import spendable
from labelmend.relabel.labelmodel.noise_channel import LearnedChannel, observe
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.result import SelfTest
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Floats, Ints, Share
from labelmend.voice.speak import meant, note

_NO_NOISE = 0.0005
"""An estimated noise rate below this is printed as 0.0 % and taken for none."""

_MOST_RATE = 0.95
"""Of a label: some of its texts keep it, whatever the channel says."""

_LEAST_LABELS = 2
"""With one label there is no error."""

_BLOCK_VALUES = 1 << 21
"""Probabilities that are held at a time while errors are drawn."""

_HAIR = 1e-9
"""Relative margin that makes up for rounding."""


@dataclasses.dataclass(frozen=True)
class Noise:
    """How annotators err, as a run has learned it.

    Attributes:
        learned: the noise channel.
        prototypes: float32 [K, d], unit rows (zeros where a label has no text).
        oos: index of the out-of-scope label, or None.
        config: by which the channel was learned.
    """

    learned: LearnedChannel
    prototypes: Floats
    oos: int | None
    config: ChannelConfig

    def rows(self, true: Ints) -> Doubles:
        """Return P(g | k) of labels int64 [b], float64 [b, K]."""
        size = len(self.prototypes)
        # As many texts as labels, the first one given the first label, and so on.
        candidates = np.tile(true, (size, 1))
        texts = csr_array(eye_array(size))
        seen = observe(texts, candidates, self.prototypes, self.oos, self.config)
        return np.exp(self.learned.for_others(seen).log_likelihood(seen)).T


@dataclasses.dataclass(frozen=True)
class Plausible:
    """What the evidence, without the given labels, holds for possible.

    Attributes:
        candidates: int64 [u, c], distinct in a row.
        probabilities: float64 [u, c], rows sum to 1 at most.
    """

    candidates: Ints
    probabilities: Doubles

    def others(self, texts: Ints, true: Ints) -> tuple[Ints, Doubles]:
        """Return candidates int64 [b, c] and probabilities float64 [b, c], 0 for the true label."""
        candidates = self.candidates[texts]
        return candidates, np.where(candidates == true[:, None], 0.0, self.probabilities[texts])


class NamedProgress:
    """Passes progress on, with a name before each stage's."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._progress = progress

    def start(self, stage: str, total: int) -> None:
        """A stage begins."""
        self._progress.start(f"{self._name}: {stage}", total)

    def advance(self, steps: int = 1) -> None:
        """Steps are done."""
        self._progress.advance(steps)


def measure(
    dataset: Dataset,
    text_of: Ints,
    decisions: Decisions,
    noise: Noise,
    mend: Callable[[Ints], Decisions],
    config: Config,
    runs: int,
    plausible: Plausible | None = None,
) -> SelfTest:
    """Draw errors into the mended labels, mend them again, and count.

    With several runs the counts are pooled; since all runs share their texts, the intervals are
    then narrower than they should be.

    Args:
        dataset: n rows.
        text_of: int64 [n], the distinct text of each row.
        decisions: what the real run did.
        noise: what the real run has learned of the annotators' errors.
        mend: mends given labels int64 [n] of the same rows, with the full harm budget.
        config: its seed and harm budget, and the rate where there is no noise.
        runs: times that errors are drawn, each with a seed of its own.
        plausible: what the evidence holds for possible; without it all errors are of the learned
            kind.
    """
    truth, scored = presumed_truth(dataset, decisions)
    labelled = dataset.given != NO_LABEL
    estimated = float(1 - decisions.quality[labelled].mean()) if labelled.any() else 0.0
    max_harm = config.decision.max_harm
    if not scored.any() or len(dataset.labels) < _LEAST_LABELS:
        return _nothing_tested(estimated, max_harm)
    notes = []
    rate = estimated
    if estimated < _NO_NOISE:
        rate = config.diagnostics.self_test_rate
        notes.append(note(_NO_NOISE_NOTE, rate=rate))
    counts = []
    for run in range(runs):
        generator = np.random.default_rng([config.seed, run])
        easy = rate if plausible is None else rate / 2
        noisy, forced = draw_errors(truth, scored, text_of, noise, easy, generator)
        hard = np.zeros(len(truth), dtype=bool)
        if plausible is not None:
            learned = noisy
            noisy = draw_hard_errors(truth, learned, text_of, plausible, rate / 2, generator)
            hard = noisy != learned
        if forced:
            notes.append(note(_FORCED_NOTE, rate=rate))
        counts.append(_count(truth, noisy, scored, hard, mend(noisy), config.decision))
    total = _Counts(
        injected=sum(c.injected for c in counts),
        fixed=sum(c.fixed for c in counts),
        detected=sum(c.detected for c in counts),
        good=sum(c.good for c in counts),
        expected=sum(c.expected for c in counts),
        spent=np.concatenate([c.spent for c in counts]),
        hard=sum(c.hard for c in counts),
        hard_fixed=sum(c.hard_fixed for c in counts),
    )
    if plausible is not None:
        notes.append(_HARD_NOTE)
    factor, broken_at_factor = affordable(total.spent, total.good, max_harm)
    harm = share(len(total.spent), total.good)
    return SelfTest(
        runs=runs,
        estimated_rate=estimated,
        injected_rate=total.injected / (runs * int(scored.sum())),
        recovery=share(total.fixed, total.injected),
        detection=share(total.detected, total.injected),
        harm=harm,
        expected_broken=total.expected,
        budget=max_harm,
        factor=factor,
        broken_at_factor=broken_at_factor,
        withdrawn=0,
        verdict=note(_WITHIN, **_facts(harm), budget=max_harm),
        notes=tuple(dict.fromkeys(notes)),
        hard=None if plausible is None else share(total.hard_fixed, total.hard),
    )


_NO_NOISE_NOTE = meant("self-test: no noise is estimated, so errors are drawn at {rate:.0%}")
_FORCED_NOTE = meant("self-test: no error was drawn at {rate:.2%}, so one was made")

_WITHIN = meant(
    "Self-test: {broken:,} of {good:,} good labels broken ({share:.2%}, 95% interval {low:.2%} to "
    "{high:.2%}), within the budget of {budget:.2%}: nothing changes"
)

_HARD_NOTE = meant(
    "self-test: it assumes that half of the errors fall on texts of which the evidence is in "
    "doubt, towards labels that are plausible for them; errors that follow a rule are not drawn"
)


def tighten(
    test: SelfTest, decisions: Decisions, decide_within: Callable[[float], Decisions]
) -> tuple[SelfTest, Decisions]:
    """Decide again with so much of the budget as the self-test could afford; never with more.

    Args:
        test: from `measure`.
        decisions: of the real run, at the full budget.
        decide_within: decides on the real run's posterior with another harm budget.

    Returns:
        the test with its verdict, and the decisions, which are the same if the budget was kept.
    """
    if test.factor >= 1:
        return test, decisions
    after = decide_within(test.budget * test.factor)
    withdrawn = decisions.actions.count("change") - after.actions.count("change")
    verdict = note(
        "Self-test: {broken:,} of {good:,} good labels broken ({share:.2%}, 95% interval {low:.2%} "
        "to {high:.2%}), more than the budget of {budget:.2%}: the decision threshold is tightened "
        "to spend {spent:.1%} of the budget, which takes back {withdrawn:,} "
        "{withdrawn:one=change|other=changes}"
        if withdrawn
        else "Self-test: {broken:,} of {good:,} good labels broken ({share:.2%}, 95% interval "
        "{low:.2%} to {high:.2%}), more than the budget of {budget:.2%}: the decision threshold is "
        "tightened to spend {spent:.1%} of the budget, which takes back no change of this run",
        **_facts(test.harm),
        budget=test.budget,
        spent=test.factor,
        withdrawn=withdrawn,
    )
    return dataclasses.replace(test, withdrawn=withdrawn, verdict=verdict), after


def notes_on_test(test: SelfTest | None) -> tuple[str, ...]:
    """Return what must not be missed of a self-test: that it changed the run, and its limits."""
    if test is None:
        return ()
    return (*test.notes, test.verdict) if test.factor < 1 else test.notes


def presumed_truth(dataset: Dataset, decisions: Decisions) -> tuple[Ints, Bools]:
    """Return the labels that the test takes for true, int64 [n], and the rows that it scores.

    Kept and changed rows have their mended label and are scored. Rows under review have their
    proposed one, so that the data are as full as before, and are not: nobody knows their truth.
    Rows that came without a label stay without.
    """
    actions = np.array(decisions.actions, dtype=object)
    scored = ((actions == "keep") | (actions == "change")) & (dataset.given != NO_LABEL)
    truth = np.where(actions == "review", decisions.proposed, decisions.mended)
    return np.where(dataset.given != NO_LABEL, truth, NO_LABEL), scored


def draw_errors(
    truth: Ints,
    scored: Bools,
    text_of: Ints,
    noise: Noise,
    rate: float,
    generator: np.random.Generator,
) -> tuple[Ints, bool]:
    """Make labels wrong as the noise channel does, row by row.

    The channel says how labels differ in their rate and which wrong label is written; `rate` is
    the mean over all labelled rows. Rows of one text and label are alike, so the order of rows
    changes nothing.

    Args:
        truth: int64 [n], or `NO_LABEL`.
        scored: bool [n], rows of which at least one is made wrong.
        text_of: int64 [n], the text of each row.
        noise: how annotators err; at least two labels.
        rate: share of the labelled rows that is made wrong, in expectation.
        generator: draws two numbers a labelled row.

    Returns:
        int64 [n], and whether one label was made wrong because none was drawn.
    """
    order = np.lexsort((scored, truth, text_of))
    rows = order[truth[order] != NO_LABEL]
    uniform, place = generator.random((2, len(rows)))
    labels, at = np.unique(truth[rows], return_inverse=True)
    wrong_rate = np.empty(len(labels))
    other = np.empty(len(rows), dtype=np.int64)
    step = max(1, _BLOCK_VALUES // len(noise.prototypes))
    for start in range(0, len(labels), step):
        block = labels[start : start + step]
        wrong = noise.rows(block)
        own = (np.arange(len(block)), block)
        wrong_rate[start : start + step] = 1 - wrong[own]
        wrong[own] = 0.0
        for k in range(len(block)):
            here = at == start + k
            edges = np.cumsum(wrong[k])
            other[here] = np.searchsorted(edges, place[here] * edges[-1], side="right")
    by_row = wrong_rate[at]
    by_row = np.minimum(by_row * (rate / by_row.mean()), _MOST_RATE)
    wrong_rows = uniform < by_row
    forced = not (wrong_rows & scored[rows]).any()
    if forced:
        chance = np.where(scored[rows], by_row, 0.0)
        wrong_rows[generator.choice(len(rows), p=chance / chance.sum())] = True
    noisy = truth.copy()
    noisy[rows[wrong_rows]] = other[wrong_rows]
    return noisy, forced


def draw_hard_errors(
    truth: Ints,
    noisy: Ints,
    text_of: Ints,
    plausible: Plausible,
    rate: float,
    generator: np.random.Generator,
) -> Ints:
    """Make more labels wrong, where a text is hard and towards what is plausible for it.

    A row's chance is in proportion to the evidence's doubt of its true label, and the wrong label
    is drawn by the evidence's probabilities. Rows of one text and label are alike, so the order of
    rows changes nothing.

    Args:
        truth: int64 [n], or `NO_LABEL`.
        noisy: int64 [n], the same with other errors, which stay.
        text_of: int64 [n], the text of each row.
        plausible: of the texts.
        rate: share of the labelled rows that is made wrong, in expectation.
        generator: draws two numbers a labelled row.
    """
    order = np.lexsort((noisy, truth, text_of))
    rows = order[truth[order] != NO_LABEL]
    chance, place = generator.random((2, len(rows)))
    noisier = noisy.copy()
    candidates, others = plausible.others(text_of[rows], truth[rows])
    doubt = np.where(noisy[rows] == truth[rows], others.sum(axis=1), 0.0)
    if not doubt.any():
        return noisier
    wrong = chance < np.minimum(doubt * (rate * len(rows) / doubt.sum()), _MOST_RATE)
    edges = np.cumsum(others[wrong], axis=1)
    drawn = (edges <= (place[wrong] * edges[:, -1])[:, None]).sum(axis=1)
    noisier[rows[wrong]] = candidates[wrong, np.minimum(drawn, candidates.shape[1] - 1)]
    return noisier


def affordable(spent: Doubles, good: int, max_harm: float) -> tuple[float, int]:
    """Return the largest share of the budget whose realised harm is within it, at most 1.

    Args:
        spent: float64 [b], of each broken label the share of the budget that is spent when its row
            is changed; rows are changed in the order in which the budget is spent.
        good: number of good labels.
        max_harm: share of them that may be broken.

    Returns:
        the share, and how many good labels it breaks.
    """
    allowed = int(max_harm * good * (1 + _HAIR))
    if len(spent) <= allowed:
        return 1.0, len(spent)
    first_too_many = float(np.sort(spent)[allowed])
    return min(first_too_many * (1 - _HAIR), 1.0), int((spent < first_too_many).sum())


@dataclasses.dataclass(frozen=True)
class _Counts:
    """What one run of the test found, on scored rows.

    Attributes:
        injected: wrong labels.
        fixed: of these, changed to the truth.
        detected: of these, changed or under review.
        good: labels that were left right.
        expected: good ones among the changed, by the posterior.
        spent: float64 [b], of those that were broken; see `affordable`.
        hard: injected where the evidence is in doubt.
        hard_fixed: of these, changed to the truth.
    """

    injected: int
    fixed: int
    detected: int
    good: int
    expected: float
    spent: Doubles
    hard: int
    hard_fixed: int


def _count(
    truth: Ints,
    noisy: Ints,
    scored: Bools,
    hard: Bools,
    decisions: Decisions,
    config: DecisionConfig,
) -> _Counts:
    actions = np.array(decisions.actions, dtype=object)
    changed = actions == "change"
    injected, good = scored & (noisy != truth), scored & (noisy == truth)
    broken = good & changed
    spent = np.zeros(int(broken.sum()))
    budget = spendable(config) * decisions.expected_good
    if budget > 0:
        values, counts = np.unique(decisions.harm[changed], return_counts=True)
        cost = np.cumsum(values * counts)
        spent = cost[np.searchsorted(values, decisions.harm[broken])] / budget
    return _Counts(
        injected=int(injected.sum()),
        fixed=int((injected & (decisions.mended == truth)).sum()),
        detected=int((injected & (changed | (actions == "review"))).sum()),
        good=int(good.sum()),
        expected=float(decisions.harm[scored & changed].sum()),
        spent=spent,
        hard=int((scored & hard).sum()),
        hard_fixed=int((scored & hard & (decisions.mended == truth)).sum()),
    )


def _facts(harm: Share) -> dict[str, float]:
    """Return what a verdict says of the good labels that were broken."""
    counts = {"broken": harm.count, "good": harm.total}
    return {**counts, "share": harm.rate, "low": harm.low, "high": harm.high}


def _nothing_tested(estimated: float, max_harm: float) -> SelfTest:
    nothing = share(0, 0)
    return SelfTest(
        runs=0,
        estimated_rate=estimated,
        injected_rate=0.0,
        recovery=nothing,
        detection=nothing,
        harm=nothing,
        expected_broken=0.0,
        budget=max_harm,
        factor=1.0,
        broken_at_factor=0,
        withdrawn=0,
        verdict=note(
            "Self-test: nothing was tested, for no label is sure enough to be taken for true"
        ),
        notes=(),
    )
