"""What a run found, worked out by hand for four rows of three texts."""

from dataclasses import replace

import numpy as np
import pytest

from labelmend.relabel.diagnostics.advice import ConfusedPair
from labelmend.runs.findings import confused_pairs, estimated_noise, rows_moved
from labelmend.types import NO_LABEL

NOTHING_GIVEN = np.array([NO_LABEL] * 4, dtype=np.int64)


def test_estimated_noise(four_rows):
    # The given labels of rows 1, 2 and 4 have 0.75, 0.5 and 0.25; row 3 was given none.
    assert estimated_noise(four_rows) == pytest.approx(1 - (0.75 + 0.5 + 0.25) / 3)


def test_estimated_noise_where_nothing_was_given(four_rows):
    dataset = replace(four_rows.dataset, given=NOTHING_GIVEN)
    assert estimated_noise(replace(four_rows, dataset=dataset)) == 0.0


def test_confused_pairs(four_rows):
    # Of the three labelled rows, 2 * 0.75 are expected to be a, 2 * 0.25 + 0.5 b, and 0.5 c.
    pairs = (
        ConfusedPair("a", "b", 0.75, 0.75 / 1.5),
        ConfusedPair("c", "b", 0.5, 0.5 / 0.5),
        ConfusedPair("b", "a", 0.25, 0.25 / 1.0),
    )
    assert confused_pairs(four_rows, 20) == pairs
    assert confused_pairs(four_rows, 2) == pairs[:2]


def test_pairs_of_equal_weight_are_in_the_order_of_the_labels(four_rows):
    posterior = replace(
        four_rows.posterior, probabilities=np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    )
    assert confused_pairs(replace(four_rows, posterior=posterior), 20) == (
        ConfusedPair("a", "b", 0.5, 0.5),
        ConfusedPair("b", "a", 0.5, 0.3333),
        ConfusedPair("c", "b", 0.5, 1.0),
    )


def test_nothing_is_confused_where_nothing_was_given(four_rows):
    dataset = replace(four_rows.dataset, given=NOTHING_GIVEN)
    assert confused_pairs(replace(four_rows, dataset=dataset), 20) == ()


def test_rows_moved(four_rows):
    # The text of rows 1 and 4 has, for a, 0.5 * 0.5 of bm25, 1.25 * 0.5 of tiny and -1 of the
    # channel, and for b -0.25, -0.625 and -0.25. Without bm25 a leads by -0.375 to -0.875;
    # without tiny b leads by -0.5 to -0.75. The others' lead is the channel's or the bias's.
    assert rows_moved(four_rows) == {"bm25": 0, "tiny": 2}


def test_a_source_that_only_breaks_a_tie_moves_what_the_smaller_label_would_have_had(four_rows):
    posterior = replace(four_rows.posterior, channel_nats=np.zeros((3, 2)), oos_bias=0.0)
    # Without tiny nothing is known of row 3: it would be a, and is c.
    assert rows_moved(replace(four_rows, posterior=posterior)) == {"bm25": 0, "tiny": 1}


def test_without_weights_nothing_is_moved(four_rows):
    posterior = replace(four_rows.posterior, weights={})
    assert rows_moved(replace(four_rows, posterior=posterior)) == {"bm25": 0, "tiny": 0}
