"""Which texts are held out, and how much the others count."""

from dataclasses import replace

import numpy as np
import pytest

from labelmend.errors import InputError
from labelmend.tune.holdout import hold_out
from labelmend.types import Dataset

LABELS = ("a", "b", "oos")


def dataset(rows):
    texts, given = zip(*rows, strict=True)
    index = {label: i for i, label in enumerate(LABELS)} | {None: -1}
    ids = tuple(str(i + 1) for i in range(len(rows)))
    return Dataset(ids, texts, np.array([index[g] for g in given], np.int64), LABELS, 2)


def held(rows, confidence=None, *, share=0.2, known=(), seed=0):
    weights = np.ones(len(rows)) if confidence is None else np.array(confidence)
    return hold_out(dataset(rows), weights, share=share, known=known, seed=seed, where="t.csv")


ROWS = [*((f"a{i}", "a") for i in range(10)), *((f"b{i}", "b") for i in range(5))]
WILD = [*ROWS, *((f"wild{i}", "oos") for i in range(6)), ("nothing said", None)]


def test_each_label_gives_its_share_and_out_of_scope_texts_stand_aside():
    texts = held(WILD)
    assert len(texts.data.texts) == 21  # the row without a label is left out
    assert np.bincount(texts.labels[texts.held_out], minlength=3).tolist() == [2, 1, 0]
    assert np.bincount(texts.labels[texts.trained], minlength=3).tolist() == [8, 4, 0]
    assert not (texts.held_out & texts.trained).any()
    assert not set(texts.training_texts().texts) & {
        texts.data.texts[i] for i in np.flatnonzero(texts.held_out)
    }


def test_the_order_of_rows_does_not_matter_and_the_seed_does():
    one, other = held(WILD), held(WILD[::-1])
    assert one.data.texts == other.data.texts
    assert one.held_out.tolist() == other.held_out.tolist()
    drawn = {tuple(held(WILD, seed=seed).held_out.tolist()) for seed in range(4)}
    assert len(drawn) > 1


def test_a_text_counts_by_the_posterior_of_its_main_label():
    # Two of the three rows of one text say `a`, at 0.9 and 0.5; the third, its copy, says `b`.
    rows = [*ROWS, ("twice", "a"), ("Twice ", "a"), ("twice", "b")]
    texts = held(rows, [*np.ones(15), 0.9, 0.5, 0.6])
    twice = texts.data.texts.index("Twice ")
    assert texts.labels[twice] == 0
    assert texts.weights[twice] == pytest.approx((0.9 + 0.5) / 3)
    assert texts.weights.max() == 1.0


def test_recall_is_measured_on_certain_labels_only():
    texts = held(ROWS, [0.5] * 10 + [0.95] * 5)
    assert texts.labels[texts.measured(0.9)].tolist() == [1]
    assert len(texts.measured(0.5)) == 3


def test_texts_of_label_cards_are_never_held_out():
    texts = held(ROWS, share=1.0, known=["A0", "a1", "b3"])
    kept = {texts.data.texts[i] for i in np.flatnonzero(~texts.held_out)}
    assert kept == {"a0", "a1", "b3", *kept}
    # Two texts of each label stay in any case: of `b` one beside that of the card.
    assert np.bincount(texts.labels[texts.trained]).tolist() == [2, 2]


@pytest.mark.parametrize("rows", [ROWS[:10], [("x", "a"), ("y", "b"), ("z", "b")]])
def test_too_few_rows_are_refused(rows):
    with pytest.raises(InputError, match=r"^t.csv: tuning needs two labels or more"):
        held(rows)


def test_new_texts_are_not_held_out_nor_trained_on_beside_what_they_are_made_from():
    rows = [(f"a{i}", "a") for i in range(10)] + [(f"b{i}", "b") for i in range(10)]
    new = [(f"n{i}", "a") for i in range(10)]
    made = replace(dataset(rows + new), made_from={20 + i: (i,) for i in range(10)})
    found = hold_out(made, np.ones(30), share=0.2, known=(), seed=0, where="t.csv")
    held = [text for text, out in zip(found.data.texts, found.held_out, strict=True) if out]
    # A fifth of the labels' texts, new ones with them in neither count.
    assert [sum(text[0] == name for text in held) for name in "abn"] == [2, 2, 0]
    gone = {f"n{text[1:]}" for text in held if text[0] == "a"} | set(held)
    trained = {text for text, used in zip(found.data.texts, found.trained, strict=True) if used}
    assert trained == set(found.data.texts) - gone
    assert set(found.training_texts().texts) == trained
