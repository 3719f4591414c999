import json

import growth
import pytest
from growth import Point, fit, fit_sum, fit_tasks

from labelmend.engines.growth import growth_from


def law_points(start, of_rows, of_labels, rows, labels=(10, 1000)):
    return [Point(r, k, 0.25 * (r + start) ** of_rows * k**of_labels) for r in rows for k in labels]


def test_the_fit_finds_the_law_that_made_the_points():
    law = fit(law_points(0, 1.1, 0.4, (1000, 5000, 40_000)))
    assert (law.start, law.of_rows, law.of_labels) == (0, 1.1, 0.4)
    assert law.factor == pytest.approx(0.25, rel=1e-3)


def test_a_start_is_found():
    law = fit(law_points(4000, 1.0, 0.5, (2000, 20_000, 100_000)))
    assert (law.start, law.of_rows, law.of_labels) == (4000, 1.0, 0.5)
    # 0.25 * (1,000,000 + 4,000) * 4 ** 0.5
    assert law.at(10**6, 4) == pytest.approx(502_000.0, rel=1e-3)


def test_what_one_size_can_not_tell_is_linear_in_rows_and_the_same_for_all_labels():
    law = fit([Point(2000, 100, 4.0), Point(2000, 100, 4.0)])
    assert (law.start, law.of_rows, law.of_labels) == (0, 1.0, 0.0)
    assert law.at(6000, 5000) == pytest.approx(12.0)


def test_noise_makes_no_power_that_nothing_in_a_run_has():
    law = fit([Point(1000, 10, 0.001), Point(2000, 10, 1.0)])
    assert law.of_rows == 1.5
    law = fit([Point(1000, 10, 1.0), Point(2000, 10, 0.1)])
    assert law.of_rows == 1.0
    assert law.start == 1e6  # nothing of it is up to rows
    law = fit([Point(1000, 10, 4.0), Point(2000, 10, 16.0)], (2.0, 0.0))
    assert (law.of_rows, law.at(4000, 10)) == (2.0, pytest.approx(64.0))


def test_blocks_grow_with_rows_or_are_as_many_as_folds():
    folds = fit_tasks([Point(1000, 5, 8.0), Point(9000, 5, 8.0)])
    assert folds.at(10**6, 5) == pytest.approx(8.0)
    blocks = fit_tasks([Point(1000, 5, 1.0), Point(9000, 5, 9.0)])
    assert blocks.at(10**6, 5) == pytest.approx(1000.0)


def test_memory_has_parts_of_rows_and_labels():
    sizes = [(1000, 10), (1000, 500), (50_000, 10), (50_000, 500)]
    found = fit_sum([Point(r, k, 7e6 + 300 * r + 2000 * k) for r, k in sizes])
    assert (found.fixed, found.of_rows, found.of_labels) == pytest.approx((7e6, 300, 2000))
    # Nothing is negative, whatever the noise.
    assert fit_sum([Point(1000, 10, 5e6), Point(1000, 500, 4e6)]).of_labels == 0


def run(rows, labels):
    took = {"make the table": 99.0, "neighbours": 1e-6 * rows**2, "rounds: weights": rows / 500}
    took |= {"decide": 1.0, "rest": 1.0, "columns": 2.0, "evidence lines": 6.0}
    return {
        "rows": rows,
        "labels": labels,
        "seconds": took,
        "divided": {"neighbours": 0.5e-6 * rows**2},
        "tasks": {"neighbours": rows / 1000},
        "peak_gib": {"make the table": 0.25, "decide": 0.25 + rows / 2**20},
        "written": {"columns": 100 * rows, "evidence": 2000 * rows},
        "ways": {"neighbours": "neighbours, exact"},
    }


def test_the_table_of_runs():
    table = growth_from(growth.growth_of([run(1000, 5), run(4000, 5), run(9000, 5)], {"date": "x"}))
    near = table.stages["neighbours, exact"]
    assert near.seconds.at(2000, 5) == pytest.approx(4.0, rel=1e-3)
    assert near.divides == 0.5
    assert near.tasks.at(20_000, 5) == pytest.approx(20.0, rel=1e-3)
    assert table.stages["rounds: weights"].seconds.at(10_000, 5) == pytest.approx(20.0, rel=1e-3)
    assert table.stages["write"].seconds.at(1000, 5) == pytest.approx(8.0, rel=0.01)
    assert table.stages["decide"].seconds.at(9000, 5) == pytest.approx(2.0, rel=0.01)
    assert "make the table" not in table.stages
    assert table.peak_bytes.at(2**20, 5) == pytest.approx(2**30, rel=1e-3)
    assert table.evidence_bytes.at(10, 5) == pytest.approx(20_000, rel=1e-3)
    assert (table.rows, table.labels, table.fitted) == (9000, 5, {"date": "x"})
    assert table.drawn_out_by == pytest.approx(1.0, abs=0.01)
    assert table.off_by == pytest.approx(1.0, abs=0.01)


def test_runs_that_a_fit_has_not_seen():
    def decided(rows, seconds):
        return {**run(rows, 5), "seconds": {"decide": seconds}, "divided": {}, "tasks": {}}

    # Linear up to 4,000 rows: 9 s are told for 9,000, and 18 s were measured.
    runs = [decided(1000, 1.0), decided(4000, 4.0), decided(9000, 18.0)]
    assert growth.growth_of(runs, {})["drawn_out_by"] == pytest.approx(2.0, abs=0.01)
    # No other run has the way that the largest takes.
    runs[2]["seconds"] = {"far": 18.0}
    assert growth.growth_of(runs, {})["drawn_out_by"] == 0.0


def test_the_committed_table_is_the_fit_of_the_committed_runs(tmp_path):
    made = json.loads(growth.table_text(growth.RUNS))
    kept = json.loads(growth.TABLE.read_text("utf-8"))
    assert made["fitted"] == kept["fitted"]
    assert made["stages"].keys() == kept["stages"].keys()
    theirs, ours = growth_from(made), growth_from(kept)
    for name, stage in theirs.stages.items():
        told = ours.stages[name].seconds.at(300_000, 700)
        assert stage.seconds.at(300_000, 700) == pytest.approx(told, rel=1e-3), name
    growth.write_growth(growth.RUNS, tmp_path / "growth.json")
    assert growth_from(json.loads((tmp_path / "growth.json").read_text())) == theirs


def test_runs_say_where_they_come_from(tmp_path):
    path = tmp_path / "runs.json"
    told = run(1024**2, 5) | {"clock": 1.23456}
    growth.write_runs(path, [told], ["`python benchmarks/scale.py`: made up", "Machine: x."])
    kept = json.loads(path.read_text())
    assert kept["head"]["command"] == "python benchmarks/scale.py"
    assert set(kept["head"]) == {"command", "machine", "commit", "date"}
    assert kept["runs"][0]["clock"] == 1.2346  # more is noise
    assert kept["runs"][0]["peak_gib"] == {"make the table": 0.25, "decide": 1.25}
