"""The demo data are what their card says."""

import csv
from collections import Counter
from importlib import resources

import numpy as np
import pytest

from labelmend.cli.app import main
from labelmend.configs.load import load_config
from labelmend.data.duplicates import text_key
from labelmend.data.labels_file import read_labels_file
from labelmend.retrieval.encoders.cache import open_encoder

DEMO = resources.files("labelmend.data.demo")
CLOSE_PAIRS = (
    ("card_lost", "card_stolen"),
    ("transfer_pending", "transfer_failed"),
    ("pin_reset", "pin_change"),
    ("charge_unknown", "charge_duplicate"),
)


def rows(name):
    with resources.as_file(DEMO / name) as path, path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_has_enough_rows_of_24_intents_and_oos():
    train, test = rows("train_gold.csv"), rows("test.csv")
    assert (len(train), len(test)) == (2083, 809)
    labels = {r["label"] for r in train}
    assert labels == {r["label"] for r in test}
    assert len(labels - {"oos"}) == 24
    assert all(label in labels for pair in CLOSE_PAIRS for label in pair)
    assert min(Counter(r["label"] for r in train).values()) >= 70


def test_messages_are_short_and_long():
    lengths = np.array([len(r["text"].split()) for r in rows("train_gold.csv")])
    assert (lengths <= 5).mean() > 0.15
    assert (lengths >= 17).mean() > 0.1


def test_no_message_stands_twice():
    keys = [text_key(r["text"]) for name in ("train_gold.csv", "test.csv") for r in rows(name)]
    assert len(keys) == len(set(keys))


ENCODER = "encoders=[{backend: onnx, model: all-MiniLM-L6-v2}]"


def test_no_two_messages_are_nearly_the_same(minilm):
    # By the cache, from which the noise below is made.
    encoder = open_encoder(load_config(overrides=[ENCODER]).encoders[0], minilm)
    texts = [r["text"] for name in ("train_gold.csv", "test.csv") for r in rows(name)]
    vectors = encoder.encode(texts)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, 0)
    assert similarity.max() < 0.925


def test_the_noise_is_15_percent_of_the_same_rows():
    gold, noisy = rows("train_gold.csv"), rows("train_noisy.csv")
    assert [(r["text"], r["label"]) for r in gold] == [(r["text"], r["true_label"]) for r in noisy]
    assert sum(r["label"] != r["true_label"] for r in noisy) == round(0.15 * 2083)


def test_corrupt_makes_the_noisy_table_anew(tmp_path, monkeypatch, minilm):
    assert minilm.path.is_dir()
    target = tmp_path / "noisy.csv"
    noise = ["--noise", "nearest=0.075", "--noise", "uniform=0.045", "--noise", "oos-swap=0.03"]
    with resources.as_file(DEMO / "train_gold.csv") as gold:
        command = ["labelmend", "corrupt", str(gold), "-o", str(target), *noise, "--seed", "7"]
        monkeypatch.setattr(
            "sys.argv",
            [*command, "--set", ENCODER, "--quiet"],
        )
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    assert target.read_bytes() == DEMO.joinpath("train_noisy.csv").read_bytes()


def test_every_intent_is_described_by_hand():
    with resources.as_file(DEMO / "labels.yaml") as path:
        cards = read_labels_file(path)
    assert set(cards) == {r["label"] for r in rows("train_gold.csv")} - {"oos"}
    assert all(len(c.description) > 30 and len(c.exemplars) >= 2 for c in cards.values())
    written = {text_key(e) for c in cards.values() for e in c.exemplars}
    assert not written & {text_key(r["text"]) for r in rows("test.csv")}
