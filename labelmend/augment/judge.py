"""The judge: which drafts are let in.

A draft is let in if it breaks no rule, is no copy and no near copy, is in the table's script and
language, is as near to its label and as surely of it as real texts are, brings something new, and
an LLM that can tell says of it twice that it is right. The first check that it fails is
the reason that is counted. Each check is a setting (`augment.checks`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelmend.augment.diversity import Gram, grams_of, mean_distance, new_grams
from labelmend.augment.evidence import LabelSpace, Nearness
from labelmend.augment.known import KnownTexts
from labelmend.augment.language import Speaks, any_language
from labelmend.augment.plan import Draft, RealTexts, Wanted
from labelmend.augment.questions import Interview, Question, said_yes
from labelmend.augment.result import Accepted
from labelmend.augment.rules import Rules, is_in_scripts, scripts_of
from labelmend.configs.schema import AugmentConfig
from labelmend.prompts.render import JUDGE_LABEL, JUDGE_TEXT, judge_prompts
from labelmend.types import NO_LABEL, Dataset, Floats, LabelCard

COPY, NEAR_COPY, LANGUAGE = "a copy", "nearly a copy", "another language"
FAR, NEIGHBOUR, NOTHING_NEW = "not surely of its label", "nearer to another label", "nothing new"
NO_MESSAGE, OTHER_LABEL = "no message, says the LLM", "another label, says the LLM"

_LEAST_LABELS = 2
"""Of fewer labels there are no neighbours."""


@dataclass
class _Held:
    """What is known of one label while drafts are judged.

    Attributes:
        grams: words and pairs of words of its texts, new ones with them.
        vectors: of its real texts and those that were let in.
        real: how many of these are real.
        spread: mean distance of the real ones; None of fewer than two.
        longest: characters of its longest real text.
        accepted: texts that were let in.
        rejected: drafts that were not, by reason.
        drafts: all of them.
    """

    grams: set[Gram]
    vectors: Floats
    real: int
    spread: float | None
    longest: int
    accepted: list[Accepted] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    drafts: int = 0


class Judge:
    """Lets drafts in, one after the other: each new text is held against those before it."""

    def __init__(
        self,
        real: RealTexts,
        known: KnownTexts,
        space: LabelSpace,
        cards: Sequence[LabelCard],
        config: AugmentConfig,
        *,
        speaks: Speaks = any_language,
        asks: Interview | None = None,
    ) -> None:
        """Prepare to judge.

        Args:
            real: the texts that there are.
            known: their vectors, and other texts that new ones must stay apart from.
            space: the labels.
            cards: one a label.
            config: the checks and what they take.
            speaks: tells a language of the table from others.
            asks: an LLM that can tell; None for none.
        """
        self._real = real
        self._known = known
        self._space = space
        self._cards = cards
        self._config = config
        self._checks = config.checks
        self._speaks = speaks
        self._asks = asks if config.checks.questions else None
        self._rules = Rules(real.texts)
        self._scripts = scripts_of(real.texts)
        self._held: dict[int, _Held] = {}
        self._new: Floats = known.vectors[:0]

    def held(self, wanted: Wanted) -> _Held:
        """Return what is known of a label."""
        if wanted.label not in self._held:
            texts = [self._real.texts[row] for row in wanted.rows]
            vectors = self._known.vectors[list(wanted.rows)]
            grams = {gram for text in texts for gram in grams_of(text)}
            longest = max(map(len, (*texts, *wanted.card.exemplars)), default=0)
            self._held[wanted.label] = _Held(
                grams, vectors, len(texts), mean_distance(vectors), longest
            )
        return self._held[wanted.label]

    def judge(self, wanted: Wanted, question: Question, texts: Sequence[str]) -> int:
        """Judge the answer to a question of a label's, and return how many texts were let in.

        What comes when the label has all it needs is not looked at.
        """
        held = self.held(wanted)
        drafts = [d for d in wanted.drafts(question, texts) if d.text]
        held.drafts += len(drafts)
        kept = []
        for draft in drafts:
            reason = self._by_letters(draft, question, held)
            if reason is None:
                kept.append(draft)
            else:
                held.rejected[reason] += 1
        if not kept:
            return 0
        vectors = self._known.encode([draft.text for draft in kept])
        near = self._space.nearness(
            self._known.centred(vectors),
            np.array([draft.label for draft in kept]),
            [draft.parents for draft in kept],
        )
        chances = self._space.probabilities(near)
        similar = self._known.most_similar(vectors)
        before = len(held.accepted)
        for i, draft in enumerate(kept):
            if len(held.accepted) == wanted.count:
                held.drafts -= 1
                continue
            chance = float(chances[i, draft.label])
            reason = self._by_vectors(draft, vectors[i], float(similar[i]), near, chance, i, held)
            reason = reason or self._by_questions(draft, near.scores[i])
            if reason is None:
                self._let_in(Accepted(draft, chance), vectors[i], held)
            else:
                held.rejected[reason] += 1
        return len(held.accepted) - before

    def _let_in(self, text: Accepted, vector: Floats, held: _Held) -> None:
        held.accepted.append(text)
        held.grams |= grams_of(text.draft.text)
        held.vectors = np.vstack([held.vectors, vector])
        self._new = np.vstack([self._new, vector])
        self._known.add(text.draft.text)

    def _by_letters(self, draft: Draft, question: Question, held: _Held) -> str | None:
        checks, text = self._checks, draft.text
        if checks.rules:
            broken = self._rules.broken(text, question.opening, held.longest)
            if broken is not None:
                return broken
        if checks.copies and self._known.has(text):
            return COPY
        if checks.language and not (is_in_scripts(text, self._scripts) and self._speaks(text)):
            return LANGUAGE
        return None

    def _by_vectors(
        self,
        draft: Draft,
        vector: Floats,
        similar: float,
        near: Nearness,
        chance: float,
        i: int,
        held: _Held,
    ) -> str | None:
        checks, config = self._checks, self._config
        if checks.copies:
            # One of the same answer may have been let in since its letters were looked at.
            if self._known.has(draft.text):
                return COPY
            new = float((self._new @ vector).max(initial=-1.0))
            if max(similar, new) > config.most_similar:
                return NEAR_COPY
        if checks.neighbour and self._space.labels >= _LEAST_LABELS:
            scores = near.scores[i]
            if scores[draft.label] < scores.max():
                return NEIGHBOUR
        if checks.label and (near.own[i] < self._space.usual or chance < self._space.sure):
            return FAR
        if checks.diversity and not self._is_new(draft.text, vector, held):
            return NOTHING_NEW
        return None

    def _is_new(self, text: str, vector: Floats, held: _Held) -> bool:
        if new_grams(text, held.grams) >= self._config.new_words:
            return True
        if held.spread is None:
            return False
        return float(1 - (held.vectors @ vector).mean()) > held.spread

    def _by_questions(self, draft: Draft, scores: np.ndarray) -> str | None:
        if self._asks is None:
            return None
        others = np.where(np.arange(len(scores)) == draft.label, -np.inf, scores)
        other = int(others.argmax())
        name = self._cards[other].name if np.isfinite(others[other]) else ""
        prompts = judge_prompts(draft.text, self._cards[draft.label], name)
        kinds = ((JUDGE_TEXT, NO_MESSAGE), (JUDGE_LABEL, OTHER_LABEL))
        for (kind, reason), prompt in zip(kinds, prompts, strict=True):
            (_, reply), *_ = self._asks.ask([Question(kind, "", prompt)])
            if said_yes(reply) is not True:
                return reason
        return None


def open_judge(
    real: RealTexts,
    known: KnownTexts,
    dataset: Dataset,
    cards: Mapping[str, LabelCard],
    config: AugmentConfig,
    speaks: Speaks = any_language,
    asks: Interview | None = None,
) -> Judge:
    """Return the judge of a table's drafts.

    Args:
        real: the texts that there are.
        known: their vectors first, then those of other texts that new ones must stay apart from.
        dataset: the label set.
        cards: what is known of labels, by name.
        config: the checks and what they take.
        speaks: tells a language of the table from others.
        asks: an LLM that can tell; None for none.
    """
    own = [cards.get(label, LabelCard(label, "", (), "name")) for label in dataset.labels]
    described = np.array([bool(card.description) for card in own])
    # The out-of-scope label's description says nothing of what its texts are about.
    if dataset.oos is not None:
        described[dataset.oos] = False
    # What is kept for testing says nothing of labels.
    usable = np.array(real.usable, dtype=bool)
    space = LabelSpace(
        known.centred(known.vectors[: len(real.texts)]),
        np.where(usable, np.array(real.label_of, dtype=np.int64), NO_LABEL),
        known.passages([card.description or card.name for card in own]),
        described,
        config.unusual,
    )
    return Judge(real, known, space, own, config, speaks=speaks, asks=asks)
