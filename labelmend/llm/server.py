"""Voters whose models run elsewhere, behind an OpenAI-compatible server (vLLM, llama-server ...).

Both ballots read log-probabilities. The choice ballot needs those of the likeliest first tokens of
a reply, which most servers tell; the channel ballot those of the prompt's own tokens, which vLLM
and llama-cpp-python tell where `/completions` is asked to echo.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from labelmend.configs.schema import ServerConfig, VoterConfig
from labelmend.errors import ModelError, nearest
from labelmend.llm.api_client import RESUME, ModelServer, ServerFaultError, whole_number
from labelmend.llm.ballots import EMPTY_TEXT, log_probabilities, option_orders, shown_exemplars
from labelmend.llm.fleet.side_by_side import side_by_side
from labelmend.llm.types import Ballot, Vote
from labelmend.prompts.render import (
    CHANNEL,
    CHOICE,
    CHOICE_MESSAGE,
    LETTERS,
    NO_MESSAGE,
    channel_prefix,
    choice_instruction,
    choice_message,
    choice_options,
)
from labelmend.types import Doubles

_Asked = TypeVar("_Asked")
_Got = TypeVar("_Got")


@dataclass(frozen=True)
class _Read:
    """A prompt as the server read it.

    Attributes:
        tokens: their texts, without a begin token that the server hides.
        scores: log-probability of each given those before; 0 for the first.
        reply: what the server added.
    """

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    reply: str


class ServerVoter:
    """A model on a server that answers ballots."""

    def __init__(self, config: VoterConfig, server: ServerConfig, name: str) -> None:
        """Prepare to ask; the server is asked nothing before the first ballot.

        Args:
            config: the ballot, and the model's name on the server.
            server: where it is.
            name: the voter's name.

        Raises:
            ConfigError: the settings can't be used.
        """
        self._config = config
        self._settings = server
        self._server = ModelServer(server)
        self.model = config.model
        self.name = name
        prompt = CHANNEL if config.ballot == "channel" else f"{CHOICE} {CHOICE_MESSAGE}"
        settings = (config.exemplars, config.permutations, server.start, server.chat)
        # Whichever server answers: a run may go on with another address of the model.
        parts = ["served", self.model, prompt, *settings, server.top_logprobs]
        # The votes of before this could be set are of ballots that were cut at its default.
        if server.max_text_chars != ServerConfig.max_text_chars:
            parts.append(f"{server.max_text_chars} characters")
        self.key = " ".join(map(str, parts))
        self.url = self._server.url
        channel = config.ballot == "channel"
        questions = config.candidates if channel else 2 * config.permutations
        self.together = max(server.requests // questions, 1)
        self._prefixes: dict[str, _Read | ServerFaultError] = {}
        self._hope = Hope(self.url, server.hopeless_after)
        self.end: ModelError | None = None
        self._is_checked = False

    @property
    def tokens(self) -> int:
        """How many tokens the server says that it read."""
        return self._server.tokens

    def close(self) -> None:
        """Close all connections."""
        self._server.close()

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order.

        Raises:
            ModelError: no server answers, it lacks the model or tells too little for this ballot;
                or it was lost in an earlier call, whose votes were still returned.
        """
        if self.end is not None:
            raise self.end
        if not self._is_checked:
            try:
                self.check()
            except ServerFaultError as fault:
                raise ModelError(f"{self.url}: {fault}") from None
            self._is_checked = True
        votes = [self._hope.heard(answer) for answer in self.answers(ballots)]
        self.end = self.end or self._hope.end
        return votes

    def check(self) -> Mapping[str, Any]:
        """Find the model on the server, and see whether the server can answer this ballot.

        Returns:
            what the server says of the model.

        Raises:
            ModelError: no server answers, it lacks the model or tells too little for this ballot.
            ServerFaultError: it fails at the moment.
        """
        self.end = None
        told = served_model(self._server, self.model)
        try:
            if self._config.ballot == "channel":
                self._check_echo()
            else:
                self._letters("Answer with the letter A or B.", 2)
        except ServerFaultError as fault:
            if fault.down and str(fault) != _NOTHING_TOLD:
                raise
            if str(fault) != _NO_LETTER:  # which a real question may find
                said = f": {fault.detail}" if fault.detail else ""
                raise ModelError(f"{self._server.url}: {fault}{said}") from None
        return told

    def answers(self, ballots: Sequence[Ballot]) -> list[Vote | ServerFaultError]:
        """Return a vote a ballot, in order, or why the server gave none.

        Where no server answers any more, `end` is the error that says so.
        """
        if self._config.ballot == "channel":
            return self._channel(ballots)
        return self._choice(ballots)

    def _check_echo(self) -> None:
        """See whether prompts come back with log-probabilities, and with the right ones.

        llama-cpp-python 0.3 gives each token the probability of the next one where the model's
        prompts begin without a begin token; its list of tokens then lacks the reply.
        """
        read = self._echo(_PROBE)
        # Without spaces, which some servers leave out of tokens; begin tokens may be told or not.
        sent = "".join(f"{self._settings.start}{_PROBE}{read.reply}".split())
        back = "".join("".join([*read.tokens, read.reply]).split())
        if not sent.endswith(back) and not back.endswith(sent):
            raise ModelError(
                f"{self._server.url}: this server shifts the log-probabilities of a prompt by one "
                "token for this model; give the model's begin token in server.start, or use the "
                "choice ballot"
            )

    def _channel(self, ballots: Sequence[Ballot]) -> list[Vote | ServerFaultError]:
        """Return the labels' log-probabilities, from log p(text | label's prefix)."""
        asked = []
        for place, ballot in enumerate(ballots):
            text = disarmed(" ".join(ballot.text.split()))[: self._settings.max_text_chars]
            for card in ballot.candidates if text else ():
                shown = shown_exemplars(card, ballot.text, self._config.exemplars)
                asked.append((place, disarmed(channel_prefix(card, shown)), text))
        new = sorted({p for _, p, _ in asked if not isinstance(self._prefixes.get(p), _Read)})
        self._prefixes.update(zip(new, self._each(self._echo, new), strict=True))

        def score(question: tuple[int, str, str]) -> float:
            _, prefix, text = question
            before = self._prefixes[prefix]
            if isinstance(before, ServerFaultError):
                raise before
            whole = self._echo(f"{prefix} {text}")
            size = len(before.tokens)
            if whole.tokens[:size] == before.tokens:
                return sum(whole.scores[size:])
            return sum(whole.scores) - sum(before.scores)  # a token lies across the border

        found: list[list[float | ServerFaultError]] = [[] for _ in ballots]
        for (place, _, _), answer in zip(asked, self._each(score, asked), strict=True):
            found[place].append(answer)
        return [_vote_of(own, log_probabilities) for own in found]

    def _choice(self, ballots: Sequence[Ballot]) -> list[Vote | ServerFaultError]:
        """Return log p(letter | text) - log p(letter | no text), over orders of the options."""
        asked = []
        for place, ballot in enumerate(ballots):
            count = len(ballot.candidates)
            fits = count <= len(LETTERS) and bool(ballot.text.strip())
            for order in option_orders(ballot, self._config.permutations) if fits else []:
                asked += [(place, order, sign) for sign in (1, -1)]

        def letters(question: tuple[int, list[int], int]) -> Doubles:
            place, order, sign = question
            ballot = ballots[place]
            text = ballot.text if sign > 0 else NO_MESSAGE
            cards = [ballot.candidates[i] for i in order]
            shown = [shown_exemplars(c, ballot.text, self._config.exemplars) for c in cards]
            words = " ".join(text.split())[: self._settings.max_text_chars]
            options = choice_instruction() + choice_options(cards, shown)
            prompt = disarmed(options + choice_message(words))
            scores = np.empty(len(order))
            scores[order] = self._letters(prompt, len(order))
            return sign * scores

        found: list[list[Doubles | ServerFaultError]] = [[] for _ in ballots]
        for (place, _, _), answer in zip(asked, self._each(letters, asked), strict=True):
            found[place].append(answer)
        return [
            _vote_of(own, _mean_choice)
            if own or len(ballot.candidates) <= len(LETTERS)
            else Vote(None, f"{len(ballot.candidates)} options, but only {len(LETTERS)} letters")
            for own, ballot in zip(found, ballots, strict=True)
        ]

    def _each(
        self, ask: Callable[[_Asked], _Got], questions: Sequence[_Asked]
    ) -> list[_Got | ServerFaultError]:
        """Ask in parallel, and return an answer or a fault each, in order."""

        def caught(question: _Asked) -> _Got | ServerFaultError:
            if self.end is not None:
                return ServerFaultError(LOST)
            try:
                return ask(question)
            except ServerFaultError as fault:
                return fault
            except ModelError as error:
                # What the others of this call answer is still to be kept.
                self.end = self.end or error
                return ServerFaultError(LOST)

        return side_by_side(caught, questions, self._settings.requests)

    def _echo(self, prompt: str) -> _Read:
        question = {"prompt": self._settings.start + prompt, "max_tokens": 1, "echo": True}
        choice = self._ask("/completions", {**question, "logprobs": 1})
        found = choice.get("logprobs")
        found = found if isinstance(found, dict) else {}
        tokens, scores = found.get("tokens"), found.get("token_logprobs")
        replied = whole_number(choice["usage"].get("completion_tokens"))
        if not isinstance(tokens, list) or not isinstance(scores, list) or len(tokens) <= replied:
            raise ServerFaultError(
                "the server tells no log-probabilities of a prompt, which the channel ballot needs "
                "(/completions with echo and logprobs); use the choice ballot",
                down=False,
            )
        if len(tokens) != len(scores) or not all(map(_is_score, scores)):
            raise ServerFaultError("log-probabilities of another form")
        text = str(choice.get("text") or "")
        size = len(tokens) - replied
        return _Read(
            tuple(map(str, tokens[:size])),
            tuple(float(score or 0.0) for score in scores[:size]),
            text[len(self._settings.start + prompt) :],
        )

    def _letters(self, question: str, count: int) -> Doubles:
        """Return the log-softmax over the letters; one that is not told has the least of those."""
        most = self._settings.top_logprobs
        if self._settings.chat:
            messages = [{"role": "user", "content": question}]
            asked = {"messages": messages, "logprobs": True, "top_logprobs": most}
            choice, gap = self._ask("/chat/completions", {**asked, "max_tokens": 1}), ""
        else:
            asked = {"prompt": f"{self._settings.start}{question}\n\nAnswer:", "logprobs": most}
            choice, gap = self._ask("/completions", {**asked, "max_tokens": 1}), " "
        told = _likeliest(choice.get("logprobs"))
        least = min(told.values(), default=0.0)
        # As in this process, one token is a letter; which of them, servers may tell without spaces.
        tokens = [(gap + letter, letter, f" {letter}") for letter in LETTERS[:count]]
        found = [next((told[t] for t in same if t in told), None) for same in tokens]
        if all(score is None for score in found):
            raise ServerFaultError(_NO_LETTER if told else _NOTHING_TOLD, down=not told)
        scores = np.array([least if score is None else score for score in found])
        return np.asarray(scores - np.logaddexp.reduce(scores))

    def _ask(self, path: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._server.ask(path, {"model": self.model, "temperature": 0.0, **question})


def served_model(server: ModelServer, name: str) -> Mapping[str, Any]:
    """Return what a server says of a model; nothing where it tells no models.

    Raises:
        ModelError: no server answers, or it lacks the model.
        ServerFaultError: it fails at the moment.
    """
    known = server.models()
    if known and name not in known:
        raise ModelError(
            f"{server.url}: serves no model {name!r}{nearest(name, known)}; "
            f"it has {', '.join([*known][:5])}"
        )
    return known.get(name, {})


def _vote_of(
    found: Sequence[Any], scores_of: Callable[[Doubles], Doubles]
) -> Vote | ServerFaultError:
    """Return a ballot's vote, or the first fault.

    Args:
        found: what was answered to the ballot's questions, or faults.
        scores_of: the scores, from the answers where all were given.
    """
    if not found:
        return Vote(None, EMPTY_TEXT)
    fault = next((answer for answer in found if isinstance(answer, ServerFaultError)), None)
    if fault is not None:
        return fault
    return Vote(tuple(scores_of(np.array(found, dtype=np.float64)).tolist()))


class Hope:
    """Counts the ballots that fail one after the other by the server's fault.

    Attributes:
        end: what is said once there are too many; None before.
    """

    def __init__(self, where: str, most: int) -> None:
        self._where, self._most = where, most
        self._failed = 0
        self.end: ModelError | None = None

    def heard(self, answer: Vote | ServerFaultError) -> Vote:
        """Return a ballot's vote."""
        if isinstance(answer, Vote):
            if answer.scores is not None:
                self._failed = 0
            return answer
        self._failed = self._failed + 1 if answer.down else 0
        if self._failed >= self._most and self.end is None:
            self.end = ModelError(
                f"{self._where}: {self._failed} ballots in a row failed ({answer}); {RESUME}"
            )
        return Vote(None, str(answer))


def _mean_choice(found: Doubles) -> Doubles:
    """Return log-scores from [2 * orders, c]: letters with the text, minus letters without it."""
    total = 2 * found.mean(axis=0)
    return np.asarray(total - np.logaddexp.reduce(total))


LOST = "the server was lost"
_NO_LETTER = "no letter among the likeliest replies"
_NOTHING_TOLD = "the server tells no log-probabilities of a reply"
_PROBE = "one two three four five six seven eight"


def _likeliest(logprobs: Any) -> dict[str, float]:
    """Return the log-probabilities of a reply's first token, by its text."""
    try:
        if "content" in logprobs:  # of a chat
            told = logprobs["content"][0]["top_logprobs"]
            pairs = [(str(entry["token"]), float(entry["logprob"])) for entry in told]
        else:
            pairs = [(str(t), float(score)) for t, score in logprobs["top_logprobs"][0].items()]
        return {token: score for token, score in pairs if _is_score(score)}
    except (TypeError, KeyError, IndexError, ValueError, AttributeError, OverflowError):
        return {}


def _is_score(value: Any) -> bool:
    """Tell whether a server told a log-probability, or that it has none to tell."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (number and abs(value) <= _MOST_NATS)


_MOST_NATS = 1e6
"""Of a token's log-probability: some servers tell -9999 for none at all."""

_CONTROL = re.compile(r"<(?=[|/\uff5c]?\w[\w|\uff5c\u2581]*>)|\[(?=/?INST\])")


def disarmed(text: str) -> str:
    """Return a text in which no server reads a control token such as `<|im_end|>`."""
    return _CONTROL.sub(lambda found: f"{found.group()} ", text)
