"""What is asked for: which labels lack texts, how many, and the questions that ask for them.

A question depends on its label, its number and the seed alone, not on what came of those before it.
So a run that was killed asks what it would have asked, and the store has most answers already.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labelmend.augment.questions import Question
from labelmend.configs.schema import AugmentConfig
from labelmend.data.descendants import Source
from labelmend.data.duplicates import text_key
from labelmend.errors import ConfigError, nearest
from labelmend.prompts.render import NEW_TEXT, REWORD, new_text_prompt, reword_prompt
from labelmend.types import LabelCard

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""


@dataclass(frozen=True)
class Draft:
    """A text that an LLM wrote, before anybody has judged it.

    Attributes:
        label: index of the label that it is to have.
        text: one line.
        source: a rewording of a real text, or from the label's card.
        parents: places of the real texts that the LLM was shown, ascending.
    """

    label: int
    text: str
    source: Source
    parents: tuple[int, ...]


@dataclass(frozen=True)
class RealTexts:
    """The distinct real texts that new ones may be made from, and all others that are known.

    Attributes:
        texts: distinct, [u].
        label_of: int64 [u] as a tuple, the label of each; -1 for none.
        usable: whether a text may be shown to the LLM: not those that are kept for testing.
        language: of the texts, in English, where the LLM is to be told; else empty.
    """

    texts: tuple[str, ...]
    label_of: tuple[int, ...]
    usable: tuple[bool, ...]
    language: str = ""

    @cached_property
    def rows_of(self) -> Mapping[int, tuple[int, ...]]:
        """The usable texts of each label that has some."""
        found: dict[int, list[int]] = {}
        for place, (label, usable) in enumerate(zip(self.label_of, self.usable, strict=True)):
            if label >= 0 and usable:
                found.setdefault(label, []).append(place)
        return {label: tuple(places) for label, places in found.items()}


@dataclass(frozen=True)
class Wanted:
    """A label that lacks texts.

    Attributes:
        label: its index.
        card: what is known of it; its exemplars are no real texts of the table.
        rows: places of its real texts.
        count: texts that it lacks.
    """

    label: int
    card: LabelCard
    rows: tuple[int, ...]
    count: int

    def question(self, number: int, real: RealTexts, config: AugmentConfig, seed: int) -> Question:
        """Return the question of a number, from 0, and what its answers are made from."""
        # Of so many questions before, and this one with them, a share asks for rewordings.
        before, after = (math.floor(n * config.rewordings) for n in (number, number + 1))
        rewords = bool(self.rows) and after > before
        own = seed_of(seed, self.card.label, str(number))
        if rewords:
            order = np.random.default_rng(seed_of(seed, self.card.label)).permutation(self.rows)
            parent = int(order[before % len(order)])
            opening, rest = reword_prompt(real.texts[parent], self.card, real.language)
            return Question(REWORD, opening, rest, config.lines, own, (parent,))
        rng = np.random.default_rng(own)
        pool = self.rows or range(len(self.card.exemplars))
        drawn = rng.permutation(len(pool))[: config.examples]
        shown = [pool[place] for place in sorted(drawn.tolist())]
        texts = real.texts if self.rows else self.card.exemplars
        examples = [texts[place] for place in shown]
        opening, rest = new_text_prompt(self.card, examples, real.language)
        parents = tuple(shown) if self.rows else ()
        return Question(NEW_TEXT, opening, rest, config.lines, own, parents)

    def budget(self, config: AugmentConfig) -> int:
        """Return how many questions may be asked for it."""
        return max(1, math.ceil(self.count * config.drafts_per_text / config.lines))

    def drafts(self, question: Question, texts: Sequence[str]) -> list[Draft]:
        """Return what was answered to a question of its own as drafts."""
        source: Source = "rewording" if question.kind == REWORD else "card"
        return [Draft(self.label, text, source, question.parents) for text in texts]


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        min_rows: texts that each label is to have.
        wanted: the labels that lack some.
        enough: how many labels have them already.
        notes: which labels nothing can be written for, one line each.
    """

    min_rows: int
    wanted: tuple[Wanted, ...]
    enough: int
    notes: tuple[str, ...] = ()

    @property
    def texts(self) -> int:
        """How many texts are lacking."""
        return sum(wanted.count for wanted in self.wanted)

    def questions(self, config: AugmentConfig) -> int:
        """Return how many questions may be asked at most."""
        return sum(wanted.budget(config) for wanted in self.wanted)


def plan_of(
    labels: Sequence[str],
    oos: int | None,
    real: RealTexts,
    cards: Mapping[str, LabelCard],
    min_rows: int,
    only: Sequence[str] = (),
) -> Plan:
    """Find the labels that lack texts.

    The out-of-scope label is left alone unless it is named: what fits no label has no likeness.

    Args:
        labels: the label set.
        oos: index of the out-of-scope label, or None.
        real: the texts that there are.
        cards: what is known of labels, by name.
        min_rows: texts that each label is to have.
        only: labels to look at; none for all but the out-of-scope one.

    Raises:
        ConfigError: a label that is named is unknown, or there is nothing to write from for any.
    """
    for label in only:
        if label not in labels:
            raise ConfigError(
                f"--only {label}: no row and no card has this label{nearest(label, labels)}"
            )
    chosen = [k for k, name in enumerate(labels) if (name in only if only else k != oos)]
    keys = {text_key(text) for text in real.texts}
    wanted, empty, named = [], [], []
    for k in chosen:
        rows = real.rows_of.get(k, ())
        card = cards.get(labels[k], LabelCard(labels[k], "", (), "name"))
        own = tuple(text for text in card.exemplars if text_key(text) not in keys)
        card = LabelCard(card.label, card.description, own, card.source)
        if len(rows) >= min_rows:
            continue
        if not rows and not card.description and not own:
            empty.append(labels[k])
            continue
        named += [] if card.description else [labels[k]]
        wanted.append(Wanted(k, card, rows, min_rows - len(rows)))
    notes = _notes_on(empty, named)
    if empty and not wanted:
        raise ConfigError(f"{notes[0]}; there is nothing to write from")
    return Plan(min_rows, tuple(wanted), len(chosen) - len(wanted) - len(empty), notes)


def seed_of(seed: int, *parts: str) -> int:
    """Return a seed, 0 to 2 ** 31 - 1, for what some words name."""
    digest = hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _notes_on(empty: Sequence[str], named: Sequence[str]) -> tuple[str, ...]:
    found = []
    if empty:
        has = "label has" if len(empty) == 1 else "labels have"
        found.append(
            f"{len(empty)} {has} no row and no description, and nothing is written for it: "
            f"{listed(empty)}; describe it in a labels file, --labels"
        )
    if named:
        is_ = "label is" if len(named) == 1 else "labels are"
        found.append(
            f"{len(named)} {is_} known by name and rows only: {listed(named)}; texts from a card "
            "need a description: `labelmend describe` writes one"
        )
    return tuple(found)


def listed(labels: Sequence[str]) -> str:
    """Return labels for a message: the first ones, then how many more."""
    more = len(labels) - _SHOWN_LABELS
    shown = ", ".join(map(repr, labels[:_SHOWN_LABELS]))
    return f"{shown} and {more:,} more" if more > 0 else shown
