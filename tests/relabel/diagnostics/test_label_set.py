"""Advice on tables that are made up: points on a plane, so that every answer is known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.relabel.diagnostics.label_set import diagnose, judge
from labelmend.relabel.labelmodel.types import Decisions, NoiseChannel, Posterior
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL, Dataset, UniqueTexts

CHANNEL = NoiseChannel(0.9, 0.3, 0.1, 0.1, None, None)
LABELS = ("a", "b", "c", "d")


def scene(groups, given, believed=None, quality=1.0, near=12, oos=None, labels=LABELS):
    """Return a relabelling of points in well-separated clouds, one a group.

    `believed` is each text's best label (the given one by default); the given labels' posterior
    is `quality` where the two agree, and 1 - `quality` where they don't.
    """
    groups, given = np.asarray(groups), np.asarray(given)
    believed = given if believed is None else np.asarray(believed)
    count = len(given)
    generator = np.random.default_rng(0)
    points = 10.0 * groups[:, None] * [1, 0] + generator.normal(size=(count, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    neighbours = np.argsort(distance, axis=1)[:, :near]
    similarity = np.exp(-0.1 * np.take_along_axis(distance, neighbours, axis=1))
    shares = np.zeros((count, len(labels)), dtype=np.float32)
    carried = given != NO_LABEL
    shares[carried, given[carried]] = 1
    probabilities = np.zeros((count, len(labels)))
    rows = np.arange(count)
    probabilities[rows[carried], given[carried]] = 1 - quality
    probabilities[rows, np.maximum(believed, 0)] = quality
    texts = tuple(f"text {i:03d}" for i in range(count))
    nothing = np.zeros_like(probabilities)
    candidates = np.tile(np.arange(len(labels)), (count, 1))
    return Relabelling(
        dataset=Dataset(tuple(map(str, range(count))), texts, given, labels, oos),
        cards=(),
        posterior=Posterior(candidates, probabilities, CHANNEL, {}, 0.0, nothing, nothing),
        decisions=Decisions(
            ("keep",) * count,
            believed,
            believed,
            np.ones(count),
            np.ones(count),
            np.empty(0, np.int64),
            0.0,
            float(count),
        ),
        unique=UniqueTexts(texts, rows, csr_array(shares)),
        evidence=(),
        neighbours=neighbours,
        neighbour_scores=similarity.astype(np.float32),
        routed=np.zeros(count, dtype=bool),
        voters=(),
        seconds={},
    )


GROUPS = np.repeat([0, 1, 2, 3], 30)
HALF = np.arange(30) % 2


def test_good_labels_earn_trust_and_no_advice():
    said = diagnose(scene(GROUPS, GROUPS))
    assert said.trust.trusted
    assert said.trust.agreement == pytest.approx(1)
    assert (said.merge, said.split, said.mostly_wrong, said.empty) == ((), (), (), ())


@pytest.mark.parametrize("seed", range(10))
def test_shuffled_labels_earn_none(seed):
    given = np.random.default_rng(seed).permutation(GROUPS)
    said = diagnose(scene(GROUPS, given))
    assert not said.trust.trusted
    assert "can't be told from chance" in said.trust.reason
    assert (said.merge, said.split, said.mostly_wrong) == ((), (), ())


def test_a_texts_own_label_is_not_among_its_neighbours_votes():
    # Neighbours that never agree: were the own label counted, they would seem to.
    given = np.arange(120) % 2
    unique = scene(GROUPS, given).unique
    other = np.where(given == 0, 1, 0)[:, None] + 2 * np.arange(5)
    trust = judge(unique, other.astype(np.int64), np.ones((120, 5), dtype=np.float32))
    assert trust.agreement == pytest.approx(-1, abs=0.05)
    assert not trust.trusted


def test_a_rare_label_does_not_hide_that_labels_mean_something():
    groups = np.repeat([0, 1], [110, 10])
    assert diagnose(scene(groups, groups, labels=("a", "b"))).trust.trusted


def test_few_labelled_texts_are_not_tested():
    given = np.where(np.arange(120) < 40, GROUPS, NO_LABEL)
    said = diagnose(scene(GROUPS, given))
    assert said.trust.trusted
    assert np.isnan(said.trust.agreement)
    assert said.trust.reason.startswith("Only 40 distinct texts carry a label")


def test_one_label_for_all_leaves_nothing_to_test():
    trust = diagnose(scene(GROUPS, np.zeros(120, dtype=np.int64))).trust
    assert trust.trusted
    assert np.isnan(trust.agreement)


def test_texts_without_neighbours_leave_nothing_to_test():
    unique = scene(GROUPS, GROUPS).unique
    nobody = np.full((120, 3), -1, dtype=np.int64)
    assert judge(unique, nobody, np.zeros((120, 3), dtype=np.float32)).trusted


def test_labels_of_one_cloud_should_be_merged():
    groups = np.repeat([0, 0, 2, 3], 30)
    given = np.concatenate([HALF, HALF, GROUPS[60:]])
    said = diagnose(scene(groups, given))
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
    said = diagnose(scene(groups, given, believed, quality=0.9))
    assert len(said.merge) == 1
    assert not said.mostly_wrong


def test_the_only_two_labels_are_not_merged():
    groups = np.zeros(120, dtype=np.int64)
    assert not diagnose(scene(groups, np.arange(120) % 2, labels=("a", "b"))).merge


@pytest.mark.parametrize("size", [8, 14])
def test_small_labels_are_neither_merged_nor_split(size):
    groups = np.repeat([0, 2, 3], [2 * size, 30, 30])
    given = np.concatenate([np.arange(2 * size) % 2, np.repeat([2, 3], 30)])
    said = diagnose(scene(groups, given))
    assert not said.merge
    assert not said.split


def test_a_label_of_two_clouds_should_be_split():
    given = np.where(GROUPS == 1, 0, GROUPS)
    (advice,) = diagnose(scene(GROUPS, given)).split
    assert (advice.label, advice.rows, advice.cut) == ("a", (30, 30), 0)
    sides = [{GROUPS[int(t[-3:])] for t in s} for s in (advice.examples_a, advice.examples_b)]
    assert sorted(map(list, sides)) == [[0], [1]]


def test_a_bridge_between_two_clouds_does_not_hide_them():
    near = 30  # more than a cloud has to offer, so that each text has a neighbour in another one
    given = np.where(GROUPS == 1, 0, GROUPS)
    (advice,) = diagnose(scene(GROUPS, given, near=near)).split
    assert advice.label == "a"
    assert 0 < advice.cut < 0.12
    assert min(advice.rows) >= 28


def test_what_is_out_of_scope_is_not_split():
    given = np.where(GROUPS == 1, 0, GROUPS)
    assert not diagnose(scene(GROUPS, given, oos=0)).split


def test_strays_are_no_half():
    groups = np.repeat([0, 1, 2, 3], [50, 8, 30, 30])
    assert not diagnose(scene(groups, np.where(groups == 1, 0, groups))).split


def test_a_sparse_graph_falls_apart_by_chance():
    assert not diagnose(scene(GROUPS, GROUPS, near=4)).split


def test_noise_is_no_half():
    # Thirty texts of the cloud b are called a in error, which the posterior knows.
    given = np.where(GROUPS == 1, 0, GROUPS)
    assert not diagnose(scene(GROUPS, given, believed=GROUPS, quality=0.9)).split


def test_a_mostly_wrong_label_says_where_its_rows_belong():
    given = GROUPS.copy()
    given[30:60] = 0
    given[:20] = 2
    said = diagnose(scene(GROUPS, given, believed=GROUPS, quality=0.9))
    (advice,) = said.mostly_wrong
    assert (advice.label, advice.rows, advice.goes_to) == ("a", 40, "b")
    assert advice.right_share == pytest.approx((10 * 0.9 + 30 * 0.1) / 40)
    assert [e.label for e in said.empty] == ["b"]


def test_labels_without_rows_and_what_mending_gives_them():
    believed = np.where(np.arange(120) < 7, 4, GROUPS)
    labels = (*LABELS, "e", "f")
    said = diagnose(scene(GROUPS, GROUPS, believed, labels=labels))
    assert [(e.label, e.mended_rows) for e in said.empty] == [("e", 7), ("f", 0)]
