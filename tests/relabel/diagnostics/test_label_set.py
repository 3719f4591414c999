"""Advice on tables that are made up: points on a plane, so that every answer is known."""

from dataclasses import replace

import numpy as np
import pytest
from fixtures.clouds import GROUPS, LABELS, scene

from labelmend.configs.schema import DiagnosticsConfig
from labelmend.relabel.diagnostics.label_set import diagnose

CHECKS = DiagnosticsConfig()
HALF = np.arange(30) % 2


def test_good_labels_earn_trust_and_no_advice():
    said = diagnose(scene(GROUPS, GROUPS), CHECKS)
    assert said.trust.trusted
    assert said.trust.agreement == pytest.approx(1)
    assert (said.merge, said.split, said.mostly_wrong, said.empty) == ((), (), (), ())


def test_labels_of_one_cloud_should_be_merged():
    groups = np.repeat([0, 0, 2, 3], 30)
    given = np.concatenate([HALF, HALF, GROUPS[60:]])
    said = diagnose(scene(groups, given), CHECKS)
    (advice,) = said.merge
    assert (advice.label_a, advice.label_b, advice.rows) == ("a", "b", 60)
    assert abs(advice.alike) < 0.3
    assert all(int(text[-3:]) % 2 == 0 for text in advice.examples_a)
    assert all(int(text[-3:]) % 2 == 1 for text in advice.examples_b)
    assert len(advice.examples_a) == len(advice.examples_b) == 3
    assert not said.split


def test_which_of_two_labels_that_are_one_a_text_carries_is_no_error():
    groups = np.repeat([0, 0, 2, 3], 30)
    given = np.concatenate([HALF, HALF, GROUPS[60:]])
    believed = np.where(given == 0, 1, given)
    said = diagnose(scene(groups, given, believed, quality=0.9), CHECKS)
    assert len(said.merge) == 1
    assert not said.mostly_wrong


def test_the_only_two_labels_are_not_merged():
    groups = np.zeros(120, dtype=np.int64)
    assert not diagnose(scene(groups, np.arange(120) % 2, labels=("a", "b")), CHECKS).merge


@pytest.mark.parametrize("size", [8, 14])
def test_small_labels_are_neither_merged_nor_split(size):
    groups = np.repeat([0, 2, 3], [2 * size, 30, 30])
    given = np.concatenate([np.arange(2 * size) % 2, np.repeat([2, 3], 30)])
    said = diagnose(scene(groups, given), CHECKS)
    assert not said.merge
    assert not said.split
    few = diagnose(scene(groups, given), replace(CHECKS, merge_rows=size))
    assert [(m.label_a, m.label_b) for m in few.merge] == [("a", "b")]


def test_a_label_of_two_clouds_should_be_split():
    given = np.where(GROUPS == 1, 0, GROUPS)
    (advice,) = diagnose(scene(GROUPS, given), CHECKS).split
    assert (advice.label, advice.rows, advice.cut) == ("a", (30, 30), 0)
    sides = [{GROUPS[int(t[-3:])] for t in s} for s in (advice.examples_a, advice.examples_b)]
    assert sorted(map(list, sides)) == [[0], [1]]


@pytest.mark.parametrize("changes", [{"split_rows": 31}, {"split_degree": 1000.0}])
def test_when_to_advise_a_split_is_a_setting(changes):
    given = np.where(GROUPS == 1, 0, GROUPS)
    assert not diagnose(scene(GROUPS, given), replace(CHECKS, **changes)).split


def test_a_bridge_between_two_clouds_does_not_hide_them():
    near = 30  # more than a cloud has to offer, so that each text has a neighbour in another one
    given = np.where(GROUPS == 1, 0, GROUPS)
    (advice,) = diagnose(scene(GROUPS, given, near=near), CHECKS).split
    assert advice.label == "a"
    assert 0 < advice.cut < CHECKS.split_cut
    strict = replace(CHECKS, split_cut=advice.cut / 2)
    assert not diagnose(scene(GROUPS, given, near=near), strict).split
    assert min(advice.rows) >= 28


def test_what_is_out_of_scope_is_not_split():
    given = np.where(GROUPS == 1, 0, GROUPS)
    assert not diagnose(scene(GROUPS, given, oos=0), CHECKS).split


def test_strays_are_no_half():
    groups = np.repeat([0, 1, 2, 3], [50, 8, 30, 30])
    assert not diagnose(scene(groups, np.where(groups == 1, 0, groups)), CHECKS).split


def test_a_sparse_graph_falls_apart_by_chance():
    assert not diagnose(scene(GROUPS, GROUPS, near=4), CHECKS).split


def test_noise_is_no_half():
    # Thirty texts of the cloud b are called a in error, which the posterior knows.
    given = np.where(GROUPS == 1, 0, GROUPS)
    assert not diagnose(scene(GROUPS, given, believed=GROUPS, quality=0.9), CHECKS).split


def test_a_mostly_wrong_label_says_where_its_rows_belong():
    given = GROUPS.copy()
    given[30:60] = 0
    given[:20] = 2
    said = diagnose(scene(GROUPS, given, believed=GROUPS, quality=0.9), CHECKS)
    (advice,) = said.mostly_wrong
    assert (advice.label, advice.rows, advice.goes_to) == ("a", 40, "b")
    assert advice.right_share == pytest.approx((10 * 0.9 + 30 * 0.1) / 40)
    assert [e.label for e in said.empty] == ["b"]


def test_labels_without_rows_and_what_mending_gives_them():
    believed = np.where(np.arange(120) < 7, 4, GROUPS)
    labels = (*LABELS, "e", "f")
    said = diagnose(scene(GROUPS, GROUPS, believed, labels=labels), CHECKS)
    assert [(e.label, e.mended_rows) for e in said.empty] == [("e", 7), ("f", 0)]
