"""What LLMs are asked where a text may have several labels."""

import dataclasses

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.llm.store import Store
from labelmend.relabel.assignments.fusion import Beliefs
from labelmend.relabel.assignments.poll import Poll
from labelmend.relabel.assignments.types import Channel
from labelmend.relabel.evidence.base import Corpus, Resources
from labelmend.relabel.run_models import RunModels
from labelmend.retrieval.neighbours import Neighbours
from labelmend.types import NO_LABEL, LabelCard
from labelmend.weights.locate import LocatedModel

LABELS = ("a", "b", "c", "d", "e")
TEXTS = tuple(f"text {i}" for i in range(6))
# Texts 0 and 1 surely carry a and b, 2 and 3 c; 4 and 5 are in doubt, 5 more so.
HOLDS = np.array(
    [[0.999, 0.999, 0.0, 0.0, 0.0]] * 2
    + [[0.0, 0.0, 0.999, 0.0, 0.0]] * 2
    + [[0.9, 0.3, 0.01, 0.05, 0.02], [0.5, 0.5, 0.4, 0.05, 0.02]]
)
EVEN = np.full(5, 0.1)
CHOICE = dataclasses.replace(
    load_config().voters[0], ballot="choice", candidates=3, exemplars=1, permutations=1
)


@pytest.fixture
def held(told_voters):
    """Holds a poll; returns what became of it, and the voters."""

    def hold(config=CHOICE, given=(), answered=(), cards=None, rows=None, **routing):
        shares = np.zeros(HOLDS.shape)
        for text, label in given:
            shares[text, LABELS.index(label)] = 1.0
        near = np.full((6, 1), -1)
        beliefs = Beliefs(HOLDS, HOLDS, HOLDS, Channel(EVEN, EVEN), near, np.zeros(HOLDS.shape))
        near = Neighbours(near, np.zeros((6, 1), np.float32))
        cards = cards or tuple(LabelCard(label, "", (), "name") for label in LABELS)
        corpus = Corpus(TEXTS, LABELS, np.zeros((6, 1), np.float32), near, None, cards=cards)
        settings = load_config()
        settings = dataclasses.replace(
            settings,
            routing=dataclasses.replace(
                settings.routing, **{"audit_rows": 0, "llm_rows": -1, **routing}
            ),
        )
        models = RunModels((), None, None, ((config, LocatedModel("v", "gguf", None, "", 0, "")),))
        rows = np.ones(6, dtype=np.int64) if rows is None else np.array(rows)
        with Store(None) as store:
            resources = Resources(settings, models, store)
            answers = np.array(answered, dtype=np.int64)
            polled = Poll(corpus, beliefs, shares, rows, answers, resources).hold()
        return polled, told_voters[-1]

    return hold


def test_a_ballot_has_what_was_given_and_the_likeliest_others(held):
    polled, voter = held(given=[(4, "e")])
    ballots = {b.text: [c.label for c in b.candidates] for b in voter.asked}
    # In the order of the evidence, so that its place does not tell that e was given.
    assert ballots == {"text 4": ["a", "b", "e"], "text 5": ["a", "b", "c"]}
    (votes,) = polled.votes
    assert votes.labels[4].tolist() == [0, 1, 4]
    assert votes.labels[0].tolist() == [NO_LABEL] * 3
    np.testing.assert_array_equal(votes.scores[4], [0.0, 4.0, 0.0])
    assert np.isnan(votes.scores[:4]).all()


def test_however_many_were_given_two_others_stand_beside_them(held):
    polled, voter = held(given=[(4, "a"), (4, "c"), (4, "e")])
    ballots = {b.text: [c.label for c in b.candidates] for b in voter.asked}
    assert ballots == {"text 4": ["a", "b", "d", "e", "c"], "text 5": ["a", "b", "c"]}
    # The other ballots are no longer for that.
    assert polled.votes[0].labels[5].tolist() == [0, 1, 2, NO_LABEL, NO_LABEL]


def test_the_most_doubtful_texts_are_asked_first_and_answered_ones_never(held):
    polled, voter = held()
    assert polled.doubtful.tolist() == [5, 4]
    # 0.48 labels are expected to be wrong in each of its four rows, and 1.47 in the one of 5.
    polled, voter = held(rows=[1, 1, 1, 1, 4, 1])
    assert polled.doubtful.tolist() == [4, 5]
    _, voter = held(llm_rows=1, llm_share=1.0)
    assert [b.text for b in voter.asked] == ["text 5"]
    polled, voter = held(answered=[5], audit_rows=6)
    assert "text 5" not in {b.text for b in voter.asked}
    assert np.flatnonzero(polled.drawn).tolist() == [0, 1, 2, 3, 4]


def test_ballots_show_what_surely_carries_a_label_and_the_users_cards(held):
    cards = tuple(
        LabelCard(k, f"about {k}", ("an own one",) if k == "c" else (), "user") for k in LABELS
    )
    _, voter = held(cards=cards)
    shown = {card.label: card for ballot in voter.asked for card in ballot.candidates}
    assert shown["a"].exemplars == ("text 0",)
    assert shown["c"].exemplars == ("an own one", "text 2")
    assert shown["b"].description == "about b"
