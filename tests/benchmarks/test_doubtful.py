from types import SimpleNamespace

import doubtful
import numpy as np


def test_rows_are_named_by_their_line_and_sorted_by_quality():
    result = SimpleNamespace(
        dataset=SimpleNamespace(labels=("a", "b"), given=np.array([0, 1, 0])),
        decisions=SimpleNamespace(
            quality=np.array([0.9, 0.1, 0.4]), actions=("keep", "change", "review")
        ),
        posterior=SimpleNamespace(
            candidates=np.array([[0, 1], [1, 0]]), probabilities=np.array([[0.9, 0.1], [0.6, 0.4]])
        ),
        unique=SimpleNamespace(of_row=np.array([0, 0, 1])),
    )
    found = doubtful.doubts(result, 2)
    assert [(d.line, d.given, d.rival, d.action) for d in found] == [
        (3, "b", "a", "change"),
        (4, "a", "b", "review"),
    ]
    assert [d.posterior for d in found] == [0.9, 0.6]
    text = doubtful.table(found)
    assert "| 3 | b | 0.1000 | a | 0.9000 | change |" in text
