import dataclasses

import numpy as np
import pytest
import votes
from correction import Table
from votes import ALL, CASES, NONE, Line, configured, gain, measure, report, spoil, verdicts

from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Decisions, Posterior
from labelmend.relabel.result import Relabelling
from labelmend.types import NO_LABEL, Dataset, UniqueTexts

CASE = {case.key: case for case in CASES}
LINE = Line(
    case="few-5",
    seed=0,
    voters=NONE,
    best=0.90,
    mended=0.88,
    broken=0.01,
    found=None,
    filled=None,
    oos_precision=0.9,
    oos_recall=0.8,
    asked=0,
    weights={},
    seconds=1.0,
    code="c0de",
    versions="numpy 2",
)


def lines(*changes):
    return {line.key: line for line in (dataclasses.replace(LINE, **change) for change in changes)}


@pytest.fixture
def table():
    """Forty rows of each of thirty labels, the last of them out-of-scope."""
    labels = (*(f"label {i:02}" for i in range(29)), "oos")
    truth = np.repeat(np.arange(30), 40)
    texts = tuple(f"text {row} of {labels[label]}" for row, label in enumerate(truth))
    return Table(texts, labels, truth, None, {})


def test_rows_of_a_case_and_what_they_lose(table):
    few = spoil(table, dataclasses.replace(CASE["few-10"], noise=()), seed=1)
    assert np.bincount(few.truth).tolist() == [10] * 30
    assert np.array_equal(few.dataset.given, few.truth)
    assert few.dataset.texts[0].endswith("of label 00")
    again = spoil(table, dataclasses.replace(CASE["few-10"], noise=()), seed=1)
    assert again.dataset.texts == few.dataset.texts
    half = spoil(table, CASE["unlabelled"], seed=1)
    assert 0.4 < (half.dataset.given == NO_LABEL).mean() < 0.6
    assert not half.of_new.any()
    many = spoil(table, dataclasses.replace(CASE["oos"], noise=()), seed=1)
    assert np.bincount(many.truth).tolist() == [10] * 29 + [40]


def test_all_rows_of_a_new_label_lose_it_and_oos_is_never_one(table):
    new = spoil(table, CASE["new-labels"], seed=1)
    lost = np.unique(new.truth[new.of_new])
    assert len(lost) == votes.NEW_LABELS == 20
    assert table.oos not in lost
    assert (new.dataset.given == NO_LABEL).sum() == new.of_new.sum() == 200
    assert np.array_equal(new.dataset.given[~new.of_new], new.truth[~new.of_new])


def test_uniform_noise_is_drawn_onto_the_labels(table):
    noisy = spoil(table, CASE["few-10"], seed=1)
    assert (noisy.dataset.given != noisy.truth).mean() == pytest.approx(0.3, abs=0.03)


def test_what_is_measured_by_hand():
    # Five rows of four texts; the last text is of a new label, the third one unlabelled.
    truth = np.array([0, 0, 1, 2, 1])
    given = np.array([0, 1, NO_LABEL, NO_LABEL, 0])
    dataset = Dataset(tuple("12345"), tuple("aabcd"), given, ("x", "y", "oos"), 2)
    unique = UniqueTexts(tuple("abcd"), np.array([0, 0, 1, 2, 3]), None)
    nothing = np.zeros((4, 2))
    posterior = Posterior(
        candidates=np.array([[0, 1], [1, 0], [1, 2], [0, 1]]),
        probabilities=np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3]]),
        channel=FIRST_GUESS,
        weights={"classifier": 1.0, "v": 0.25},
        oos_bias=0.0,
        channel_nats=nothing,
        given_share=nothing,
    )
    mended = np.array([0, 0, 1, NO_LABEL, 0])
    decisions = Decisions((), mended, mended, np.ones(5), np.ones(5), np.array([]), 0.0, 1.0)
    done = Relabelling(
        dataset=dataset,
        cards=(),
        posterior=posterior,
        decisions=decisions,
        unique=unique,
        evidence=(),
        neighbours=np.zeros((4, 0)),
        neighbour_scores=np.zeros((4, 0)),
        routed=np.array([True, False, True, False]),
        voters=(),
        seconds={},
    )
    problem = votes.Problem(dataset, truth, np.array([False, False, True, False, False]))
    # The most probable labels are x, x, y, y, x.
    assert measure(problem, done, ["v"]) == {
        "best": 3 / 5,
        "mended": 3 / 5,
        "broken": 0.0,
        "found": 1.0,
        "filled": 0.0,
        "oos_precision": None,
        "oos_recall": 0.0,
        "asked": 2,
        "weights": {"v": 0.25},
    }


def test_gains_are_means_over_the_seeds_that_have_both():
    found = lines(
        {},
        {"voters": ALL, "mended": 0.91},
        {"seed": 1, "mended": 0.80},
        {"seed": 1, "voters": ALL, "mended": 0.81},
        {"seed": 2, "voters": ALL, "mended": 0.10},
    )
    assert gain(found, "few-5", ALL, "mended") == pytest.approx(0.02)
    assert gain(found, "few-5", ALL, "found") is None
    assert gain(found, "few-10", ALL, "mended") is None


def test_the_goals():
    found = lines(
        {},
        {"voters": ALL, "mended": 0.899, "oos_recall": 0.7},
        {"case": "oos"},
        {"case": "oos", "voters": ALL, "oos_recall": 0.798},
        {"case": "new-labels", "found": 0.6},
        {"case": "new-labels", "voters": ALL, "found": 0.71},
    )
    said = {what: (measured, reached) for what, _, measured, reached in verdicts(found)}
    assert said == {
        "5 rows a label, uniform 30 %: what all votes add to the label accuracy": ("+1.90", False),
        "10 rows a label, 20 labels without: their texts found": ("71.00 %", True),
        "what votes add to any figure, the least": (
            "-0.20 (10 rows a label, 100 oos, uniform 20 %, all, oos_recall)",
            False,
        ),
    }
    text = report(found, "python benchmarks/votes.py")
    assert "### 5 rows a label, uniform 30 % (seeds 0)" in text
    assert "| all | 90.00 | 89.90 | 1.00 |  |  | 90.00 | 70.00 | 0 |  |" in text
    assert "| +1.90 | **not reached** |" in text


def test_each_run_has_the_voters_of_its_name(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(votes, "with_voters", lambda config, specs: seen.append(specs) or config)
    none = configured(CASE["few-5"], NONE, tmp_path)
    assert (none.voters, none.describe.model, none.routing.llm_rows) == ((), "", -1)
    configured(CASE["oos"], "gemma-270m", tmp_path)
    configured(CASE["oos"], ALL, tmp_path)
    assert [len(specs) for specs in seen] == [0, 1, 3]
    assert seen[1] == [f"channel:{tmp_path / 'gemma-3-270m-q4_k_m.gguf'}"]
