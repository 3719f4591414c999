import random
import re
import time

import pytest
from stdnum import iban, luhn

from labelmend.journal.mask import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to anna.b+x@mail.example.co.uk please", "write to [MAIL] please"),
        ("почта: иван@почта.рф", "почта: [MAIL]"),
        ("see https://bank.example/a?user=7.", "see [URL]."),
        ("www.bank.example/me is down", "[URL] is down"),
        ("call +7 (916) 123-45-67 now", "call [PHONE] now"),
        ("8 800 555 35 35", "[PHONE]"),
        ("(212) 736-5000 or 020 7946 0958", "[PHONE] or [PHONE]"),
        # Luhn: 4111 1111 1111 1111 holds, 4111 1111 1111 1112 does not.
        ("card 4111 1111 1111 1111 is lost", "card [CARD] is lost"),
        ("card 4111-1111-1111-1112 is lost", "card [NUMBER] is lost"),
        ("карта \uff14" + "\uff11" * 15, "карта [CARD]"),  # in wide digits
        # ISO 13616: the check digits of the first hold, those of the second do not.
        ("to DE89 3704 0044 0532 0130 00 please", "to [IBAN] please"),
        ("to DE88 3704 0044 0532 0130 00 please", "to DE[NUMBER] please"),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("from 10.0.0.1 or fe80::1", "from [IP] or [IP]"),
        ("order 123e4567-e89b-12d3-a456-426614174000", "order [ID]"),
        ("ssn 123-45-6789", "ssn [ID]"),
        ("passport AB1234567", "passport [ID]"),
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "key [ID]"),
        ("i am @anna_b there", "i am [USER] there"),
        ("account 000000000", "account [NUMBER]"),
        ("a@b.example,c@d.example", "[MAIL],[MAIL]"),
    ],
)
def test_what_is_masked(text, masked):
    assert mask(text) == (masked, masked.count("["))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "where is my card?",
        "my pin is 1234 and i paid 1 000 000 in 2024",
        "on 2024-01-15 at 10:30:15, or 15.01.2024",
        "version 1.2.3, std::vector, 3.5 %",
        "10.0.0.256 is no address",
        "meet me @ 5",
        "INTERNATIONALIZATION_OF_THINGS",
    ],
)
def test_what_stays(text):
    assert mask(text) == (text, 0)


@pytest.mark.parametrize(
    "piece",
    ["1 ", "a", "-1", "a@b.cc ", "4111111111111111 ", "+7 916 123-45-67;", "::", "%", "aa11 ", "@"],
)
def test_long_texts_take_no_time(piece):
    text = piece * (20_000 // len(piece))
    began = time.process_time()
    mask(text)
    # Some 10 to 100 ms each; what grows with the square of the length takes minutes.
    assert time.process_time() - began < 2


def test_cards_and_accounts_are_found_however_they_are_written():
    dice = random.Random(3)
    for turn in range(300):
        digits = "".join(dice.choice("0123456789") for _ in range(18))
        card = "4" + digits[: dice.choice([11, 14, 17])]
        card += luhn.calc_check_digit(card)
        account = f"DE{iban.calc_check_digits('DE00' + digits)}{digits}"
        by = ("", " ", "-")[turn % 3]
        for number, word in ((card, "[CARD]"), (account, "[IBAN]")):
            written = by.join(re.findall(".{1,4}", number.lower() if turn % 2 else number))
            said, _ = mask(f"it is ({written}), please")
            assert said == f"it is ({word}), please", written
