"""New training rows from the log: texts whose right label somebody said.

An answer of a reviewer settles a text. Else the senders who spoke of it do, by majority; of a tie,
or where it was only said that the label is wrong, no row is made. A sender who gave more than a
share of all feedback gives no more than that share: so nobody fills the table alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.journal.entries import utc
from labelmend.journal.read import LoggedText, Word
from labelmend.journal.sets import agreed, labels_in, packed

MOST_SHARE = 0.2
"""Of the feedback that one sender may give to a table, if nothing else is said: five honest senders
are then enough to outvote none and be outvoted by none."""

FREE_ROWS = 50
"""Feedback of one sender that is taken whatever its share: a person who tries a model alone gives
some dozens."""

Settled = Literal["review", "feedback"]


@dataclass(frozen=True)
class NewRow:
    """A row for training.

    Attributes:
        of: the text.
        label: the right one; of several labels a text all of them, as `sets.packed` writes them.
        by: who settled it: a reviewer, or the senders who spoke of it.
        people: that said so.
    """

    of: LoggedText
    label: str
    by: Settled
    people: int


@dataclass(frozen=True)
class NewRows:
    """What the log gives to a training table.

    Attributes:
        rows: by the time at which each text was asked first.
        answers: what senders said, as answers of theirs, oldest first.
        beyond: words of senders who gave more than their share, which were left out.
        torn: texts of which as many say one label as another, or of which as many say that they
            have a label as that they have not.
        unnamed: texts whose label was called wrong, and nobody said which is right.
        unsure: texts of which a reviewer could not tell.
        strange: labels that are no label any more, with the words that named each.
    """

    rows: tuple[NewRow, ...]
    answers: tuple[Answer, ...]
    beyond: int
    torn: int
    unnamed: int
    unsure: int
    strange: Mapping[str, int]


@dataclass(frozen=True)
class RowRules:
    """How rows are made.

    Attributes:
        max_chars: characters of a text by which answers know it.
        oos: the label that "none of these" means; None where there is none.
        labels: that there are; empty where nobody knows.
        most_share: of all feedback that one sender may give.
        free_rows: feedback of one sender that is taken whatever its share.
        of_sets: a text may have several labels: what is said is a set of them.
    """

    max_chars: int
    oos: str | None
    labels: frozenset[str]
    most_share: float = MOST_SHARE
    free_rows: int = FREE_ROWS
    of_sets: bool = False

    def strange(self, label: str) -> tuple[str, ...]:
        """Return the labels that there are not of what somebody said."""
        named = labels_in(label) if self.of_sets else (label,)
        return tuple(one for one in named if self.labels and one not in self.labels)


def new_rows(texts: Sequence[LoggedText], reviewed: Iterable[Answer], rules: RowRules) -> NewRows:
    """Make rows of the texts of a log.

    Args:
        texts: of the log.
        reviewed: answers of reviewers; those of other texts are passed over.
        rules: how.
    """
    said: dict[str, list[Answer]] = defaultdict(list)
    for answer in reviewed:
        if not rules.of_sets or answer.task == "several":
            said[answer.text_sha256].append(answer)
    kept, beyond, strange = _within_share(texts, rules)
    rows: list[NewRow] = []
    answers: list[Answer] = []
    counts: Counter[str] = Counter()
    for text, words in zip(texts, kept, strict=True):
        key = text_sha256(text.text[: rules.max_chars])
        answers += [
            _answer(text, key, word, of_sets=rules.of_sets)
            for word in words
            if word.label is not None
        ]
        named = [label for answer in said[key] for label in _labels_of(answer, rules)]
        by: Settled = "review" if said[key] else "feedback"
        if not said[key]:
            named = [word.label for word in words if word.label is not None]
        label = agreed([labels_in(one) for one in named]) if rules.of_sets else _majority(named)
        if label is not None:
            rows.append(NewRow(text, label, by, named.count(label)))
        elif named:
            counts["torn"] += 1
        elif said[key]:
            counts["unsure"] += 1
        elif words:
            counts["unnamed"] += 1
    answers.sort(key=lambda one: (one.when, one.id, one.who))
    return NewRows(
        rows=tuple(rows),
        answers=tuple(answers),
        beyond=beyond,
        torn=counts["torn"],
        unnamed=counts["unnamed"],
        unsure=counts["unsure"],
        strange=dict(sorted(strange.items())),
    )


def _within_share(
    texts: Sequence[LoggedText], rules: RowRules
) -> tuple[list[list[Word]], int, Counter[str]]:
    """Return the words on each text that count, how many were too many, and strange labels.

    Of a sender who spoke too often, the first words count: what was honest before a flood stays.
    """
    strange: Counter[str] = Counter()
    named: list[tuple[int, Word]] = []
    for place, text in enumerate(texts):
        for word in text.words:
            unknown = () if word.label is None else rules.strange(word.label)
            if unknown:
                strange.update(unknown)
            else:
                named.append((place, word))
    totals = Counter(word.sender for _, word in named)
    allowed = {sender: _allowed(sender, totals, rules) for sender in totals}
    kept: list[list[Word]] = [[] for _ in texts]
    taken: Counter[str] = Counter()
    for place, word in sorted(named, key=lambda one: (one[1].at, texts[one[0]].last.id)):
        taken[word.sender] += 1
        if taken[word.sender] <= allowed[word.sender]:
            kept[place].append(word)
    beyond = sum(max(totals[one] - allowed[one], 0) for one in totals)
    return kept, beyond, strange


def _allowed(sender: str, totals: Mapping[str, int], rules: RowRules) -> int:
    """Return how many words of a sender count: their share of what is then left is not too much."""
    others = sum(totals.values()) - totals[sender]
    if rules.most_share >= 1:
        return totals[sender]
    share = int(others * rules.most_share / (1 - rules.most_share))
    return min(totals[sender], max(share, rules.free_rows))


def _majority(labels: Sequence[str]) -> str | None:
    """Return the label that more say than any other; None where there is none."""
    first = Counter(labels).most_common(2)
    if not first or (len(first) > 1 and first[0][1] == first[1][1]):
        return None
    return first[0][0]


def _labels_of(answer: Answer, rules: RowRules) -> tuple[str, ...]:
    """Return what an answer says, each as a log has it; nothing where it could not tell."""
    if rules.of_sets:
        return () if answer.verdict == "unsure" else (packed(answer.labels),)
    if answer.verdict == "none":
        return () if rules.oos is None else (rules.oos,)
    return answer.labels


def _answer(text: LoggedText, key: str, word: Word, *, of_sets: bool) -> Answer:
    """Return what a sender said as an answer: the sender saw the label that the model gave."""
    said = word.label or ""
    labels = labels_in(said) if of_sets else (said,)
    return Answer(
        text_sha256=key,
        id=text.last.id,
        verdict="label" if labels else "none",
        labels=labels,
        who=word.sender or _NOBODY,
        when=utc(word.at),
        shown=Shown("import"),
        saw=Saw(given=True, proposed=False),
        task="several" if of_sets else "single",
    )


_NOBODY = "nobody"
"""Who speaks where no sender is known."""
