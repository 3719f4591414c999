"""The Russian demo's data: frozen before any method was tried on it, and as its card says."""

import csv
import hashlib
from collections import Counter
from importlib import resources

import pytest
import yaml

DEMO = resources.files("labelmend.data.demo") / "ru"
FROZEN = {
    "labels.yaml": "831796936a067ede8b234e8ef32cc1a179d09e3a6ba56b4cb22733cf1cb4941d",
    "test.csv": "e45ccffc33aab63b02e840246e668e0a8fc24a98975002ff6386cd743f26c47a",
    "train_gold.csv": "ae580519396cea9ef5d832f0a43ad97cc044dfa3c55eb60746bdc8e527aa5b85",
    "train_noisy.csv": "9d9ee1f3841775968ffb5e99760deb8def141bcd7c5c5d78226f225d48b8afda",
}


def rows(name):
    return list(csv.DictReader((DEMO / name).read_text("utf-8").splitlines()))


@pytest.mark.parametrize("name", FROZEN)
def test_the_files_are_frozen(name):
    assert hashlib.sha256((DEMO / name).read_bytes()).hexdigest() == FROZEN[name]


def test_rows_and_labels_are_as_the_card_says():
    train, noisy, test = rows("train_gold.csv"), rows("train_noisy.csv"), rows("test.csv")
    cards = yaml.safe_load((DEMO / "labels.yaml").read_text("utf-8"))
    assert (len(train), len(noisy), len(test), len(cards)) == (955, 955, 371, 18)
    assert {row["label"] for row in train} == {row["label"] for row in test} == {*cards, "oos"}
    assert all(set(card) == {"description", "exemplars"} for card in cards.values())
    assert {len(card["exemplars"]) for card in cards.values()} == {3}
    pairs = [(row["text"], row["label"]) for row in train]
    assert [(row["text"], row["true_label"]) for row in noisy] == pairs
    assert sum(row["label"] != row["true_label"] for row in noisy) == 143  # 15 % of 955
    texts = Counter(row["text"].casefold() for row in (*train, *test))
    assert max(texts.values()) == 1
    assert {row["text"] for row in train}.isdisjoint(row["text"] for row in test)
