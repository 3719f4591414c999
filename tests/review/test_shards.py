"""Mended shards are reviewed as the same rows in one file are, and no shard is read for it."""

import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.sharded import BLANK, ROWS, WRONG

from labelmend.audit.mended import read_mended
from labelmend.data.request import TableRequest
from labelmend.review.table import ReviewTable
from labelmend.runs.companions import changed_since, two_runs
from labelmend.runs.layout import OutputPaths
from labelmend.runs.read import read_explanations


@pytest.fixture
def out(sharded_run, tmp_path):
    return shutil.copytree(sharded_run / "out", tmp_path / "out")


def same(found, whole):
    assert found.order.tolist() == whole.order.tolist()
    assert np.array_equal(found.doubt, whole.doubt)
    assert found.in_review == whole.in_review
    assert found.labels == whole.labels
    assert [found.given(row) for row in range(ROWS)] == [whole.given(row) for row in range(ROWS)]
    for row in (0, WRONG, 20, 33, ROWS - 1):
        text = whole.mended.dataset.texts[row]
        assert found.evidence.explanation(row, text) == whole.evidence.explanation(row, text)
        assert found.evidence.explanation(row, text).row == row + 1
    assert found.evidence.explanation(BLANK, "") is None


def test_by_the_index_no_shard_is_read(sharded_run, out):
    for path in out.glob("*.parquet"):
        state = path.stat()
        path.write_bytes(bytes(state.st_size))  # of the same size, and no Parquet any more
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    found = ReviewTable.read(TableRequest(out))
    assert found.index is not None
    same(found, ReviewTable.read(TableRequest(sharded_run / "one.mended.parquet")))


def test_without_the_index_all_is_read(sharded_run, out):
    OutputPaths.beside(out).index.unlink()
    found = ReviewTable.read(TableRequest(out))
    assert found.index is None
    same(found, ReviewTable.read(TableRequest(sharded_run / "one.mended.parquet")))


def test_a_shard_that_was_changed_since(out):
    assert (changed_since(out), two_runs(out)) == (None, None)
    path = out / "part-1.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "id", pa.array(range(13), pa.int32())), path)
    assert "is not as the run left it" in changed_since(out)
    # So it is read, and says that its ids are others.
    assert ReviewTable.read(TableRequest(out)).index is None


def test_a_shard_that_was_copied_is_hashed(out):
    record = OutputPaths.beside(out).record.stat()
    for path in [*out.glob("*.parquet"), *OutputPaths.beside(out).evidence.iterdir()]:
        os.utime(path, ns=(record.st_mtime_ns + 10**9,) * 2)
    assert (changed_since(out), two_runs(out)) == (None, None)
    path = OutputPaths.beside(out).evidence_of("part-0.parquet")
    path.write_bytes(path.read_bytes().replace(b"card", b"CARD"))
    assert "are of two runs" in two_runs(out)


def test_explanations_of_some_rows(sharded_run, out):
    texts = dict(enumerate(read_mended(TableRequest(out)).dataset.texts))
    found, problem = read_explanations(out, [5, 40], texts)
    assert problem is None
    whole, _ = read_explanations(sharded_run / "one.mended.parquet", [5, 40], texts)
    assert found == whole
