import numpy as np

from labelmend.data.duplicates import text_groups, text_key


def test_key_folds_case_width_and_white_space() -> None:
    assert text_key("  Wo ist\tmeine\n\nSTRASSE ") == "wo ist meine strasse"
    assert text_key("straße") == "strasse"
    assert text_key("\uff28\uff29\u00a0there") == "hi there"  # full width, no-break space
    assert text_key("cafe\u0301") == text_key("caf\u00e9")


def test_groups_are_numbered_by_key() -> None:
    # keys: "b", "a", "b", "c" -> a is 0, b is 1, c is 2
    assert text_groups(["B", "a", " b ", "c"]).tolist() == [1, 0, 1, 2]


def test_groups_do_not_depend_on_row_order() -> None:
    texts = ["Hi", "hi ", "bye", "Lost card", "lost  card", "other"]
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = text_groups([texts[i] for i in order])
    assert shuffled.tolist() == text_groups(texts)[order].tolist()
    assert shuffled.dtype == np.int64


def test_no_texts() -> None:
    assert text_groups([]).tolist() == []
