"""Which texts of the log are worth a look: how doubtful their answers are, and how frequent.

The doubt of an answer begins with what the models believe and moves with what people say:
1 - P(label) is worth `PRIOR` people, as in the mean of a Beta posterior; of two models that were
asked, the mean of what they give the label.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from labelmend.journal.read import LoggedText
from labelmend.journal.sets import labels_in

Order = Literal["worth", "doubt", "count", "drift"]
"""Expected wrong answers (doubt times count), doubt alone, count alone, or worth among the labels
whose share rises, before all others."""

PRIOR = 2.0
"""People that the models' word counts as: one who says "wrong" then lifts a doubt of nothing to a
third, and a second one to a half."""


@dataclass(frozen=True)
class Doubted:
    """A text and what is doubtful of its answer.

    Attributes:
        of: the text.
        doubt: probability that the label is wrong, 0 to 1; of several labels a text that not just
            these hold.
        shares: of labels, likeliest first; what they lack to 1 belongs to others. Of several labels
            a text each is a set of them.
        rising: its label is given more often than before.
    """

    of: LoggedText
    doubt: float
    shares: tuple[tuple[str, float], ...]
    rising: bool

    @property
    def label(self) -> str:
        """The label that was answered."""
        return self.of.last.guesses[0].label

    @property
    def proposed(self) -> str:
        """The likeliest label."""
        return self.shares[0][0]

    @property
    def worth(self) -> float:
        """Requests whose answer is expected to be wrong."""
        return self.doubt * self.of.count


def doubted(text: LoggedText, rising: Collection[str], *, of_sets: bool = False) -> Doubted:
    """Weigh what models and people say of a text.

    Args:
        text: of the log.
        rising: labels whose share rises.
        of_sets: a text may have several labels.
    """
    guesses = text.last.guesses
    believed: dict[str, float] = defaultdict(float)
    for guess in guesses:
        top = {} if of_sets else dict(guess.top)
        for label, share in {**top, guess.label: guess.probability}.items():
            believed[label] += share / len(guesses)
    said = Counter(word.label for word in text.words if word.label is not None)
    heard = said.total()
    weighed = {
        label: (PRIOR * believed[label] + said[label]) / (PRIOR + heard)
        for label in sorted({*believed, *said})
    }
    label = guesses[0].label
    # Who only says "wrong" takes from the label, and gives to none.
    wrong = len(text.words) - heard
    if wrong:
        weighed[label] *= (PRIOR + heard) / (PRIOR + heard + wrong)
    shares = tuple(sorted(weighed.items(), key=lambda one: (-one[1], one[0])))
    given = labels_in(label) if of_sets else (label,)
    is_rising = any(one in rising for one in given)
    return Doubted(text, min(max(1 - weighed[label], 0.0), 1.0), shares, is_rising)


def ordered(texts: Sequence[Doubted], order: Order) -> list[Doubted]:
    """Return texts, those that are most worth a look first; ties by text.

    Args:
        texts: of the log.
        order: what they are worth it for.
    """
    keys: Mapping[Order, Callable[[Doubted], tuple[float, ...]]] = {
        "worth": lambda one: (-one.worth,),
        "doubt": lambda one: (-one.doubt, -one.of.count),
        "count": lambda one: (-one.of.count, -one.doubt),
        "drift": lambda one: (-one.rising, -one.worth),
    }
    key = keys[order]
    return sorted(texts, key=lambda one: (key(one), one.of.text, one.of.last.id))
