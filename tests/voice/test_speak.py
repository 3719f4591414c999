"""Sentences, numbers and plurals in English and Russian."""

import subprocess
import sys
import threading

import pytest
from babel.numbers import format_decimal, format_percent

from labelmend.voice.forms import without_marks
from labelmend.voice.speak import meant, note, number, retell, speaking, spoken, tell

SPACE = "\N{NO-BREAK SPACE}"
KEPT = "{carry} of the {near} nearest texts carry {label}; its probability is {quality:words}."


def test_english_is_spoken_unless_somebody_asks():
    assert spoken() == "en"
    with speaking("ru"):
        assert spoken() == "ru"
        heard = []
        other = threading.Thread(target=lambda: heard.append(spoken()))
        other.start()
        other.join()
        assert heard == ["en"]
    assert spoken() == "en"


def test_english_is_what_pythons_own_format_gives():
    facts = {"carry": 1234, "near": 5, "label": "a {b}", "quality": "12.5%"}
    said = "1234 of the 5 nearest texts carry a {b}; its probability is 12.5%."
    assert tell(KEPT, **facts) == note(KEPT, **facts) == said
    assert number(1234.5, ",.1f") == "1,234.5"
    assert number(0.1234, "6.1%") == " 12.3%"
    assert tell("{n:,} {n:one=row|other=rows}", n=1) == "1 row"
    assert tell("{n:,} {n:one=row|other=rows}", n=1000) == "1,000 rows"
    assert meant(KEPT) == KEPT


@pytest.mark.parametrize(
    ("count", "word"),
    [
        (1, "текста"),
        (2, "текстов"),
        (5, "текстов"),
        (11, "текстов"),
        (21, "текста"),
        (22, "текстов"),
        (25, "текстов"),
        (111, "текстов"),
    ],
)
def test_plurals_of_the_catalogue(count, word):
    with speaking("ru"):
        said = tell(KEPT, carry=1, near=count, label="x", quality="12.5%")
    adjective = "ближайшего" if word == "текста" else "ближайших"
    assert f"1 из {count} {adjective} {word} " in said
    assert said.endswith(f"её вероятность 12,5{SPACE}%.")


@pytest.mark.parametrize(
    ("count", "word"),
    [
        *[(1, "строка"), (2, "строки"), (5, "строк"), (11, "строк"), (21, "строка")],
        *[(22, "строки"), (25, "строк"), (111, "строк"), (0, "строк"), (1.5, "строки")],
    ],
)
def test_plurals_of_a_word(count, word):
    with speaking("ru"):
        assert tell("{n:one=строка|few=строки|many=строк}", n=count) == word


@pytest.mark.parametrize("value", [0, 0.5, 1, 999, 1000, 12345.678, -1234567.8, 0.0004])
def test_numbers_are_those_of_cldr(value):
    with speaking("ru"):
        assert number(value, ",.2f") == format_decimal(value, "#,##0.00", locale="ru")
        assert number(value, ",.1%") == format_percent(value, f"#,##0.0{SPACE}%", locale="ru")
        assert number(round(value), ",") == format_decimal(round(value), locale="ru")


def test_a_number_keeps_its_place_in_a_column():
    with speaking("ru"):
        assert number(0.1234, "6.1%") == f"12,3{SPACE}%"
        assert number(0.0123, "8.1%") == f"   1,2{SPACE}%"
        assert number(2.5, "+.2f") == "+2,50"
        assert number(7, "") == "7"


def test_what_is_kept_is_english_and_told_again():
    with speaking("ru"):
        kept = note(
            KEPT, carry=3, near=22, label="fees", quality=note("over {share:.1%}", share=0.999)
        )
        assert kept == "3 of the 22 nearest texts carry fees; its probability is over 99.9%."
        assert retell(kept) == (
            f"3 из 22 ближайших текстов с меткой fees; её вероятность больше 99,9{SPACE}%."  # noqa: RUF001
        )
    assert retell(kept) == kept


def test_several_sentences_are_told_one_by_one():
    first = "3 of the 22 nearest texts carry a. b; its probability is 50.0%."
    with speaking("ru"):
        said = retell(f"{first} x and y say a. b.")
    assert said == (
        f"3 из 22 ближайших текстов с меткой a. b; её вероятность 50,0{SPACE}%. "  # noqa: RUF001
        "x and y называют a. b."
    )


def test_what_is_unknown_stays():
    with speaking("ru"):
        for text in ("", "neighbours of mine", "Whatever. It may be: 3 of 5.", "{odd"):
            assert retell(text) == text
        # A sentence inside another one must be one of ours.
        odd = "3 of the 22 nearest texts carry x; its probability is what it is."
        assert retell(odd) == odd
        assert retell("neighbour") == "соседи"


def test_a_sentence_without_forms_is_left_to_python():
    assert without_marks("{a:words} {{x}} {b:.1%} {c:name}") == "{a} {{x}} {b:.1%} {c}"
    assert without_marks("{a:one=x|other=y}") is None


def test_the_catalogue_is_loaded_for_other_languages_only():
    code = (
        "import sys; from labelmend.voice.speak import *; note('{a:one=b|other=c}', a=1);"
        "print('importlib.resources' in sys.modules, 'babel' in sys.modules)\n"
        "with speaking('ru'): tell('neighbour')\n"
        "print('babel' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False", "False"], done.stderr
