from labelmend.augment.language import languages_of

RUSSIAN = [
    "где моя карта, не могу найти",
    "потерял карту вчера вечером",
    "забыл пин-код, что делать",
    "деньги ещё не пришли на счёт",
    "как заблокировать карту на время",
    "почему списали деньги два раза",
    "не приходит код подтверждения",
    "хочу закрыть счёт навсегда",
    "сколько идёт перевод в другой банк",
    "поменял номер телефона, как обновить",
    "банкомат не выдал деньги, верните",
    "какая комиссия за границей",
]


def test_a_russian_table():
    speaks, name = languages_of(RUSSIAN, 0)
    assert name == "Russian"
    assert speaks("моя карта пропала, помогите найти")
    assert not speaks("ma carte bancaire a disparu hier soir, que dois-je faire maintenant")


def test_nothing_is_sure_of_numbers():
    speaks, name = languages_of(["1", "2", "3"], 0)
    assert name == ""
    assert speaks("ma carte bancaire a disparu hier soir")
