"""How reliable people are, and what several of them say of one text together.

Each person has one accuracy: with it they say the right answer, else any of the others alike ("one
coin"). Accuracies and right answers are found together by expectation maximisation (Dawid & Skene
1979), all answers being as probable before anybody speaks:

    P(v | said)  ~  prod_j  a_j if j said v, else (1 - a_j) / (V - 1)
    a_j          =  (sum of P(what j said) + s * m) / (answers of j + s)

V is the number of possible answers; m and s are the mean and the strength of a Beta prior. The sums
run over the texts of which several people spoke: of a text that one person alone answered, nobody
can tell how good the answer was, and where there are no others the accuracy is the prior's mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.types import NO_LABEL, Bools, Doubles, Ints

PRIOR_ACCURACY = 0.97
"""How often a careful person is right, of whom nothing is known. Chosen by hand, as a setting would
be; tuned on nothing."""

PRIOR_STRENGTH = 20.0
"""Answers that the prior is worth: a person who errs shows it after so many. Chosen by hand."""

_MOST_ROUNDS = 500
"""Of expectation maximisation: far more than it takes."""

_STILL = 1e-10
"""No accuracy moves by more in the last round."""


@dataclass(frozen=True)
class Reliability:
    """How far a person can be relied on.

    Attributes:
        accuracy: probability that an answer of theirs is right, above 0 and below 1.
        answers: that they gave.
        shared: those among them on texts that somebody else answered too; 0 where the accuracy is
            the prior's mean.
    """

    accuracy: float
    answers: int
    shared: int


@dataclass(frozen=True)
class SettledAnswers:
    """What people say of each text together: one entry a text and answer that somebody gave.

    What a text's entries lack to 1 belongs in equal parts to the answers that nobody gave.

    Attributes:
        text: int64 [s], sorted.
        label: int64 [s], sorted within a text; `NO_LABEL` for "none of these".
        probability: float64 [s], that this is the right answer.
    """

    text: Ints
    label: Ints
    probability: Doubles

    def __len__(self) -> int:
        return len(self.text)


def people_reliability(
    texts: Ints, labels: Ints, who: Sequence[str], total_labels: int
) -> Mapping[str, Reliability]:
    """Find out how reliable each person is, from the texts of which several people spoke.

    Args:
        texts: int64 [a], the text of each answer; a person speaks once of a text.
        labels: int64 [a], what is said; `NO_LABEL` is the answer "none of these". Leave out those
            who can't tell.
        who: [a], the person.
        total_labels: K.

    Returns:
        each person, sorted by name.
    """
    spoken = _Spoken.of(texts, labels, who, total_labels)
    accuracy = np.full(len(spoken.names), PRIOR_ACCURACY)
    for _ in range(_MOST_ROUNDS):
        believed = spoken.probabilities(accuracy)[spoken.choice]
        right = spoken.sums(np.where(spoken.shared, believed, 0.0))
        moved = (right + PRIOR_STRENGTH * PRIOR_ACCURACY) / (
            spoken.sums(spoken.shared) + PRIOR_STRENGTH
        )
        still = bool(np.max(np.abs(moved - accuracy), initial=0.0) < _STILL)
        accuracy = moved
        if still:
            break
    answers, shared = spoken.sums(np.ones(len(who))), spoken.sums(spoken.shared)
    return {
        name: Reliability(float(accuracy[i]), int(answers[i]), int(shared[i]))
        for i, name in enumerate(spoken.names)
    }


def settle_answers(
    texts: Ints,
    labels: Ints,
    who: Sequence[str],
    total_labels: int,
    people: Mapping[str, Reliability],
) -> SettledAnswers:
    """Weigh what several people say of each text into one distribution.

    Args:
        texts: as for `people_reliability`, so with the others.
        labels: as above.
        who: as above.
        total_labels: K.
        people: by `people_reliability`, of these answers or of more.
    """
    spoken = _Spoken.of(texts, labels, who, total_labels)
    accuracy = np.array([people[name].accuracy for name in spoken.names], dtype=np.float64)
    return SettledAnswers(spoken.text, spoken.label, spoken.probabilities(accuracy))


@dataclass(frozen=True)
class _Spoken:
    """The answers in an order of their own, so that the order they came in can't matter.

    Attributes:
        names: of the people, sorted.
        person: int64 [a], of each answer.
        choice: int64 [a], the entry that each answer is for.
        shared: bool [a], several people spoke of the answer's text.
        text: int64 [s], of each entry.
        label: int64 [s], of each entry.
        group: int64 [s], the entry's text, counted from 0.
        others: int64 [t], answers that nobody gave of a text.
        possible: number of possible answers.
    """

    names: tuple[str, ...]
    person: Ints
    choice: Ints
    shared: Bools
    text: Ints
    label: Ints
    group: Ints
    others: Ints
    possible: int

    @classmethod
    def of(cls, texts: Ints, labels: Ints, who: Sequence[str], total_labels: int) -> "_Spoken":
        names = tuple(sorted(set(who)))
        place = {name: i for i, name in enumerate(names)}
        person = np.array([place[name] for name in who], dtype=np.int64)
        order = np.lexsort((person, labels, texts))
        person = person[order]
        answers = np.stack([texts[order], labels[order]], axis=1)
        entries, choice = np.unique(answers, axis=0, return_inverse=True)
        choice = choice.reshape(-1)
        _, group, entries_of = np.unique(entries[:, 0], return_inverse=True, return_counts=True)
        group = group.reshape(-1)
        spoke = np.bincount(group[choice], minlength=len(entries_of))
        possible = max(total_labels + int((labels == NO_LABEL).any()), 2)
        return cls(
            names=names,
            person=person,
            choice=choice,
            shared=(spoke > 1)[group[choice]],
            text=entries[:, 0],
            label=entries[:, 1],
            group=group,
            others=possible - entries_of,
            possible=possible,
        )

    def sums(self, values: Doubles | Bools) -> Doubles:
        """Return float64 [people], the sum of the values of each person's answers."""
        sums = np.bincount(self.person, values, minlength=len(self.names))
        return sums.astype(np.float64)

    def probabilities(self, accuracy: Doubles) -> Doubles:
        """Return float64 [s], how probable each entry is, given what all say of its text."""
        wrong = np.log1p(-accuracy) - np.log(self.possible - 1)
        gain = (np.log(accuracy) - wrong)[self.person]
        # Nats by which an entry is ahead of an answer that nobody gave.
        lead = np.bincount(self.choice, gain, minlength=len(self.text))
        best = np.zeros(len(self.others))
        np.maximum.at(best, self.group, lead)
        weight = np.exp(lead - best[self.group])
        rest = self.others * np.exp(-best)
        total = np.bincount(self.group, weight, minlength=len(self.others)) + rest
        probability: Doubles = weight / total[self.group]
        return probability
