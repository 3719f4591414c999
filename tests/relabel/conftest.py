"""A small outcome whose numbers are known by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.types import (
    NO_LABEL,
    Dataset,
    Decisions,
    Evidence,
    NoiseChannel,
    Posterior,
    Relabelling,
    UniqueTexts,
    VoterReport,
)

NAN = float("nan")
LABELS = ("a", "b", "c", "d", "e", "f", "oos")
OOS = 6


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float32)


@pytest.fixture
def result():
    """Row 1 is given f, its sixth candidate; row 2 has no label; two sources and a voter."""
    return Relabelling(
        dataset=Dataset(
            ids=("x1", "x2"),
            texts=("my card", "hello"),
            given=ints(5, NO_LABEL),
            labels=LABELS,
            oos=OOS,
        ),
        cards=(),
        posterior=Posterior(
            candidates=ints([5, 0, 1, 2, 3, 6], [0, 1, 2, 3, 4, 6]),
            probabilities=np.array([[0.01, 0.5, 0.1, 0.1, 0.2, 0.05], [0.1, 0.2, 0, 0, 0.2, 0.5]]),
            channel=NoiseChannel(0.9, 0.3, 0.1, 0.1, None, None),
            weights={"bm25": 2.0, "classifier": 0.5, "tiny": 4.0},
            oos_bias=0.75,
            channel_nats=np.array([[-0.5, -4, -5, -5, -5, -6], [0, 0, 0, 0, 0, 0]]),
            given_share=np.array([[1.0, 0, 0, 0, 0, 0], [0] * 6]),
        ),
        decisions=Decisions(
            actions=("change", "review"),
            mended=ints(0, NO_LABEL),
            proposed=ints(0, OOS),
            confidence=np.array([0.5, 0.5]),
            quality=np.array([0.01, NAN]),
            review_order=ints(1),
            expected_harm=0.01,
            expected_good=0.01,
        ),
        unique=UniqueTexts(
            texts=("my card", "hello"),
            of_row=ints(0, 1),
            given=csr_array(np.array([[0, 0, 0, 0, 0, 1, 0], [0] * 7], dtype=np.float32)),
        ),
        evidence=(
            Evidence("bm25", floats([0, 6, 0, 0, 0, 0], [NAN] * 6)),
            Evidence("classifier", floats([1, 5, NAN, NAN, NAN, 3], [1, 1, 1, 1, 1, 7])),
            Evidence("tiny", floats([NAN, 0.5, -0.5, NAN, NAN, NAN], [NAN] * 6)),
        ),
        neighbours=ints([1, -1], [0, -1]),
        neighbour_scores=floats([0.5, 0], [0.5, 0]),
        routed=np.array([True, False]),
        voters=(VoterReport("tiny", 1, 0, {}, 0.0),),
        seconds={},
    )
