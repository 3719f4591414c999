"""How an LLM is asked which label a text carries, so that any reply is a vote or a failure.

channel: log p(text | label's prefix), the noisy channel of Min et al. 2022; for small models.
choice: log p(letter | question), averaged over orders of the options; for instruct models.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.configs.schema import VoterConfig
from labelmend.data.duplicates import text_key
from labelmend.prompts.render import LETTERS, channel_prefix, choice_prompt
from labelmend.relabel.llama import ALL_TOKENS, DecodeError, LlamaEngine, Span
from labelmend.types import Ballot, Floats, LabelCard, Vote

_LONGEST_TEXT = 192
"""Tokens of a text that a ballot reads; a longer text has shown its label by then."""


def shown_exemplars(card: LabelCard, text: str, count: int) -> tuple[str, ...]:
    """Return a card's best exemplars without the text itself, which its given label put there."""
    key = text_key(text)
    return tuple(e for e in card.exemplars if text_key(e) != key)[:count]


@dataclass
class _Prefix:
    """A label's prefix in the cache."""

    sequence: int
    length: int
    following: Floats


class ChannelBallot:
    """Scores a text under each candidate's prefix; prefixes are decoded once and shared."""

    def __init__(self, engine: LlamaEngine, config: VoterConfig) -> None:
        self._engine = engine
        self._config = config
        # Half of the sequences hold prefixes, the others the texts at work.
        self._free = list(range(engine.sequences // 2))[::-1]
        self._work = range(engine.sequences // 2, engine.sequences)
        self._prefixes: OrderedDict[str, _Prefix] = OrderedDict()

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot."""
        votes: list[Vote] = []
        part: list[tuple[Ballot, list[int]]] = []
        for ballot in ballots:
            tokens = self._engine.tokenize(" " + " ".join(ballot.text.split()))[:_LONGEST_TEXT]
            if part and not self._fits(part, ballot, tokens):
                votes += self._vote_together(part)
                part = []
            part.append((ballot, tokens))
        return votes + (self._vote_together(part) if part else [])

    def _fits(
        self, part: Sequence[tuple[Ballot, list[int]]], ballot: Ballot, tokens: Sequence[int]
    ) -> bool:
        """Tell whether one more ballot goes into a batch with what is there."""
        together = [*part, (ballot, tokens)]
        sequences = sum(len(b.candidates) for b, _ in together)
        cells = sum(len(b.candidates) * len(t) for b, t in together)
        return sequences <= len(self._work) and cells <= self._engine.batch_tokens

    def _vote_together(self, part: Sequence[tuple[Ballot, list[int]]]) -> list[Vote]:
        try:
            return self._scored(part)
        except DecodeError as error:
            self._engine.clear()
            self._free = list(range(self._engine.sequences // 2))[::-1]
            self._prefixes.clear()
            if len(part) == 1:
                return [Vote(None, str(error))]
            half = len(part) // 2
            return self._vote_together(part[:half]) + self._vote_together(part[half:])

    def _scored(self, part: Sequence[tuple[Ballot, list[int]]]) -> list[Vote]:
        wanted = [
            [
                channel_prefix(card, shown_exemplars(card, ballot.text, self._config.exemplars))
                for card in ballot.candidates
            ]
            for ballot, _ in part
        ]
        if sum(map(len, wanted)) > len(self._work):
            raise DecodeError("more labels on a ballot than llama.cpp has sequences for")
        cells = sum(len(p) * (len(tokens) - 1) for (_, tokens), p in zip(part, wanted, strict=True))
        self._load({prefix for prefixes in wanted for prefix in prefixes}, cells)
        work = iter(self._work)
        spans: list[Span] = []
        for (_, tokens), prefixes in zip(part, wanted, strict=True):
            targets = {i: np.array([t]) for i, t in enumerate(tokens[1:])}
            for prefix in prefixes:
                known = self._prefixes[prefix]
                sequence = next(work)
                self._engine.copy(known.sequence, sequence)
                spans.append(Span(sequence, known.length, tokens[: len(tokens) - 1], dict(targets)))
        try:
            results = iter(self._engine.decode([span for span in spans if span.tokens]))
        finally:
            for span in spans:
                self._engine.remove(span.sequence)
        votes = []
        for (_, tokens), prefixes in zip(part, wanted, strict=True):
            scores = []
            for prefix in prefixes:
                first = float(self._prefixes[prefix].following[tokens[0]])
                rest = next(results) if len(tokens) > 1 else {}
                scores.append(first + float(sum(value[0] for value in rest.values())))
            votes.append(Vote(tuple(scores)))
        return votes

    def _load(self, prefixes: set[str], cells: int) -> None:
        """Decode the prefixes that are not there yet, and keep `cells` free for the texts.

        The least used prefixes leave where room is needed.
        """
        missing: dict[str, list[int]] = {}
        for prefix in sorted(prefixes):
            if prefix in self._prefixes:
                self._prefixes.move_to_end(prefix)
            else:
                missing[prefix] = self._engine.tokenize(prefix, start=True)
        held = sum(known.length for known in self._prefixes.values())
        room = self._engine.context_tokens - cells - sum(map(len, missing.values()))
        while held > room or len(missing) > len(self._free):
            oldest = next(iter(self._prefixes), None)
            if oldest is None or oldest in prefixes:
                raise DecodeError("the labels and the text don't fit into the context together")
            gone = self._prefixes.pop(oldest)
            self._engine.remove(gone.sequence)
            self._free.append(gone.sequence)
            held -= gone.length
        for prefix, tokens in missing.items():
            sequence = self._free.pop()
            last = len(tokens) - 1
            (result,) = self._engine.decode([Span(sequence, 0, tokens, {last: ALL_TOKENS})])
            self._prefixes[prefix] = _Prefix(sequence, len(tokens), result[last])


class ChoiceBallot:
    """Asks for a letter, in several orders of the options so that no place is favoured."""

    def __init__(self, engine: LlamaEngine, config: VoterConfig) -> None:
        self._engine = engine
        self._config = config

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot."""
        return [self._one(ballot) for ballot in ballots]

    def _one(self, ballot: Ballot) -> Vote:
        count = len(ballot.candidates)
        if count > len(LETTERS):
            return Vote(None, f"{count} options, but only {len(LETTERS)} letters")
        orders = min(self._config.permutations, count)
        total = np.zeros(count)
        try:
            for turn in range(orders):
                shift = turn * count // orders
                order = [(place + shift) % count for place in range(count)]
                total[order] += self._letter_scores(ballot, order) / orders
        except DecodeError as error:
            return Vote(None, str(error))
        return Vote(tuple(total.tolist()))

    def _letter_scores(self, ballot: Ballot, order: Sequence[int]) -> Floats:
        """Return the log-softmax over the letters, in the order in which the options stand."""
        cards = [ballot.candidates[i] for i in order]
        exemplars = [shown_exemplars(c, ballot.text, self._config.exemplars) for c in cards]
        words = " ".join(ballot.text.split()).split(" ")[:_LONGEST_TEXT]
        question = choice_prompt(" ".join(words), cards, exemplars)
        tokens, before = chat_tokens(self._engine, question, "Answer:")
        letters = self._letter_tokens(before, len(order))
        if len(tokens) > self._engine.context_tokens:
            raise DecodeError(f"the question has {len(tokens)} tokens, more than the context")
        self._engine.clear()
        last = len(tokens) - 1
        (result,) = self._engine.decode([Span(0, 0, tokens, {last: letters})])
        scores = result[last]
        normalised: Floats = scores - np.logaddexp.reduce(scores)
        return normalised

    def _letter_tokens(self, before: str, count: int) -> np.ndarray:
        found = [self._engine.tokenize(before + letter) for letter in LETTERS[:count]]
        if any(len(tokens) != 1 for tokens in found):
            raise DecodeError("this model's letters are no single tokens; use the channel ballot")
        return np.array([tokens[0] for tokens in found])


def chat_tokens(engine: LlamaEngine, question: str, cue: str) -> tuple[list[int], str]:
    """Wrap a question in the model's chat template.

    Control tokens are read in the template only: a text that says `<|im_end|>` ends nothing.

    Returns:
        the prompt's tokens, and what stands between it and the reply: a space after a base model's
        cue, nothing after a chat template.

    Raises:
        DecodeError: the model's template can't be rendered.
    """
    if engine.chat_template is None:
        return engine.tokenize(f"{question}\n\n{cue}", start=True), " "
    from jinja2 import TemplateError
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    try:
        formatter = Jinja2ChatFormatter(
            template=engine.chat_template,
            eos_token=engine.special_token("eos"),
            bos_token=engine.special_token("bos"),
        )
        frame = str(formatter(messages=[{"role": "user", "content": _HERE}]).prompt)
    except (TemplateError, ValueError) as error:
        raise DecodeError(f"the model's chat template can't be used: {error}") from None
    before, _, after = frame.partition(_HERE)
    return [
        *engine.tokenize(before, special=True),
        *engine.tokenize(question),
        *engine.tokenize(after, special=True),
    ], ""


_HERE = "@@QUESTION@@"
"""Stands for the question while the template is rendered."""


BALLOTS: dict[str, Callable[[LlamaEngine, VoterConfig], ChannelBallot | ChoiceBallot]] = {
    "channel": ChannelBallot,
    "choice": ChoiceBallot,
}
