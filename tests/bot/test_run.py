"""A bot against a Bot API server, over real HTTP."""

import os
import signal
import threading

import pytest
from fixtures.bot_api import TOKEN, BotApi, buttons_of
from fixtures.logged import all_bytes
from fixtures.served import Words, loaded

from labelmend.bot.rules import BotRules
from labelmend.bot.run import Talking
from labelmend.errors import InputError, LabelmendError
from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.serve.batcher import Bounds
from labelmend.serve.parts.feedback import recorder
from labelmend.serve.service import Limits, Service

OK, NO = "\N{WHITE HEAVY CHECK MARK}", "\N{CROSS MARK}"


class Bot:
    """A bot on a thread of its own, while the block lasts."""

    def __init__(
        self, api, log=None, main=None, against=None, rules=None, token=TOKEN, limits=None
    ):
        self.api, self.heard = api, []
        self.journal = None if log is None else Journal(log, rules or LogRules(texts=True))
        self.service = Service(main or loaded(), against, limits)
        if self.journal is not None:
            self.service.ears.append(recorder(self.service, self.journal, "bot"))
        talks = BotRules(api.address, long_poll=1)
        self.talking = Talking(
            token, self.service, self.journal, talks, lambda *told: self.heard.append(told)
        )
        self.error = None
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.talking.run()
        except LabelmendError as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def join(self, seconds=20):
        self._thread.join(seconds)
        assert not self._thread.is_alive()

    def __exit__(self, *_):
        self.talking.stop()
        self.join()
        self.service.close()
        if self.journal is not None:
            self.journal.close()

    def ask(self, text, user=7, **more):
        """Send a message, and return what the bot sends for it."""
        before = len(self.api.messages)
        self.api.send(text, user, **more)
        self.api.wait_for(lambda: len(self.api.messages) > before)
        return list(self.api.messages.values())[-1]

    def press(self, message, button, **more):
        """Press a button, and return what the bot says to that."""
        before = len(self.api.called("answerCallbackQuery"))
        self.api.press(message, buttons_of(message)[button], **more)
        said = self.api.wait_for_calls("answerCallbackQuery", before + 1)
        return said[before]["text"]

    def settled(self):
        """Wait until all that was sent is answered."""
        self.api.wait_for(self.api.is_taken)
        self.api.wait_for(lambda: not self.talking.polling._tasks)


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    """Pauses after trouble begin at a twentieth of a second; each is twice the one before."""
    for module in ("polling", "pace"):
        monkeypatch.setattr(f"labelmend.bot.{module}._FIRST_PAUSE", 0.05)


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.sqlite"


def held(log):
    with reading(log) as reader:
        return list(reader.requests())


def test_an_answer_and_that_it_is_right(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("time is money, and money is time, and time")
        # 3.1, 2.1 and two times 0.1 of 5.4
        assert answer["text"] == "time, 57%\nmoney 39%, card 2%"
        assert list(buttons_of(answer)) == [f"{OK} right", f"{NO} wrong"]
        assert "parse_mode" not in api.called("sendMessage")[0]
        assert bot.press(answer, f"{OK} right") == "Thank you."
        api.wait_for(lambda: answer["text"].endswith("\n\nYou said: time is right."))
        assert buttons_of(answer) == {}
        assert bot.heard[0] == ("begun", "labels_bot")
    (one,) = held(log)
    assert (one.source, one.text) == ("bot", "time is money, and money is time, and time")
    assert [word.label for word in one.words] == ["time"]
    assert one.sender == one.words[0].sender
    assert api.polls[0]["allowed_updates"] == '["message", "callback_query"]'


def test_wrong_and_then_the_right_label(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("card card money")
        assert bot.press(answer, f"{NO} wrong") == "Thank you. Which label is right?"
        api.wait_for(lambda: "money" in buttons_of(answer))
        # The next likely labels, then none of them, then no idea.
        assert list(buttons_of(answer)) == ["money", "fits no label", "I don't know"]
        bot.journal.flush()
        assert [word.label for word in held(log)[0].words] == [None]
        assert bot.press(answer, "money") == "Thank you."
        api.wait_for(lambda: answer["text"].endswith("You said: money is right."))
    assert [word.label for word in held(log)[0].words] == ["money"]


@pytest.mark.parametrize(
    ("button", "label", "said"),
    [("fits no label", "oos", "oos is right."), ("I don't know", None, "You said: wrong.")],
)
def test_wrong_and_no_label(api, log, button, label, said):
    with Bot(api, log) as bot:
        answer = bot.ask("card")
        bot.press(answer, f"{NO} wrong")
        api.wait_for(lambda: button in buttons_of(answer))
        bot.press(answer, button)
        api.wait_for(lambda: answer["text"].endswith(said))
    assert [word.label for word in held(log)[0].words] == [label]


def test_two_models_that_differ(api, log):
    other = loaded(Words(space="o"), "2" * 16, name="other", labels=("m", "n", "oos", "t"))
    with Bot(api, log, against=other) as bot:
        answer = bot.ask("card")
        first, second = answer["text"].split("\n\n")
        assert first.startswith("model:\ncard, 79%")
        assert second.startswith("other:\nm, 79%")
        assert list(buttons_of(answer)) == [f"{OK} card", f"{OK} m", f"{NO} both are wrong"]
        bot.press(answer, f"{OK} m")
        api.wait_for(lambda: answer["text"].endswith("You said: m is right."))
        answer = bot.ask("money")
        bot.press(answer, f"{NO} both are wrong")
        api.wait_for(lambda: "I don't know" in buttons_of(answer))
        assert not {"money", "n"} & set(buttons_of(answer))
    first, second = held(log)
    assert [word.label for word in first.words] == ["m"]
    assert [word.label for word in second.words] == [None]


def test_out_of_scope_is_said(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("cheese")
        assert answer["text"].startswith("fits no label (oos, 79%)\n")


def test_buttons_work_after_a_restart(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("card card money")
        bot.press(answer, f"{NO} wrong")
        api.wait_for(lambda: "money" in buttons_of(answer))
    with Bot(api, log) as bot:
        assert bot.press(answer, "money") == "Thank you."
    assert [word.label for word in held(log)[0].words] == ["money"]


def test_without_a_log_there_are_no_buttons_and_nothing_is_kept(api):
    with Bot(api) as bot:
        answer = bot.ask("card")
        assert buttons_of(answer) == {}
        assert "Nothing that you write is kept." in bot.ask("/start")["text"]
        assert bot.ask("/forget")["text"] == "Nothing that you write is kept."


def test_a_person_is_told_what_is_kept_and_may_have_it_removed(api, log):
    rules = LogRules(texts=True, mask=True, keep_days=30)
    with Bot(api, log, rules=rules) as bot:
        said = bot.ask("/start")["text"]
        assert "without mail addresses" in said
        assert "After 30 days they are removed." in said
        answer = bot.ask("my secret card")
        bot.ask("time", user=8)
        assert bot.ask("/forget")["text"] == "Removed: 1 message."
        assert b"secret" not in all_bytes(log)
        assert bot.press(answer, f"{OK} right") == "This answer is not kept any more."
    assert [one.text for one in held(log)] == ["time"]


def test_russian_is_spoken_with_those_who_speak_it(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("card", language="ru-RU")
        assert list(buttons_of(answer)) == [f"{OK} верно", f"{NO} неверно"]
        assert answer["text"].startswith("card, 79\N{NO-BREAK SPACE}%")
        assert bot.press(answer, f"{OK} верно", language="ru") == "Спасибо."
        assert f"{OK} right" in buttons_of(bot.ask("card", language="de"))


def test_what_is_no_text_and_what_is_not_private(api, log):
    with Bot(api, log) as bot:
        assert bot.ask(None, sticker=STICKER)["text"] == "I read text messages only."
        api.send("card", user=-5, kind="group")
        api.send("   \n ")
        api.send("card", user=9)
        bot.settled()
    assert [message["chat"]["id"] for message in api.messages.values()] == [7, 9]
    assert len(held(log)) == 1


STICKER = {
    "file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1,
    "is_animated": False, "is_video": False,
}  # fmt: skip


def test_updates_that_can_not_be_read_are_passed_over(api, log):
    with Bot(api, log) as bot:
        api.put(message={"message_id": "x", "text": "a secret"})
        api.put(message=None, update_id="no number", callback_query=[])
        api.put(message="a secret")
        api.put(poll={"id": 1})
        api.put(callback_query={"id": "1", "from": {"id": 7}, "data": "r:1:0"})
        answer = bot.ask("card")
        assert answer["text"].startswith("card")
        api.wait_for(lambda: len([w for w, _ in bot.heard if w == "passed"]) >= 4)
        api._updates.clear()
    assert {w for w, _ in bot.heard} == {"begun", "passed"}
    assert "secret" not in str(bot.heard)


def test_buttons_that_mean_nothing(api, log):
    with Bot(api, log) as bot:
        answer = bot.ask("card")
        request = buttons_of(answer)[f"{OK} right"].split(":")[1]
        odd = ["", "x", "r:../../etc:0", f"l:{request}:9", f"z:{request}:0", f"r:{request}:999"]
        for data in odd:
            api.press(answer, data)
        said = api.wait_for_calls("answerCallbackQuery", len(odd))
        assert {one["text"] for one in said} == {"This button does nothing any more."}
    assert held(log)[0].words == ()


def test_somebody_elses_old_button(api, log):
    """Its message is too old for Telegram to send it along; what it says is kept all the same."""
    with Bot(api, log) as bot:
        answer = bot.ask("card")
        gone = {"chat": {"id": 7, "type": "private"}, "message_id": answer["message_id"], "date": 0}
        api.fail("answerCallbackQuery", 400, description="Bad Request: query is too old")
        api.press(gone, buttons_of(answer)[f"{OK} right"])
        api.wait_for_calls("answerCallbackQuery")
        bot.settled()
        assert api.called("editMessageText") == []
    assert [word.label for word in held(log)[0].words] == ["card"]


def test_a_flood_limit_is_kept(api, log):
    with Bot(api, log) as bot:
        api.fail("sendMessage", 429, parameters={"retry_after": 1}, description="Too Many Requests")
        answer = bot.ask("card")
        assert answer["text"].startswith("card")
        assert len(api.called("sendMessage")) == 2
        assert [one.text for one in held(log)] == ["card"]  # it is asked once
    assert {what for what, _ in bot.heard} == {"begun"}


def test_a_flood_limit_of_hours_is_no_reason_to_wait(api, log):
    with Bot(api, log) as bot:
        api.fail("sendMessage", 429, parameters={"retry_after": 9999})
        api.send("card")
        api.wait_for(lambda: [fact for what, fact in bot.heard if what == "passed"])
        assert bot.heard[-1][1] == "an answer could not be sent: flood limit, 9999 s"


def test_one_person_who_sends_too_much(api, log):
    with Bot(api, log) as bot:
        for i in range(30):
            api.send("/forget" if i == 3 else "card", user=1)
        bot.settled()
        bot.ask("card", user=2)
    texts = [m["text"] for m in api.messages.values() if m["chat"]["id"] == 1]
    assert len(texts) == 21
    assert texts[3] == "Removed: 3 messages."
    assert texts[-1] == "That is a lot at once; please wait a minute."
    assert len(held(log)) == 16 + 1


def test_network_drops_while_polling(api, log):
    with Bot(api, log) as bot:
        bot.ask("card")
        api.fail("getUpdates", None, times=2)
        api.fail("getUpdates", 502, description="Bad Gateway")
        api.wait_for(lambda: ("found", "") in bot.heard, 20)
        bot.ask("card")
    assert [what for what, _ in bot.heard] == ["begun", "lost", "found"]
    assert bot.heard[1] == ("lost", "the network")


def test_network_drops_while_answering(api, log):
    with Bot(api, log) as bot:
        api.fail("sendMessage", None)
        api.fail("sendMessage", 500, description="Internal Server Error")
        assert bot.ask("card")["text"].startswith("card")
        api.fail("sendMessage", None, times=3)
        api.send("time")
        api.wait_for(lambda: [fact for what, fact in bot.heard if what == "passed"])
        assert bot.heard[-1][1] == "an answer could not be sent: the network"
        assert bot.ask("money")["text"].startswith("money")


def test_somebody_who_blocked_the_bot(api, log):
    with Bot(api, log) as bot:
        api.fail("sendMessage", 403, description="Forbidden: bot was blocked by the user")
        api.send("card")
        bot.settled()
        assert bot.ask("money")["text"].startswith("money")
    assert {what for what, _ in bot.heard} == {"begun"}


def test_a_text_that_can_not_be_predicted_and_a_full_queue(api, log):
    words = Words()
    with Bot(api, log, main=loaded(words), limits=Limits(bounds=Bounds(most_waiting=1))) as bot:
        assert bot.ask("\N{SKULL}")["text"] == "That did not work; please try again later."
        words.gate.clear()
        words.entered.clear()
        api.send("card", user=1)
        words.entered.wait(10)
        api.send("card", user=2)
        api.send("card", user=3)
        api.wait_for(lambda: len(api.messages) == 2)
        words.gate.set()
        api.wait_for(lambda: len(api.messages) == 4)
    assert len(held(log)) == 2


def test_another_worker_for_a_moment(api, log):
    """The long poll of the one before is still open after a restart."""
    api.fail("getUpdates", 409, times=2, description="Conflict: terminated by other getUpdates")
    with Bot(api, log) as bot:
        assert bot.ask("card")["text"].startswith("card")
    assert bot.error is None
    assert ("lost", "another worker of this bot") in bot.heard


def test_another_worker_for_good(api, log):
    api.fail("getUpdates", 409, times=9, description="Conflict: terminated by other getUpdates")
    with Bot(api, log) as bot:
        bot.join()
    assert isinstance(bot.error, InputError)
    assert "a bot has one worker" in str(bot.error)
    assert len(api.polls) == 3


def test_a_token_that_is_refused(api, log):
    with Bot(api, log, token=TOKEN[:-1] + "x") as bot:
        bot.join()
    assert isinstance(bot.error, InputError)
    assert "refuses the token of LABELMEND_TELEGRAM_TOKEN" in str(bot.error)
    assert TOKEN[:-1] not in str(bot.error)


def test_a_token_that_is_revoked_while_it_runs(api, log):
    with Bot(api, log) as bot:
        bot.ask("card")
        api.fail("getUpdates", 401, description="Unauthorized")
        bot.join()
    assert "refuses the token" in str(bot.error)


def test_a_server_that_is_not_there(log):
    with BotApi() as api:
        pass
    with Bot(api, log) as bot:
        bot.join()
    assert isinstance(bot.error, InputError)
    assert "the Bot API can't be asked (the network)" in str(bot.error)
    assert api.address not in str(bot.error)


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"[]", b'{"ok": true}', b'{"ok": 1, "result": 3}']
)
def test_a_server_that_speaks_something_else(api, log, body, monkeypatch):
    from fixtures import bot_api

    reply = bot_api._reply
    monkeypatch.setattr(bot_api, "_reply", lambda handler, *_: reply(handler, 200, body))
    with Bot(api, log) as bot:
        bot.join()
    assert isinstance(bot.error, InputError)
    assert "can't be asked" in str(bot.error)


def test_what_was_taken_is_answered_when_it_stops_and_not_taken_again(api, log):
    words = Words()
    with Bot(api, log, main=loaded(words)) as bot:
        words.gate.clear()
        words.entered.clear()
        api.send("card")
        words.entered.wait(10)
        bot.talking.stop()
        assert api.messages == {}
        words.gate.set()
        bot.join()
    assert [m["text"][:4] for m in api.messages.values()] == ["card"]
    assert api.is_taken()  # the last call said so
    with Bot(api, log) as bot:
        bot.ask("time")
    assert len(api.messages) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it(api, log, number):
    bot = Bot(api, log)

    def interrupt():
        api.send("card")
        api.wait_for_calls("sendMessage")
        os.kill(os.getpid(), number)

    before = signal.signal(number, lambda *_: pytest.fail("nobody listened"))
    helper = threading.Thread(target=interrupt)
    helper.start()
    try:
        bot.talking.run()
    finally:
        signal.signal(number, before)
        helper.join(10)
        bot.service.close()
        bot.journal.close()
    assert len(held(log)) == 1
