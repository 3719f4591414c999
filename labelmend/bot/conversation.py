"""What is answered: messages, commands, and buttons that are pressed.

Only private chats are answered. There, who sends a message is who presses the buttons below its
answer, and the chat's number is the person's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiogram import Dispatcher, F, Router
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import Command, CommandStart
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardMarkup,
    Message,
    TelegramObject,
    User,
)

from labelmend.bot.buttons import Pressed, first_buttons, label_buttons, next_labels
from labelmend.bot.pace import Patience
from labelmend.bot.words import answer_in_words, greeting, with_verdict
from labelmend.errors import LabelmendError
from labelmend.journal.entries import Guess, Said, Verdict
from labelmend.journal.feedback import FeedbackError
from labelmend.journal.log import Journal
from labelmend.serve.answer import Answered
from labelmend.serve.batcher import FullError
from labelmend.serve.models.loaded import AnyLoaded
from labelmend.serve.service import FailedError, Service
from labelmend.voice.speak import LANGUAGES, Language, speaking, tell

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def sender_of(user: User | None) -> str:
    """Return what the log's owner calls a person, such as telegram:123456789."""
    return "" if user is None else f"telegram:{user.id}"


class Conversation:
    """Answers people."""

    def __init__(self, service: Service, journal: Journal | None, language: Language) -> None:
        """Prepare.

        Args:
            service: answers; of two models, both do.
            journal: keeps messages and what people say of answers; None where nothing is kept.
            language: that is spoken with those whose own is none of ours.
        """
        self._service, self._journal, self._language = service, journal, language
        self._patience = Patience()

    def dispatcher(self) -> Dispatcher:
        """Return what handles updates."""
        router = Router()
        router.message.filter(F.chat.type == ChatType.PRIVATE)
        router.message.middleware(self._gently)
        router.message.register(self._greet, CommandStart())
        router.message.register(self._greet, Command("help"))
        router.message.register(self._forget, Command("forget"))
        router.message.register(self._classify, F.text)
        router.message.register(self._texts_only)
        router.callback_query.register(self._pressed)
        dispatcher = Dispatcher()
        dispatcher.include_router(router)
        return dispatcher

    def _language_of(self, user: User | None) -> Language:
        code = (user.language_code or "") if user is not None else ""
        own = code.partition("-")[0]
        return next((one for one in LANGUAGES if one == own), self._language)

    async def _gently(self, answer: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Answer a message in its sender's language, unless one person sends too many."""
        if not isinstance(event, Message) or event.from_user is None:
            return None
        with speaking(self._language_of(event.from_user)):
            may = self._patience.of(event.from_user.id)
            if may == "last":
                await _reply(event, tell("That is a lot at once; please wait a minute."))
            return await answer(event, data) if may == "answer" else None

    async def _greet(self, message: Message) -> None:
        rules = None if self._journal is None else self._journal.rules
        await _reply(message, greeting(rules, compares="against" in self._service.models))

    async def _texts_only(self, message: Message) -> None:
        await _reply(message, tell("I read text messages only."))

    async def _forget(self, message: Message) -> None:
        """Remove all that a person wrote and said."""
        if self._journal is None:
            await _reply(message, tell("Nothing that you write is kept."))
            return
        sender = sender_of(message.from_user)
        try:
            count = await asyncio.to_thread(self._journal.forget_sender, sender)
        except LabelmendError:
            await _reply(message, tell("That did not work; please try again later."))
            return
        said = tell("Removed: {count:,} {count:one=message|other=messages}.", count=count)
        await _reply(message, said)

    async def _classify(self, message: Message) -> None:
        text = message.text or ""
        if not text.strip():
            return
        models = self._service.models
        try:
            answered = await self._service.answer(
                (text,), compare="against" in models, sender=sender_of(message.from_user)
            )
        except (FullError, FailedError):
            await _reply(message, tell("That did not work; please try again later."))
            return
        said = answer_in_words(answered, _names(list(models.values())))
        await _reply(message, said, self._buttons(answered))

    def _buttons(self, answered: Answered) -> InlineKeyboardMarkup | None:
        if self._journal is None:
            return None
        said = [answered.main, *([answered.against] if answered.against is not None else [])]
        return first_buttons(answered.request_id, [one.of_first().label for one in said])

    async def _pressed(self, query: CallbackQuery) -> None:
        with speaking(self._language_of(query.from_user)):
            pressed = Pressed.read(query.data)
            if pressed is None or self._journal is None:
                await _acknowledge(query, tell("This button does nothing any more."))
                return
            try:
                guesses = await asyncio.to_thread(self._journal.guesses_of, pressed.request)
                await self._follow(query, pressed, guesses)
            except FeedbackError as error:
                await _acknowledge(query, _refusal(error))
            except LabelmendError:
                await _acknowledge(query, tell("That did not work; please try again later."))

    async def _follow(
        self, query: CallbackQuery, pressed: Pressed, guesses: Sequence[Guess]
    ) -> None:
        """Do what a button says.

        Raises:
            FeedbackError: the log refuses it.
            LabelmendError: the log can't be written.
        """
        oos = self._service.models["main"].oos_label
        if pressed.action == "unknown":
            await _conclude(query, tell("You said: wrong."))
        elif pressed.action == "wrong":
            await self._keep(query, pressed.request, None)
            await _acknowledge(query, tell("Thank you. Which label is right?"))
            await _ask(query, label_buttons(pressed.request, guesses, oos))
        else:
            label = _label_of(pressed, guesses, oos)
            if label is None:
                await _acknowledge(query, tell("This button does nothing any more."))
                return
            await self._keep(query, pressed.request, label)
            await _conclude(query, tell("You said: {label} is right.", label=label))

    async def _keep(self, query: CallbackQuery, request: str, label: str | None) -> None:
        assert self._journal is not None
        models = self._service.models.values()
        labels = frozenset(name for model in models for name in model.labels)
        verdict: Verdict = "wrong" if label is None else "label"
        said = Said(request, sender_of(query.from_user), verdict, label)
        await asyncio.to_thread(self._journal.feedback, said, labels)


def _names(models: Sequence[AnyLoaded]) -> list[str]:
    """Return what the models are called; two of one name with their versions."""
    if len({model.name for model in models}) == len(models):
        return [model.name for model in models]
    return [f"{model.name} {model.version[:_SHORT]}" for model in models]


_SHORT = 6
"""Digits of a version that tell two models apart."""


def _label_of(pressed: Pressed, guesses: Sequence[Guess], oos: str | None) -> str | None:
    """Return the label that a button means; None where it means none any more."""
    if pressed.action == "oos":
        return oos
    labels = (
        tuple(guess.label for guess in guesses)
        if pressed.action == "right"
        else next_labels(guesses)
    )
    return labels[pressed.place] if pressed.place < len(labels) else None


def _refusal(error: FeedbackError) -> str:
    said: Mapping[int, str] = {
        404: tell("This answer is not kept any more."),
        422: tell("This label is not there any more."),
        429: tell("That is a lot at once; please wait a while."),
    }
    return said.get(error.status, tell("Enough was said of this answer."))


async def _reply(message: Message, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    # Who has blocked the bot, or is gone, wants no answer.
    with suppress(TelegramForbiddenError):
        await message.answer(text, reply_markup=buttons)


async def _acknowledge(query: CallbackQuery, text: str) -> None:
    # A query is too old after some minutes; what it said is kept all the same.
    with suppress(TelegramBadRequest):
        await query.answer(text)


async def _ask(query: CallbackQuery, buttons: InlineKeyboardMarkup) -> None:
    if isinstance(query.message, Message):
        with suppress(TelegramBadRequest):  # it stands there already
            await query.message.edit_reply_markup(reply_markup=buttons)


async def _conclude(query: CallbackQuery, verdict: str) -> None:
    """Say what the person said below the answer, and take its buttons away."""
    await _acknowledge(query, tell("Thank you."))
    if isinstance(query.message, Message) and query.message.text is not None:
        with suppress(TelegramBadRequest):
            await query.message.edit_text(with_verdict(query.message.text, verdict))
