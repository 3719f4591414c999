import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scale


@pytest.fixture(scope="module")
def table():
    return scale.made_up(600, 20, seed=3)


def test_a_fifth_of_the_labels_is_wrong(table):
    wrong = table.dataset.given != table.truth
    assert wrong.mean() == scale.NOISE_RATE
    assert np.bincount(table.truth).tolist() == [30] * 20


def test_texts_are_distinct_even_where_words_are_few(monkeypatch):
    assert len(set(scale.made_up(3000, 2, seed=0).dataset.texts)) == 3000
    monkeypatch.setattr(scale, "_COMMON_WORDS", 1)
    monkeypatch.setattr(scale, "_OWN_WORDS", 1)
    assert len(set(scale.made_up(200, 2, seed=0).dataset.texts)) == 200


def test_words_are_distinct():
    assert len({scale.word(i) for i in range(20_000)}) == 20_000


def test_a_vector_depends_on_its_text_alone(table):
    encoder = scale.ClusterEncoder(table, 3)
    texts = [*table.dataset.texts[:50], "no row's text"]
    vectors = encoder.encode(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(51), abs=1e-5)
    assert np.array_equal(encoder.encode_passages(texts[::-1]), vectors[::-1])


def test_vectors_lie_nearer_to_their_label_than_to_others(table):
    vectors = scale.ClusterEncoder(table, 3).encode(table.dataset.texts)
    cosine = vectors @ vectors.T
    same = table.truth[:, None] == table.truth
    assert cosine[same & ~np.eye(600, dtype=bool)].mean() > cosine[~same].mean() + 0.05


def test_the_slope_of_a_power_law():
    assert scale.slope([10, 20, 40], [3, 6, 12]) == pytest.approx(1)
    assert scale.slope([10, 20, 40], [1, 4, 16]) == pytest.approx(2)


def test_an_inner_stage_is_taken_out_of_the_outer_one():
    watch = scale.Watch()
    with watch.stage("outer"), watch.stage("inner"):
        sum(range(5_000_000))
    # Were it counted twice, the outer one had more; reading the memory takes its time, too.
    assert watch.seconds["inner"] > 2 * watch.seconds["outer"]
    assert watch.peak["inner"] > 0
    assert watch.calls == {"outer": 1, "inner": 1}


def test_the_table_adds_up_small_stages_and_leaves_the_stand_in_out():
    def run(rows):
        seconds = {"stand-in encoder": 99.0, "a": rows / 10, "b": 0.25, "c": 0.5}
        peaks = {"stand-in encoder": 9.0, "a": 0.5, "b": 1.5, "c": 1.0}
        return scale.Measured(rows, 5, seconds, 7.0, peaks, 0.8, 0.9, 3)

    lines = scale.stage_rows([run(20), run(40)])
    assert lines == [
        "| a | 2.0 s, 0.50 GiB | 4.0 s, 0.50 GiB | 1.00 |",
        "| all others | 0.8 s, 1.50 GiB | 0.8 s, 1.50 GiB | 0.00 |",
        "| **all** | 2.8 s, 1.50 GiB | 4.8 s, 1.50 GiB | 0.79 |",
    ]


def test_an_interrupted_benchmark_goes_on_from_what_it_kept(tmp_path, monkeypatch):
    ran = []

    def run(command, **options):
        ran.append(command)
        return SimpleNamespace(stdout=json.dumps(asdict(measured(20, 5, len(ran)))))

    monkeypatch.setattr(scale.subprocess, "run", run)
    work = tmp_path / "work"
    first = scale.measure_apart(20, 5, 0, work=work)
    assert scale.measure_apart(20, 5, 0, work=work) == first
    assert len(ran) == 1
    # Others are not it: another option, seed, number of labels or commit.
    scale.measure_apart(20, 5, 0, "--exact-search", work=work)
    scale.measure_apart(20, 5, 1, work=work)
    scale.measure_apart(20, 6, 0, work=work)
    scale.measure_apart(20, 5, 0, checkout=tmp_path, work=work)
    scale.measure_apart(20, 5, 0)
    assert len(ran) == 6


def measured(rows, labels, seconds, after=0.9, clock=7.0):
    return scale.Measured(rows, labels, {"a": seconds}, clock, {"a": 1.25}, 0.8, after, 3)


def test_the_report_tells_how_time_grows():
    runs = [measured(20, 5, 2.0), measured(40, 5, 4.0), measured(20, 10, 4.0)]
    text = scale.report(runs, "command")
    assert "| 20 | 5 | 7 s | 2 s | 1.2 GiB | 3 | 80.00% | 90.00% |" in text
    assert "CPU grows by the power of 1.00 in rows (5 labels), 1.00 in labels (20 rows)." in text
    assert "| a | 2.0 s, 1.25 GiB | 4.0 s, 1.25 GiB | 1.00 |" in text
    assert "10 labels, each stage" in text


def test_a_run_is_held_to_one_of_the_same_size():
    runs = [measured(20, 5, 2.0), measured(40, 5, 4.0, clock=10)]
    lines = scale.compared(runs, [measured(40, 5, 9.0, after=0.91, clock=25)], "before")
    assert lines[-1] == "| 40 | 5 | 90.00% | 91.00% | 10 s | 25 s | 2.50 |"


def test_a_small_table_from_end_to_end():
    script = Path(scale.__file__)
    run = [sys.executable, str(script), "--rows", "600", "--labels", "20"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["rows"], found["labels"], found["before"]) == (600, 20, 0.8)
    assert found["after"] > 0.95
    stages = {"stand-in encoder", "candidates: bm25", "rounds: classifier", "decide"}
    assert stages <= set(found["seconds"])
    assert all(seconds >= 0 for seconds in found["seconds"].values())
