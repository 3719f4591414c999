import numpy as np
import pytest

from labelmend.classify.several.data import set_training
from labelmend.data.duplicates import text_groups
from labelmend.data.sets.label_sets import LabelSets
from labelmend.evaluation.error_analysis import learners
from labelmend.evaluation.error_analysis.counts import count_errors
from labelmend.evaluation.error_analysis.several import analyse_sets
from labelmend.protocols import NoProgress

LABELS = ("first", "only", "second", "third", "two_of_them")
FIRST, ONLY, SECOND, THIRD, TWO = range(5)


@pytest.fixture(scope="module")
def sets(world):
    """Three clouds of forty texts; the first two have a label in common.

    Text 5, in the middle of the first cloud, is called `third` as well and lacks the common label;
    text 9 has a label of its own; and the last two rows are text 5 again, without any label, and
    text 6 with its own.
    """
    _, vectors = world(3, 40)
    vectors[5] = vectors[:40].mean(axis=0) / np.linalg.norm(vectors[:40].mean(axis=0))
    given = np.zeros((122, 5), dtype=bool)
    for cloud, label in enumerate((FIRST, SECOND, THIRD)):
        given[40 * cloud : 40 * (cloud + 1), label] = True
    given[:80, TWO] = True
    given[5, [THIRD, TWO]] = True, False
    given[9, ONLY] = True
    given[121] = given[6]
    texts = [f"text {i:04}" for i in range(120)] + ["TEXT 0005", "Text 0006"]
    table = LabelSets(tuple(map(str, range(122))), tuple(texts), given, LABELS)
    return table, vectors


@pytest.fixture(scope="module")
def found(sets, settings):
    table, vectors = sets
    data = set_training(table)
    given = np.zeros(data.carried.shape, dtype=bool)
    np.logical_or.at(given, text_groups(table.texts), table.given)
    return analyse_sets(data, given, vectors, settings, 0, NoProgress())


def judged(found, table):
    rows, pairs = found.of_rows(table)
    return {
        (row, found.labels[found.label_of[pair]]): (
            found.kinds[pair],
            bool(found.carried[pair]),
            pair,
        )
        for row, pair in zip(rows.tolist(), pairs.tolist(), strict=True)
    }


def test_false_labels_forgotten_ones_and_lone_ones_are_told_apart(sets, found):
    table, _ = sets
    cases = judged(found, table)
    kind, carried, pair = cases[5, "third"]
    assert (kind, carried) == ("label error", True)
    assert found.reason(pair) == (
        "'third' can't be learned even where it is shown, and is not called held out"
    )
    kind, carried, lacking = cases[5, "two_of_them"]
    assert (kind, carried) == ("label error", False)
    assert found.reason(lacking) == (
        "'two_of_them' is called held out, and even where its lack is shown"
    )
    assert found.doubt[[pair, lacking]].min() > 0.5
    kind, _, pair = cases[9, "only"]
    assert kind == "missing data"
    assert found.reason(pair) == "no other text has 'only'"
    fine = [kind for kind, carried, _ in cases.values() if kind == "fine"]
    assert len(fine) >= 190


def test_a_row_is_judged_by_its_own_labels_and_what_its_text_lacks(sets, found):
    table, _ = sets
    cases = judged(found, table)
    assert {label for row, label in cases if row == 120} == {"two_of_them"}
    assert {label for row, label in cases if row == 121} == {"first", "two_of_them"}
    assert {label for row, label in cases if row == 5} == {"first", "third", "two_of_them"}
    rows, pairs = found.of_rows(table)
    assert (np.diff(rows) >= 0).all()
    counts = count_errors(found, rows, pairs, table.texts)
    assert counts.rows == len(rows) == table.given.sum() + 2
    (example,) = [one for one in counts.examples["missing data"] if one.label == "only"]
    assert (example.row, example.text) == (10, "text 0009")


def test_the_order_of_rows_changes_nothing(sets, found, settings):
    table, vectors = sets
    back = np.arange(122)[::-1]
    turned = LabelSets(
        table.ids, tuple(table.texts[i] for i in back), table.given[back], table.labels
    )
    data = set_training(turned)
    given = np.zeros(data.carried.shape, dtype=bool)
    np.logical_or.at(given, text_groups(turned.texts), turned.given)
    again = analyse_sets(data, given, vectors, settings, 0, NoProgress())
    assert again.kinds == found.kinds
    assert again.learned == pytest.approx(found.learned)


def test_a_label_in_all_texts_or_in_none(sets, settings, monkeypatch):
    monkeypatch.setattr(learners, "_MOST_ROUNDS", 2)
    table, vectors = sets
    for fill in (True, False):
        given = table.given.copy()
        given[:, TWO] = fill
        filled = LabelSets(table.ids, table.texts, given, LABELS)
        data = set_training(filled)
        every = np.zeros(data.carried.shape, dtype=bool)
        np.logical_or.at(every, text_groups(filled.texts), given)
        again = analyse_sets(data, every, vectors, settings, 0, NoProgress())
        own = again.label_of == TWO
        assert own.sum() == (120 if fill else 0)
        assert {kind for kind, mine in zip(again.kinds, own, strict=True) if mine} <= {"fine"}
