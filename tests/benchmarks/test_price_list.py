from dataclasses import replace

import pytest
from price_list import PAGE, Asked, Measured, measured, price, price_list, report

from labelmend.engines.growth import Growth, Law, StageGrowth, Sum

RESULTS = """
<!-- encoders:start -->
| encoders | labels other than labelmend's | texts/s | texts per core second |
|---|---|---|---|
| as labelmend computes them | 0.00% | 710 | 125 |
| in float32 | 0.35% | 452 | 229 |
<!-- encoders:end -->
<!-- voters:start -->
Python 3.11.7, llama-cpp-python 0.3.36, 4 cores.
| Qwen2.5-Coder-1.5B-Instruct Q4_K_M | channel | 600 | 8 | 91 % | 92 % | 88 % | 0 | 116 | 83 | 1.9 |
| Qwen2.5-Coder-1.5B-Instruct Q4_K_M | choice | 300 | 2 | 53 % | 51 % |  | 0 | 500 |  | 1.54 | 71 |
<!-- voters:end -->
"""
TOLD = Measured(encoded=0.008, ballot=6.16, tokens=500.0)
LINEAR = Law(0.001, 0.0, 1.0, 0.0)
GROWTH = Growth(
    stages={
        "neighbours, exact": StageGrowth(Law(9.0, 0.0, 2.0, 0.0), 1.0, None),
        "neighbours, in cells": StageGrowth(LINEAR, 1.0, Law(1000.0, 0.0, 0.0, 0.0)),
        "rounds: classifier, discriminant": StageGrowth(LINEAR, 0.5, Law(4.0, 0.0, 0.0, 0.0)),
        "write": StageGrowth(Law(0.004, 0.0, 1.0, 0.0), 0.0, None),
    },
    peak_bytes=Sum(0.0, 8192.0, 0.0),
    evidence_bytes=Law(1900.0, 0.0, 1.0, 0.0),
    column_bytes=Law(100.0, 0.0, 1.0, 0.0),
    width=896,
    rows=500_000,
    labels=5000,
    off_by=1.25,
    drawn_out_by=1.75,
    fitted={"machine": "x", "commit": "abc", "date": "2026-11-30", "command": "y"},
)
ASKED = Asked(
    labels=1000,
    machines=10,
    cores=10,
    core_hour=0.04,
    gpu_hour=2.0,
    gpu_tokens=5000.0,
    voted=0.1,
    most_memory=20.0,
)


def test_what_was_measured_is_read_from_the_results():
    # 125 texts a core second; 1.54 s by the clock on four cores.
    assert measured(RESULTS) == Measured(pytest.approx(0.008), pytest.approx(6.16), 500.0)


@pytest.mark.parametrize("gone", ["encoders:end", "as labelmend computes", "| choice |"])
def test_results_that_lack_a_figure_are_refused(gone):
    with pytest.raises(ValueError, match=r"RESULTS\.md has no"):
        measured(RESULTS.replace(gone, ""))


def test_a_price():
    found = price(1_000_000, ASKED, TOLD, GROWTH)
    # 1,000 s of neighbours and of the classifier, 4,000 of writing, 8,000 of encoding.
    assert found.core_hours == pytest.approx(14_000 / 3600)
    # 10 s, 500 + 125 s, 4,000 s; encoding by 976.6 blocks of which a machine takes 98.
    encoding = 800 * 98 / 977
    assert found.hours == pytest.approx((10 + 625 + 4000 + encoding) / 3600)
    assert found.alone == pytest.approx(4500 / 3600)
    assert found.money == pytest.approx(found.hours * 100 * 0.04)
    # 100,000 ballots of 500 tokens, at 5,000 a second.
    assert found.gpu_hours == pytest.approx(10_000 / 3600)
    assert found.gpu_money == pytest.approx(20_000 / 3600)
    assert found.voter_core_hours == pytest.approx(100_000 * 6.16 * 7.62 / 1.54 / 3600)
    assert found.voter_money == pytest.approx(0.04 * found.voter_core_hours)
    assert found.driver_gib == pytest.approx(8192e6 / 2**30, rel=1e-6)
    assert found.node_gib == pytest.approx(896 * 4e6 / 2**30, rel=1e-6)
    # Vectors with 64 bytes a text beside them, and 2,000 bytes a row.
    assert found.disk_gib == pytest.approx((896 * 4 + 64 + 2000) * 1e6 / 2**30, rel=1e-6)


def test_a_way_that_nobody_measured_has_no_price():
    few = {name: stage for name, stage in GROWTH.stages.items() if "cells" not in name}
    with pytest.raises(ValueError, match="neighbours, in cells"):
        price(1_000_000, ASKED, TOLD, replace(GROWTH, stages=few))


def test_the_report_says_what_does_not_fit_and_what_is_assumed():
    prices = [price(rows, ASKED, TOLD, GROWTH) for rows in (1_000_000, 10_000_000)]
    said = report(prices, ASKED, TOLD, GROWTH, "command")
    assert "| 1,000,000 | 4 | 1.3 h | 1.2 h | 5 | 3 | 6 | 847 | 34 |" in said
    assert "| 1,000,000 | 8 GiB | 3 GiB | 5 GiB | yes |" in said
    assert "| 10,000,000 | 76 GiB | 33 GiB | 53 GiB | no |" in said
    assert "| fits in 20 GiB |" in said
    assert "it told theirs to a factor of 1.75." in said
    assert "up to 500,000 rows and 5,000 labels (x, commit abc, 2026-11-30)" in said
    assert "5,000 tokens a second: assumed" in said
    assert "reckoned, not measured" in said


def test_the_page_has_what_the_command_prints():
    page = PAGE.read_text("utf-8")
    assert f"<!-- prices:start -->\n{price_list([])}\n<!-- prices:end -->" in page
