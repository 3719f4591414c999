"""Texts by their bytes: one by one, and all of them."""

import numpy as np
import pytest

from labelmend.runs.mapped_texts import MappedTexts

PLAIN = ("card", "", "a pin")
SIGNS = ("Größe", "", "😀 naïve", "z")


def mapped(texts):
    parts = [text.encode() for text in texts]
    starts = np.cumsum([0, *map(len, parts)])
    # Behind the last text there may be anything.
    return MappedTexts(starts, np.frombuffer(b"".join(parts) + b"\xff\xff", dtype=np.uint8))


@pytest.mark.parametrize("texts", [PLAIN, SIGNS, (), ("",)])
def test_they_are_what_they_were(texts):
    found = mapped(texts)
    assert len(found) == len(texts)
    assert tuple(found) == texts
    assert [found[i] for i in range(len(texts))] == list(texts)
    assert found[1:] == list(texts[1:])


def test_places_are_those_of_a_sequence():
    found = mapped(SIGNS)
    assert found[-1] == "z"
    assert found[::-2] == list(SIGNS[::-2])
    for row in (4, -5):
        with pytest.raises(IndexError):
            found[row]


def test_cut_by_characters():
    found = mapped(SIGNS).cut(3)
    assert tuple(found) == ("Grö", "", "😀 n", "z")
    assert [found[i] for i in range(4)] == ["Grö", "", "😀 n", "z"]
