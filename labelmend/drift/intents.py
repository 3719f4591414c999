"""New intents: groups of doubtful texts that the reference hardly has.

A group is looked for in one half of the texts and tested on the other, whose texts had no say in
which group it is, and the other way round; Holm (1979) corrects over all groups. So what is named
is no chance, however many groups were looked at.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelmend.arrays import unit_rows
from labelmend.classify.classifier import Nearness
from labelmend.drift.group_words import distinctive_words
from labelmend.drift.sample import Sample
from labelmend.evaluation.compare import holm
from labelmend.parallel import blocks_of
from labelmend.types import Bools, Doubles, Floats, Ints

LEAST_TEXTS = 8
"""Of a new intent, in the log: fewer are no intent to train on, and no test would find them."""

_FAR = 0.05
"""Share of the reference's own texts that lie as far from the others as what is called far."""

_NEIGHBOURS = 5
"""Nearest texts of the reference whose mean cosine says how near a text is, as in classifiers."""

_CROWD = 8
"""Nearest texts among which those of the log are counted."""

_UNLIKELY = 0.05
"""Probability below which a crowd of the log is no chance; it only chooses what is grouped."""

_BLOCK = 512
"""Texts that are compared with all others at a time: memory depends on it, and no outcome."""

_MOST_GROUPED = 2000
"""Doubtful texts that are grouped at most: memory grows by the square."""

_MOST_LOOKED = 10_000
"""Texts of a half among which doubtful ones are looked for: on all of them groups are tested, which
takes next to nothing, and looking takes seconds on so many and hours on a hundred times as many."""

_MOST_PAIRS = 500
"""Texts of a label, at most, whose cosines say how alike texts of one label are."""

_EDGE = 0.25
"""Share of a group's own texts that lie beyond the edge within which others are counted as its."""

_NEW = 4.0
"""How many times as frequent as before a group is at least, to be new and not only larger."""

_SAME = 0.5
"""Share of the smaller one from which on two groups are one."""

_EXAMPLES = 20
"""Texts of a new intent that are shown and queued at most."""

_WORDS = 6
"""Of a new intent: what a person reads at a glance."""


@dataclass(frozen=True)
class NewIntent:
    """A group of texts that the reference hardly has.

    Attributes:
        name: made of its words, for a label that nobody has named yet.
        words: that set its texts apart, the most telling first.
        before: texts of the tested half of the reference that lie in it.
        before_of: texts of that half.
        now: texts of the tested half of the log that lie in it.
        now_of: texts of that half.
        p_value: that it is no more frequent now; after Holm's correction.
        rows: int64, all rows of the log in it, the most typical first.
        examples: int64, some of `rows`, of distinct texts.
        labels: what its texts are labelled now, the most frequent first, with their shares.
    """

    name: str
    words: tuple[str, ...]
    before: int
    before_of: int
    now: int
    now_of: int
    p_value: float
    rows: Ints
    examples: Ints
    labels: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Group:
    """A ball of texts: its centre, float32 [d], and the least cosine of a text in it."""

    centre: Floats
    edge: float

    def has(self, embeddings: Floats) -> Bools:
        inside: Bools = embeddings @ self.centre >= self.edge
        return inside


@dataclass(frozen=True)
class _Ball:
    """A group, held against the texts that had no say in it.

    Attributes:
        group: it.
        inside: bool, the texts of the whole log in it.
        counts: of the tested half of the reference, in it and in all, and of that of the log.
        p_value: that it is no more frequent in the log.
    """

    group: _Group
    inside: Bools
    counts: tuple[int, int, int, int]
    p_value: float

    @property
    def grew(self) -> bool:
        """Whether it is new, and no label that is asked for more often."""
        before, before_of, now, now_of = self.counts
        return now / now_of >= _NEW * (before + 1 / 2) / (before_of + 1)


def new_intents(
    before: Sample, now: Sample, level: float, seed: int, language: str | None = None
) -> tuple[float, tuple[NewIntent, ...]]:
    """Return the p of there being no new intent, and those that are no chance, the largest first.

    Args:
        before: the reference.
        now: the log, with texts.
        level: of significance, after the correction.
        seed: of the halves.
        language: of the texts, as an ISO 639 code.
    """
    assert now.texts is not None, "a log has texts"
    ours, theirs = now.halves(seed), before.halves(seed)
    balls: list[_Ball] = []
    for first, known in ((ours, theirs), (~ours, ~theirs)):
        if min(int(part.sum()) for part in (first, ~first, known, ~known)) > 1:
            balls += _balls(before, now, known, first, seed)
    adjusted = holm([ball.p_value for ball in balls])
    new = [
        (p, -int(ball.inside.sum()), place)
        for place, (p, ball) in enumerate(zip(adjusted, balls, strict=True))
        if ball.grew and int(ball.inside.sum()) >= LEAST_TEXTS
    ]
    chosen: list[_Ball] = []
    for p, _, place in sorted(one for one in new if one[0] < level):
        ball = replace(balls[place], p_value=p)
        if all(_overlap(ball.inside, other.inside) < _SAME for other in chosen):
            chosen.append(ball)
    intents = [_intent(ball, before, now, language) for ball in chosen]
    ordered = sorted(intents, key=lambda one: (-len(one.rows), one.p_value, one.name))
    return min((p for p, _, _ in new), default=1.0), _named_apart(ordered)


def _balls(before: Sample, now: Sample, known: Bools, first: Bools, seed: int) -> list["_Ball"]:
    """Group the doubtful texts of a half, and test the groups on the other.

    Args:
        before: the reference.
        now: the log.
        known: bool, the half of the reference that says what is known.
        first: bool, the half of the log whose texts are grouped.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    of_before, of_now = (_some(rows, _MOST_LOOKED, rng) for rows in (known, first))
    looked, found = before.embeddings[of_before], now.embeddings[of_now]
    strange = _far(looked, found) | _crowded(looked, found)
    for flags in (now.outside, now.doubtful):
        if flags is not None:
            strange |= flags[of_now]
    labels = None
    if before.labels is not None:
        labels = [before.labels[row] for row in of_before.tolist()]
    tested = before.embeddings[~known]
    balls = []
    for group in _groups(found[strange], _levels(looked, labels), seed):
        inside = group.has(now.embeddings)
        counts = (
            *(int(group.has(tested).sum()), len(tested)),
            *(int(inside[~first].sum()), int((~first).sum())),
        )
        balls.append(_Ball(group, inside, counts, _rarer(*counts)))
    return balls


def _some(chosen: Bools, most: int, rng: np.random.Generator) -> Ints:
    """Return int64, the rows that are chosen, or so many of them, in their order."""
    rows = np.flatnonzero(chosen)
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    return rows.astype(np.int64)


def _overlap(one: Bools, other: Bools) -> float:
    """Return the share of the smaller set that both have."""
    return float((one & other).sum() / max(1, min(int(one.sum()), int(other.sum()))))


def _far(reference: Floats, texts: Floats) -> Bools:
    """Return bool [n], texts that lie farther from the reference than nearly all of its own do."""
    nearness = Nearness(reference.astype(np.float16), _NEIGHBOURS)
    return np.asarray(nearness.of(texts) < np.quantile(_own(nearness, reference), _FAR), dtype=bool)


def _own(nearness: Nearness, reference: Floats) -> Doubles:
    """Return float64, how near texts of the reference are to its others; of many, some."""
    rows = np.arange(0, len(reference), -(-len(reference) // _MOST_GROUPED))
    return nearness.of(reference[rows], rows)


def _crowded(reference: Floats, texts: Floats) -> Bools:
    """Return bool [n], texts among whose nearest ones more are of the log than chance would have.

    It is how a new intent shows that lies among those known, where nothing is far.
    """
    from scipy.stats import binom

    whole = np.concatenate([reference, texts])
    count = min(_CROWD, len(whole) - 1)
    ours = np.zeros(len(texts), dtype=np.int64)
    for rows in blocks_of(len(texts), _BLOCK):
        cosines = texts[rows] @ whole.T
        own = np.arange(rows.start, rows.stop)
        cosines[own - rows.start, len(reference) + own] = -np.inf
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        ours[rows] = (nearest >= len(reference)).sum(axis=1)
    share = (len(texts) - 1) / (len(whole) - 1)
    return np.asarray(binom.sf(ours - 1, count, share) < _UNLIKELY, dtype=bool)


def _levels(reference: Floats, labels: Sequence[str] | None) -> tuple[float, ...]:
    """Return the mean cosines from which on texts belong together, the loosest first.

    What is in the middle between any two texts and two of one label, the latter, and that of a text
    and its nearest neighbours. Without labels these stand for a label.
    """
    some = reference[:: -(-len(reference) // _MOST_PAIRS)]
    apart = float(np.median((some @ some.T)[np.triu_indices(len(some), 1)]))
    nearness = Nearness(reference.astype(np.float16), _NEIGHBOURS)
    near = float(np.median(_own(nearness, reference)))
    whole = np.array(labels if labels is not None else [])
    together = []
    for label, count in sorted(Counter(filter(None, labels or ())).items()):
        own = reference[whole == label][:_MOST_PAIRS]
        if count > 1:
            together.append(float(np.median((own @ own.T)[np.triu_indices(len(own), 1)])))
    alike = float(np.median(together or [near]))
    return tuple(sorted({(apart + alike) / 2, alike, near}))


def _groups(texts: Floats, levels: Sequence[float], seed: int) -> list[_Group]:
    """Return groups of texts that are as alike on average as a level says."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(texts) > _MOST_GROUPED:
        rows = np.random.default_rng(seed).choice(len(texts), _MOST_GROUPED, replace=False)
        texts = texts[np.sort(rows)]
    # Half of the least, for the other half of the texts has the other half of it.
    least = LEAST_TEXTS // 2
    if len(texts) < least:
        return []
    distances = np.clip(1 - texts.astype(np.float64) @ texts.T, 0, 2)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    members: dict[bytes, Floats] = {}
    for level in levels:
        places = fcluster(tree, 1 - level, "distance")
        for place in range(1, int(places.max()) + 1):
            own = places == place
            if int(own.sum()) >= least:
                members.setdefault(own.tobytes(), texts[own])
    groups = []
    for own in members.values():
        centre = unit_rows(own.mean(axis=0, keepdims=True).astype(np.float32))[0]
        # Each text against the others, as further texts will be: it draws the centre to itself.
        others = unit_rows(own.sum(axis=0, keepdims=True) - own)
        groups.append(_Group(centre, float(np.quantile((own * others).sum(axis=1), _EDGE))))
    return groups


def _rarer(before: int, before_of: int, now: int, now_of: int) -> float:
    """Return the p of Fisher's exact test that something is no more frequent now."""
    from scipy.stats import hypergeom

    return float(hypergeom.sf(now - 1, before_of + now_of, before + now, now_of))


def _intent(ball: _Ball, reference: Sample, log: Sample, language: str | None) -> NewIntent:
    """Describe a group."""
    assert log.texts is not None, "a log has texts"
    group, inside = ball.group, ball.inside
    cosines: Doubles = (log.embeddings @ group.centre).astype(np.float64)
    texts = log.texts
    ranked = sorted(
        np.flatnonzero(inside).tolist(),
        key=lambda row: (-round(float(cosines[row]), 6), texts[row]),
    )
    rows = np.array(ranked, dtype=np.int64)
    seen: dict[str, int] = {}
    for row in ranked:
        seen.setdefault(texts[row], row)
    others = {text for text, own in zip(texts, inside, strict=True) if not own}
    others |= set(reference.texts or ())
    words = distinctive_words(tuple(seen), sorted(others - set(seen)), _WORDS, language)
    labels = Counter(log.labels[row] for row in rows.tolist()) if log.labels is not None else {}
    return NewIntent(
        name="_".join(words[:3]) or "new",
        words=words,
        before=ball.counts[0],
        before_of=ball.counts[1],
        now=ball.counts[2],
        now_of=ball.counts[3],
        p_value=ball.p_value,
        rows=rows,
        examples=np.array(list(seen.values())[:_EXAMPLES], dtype=np.int64),
        labels=tuple(
            (label, count / len(rows))
            for label, count in sorted(labels.items(), key=lambda one: (-one[1], one[0]))
        ),
    )


def _named_apart(intents: Sequence[NewIntent]) -> tuple[NewIntent, ...]:
    """Return intents of which no two share a name."""
    taken: Counter[str] = Counter()
    found = []
    for one in intents:
        taken[one.name] += 1
        number = taken[one.name]
        found.append(one if number == 1 else replace(one, name=f"{one.name}_{number}"))
    return tuple(found)
