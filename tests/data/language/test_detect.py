import random

import pytest

from labelmend.data.language.detect import TableLanguage, detect_language

ENGLISH = (
    "where is my order",
    "when will the parcel arrive",
    "i want to return the shoes",
    "how can i change my password",
    "please cancel my subscription",
    "the app does not start any more",
)
GERMAN = (
    "wo bleibt meine Bestellung",
    "wann kommt das Paket an",
    "ich möchte die Schuhe zurückgeben",
    "wie kann ich mein Passwort ändern",
    "bitte kündigen Sie mein Abonnement",
    "die App startet nicht mehr",
)
RUSSIAN = (
    "где мой заказ",
    "когда привезут посылку",
    "хочу вернуть ботинки и получить деньги",
    "как поменять пароль в приложении",
    "пожалуйста отмените мою подписку",
    "приложение больше не запускается",
)
ARABIC = (
    "أين طلبي",
    "متى ستصل الشحنة",
    "أريد إعادة الحذاء",
    "كيف يمكنني تغيير كلمة المرور",
    "من فضلك ألغ اشتراكي",
)
CHINESE = ("我的订单在哪里", "包裹什么时候到", "我想退货", "怎么修改密码", "请取消我的订阅")
JAPANESE = (
    "注文した商品はどこですか",
    "荷物はいつ届きますか",
    "靴を返品したいです",
    "パスワードを変更したい",
    "解約をお願いします",
)
CODE = (
    "for i in range(10):",
    "x = foo(bar, baz)",
    "if (a[i] != b) { return; }",
    "def f(x): return x + 1",
    "SELECT id FROM t WHERE x = 3",
    "const y = [...xs].map((x) => x * 2);",
    "}",
    "a['k'] += 1",
)


@pytest.mark.parametrize(
    ("texts", "main", "script", "words"),
    [
        (ENGLISH, "en", "Latin", "Texts are in English (Latin)"),
        (GERMAN, "de", "Latin", "Texts are in German (Latin)"),
        (RUSSIAN, "ru", "Cyrillic", "Texts are in Russian (Cyrillic)"),
        (ARABIC, "ar", "Arabic", "Texts are in Arabic"),
        (CHINESE, "zh", "Han", "Texts are in Chinese (Han)"),
        (JAPANESE, "ja", "Japanese", "Texts are in Japanese"),
    ],
)
def test_a_table_in_one_language(texts, main, script, words):
    found = detect_language(texts)
    assert (found.main, found.script, found.mixed) == (main, script, False)
    assert found.parts == (main,)
    assert found.in_words == words
    assert found.scripts == {script: 1.0}


def test_a_table_in_two_languages():
    # Six and three texts of each, all of them sure: a third is in German.
    found = detect_language([*ENGLISH, *GERMAN[:3]])
    assert found.main is None
    assert found.mixed
    assert found.parts == ("en", "de")
    assert found.in_words == "Texts are mixed: 67% English, 33% German"
    assert (found.texts, found.known) == (9, 9)


def test_a_text_in_another_language_makes_no_mixture():
    found = detect_language([*RUSSIAN, *GERMAN[:1]])
    assert (found.main, found.mixed) == ("ru", False)
    assert found.languages == {"ru": 0.8571, "de": 0.1429}


@pytest.mark.parametrize(
    "texts",
    [
        CODE,
        ["Anna Smith", "Bob Meier", "Carl Rossi", "Dora Jansen", "Li Wei"],
        ["mera order abhi tak nahi aaya", "bhai yeh kab tak milega", "kitna time lagega"],
        ["ok", "yes", "no", "thanks", "hi"],
        ["anna@example.com", "bob@example.com", "carl@example.com"],
        ENGLISH[:2],
    ],
)
def test_what_is_not_sure_is_not_claimed(texts):
    found = detect_language(texts)
    assert found.main is None
    assert not found.mixed
    assert found.parts == ()
    assert found.in_words in {
        "Texts are in Latin script; their language is not sure",
        "Texts are without letters",
    }


@pytest.mark.parametrize("texts", [[], ["42", "3.14", "+49 30 123", "👍"]])
def test_nothing_to_read(texts):
    found = detect_language(texts)
    assert found == TableLanguage(0, 0, {}, {}, None, mixed=False)
    assert found.in_words == "Texts are without letters"
    assert found.script is None


def test_neither_order_nor_copies_count():
    numbered = [f"{text} {i}" for i in range(150) for text in (*ENGLISH, *GERMAN)]
    shuffled = [*numbered, *numbered[:700]]
    random.Random(0).shuffle(shuffled)
    found = detect_language(numbered)
    assert found.texts == 500
    assert detect_language(shuffled) == found
    assert detect_language(numbered, seed=1) != found


def test_a_few_of_a_close_language_are_wrong_guesses(monkeypatch):
    def identify(text):
        from labelmend.data.language.identify import Guess

        return Guess(text[:2], 1.0)

    monkeypatch.setattr("labelmend.data.language.detect.identify", identify)
    danish = [f"da {i}" for i in range(10)]
    norwegian = [f"no {i}" for i in range(5)]
    assert detect_language([*danish, *norwegian[:4]]).languages == {"da": 1.0}
    assert detect_language([*danish, *norwegian]).parts == ("da", "no")
    # A tenth and no less, and three texts and no fewer.
    english = [f"en {i}" for i in range(27)]
    assert detect_language([*english, *danish[:3]]).parts == ("en", "da")
    assert detect_language([*english, "en x", *danish[:3]]).parts == ("en",)
    assert detect_language([*english[:9], *danish[:2]]).parts == ("en",)
    # Neither one language nor mixed.
    scattered = [*english[:7], "fr", "it", "es", "pt"]
    assert detect_language(scattered).parts == ()


def test_more_languages_than_a_sentence_holds():
    found = TableLanguage(
        texts=100,
        known=100,
        languages={"en": 0.5, "de": 0.2, "fr": 0.12, "it": 0.1, "es": 0.06, "sr": 0.02},
        scripts={"Latin": 0.95, "Cyrillic": 0.05},
        main=None,
        mixed=True,
    )
    assert found.in_words == (
        "Texts are mixed: 50% English, 20% German, 12% French, 10% Italian, 8% others"
    )
    assert found.parts == ("en", "de", "fr", "it")


def test_neighbours_that_are_not_told_apart_are_named_together():
    def words(code, scripts):
        return TableLanguage(9, 9, {code: 1.0}, scripts, code, mixed=False).in_words

    assert words("sr", {"Latin": 1.0}) == "Texts are in Serbian, Croatian or Bosnian (Latin)"
    assert words("sr", {"Cyrillic": 1.0}) == "Texts are in Serbian (Cyrillic)"
    assert words("id", {"Latin": 1.0}) == "Texts are in Indonesian or Malay (Latin)"
    assert words("kab", {"Latin": 0.8, "Tifinagh": 0.2}) == (
        "Texts are in kab (Latin and Tifinagh)"
    )
