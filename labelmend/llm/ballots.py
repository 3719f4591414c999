"""How an LLM is asked which label a text carries, so that any reply is a vote or a failure.

channel: log p(text | label's prefix), the noisy channel of Min et al. 2022, as log-probabilities of
the ballot's labels: how likely the text is by itself, a matter of its length, leaves no trace. For
small models.
choice: log p(letter | question) - log p(letter | question without a text), the contextual
calibration of Zhao et al. 2021, averaged over orders of the options; for instruct models.

Each ballot is decoded by itself, from prefixes that were decoded by themselves. So a vote depends
on the ballot alone, to the last bit: not on what was asked before it, nor on where a run was
interrupted.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from labelmend.configs.schema import VoterConfig
from labelmend.data.duplicates import text_key
from labelmend.extras import require
from labelmend.llm.engine import DecodeError, LlamaEngine, Span, State
from labelmend.llm.types import Ballot, Vote
from labelmend.prompts.render import (
    LETTERS,
    NO_MESSAGE,
    channel_prefix,
    choice_instruction,
    choice_message,
    choice_options,
)
from labelmend.types import Doubles, Floats, Ints, LabelCard

_MOST_BYTES = 2**30
"""Of label prefixes that are kept, for speed alone; the least used leave."""

EMPTY_TEXT = "the text is empty"


def shown_exemplars(card: LabelCard, text: str, count: int) -> tuple[str, ...]:
    """Return a card's best exemplars without the text itself, which its given label put there."""
    key = text_key(text)
    return tuple(e for e in card.exemplars if text_key(e) != key)[:count]


def log_probabilities(scores: Doubles) -> Doubles:
    """Return scores, float64 [c], less what makes their exponentials sum to 1.

    To the last bit, the order of the candidates is nothing to it.
    """
    among: Doubles = scores - np.logaddexp.reduce(np.sort(scores))
    return among


def option_orders(ballot: Ballot, permutations: int) -> list[list[int]]:
    """Return cyclic orders of a ballot's options, at most one that begins with each of them.

    The first is drawn by the text and the labels. In the order in which a ballot holds its labels,
    the likeliest first, a model that likes a letter would say what is known already, or deny it,
    whatever the text.
    """
    drawn = sorted(
        range(len(ballot.candidates)),
        key=lambda place: hashlib.sha256(
            f"{ballot.text}\0{ballot.candidates[place].label}".encode()
        ).digest(),
    )
    turns = min(permutations, len(drawn))
    starts = (turn * len(drawn) // turns for turn in range(turns))
    return [drawn[start:] + drawn[:start] for start in starts]


@dataclass(frozen=True)
class _Prefix:
    """A label's prefix, decoded.

    Attributes:
        state: what the cache holds of it.
        length: its tokens.
        following: float32 [vocabulary], log-probabilities of what follows it.
    """

    state: State
    length: int
    following: Floats

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return int(self.state.nbytes + self.following.nbytes)


class ChannelBallot:
    """Scores a text under each candidate's prefix; prefixes are decoded once and kept."""

    def __init__(self, engine: LlamaEngine, config: VoterConfig) -> None:
        engine.divide(config.candidates)
        self._engine = engine
        self._config = config
        self._prefixes: OrderedDict[str, _Prefix] = OrderedDict()
        self._bytes = 0

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot: log-probabilities of the candidates."""
        return [self._one(ballot) for ballot in ballots]

    def _one(self, ballot: Ballot) -> Vote:
        text = " ".join(ballot.text.split())
        if not text:
            return Vote(None, EMPTY_TEXT)
        tokens = self._engine.tokenize(f" {text}")[: self._config.max_text_tokens]
        prefixes = [self._prefix(card, ballot.text, len(tokens)) for card in ballot.candidates]
        try:
            scores = np.array(self._log_likelihoods(tokens, prefixes))
        except DecodeError as error:
            return Vote(None, str(error))
        return Vote(tuple(log_probabilities(scores).tolist()))

    def _log_likelihoods(self, tokens: Sequence[int], prefixes: Sequence[str]) -> list[float]:
        """Return log p(tokens | prefix) of each prefix, all in one batch where there is room."""
        found: list[float] = []
        for first in range(0, len(prefixes), self._engine.sequences):
            known = [self._decoded(p) for p in prefixes[first : first + self._engine.sequences]]
            rest: list[Floats] = [np.empty(0, dtype=np.float32)] * len(known)
            if len(tokens) > 1:
                self._engine.clear()
                for sequence, prefix in enumerate(known):
                    self._engine.restore(prefix.state, sequence)
                spans = [Span(i, prefix.length, tokens[:-1]) for i, prefix in enumerate(known)]
                rest = self._engine.score(spans, [tokens[1:]] * len(known))
            found += [
                float(prefix.following[tokens[0]]) + float(steps.sum(dtype=np.float64))
                for prefix, steps in zip(known, rest, strict=True)
            ]
        return found

    def _prefix(self, card: LabelCard, text: str, length: int) -> str:
        """Return a label's prefix with as many exemplars as leave room for the text."""
        shown = shown_exemplars(card, text, self._config.exemplars)
        while True:
            prefix = channel_prefix(card, shown)
            known = self._prefixes.get(prefix)
            own = known.length if known else len(self._engine.tokenize(prefix, start=True))
            if not shown or own + length <= self._engine.sequence_tokens:
                return prefix
            shown = shown[:-1]

    def _decoded(self, prefix: str) -> _Prefix:
        """Return a prefix from memory, or decode it."""
        if prefix in self._prefixes:
            self._prefixes.move_to_end(prefix)
            return self._prefixes[prefix]
        tokens = self._engine.tokenize(prefix, start=True)
        self._engine.clear()
        (following,) = self._engine.following([Span(0, 0, tokens)])
        made = _Prefix(self._engine.save(0), len(tokens), following)
        self._prefixes[prefix] = made
        self._bytes += made.size
        while self._bytes > _MOST_BYTES:
            _, gone = self._prefixes.popitem(last=False)
            self._bytes -= gone.size
        return made


class ChoiceBallot:
    """Asks for a letter, and takes out what the letters' places and names say without a text."""

    def __init__(self, engine: LlamaEngine, config: VoterConfig) -> None:
        # The question with the text, and the same without one.
        engine.divide(2)
        self._engine = engine
        self._config = config
        self._instruction: tuple[State, int] | None = None

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot: log-probabilities of the candidates."""
        return [self._one(ballot) for ballot in ballots]

    def _one(self, ballot: Ballot) -> Vote:
        count = len(ballot.candidates)
        if not ballot.text.strip():
            return Vote(None, EMPTY_TEXT)
        if count > len(LETTERS):
            return Vote(None, f"{count} options, but only {len(LETTERS)} letters")
        orders = option_orders(ballot, self._config.permutations)
        total = np.zeros(count)
        try:
            for order in orders:
                total[order] += self._letter_scores(ballot, order) / len(orders)
        except DecodeError as error:
            return Vote(None, str(error))
        return Vote(tuple(log_probabilities(total).tolist()))

    def _letter_scores(self, ballot: Ballot, order: Sequence[int]) -> Doubles:
        """Return log p(letter | text) - log p(letter), in the order in which the options stand."""
        engine = self._engine
        cards = [ballot.candidates[i] for i in order]
        exemplars = [shown_exemplars(c, ballot.text, self._config.exemplars) for c in cards]
        before, after, gap = chat_frame(engine, "Answer:")
        letters = self._letter_tokens(gap, len(order))
        text = " ".join(ballot.text.split())
        tokens = engine.tokenize(text)
        longest = self._config.max_text_tokens
        if len(tokens) > longest:
            text = engine.detokenize(tokens[:longest])
        ends = [[*engine.tokenize(choice_message(words)), *after] for words in (text, NO_MESSAGE)]
        options = engine.tokenize(choice_options(cards, exemplars))
        state, length = self._instructed(before)
        size = length + len(options) + max(map(len, ends))
        if size > engine.sequence_tokens:
            raise DecodeError(f"the question has {size} tokens, more than the context")
        engine.clear()
        engine.restore(state, 0)
        engine.read([Span(0, length, options)])
        engine.restore(engine.save(0), 1)
        spans = [Span(i, length + len(options), end) for i, end in enumerate(ends)]
        told, untold = engine.following(spans, letters).astype(np.float64)
        scores: Doubles = told - np.logaddexp.reduce(told) - untold + np.logaddexp.reduce(untold)
        return scores

    def _instructed(self, before: Sequence[int]) -> tuple[State, int]:
        """Return what all questions begin with, which is decoded once, and its length."""
        if self._instruction is None:
            tokens = [*before, *self._engine.tokenize(choice_instruction())]
            self._engine.clear()
            self._engine.read([Span(0, 0, tokens)])
            self._instruction = self._engine.save(0), len(tokens)
        return self._instruction

    def _letter_tokens(self, gap: str, count: int) -> Ints:
        found = [self._engine.tokenize(gap + letter) for letter in LETTERS[:count]]
        if any(len(tokens) != 1 for tokens in found):
            raise DecodeError("this model's letters are no single tokens; use the channel ballot")
        return np.array([tokens[0] for tokens in found])


def chat_frame(engine: LlamaEngine, cue: str) -> tuple[list[int], list[int], str]:
    """Return what the model's chat template puts round a question.

    Control tokens are read in the template only: a text that says `<|im_end|>` ends nothing. A
    template that tells the date tells the same one every day: a vote is kept for longer.

    Returns:
        the tokens before the question, those after it, and what stands between these and the
        reply: a space after a base model's cue, nothing after a chat template.

    Raises:
        DecodeError: the model's template can't be rendered, or does not show the question as it is.
    """
    if engine.chat_template is None:
        return engine.tokenize("", start=True), engine.tokenize(f"\n\n{cue}"), " "
    reason = ""
    # Some templates want a list of parts: with a plain text they fail, or show none of it.
    for content in (_HERE, [{"type": "text", "text": _HERE}]):
        try:
            before, *after = _rendered(engine, engine.chat_template, content).split(_HERE)
        except Exception as error:  # noqa: BLE001 - a template is a program of somebody else's
            reason = reason or f"{error}" or type(error).__name__
        else:
            if len(after) == 1:
                begin = engine.tokenize(before, start=True, special=True)
                return begin, engine.tokenize(after[0], special=True), ""
            reason = reason or "it does not show the question once, as it is"
    raise DecodeError(f"the model's chat template can't be used: {reason}")


def _rendered(engine: LlamaEngine, template: str, content: object) -> str:
    require("llama_cpp")
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(
        template=template,
        eos_token=engine.special_token("eos"),
        bos_token=engine.special_token("bos"),
    )
    formatter.strftime_now = _DAY.strftime
    return str(formatter(messages=[{"role": "user", "content": content}]).prompt)


_HERE = '@@the "Question"@@'
"""Stands for the question while the template is rendered; any change of a text would change it."""

_DAY = datetime(2024, 7, 26)
"""What Llama 3's own template says where it can't ask for the date."""


BALLOTS: dict[str, Callable[[LlamaEngine, VoterConfig], ChannelBallot | ChoiceBallot]] = {
    "channel": ChannelBallot,
    "choice": ChoiceBallot,
}
