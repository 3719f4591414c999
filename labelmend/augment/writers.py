"""LLMs that write: a GGUF model in this process, or one on OpenAI-compatible servers.

What is drawn at random is drawn by the question's seed, so a question has one answer, whatever was
asked before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from labelmend.augment.questions import Question, Reply, is_done
from labelmend.configs.schema import AugmentConfig, ServerConfig
from labelmend.errors import ModelError
from labelmend.llm.api_client import ModelServer, ServerFaultError, each_server
from labelmend.llm.ballots import chat_frame
from labelmend.llm.engine import DecodeError, LlamaEngine, Span, State
from labelmend.llm.fleet.dispatch import Fleet
from labelmend.llm.fleet.side_by_side import side_by_side
from labelmend.llm.server import LOST, disarmed, served_model
from labelmend.prompts.render import go_on_prompt
from labelmend.types import Floats
from labelmend.weights.gguf import read_header
from labelmend.weights.locate import LocatedModel

_LARGE = 1_000_000_000
"""Parameters of the smallest chat models whose yes and no is asked for. Chosen by hand: of those
tried, one of 135 million says yes to all."""

_LIKELIEST = 256
"""Words that are drawn from at most, the likeliest: the others have next to no probability."""

_WORD_TOKENS = 4
"""Longest answer to a question that takes a word."""

_FEWEST_SHARED = 16
"""Tokens of an opening that are worth keeping."""


class LlamaWriter:
    """A GGUF model that writes in this process; it is loaded when it is first asked.

    What all prompts of a kind begin with is decoded once.
    """

    together = 1  # a run that is killed loses one answer at most

    def __init__(self, config: AugmentConfig, model: LocatedModel) -> None:
        self.name = model.name
        self._config = config
        self._model = model
        self._openings: dict[str, tuple[State, int]] = {}
        self._opened: LlamaEngine | None = None
        chat = "chat" if config.chat else "plain"
        self.key = f"{model.digest} {chat} {_settings(config)}"

    @property
    def can_judge(self) -> bool:
        """Whether it is a chat model of some size; small ones say yes to all."""
        return self._judges

    def write(self, questions: Sequence[Question]) -> list[Reply]:
        """Return one reply a question, in order.

        Raises:
            ModelError: llama.cpp can't load the model.
        """
        return [self._one(question) for question in questions]

    def close(self) -> None:
        """Free the model."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @cached_property
    def _judges(self) -> bool:
        header = read_header(self._model.path)
        return header.chat_template and header.parameters >= _LARGE

    @property
    def _engine(self) -> LlamaEngine:
        if self._opened is None:
            config = self._config
            self._opened = LlamaEngine(
                self._model.path,
                context_tokens=config.context_tokens,
                batch_tokens=min(512, config.context_tokens),
                gpu_layers=config.gpu_layers,
                threads=config.threads,
            )
        return self._opened

    def _one(self, question: Question) -> Reply:
        try:
            return Reply(self._written(question))
        except DecodeError as error:
            return Reply(None, str(error))

    def _written(self, question: Question) -> str:
        engine, config = self._engine, self._config
        before, after, cue = engine.tokenize("", start=True), list[int](), ""
        if config.chat or not question.lines:
            before, after, _ = chat_frame(engine, "Answer:")
            cue = go_on(question)
        start = self._opened_with(before, question)
        most = config.max_tokens if question.lines else _WORD_TOKENS
        rng = np.random.default_rng(question.seed)
        span = Span(0, start, [*engine.tokenize(question.rest + cue), *after])
        reply: list[int] = []
        whole = False
        while len(reply) < most and not whole:
            (scores,) = engine.following([span])
            warm = config.temperature if question.lines else 0.0
            token = drawn(scores, warm, config.top_p, rng)
            if engine.is_end(token):
                whole = True
                continue
            reply.append(token)
            span = Span(0, span.start + len(span.tokens), [token])
            whole = question.lines > 0 and is_done(engine.detokenize(reply), question.lines)
        text = engine.detokenize(reply)
        return text if whole else without_last(text)

    def _opened_with(self, before: Sequence[int], question: Question) -> int:
        """Let the sequence hold the opening, and return its length; all else is forgotten."""
        engine = self._engine
        tokens = [*before, *engine.tokenize(question.opening)]
        engine.clear()
        if len(tokens) < _FEWEST_SHARED:
            if tokens:
                engine.read([Span(0, 0, tokens)])
            return len(tokens)
        known = self._openings.get(question.opening)
        if known is None:
            engine.read([Span(0, 0, tokens)])
            known = self._openings[question.opening] = engine.save(0), len(tokens)
            engine.clear()
        engine.restore(known[0], 0)
        return known[1]


def go_on(question: Question) -> str:
    """Return what tells a chat model to go on with a list, which others do by themselves."""
    return f"\n\n{go_on_prompt(question.lines)}" if question.lines else ""


def drawn(scores: Floats, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """Draw a token, of those that have together the likeliest share of probability.

    Holtzman et al. 2020, "The curious case of neural text degeneration". Of equally likely tokens
    the one of the smaller number comes first.

    Args:
        scores: float32 [vocabulary], log-probabilities.
        temperature: they are divided by it; with 0, the likeliest token is taken.
        top_p: that share.
        rng: draws one number.
    """
    if temperature == 0:
        return int(scores.argmax())
    count = min(_LIKELIEST, len(scores))
    likeliest = np.argpartition(-scores, count - 1)[:count]
    likeliest = likeliest[np.lexsort((likeliest, -scores[likeliest]))]
    odds = np.exp((scores[likeliest].astype(np.float64) - scores[likeliest[0]]) / temperature)
    odds /= odds.sum()
    kept = int(np.searchsorted(np.cumsum(odds), top_p)) + 1
    ladder = np.cumsum(odds[:kept])
    place = int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right"))
    return int(likeliest[min(place, len(ladder) - 1)])


class ServerWriter:
    """A model on a server that writes; several questions are under way at a time."""

    can_judge = True  # nobody serves a model that is too small for it

    def __init__(self, config: AugmentConfig, server: ServerConfig) -> None:
        """Prepare to ask; nothing is sent yet.

        Raises:
            ConfigError: the settings can't be used.
        """
        self._config = config
        self._settings = server
        self._server = ModelServer(server)
        self.url = self._server.url
        self.end: ModelError | None = None
        self.name = config.model
        self.together = server.requests
        # Whichever server answers: a run may go on with another address of the model.
        parts = ("served", config.model, server.start, server.chat)
        self.key = f"{' '.join(map(str, parts))} {_settings(config)}"

    def write(self, questions: Sequence[Question]) -> list[Reply]:
        """Return one reply a question, in order.

        Raises:
            ModelError: no server answers, or it refuses the key or the model.
        """
        answers = self.answers(questions)
        if self.end is not None:
            raise self.end
        return [_reply_of(answer) for answer in answers]

    def check(self) -> Mapping[str, Any]:
        """Find the model on the server, and return what the server says of it.

        Raises:
            ModelError: no server answers, or it lacks the model.
            ServerFaultError: it fails at the moment.
        """
        self.end = None
        return served_model(self._server, self.name)

    def answers(self, questions: Sequence[Question]) -> list[Reply | ServerFaultError]:
        """Return a reply a question, in order, or why the server gave none.

        Where no server answers any more, `end` is the error that says so.
        """
        return side_by_side(self._one, questions, self.together)

    def close(self) -> None:
        """Close all connections."""
        self._server.close()

    def _one(self, question: Question) -> Reply | ServerFaultError:
        if self.end is not None:
            return ServerFaultError(LOST)
        config = self._config
        asked: dict[str, Any] = {
            "model": config.model,
            "temperature": config.temperature if question.lines else 0.0,
            "top_p": config.top_p,
            "seed": question.seed,
            "max_tokens": config.max_tokens if question.lines else _WORD_TOKENS,
        }
        try:
            if self._settings.chat:
                content = disarmed(question.prompt) + go_on(question)
                messages = [{"role": "user", "content": content}]
                choice = self._server.ask("/chat/completions", {**asked, "messages": messages})
                said = choice.get("message")
                text = said.get("content") if isinstance(said, dict) else None
            else:
                cue = "" if question.lines else "\n\nAnswer:"
                prompt = f"{self._settings.start}{disarmed(question.prompt)}{cue}"
                choice = self._server.ask("/completions", {**asked, "prompt": prompt})
                text = choice.get("text")
        except ServerFaultError as fault:
            return fault
        except ModelError as error:
            self.end = self.end or error
            return ServerFaultError(LOST)
        if not isinstance(text, str):
            return Reply(None, "an answer without a text")
        return Reply(without_last(text) if choice.get("finish_reason") == "length" else text)


class ServersWriter:
    """A model on several servers that writes; they share the questions as they share ballots."""

    can_judge = True

    def __init__(self, config: AugmentConfig, server: ServerConfig) -> None:
        """Prepare to ask; nothing is sent yet.

        Raises:
            ConfigError: the settings can't be used.
        """
        # What fails is asked elsewhere at once: the fleet tries again.
        own = [replace(one, retries=0) for one in each_server(server)]
        self._writers = [ServerWriter(config, one) for one in own]
        self._fleet: Fleet[Question, Reply] = Fleet(self._writers, server)
        self._size = server.requests
        self.name, self.key = config.model, self._writers[0].key
        self.together = _ROUNDS * self._size * len(own)

    def write(self, questions: Sequence[Question]) -> list[Reply]:
        """Return one reply a question, in order.

        Raises:
            ModelError: no server answers, or one can't be used.
        """
        pairs = list(enumerate(questions))
        groups = (pairs[at : at + self._size] for at in range(0, len(pairs), self._size))
        found = [Reply(None)] * len(pairs)
        for said in self._fleet.carry(groups):
            for place, answer in said:
                found[place] = _reply_of(answer)
        return found

    def close(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.close()


_ROUNDS = 2
"""Times that each server is asked, on average, before answers are stored: with one, the slowest
would have as many questions as the fastest. Chosen by hand."""


def _reply_of(answer: Reply | ServerFaultError) -> Reply:
    return Reply(None, str(answer)) if isinstance(answer, ServerFaultError) else answer


def without_last(text: str) -> str:
    """Return a text that was cut off without its last line, where it has more."""
    return text.rpartition("\n")[0] if "\n" in text.strip() else text


def _settings(config: AugmentConfig) -> str:
    drawing = (config.temperature, config.top_p, config.max_tokens)
    return " ".join(map(str, drawing))
