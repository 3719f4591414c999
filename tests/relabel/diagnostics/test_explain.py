"""Contributions that add up to the posterior's log-odds: by hand, and in real runs."""

import csv
import itertools
import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from scipy.special import softmax

from labelmend.configs.load import load_config
from labelmend.relabel.diagnostics.explain import (
    RowReader,
    channel_in_words,
    explain,
    oos_nats,
)
from labelmend.relabel.diagnostics.explanation import (
    CHANNEL,
    OOS_BIAS,
    CandidateNats,
    Explanation,
    NearText,
)
from labelmend.relabel.labelmodel.fusion import contribution
from labelmend.relabel.labelmodel.types import NoiseChannel
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import locate_models
from labelmend.types import NO_LABEL, Dataset


def ints(*values):
    return np.array(values, dtype=np.int64)


def test_the_contributions_by_hand(result):
    said = explain(result, 0)
    # By posterior: a, d, then c and b, which tie there, then oos; and the given one, f, last.
    assert [c.label for c in said.candidates] == ["a", "d", "c", "b", "oos", "f"]
    first, last = said.candidates[0], said.candidates[-1]
    # bm25: mean 1, weight 2. classifier: mean of the known 1, 5, 3 is 3, weight 0.5.
    assert first == CandidateNats("a", 0.5, {"bm25": 10, "classifier": 1, "tiny": 2}, 0, -4)
    assert last == CandidateNats("f", 0.01, {"bm25": -2, "classifier": -1}, 0, -0.5)
    assert said.candidates[1].by_source == {"bm25": -2}
    assert said.candidates[4] == CandidateNats("oos", 0.05, {"bm25": -2, "classifier": 0}, 0.75, -6)
    assert (first.total, last.total) == (9, -3.5)
    assert said.reference is last
    assert said.duel == (first, last)
    assert first.against(last) == {
        "bm25": 12,
        "classifier": 2,
        "tiny": 2,
        OOS_BIAS: 0,
        CHANNEL: -3.5,
    }
    assert sum(first.against(last).values()) == first.total - last.total


def test_the_rest_of_an_explanation(result):
    said = explain(result, 0)
    assert (said.row, said.id, said.text) == (1, "x1", "my card")
    assert (said.given, said.proposed, said.decision) == ("f", "a", "change")
    assert said.votes == {"tiny": "a"}
    assert said.neighbours == (NearText("hello", (), 0.5),)
    assert said.reason.startswith("0 of the 1 nearest texts carry a, 0 carry f;")


def test_a_given_label_that_is_held(result):
    # a and the rest: nats of 9 and at most -3.5, but f has a posterior of 0.01.
    said = explain(result, 0)
    assert said.held
    low = replace(said.candidates[-1], posterior=3e-6)
    assert not replace(said, candidates=(*said.candidates[:-1], low)).held
    assert not replace(said, given=None).held
    assert not explain(result, 1).held


def test_without_a_given_label_the_runner_up_is_the_reference(result):
    said = explain(result, 1)
    assert said.given is None
    assert [c.label for c in said.candidates] == ["oos", "b", "e", "a", "c"]
    assert said.reference.label == "b"
    # classifier: mean 2, weight 0.5; bm25 and tiny are silent.
    assert said.candidates[0] == CandidateNats("oos", 0.5, {"classifier": 2.5}, 0.75, 0)
    assert said.neighbours == (NearText("my card", ("f",), 0.5),)


def test_a_kept_label_is_compared_with_the_next_best(result):
    said = replace(explain(result, 0), given="a", proposed="a")
    assert said.reference.label == "a"
    assert [c.label for c in said.duel] == ["a", "d"]


def test_a_given_label_that_is_no_candidate(result):
    dataset = replace(result.dataset, given=ints(4, NO_LABEL))
    said = explain(replace(result, dataset=dataset), 0)
    assert [c.label for c in said.candidates] == ["a", "d", "c", "b", "oos"]
    assert said.reference.label == "d"


def test_a_majority_has_no_nats(result):
    posterior = replace(result.posterior, weights={}, oos_bias=0.0)
    said = explain(replace(result, posterior=posterior), 0)
    assert all(c.by_source == {} for c in said.candidates)


def test_the_lines_are_read_back(result):
    for said in RowReader(result).explanations(np.arange(2)):
        assert Explanation.from_line(said.to_line()) == said


def test_the_lines_are_short(result):
    said = explain(result, 0)
    near = NearText("word " * 1000, ("a",), 0.123456)
    fields = json.loads(replace(said, neighbours=(near,)).to_line())
    assert len(fields["neighbours"][0]["text"]) == 200
    assert fields["neighbours"][0]["similarity"] == 0.123


def test_no_zero_has_a_sign(result):
    said = explain(result, 0)
    tiny = replace(said.candidates[0], by_source={"bm25": -1e-5})
    assert '"nats":{"bm25":0.0}' in replace(said, candidates=(tiny,)).to_line()


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "3", "{}", '{"row": 1}', '"x"', "null", "[" * 100_000, '{"candidates": [3]}'],
)
def test_a_line_that_is_none_of_ours(line):
    with pytest.raises(ValueError, match=r".*"):
        Explanation.from_line(line)


def test_the_channel_in_words():
    channel = NoiseChannel(0.8125, 0.5, 0.25, 0.1, None, None)
    assert channel_in_words(channel, oos=True) == (
        "81.2% of the given labels are taken to be right; of the wrong ones, "
        "50% fall on similar labels, 25% on out-of-scope, the rest on any label."
    )
    bent = replace(channel, oos_share=0.0, pair_strength=50.0, label_strength=20.0)
    assert channel_in_words(bent, oos=False) == (
        "81.2% of the given labels are taken to be right; of the wrong ones, "
        "50% fall on similar labels, the rest on any label. "
        "Pairs of labels and single labels have rates of their own."
    )


# Real runs: six labels of the demo with two dozen rows each, once with a tail and once without.

NAMES = ("card_lost", "card_stolen", "exchange_rate", "oos", "pin_reset", "transfer_failed")


@pytest.fixture(scope="module", params=[25, 4], ids=["all labels", "four and a tail"])
def real(request, encoders):
    config = load_config(
        "embedded",
        [
            *(f"retrieval.candidates={request.param}", "retrieval.tail_samples=1"),
            *("routing.audit_rows=20", "routing.llm_rows=6"),
            *("reranker.max_rows=20", "reranker.candidates=4"),
        ],
    )
    text = resources.files("labelmend.data.demo").joinpath("train_noisy.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    rows = [r for name in NAMES for r in [r for r in rows if r["true_label"] == name][:24]]
    # Every fourth label is wrong: where there is no noise to speak of, the floor hides all else.
    given = [(NAMES.index(r["true_label"]) + (i % 4 == 0)) % 6 for i, r in enumerate(rows)]
    texts = [r["text"] for r in rows]
    given[5] = NO_LABEL
    texts.append(texts[0])
    given.append(4)
    ids = tuple(str(i + 1) for i in range(len(texts)))
    dataset = Dataset(ids, tuple(texts), ints(*given), NAMES, NAMES.index("oos"))
    return relabel(dataset, config, locate_models(config, use_llm=False))


def nats_of(result):
    nats = oos_nats(result) + result.posterior.channel_nats
    return nats + sum(contribution(e, result.posterior) for e in result.evidence)


def has_tail(result):
    return result.posterior.candidates.shape[1] < len(NAMES)


def test_the_contributions_are_the_posterior_before_blunders(real):
    share, q, total = real.posterior.given_share, real.posterior.probabilities, nats_of(real)
    # What source errors take, they take from all labels that were not given, as the tail does.
    compared = share == 0
    gap = np.where(compared, np.log(np.maximum(q, 1e-300)) - total, np.nan)
    assert np.nanmax(np.nanmax(gap, axis=1) - np.nanmin(gap, axis=1)) < 1e-4


def test_with_blunders_the_contributions_are_the_posterior(real):
    if has_tail(real):
        pytest.skip("the tail's mass is not kept")
    share, q = real.posterior.given_share, real.posterior.probabilities
    before = softmax(nats_of(real), axis=1)
    labelled = share.any(axis=1)
    assert np.flatnonzero(~labelled).size == 1
    assert np.allclose(q[~labelled], before[~labelled], atol=1e-6)
    # The given labels stand with a probability that falls with what the nats leave them.
    left = (before * (share > 0)).sum(axis=1)[labelled]
    stands = ((before - q)[labelled] / (before - share)[labelled])[:, 0]
    mixed = before[labelled] * (1 - stands[:, None]) + share[labelled] * stands[:, None]
    assert np.allclose(q[labelled], mixed, atol=1e-6)
    clear = np.abs((before - share)[labelled][:, 0]) > 0.01
    order = np.argsort(left[clear])
    assert (np.diff(stands[clear][order]) <= 1e-6).all()
    assert 0 < stands[clear].max() < 0.5


def test_real_explanations_add_up(real):
    assert "reranker" in real.posterior.weights
    pairs = 0
    for said in RowReader(real).explanations(np.arange(len(real.dataset))):
        text = real.unique.of_row[said.row - 1]
        columns = real.posterior.candidates[text].tolist()
        column = {NAMES[k]: i for i, k in enumerate(columns)}
        for c in said.candidates:
            assert c.posterior == real.posterior.probabilities[text, column[c.label]]
        given = {k for k in column if real.posterior.given_share[text, column[k]] > 0}
        free = [c for c in said.candidates if c.label not in given]
        for one, two in itertools.pairwise(free):
            odds = np.log(one.posterior) - np.log(two.posterior)
            assert sum(one.against(two).values()) == pytest.approx(odds, abs=1e-4)
            pairs += 1
    assert pairs > 40
