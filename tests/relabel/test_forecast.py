from dataclasses import replace

import pytest

from labelmend.configs.load import load_config
from labelmend.engines.growth import Growth, Law, StageGrowth, Sum, Ways
from labelmend.relabel.forecast import Forecast, ways_of

LINEAR = Law(0.001, 0.0, 1.0, 0.0)
WAYS = Ways(exact_up_to=50_000, large_scores=20_000_000, max_scores=100_000_000, least_texts=6.0)


def stage(seconds, divides=0.0, tasks=None):
    return StageGrowth(seconds, divides, tasks)


GROWTH = Growth(
    stages={
        # A second at 1,000 rows; 36 at 6,000.
        "neighbours, exact": stage(Law(1e-6, 0.0, 2.0, 0.0), 1.0, Law(0.01, 0.0, 1.0, 0.0)),
        # Half a second for each 1,000 rows.
        "neighbours, in cells": stage(Law(5e-4, 0.0, 1.0, 0.0), 1.0, Law(0.01, 0.0, 1.0, 0.0)),
        # A start that is worth 4,000 rows.
        "rounds: classifier, many folds": stage(Law(1e-3, 4000.0, 1.0, 0.5), 0.9, None),
        "rounds: weights": stage(LINEAR),
        "decide": stage(LINEAR),
        "write": stage(Law(0.002, 0.0, 1.0, 0.0)),
    },
    peak_bytes=Sum(0.0, 9000.0, 10_000.0),
    evidence_bytes=Law(2000.0, 0.0, 1.0, 0.0),
    column_bytes=Law(200.0, 0.0, 1.0, 0.0),
    width=768,
    rows=60_000,
    labels=1000,
    off_by=1.2,
    drawn_out_by=1.5,
    fitted={},
)


def forecast(texts, rows=None, labels=100, width=768):
    return Forecast(1000, texts, rows or texts, labels, width, GROWTH)


def seconds(parts):
    return {name: part.seconds for name, part in parts}


def test_stages_grow_as_they_were_measured():
    took = {
        "embed": 3.0,
        "neighbours": 0.5,
        "index": 2.0,
        "rounds: weights": 4.0,
        "rounds: classifier": 5.0,
        "rounds: mine": 1.0,
    }
    parts = forecast(6000, rows=9000).parts(took, WAYS)
    assert [name for name, _ in parts] == [
        *("embed", "neighbours", "index", "rounds", "rounds", "rounds", "decide", "write")
    ]
    told = dict(zip(took, [part.seconds for _, part in parts], strict=False))
    assert told["embed"] == pytest.approx(18.0)  # six times the texts
    assert told["neighbours"] == pytest.approx(18.0)  # 36 times
    assert told["index"] == 2.0
    assert told["rounds: weights"] == pytest.approx(24.0)
    assert told["rounds: classifier"] == pytest.approx(10.0)  # (6,000 + 4,000) / (1,000 + 4,000)
    assert told["rounds: mine"] == pytest.approx(6.0)  # of nobody's known growth
    # One core here takes four times as long as the fit's: 4 s for what took 1 s there.
    assert seconds(parts)["decide"] == pytest.approx(36.0)
    assert seconds(parts)["write"] == pytest.approx(72.0)


def test_a_large_table_goes_another_way():
    (near, *_) = forecast(100_000).parts({"neighbours": 0.5}, WAYS)
    # There 1 s for the sample by all texts, and 50 s for all by cells: 25 s here.
    assert near[1].seconds == pytest.approx(25.0)
    assert near[1].tasks == pytest.approx(1000.0)


def test_a_table_no_larger_than_the_sample_takes_what_the_sample_took():
    parts = forecast(1000).parts({"neighbours": 0.5, "rounds: classifier": 5.0}, WAYS)
    assert seconds(parts)["neighbours"] == 0.5
    assert seconds(parts)["rounds"] == 5.0


def test_a_sample_that_says_nothing_of_the_machine_is_not_heard():
    # The law has 0.01 s for ten rows: 3 s are what anything takes to start.
    tiny = replace(forecast(20), sampled=10)
    assert seconds(tiny.parts({"rounds: weights": 3.0}, WAYS))["write"] == pytest.approx(0.04)
    # No machine is a thousand times as slow.
    slow = forecast(1000).parts({"rounds: weights": 1000.0}, WAYS)
    assert seconds(slow)["write"] == pytest.approx(20 * 2.0)


def test_memory_and_disk():
    # 9,000 bytes a row, 10,000 a label and what is loaded; wider vectors are held twice.
    assert forecast(1000).memory(5) == 10_000_005
    assert forecast(1000, width=868).memory(5) == 10_000_005 + 1000 * 2 * 4 * 100
    config = load_config("embedded")
    # 64 bytes and four a number are kept of each text, and 2,200 written of each row.
    assert forecast(1000, rows=1100).disk(7, config) == 7 + 1000 * (3072 + 64) + 1100 * 2200
    bare = replace(config, encoders=tuple(replace(e, cache=False) for e in config.encoders))
    assert forecast(1000, rows=1100).disk(7, bare) == 7 + 1100 * 2200
    full = replace(config, encoders=tuple(replace(e, cache_gib=0.001) for e in config.encoders))
    assert forecast(1000, rows=1100).disk(0, full) == int(0.001 * 2**30) + 1100 * 2200


def test_more_machines():
    whole = forecast(6144)
    parts = whole.parts({"embed": 60.0, "rounds: weights": 1.0}, WAYS)
    clusters = whole.clusters([part for _, part in parts], [1, 3, 100], 2, 50)
    assert [cluster.machines for cluster in clusters] == [1, 3, 100]
    alone = sum(part.seconds for _, part in parts)
    embed = parts[0][1].seconds
    # Six blocks of texts: two turns on three machines, one on six and more.
    told = [alone, alone - embed * 4 / 6, alone - embed * 5 / 6]
    assert [cluster.seconds for cluster in clusters] == pytest.approx(told)
    others = 50 + 6144 * 768 * 4
    assert [each.node_bytes for each in clusters] == [whole.memory(50), others, others]


def test_what_is_not_known_is_said():
    assert forecast(60_000).notes((), 2) == ()
    beyond, factor = forecast(60_001).notes((), 2)
    assert beyond.startswith("the growth was measured up to 60,000 rows and 1,000 labels")
    assert factor.endswith("told their time to a factor of 1.50")
    beyond, _ = forecast(10, labels=1001).notes((), 2)
    assert "1,000 labels" in beyond
    whole = forecast(10)
    (alike,) = whole.notes(whole.clusters([], [10], 2, 0), 2)
    assert "like this one, 2 cores each" in alike


def test_the_ways_are_those_of_the_profile():
    assert ways_of(load_config("embedded")) == WAYS
    option = "evidence.classifier.options"
    changed = ["retrieval.exact_up_to=7", f"{option}.max_scores=9", f"{option}.least_texts=2"]
    assert ways_of(load_config("embedded", changed)) == Ways(7, 20_000_000, 9, 2)
