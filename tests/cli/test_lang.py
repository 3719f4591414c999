"""`--lang`: which commands take it, where it comes from, and that it ends with its command."""

import pytest
import typer

from labelmend.cli.app import app
from labelmend.cli.summary import size_in_words, time_in_words, voter_in_words
from labelmend.llm.types import VoterReport
from labelmend.voice.speak import speaking, spoken

SPACE = "\N{NO-BREAK SPACE}"
TAKE_IT = {
    *("relabel", "label", "demo", "explain", "audit", "certify", "review"),
    *("compare-baseline", "train-classifier", "predict", "retrain", "serve", "bot", "monitor"),
    "error-analysis",
    *("journal show", "journal forget", "journal expire", "journal queue", "journal export"),
}


def options():
    commands = dict(typer.main.get_command(app).commands)
    for name, group in list(commands.items()):
        commands |= {f"{name} {one}": command for one, command in _within(group).items()}
    return {
        name: param
        for name, command in commands.items()
        for param in command.params
        if "--lang" in param.opts
    }


def _within(group):
    return getattr(group, "commands", {})


def test_commands_that_take_it():
    found = options()
    assert set(found) == TAKE_IT
    assert {param.envvar for param in found.values()} == {"LABELMEND_LANG"}
    assert {param.default for param in found.values()} == {"en"}


@pytest.fixture
def heard(monkeypatch):
    """The language that a command is worked in."""
    found = []

    def look_up(*_):
        found.append(spoken())
        raise SystemExit(0)

    monkeypatch.setattr("labelmend.runs.look_up.look_up", look_up)
    return found


def run(*words):
    with pytest.raises(SystemExit):
        app(["explain", "mended.csv", "--row", "1", *words])


def test_english_unless_somebody_asks(heard, monkeypatch):
    monkeypatch.delenv("LABELMEND_LANG", raising=False)
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    run()
    run("--lang", "ru")
    monkeypatch.setenv("LABELMEND_LANG", "ru")
    run()
    run("--lang", "en")
    assert heard == ["en", "ru", "ru", "en"]
    assert spoken() == "en"


def test_another_language_is_refused(heard, capsys):
    run("--lang", "fr")
    assert heard == []
    assert "'fr' is not one of 'en', 'ru'" in capsys.readouterr().err


def test_sizes_times_and_voters_in_russian():
    report = VoterReport("tiny", 22, 0, {}, 61.0, tokens=1234, audited=21, agreement=0.5)
    with speaking("ru"):
        assert size_in_words(1536) == f"2{SPACE}КиБ"
        assert time_in_words(3700) == f"1{SPACE}ч 1{SPACE}мин"
        assert time_in_words(61) == f"1{SPACE}мин 1{SPACE}с"  # noqa: RUF001
        said = voter_in_words(report)
    assert said.startswith(
        f"tiny: 22 текста; согласна с метками 50{SPACE}% из 21 текста, выбранного случайно"  # noqa: RUF001
    )
    assert f"1{SPACE}234 токена за 1{SPACE}мин 1{SPACE}с" in said  # noqa: RUF001
