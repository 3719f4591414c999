import json

import pytest

from labelmend.relabel.diagnostics.explanation import CandidateNats, Explanation, NearText

GOOD = Explanation(
    row=3,
    id="3",
    text="hello",
    given="a",
    proposed="b",
    decision="review",
    reason="who knows",
    candidates=(CandidateNats("b", 0.9, {"bm25": 1.5}, 0.0, -2.0),),
    votes={"llm": "b"},
    neighbours=(NearText("hi", ("b",), 0.5),),
)


def changed(**fields):
    return json.dumps({**json.loads(GOOD.to_line()), **fields})


def candidate(**fields):
    (held,) = json.loads(GOOD.to_line())["candidates"]
    return changed(candidates=[{**held, **fields}])


def test_a_line_comes_back():
    assert Explanation.from_line(GOOD.to_line()) == GOOD


@pytest.mark.parametrize(
    "line",
    [
        *("", "null", "[]", "[" * 100_000, '{"row": ' + "9" * 5000 + "}"),
        changed(candidates=[]),
        changed(candidates=json.loads(GOOD.to_line())["candidates"] * 101),
        changed(candidates=[3]),
        changed(votes=[]),
        changed(text="\ud800"),
        changed(row=float("inf")),
        candidate(posterior=1.5),
        candidate(posterior=float("nan")),
        candidate(channel=float("inf")),
        candidate(channel=10**400),
        candidate(oos_bias=1e300),
        candidate(nats={"bm25": "x"}),
        candidate(nats=[]),
        changed(neighbours=[{"text": "hi", "labels": ["b"], "similarity": float("nan")}]),
    ],
)
def test_a_line_that_is_none_of_ours(line):
    with pytest.raises(ValueError):  # noqa: PT011 - callers say what file it is of
        Explanation.from_line(line)
