# ruff: noqa: RUF001
import pytest

from labelmend.data.language.scripts import script_of, script_of_letter


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Where is my book?", "Latin"),
        ("Gdzie jest żółta książka", "Latin"),
        ("Где моя книга", "Cyrillic"),
        ("أين كتابي", "Arabic"),
        ("我的书在哪里", "Han"),
        ("本をかりる", "Japanese"),
        ("カード", "Japanese"),
        ("내 책은 어디에", "Hangul"),
        ("पुस्तक कहाँ है", "Devanagari"),
        ("หนังสืออยู่ที่ไหน", "Thai"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "Latin"),
        ("ｶｰﾄﾞ", "Japanese"),
    ],
)
def test_the_script_of_a_text(text, script):
    assert script_of(text) == script


@pytest.mark.parametrize("text", ["", "12.50 € + 3%", "👍🏽 ❤️", "ª º µ 𝒙"])
def test_what_has_no_script(text):
    assert script_of(text) is None


def test_latin_brands_leave_a_text_in_its_script():
    # Ten Latin letters, and five and three others: a third, and less than a quarter.
    assert script_of("iPhone Plus 我想买一个") == "Han"
    assert script_of("iPhone Plus 我想买") == "Latin"


def test_a_single_kana_makes_no_japanese():
    # One of eleven, and one of ten.
    assert script_of("の" + "书" * 10) == "Han"
    assert script_of("の" + "书" * 9) == "Japanese"


def test_of_two_scripts_as_frequent_the_first_by_name():
    assert script_of("да כן") == "Cyrillic"
    assert script_of("כן да") == "Cyrillic"


def test_a_letter():
    assert script_of_letter("я") == "Cyrillic"
    assert script_of_letter("7") is None
    assert script_of_letter("々") == "Han"
