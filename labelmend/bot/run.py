"""A bot from its token to its last answer."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.types import Update

from labelmend.bot.conversation import Conversation
from labelmend.bot.pace import Pacing
from labelmend.bot.polling import Heard, Polling, own_name
from labelmend.bot.rules import BotRules
from labelmend.journal.log import Journal
from labelmend.serve.service import Service


def _server(address: str | None) -> TelegramAPIServer:
    return PRODUCTION if address is None else TelegramAPIServer.from_base(address.rstrip("/"))


class Talking:
    """A bot that answers until a signal comes.

    Attributes:
        polling: takes messages; None before it began.
    """

    def __init__(
        self, token: str, service: Service, journal: Journal | None, rules: BotRules, heard: Heard
    ) -> None:
        """Prepare.

        Args:
            token: of the bot.
            service: answers.
            journal: keeps messages and feedback; None for nothing.
            rules: how it talks.
            heard: of trouble, see `labelmend.bot.polling`.
        """
        self._token, self._service, self._journal = token, service, journal
        self._rules, self._heard = rules, heard
        self._loop: asyncio.AbstractEventLoop | None = None
        self.polling: Polling | None = None

    def run(self) -> None:
        """Answer until SIGINT or SIGTERM, and then all that was taken; a second signal ends it.

        Raises:
            LabelmendError: the token is refused, somebody else takes the messages, or at the
                beginning the server can't be reached.
        """
        with _silent_aiogram(), suppress(asyncio.CancelledError):
            asyncio.run(self._talk())

    async def _talk(self) -> None:
        session = AiohttpSession(api=_server(self._rules.api_server))
        session.middleware(Pacing())
        conversation = Conversation(self._service, self._journal, self._rules.language)
        dispatcher = conversation.dispatcher()
        async with Bot(self._token, session=session) as bot:
            name = await own_name(bot)

            async def handle(update: Update) -> None:
                await dispatcher.feed_update(bot, update)

            long = {} if self._rules.long_poll is None else {"long": self._rules.long_poll}
            polling = Polling(bot, handle, self._heard, **long)
            self._loop, self.polling = asyncio.get_running_loop(), polling
            self._listen(polling)
            self._heard("begun", name)
            await polling.run()

    def stop(self) -> None:
        """Let `run` return, from another thread."""
        if self._loop is not None and self.polling is not None:
            with suppress(RuntimeError):  # it has returned already
                self._loop.call_soon_threadsafe(self.polling.stop)

    def _listen(self, polling: Polling) -> None:
        """Stop at the first signal, and leave at the second."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        seen = False

        def stop() -> None:
            nonlocal seen
            if seen and task is not None:
                task.cancel()
            seen = True
            polling.stop()

        # Windows has no such handlers, and other threads than the main one hear no signals.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)


@contextmanager
def _silent_aiogram() -> Iterator[None]:
    """Keep aiogram's loggers silent: what they say may quote messages."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(one, one.level) for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in before:
            one.setLevel(level)


_LOGGERS = (
    *("aiogram", "aiogram.dispatcher", "aiogram.event", "aiogram.middlewares"),
    *("aiohttp.client", "asyncio"),
)
"""Of aiogram and what it is built on."""
