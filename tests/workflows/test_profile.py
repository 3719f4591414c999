import json
from pathlib import Path

import pytest

from labelmend.configs.profiles import AUTO
from labelmend.configs.schema import EncoderConfig
from labelmend.data.language.detect import detect_language
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError
from labelmend.protocols import NoProgress
from labelmend.runs.language import LanguageRecord
from labelmend.weights.locate import LocatedModel
from labelmend.workflows.profile import (
    ChosenProfile,
    TableReading,
    choose_profile,
    read_language,
)

ENGLISH = ["where is my order", "when will the parcel arrive", "i want to return the shoes"]
GERMAN = ["wo bleibt meine Bestellung", "wann kommt das Paket an", "bitte kündigen Sie mein Abo"]
RUSSIAN = ["где мой заказ", "когда привезут посылку", "приложение больше не запускается"]
WORDS = ["да", "нет", "спасибо"]


def chosen(tmp_path, texts, **columns):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"text": t, "label": "a"}) + "\n" for t in texts))
    return choose_profile(AUTO, TableRequest(path, **columns))


@pytest.mark.parametrize(
    ("texts", "name", "why"),
    [
        (ENGLISH, "embedded", "in English (Latin)"),
        (GERMAN, "multilingual", "in German (Latin)"),
        (RUSSIAN, "multilingual", "in Russian (Cyrillic)"),
        ([*ENGLISH, *GERMAN], "multilingual", "mixed: 50% German, 50% English"),
        (["ok", "hi", "x = 3"], "embedded", "in Latin script; their language is not sure"),
        (WORDS, "multilingual", "in Cyrillic script; their language is not sure"),
        (["1", "2"], "embedded", "without letters"),
    ],
)
def test_auto_asks_the_table(tmp_path, texts, name, why):
    found = chosen(tmp_path, texts)
    assert found.name == name
    assert found.notes == (f"profile auto: {name} is used, as texts are {why}",)


def test_a_profile_that_was_named_is_taken_without_a_look(tmp_path):
    request = TableRequest(tmp_path / "none.csv")
    assert choose_profile("quality", request) == ChosenProfile("quality")


def test_the_column_that_was_named_is_looked_at(tmp_path):
    path = tmp_path / "t.csv"
    rows = zip(ENGLISH, RUSSIAN, strict=True)
    path.write_text("text,other\n" + "".join(f"{text},{other}\n" for text, other in rows))
    assert choose_profile(AUTO, TableRequest(path)).name == "embedded"
    assert choose_profile(AUTO, TableRequest(path, "other")).name == "multilingual"
    with pytest.raises(ColumnError, match="--text-column: no column 'more'"):
        choose_profile(AUTO, TableRequest(path, "more"))


def test_what_is_told_and_what_is_recorded():
    told = []
    mine = ((EncoderConfig("onnx", "mine"),), (LocatedModel("m", None, Path("none"), "", 0, ""),))
    found = read_language(GERMAN, *mine, ("profile auto: because",), told.append)
    assert found.notes == found.told == ("profile auto: because",)
    assert told == ["profile auto: because"]
    assert found.beginning(NoProgress(), told.append).__class__ is NoProgress
    found = read_language(GERMAN, *mine, tell=told.append)
    assert found.notes == ()
    assert found.told == ("texts are in German (Latin)",)
    assert found.record == LanguageRecord(
        in_words="Texts are in German (Latin)",
        main="de",
        mixed=False,
        languages={"de": 1.0},
        scripts={"Latin": 1.0},
    )


def test_what_texts_are_in_is_said_as_the_work_begins():
    heard = []

    class Heard:
        def start(self, stage, total):
            heard.append((stage, total))

        def advance(self, steps=1):
            heard.append(steps)

    found = TableReading(detect_language(GERMAN), ())
    progress = found.beginning(Heard(), heard.append)
    assert heard == []
    progress.start("embed", 3)
    progress.advance(2)
    progress.start("rounds", 1)
    assert heard == ["texts are in German (Latin)", ("embed", 3), 2, ("rounds", 1)]
    assert isinstance(found.beginning(Heard(), None), Heard)
    heard.clear()
    ChosenProfile("embedded", ("because",)).beginning(Heard(), heard.append).start("embed", 3)
    assert heard == ["because", ("embed", 3)]
    assert isinstance(ChosenProfile("embedded").beginning(Heard(), None), Heard)
