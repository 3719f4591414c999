"""A table in shards is mended as the same rows in one file are, and a killed run is taken up."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures.sharded import BLANK, ROWS, SIZES, WRONG, Killed, mend, rows, write_shards

from labelmend.data.request import TableRequest
from labelmend.data.shards.table import sha256_of
from labelmend.errors import InputError, OutputError
from labelmend.protocols import NoProgress
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.workflows.relabel import relabel_file
from labelmend.workflows.relabel_sets import relabel_sets_file


def test_all_that_is_said_of_rows_is_that_of_one_file(sharded_run):
    whole = pq.read_table(sharded_run / "one.mended.parquet")
    parts = [pq.read_table(path) for path in sorted((sharded_run / "out").glob("*.parquet"))]
    assert [len(part) for part in parts] == list(SIZES)
    assert all(part.schema.equals(whole.schema, check_metadata=True) for part in parts)
    found = pa.concat_tables(parts).to_pylist()
    assert found == whole.to_pylist()
    assert found[WRONG]["decision"] in {"change", "review"}
    assert found[BLANK]["decision"] is None
    evidence = sorted((sharded_run / "out" / "_labelmend" / "evidence").iterdir())
    assert [path.name for path in evidence] == [f"part-{i}.parquet.jsonl" for i in range(3)]
    lines = b"".join(path.read_bytes() for path in evidence)
    assert lines == (sharded_run / "one.mended.evidence.jsonl").read_bytes()
    for ours, theirs in (("index.arrow", "index.arrow"), ("labels.yaml", "labels.yaml")):
        one = sharded_run / f"one.mended.{theirs}"
        assert (sharded_run / "out" / "_labelmend" / ours).read_bytes() == one.read_bytes()


def test_the_record_names_the_shards(sharded_run):
    record = RunRecord.read(OutputPaths.beside(sharded_run / "out").record)
    assert (record.input.rows, record.input.blank) == (ROWS, 1)
    assert [(one.name, one.rows) for one in record.shards] == [
        (f"part-{number}.parquet", size) for number, size in enumerate(SIZES)
    ]
    for one in record.shards:
        assert one.sha256 == sha256_of(sharded_run / "rows" / one.name)
        assert one.mended == sha256_of(sharded_run / "out" / one.name)
        evidence = OutputPaths.beside(sharded_run / "out").evidence_of(one.name)
        assert one.evidence == sha256_of(evidence)
    assert RunRecord.read(sharded_run / "one.mended.run.json").shards == ()


def test_a_killed_run_is_taken_up(sharded_run, quick, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        mend(quick, sharded_run / "rows", out, Killed(2))
    assert sorted(path.name for path in out.iterdir()) == [
        "_labelmend",
        "part-0.parquet",
        "part-1.parquet",
    ]
    assert not OutputPaths.beside(out).record.exists()
    kept, damaged = out / "part-0.parquet", out / "part-1.parquet"
    state = kept.stat()
    damaged.write_bytes(b"somebody's")
    mend(quick, sharded_run / "rows", out)
    after = kept.stat()
    assert (after.st_ino, after.st_mtime_ns) == (state.st_ino, state.st_mtime_ns)
    files = [path for path in (sharded_run / "out").rglob("*") if path.is_file()]
    for path in files:
        if path.name != "run.json":  # in which the times stand
            assert (out / path.relative_to(sharded_run / "out")).read_bytes() == path.read_bytes()
    assert len([path for path in out.rglob("*") if path.is_file()]) == len(files)


def test_another_outcome_is_written_anew(sharded_run, quick, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        relabel_file(
            TableRequest(sharded_run / "rows"), out, quick, Killed(2), use_llm=False
        )  # without the votes
    mend(quick, sharded_run / "rows", out)
    for name in ("part-0.parquet", "_labelmend/index.arrow"):
        assert (out / name).read_bytes() == (sharded_run / "out" / name).read_bytes()


def test_a_run_on_other_shards_is_not_taken_up(sharded_run, quick, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        mend(quick, sharded_run / "rows", out, Killed(1))
    other = write_shards(rows(), tmp_path / "rows", [30, 30])
    with pytest.raises(OutputError, match="an unfinished run on other shards; name an empty"):
        mend(quick, other, out)
    assert (out / "part-0.parquet").exists()


def test_nothing_is_left_of_a_run_that_wrote_nothing(sharded_run, quick, tmp_path):
    class Begun(NoProgress):
        def start(self, stage, total):
            raise KeyboardInterrupt

    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(KeyboardInterrupt):
            mend(quick, sharded_run / "rows", tmp_path / name, Begun())
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


REFUSED = {
    "out": "is not empty .it holds .*name an empty or a new folder",
    "one.parquet": "is a file, and shards are written to a folder; name a new one",
    "rows": "lies in .*rows, which is the input itself; write elsewhere|is not empty",
    "rows/new": "lies in .*rows, which is the input itself; write elsewhere",
    "missing/new": "the folder .*missing is missing; create it first",
}


@pytest.mark.parametrize("output", REFUSED)
def test_where_shards_are_not_written(sharded_run, quick, output):
    before = {path: path.stat().st_mtime_ns for path in sharded_run.rglob("*")}
    with pytest.raises(OutputError, match=REFUSED[output]):
        mend(quick, sharded_run / "rows", sharded_run / output)
    assert {path: path.stat().st_mtime_ns for path in sharded_run.rglob("*")} == before


def test_what_was_mended_is_not_mended_again(sharded_run, quick, tmp_path):
    with pytest.raises(InputError, match="already has 'mended_label', 'decision'"):
        mend(quick, sharded_run / "out", tmp_path / "new")


def test_rows_with_several_labels(quick, tmp_path):
    table = pa.table({"text": ["a", "b"], "label": ["x;y", "x"]})
    source = write_shards(table, tmp_path / "rows", [1, 1])
    with pytest.raises(InputError, match="in shards, and its rows have several labels; give it as"):
        relabel_sets_file(TableRequest(source), tmp_path / "out", quick, NoProgress())
