import pytest

from labelmend.augment.rules import Rules, is_in_scripts, is_refusal, scripts_of

REAL = ["where is my card", "i can't log in", "Hello: my card is gone"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("my card went missing on the bus", None),
        ("i'm sorry to hear my card was declined?", None),
        ("i can't find my card", None),
        ("As an AI language model, I have no card", "refusal"),
        ("I'm sorry, but I can't do that", "refusal"),
        ("I cannot assist with this request", "refusal"),
        ("Извините, я не могу помочь", "refusal"),
        ("Sure! Here you go", "answer to the prompt"),
        ("Here are three other messages:", "answer to the prompt"),
        ("Other messages: my card is gone", "answer to the prompt"),
        ("my card [card number] is lost", "answer to the prompt"),
        ("my card is", None),
        ("so it is card_lost", "answer to the prompt"),
        ("i lost my card and,", "answer to the prompt"),
        ("half \ufffd a character", "answer to the prompt"),
        ("!", "length"),
        ("card " * 40, "length"),
    ],
)
def test_what_is_no_message(text, reason):
    assert Rules(REAL).broken(text, "", 20) == reason


def test_what_real_texts_say_too_is_no_refusal():
    said = "Unfortunately, I lost my card"
    assert Rules(REAL).broken(said, "", 20) == "refusal"
    assert Rules([*REAL, "unfortunately i forgot the pin"]).broken(said, "", 20) is None


def test_lines_of_the_prompt_are_no_drafts():
    opening = "Messages:\n1. when do you close today\n2. are you open\n\nAbout: x\n"
    rules = Rules(REAL)
    assert rules.broken("When do you close  today", opening, 30) == "from the prompt"
    assert rules.broken("when do you open today", opening, 30) is None


def test_a_long_text_is_one_among_long_texts():
    assert Rules(REAL).broken("card " * 40, "", 150) is None


def test_a_whole_reply_that_refuses():
    assert is_refusal("I am sorry, but I cannot do that.")
    assert not is_refusal("1. where is my card")


def test_scripts():
    known = scripts_of(["где моя карта", "карта visa потеряна"])
    assert known == {"CYRILLIC": 24, "LATIN": 4}
    assert is_in_scripts("моя visa", known)
    assert not is_in_scripts("我的卡", known)
    assert is_in_scripts("12 34", known)
    # A name in another script, one letter of eleven, is none.
    assert not is_in_scripts("карта 卡卡", scripts_of(["карта"]))
    assert is_in_scripts("потерял карту 卡", scripts_of(["карта"]))
