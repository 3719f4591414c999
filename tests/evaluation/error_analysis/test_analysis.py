from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.data import training_set
from labelmend.classify.heads.logreg import LogisticRegressionHead
from labelmend.evaluation.error_analysis.analysis import analyse_errors
from labelmend.evaluation.error_analysis.counts import count_errors
from labelmend.protocols import NoProgress


@pytest.fixture(scope="module")
def table(world, dataset_of):
    """Three clear labels of forty texts; a wrong label, a lone text, and a label of one text.

    The wrong label stands in two rows, and one row has no label.
    """
    _, vectors = world(3, 40)
    texts = [f"text {i:04}" for i in range(120)]
    labels = [f"label{i // 40}" for i in range(120)]
    # In the middle of the first label's texts.
    vectors[5] = vectors[:40].mean(axis=0) / np.linalg.norm(vectors[:40].mean(axis=0))
    labels[5] = "label2"
    # Where nothing else lies: on an axis of its own, but nearer to label1's than to its own.
    lone = np.zeros((2, vectors.shape[1]), dtype=np.float32)
    lone[0, [9, 1]] = 0.8, 0.6
    lone[1, 10] = 1
    texts += ["text 0120", "text 0121", "TEXT 0005", "text 0122"]
    labels += ["label0", "single", "label2", None]
    dataset = dataset_of(texts, labels)
    data = training_set(dataset, np.ones(len(dataset)))
    return dataset, data, np.concatenate([vectors, lone])


@pytest.fixture(scope="module")
def found(table, settings):
    _, data, vectors = table
    return analyse_errors(data, vectors, settings, LogisticRegressionHead(), 0, NoProgress())


def counted(found, dataset, shown):
    pair_of = found.pair_of(dataset)
    rows = np.flatnonzero(pair_of >= 0)
    return count_errors(found, rows, pair_of[rows], dataset.texts, shown)


def test_each_kind_is_found_where_it_was_put(table, found):
    dataset, data, _ = table
    pair_of = found.pair_of(dataset)
    kinds = [None if pair < 0 else found.kinds[pair] for pair in pair_of.tolist()]
    assert kinds[5] == kinds[122] == "label error"
    assert kinds[121] == "missing data"
    assert kinds[123] is None
    rest = kinds[:5] + kinds[6:120]
    assert rest.count("fine") >= 115
    pair = pair_of[5]
    assert data.labels[found.predicted[pair]] == "label0"
    assert found.doubt[pair] > 0.9
    assert found.reason(pair) == (
        "can't be learned: even where it is shown, 'label0' is likelier; held out 'label0'"
    )
    assert found.is_only[pair_of[121]]


def test_rows_are_counted_by_cell_kind_and_label(table, found):
    dataset, _, _ = table
    counts = counted(found, dataset, 2)
    assert counts.rows == 123
    assert sum(counts.kinds.values()) == 123
    assert counts.crossed[False, False]["label error"] == counts.kinds["label error"]
    assert "fine" not in counts.crossed[True, False]
    top = counts.labels["label error"][0]
    assert (top.label, top.rows, top.of) == ("label2", 2, 42)
    first = counts.examples["label error"][0]
    # One example of the text that two rows have.
    assert (first.row, first.text, first.label) == (6, "text 0005", "label2")
    assert len(counts.examples["fine"]) == 2
    texts = [one.text for one in counts.examples["label error"]]
    assert len(texts) == len({text.casefold() for text in texts})


def test_the_order_of_rows_changes_nothing(table, found, settings):
    dataset, _, vectors = table
    back = np.arange(len(dataset))[::-1]
    turned = replace(
        dataset,
        ids=tuple(dataset.ids[i] for i in back),
        texts=tuple(dataset.texts[i] for i in back),
        given=dataset.given[back],
    )
    data = training_set(turned, np.ones(len(turned)))
    again = analyse_errors(data, vectors, settings, LogisticRegressionHead(), 0, NoProgress())
    assert again.kinds == found.kinds
    assert again.learned == pytest.approx(found.learned)
    assert [found.kinds[i] for i in again.pair_of(turned)[::-1] if i >= 0] == [
        found.kinds[i] for i in found.pair_of(dataset) if i >= 0
    ]


def test_rows_of_made_texts_are_not_counted(table, found):
    dataset, _, _ = table
    kinds = (*found.kinds[:3], None, *found.kinds[4:])
    fewer = replace(found, kinds=kinds)
    assert fewer.pair_of(dataset)[3] == -1
    assert counted(fewer, dataset, 1).rows == 122
