"""What a user reads of a relabelling, worked out by hand for four rows of three texts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.load import load_config
from labelmend.llm.types import VoterReport
from labelmend.relabel.labelmodel.types import Decisions, NoiseChannel, Posterior
from labelmend.relabel.result import Relabelling
from labelmend.runs.record import (
    COLUMNS,
    ConfusedPair,
    columns_of,
    confused_pairs,
    estimated_noise,
    evidence_lines,
    rows_moved,
    run_record,
)
from labelmend.types import NO_LABEL, Dataset, Evidence, UniqueTexts
from labelmend.weights.locate import LocatedModel

NAN = float("nan")
A, B, C = range(3)


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float32)


@pytest.fixture
def result():
    """Rows 1 and 4 are one text, given a and b; row 2 is given b; row 3 has no label."""
    dataset = Dataset(
        ids=("1", "2", "3", "4"),
        texts=("lost card", "stolen [red]", "pin", "Lost card"),
        given=ints(A, B, NO_LABEL, B),
        labels=("a", "b", "c"),
        oos=C,
    )
    unique = UniqueTexts(
        texts=("lost card", "stolen [red]", "pin"),
        of_row=ints(0, 1, 2, 0),
        given=csr_array(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float32)),
    )
    posterior = Posterior(
        candidates=ints([A, B], [B, C], [A, C]),
        probabilities=np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.625]]),
        channel=NoiseChannel(0.875, 0.5, 0.1, 0.2, 50.0, None),
        weights={"bm25": 0.5, "tiny": 1.25},
        oos_bias=0.5,
        channel_nats=np.array([[-1.0, -0.25], [-0.25, -3.0], [0.0, 0.0]]),
        given_share=np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]),
    )
    decisions = Decisions(
        actions=("keep", "review", "label", "change"),
        mended=ints(A, B, C, A),
        proposed=ints(A, B, C, A),
        confidence=np.array([0.75, 0.5, 0.625, 0.75]),
        quality=np.array([0.75, 0.5, NAN, 0.25]),
        review_order=ints(1),
        expected_harm=0.25,
        expected_good=1.5,
    )
    return Relabelling(
        dataset=dataset,
        cards=(),
        posterior=posterior,
        decisions=decisions,
        unique=unique,
        evidence=(
            Evidence("bm25", floats([2, 1], [0.5, 0.25], [1, 1])),
            Evidence("tiny", floats([-1, -2], [NAN, NAN], [-3, -1])),
        ),
        neighbours=ints([1, 2], [0, -1], [0, 1]),
        neighbour_scores=floats([0.5, 0.25], [0.5, 0], [0.25, 0.125]),
        routed=np.array([True, False, True]),
        voters=(VoterReport("tiny", 2, 1, {}, 0.123456, unasked=3),),
        seconds={"embed": 1.23456},
    )


def column(result, name):
    (found,) = (c for c in columns_of(result) if c.name == name)
    return found.values


def test_estimated_noise(result):
    # The given labels of rows 1, 2 and 4 have 0.75, 0.5 and 0.25; row 3 was given none.
    assert estimated_noise(result) == pytest.approx(1 - (0.75 + 0.5 + 0.25) / 3)


def test_estimated_noise_where_nothing_was_given(result):
    dataset = replace(result.dataset, given=ints(*[NO_LABEL] * 4))
    assert estimated_noise(replace(result, dataset=dataset)) == 0.0


def test_confused_pairs(result):
    # Of the three labelled rows, 2 * 0.75 are expected to be a, 2 * 0.25 + 0.5 b, and 0.5 c.
    pairs = (
        ConfusedPair("a", "b", 0.75, 0.75 / 1.5),
        ConfusedPair("c", "b", 0.5, 0.5 / 0.5),
        ConfusedPair("b", "a", 0.25, 0.25 / 1.0),
    )
    assert confused_pairs(result, 20) == pairs
    assert confused_pairs(result, 2) == pairs[:2]


def test_pairs_of_equal_weight_are_in_the_order_of_the_labels(result):
    posterior = replace(
        result.posterior, probabilities=np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    )
    assert confused_pairs(replace(result, posterior=posterior), 20) == (
        ConfusedPair("a", "b", 0.5, 0.5),
        ConfusedPair("b", "a", 0.5, 0.3333),
        ConfusedPair("c", "b", 0.5, 1.0),
    )


def test_nothing_is_confused_where_nothing_was_given(result):
    dataset = replace(result.dataset, given=ints(*[NO_LABEL] * 4))
    assert confused_pairs(replace(result, dataset=dataset), 20) == ()


def test_rows_moved(result):
    # The text of rows 1 and 4 has, for a, 0.5 * 0.5 of bm25, 1.25 * 0.5 of tiny and -1 of the
    # channel, and for b -0.25, -0.625 and -0.25. Without bm25 a leads by -0.375 to -0.875;
    # without tiny b leads by -0.5 to -0.75. The others' lead is the channel's or the bias's.
    assert rows_moved(result) == {"bm25": 0, "tiny": 2}


def test_a_source_that_only_breaks_a_tie_moves_what_the_smaller_label_would_have_had(result):
    posterior = replace(result.posterior, channel_nats=np.zeros((3, 2)), oos_bias=0.0)
    # Without tiny nothing is known of row 3: it would be a, and is c.
    assert rows_moved(replace(result, posterior=posterior)) == {"bm25": 0, "tiny": 1}


def test_without_weights_nothing_is_moved(result):
    posterior = replace(result.posterior, weights={})
    assert rows_moved(replace(result, posterior=posterior)) == {"bm25": 0, "tiny": 0}


def test_the_columns(result):
    assert tuple(c.name for c in columns_of(result)) == COLUMNS
    assert column(result, "mended_label") == ("a", "b", "c", "a")
    assert column(result, "decision") == ("keep", "review", "label", "change")
    assert column(result, "label_quality")[:2] == (0.75, 0.5)
    assert np.isnan(column(result, "label_quality")[2])
    assert column(result, "candidates") == (
        "a 0.750 | b 0.250",
        "b 0.500 | c 0.500",
        "c 0.625 | a 0.250",
        "a 0.750 | b 0.250",
    )
    assert column(result, "votes") == ("tiny: a", None, "tiny: c", "tiny: a")


def test_an_unlabelled_row_that_none_is_sure_of_has_no_mended_label(result):
    decisions = replace(
        result.decisions,
        actions=("keep", "review", "review", "change"),
        mended=ints(A, B, NO_LABEL, A),
    )
    reviewed = replace(result, decisions=decisions)
    assert column(reviewed, "mended_label") == ("a", "b", None, "a")
    assert column(reviewed, "reason")[2] == (
        "No label was given, none is sure: 0 of the 2 nearest texts carry c; "
        "its probability is 62.5%."
    )


def test_the_reasons(result):
    # The text of rows 1 and 4 carries a and b, a first; near it are b and a text without label.
    assert column(result, "reason") == (
        "0 of the 2 nearest texts carry a; its probability is 75.0%.",
        "0 of the 1 nearest texts carry b; its probability is only 50.0%.",
        "No label was given: 0 of the 2 nearest texts carry c; its probability is 62.5%.",
        "0 of the 2 nearest texts carry a, 1 carry b; their probabilities are 75.0% and 25.0%.",
    )


def test_the_reason_of_a_proposal_that_is_not_sure_enough(result):
    decisions = replace(result.decisions, actions=("keep", "review", "label", "review"))
    assert column(replace(result, decisions=decisions), "reason")[3].startswith(
        "Not sure enough to change: 0 of the 2 nearest texts carry a, 1 carry b;"
    )


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (1.0, "100.0%"),
        (0.99951, "over 99.9%"),
        (0.999, "99.9%"),
        (0.0009, "under 0.1%"),
        (0.0, "0.0%"),
    ],
)
def test_a_probability_is_not_rounded_to_certainty(result, quality, words):
    decisions = replace(result.decisions, quality=np.array([quality, 0.5, NAN, 0.25]))
    reason = column(replace(result, decisions=decisions), "reason")[0]
    assert reason.endswith(f"its probability is {words}.")


def test_the_evidence(result):
    lines = list(evidence_lines(result))
    assert len(lines) == 4
    assert json.loads(lines[0]) == {
        "row": 1,
        "id": "1",
        "text": "lost card",
        "given": "a",
        "proposed": "a",
        "decision": "keep",
        "reason": "0 of the 2 nearest texts carry a; its probability is 75.0%.",
        "candidates": [
            {
                "label": "a",
                "posterior": 0.75,
                "total": -0.125,
                "nats": {"bm25": 0.25, "tiny": 0.625},
                "oos_bias": 0.0,
                "channel": -1.0,
            },
            {
                "label": "b",
                "posterior": 0.25,
                "total": -1.125,
                "nats": {"bm25": -0.25, "tiny": -0.625},
                "oos_bias": 0.0,
                "channel": -0.25,
            },
        ],
        "votes": {"tiny": "a"},
        "neighbours": [
            {"text": "stolen [red]", "labels": ["b"], "similarity": 0.5},
            {"text": "pin", "labels": [], "similarity": 0.25},
        ],
    }
    second, third = json.loads(lines[1]), json.loads(lines[2])
    assert second["candidates"][0]["nats"] == {"bm25": 0.062}
    assert second["candidates"][1]["oos_bias"] == 0.5
    assert second["votes"] == {}
    assert second["neighbours"] == [{"text": "lost card", "labels": ["a", "b"], "similarity": 0.5}]
    assert third["given"] is None


def test_the_record(result):
    model = LocatedModel("m", "encoder", Path("/m"), "ab" * 32, 7, "PyPI m 1.0")
    config = load_config("embedded", ["decision.max_harm=0.25", "seed=3"])
    record = run_record(result, config, {"encoder": model}, {"path": "x.csv"}, ("a note",))
    json.dumps(record, allow_nan=False)
    assert record["input"] == {"path": "x.csv"}
    assert record["seed"] == 3
    assert record["config"]["decision"]["max_harm"] == 0.25
    assert record["models"] == {
        "encoder": {"name": "m", "sha256": "ab" * 32, "source": "PyPI m 1.0"}
    }
    assert record["oos_label"] == "c"
    # Two labelled texts can't be tested, so there is no number; all labels were given or used.
    assert record["advice"] == {
        "trust": {
            "trusted": True,
            "reason": "Only 2 distinct texts carry a label, too few to test whether they can be "
            "trusted.",
            "agreement": None,
            "errors": None,
        },
        "merge": (),
        "split": (),
        "mostly_wrong": (),
        "empty": ({"label": "c", "mended_rows": 1},),
    }
    assert record["counts"] == {"change": 1, "keep": 1, "label": 1, "review": 1}
    assert record["noise"]["estimated_rate"] == 0.5
    assert record["noise"]["confused_pairs"][0] == {
        "true": "a",
        "given": "b",
        "rows": 0.75,
        "rate": 0.5,
    }
    assert record["sources"] == {
        "bm25": {"weight": 0.5, "moved": 0},
        "tiny": {"weight": 1.25, "moved": 2},
    }
    assert record["harm"] == {"expected_broken": 0.25, "expected_good": 1.5, "budget": 0.25}
    assert record["voters"][0]["seconds"] == 0.12
    assert record["voters"][0]["unasked"] == 3
    assert record["review_order"] == ["2"]
    assert record["notes"] == ["a note"]
    assert record["seconds"] == {"embed": 1.23}
