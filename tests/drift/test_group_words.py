from labelmend.drift.group_words import distinctive_words

OURS = [f"please block the stolen card {i}" for i in range(12)] + ["my card was stolen"]
OTHERS = [f"please tell me the opening hours {i}" for i in range(40)] + ["the card reader"] * 2


def test_words_that_others_have_are_not_distinctive():
    found = distinctive_words(OURS, OTHERS, 3)
    # "card" is in all of theirs and in two others; "please" and "the" are everywhere.
    assert set(found) == {"stolen", "card", "block"}


def test_a_stem_is_shown_by_its_commonest_form():
    ours = ["cards lost", "cards gone", "card gone", "cards here"] * 5
    assert "cards" in distinctive_words(ours, OTHERS, 2)


def test_no_word_at_all():
    assert distinctive_words(["?!", "..."], OTHERS, 3) == ()
    assert distinctive_words(["the"], ["the", "the"], 3) == ("the",)
