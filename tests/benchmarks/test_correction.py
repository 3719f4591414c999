import importlib.util
import json
from dataclasses import asdict

import correction
import numpy as np
import peers
import pytest
from correction import Bench, Line, Run, Scores, Table

TRUTH = np.array([0, 0, 1, 1, 2, 2])
GIVEN = np.array([0, 1, 1, 1, 2, 0])  # rows 1 and 5 are wrong
RIGHT = Scores(1.0, 1.0, 0.0, 2, 1.0, 0.9, 0.005, 1.0, 1.0)
RUN = Run("clinc", "uniform-20", 0)


def test_the_scores_of_a_case_computed_by_hand():
    mended = peers.Mended(
        labels=np.array([0, 0, 1, 2, 2, 0]),  # row 1 fixed, row 3 broken, row 5 left
        flagged=np.array([False, True, False, True, False, False]),
        doubt=np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7]),
        confidence=np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    )
    scores = correction.score(TRUTH, GIVEN, mended, oos=2)
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.fixed == pytest.approx(1 / 2)
    assert scores.broken == pytest.approx(1 / 4)
    assert (scores.flagged, scores.precision) == (2, pytest.approx(1 / 2))
    # Doubted in the order 1 (wrong), 3 (right), 5 (wrong): (1/1 + 2/3) / 2.
    assert scores.average_precision == pytest.approx(5 / 6)
    assert scores.ece == pytest.approx(2 / 6)
    assert scores.oos_precision == pytest.approx(1 / 2)
    assert scores.oos_recall == pytest.approx(1 / 2)


def test_how_many_of_independent_events_happen():
    # Of two that are certain and one that is even: two or three, each as likely.
    assert peers.predicted(np.array([1.0, 0.5, 1.0])).tolist() == [2, 3]
    assert peers.predicted(np.array([])).tolist() == [0, 0]
    # Of a hundred at 10 %: binomial quantiles 5 (P(X <= 4) = 0.0237) and 16 (P(X <= 15) = 0.9601).
    assert peers.predicted(np.full(100, 0.1)).tolist() == [5, 16]


def test_whether_the_truth_lies_where_it_is_told_to_be():
    mended = peers.Mended(
        labels=np.array([0, 0, 1, 2, 2, 0]),  # one of the four good labels is broken
        flagged=np.zeros(6, dtype=bool),
        noise=np.array([0.2, 1 / 3]),
        harm=np.array([2, 3]),
    )
    scores = correction.score(TRUTH, GIVEN, mended, oos=None)
    assert (scores.noise_told, scores.harm_told) == (True, False)
    silent = peers.Mended(GIVEN, np.zeros(6, dtype=bool))
    scores = correction.score(TRUTH, GIVEN, silent, oos=None)
    assert (scores.noise_told, scores.harm_told) == (None, None)
    source = correction.SOURCES[0]
    others = [Run(source.key, "uniform-20", seed) for seed in (0, 1, 2)]
    lines = _lines(
        Line(others[0], "labelmend", _scored(harm_told=True)),
        Line(others[1], "labelmend", _scored(harm_told=False)),
        Line(others[2], "labelmend", RIGHT),
    )
    told = correction._told_verdict(lines, source, "harm", 0.9, "harm_told")
    measured = "1 of 2 runs; not: uniform 20 %, seed 1"
    assert told == ("CLINC150 train: harm", "in 90% of the runs", measured, False)


def test_what_can_not_be_divided_is_none():
    same = peers.Mended(TRUTH, np.zeros(6, bool), doubt=np.zeros(6))
    scores = correction.score(TRUTH, TRUTH, same, oos=None)
    assert (scores.accuracy, scores.broken, scores.flagged) == (1.0, 0.0, 0)
    nothing = (scores.fixed, scores.precision, scores.average_precision, scores.ece)
    assert nothing == (None,) * 4
    assert (scores.oos_precision, scores.oos_recall) == (None, None)
    abstains = peers.Mended(np.full(6, -1), np.ones(6, bool))
    assert correction.score(TRUTH, GIVEN, abstains, oos=2).accuracy == 0.0


def test_calibration_error_by_hand():
    # Bins of 1/15: 0.5 and 0.52 share one (gap 1.02 - 1), 0.9 and 1.0 stand alone (0.9 - 1, 1 - 0).
    confidence = np.array([0.5, 0.52, 0.9, 1.0])
    right = np.array([True, False, True, False])
    assert correction.calibration_error(confidence, right) == pytest.approx((0.02 + 0.1 + 1.0) / 4)


def test_knn_leaves_the_row_itself_out(monkeypatch):
    angles = np.array([0.0, 0.01, 0.02, 1.5, 1.51, 1.52])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    given = np.array([0, 0, 1, 1, 1, 1])
    problem = peers.Problem(("",) * 6, ("a", "b"), None, given, vectors)
    monkeypatch.setattr(peers, "NEIGHBOURS", 2)
    mended = peers.run_knn(problem)
    assert mended.labels[2] == 0
    assert mended.doubt[2] == pytest.approx(1.0)
    assert mended.labels[3:].tolist() == [1, 1, 1]
    assert mended.doubt[3:] == pytest.approx(np.zeros(3))
    assert mended.doubt[0] == pytest.approx(0.5, abs=1e-3)


def test_argmax_maps_columns_back_where_a_label_is_never_given():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    given = np.array([0, 2, 2])
    problem = peers.Problem(
        ("",) * 3, ("a", "b", "c"), None, given, np.eye(3, dtype=np.float32), probabilities
    )
    mended = peers.run_argmax(problem)
    assert mended.labels.tolist() == [0, 2, 0]
    assert mended.doubt == pytest.approx([0.1, 0.2, 0.7])


def test_prototypes_are_unit_means():
    vectors = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    found = correction.prototypes(vectors, np.array([0, 0, 1]), 2)
    assert found == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, 1]]))


def test_blank_votes_leave_the_given_label_and_strange_ones_are_none(tmp_path):
    path = tmp_path / "noisy.csv"
    path.write_text("text,label,true_label,vote_x,merged\nhi,a,b,,b\nyo,b,b,c,b\n", "utf-8")
    source = correction.Source("reference", "r", path, "true_label", "label")
    table = correction.load(source)
    assert table.labels == ("a", "b")
    assert {name: vote.tolist() for name, vote in table.votes.items()} == {
        "vote_x": [0, -1],
        "merged": [1, 1],
    }
    assert table.given.tolist() == [0, 1]


def test_results_come_back_and_a_line_cut_short_is_passed_over(tmp_path):
    path = tmp_path / "results.jsonl"
    first = Line(RUN, "labelmend", RIGHT, 3.0, 100.0, {"embed": 1.0}, "abc", "v")
    correction.append_line(path, first)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"run": {"data": "cl')
    second = Line(RUN, "given", RIGHT)
    correction.append_line(path, second)
    assert correction.read_lines(path) == {(RUN, "labelmend"): first, (RUN, "given"): second}
    later = Line(RUN, "given", None)
    correction.append_line(path, later)
    assert correction.read_lines(path)[RUN, "given"] == later


def test_forgetting_drops_only_what_is_asked_for(tmp_path):
    path = tmp_path / "results.jsonl"
    other = Run("clinc", "none", 0)
    lines = [Line(RUN, m, RIGHT) for m in ("knn", "labelmend", "cross-validation")]
    for line in [*lines, Line(other, "knn", RIGHT)]:
        correction.append_line(path, line)
    correction.forget(path, [RUN], ["knn"])
    assert set(correction.read_lines(path)) == {(RUN, "labelmend"), (other, "knn")}


def _fake(monkeypatch, tmp_path, fails=()):
    """Replace the processes; return what was run."""
    done = []

    def spawn(method, data, folder):
        if method in fails:
            raise SystemExit("failed")
        done.append(method)
        given = np.load(folder / "given.npy")
        if method == "cross-validation":
            np.save(folder / "probabilities.npy", np.zeros((len(given), 2)))
        np.savez(folder / f"{method}.npz", labels=given, flagged=np.zeros(len(given), bool))
        usage = {"seconds": 2.0, "peak_mb": 7.0, "stages": {}}
        (folder / f"{method}.json").write_text(json.dumps(usage), "utf-8")

    table = Table(("a", "b", "c", "d"), ("x", "y"), np.array([0, 0, 1, 1]), None, {})
    monkeypatch.setattr(correction, "load", lambda source, rows: table)
    monkeypatch.setattr(correction, "embed_rows", lambda dataset: np.eye(4, dtype=np.float32))
    monkeypatch.setattr(correction, "_spawn", spawn)
    monkeypatch.setattr(correction, "code_digest", lambda: "now")
    return done


def test_an_interrupted_benchmark_goes_on(monkeypatch, tmp_path):
    runs = (Run("clinc", "none", 0), RUN)
    bench = Bench(tmp_path, runs, ("given", "cleanlab", "knn", "labelmend"))
    with monkeypatch.context() as patch:
        done = _fake(patch, tmp_path, fails={"knn"})
        with pytest.raises(SystemExit, match="failed"):
            correction.run_all(bench)
        assert done == ["cross-validation", "cleanlab"]
    with monkeypatch.context() as patch:
        done = _fake(patch, tmp_path)
        correction.run_all(bench)
        assert done == ["knn", "labelmend", "cross-validation", "cleanlab", "knn", "labelmend"]
    lines = correction.read_lines(bench.results)
    assert lines[RUN, "cleanlab"].seconds == 4.0  # its own and the shared cross-validation's
    assert lines[RUN, "knn"].seconds == 2.0
    with monkeypatch.context() as patch:
        done = _fake(patch, tmp_path)
        correction.run_all(bench)
        assert done == []
        patch.setattr(correction, "code_digest", lambda: "changed")
        correction.run_all(bench)
        assert done == ["labelmend", "labelmend"]


def test_cross_validation_runs_again_where_its_probabilities_are_gone(monkeypatch, tmp_path):
    done = _fake(monkeypatch, tmp_path)
    correction.run_all(Bench(tmp_path, (RUN,), ("cleanlab",)))
    correction.run_all(Bench(tmp_path, (RUN,), ("cleanlab", "argmax")))
    assert done == ["cross-validation", "cleanlab", "cross-validation", "argmax"]


def test_clean_data_runs_once_and_the_rest_for_each_seed():
    runs = correction.planned_runs(
        ["clinc", "reference"], ["none", "uniform-20", "recorded"], [3, 4]
    )
    assert runs == (
        Run("clinc", "none", 3),
        Run("clinc", "uniform-20", 3),
        Run("clinc", "uniform-20", 4),
        Run("reference", "recorded", 3),
    )


def _lines(*lines):
    return {(line.run, line.method): line for line in lines}


def _scored(**changes):
    return Scores(**{**asdict(RIGHT), **changes})


def test_the_goals_are_held_to_the_unrounded_mean():
    other = Run("clinc", "uniform-20", 1)
    lines = _lines(
        Line(RUN, "labelmend", _scored(accuracy=0.99201, broken=0.0020), 100.0, 5.0),
        Line(other, "labelmend", _scored(accuracy=0.99198, broken=0.0060), 50.0, 5.0),
        Line(RUN, "cleanlab", _scored(average_precision=0.8), 60.0),
        Line(RUN, "cleanlearning", _scored(average_precision=0.95), 60.0),
        Line(RUN, "cross-validation", None, 40.0),
        Line(other, "cross-validation", None, 40.0),
    )
    found = {what: (measured, reached) for what, _, measured, reached in correction.verdicts(lines)}
    where = "CLINC150 train, uniform 20 %"
    assert found[f"{where}: label accuracy"] == ("99.20 (99.20 to 99.20) %", False)
    assert found[f"{where}: good labels broken"][1] is False
    assert found["CLINC150 train, uniform 40 %: label accuracy"] == ("", None)
    assert found[f"{where}: oos recall"] == ("100.00 (100.00 to 100.00) %", True)
    measured, reached = found["CLINC150 train: average precision"]
    assert (measured, reached) == ("0 of 1; least lead -5.00 (uniform 20 %)", False)
    measured, reached = found["CLINC150 train: good labels broken"]
    assert not reached
    assert measured == "1 of 2 runs; mean 0.40 %, worst 0.60 % (uniform 20 %, seed 1)"
    assert found["CLINC150 train: calibration error of confidence"][1] is True
    assert found["CLINC150 train: seconds"][0].startswith("1 of 2 runs; mean 75.0, worst 100.0")
    ratio = found["CLINC150 train: seconds to those of cleanlab's cross-validation"]
    assert ratio == ("1 of 2 runs; mean 1.88, worst 2.50 (uniform 20 %, seed 0)", False)


def test_the_report_has_a_row_a_method_and_names_mixed_sources():
    other = Run("clinc", "uniform-20", 1)
    lines = _lines(
        Line(RUN, "given", _scored(accuracy=0.8)),
        Line(other, "given", _scored(accuracy=0.81)),
        Line(RUN, "labelmend", RIGHT, 50.0, 900.0, {}, "abc"),
        Line(other, "labelmend", RIGHT, 50.0, 900.0, {}, "def"),
        Line(RUN, "cross-validation", None, 40.0),
    )
    text = correction.report(lines, [0, 1], "python benchmarks/correction.py")
    assert "### CLINC150 train: uniform 20 % (seeds 0, 1)" in text
    assert "| as given | 80.50 (80.00 to 81.00) | 100.00 |" in text
    assert "Cross-validation alone: 40.0 seconds." in text
    assert "abc, def. Not all runs of labelmend are of one state" in text
    assert "demo data" not in text.split("## CLINC150 train")[1]


def test_a_subset_and_tuning_seeds_are_not_published():
    assert correction.is_published(None, [0, 1])
    assert not correction.is_published(1500, [0])
    assert not correction.is_published(None, [0, 100])


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        correction.main(["--methods", "cleanlob"])
    assert "--methods: unknown cleanlob" in capsys.readouterr().err


@pytest.mark.slow
def test_two_hundred_demo_rows_from_end_to_end(tmp_path, encoders, capsys):
    if importlib.util.find_spec("cleanlab") is None:
        pytest.skip("cleanlab is not installed: pip install 'labelmend[benchmark]'")
    assert all(model.path.is_dir() for model in encoders)
    results = correction.HERE / "RESULTS.md"
    before = results.read_bytes()
    wanted = ["--data", "demo", "--noise", "uniform-20", "--seeds", "0", "--rows", "200"]
    correction.main([*wanted, "--work", str(tmp_path)])
    text = capsys.readouterr().out
    lines = correction.read_lines(tmp_path / "200-rows" / "results.jsonl")
    methods = {method for _, method in lines}
    assert methods == {"given", "cross-validation", *peers.METHODS}
    for method in peers.METHODS:
        line = lines[Run("demo", "uniform-20", 0), method]
        assert line.scores.average_precision > 0.3
        assert line.seconds > 0
        assert line.peak_mb > 10
        assert f"| {correction.TITLES[method]} |" in text
    assert lines[Run("demo", "uniform-20", 0), "given"].scores.accuracy == pytest.approx(0.8)
    assert lines[Run("demo", "uniform-20", 0), "labelmend"].scores.ece is not None
    assert results.read_bytes() == before
