"""Champion against challenger of several labels, worked out by hand."""

import numpy as np
import pytest

from labelmend.classify.several.classifier import SetPredictions
from labelmend.retrain.project import GateConfig, Project, PromotionConfig
from labelmend.retrain.sets.known import SetsHeldOut
from labelmend.retrain.sets.trial import compare_set_versions

LABELS = ("a", "b")


def said(called):
    called = np.asarray(called, dtype=bool)
    return SetPredictions(np.where(called, 0.9, 0.1), called)


def held_out(rows):
    texts = tuple(f"text {i}" for i in range(rows))
    truth = np.tile([[True, False], [True, True]], (rows // 2, 1))
    return SetsHeldOut(texts, LABELS, truth, answered=3)


def test_a_challenger_that_is_right_where_the_champion_is_not():
    rows = held_out(40)
    wrong = rows.truth.copy()
    wrong[:20, 0] = False
    project = Project(base="x")
    found = compare_set_versions(
        (said(wrong), LABELS), (said(rows.truth), LABELS), rows, rows.texts, project, 0
    )
    micro = found.outcome.differences[0]
    # 40 of 60 labels are called, all rightly: F1 = 2 * 40 / (40 + 60).
    assert (micro.before, micro.after) == (pytest.approx(0.8), 1.0)
    test = found.outcome.test
    assert (test.only_before, test.only_after) == (0, 20)
    assert test.p_value == pytest.approx(2 * 0.5**20)
    assert found.verdict == "promoted"
    assert found.reasons[0].startswith("better: held-out micro-F1 80.00% to 100.00%")
    assert found.metrics["micro-F1"] == 1.0
    assert found.record["champion"]["subset accuracy"] == 0.5
    assert (found.record["held_out_rows"], found.record["answered_by_people"]) == (40, 3)


def test_a_label_that_is_called_no_more_is_a_reason_to_refuse():
    rows = held_out(40)
    worse = rows.truth.copy()
    worse[:, 1] = False
    project = Project(base="x", gate=GateConfig(label_drop=0.5))
    both = (said(rows.truth), LABELS), (said(worse), LABELS)
    found = compare_set_versions(*both, rows, rows.texts, project, 0)
    assert found.verdict == "refused"
    assert found.reasons == (
        "held-out texts of 'b' that are called so fall from 100.0% to 0.0%, and not by chance",
    )
    # Of texts that were held out before there are none: nothing is refused by them.
    found = compare_set_versions(*both, rows, (), project, 0)
    assert found.verdict == "not better"
    assert found.reasons[0].startswith("worse: held-out micro-F1")


def test_versions_may_know_other_labels():
    rows = held_out(40)
    project = Project(base="x", promotion=PromotionConfig(promote_equal=True))
    found = compare_set_versions(
        (said(rows.truth[:, :1]), ("a",)),
        (said(np.hstack([rows.truth, np.zeros((40, 1), dtype=bool)])), (*LABELS, "c")),
        *(rows, rows.texts, project, 0),
    )
    # The champion lacks b: 40 of 60, as above.
    assert found.outcome.differences[0].before == pytest.approx(0.8)
    assert found.verdict == "promoted"
    same = compare_set_versions(
        *((said(rows.truth), LABELS), (said(rows.truth), LABELS)), rows, rows.texts, project, 0
    )
    assert same.reasons[0].startswith(
        "no difference shown, and promoted as told: held-out micro-F1"
    )
