import time

import pytest

from labelmend.data.cells.spellings import (
    alike,
    folded,
    merged_numbers,
    merged_spellings,
    numbers,
    shown,
    whole_number,
)

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("card lost", "card_lost"),
        ("card lost", " Card-Lost "),
        ("card lost", "card\u00a0lost"),
        ("card lost", "card lost\u200b"),
        ("card lost", "\ufeffcardlost"),
        (NFC, NFD),
        (NFC.upper(), NFD),
        ("level 1", "level_1"),
        ("1 - 2", "1-2"),
    ],
)
def test_one_label(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("-1", "1"), ("1-2", "12"), ("A-", "A"), ("-a", "a"), ("a", "b"), ("1.5", "15"), ("-", "")],
)
def test_two_labels(one, other):
    assert folded(one) != folded(other)


def test_shown():
    assert shown("a\u200b") == r"'a\u200b'"
    assert shown(NFC) == f"'{NFC}'"
    assert shown(NFD) == r"'cafe\u0301'"
    assert shown("другое") == "'другое'"


def test_alike():
    assert alike(["b", "a b", "A_B", "-1", "1", NFD, NFC]) == [["A_B", "a b"], [NFD, NFC]]


def test_merged_spellings():
    rows = {"a b": 2, "a_b": 3, "A b": 1, "c": 1}
    assert merged_spellings(rows) == {"a b": "a_b", "A b": "a_b"}
    # Ties by code points: capitals come first.
    assert merged_spellings({"a": 2, "A": 2}) == {"a": "A"}
    assert merged_spellings({"a": 2, "A": 1}, ["A"]) == {"a": "A"}
    assert merged_spellings({"a": 2}, ["A"]) == {"a": "A"}
    # Neither of two that stay gives way.
    assert merged_spellings({"a": 2, "A": 2}, ["A", "a"]) == {}


def test_numbers():
    assert numbers(["1", "-2.50", " 3 ", "1e5", ".5", "5."])
    assert not numbers([])
    assert not numbers(["1", "x"])
    assert not numbers(["nan"])
    assert whole_number("3.0") == whole_number(" 3 ") == "3"
    assert whole_number("-1.00") == "-1"
    assert [whole_number(label) for label in ("007", "1.5", "x", "")] == [None] * 4
    assert whole_number("1" * 400 + ".0") == "1" * 400


def test_a_label_of_a_million_digits_is_read_at_once():
    began = time.process_time()
    assert not numbers(["1" * 1_000_000 + "x"])
    assert numbers(["1" * 1_000_000 + ".5"])
    assert time.process_time() - began < 1


def test_merged_numbers():
    # Where one number is spelled in both ways, all are written without the point.
    assert merged_numbers(["3", "3.0", "5.0", "0.5", "007"]) == {"3.0": "3", "5.0": "5"}
    assert merged_numbers(["3.0", "5.0"]) == {}
    assert merged_numbers(["3.0"], ["3"]) == {"3.0": "3"}
    assert merged_numbers(["3", "4"], ["3.0"]) == {"3": "3.0"}
