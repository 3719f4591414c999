"""Files of two runs, and a table or labels that somebody changed, are seen by all who read them."""

import hashlib
import json
from types import SimpleNamespace

import pytest

from labelmend.audit.held_out import read_held_out
from labelmend.audit.mended import read_mended
from labelmend.data.request import TableRequest
from labelmend.errors import InputError, OutputError
from labelmend.runs.companions import changed_since, check_labels, digest_of, two_runs
from labelmend.runs.layout import OutputPaths
from labelmend.runs.look_up import look_up
from labelmend.runs.read import read_explanations, read_run
from labelmend.workflows import relabel as job


@pytest.fixture
def run(with_run):
    """A mended table with its evidence and a record that has the hash of each."""
    paths = OutputPaths.beside(with_run)
    paths.labels.write_text("# Label cards for labelmend\na: one\n")
    fields = json.loads(paths.record.read_text())
    paths.index.write_bytes(b"ARROW1")
    places = {"table": paths.table, "evidence": paths.evidence, "labels": paths.labels}
    places["index"] = paths.index
    fields["files"] = {what: digest_of(path) for what, path in places.items()}
    paths.record.write_text(json.dumps(fields))
    return paths


def test_files_of_one_run_are_that(run):
    assert two_runs(run.table) is None
    assert changed_since(run.table) is None
    check_labels(run)
    record, problem = read_run(run.table, len(run.evidence.read_text().splitlines()))
    assert (problem, record is None) == (None, False)


def test_evidence_of_another_run_is_seen_by_all_readers(run):
    with run.evidence.open("a") as file:
        file.write("\n")
    said = (
        f"{run.evidence} and {run.record} are of two runs; run labelmend relabel again, or bring "
        "back the files of one"
    )
    assert read_run(run.table, 1) == (None, said)
    assert read_explanations(run.table, [0], {0: "x"}) == ({}, said)
    assert said in look_up(run.table, row=1).notes
    assert said in look_up(run.evidence, row=1).notes
    assert said in read_mended(TableRequest(run.table)).notes
    with pytest.raises(InputError, match="are of two runs"):
        read_held_out(run.table, [0])


def test_a_table_that_is_not_as_its_run_left_it_is_told_of(run):
    with run.table.open("a") as file:
        file.write("\n")
    said = (
        f"{run.table} is not as the run left it that {run.record.name} tells of: it was changed "
        "since, or is of another run"
    )
    assert said in look_up(run.table, row=1).notes
    assert said in read_mended(TableRequest(run.table)).notes
    assert said not in look_up(run.evidence, row=1).notes


def test_labels_that_somebody_worked_on_are_not_written_over(run):
    run.labels.write_text("# Label cards for labelmend\nmine: days of work\n")
    with pytest.raises(OutputError, match="was changed since labelmend wrote it"):
        check_labels(run)
    run.labels.unlink()
    check_labels(run)


def test_older_records_say_nothing(run):
    fields = json.loads(run.record.read_text())
    for files in (None, {}):
        run.record.write_text(json.dumps({**fields, "files": files}))
        run.evidence.write_text(run.evidence.read_text() + "\n")
        assert two_runs(run.table) is None
        assert changed_since(run.table) is None
        check_labels(run)
    del fields["files"]
    run.record.write_text(json.dumps(fields))
    assert two_runs(run.table) is None


def test_any_mixture_that_a_kill_can_leave_is_seen_by_the_hashes_alone(run, monkeypatch):
    order = []

    def told(places):
        order.extend(places)
        raise InterruptedError

    monkeypatch.setattr(job, "atomic_files", told)
    loaded = SimpleNamespace(rows=(), ids=(), columns=SimpleNamespace(label=None))
    with pytest.raises(InterruptedError):
        job.write_run(run, loaded, None, None, labels=True, excel_safe=False)
    assert set(order) == {run.table, *run.read}
    old = {path: path.read_bytes() for path in order}
    new = {path: content + b"\n" for path, content in old.items()}
    fields = json.loads(old[run.record])
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in new.items()}
    fields["files"] = {
        "table": hashes[run.table],
        "evidence": hashes[run.evidence],
        "labels": hashes[run.labels],
        "index": hashes[run.index],
    }
    new[run.record] = json.dumps(fields).encode()
    for renames in range(len(order) + 1):
        for number, path in enumerate(order):
            path.write_bytes((new if number < renames else old)[path])
        seen = two_runs(run.table) is not None or changed_since(run.table) is not None
        assert seen == (0 < renames < len(order)), renames
