"""Flood limits: those of Telegram, which are kept, and ours, which keep one person from all of it.

Telegram answers 429 and says after how many seconds it will listen again. Until then nothing is
sent, and then it is sent again. What the network swallowed is sent again, too, a few times.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from aiogram import Bot
from aiogram.client.session.middlewares.base import (
    BaseRequestMiddleware,
    NextRequestMiddlewareType,
)
from aiogram.exceptions import (
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

MOST_WAIT = 300.0
"""Seconds that a reply waits for a flood limit: after five minutes nobody reads it any more."""

_TRIES = 3
"""Of a call that the network or the server failed."""

_FIRST_PAUSE = 0.5
"""Seconds before the second try; twice that before the next."""

_CALLS_A_SECOND = 25
"""Telegram's limit for a bot is about 30 messages a second."""

_MESSAGES_A_MINUTE = 20
"""That are answered to one person: as many as one types."""

_MINUTE = 60.0
"""Seconds."""

_MOST_PEOPLE = 10_000
"""Whose pace is remembered; those who were silent for longest are forgotten."""


class Pacing(BaseRequestMiddleware):
    """Sends no more than Telegram takes."""

    def __init__(self) -> None:
        """Begin at rest."""
        self._not_before = 0.0
        self._recent: deque[float] = deque(maxlen=_CALLS_A_SECOND)

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Send a call; long polling has its own patience.

        Raises:
            TelegramAPIError: it was refused, or failed too often.
        """
        if method.__api_method__ == "getUpdates":
            return await make_request(bot, method)
        failures, waited = 0, 0.0
        while True:
            waited += await self._turn()
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as error:
                if waited + error.retry_after > MOST_WAIT:
                    raise
                self.hold(error.retry_after)
            except (TelegramNetworkError, TelegramServerError):
                failures += 1
                if failures >= _TRIES:
                    raise
                await asyncio.sleep(_FIRST_PAUSE * 2 ** (failures - 1))

    def hold(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._not_before = max(self._not_before, time.monotonic() + min(seconds, MOST_WAIT))

    async def _turn(self) -> float:
        """Wait until something may be sent; return for how long, in seconds."""
        began = time.monotonic()
        while True:
            now = time.monotonic()
            ready = self._not_before
            if len(self._recent) == _CALLS_A_SECOND:
                ready = max(ready, self._recent[0] + 1)
            if ready <= now:
                self._recent.append(now)
                return now - began
            await asyncio.sleep(ready - now)


class Patience:
    """How much one person may send."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody.

        Args:
            clock: tells seconds.
        """
        self._clock = clock
        self._people: OrderedDict[int, deque[float]] = OrderedDict()

    def of(self, person: int) -> str:
        """Return "answer", "last" for the first message too many, and "silent" for those after."""
        now = self._clock()
        times = self._people.pop(person, None) or deque(maxlen=_MESSAGES_A_MINUTE + 1)
        self._people[person] = times
        while len(self._people) > _MOST_PEOPLE:
            self._people.popitem(last=False)
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) > _MESSAGES_A_MINUTE:
            return "silent"
        times.append(now)
        return "last" if len(times) > _MESSAGES_A_MINUTE else "answer"
