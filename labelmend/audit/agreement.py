"""How far people agree who answered the same texts, and how reliable each of them is.

All texts of the table count that two or more people answered who were sure, whatever they were
asked for: agreement is a matter of the people, and not of which rows chance drew.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labelmend.arrays import share
from labelmend.data.answers import MatchedAnswers
from labelmend.relabel.people import Reliability
from labelmend.types import Share


@dataclass(frozen=True)
class Person:
    """One who answered.

    Attributes:
        name: of the person.
        answers: on texts of the table, of which the person was sure.
        shared: of those, on texts that somebody else was sure of too.
        accuracy: the estimated share of right answers, drawn to that of a careful person where
            there are few; None where `shared` is 0.
    """

    name: str
    answers: int
    shared: int
    accuracy: float | None


@dataclass(frozen=True)
class Agreement:
    """What people say who answered the same texts.

    Attributes:
        same: of the texts that two or more people were sure of, those of which all say the same.
        blind: of those several people were sure of, texts beside which at most one of them saw the
            given or the proposed label: who sees the same label is drawn the same way.
        alpha: Krippendorff's, 1 for people who always agree and 0 for chance; None where there is
            no text, or nobody ever said anything else than the one answer.
        people: by name.
    """

    same: Share
    blind: int
    alpha: float | None
    people: tuple[Person, ...]


def agreement_of(answers: MatchedAnswers, people: Mapping[str, Reliability]) -> Agreement:
    """Compare what people say of the same texts.

    Args:
        answers: of people, on a table's texts.
        people: the reliability of all who were sure of anything, by name.
    """
    said: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for text, label, unsure, anchored in zip(
        answers.text.tolist(),
        answers.label.tolist(),
        answers.unsure.tolist(),
        answers.anchored.tolist(),
        strict=True,
    ):
        if not unsure:
            said[text].append((label, anchored))
    several = [of for of in said.values() if len(of) > 1]
    counts = [Counter(label for label, _ in of) for of in several]
    return Agreement(
        same=share(sum(len(of) == 1 for of in counts), len(counts)),
        blind=sum(sum(anchored for _, anchored in of) <= 1 for of in several),
        alpha=krippendorff_alpha(counts),
        people=tuple(
            Person(name, of.answers, of.shared, of.accuracy if of.shared else None)
            for name, of in sorted(people.items())
        ),
    )


def krippendorff_alpha(texts: Iterable[Mapping[int, int]]) -> float | None:
    """Return Krippendorff's alpha for names without an order (Krippendorff 2011, section C).

    It serves two people and more, each of whom may have answered some of the texts only: observed
    disagreement, by the disagreement of answers that are dealt to texts by chance.

    Args:
        texts: of each, how many people gave which answer.

    Returns:
        1 where all agree, 0 where it is as by chance, below 0 where it is worse; None where chance
        can't disagree either.
    """
    observed, totals = 0.0, Counter[int]()
    for counts in texts:
        people = sum(counts.values())
        if people < 2:
            continue
        totals.update(counts)
        pairs = people * people - sum(count * count for count in counts.values())
        observed += pairs / (people - 1)
    answers = sum(totals.values())
    expected = answers * answers - sum(count * count for count in totals.values())
    return 1 - (answers - 1) * observed / expected if expected else None
