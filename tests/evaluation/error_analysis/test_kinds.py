import numpy as np
import pytest

from labelmend.evaluation.error_analysis.kinds import (
    backing,
    kinds_of,
    reason,
    usual_backing,
)

LABELS = ("a", "b", "c")


def test_each_crossing_has_its_kind():
    #            fine   border near   far    error  only   only, not learned
    learned = [True, False, True, True, False, True, False]
    right = [True, True, False, False, False, False, False]
    far = [True, True, False, True, True, True, True]
    only = [False, False, False, False, False, True, True]
    arrays = [np.array(one) for one in (learned, right, far, only)]
    assert kinds_of(*arrays) == [
        *("fine", "hard", "hard", "missing data", "label error"),
        *("missing data", "missing data"),
    ]


def test_backing_is_the_mean_cosine_of_the_three_nearest_and_nothing_counts_zero():
    angles = np.deg2rad([0, 60, 90, 180, 60])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    # The first four texts are of label 0; the fifth is the only one of label 1; and the second text
    # has label 2 as well, beside the fifth.
    text_of = np.array([0, 1, 1, 2, 3, 4, 4])
    label_of = np.array([0, 0, 2, 0, 0, 1, 2])
    cos = lambda *degrees: float(np.cos(np.deg2rad(degrees)).sum()) / 3  # noqa: E731
    expected = [
        cos(60, 90, 180),
        cos(60, 30, 120),
        cos(0),
        cos(90, 30, 90),
        cos(180, 120, 90),
        0.0,
        cos(0),
    ]
    # cos(0) of one near text alone: the other two count nothing.
    expected[2] = expected[6] = 1 / 3
    assert backing(vectors, text_of, label_of) == pytest.approx(expected, abs=1e-6)


def test_backing_of_a_large_label_is_by_every_so_manieth_text(monkeypatch):
    monkeypatch.setattr("labelmend.evaluation.error_analysis.kinds._MOST_REFERENCES", 4)
    vectors = np.eye(8, dtype=np.float32)
    vectors[1] = vectors[0]
    texts, labels = np.arange(8), np.zeros(8, dtype=np.int64)
    # Texts 0, 2, 4 and 6 are compared with: 0 finds no equal one, its copy 1 finds it.
    assert backing(vectors, texts, labels) == pytest.approx([0, 1 / 3, 0, 0, 0, 0, 0, 0])


def test_what_is_usual_is_a_quarter_of_those_that_are_right():
    backed = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.0, 0.0])
    right = np.array([True] * 5 + [False] * 2)
    assert usual_backing(backed, right) == pytest.approx(0.2)
    assert usual_backing(backed, np.zeros(7, dtype=bool)) == pytest.approx(
        np.quantile(backed, 0.25)
    )


@pytest.mark.parametrize(
    ("kind", "right", "only", "said"),
    [
        ("fine", True, False, "learned, and right held out"),
        (
            "label error",
            False,
            False,
            "can't be learned: even where it is shown, 'b' is likelier; held out 'c'",
        ),
        ("hard", True, False, "'c' held out too, but it can't be learned: 'b' is as near"),
        ("hard", False, False, "learned, but 'c' held out, and texts with its own label are near"),
        (
            "missing data",
            False,
            False,
            "learned by heart, 'c' held out: other texts with its label are far (cosine 0.12, "
            "usual 0.40)",
        ),
        ("missing data", False, True, "no other text has this label"),
    ],
)
def test_the_reason_says_what_decided(kind, right, only, said):
    found = reason(kind, LABELS, 1, 2, is_right=right, is_only=only, backed=0.123, usual=0.4)
    assert found == said
