"""The command, with a real signal in a process of its own; the models are words."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.bot_api import TOKEN, BotApi

from labelmend.journal.read import reading

TESTS = Path(__file__).parents[1]

_MAIN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from fixtures.served import loaded
from labelmend.serve.service import Service
from labelmend.workflows import bot

bot.open_service = lambda models, limits, progress: Service(loaded())
bot.watching = lambda *_: None
from labelmend.cli.app import main
main()
"""


class Running:
    """`labelmend bot` in a process of its own."""

    def __init__(self, api, folder, *words):
        environment = {**os.environ, "LABELMEND_TELEGRAM_TOKEN": TOKEN}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", _MAIN, str(TESTS), "bot", "model"),
                *("--api-server", api.address, *words),
            ],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self):
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


def test_ctrl_c_ends_it_cleanly(api, tmp_path):
    running = Running(api, tmp_path, "--log", "log.sqlite", "--log-texts")
    assert running.process.stdout.readline() == "@labels_bot answers; stop with Ctrl-C\n"
    api.send("my secret card")
    api.wait_for_calls("sendMessage")
    api.fail("getUpdates", 502, description=f"no {TOKEN}")
    api.put(message={"text": "a broken secret"})
    api.wait_for(api.is_taken)
    api.fail("sendMessage", 400, description="Bad Request: a secret")
    api.send("time")
    api.wait_for_calls("sendMessage", 2)
    running.process.send_signal(signal.SIGINT)
    code, out, err = running.end()
    assert (code, out) == (0, "stopped; all messages that came were answered\n")
    assert "secret" not in err
    assert TOKEN not in err
    assert "Traceback" not in err
    assert "passed over: an update that can't be read\n" in err
    with reading(tmp_path / "log.sqlite") as reader:
        assert [one.text for one in reader.requests()] == ["my secret card", "time"]


@pytest.mark.parametrize(
    ("token", "words", "said"),
    [
        (None, (), "the environment has no LABELMEND_TELEGRAM_TOKEN"),
        ("  ", (), "the environment has no LABELMEND_TELEGRAM_TOKEN"),
        ("secret", (), "LABELMEND_TELEGRAM_TOKEN is no token of a bot"),
        (TOKEN, (), "model: no such folder"),
        (TOKEN, ("--api-server", "ftp://x"), "--api-server: give an address"),
        (TOKEN, ("--api-server", "http://u:secret@x"), "--api-server: give an address"),
        (TOKEN, ("--mask",), "--mask: nothing is kept without --log"),
        (TOKEN, ("--log-texts",), "--log-texts: nothing is kept without --log"),
        (TOKEN, ("--log", "l", "--log-days", "inf"), "--log-days inf: give days"),
        (TOKEN, ("--log", "notes.txt"), "notes.txt: is no log of labelmend's"),
        (TOKEN, ("--log", "new.sqlite"), "model: no such folder"),
    ],
)
def test_a_mistake_is_one_line(cli, tmp_path, monkeypatch, token, words, said):
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("a diary of mine" * 20)
    monkeypatch.delenv("LABELMEND_TELEGRAM_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("LABELMEND_TELEGRAM_TOKEN", token)
    ran = cli("bot", "model", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert "secret" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]  # no log is begun
