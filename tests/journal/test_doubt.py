import pytest
from fixtures.logged import NOW, guess

from labelmend.journal.doubt import doubted, ordered
from labelmend.journal.read import Logged, LoggedText, Word

TOP = (("card_lost", 0.7), ("fees", 0.2), ("oos", 0.1))


def text(words=(), count=1, guesses=None, name="r1", content="where is my card?"):
    guesses = guesses or (guess("card_lost", 0.7, top=TOP),)
    last = Logged(name, int(NOW * 1000), "http", "s", "h", 0, content, guesses, ())
    said = tuple(Word(f"s{i}", i, label) for i, label in enumerate(words))
    return LoggedText(last, content, count, said)


def test_without_words_the_model_is_believed():
    found = doubted(text(), ())
    assert found.doubt == pytest.approx(0.3)
    assert found.shares == TOP
    assert (found.label, found.proposed, found.rising) == ("card_lost", "card_lost", False)


@pytest.mark.parametrize(
    ("words", "doubt"),
    [
        # 2 of the model's and n of people: (2 * 0.7 + right) / (2 + n).
        (["card_lost"], 1 - 2.4 / 3),
        (["fees"], 1 - 1.4 / 3),
        (["fees", "fees", "card_lost"], 1 - 2.4 / 5),
        # Of those who only say "wrong": 2 * 0.7 / (2 + n).
        ([None], 1 - 1.4 / 3),
        ([None, None], 1 - 1.4 / 4),
        # Both: (2 * 0.7 + 1) / 3 of those who name one, and times 3 / 4.
        (["card_lost", None], 1 - 2.4 / 3 * 3 / 4),
    ],
)
def test_people_move_the_doubt(words, doubt):
    assert doubted(text(words), ()).doubt == pytest.approx(doubt)


def test_what_people_name_is_proposed():
    found = doubted(text(["pin_reset", "pin_reset"]), ())
    # (0 + 2) / 4 against 2 * 0.7 / 4.
    assert found.proposed == "pin_reset"
    assert dict(found.shares)["pin_reset"] == pytest.approx(0.5)
    assert dict(found.shares)["card_lost"] == pytest.approx(0.35)


def test_of_two_models_the_mean_counts():
    other = guess("fees", 0.9, top=(("fees", 0.9), ("oos", 0.05), ("pin_reset", 0.05)))
    found = doubted(text(guesses=(guess("card_lost", 0.7, top=TOP), other)), ())
    assert found.doubt == pytest.approx(1 - 0.35)
    assert found.proposed == "fees"
    assert dict(found.shares)["fees"] == pytest.approx(0.55)


def test_an_answered_label_beyond_the_top_counts_with_its_probability():
    flagged = guess("oos", 0.4, top=(("card_lost", 0.5), ("fees", 0.1)), is_oos=True)
    found = doubted(text(guesses=(flagged,)), ())
    assert (found.label, found.proposed) == ("oos", "card_lost")
    assert found.doubt == pytest.approx(0.6)


def test_the_orders():
    def sure(p):
        rest = (("fees", 1 - p), ("oos", 0.0))
        return (guess("card_lost", p, top=(("card_lost", p), *rest)),)

    rare = doubted(text(name="rare", guesses=sure(0.5)), ())
    often = doubted(text(name="often", count=10, guesses=sure(0.9)), ())
    most = doubted(text(name="most", count=20, guesses=sure(0.99)), {"card_lost"})
    texts = [most, rare, often]
    names = {
        order: [one.of.last.id for one in ordered(texts, order)]
        for order in ("worth", "doubt", "count", "drift")
    }
    assert names == {
        # 10 * 0.1 = 1, 1 * 0.5, 20 * 0.01 = 0.2
        "worth": ["often", "rare", "most"],
        "doubt": ["rare", "often", "most"],
        "count": ["most", "often", "rare"],
        "drift": ["most", "often", "rare"],
    }


def test_ties_go_by_text_and_not_by_place():
    one, two = doubted(text(name="1", content="b"), ()), doubted(text(name="2", content="a"), ())
    assert ordered([one, two], "worth") == ordered([two, one], "worth") == [two, one]
