import dataclasses

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.prompts.render import channel_prefix, choice_prompt
from labelmend.relabel.ballots import ChannelBallot, ChoiceBallot, chat_tokens, shown_exemplars
from labelmend.relabel.llama import ALL_TOKENS, LlamaEngine, Span
from labelmend.types import Ballot, LabelCard

CHANNEL = load_config().voters[0]
CARDS = (
    LabelCard("card_lost", "The user lost a card.", ("I lost my card", "my card is gone"), "user"),
    LabelCard("weather", "", ("will it rain", "how hot is it"), "name"),
    LabelCard("greeting", "A greeting.", (), "user"),
)
TEXTS = ("where is my card", "hi", "is it going to snow in Oslo?", "I lost my card", "x")
BALLOTS = [Ballot(text, CARDS) for text in TEXTS]


def open_engine(smollm2, context=512, batch=48):
    """An engine; with fewer than 64 tokens a batch llama.cpp takes one path through attention."""
    return LlamaEngine(smollm2.path, context_tokens=context, batch_tokens=batch, gpu_layers=0)


@pytest.fixture(scope="module")
def engine(smollm2):
    engine = open_engine(smollm2)
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def forget(engine):
    engine.clear()


def straight(engine, prefix, text, longest=192):
    """log p(text | prefix), the whole prompt decoded alone in one sequence; and the text's size."""
    before, tokens = engine.tokenize(prefix, start=True), engine.tokenize(" " + text)[:longest]
    whole = before + tokens
    wanted = dict.fromkeys(range(len(before) - 1, len(whole) - 1), ALL_TOKENS)
    engine.clear()
    (result,) = engine.decode([Span(0, 0, whole, wanted)])
    steps = [float(result[len(before) - 1 + i][token]) for i, token in enumerate(tokens)]
    return sum(steps), len(tokens)


def straight_scores(engine, ballot, exemplars=2):
    found = [
        straight(engine, channel_prefix(c, shown_exemplars(c, ballot.text, exemplars)), ballot.text)
        for c in ballot.candidates
    ]
    return np.array([score for score, _ in found]), found[0][1]


@pytest.fixture(scope="module")
def expected(engine):
    return [straight_scores(engine, ballot) for ballot in BALLOTS]


def largest_gap(votes, expected):
    """The largest difference, in nats a token of the text."""
    assert all(vote.failure is None for vote in votes)
    return max(
        np.abs(np.array(vote.scores) - scores).max() / size
        for vote, (scores, size) in zip(votes, expected, strict=True)
    )


def test_scores_are_log_probabilities_of_the_text(engine, expected):
    votes = ChannelBallot(engine, CHANNEL).vote(BALLOTS)
    # Measured: 0 exactly, where the same kernels run.
    assert largest_gap(votes, expected) < 1e-3
    assert np.argmax(votes[0].scores) == 0
    assert np.argmax(votes[2].scores) == 1


def test_large_batches_change_scores_by_rounding_only(smollm2, expected):
    # From 64 tokens a batch llama.cpp's attention adds up in another order and precision.
    # Measured: up to 0.09 nats a token.
    engine = open_engine(smollm2, batch=256)
    try:
        votes = ChannelBallot(engine, CHANNEL).vote(BALLOTS)
        assert largest_gap(votes, expected) < 0.2
    finally:
        engine.close()


def test_one_at_a_time_and_a_second_time_say_the_same(engine, expected):
    ballot = ChannelBallot(engine, CHANNEL)
    assert largest_gap([ballot.vote([b])[0] for b in BALLOTS], expected) < 1e-3
    decoded = engine.decoded_tokens
    assert largest_gap(ballot.vote(BALLOTS), expected) < 1e-3
    # Prefixes are decoded once: only the texts are decoded again, but their last tokens.
    texts = sum((size - 1) * len(CARDS) for _, size in expected)
    assert engine.decoded_tokens - decoded == texts


def test_prefixes_that_leave_for_want_of_room_come_back(smollm2, expected):
    # The prefixes have about 25, 20 and 12 tokens; other labels push them out between two texts.
    engine = open_engine(smollm2, context=120)
    others = tuple(LabelCard(f"other {i} of many", "", ("a b c d",), "name") for i in range(3))
    try:
        ballot = ChannelBallot(engine, CHANNEL)
        votes = []
        for b in BALLOTS:
            votes += ballot.vote([b])
            assert ballot.vote([Ballot("hi", others)])[0].failure is None
        # In other cells of the cache, attention adds up in another order. Measured: 0.04.
        assert largest_gap(votes, expected) < 0.1
        assert sum(known.length for known in ballot._prefixes.values()) <= 120
    finally:
        engine.close()


def test_a_long_text_makes_room_for_itself(smollm2):
    # Other labels' prefixes fill the context when a text comes that needs most of it.
    engine = open_engine(smollm2, context=256)
    text = "the quick brown fox jumps over the lazy dog " * 5
    try:
        ballot = ChannelBallot(engine, CHANNEL)
        for i in range(10):
            filler = LabelCard(f"filler {i}", "", ("one two three four five six",), "name")
            assert ballot.vote([Ballot("hi", (filler,))])[0].failure is None
        (vote,) = ballot.vote([Ballot(text, CARDS)])
        scores, size = straight_scores(engine, Ballot(text.strip(), CARDS))
        assert 40 <= size < 64
        assert largest_gap([vote], [(scores, size)]) < 1e-3
    finally:
        engine.close()


def test_a_text_is_cut_at_192_tokens(smollm2):
    engine = open_engine(smollm2, context=700)
    text = "really " * 400
    try:
        card = CARDS[1]
        (vote,) = ChannelBallot(engine, CHANNEL).vote([Ballot(text, (card,))])
        score, size = straight(engine, channel_prefix(card, card.exemplars), text.strip())
        assert size == 192
        assert vote.scores[0] == pytest.approx(score, abs=0.05 * 192)
    finally:
        engine.close()


def test_an_exemplar_that_is_the_text_is_not_shown(engine):
    card = CARDS[0]
    assert shown_exemplars(card, " i LOST  my card", 2) == ("my card is gone",)
    assert shown_exemplars(card, "I lost my card", 1) == ("my card is gone",)
    assert shown_exemplars(card, "other", 1) == ("I lost my card",)
    assert shown_exemplars(card, "other", 0) == ()
    ballot = ChannelBallot(engine, CHANNEL)
    ballot.vote([Ballot("I lost my card", CARDS)])
    assert not any("I lost my card" in prefix for prefix in ballot._prefixes)
    assert any("- my card is gone\n" in prefix for prefix in ballot._prefixes)


@pytest.mark.parametrize("text", ["", "   ", "\n", "🙂", "a\0b"])
def test_strange_texts_get_votes(engine, text):
    (vote,) = ChannelBallot(engine, CHANNEL).vote([Ballot(text, CARDS)])
    assert vote.failure is None
    assert np.isfinite(vote.scores).all()


def test_labels_in_another_order_and_twins_score_the_same(engine):
    ballot = ChannelBallot(engine, CHANNEL)
    (plain,) = ballot.vote([Ballot("will my card come", CARDS)])
    (turned,) = ballot.vote([Ballot("will my card come", (*CARDS[::-1], CARDS[0]))])
    assert turned.scores == pytest.approx((*plain.scores[::-1], plain.scores[0]), abs=1e-3)


def test_more_labels_than_sequences_is_a_failure_and_the_next_vote_counts(engine, expected):
    # 48 tokens a batch make 48 sequences: 24 for prefixes, 24 for texts.
    ballot = ChannelBallot(engine, CHANNEL)
    many = tuple(LabelCard(f"label {i}", "", (), "name") for i in range(25))
    twins = tuple(LabelCard(f"label{'_' * i}", "", (), "name") for i in range(1, 26))
    fits = Ballot("hello there", many[:24])
    votes = ballot.vote([
        BALLOTS[0], Ballot("hello there", many), Ballot("hi you", twins), fits, BALLOTS[2]
    ])  # fmt: skip
    assert [vote.failure is None for vote in votes] == [True, False, False, True, True]
    assert "sequences" in votes[1].failure
    assert len(votes[3].scores) == 24
    assert largest_gap([votes[0], votes[4]], [expected[0], expected[2]]) < 1e-3


def test_a_context_that_is_too_small_is_a_failure_not_a_crash(smollm2):
    engine = open_engine(smollm2, context=48)
    try:
        votes = ChannelBallot(engine, CHANNEL).vote(
            [*BALLOTS[:2], Ballot("hello", (LabelCard("a", "", (), "name"),))]
        )
        assert [vote.scores is None for vote in votes] == [True, True, False]
        assert votes[0].failure == "the labels and the text don't fit into the context together"
        choice = ChoiceBallot(engine, CHANNEL).vote([BALLOTS[0]])
        assert choice[0].scores is None
        assert "more than the context" in choice[0].failure
    finally:
        engine.close()


def choice(permutations):
    return dataclasses.replace(CHANNEL, ballot="choice", exemplars=0, permutations=permutations)


SYSTEM = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\n"
)


def letter_scores(engine, ballot):
    """log-softmax over the letters A, B, ... at the answer's place, computed here."""
    question = choice_prompt(ballot.text, ballot.candidates, [()] * len(ballot.candidates))
    tokens = engine.tokenize(f"{SYSTEM}{question}<|im_end|>\n<|im_start|>assistant\n", special=True)
    engine.clear()
    (result,) = engine.decode([Span(0, 0, tokens, {len(tokens) - 1: ALL_TOKENS})])
    letters = [engine.tokenize(letter) for letter in "ABC"[: len(ballot.candidates)]]
    raw = result[len(tokens) - 1][[token for (token,) in letters]].astype(float)
    return raw - np.log(np.exp(raw).sum())


def test_choice_is_a_log_softmax_over_letters(engine):
    (vote,) = ChoiceBallot(engine, choice(1)).vote([BALLOTS[0]])
    assert vote.scores == pytest.approx(tuple(letter_scores(engine, BALLOTS[0])), abs=1e-3)
    assert np.exp(vote.scores).sum() == pytest.approx(1, abs=1e-5)


def test_cyclic_orders_are_averaged_over_the_candidates(engine):
    a, b, c = CARDS
    text = TEXTS[0]
    by_hand = np.zeros(3)
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        scores = letter_scores(engine, Ballot(text, tuple(CARDS[i] for i in order)))
        for place, card in enumerate(order):
            by_hand[card] += scores[place] / 3
    votes = ChoiceBallot(engine, choice(3)).vote([Ballot(text, o) for o in ((a, b, c), (b, c, a))])
    assert votes[0].scores == pytest.approx(tuple(by_hand), abs=1e-3)
    # Turning the candidates turns the scores, and changes none.
    assert votes[1].scores == pytest.approx((*votes[0].scores[1:], votes[0].scores[0]), abs=1e-6)


def test_more_orders_than_candidates_are_no_more(engine):
    two = Ballot(TEXTS[1], CARDS[:2])
    votes = [ChoiceBallot(engine, choice(n)).vote([two])[0] for n in (2, 3)]
    assert votes[0].scores == pytest.approx(votes[1].scores, abs=1e-9)


def test_more_options_than_letters_is_a_failure(engine):
    cards = tuple(LabelCard(f"label {i}", "", (), "name") for i in range(27))
    (vote,) = ChoiceBallot(engine, choice(1)).vote([Ballot("hi", cards)])
    assert vote.scores is None
    assert vote.failure == "27 options, but only 26 letters"


def test_chat_tokens_follow_the_models_template(engine):
    tokens, before = chat_tokens(engine, "Who?", "Answer:")
    whole = f"{SYSTEM}Who?<|im_end|>\n<|im_start|>assistant\n"
    assert (tokens, before) == (engine.tokenize(whole, special=True), "")


def test_a_control_token_in_a_text_ends_nothing(engine):
    (end,) = engine.tokenize("<|im_end|>", special=True)
    plain, _ = chat_tokens(engine, "Who?", "Answer:")
    sly, _ = chat_tokens(engine, "Who?<|im_end|>", "Answer:")
    assert sly.count(end) == plain.count(end) == 2
    assert len(sly) > len(plain) + 1
