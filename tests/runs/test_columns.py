"""What a user reads of each row, worked out by hand for four rows of three texts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.runs.columns import COLUMNS, Places, columns_of, evidence_lines
from labelmend.types import NO_LABEL

NAN = float("nan")
A, B = range(2)


def column(four_rows, name):
    (found,) = (c for c in columns_of(four_rows) if c.name == name)
    return found.values


def test_the_columns(four_rows):
    assert tuple(c.name for c in columns_of(four_rows)) == COLUMNS
    assert column(four_rows, "mended_label") == ("a", "b", "c", "a")
    assert column(four_rows, "decision") == ("keep", "review", "label", "change")
    assert column(four_rows, "label_quality")[:2] == (0.75, 0.5)
    assert np.isnan(column(four_rows, "label_quality")[2])
    assert column(four_rows, "candidates") == (
        "a 0.750 | b 0.250",
        "b 0.500 | c 0.500",
        "c 0.625 | a 0.250",
        "a 0.750 | b 0.250",
    )
    assert column(four_rows, "votes") == ("tiny: a", None, "tiny: c", "tiny: a")


def test_an_unlabelled_row_that_none_is_sure_of_has_no_mended_label(four_rows):
    decisions = replace(
        four_rows.decisions,
        actions=("keep", "review", "review", "change"),
        mended=np.array([A, B, NO_LABEL, A]),
    )
    reviewed = replace(four_rows, decisions=decisions)
    assert column(reviewed, "mended_label") == ("a", "b", None, "a")
    assert column(reviewed, "reason")[2] == (
        "No label was given, none is sure: 0 of the 2 nearest texts carry c; "
        "its probability is 62.5%, mainly by tiny."
    )


def test_the_reasons(four_rows):
    # The text of rows 1 and 4 carries a and b, a first; near it are b and a text without label.
    assert column(four_rows, "reason") == (
        # tiny says 1.25 * (-1 + 1.5) for a and as much against b, bm25 0.5 * (2 - 1.5).
        "0 of the 2 nearest texts carry a; its probability is 75.0%, mainly by tiny.",
        "0 of the 1 nearest texts carry b; its probability is only 50.0%, mainly by the given "
        "label.",
        "No label was given: 0 of the 2 nearest texts carry c; its probability is 62.5%, mainly by "
        "tiny.",
        "0 of the 2 nearest texts carry a, 1 carry b; their probabilities are 75.0% and 25.0%, "
        "mainly by tiny.",
    )


def test_the_reason_of_a_proposal_that_is_not_sure_enough(four_rows):
    decisions = replace(four_rows.decisions, actions=("keep", "review", "label", "review"))
    assert column(replace(four_rows, decisions=decisions), "reason")[3].startswith(
        "Not sure enough to change: 0 of the 2 nearest texts carry a, 1 carry b;"
    )


def test_what_speaks_for_a_label_is_said_where_the_nearest_texts_do_not(four_rows):
    def reason(**changes):
        return column(replace(four_rows, **changes), "reason")[0]

    posterior = four_rows.posterior
    # The noise channel: 3 nats for a.
    given = replace(posterior, channel_nats=np.array([[0.0, -3.0], [0.0, 0.0], [0.0, 0.0]]))
    assert reason(posterior=given).endswith("75.0%, mainly by the given label.")
    # Nothing that speaks for it, as after a majority vote.
    nothing = replace(posterior, weights={})
    assert reason(posterior=nothing).endswith("75.0%.")
    # The nearest texts speak for it: the second is given a, or both.
    for near in ([2, 2], [1, 2]):
        labels = four_rows.unique.given.toarray()
        labels[2] = [1, 0, 0]
        unique = replace(four_rows.unique, given=csr_array(labels))
        neighbours = np.array([near, [0, -1], [0, 1]])
        assert reason(unique=unique, neighbours=neighbours).endswith("75.0%.")
    # Too improbable for anything to speak for it.
    low = np.array([[0.25, 0.75], [0.5, 0.5], [0.25, 0.625]])
    assert reason(posterior=replace(posterior, probabilities=low)).endswith("75.0%.")


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
def test_a_probability_is_not_rounded_to_certainty(four_rows, quality, words):
    decisions = replace(four_rows.decisions, quality=np.array([quality, 0.5, NAN, 0.25]))
    reason = column(replace(four_rows, decisions=decisions), "reason")[0]
    assert reason.endswith(f"its probability is {words}, mainly by tiny.")


def test_a_row_that_was_left_out_is_empty(four_rows):
    places = Places(np.array([0, 2, 3, 4]), ("1", "2", "3", "4", "5", "6"))
    found = {c.name: c.values for c in columns_of(four_rows, places)}
    assert found["mended_label"] == ("a", None, "b", "c", "a", None)
    assert all((values[1], values[5]) == (None, None) for values in found.values())
    lines = [json.loads(line) for line in evidence_lines(four_rows, places)]
    assert [line["row"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[1] == {"row": 2, "id": "2", "text": "", "decision": "blank"}
    assert lines[4]["text"] == "Lost card"


def test_the_evidence(four_rows):
    lines = list(evidence_lines(four_rows))
    assert len(lines) == 4
    assert json.loads(lines[0]) == {
        "row": 1,
        "id": "1",
        "text": "lost card",
        "given": "a",
        "proposed": "a",
        "decision": "keep",
        "reason": "0 of the 2 nearest texts carry a; its probability is 75.0%, mainly by tiny.",
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
