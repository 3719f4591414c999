"""The report's files: all or none, and an output that can't be is refused before the work."""

import json

import pytest

from labelmend.configs.load import load_config
from labelmend.errors import OutputError
from labelmend.evaluation.comparison import ComparisonRequest
from labelmend.protocols import NoProgress
from labelmend.workflows import report as build
from labelmend.workflows.report import report_files
from labelmend.workflows.train import default_point


def report(request, folder):
    config = load_config("embedded")
    point = default_point(config)
    return report_files(request, folder, config, ["logreg"], [0], point, NoProgress())


@pytest.fixture
def compared(monkeypatch, comparison):
    """The trainings are not run: what they would give is at hand."""

    def given(request, *_, **__):
        return comparison(request.before)

    monkeypatch.setattr(build, "compare_tables", given)


def test_page_record_and_markdown_are_written_together(with_run, tmp_path, compared):
    done = report(ComparisonRequest(with_run), tmp_path / "report")
    assert [path.name for path in done.files] == [
        "report.html",
        "comparison.json",
        "comparison.md",
    ]
    assert {path.name for path in (tmp_path / "report").iterdir()} == {p.name for p in done.files}
    record = json.loads(done.files[1].read_text("utf-8"))
    assert record["mending"]["changed"] == 3
    assert record["mending"]["accuracy"]["recall"]["rate"] == pytest.approx(1 / 3)
    assert record["mending"]["confused_pairs"][0]["rows"] == 2.5
    assert [row["row"] for row in record["mending"]["review_rows"]] == [5, 4]


def test_nothing_is_written_where_a_part_fails(with_run, tmp_path, compared, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(build, "markdown_page", fail)
    with pytest.raises(ZeroDivisionError):
        report(ComparisonRequest(with_run), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_an_output_that_can_not_be_is_refused_before_anything_is_read(tmp_path):
    no_table = ComparisonRequest(tmp_path / "none.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: is a file; give a folder for the report"):
        report(no_table, tmp_path / "file")
    with pytest.raises(OutputError, match=r"the folder .*missing is missing; create it first"):
        report(no_table, tmp_path / "missing" / "report")
