"""What the bot says, in the language that is spoken."""

from collections.abc import Sequence

from labelmend.journal.entries import LogRules
from labelmend.serve.answer import Answered, Prediction
from labelmend.voice.speak import number, tell

_LONGEST_MESSAGE = 4000
"""Characters; Telegram takes 4,096."""


def answer_in_words(answered: Answered, names: Sequence[str]) -> str:
    """Return what the models say of the first text of a request.

    Args:
        answered: the request.
        names: of the models, the served one first.
    """
    said = [answered.main, *([answered.against] if answered.against is not None else [])]
    blocks = [_said(one.of_first()) for one in said]
    if len(blocks) > 1:
        blocks = [f"{name}:\n{block}" for name, block in zip(names, blocks, strict=False)]
    return _cut("\n\n".join(blocks))


def _said(one: Prediction) -> str:
    head = tell("{label}, {share:.0%}", label=one.label, share=one.probability)
    if one.is_oos:
        head = tell("fits no label ({label}, {share:.0%})", label=one.label, share=one.probability)
    others = [f"{s.label} {number(s.probability, '.0%')}" for s in one.top if s.label != one.label]
    return f"{head}\n{', '.join(others)}" if others else head


def with_verdict(text: str, verdict: str) -> str:
    """Return an answer's text with what the person said of it below."""
    return f"{_cut(text)}\n\n{verdict}"


def greeting(rules: LogRules | None, *, compares: bool) -> str:
    """Return what the bot is, and what it keeps.

    Args:
        rules: of the log; None where there is none.
        compares: whether two models answer.
    """
    if compares:
        first = tell("Send me a message, and I say which label two models give it.")
    else:
        first = tell("Send me a message, and I say which label it has.")
    if rules is None:
        return f"{first}\n\n{tell('Nothing that you write is kept.')}"
    buttons = tell("The buttons below an answer say whether it is right; that helps to mend it.")
    if not rules.texts:
        kept = tell("Your messages are not kept, only a code of each that tells equal ones.")
    elif rules.mask:
        kept = tell(
            "Your messages are kept to learn from, without mail addresses, phone and card numbers "
            "and the like."
        )
    else:
        kept = tell("Your messages are kept to learn from.")
    if rules.keep_days is not None:
        kept += " " + tell(
            "After {days:,} {days:one=day|other=days} they are removed.",
            days=_whole(rules.keep_days),
        )
    return f"{first} {buttons}\n\n{kept} {tell('/forget removes all that is yours.')}"


def _whole(days: float) -> int | float:
    return int(days) if float(days).is_integer() else days


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."
