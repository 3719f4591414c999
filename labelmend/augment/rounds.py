"""Rounds of asking and judging, until each label has what it lacks or has had its share of drafts.

How many questions a round asks follows from how many drafts were let in so far, so a judge that
lets few in gets more, and no label more than `augment.drafts_per_text` allows.
"""

import math
from collections import Counter

import numpy as np

from labelmend.augment.diversity import diversity_of
from labelmend.augment.judge import Judge
from labelmend.augment.plan import Plan, RealTexts, Wanted, listed
from labelmend.augment.questions import Interview, Question, lines_in
from labelmend.augment.result import Augmentation, LabelOutcome
from labelmend.augment.rules import is_refusal
from labelmend.configs.schema import AugmentConfig
from labelmend.errors import ModelError
from labelmend.protocols import Progress

_FIRST_GUESS = 0.6
"""Share of the drafts that is let in, as the first round has it; later ones know better."""

_LEAST_GUESS = 0.2
"""No round asks for more than five drafts a text that is lacking."""


def write_texts(
    plan: Plan,
    real: RealTexts,
    writer: Interview,
    judge: Judge,
    config: AugmentConfig,
    seed: int,
    progress: Progress,
) -> Augmentation:
    """Ask for texts and judge them.

    Args:
        plan: what is asked for.
        real: the texts that there are.
        writer: the LLM and the store of what it said.
        judge: lets drafts in.
        config: how much is asked.
        seed: of the questions.
        progress: advances by questions, a stage a round.

    Raises:
        ModelError: the LLM can't be used any more, or says nothing that is a text.
    """
    asked = dict.fromkeys(range(len(plan.wanted)), 0)
    usable = refused = 0
    for turn in range(1, sum(w.budget(config) for w in plan.wanted) + 1):
        share = _share_let_in(judge, plan)
        due: list[tuple[Wanted, Question]] = []
        for place, wanted in enumerate(plan.wanted):
            count = _due(wanted, judge, asked[place], share, config)
            numbers = range(asked[place], asked[place] + count)
            due += [(wanted, wanted.question(n, real, config, seed)) for n in numbers]
            asked[place] += count
        if not due:
            break
        progress.start(f"write drafts, round {turn}", len(due))
        replies = writer.ask([question for _, question in due])
        for (wanted, question), (_, reply) in zip(due, replies, strict=True):
            texts = lines_in(reply, question.lines) if reply is not None else []
            refused += int(reply is not None and is_refusal(reply))
            if texts and not is_refusal(reply or ""):
                usable += 1
            judge.judge(wanted, question, texts)
            if not usable and writer.asked >= config.hopeless_after:
                raise ModelError(_hopeless(writer, refused))
    return _outcome(plan, judge, real, writer)


def _share_let_in(judge: Judge, plan: Plan) -> float:
    held = [judge.held(wanted) for wanted in plan.wanted]
    drafts = sum(one.drafts for one in held)
    if not drafts:
        return _FIRST_GUESS
    return max(sum(len(one.accepted) for one in held) / drafts, _LEAST_GUESS)


def _due(wanted: Wanted, judge: Judge, asked: int, share: float, config: AugmentConfig) -> int:
    """Return how many more questions a label gets in this round."""
    missing = wanted.count - len(judge.held(wanted).accepted)
    if missing <= 0:
        return 0
    needed = math.ceil(missing / share / config.lines)
    return min(needed, wanted.budget(config) - asked)


def _hopeless(writer: Interview, refused: int) -> str:
    if writer.failures:
        reason, _ = writer.failures.most_common(1)[0]
        return f"the LLM answered none of {writer.asked} questions ({reason}); nothing was written"
    what = "refuses" if refused else "says nothing that is a text"
    return (
        f"the LLM {what}: {writer.asked} questions, and no draft to judge; nothing was written; "
        "give another model with --model"
    )


def _outcome(plan: Plan, judge: Judge, real: RealTexts, writer: Interview) -> Augmentation:
    outcomes = []
    for wanted in plan.wanted:
        held = judge.held(wanted)
        old = [real.texts[row] for row in wanted.rows]
        new = [text.draft.text for text in held.accepted]
        parts = np.split(held.vectors, [held.real])
        outcomes.append(
            LabelOutcome(
                wanted,
                held.drafts,
                tuple(held.accepted),
                held.rejected,
                {
                    "real": diversity_of(old, parts[0]),
                    "new": diversity_of(new, parts[1]),
                    "together": diversity_of([*old, *new], held.vectors),
                },
            )
        )
    return Augmentation(
        plan, tuple(outcomes), writer.asked, writer.remembered, dict(writer.failures), plan.notes
    )


def notes_on(found: Augmentation) -> tuple[str, ...]:
    """Return what the user should know of an augmentation, beside what was planned."""
    notes = []
    if found.short:
        got = "label got" if len(found.short) == 1 else "labels got"
        notes.append(
            f"{len(found.short)} {got} fewer texts than asked for: {listed(found.short)}; the "
            "judge let too few in: give a larger model, or raise augment.drafts_per_text"
        )
    for reason, count in sorted(Counter(found.failures).items()):
        notes.append(f"{count} questions were not answered: {reason}; run again to ask them anew")
    return tuple(notes)
