import pytest

from labelmend.bot.words import answer_in_words, greeting, with_verdict
from labelmend.journal.entries import LogRules
from labelmend.serve.answer import Answered, LabelShare, Prediction, Said


def prediction(label, share, *rest, is_oos=False):
    top = ((label, share), *rest)
    return Prediction(label, share, is_oos, tuple(LabelShare(*one) for one in top))


def answered(main, against=None):
    said = None if against is None else Said("v2", (against,))
    return Answered("id", 0.0, 0.0, "s", ("text",), Said("v1", (main,)), said)


def test_one_model():
    one = answered(prediction("card", 0.964, ("pin", 0.021), ("fees", 0.004)))
    assert answer_in_words(one, ["m"]) == "card, 96%\npin 2%, fees 0%"


def test_two_models():
    both = answered(prediction("card", 0.9), prediction("oos", 0.7, is_oos=True))
    said = answer_in_words(both, ["mended", "dirty"])
    assert said == "mended:\ncard, 90%\n\ndirty:\nfits no label (oos, 70%)"


def test_a_label_without_end_fits_into_a_message():
    said = answer_in_words(answered(prediction("x" * 9000, 0.9)), ["m"])
    assert len(said) <= 4003
    assert len(with_verdict(said, "You said: wrong.")) <= 4096


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (None, ["Nothing that you write is kept."]),
        (LogRules(), ["Your messages are not kept, only a code", "/forget"]),
        (LogRules(texts=True), ["Your messages are kept to learn from.", "/forget"]),
        (LogRules(texts=True, mask=True), ["without mail addresses"]),
        (LogRules(keep_days=1), ["After 1 day they are removed."]),
    ],
)
def test_it_says_what_is_kept(rules, words):
    said = greeting(rules, compares=False)
    assert said.startswith("Send me a message, and I say which label it has.")
    assert all(word in said for word in words)
    assert "two models" in greeting(rules, compares=True)
