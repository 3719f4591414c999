import dataclasses

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.llm.store import Store
from labelmend.relabel.escalation.poll import Poll
from labelmend.relabel.escalation.routing import Routing
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.voter import VoterSource
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.retrieval.neighbours import Neighbours
from labelmend.types import LabelCard
from labelmend.weights.locate import LocatedModel

LABELS = ("a", "b", "oos")
CARDS = tuple(LabelCard(label, "", (f"core of {label}",), "name") for label in LABELS)
TEXTS = tuple(f"text {i}" for i in range(8))
# Texts 0 to 2 surely carry a, 3 to 5 surely b; 6 and 7 are in doubt.
BELIEVED = np.array([[0.9, 0.06, 0.04]] * 3 + [[0.04, 0.93, 0.03]] * 3 + [[0.5, 0.4, 0.1]] * 2)
CHANNEL = dataclasses.replace(load_config().voters[0], candidates=3, exemplars=2)
CHOICE = dataclasses.replace(CHANNEL, ballot="choice")


@pytest.fixture
def held(told_voters):
    """Holds a poll; returns what became of it, and the voters."""

    def hold(
        *configs,
        exemplars=None,
        audit=(0,),
        oos=2,
        cards=CARDS,
        believed=BELIEVED,
        labels=(0, 1, 2),
        **routing,
    ):
        given = np.zeros(believed.shape)
        posterior = Posterior(np.tile(labels, (8, 1)), believed, FIRST_GUESS, {}, 0.0, given, given)
        fit = Fit(posterior, np.log(believed), given, np.ones(8, dtype=bool))
        near = Neighbours(np.full((8, 1), -1), np.zeros((8, 1), np.float32))
        vectors = np.zeros((8, 1), np.float32)
        corpus = Corpus(TEXTS, LABELS, vectors, near, oos, cards=cards)
        settings = load_config()
        config = dataclasses.replace(settings.routing, **{"llm_rows": -1, **routing})
        asked_about = Routing(np.array([6, 7]), np.isin(np.arange(8), audit))
        about = Poll(corpus, exemplars or {}, given, fit, asked_about, config, settings.votes, 0)
        models = [LocatedModel(f"voter {i}", "gguf", None, "", 0, "") for i in range(len(configs))]
        with Store(None) as store:
            sources = [VoterSource(c, m, store) for c, m in zip(configs, models, strict=True)]
            return about.hold(sources), told_voters

    return hold


def test_ballots_show_what_surely_carries_a_label_and_is_not_voted_on(held):
    polled, (voter,) = held(CHANNEL)
    assert sorted(ballot.text for ballot in voter.asked) == ["text 0", "text 6", "text 7"]
    assert np.flatnonzero(polled.voted).tolist() == [0, 6, 7]
    shown = {card.label: card.exemplars for ballot in voter.asked for card in ballot.candidates}
    # Text 0 is of the audit, so no exemplar; out-of-scope is on no channel ballot.
    assert shown == {"a": ("text 1", "text 2"), "b": ("text 3", "text 5")}


def test_whatever_the_budget_the_ballots_are_the_same(held):
    _, (narrow,) = held(CHANNEL, llm_rows=1, llm_share=1.0)
    assert [ballot.text for ballot in narrow.asked] == ["text 0", "text 6"]
    _, (_, wide) = held(CHANNEL)
    assert narrow.asked == [b for b in wide.asked if b.text != "text 7"]


def test_a_question_has_two_labels_that_can_be_scored(held):
    # Room for two: out-of-scope, which a channel ballot can't show, takes no place.
    believed = BELIEVED[:, [0, 2, 1]]
    _, (voter,) = held(dataclasses.replace(CHANNEL, candidates=2), believed=believed)
    assert {tuple(c.label for c in b.candidates) for b in voter.asked} == {("a", "b")}
    # Where out-of-scope is the only other candidate, there is no question.
    polled, (_, lonely) = held(CHANNEL, believed=BELIEVED[:, [0, 2]], labels=(0, 2))
    assert lonely.asked == []
    assert not polled.voted.any()


def test_what_was_drawn_is_told_from_what_is_in_doubt(held):
    # Room for four: the two in doubt, and two of the audit; 6 is of the audit, but not drawn.
    polled, (voter,) = held(CHANNEL, audit=(0, 1, 2, 6), llm_rows=8, llm_share=0.5)
    drawn = np.flatnonzero(polled.drawn).tolist()
    assert len(drawn) == 2
    assert 6 not in drawn
    assert {b.text for b in voter.asked} == {f"text {i}" for i in (*drawn, 6, 7)}


def test_where_time_may_run_out_the_drawn_ones_are_asked_as_they_were_drawn(held):
    def first(**routing):
        _, voters = held(CHANNEL, audit=range(6), **routing)
        return [ballot.text for ballot in voters[-1].asked]

    in_order, timed = first(), first(llm_minutes=10.0)
    labels = [text < "text 3" for text in in_order if text < "text 6"]
    assert labels == sorted(labels, reverse=True)
    shuffled = [text < "text 3" for text in timed[:6]]
    assert shuffled not in (sorted(shuffled), sorted(shuffled, reverse=True))
    assert sorted(timed) == sorted(in_order)


def test_a_users_exemplars_and_card_of_out_of_scope_are_on_the_ballots(held):
    mine = dataclasses.replace(CARDS[2], source="user")
    _, (voter,) = held(CHANNEL, exemplars={"b": ("mine",)}, cards=(*CARDS[:2], mine))
    shown = {card.label: card.exemplars for ballot in voter.asked for card in ballot.candidates}
    assert shown == {
        "a": ("text 1", "text 2"),
        "b": ("mine", "text 3", "text 5"),
        "oos": CARDS[2].exemplars,
    }


def test_choice_has_out_of_scope_among_its_options(held):
    _, (voter,) = held(CHOICE)
    assert {len(ballot.candidates) for ballot in voter.asked} == {3}


def test_a_liking_is_taken_out_and_silence_stays_silence(held):
    polled, _ = held(CHANNEL)
    (evidence,) = polled.evidence
    asked = ~np.isnan(evidence.scores)
    assert np.flatnonzero(asked.any(axis=1)).tolist() == [0, 6, 7]
    assert not asked[:, 2].any()
    # b gains less than the 4 nats that it gets whatever the text.
    assert 0 < (evidence.scores[6, 1] - evidence.scores[6, 0]) < 4


def test_a_ballot_ends_where_little_is_left(held):
    # Out-of-scope has 3 % at most, b 6 % of the first text: both leave but for the second place.
    _, (voter,) = held(CHOICE, cut_below=0.2)
    assert {b.text: [c.label for c in b.candidates] for b in voter.asked} == {
        "text 0": ["a", "b"],
        "text 6": ["a", "b"],
        "text 7": ["a", "b"],
    }


def test_every_voter_is_asked_and_none_is_no_poll(held):
    polled, voters = held(CHANNEL, CHOICE)
    assert [len(voter.asked) for voter in voters] == [3, 3]
    assert [report.voter for report in polled.reports] == ["voter 0", "voter 1"]
    assert [evidence.source for evidence in polled.evidence] == ["voter 0", "voter 1"]
    nobody, _ = held()
    assert (nobody.evidence, nobody.reports, nobody.voted.any()) == ((), (), False)
