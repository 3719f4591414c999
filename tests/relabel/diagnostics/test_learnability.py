"""Whether labels can be learned from, on points on a plane."""

from dataclasses import replace

import numpy as np
import pytest
from fixtures.clouds import GROUPS, scene

from labelmend.configs.schema import DiagnosticsConfig
from labelmend.relabel.diagnostics.label_set import diagnose
from labelmend.relabel.diagnostics.learnability import assess_learnability
from labelmend.types import NO_LABEL

CHECKS = DiagnosticsConfig()


@pytest.mark.parametrize("seed", range(10))
def test_shuffled_labels_earn_none(seed):
    given = np.random.default_rng(seed).permutation(GROUPS)
    said = diagnose(scene(GROUPS, given), CHECKS)
    assert not said.trust.trusted
    assert "can't be told from chance" in said.trust.reason
    assert (said.merge, said.split, said.mostly_wrong) == ((), (), ())


def test_a_texts_own_label_is_not_among_its_neighbours_votes():
    # Neighbours that never agree: were the own label counted, they would seem to.
    given = np.arange(120) % 2
    unique = scene(GROUPS, given).unique
    other = np.where(given == 0, 1, 0)[:, None] + 2 * np.arange(5)
    trust = assess_learnability(
        unique, other.astype(np.int64), np.ones((120, 5), dtype=np.float32), CHECKS
    )
    assert trust.agreement == pytest.approx(-1, abs=0.05)
    assert not trust.trusted


def test_a_rare_label_does_not_hide_that_labels_mean_something():
    groups = np.repeat([0, 1], [110, 10])
    assert diagnose(scene(groups, groups, labels=("a", "b")), CHECKS).trust.trusted


def test_few_labelled_texts_are_not_tested():
    given = np.where(np.arange(120) < 40, GROUPS, NO_LABEL)
    said = diagnose(scene(GROUPS, given), CHECKS)
    assert said.trust.trusted
    assert np.isnan(said.trust.agreement)
    assert said.trust.reason.startswith("Only 40 distinct texts carry a label")


def test_one_label_for_all_leaves_nothing_to_test():
    trust = diagnose(scene(GROUPS, np.zeros(120, dtype=np.int64)), CHECKS).trust
    assert trust.trusted
    assert np.isnan(trust.agreement)


def test_texts_without_neighbours_leave_nothing_to_test():
    unique = scene(GROUPS, GROUPS).unique
    nobody = np.full((120, 3), -1, dtype=np.int64)
    assert assess_learnability(unique, nobody, np.zeros((120, 3), dtype=np.float32), CHECKS).trusted


@pytest.mark.parametrize("changes", [{"min_errors": 1e9}, {"min_agreement": 1.0}])
def test_what_earns_trust_is_a_setting(changes):
    given = np.where(np.arange(120) % 10 == 0, 3 - GROUPS, GROUPS)
    assert diagnose(scene(GROUPS, given), CHECKS).trust.trusted
    assert not diagnose(scene(GROUPS, given), replace(CHECKS, **changes)).trust.trusted


def test_how_few_labels_are_tested_is_a_setting():
    assert not np.isnan(diagnose(scene(GROUPS, GROUPS), CHECKS).trust.agreement)
    more = replace(CHECKS, tested_from=121)
    trust = diagnose(scene(GROUPS, GROUPS), more).trust
    assert np.isnan(trust.agreement)
    assert trust.reason.startswith("Only 120 distinct texts carry a label")
