from labelmend.data.language.names import language_name


def test_names_of_languages():
    assert language_name("zu") == "Zulu"
    assert language_name("af") == "Afrikaans"
    assert language_name("ht") == "Haitian Creole"
    assert language_name("kab") == "kab"
