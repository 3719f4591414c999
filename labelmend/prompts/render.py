"""Renders the versioned prompt templates beside this file.

A change to a template, or to the order in which it is given what it shows, is a new file with the
next version, since votes are stored by it.
"""

import functools
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from labelmend.types import LabelCard

CHANNEL = "channel.v4"
CHOICE = "choice.v3"
CHOICE_MESSAGE = "choice_message.v2"
DESCRIBE = "describe.v1"
DESCRIBE_START = "The user"
"""How the describe prompt ends, and each description begins."""
REWORD = "reword.v1"
NEW_TEXT = "new_text.v1"
GO_ON = "go_on.v1"
JUDGE_TEXT = "judge_text.v1"
JUDGE_LABEL = "judge_label.v1"
NO_MESSAGE = "N/A"
"""What stands for a text where the choice ballot asks what the options say without one."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_MOST_EXEMPLAR_CHARS = 200
"""A longer exemplar is cut: a prompt shows what a label is like, not a whole letter."""


def channel_prefix(card: LabelCard, exemplars: Sequence[str]) -> str:
    """Return what precedes a text of this label in the channel ballot; the text follows a space.

    Small models read a piece of YAML better than a headed list (docs/voters.md).
    """
    return _template(CHANNEL).render(
        label=one_line(card.label),
        description=card.description,
        exemplars=[one_line(e) for e in exemplars],
    )


def choice_instruction() -> str:
    """Return what every question of the choice ballot begins with.

    It ends before the empty line: tokenized by itself, that would make another token than within
    the whole question.
    """
    return _template(CHOICE).render(options=[], letters=LETTERS).rstrip("\n")


def choice_options(cards: Sequence[LabelCard], exemplars: Sequence[Sequence[str]]) -> str:
    """Return the lettered options, which follow the instruction, in the order of `cards`."""
    options = [
        (card, [one_line(e) for e in own]) for card, own in zip(cards, exemplars, strict=True)
    ]
    whole = _template(CHOICE).render(options=options, letters=LETTERS)
    return whole.removeprefix(choice_instruction())


def choice_message(text: str) -> str:
    """Return the text with the question, which follow the options."""
    return _template(CHOICE_MESSAGE).render(text=" ".join(text.split()))


def describe_prompt(name: str, examples: Sequence[str]) -> str:
    """Return the examples that a label's description continues."""
    return _template(DESCRIBE).render(name=name, examples=[one_line(e) for e in examples])


def reword_prompt(text: str, card: LabelCard, language: str = "") -> tuple[str, str]:
    """Return how rewordings of a text are asked for: what all such prompts begin with, the rest.

    Args:
        text: a real one.
        card: of its label.
        language: of the texts, in English; empty where it goes without saying.
    """
    facts = {"text": one_line(text), "name": card.name, "description": card.description}
    return _cut(REWORD, **facts, language=language)


def new_text_prompt(
    card: LabelCard, examples: Sequence[str], language: str = ""
) -> tuple[str, str]:
    """Return how new texts of a label are asked for: as `reword_prompt`."""
    shown = [one_line(e) for e in examples]
    facts = {"name": card.name, "description": card.description}
    return _cut(NEW_TEXT, **facts, examples=shown, language=language)


def go_on_prompt(lines: int) -> str:
    """Return what follows a list in a chat, for the model to go on with it."""
    return _template(GO_ON).render(lines=lines)


def judge_prompts(text: str, card: LabelCard, other: str) -> tuple[str, str]:
    """Return two questions on a draft: whether it is a message, and whether of this label.

    Args:
        text: the draft.
        card: of its label.
        other: name of the label that comes next; empty for none.
    """
    facts = {"name": card.name, "description": card.description, "other": other}
    return (
        _template(JUDGE_TEXT).render(text=one_line(text)),
        _template(JUDGE_LABEL).render(text=one_line(text), **facts),
    )


def _cut(template: str, **facts: object) -> tuple[str, str]:
    opening, _, rest = _template(template).render(cut=_CUT, **facts).partition(_CUT)
    return opening, rest


_CUT = "\0"
"""Where what all prompts of a template begin with ends: no text of a table has it in a prompt."""


def one_line(text: str) -> str:
    """Return a text on one line, cut to what a prompt shows."""
    joined = " ".join(text.split())
    if len(joined) <= _MOST_EXEMPLAR_CHARS:
        return joined
    return joined[:_MOST_EXEMPLAR_CHARS].rsplit(" ", 1)[0] + " ..."


@functools.cache
def _template(name: str) -> Template:
    # Plain text, not HTML: nothing is to be escaped.
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701
    )
    source = resources.files("labelmend.prompts").joinpath(f"{name}.jinja").read_text("utf-8")
    return environment.from_string(source)
