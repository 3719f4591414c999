import asyncio
import time

import pytest
from aiogram.exceptions import TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import GetMe, GetUpdates

from labelmend.bot import pace
from labelmend.bot.pace import Pacing, Patience


class Telegram:
    """Answers calls as it is told, and remembers when they came."""

    def __init__(self, *answers):
        self.answers, self.times = list(answers), []

    async def __call__(self, _bot, method):
        self.times.append(time.monotonic())
        answer = self.answers.pop(0) if self.answers else "yes"
        if isinstance(answer, Exception):
            raise answer
        return answer


def flood(seconds):
    return TelegramRetryAfter(GetMe(), "Too Many Requests", seconds)


LOST = TelegramNetworkError(GetMe(), "gone")


def test_nothing_is_sent_before_the_flood_limit_ends():
    telegram, pacing = Telegram(flood(1)), Pacing()

    async def calls():
        first = asyncio.create_task(pacing(telegram, None, GetMe()))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(pacing(telegram, None, GetMe()))
        return await asyncio.gather(first, second)

    assert asyncio.run(calls()) == ["yes", "yes"]
    assert len(telegram.times) == 3
    assert min(telegram.times[1:]) - telegram.times[0] >= 1


def test_a_wait_of_hours_is_given_up():
    with pytest.raises(TelegramRetryAfter):
        asyncio.run(Pacing()(Telegram(flood(301)), None, GetMe()))


def test_what_the_network_swallowed_is_sent_again(monkeypatch):
    monkeypatch.setattr(pace, "_FIRST_PAUSE", 0.01)
    telegram = Telegram(LOST, LOST)
    assert asyncio.run(Pacing()(telegram, None, GetMe())) == "yes"
    telegram = Telegram(LOST, LOST, LOST)
    with pytest.raises(TelegramNetworkError):
        asyncio.run(Pacing()(telegram, None, GetMe()))
    assert len(telegram.times) == 3


def test_polling_has_its_own_patience():
    pacing = Pacing()
    pacing.hold(60)
    assert asyncio.run(pacing(Telegram(), None, GetUpdates())) == "yes"
    with pytest.raises(TelegramNetworkError):
        asyncio.run(pacing(Telegram(LOST), None, GetUpdates()))


def test_no_more_than_telegram_takes_in_a_second():
    telegram, pacing = Telegram(), Pacing()

    async def calls():
        await asyncio.gather(*(pacing(telegram, None, GetMe()) for _ in range(30)))

    asyncio.run(calls())
    times = sorted(telegram.times)
    assert len(times) == 30
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[25:], strict=False))


def test_one_person_has_twenty_messages_a_minute():
    now = [0.0]
    patience = Patience(lambda: now[0])
    assert [patience.of(1) for _ in range(20)] == ["answer"] * 20
    assert patience.of(2) == "answer"
    assert [patience.of(1) for _ in range(3)] == ["last", "silent", "silent"]
    now[0] = 59.9
    assert patience.of(1) == "silent"
    now[0] = 60.0
    assert patience.of(1) == "answer"


def test_those_who_were_silent_for_longest_are_forgotten(monkeypatch):
    monkeypatch.setattr(pace, "_MOST_PEOPLE", 2)
    patience = Patience(lambda: 0.0)
    for person in (1, 2, 3):
        patience.of(person)
    assert list(patience._people) == [2, 3]
