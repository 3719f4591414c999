# ruff: noqa: RUF001
import time

import pytest

from labelmend.data.language.identify import NO_LANGUAGE, Guess, identify


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("please tell me where my order is", "en"),
        ("ich möchte die Bestellung stornieren", "de"),
        ("где мой заказ и когда его привезут", "ru"),
        ("请帮我取消订单", "zh"),
        ("注文をキャンセルしたいです", "ja"),
        ("أريد إلغاء الطلب من فضلك", "ar"),
        ("želim otkazati narudžbu i dobiti povrat novca", "sr"),
    ],
)
def test_a_sentence(text, language):
    guess = identify(text)
    assert guess.language == language
    assert guess.sure


@pytest.mark.parametrize("text", ["ok", "Anna Jansen", "mera order abhi tak nahi aaya", "", "42"])
def test_what_is_too_little(text):
    assert not identify(text).sure


def test_what_is_in_no_language():
    guess = identify("9f86d081884c7d65 a8f5f167f44f4964 e6c998dee833809a")
    assert guess.language == NO_LANGUAGE
    assert guess.probability > 0.5
    assert not guess.sure


def test_links_and_addresses_are_not_read():
    plain = identify("wo bleibt meine Lieferung")
    assert identify("wo bleibt meine Lieferung https://example.com/where-is-my-order") == plain
    noisy = "wo bleibt  meine Lieferung who.is+it@mail.example.com @somebody #delivery www.a.com/b"
    assert identify(noisy) == plain
    assert identify("我的订单在哪里https://example.com/order").language == "zh"


def test_long_texts_without_a_space_take_no_time():
    began = time.process_time()
    for sign in ("我", "a", "a.", "@", "http://"):
        identify(sign * 5000)
    assert time.process_time() - began < 2


def test_the_end_of_a_long_text_is_not_read():
    text = "please tell me where my order is and when it will come. " * 9
    assert identify(text + "где мой заказ " * 200) == identify(text[:500])
    assert identify(" \n" * 1000 + text) == identify(text)


def test_sure_means_a_language():
    assert Guess("de", 0.5).sure
    assert not Guess("de", 0.49).sure
    assert not Guess(NO_LANGUAGE, 1.0).sure
