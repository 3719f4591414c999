import dataclasses

import numpy as np

from labelmend.relabel.escalation.exemplars import with_exemplars
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.types import LabelCard

CARDS = (
    LabelCard("card_lost", "The user lost a card.", ("from the card",), "name"),
    LabelCard("oos", "", (), "name"),
    LabelCard("weather", "", ("also from the card",), "name"),
)
OOS = 1


def posterior(probabilities):
    """Of texts over the three labels, in the order of the cards."""
    believed = np.array(probabilities, dtype=float)
    candidates = np.tile(np.arange(3), (len(believed), 1))
    nothing = np.zeros(believed.shape)
    return Posterior(candidates, believed, FIRST_GUESS, {}, 0.0, nothing, nothing)


def shown(probabilities, count, own=None, open_texts=(), surest=40):
    texts = [f"text {i}" for i in range(len(probabilities))]
    settled = ~np.isin(np.arange(len(texts)), open_texts)
    cards = with_exemplars(
        CARDS, texts, posterior(probabilities), settled, own or {}, OOS, count, surest
    )
    return [card.exemplars for card in cards]


def test_exemplars_are_spread_over_the_surest_texts_of_a_label():
    # Of the first label, surest first: 4, 3, 2, 1, 0; three of them are both ends and the middle.
    own = [[0.6 + 0.05 * i, 0.1, 0.0] for i in range(5)]
    assert shown(own, 3)[0] == ("text 4", "text 2", "text 0")
    assert shown(own, 9)[0] == ("text 4", "text 3", "text 2", "text 1", "text 0")
    assert shown(own, 1)[0] == ("text 4",)
    assert shown(own, 0)[0] == ()


def test_only_the_surest_texts_of_a_label_count():
    own = [[0.999 - 0.001 * i, 0, 0] for i in range(100)]
    assert shown(own, 4)[0] == ("text 0", "text 13", "text 26", "text 39")
    assert shown(own, 4, surest=7)[0] == ("text 0", "text 2", "text 4", "text 6")


def test_a_text_that_is_voted_on_is_no_exemplar():
    own = [[0.9, 0, 0], [0.8, 0, 0], [0, 0, 0.9]]
    assert shown(own, 4, open_texts=[0, 2]) == [("text 1",), (), ("also from the card",)]


def test_the_out_of_scope_label_gets_no_exemplars():
    assert shown([[0.0, 1.0, 0.0]], 4) == [card.exemplars for card in CARDS]


def test_a_users_exemplars_come_first_and_none_stands_twice():
    texts = [[0.9, 0, 0], [0.8, 0, 0], [0.7, 0, 0]]
    mine = {"card_lost": ("mine", "text 1"), "weather": ("my rain",)}
    # One more than is shown, should the text that is voted on be one of the user's.
    assert shown(texts, 2, mine)[0] == ("mine", "text 1", "text 0")
    assert shown(texts, 3, mine)[0] == ("mine", "text 1", "text 0", "text 2")
    # Without a text of ours the card stays as it is: the user's exemplars stand on it.
    assert shown(texts, 2, mine)[2] == ("also from the card",)


def test_what_is_equal_on_paper_is_equal():
    tiny = 1e-12
    nearly = [[0.9 + tiny, 0, 0], [0.9 - tiny, 0, 0], [0.9 + 2 * tiny, 0, 0]]
    assert shown(nearly, 2)[0] == ("text 0", "text 2")


def test_ties_go_to_the_first_text_and_the_cards_keep_the_rest():
    cards = with_exemplars(
        CARDS, "abc", posterior([[0.9, 0, 0]] * 3), np.ones(3, dtype=bool), {}, OOS, 2, 40
    )
    assert cards[0] == dataclasses.replace(CARDS[0], exemplars=("a", "c"))
    assert cards[1:] == CARDS[1:]
