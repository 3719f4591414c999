"""Long polling by one worker: what people send is taken once, in order, and answered.

aiogram's own loop reads all updates of a reply at once: one that it can't read would come again for
ever. Here each is read alone, and those that can't be read are counted and passed over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.types import Update, User
from pydantic import ValidationError

from labelmend.bot.pace import MOST_WAIT
from labelmend.errors import InputError, LabelmendError
from labelmend.voice.speak import note

_KINDS = ["message", "callback_query"]
"""Updates that are asked for."""

_LONG = 25
"""Seconds that the server may wait for an update."""

_SLACK = 10
"""Seconds that a reply may take beyond that."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two tries while nothing comes; each pause is twice the one before."""

_CONFLICTS = 3
"""Times that somebody else may take the updates before this worker gives way: after a restart, the
long poll of the one before may still be open."""

_AT_ONCE = 32
"""Updates that are worked on at the same time."""

_GRACE = 10.0
"""Seconds that answers to what was taken have when the worker stops."""

_FIRST_CALL = 15
"""Seconds for asking the server what the bot is called."""

_LAST_CALL = 5.0
"""Seconds for telling the server, at the end, which updates were taken."""

Raw = dict[str, Any]
"""An update as JSON."""

Heard = Callable[[str, str], None]
"""Hears that polling is in trouble, `lost` and why, or works again, `found`, or that an update was
passed over, `passed`. No text and no token is among the words."""

Handle = Callable[[Update], Awaitable[None]]

_Found = TypeVar("_Found")


class RawUpdates(TelegramMethod[list[Raw]]):
    """`getUpdates`, whose updates are not read yet."""

    __returning__: ClassVar[Any] = list[Raw]
    __api_method__: ClassVar[str] = "getUpdates"

    offset: int | None = None
    timeout: int | None = None
    limit: int | None = None
    allowed_updates: list[str] | None = None


async def own_name(bot: Bot) -> str:
    """Return what the bot is called, and so find out whether its token is right.

    Raises:
        InputError: the token is refused, or the server can't be reached.
    """
    try:
        me: User | None = await bot.get_me(request_timeout=_FIRST_CALL)
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise _refused() from None
    except (AiogramError, ValidationError) as error:
        raise _no_api(trouble(error)) from None
    if me is None:  # "ok", and nothing else
        raise _no_api(note("an answer that is none of the Bot API's"))
    return me.username or me.first_name


def _no_api(why: str) -> LabelmendError:
    return InputError(f"the Bot API can't be asked ({why}); see to the network, or to --api-server")


def _refused() -> LabelmendError:
    return InputError(
        "the Bot API refuses the token of LABELMEND_TELEGRAM_TOKEN; set it to the one that "
        "@BotFather gave"
    )


def trouble(error: BaseException) -> str:
    """Return what went wrong, in words that quote no message and no address."""
    if isinstance(error, TelegramRetryAfter):
        return note("flood limit, {seconds} s", seconds=error.retry_after)
    if isinstance(error, ClientDecodeError | ValidationError):
        return note("an answer that is none of the Bot API's")
    if isinstance(error, TelegramNetworkError):
        return note("the network")
    if isinstance(error, TelegramServerError):
        return note("an error of the server's")
    return type(error).__name__


class Polling:
    """Takes updates and hands them on, until it is stopped."""

    def __init__(self, bot: Bot, handle: Handle, heard: Heard, long: int = _LONG) -> None:
        """Prepare.

        Args:
            bot: to ask with.
            handle: answers an update; those of one chat one after the other.
            heard: of trouble.
            long: seconds that the server may wait for an update.
        """
        self._bot, self._handle, self._heard, self._long = bot, handle, heard, long
        self._stopping = asyncio.Event()
        self._offset: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._chats: dict[int, asyncio.Task[None]] = {}
        self._pause = _FIRST_PAUSE
        self._conflicts = 0
        self._is_lost = False

    def stop(self) -> None:
        """Take no more updates; `run` returns when those that were taken are answered."""
        self._stopping.set()

    async def run(self) -> None:
        """Take updates until `stop` is called.

        Raises:
            InputError: the token is refused, or somebody else takes the updates.
        """
        try:
            while not self._stopping.is_set():
                for raw in await self._unless_stopped(self._ask()) or []:
                    await self._take(raw)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_GRACE)
            for task in self._tasks:
                task.cancel()
        await self._confirm()

    async def _unless_stopped(self, work: Coroutine[Any, Any, _Found]) -> _Found | None:
        """Return what some work finds; None where it is stopped before."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            stopping.cancel()

    async def _ask(self) -> list[Raw]:
        """Return the next updates; after trouble none, and not before a pause.

        Raises:
            InputError: the token is refused, or somebody else takes the updates.
        """
        asked = RawUpdates(offset=self._offset, timeout=self._long, allowed_updates=_KINDS)
        try:
            found = await self._bot(asked, request_timeout=self._long + _SLACK)
        except TelegramUnauthorizedError:
            raise _refused() from None
        except TelegramConflictError:
            self._conflicts += 1
            if self._conflicts >= _CONFLICTS:
                raise InputError(
                    "another program takes this bot's messages, or it has a webhook; stop that one "
                    "first: a bot has one worker"
                ) from None
            await self._wait(note("another worker of this bot"))
        except TelegramRetryAfter as error:
            await self._wait(trouble(error), min(error.retry_after, MOST_WAIT))
        except (AiogramError, ValidationError) as error:
            await self._wait(trouble(error))
        else:
            self._pause, self._conflicts = _FIRST_PAUSE, 0
            if self._is_lost:
                self._is_lost = False
                self._heard("found", "")
            return found or []
        return []

    async def _wait(self, why: str, seconds: float | None = None) -> None:
        """Pause, and say once why."""
        if not self._is_lost:
            self._is_lost = True
            self._heard("lost", why)
        if seconds is None:
            seconds = self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(seconds)

    async def _take(self, raw: Raw) -> None:
        """Begin to answer an update."""
        number = raw.get("update_id")
        if not isinstance(number, int) or isinstance(number, bool):
            self._heard("passed", note("an update without a number"))
            return
        if self._offset is not None and number < self._offset:
            return  # it was taken already
        if await self._unless_stopped(self._room.acquire()) is None:
            return  # the next worker gets it
        self._offset = number + 1
        try:
            update = Update.model_validate(raw, context={"bot": self._bot})
        except ValidationError:
            self._room.release()
            self._heard("passed", note("an update that can't be read"))
            return
        chat = _chat_of(update)
        task = asyncio.create_task(self._answer(update, self._chats.get(chat)))
        self._chats[chat] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(chat, done))

    async def _answer(self, update: Update, before: asyncio.Task[None] | None) -> None:
        """Answer an update when the one before of the same chat is answered."""
        if before is not None:
            await asyncio.wait({before})
        try:
            await self._handle(update)
        except TelegramAPIError as error:
            self._heard(
                "passed", note("an answer could not be sent: {why:name}", why=trouble(error))
            )
        except Exception as error:  # noqa: BLE001 -- the next one is answered all the same
            self._heard(
                "passed", note("a message could not be answered: {why}", why=type(error).__name__)
            )

    def _done(self, chat: int, task: asyncio.Task[None]) -> None:
        self._room.release()
        self._tasks.discard(task)
        if self._chats.get(chat) is task:
            del self._chats[chat]

    async def _confirm(self) -> None:
        """Tell the server which updates were taken, so that the next worker does not get them."""
        if self._offset is None:
            return
        asked = RawUpdates(offset=self._offset, timeout=0, limit=1, allowed_updates=_KINDS)
        try:
            async with asyncio.timeout(_LAST_CALL):
                await self._bot(asked, request_timeout=int(_LAST_CALL))
        except (AiogramError, ValidationError, TimeoutError):
            return


def _chat_of(update: Update) -> int:
    """Return what tells chats apart."""
    if update.message is not None:
        return update.message.chat.id
    if update.callback_query is not None:
        return update.callback_query.from_user.id
    return 0
