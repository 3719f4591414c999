"""The buttons below an answer, and what is pressed.

A button carries the id of the request and what it says, in the 64 bytes that Telegram has for it;
which label a number means is known from the log, so buttons work after a restart.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from labelmend.journal.entries import Guess
from labelmend.voice.speak import tell

Action = Literal["right", "wrong", "label", "oos", "unknown"]

_CODES: dict[Action, str] = {"right": "r", "wrong": "w", "label": "l", "oos": "o", "unknown": "u"}
_ACTIONS = {code: action for action, code in _CODES.items()}

_DATA = re.compile(r"([rwlou]):([0-9A-Za-z._-]{1,50}):([0-9]{1,3})")

_LONGEST_BUTTON = 40
"""Characters: a phone shows about as many in a row."""

_MOST_LABELS = 6
"""That are offered after "wrong": more is no choice but a list."""


@dataclass(frozen=True)
class Pressed:
    """What a button says.

    Attributes:
        action: that an answer is right or wrong, which label is right, that none is, or that the
            person does not know.
        request: id of the entry in the log.
        place: of the guess that is right, or of the right label among `next_labels`.
    """

    action: Action
    request: str
    place: int = 0

    def data(self) -> str:
        """Return it as Telegram keeps it."""
        return f"{_CODES[self.action]}:{self.request}:{self.place}"

    @classmethod
    def read(cls, data: str | None) -> "Pressed | None":
        """Return what a button said; None where it is none of ours."""
        found = _DATA.fullmatch(data or "")
        if found is None:
            return None
        return cls(_ACTIONS[found[1]], found[2], int(found[3]))


def next_labels(guesses: Sequence[Guess]) -> tuple[str, ...]:
    """Return the labels that may be right where all guesses are wrong, likeliest first."""
    shares: dict[str, float] = defaultdict(float)
    for guess in guesses:
        for label, share in guess.top:
            shares[label] += share
    wrong = {guess.label for guess in guesses}
    left = sorted((-share, label) for label, share in shares.items() if label not in wrong)
    return tuple(label for _, label in left[:_MOST_LABELS])


def first_buttons(request: str, labels: Sequence[str]) -> InlineKeyboardMarkup:
    """Return the buttons of an answer.

    Args:
        request: id of the entry in the log.
        labels: what each model said.
    """
    if len(set(labels)) == 1:
        row = [
            _button(tell("right"), Pressed("right", request), "\N{WHITE HEAVY CHECK MARK}"),
            _button(tell("wrong"), Pressed("wrong", request), "\N{CROSS MARK}"),
        ]
        return InlineKeyboardMarkup(inline_keyboard=[row])
    rows = [
        [_button(label, Pressed("right", request, place), "\N{WHITE HEAVY CHECK MARK}")]
        for place, label in enumerate(labels)
    ]
    rows.append([_button(tell("both are wrong"), Pressed("wrong", request), "\N{CROSS MARK}")])
    return InlineKeyboardMarkup(inline_keyboard=rows)


def label_buttons(
    request: str, guesses: Sequence[Guess], oos_label: str | None
) -> InlineKeyboardMarkup:
    """Return the buttons that ask which label is right.

    Args:
        request: id of the entry in the log.
        guesses: what the models said.
        oos_label: the label that means "fits no label"; None without one.
    """
    offered = next_labels(guesses)
    rows = [
        [_button(label, Pressed("label", request, place))]
        for place, label in enumerate(offered)
        if label != oos_label
    ]
    if oos_label is not None and all(guess.label != oos_label for guess in guesses):
        rows.append([_button(tell("fits no label"), Pressed("oos", request))])
    rows.append([_button(tell("I don't know"), Pressed("unknown", request))])
    return InlineKeyboardMarkup(inline_keyboard=rows)


def _button(text: str, pressed: Pressed, sign: str = "") -> InlineKeyboardButton:
    shown = (
        text
        if len(text) <= _LONGEST_BUTTON
        else f"{text[: _LONGEST_BUTTON - 1]}\N{HORIZONTAL ELLIPSIS}"
    )
    return InlineKeyboardButton(text=f"{sign} {shown}".strip(), callback_data=pressed.data())
