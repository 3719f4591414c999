"""The benchmark of the review page: the run that it makes, and what it says."""

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="run: pip install playwright")

from made_run import made_run
from review_speed import Measured, report

from labelmend.data.request import TableRequest
from labelmend.review.ranking import indexed
from labelmend.review.table import ReviewTable


def test_a_made_run_is_read_as_a_real_one(tmp_path, monkeypatch):
    table = made_run(tmp_path, 120, 20, 0)
    quick = ReviewTable.read(TableRequest(table))
    assert quick.index is not None
    assert (len(quick), len(quick.labels)) == (120, 20)
    explained = quick.evidence.explanation(5, quick.mended.dataset.texts[5])
    assert len(explained.candidates) in {5, 6}
    monkeypatch.setattr(indexed, "INDEX", "no such file")
    slow = ReviewTable.read(TableRequest(table))
    assert slow.index is None
    assert np.array_equal(quick.order, slow.order)
    np.testing.assert_allclose(quick.doubt, slow.doubt, atol=1e-5)


def test_what_is_reached_and_what_is_not():
    one = Measured(15_100, 151, 1.5, 0.5, [50, 60, 250], 0.2, [9.0], [310.0], 4.0, (1.0, 0.5))
    other = Measured(200_000, 5_000, 2.5, 0.5, [190.0], 0.4, [9.0], [], 4.0, (1.6, 0.5))
    lines = report([one, other]).splitlines()
    assert "| key to next row, median | under 100 ms | 60 ms | reached |" in lines
    assert "| key to next row, median | under 200 ms | 190 ms | reached |" in lines
    assert "| the same, slowest of 60 |  | 250 ms |  |" in lines
    missed = [line.split(" | ")[0].strip("| ") for line in lines if "**not reached**" in line]
    assert missed == [
        "key to next row meanwhile, slowest of 1",
        "the page opens, from the command",
        "scripted sitting, a row",
        "memory with children, at most",
    ]
