import pytest

from labelmend.bot.rules import BotRules, check_bot
from labelmend.errors import ConfigError


def test_a_token_is_taken_without_the_blanks_around_it():
    assert check_bot(" 123456789:AAF-a_b\n", BotRules()) == "123456789:AAF-a_b"


@pytest.mark.parametrize("token", ["secret", "12:", ":AAF", "a12:AAF", "12:AAF x", "12:AAF/getMe"])
def test_what_is_no_token_is_not_quoted(token):
    with pytest.raises(ConfigError, match="is no token of a bot") as refused:
        check_bot(token, BotRules())
    assert token not in str(refused.value).replace("such as 123456789:AAF...", "")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8081", "https://api.example/", "http://[::1]:1"]
)
def test_addresses_of_servers(address):
    assert check_bot("12:AAF", BotRules(address)) == "12:AAF"


@pytest.mark.parametrize(
    "address",
    [
        *("", "ftp://x", "https://", "http://[::1", "http://x:0", "http://x:99999", "x:80"),
        *("http://u:secret@x", "http://x?secret=1", "http://x#a"),
    ],
)
def test_what_is_no_address_is_not_quoted(address):
    with pytest.raises(ConfigError, match="--api-server: give an address") as refused:
        check_bot("12:AAF", BotRules(address))
    assert "secret" not in str(refused.value)
