"""Predictions of a table in shards are those of the same rows in one file."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.sharded import BLANK, Killed, rows, write_shards

from labelmend.configs.load import load_config
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.protocols import NoProgress
from labelmend.workflows.predict import predict_file
from labelmend.workflows.predict_sets import predict_sets_file
from labelmend.workflows.predict_soft import predict_soft_file

CONFIG = load_config("embedded")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Shards, of which the one in the middle has no text at all."""
    folder = tmp_path_factory.mktemp("predicted")
    table = rows()
    texts = table["text"].to_pylist()
    texts[BLANK : BLANK + 10] = [""] * 10
    table = table.set_column(1, "text", pa.array(texts))
    pq.write_table(table, folder / "one.parquet")
    write_shards(table, folder / "rows", [BLANK, 10, 60 - BLANK - 10])
    return folder


def predict(models, source, output, progress=None):
    return predict_file(
        models / "model", TableRequest(source), output, CONFIG, progress or NoProgress()
    )


def test_shards_are_those_of_one_file(word_models, source, tmp_path):
    whole = predict(word_models, source / "one.parquet", tmp_path / "one.parquet")
    found = predict(word_models, source / "rows", tmp_path / "out")
    assert (found.rows, found.flagged, found.notes) == (50, whole.flagged, whole.notes)
    assert found.output == tmp_path / "out"
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == [f"part-{number}.parquet" for number in range(3)]
    expected = pq.read_table(tmp_path / "one.parquet")
    parts = [pq.read_table(path) for path in files]
    # Though in the second shard nothing is predicted, its columns are of the same types.
    assert all(part.schema.equals(expected.schema, check_metadata=True) for part in parts)
    assert pa.concat_tables(parts).to_pylist() == expected.to_pylist()


def test_a_killed_prediction_is_taken_up(word_models, source, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        predict(word_models, source / "rows", out, Killed(1))
    state = (out / "part-0.parquet").stat()
    predict(word_models, source / "rows", out)
    assert (out / "part-0.parquet").stat().st_mtime_ns == state.st_mtime_ns
    assert len(list(out.iterdir())) == 3
    with pytest.raises(OutputError, match=r"is not empty \(it holds part-0\.parquet\)"):
        predict(word_models, source / "rows", out)


def test_models_that_read_one_file(word_sets, word_soft, source, tmp_path):
    request, out = TableRequest(source / "rows"), tmp_path / "out"
    with pytest.raises(InputError, match="in shards, and a model of several labels a text reads"):
        predict_sets_file(word_sets / "model", request, out, CONFIG, NoProgress())
    with pytest.raises(InputError, match="in shards, and a model of soft targets reads one file"):
        predict_soft_file(word_soft / "model", request, out, CONFIG, NoProgress())
