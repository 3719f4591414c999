"""What passes between those who ask for texts and the LLM that writes them, and what it said."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from labelmend.llm.store import Store, key_of
from labelmend.protocols import Progress

_NUMBERED = re.compile(r"^\s*(?:[-*\u2022]|\(?\d{1,2}[.):])\s*")
_QUOTES = "\"'\u201c\u201d\u00ab\u00bb\u201e`"
_YES = ("yes", "да")
_NO = ("no", "нет")


@dataclass(frozen=True)
class Question:
    """One question to an LLM.

    Attributes:
        kind: name and version of the prompt.
        opening: what all prompts of this kind begin with; it may be empty.
        rest: of the prompt.
        lines: texts that the answer is to have; 0 for a question that takes a word.
        seed: of what is drawn; nothing is where `lines` is 0.
        parents: places of the real texts that the prompt shows.
    """

    kind: str
    opening: str
    rest: str
    lines: int = 0
    seed: int = 0
    parents: tuple[int, ...] = ()

    @property
    def prompt(self) -> str:
        """All of it."""
        return self.opening + self.rest


@dataclass(frozen=True)
class Reply:
    """What an LLM answered: a text, or the reason why there is none."""

    text: str | None
    failure: str | None = None


class Writer(Protocol):
    """An LLM that answers questions."""

    @property
    def name(self) -> str:
        """The model's name in records."""
        ...

    @property
    def key(self) -> str:
        """Names all that can change its answers beside the question: model, settings."""
        ...

    @property
    def together(self) -> int:
        """Questions that are put to it at a time, at least 1."""
        ...

    @property
    def can_judge(self) -> bool:
        """Whether its yes and no mean anything."""
        ...

    def write(self, questions: Sequence[Question]) -> list[Reply]:
        """Return one reply a question, in order.

        Raises:
            ModelError: the model can't be used any more.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class Interview:
    """Puts questions to a writer, but those that the store remembers.

    Each group that the writer takes at a time is committed before it is reported as done.

    Attributes:
        asked: questions so far.
        remembered: of these, what the store held.
        failures: questions without an answer, by reason; they are asked again next time.
    """

    def __init__(self, writer: Writer, store: Store, progress: Progress) -> None:
        self._writer = writer
        self._store = store
        self._progress = progress
        self.asked = 0
        self.remembered = 0
        self.failures: Counter[str] = Counter()

    def known(self, questions: Sequence[Question]) -> int:
        """Return how many of some questions the store remembers."""
        return len(self._store.replies([self._key(question) for question in questions]))

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[Question, str | None]]:
        """Yield each question with its answer, None where there is none, in order.

        Raises:
            ModelError: the model can't be used any more; answers so far are stored.
        """
        keys = [self._key(question) for question in questions]
        size = max(self._writer.together, 1)
        for first in range(0, len(questions), size):
            group, own = questions[first : first + size], keys[first : first + size]
            held = self._store.replies(own)
            missing = [i for i, key in enumerate(own) if key not in held]
            replies = self._writer.write([group[i] for i in missing]) if missing else []
            said = []
            for i, reply in zip(missing, replies, strict=True):
                if reply.text is None:
                    self.failures[reply.failure or "no answer"] += 1
                else:
                    said.append((own[i], reply.text))
            self._store.put_replies(said)
            # Another process may have been first: what the store holds is what stands.
            held |= self._store.replies([key for key, _ in said])
            self.asked += len(group)
            self.remembered += len(group) - len(missing)
            self._progress.advance(len(group))
            yield from ((question, held.get(key)) for question, key in zip(group, own, strict=True))

    def _key(self, question: Question) -> str:
        drawn = (str(question.lines), str(question.seed)) if question.lines else ()
        return key_of("augment", self._writer.key, question.kind, question.prompt, *drawn)


def lines_in(reply: str, most: int) -> list[str]:
    """Return the texts of a reply, a line each, without numbers and quotes round them.

    Args:
        reply: it ends at an empty line behind the first text.
        most: texts that were asked for; more are left out.
    """
    found: list[str] = []
    for line in reply.splitlines():
        text = " ".join(unquoted(_NUMBERED.sub("", line)).split())
        if text:
            found.append(text)
        elif found and not line.strip():
            break
    return found[:most]


def is_done(reply: str, most: int) -> bool:
    """Tell whether a reply has all texts that were asked for, the last one with its line end."""
    text = reply.lstrip()
    return text.count("\n") >= most or "\n\n" in text


def said_yes(reply: str | None) -> bool | None:
    """Return what a reply of a word says; None where it is neither yes nor no."""
    words = re.findall(r"\w+", (reply or "").casefold())
    first = words[0] if words else ""
    return True if first in _YES else False if first in _NO else None


def unquoted(text: str) -> str:
    """Return a text without the quotes round it."""
    text = text.strip()
    while len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text
