import dataclasses
import datetime as dt

import numpy as np
import pytest
from llama_cpp import llama_chat_format

from labelmend.configs.load import load_config
from labelmend.llm import ballots
from labelmend.llm.ballots import (
    ChannelBallot,
    ChoiceBallot,
    chat_frame,
    option_orders,
    shown_exemplars,
)
from labelmend.llm.engine import DecodeError, LlamaEngine, Span
from labelmend.llm.types import Ballot
from labelmend.prompts.render import (
    channel_prefix,
    choice_instruction,
    choice_message,
    choice_options,
)
from labelmend.types import LabelCard

CHANNEL = dataclasses.replace(load_config().voters[0], candidates=3, exemplars=2)
CARDS = (
    LabelCard("card_lost", "The user lost a card.", ("I lost my card", "my card is gone"), "user"),
    LabelCard("weather", "", ("will it rain", "how hot is it"), "name"),
    LabelCard("greeting", "A greeting.", (), "user"),
)
TEXTS = ("where is my card", "hi", "is it going to snow in Oslo?", "I lost my card", "x")
BALLOTS = [Ballot(text, CARDS) for text in TEXTS]
NEAR, NEAR_WHOLE = 0.002, 0.05
"""Nats a token that are rounding, of a few layers and of all: llama.cpp keeps 16 bits, and adds up
in other orders. The text moves the few layers' letters by 0.02 and more, and labels move its tokens
by 0.1."""


def open_engine(model, context=1024, batch=256):
    return LlamaEngine(model.path, context_tokens=context, batch_tokens=batch, gpu_layers=0)


@pytest.fixture(scope="module")
def engine(small_llm):
    engine = open_engine(small_llm)
    yield engine
    engine.close()


def normalised(scores):
    return scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())


def straight(engine, prefix, text, longest=192):
    """log p(text | prefix), the whole prompt decoded alone in one sequence; and the text's size."""
    before, tokens = engine.tokenize(prefix, start=True), engine.tokenize(" " + text)[:longest]
    whole = before + tokens
    engine.divide(1)
    (steps,) = engine.score([Span(0, 0, whole[:-1])], [whole[1:]])
    return float(steps[len(before) - 1 :].sum()), len(tokens)


def straight_scores(engine, ballot, exemplars=2, longest=192):
    """Log-probabilities of the labels, from log p(text | label), and the text's size."""
    prefixes = (
        channel_prefix(c, shown_exemplars(c, ballot.text, exemplars)) for c in ballot.candidates
    )
    scores, sizes = zip(
        *(straight(engine, prefix, ballot.text, longest) for prefix in prefixes), strict=True
    )
    return normalised(np.array(scores)), sizes[0]


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


def test_scores_are_log_probabilities_of_the_labels(engine, expected):
    votes = ChannelBallot(engine, CHANNEL).vote(BALLOTS)
    assert largest_gap(votes, expected) < NEAR
    assert [np.exp(vote.scores).sum() for vote in votes] == pytest.approx([1.0] * len(BALLOTS))


def test_the_whole_model_knows_what_texts_mean(smollm2):
    engine = open_engine(smollm2)
    try:
        asked = [BALLOTS[0], BALLOTS[2]]
        votes = ChannelBallot(engine, CHANNEL).vote(asked)
        assert (
            largest_gap(votes, [straight_scores(engine, ballot) for ballot in asked]) < NEAR_WHOLE
        )
    finally:
        engine.close()
    assert [np.argmax(vote.scores) for vote in votes] == [0, 1]


def test_a_vote_is_the_same_to_the_last_bit_whatever_was_asked_before(small_llm):
    # A small batch, so that long texts take several; each order of asking on a fresh engine.
    long = Ballot("my card was stolen in Oslo and then it began to rain " * 2, CARDS)
    asked = [*BALLOTS, long]
    outcomes = []
    for order in (range(6), (3, 5, 0), (5,), (4, 2, 1)):
        engine = open_engine(small_llm, batch=64)
        try:
            together = ChannelBallot(engine, CHANNEL).vote([asked[i] for i in order])
            ballot = ChannelBallot(engine, CHANNEL)
            apart = [ballot.vote([asked[i]])[0] for i in order]
            assert together == apart == ballot.vote([asked[i] for i in order])
            outcomes += zip(order, together, strict=True)
        finally:
            engine.close()
    assert len({(place, vote.scores) for place, vote in outcomes}) == 6


def test_prefixes_are_decoded_once_and_a_row_its_own_tokens_a_candidate(engine, expected):
    ballot = ChannelBallot(engine, CHANNEL)
    first = ballot.vote(BALLOTS)
    decoded = engine.decoded_tokens
    assert ballot.vote(BALLOTS) == first
    # The first token is read off the prefix, the last one is not decoded.
    texts = sum((size - 1) * len(CARDS) for _, size in expected)
    assert engine.decoded_tokens - decoded == texts


def test_prefixes_that_leave_for_want_of_room_come_back(engine, monkeypatch):
    whole = ChannelBallot(engine, CHANNEL)
    votes = whole.vote(BALLOTS)
    largest = max(prefix.size for prefix in whole._prefixes.values())
    monkeypatch.setattr(ballots, "_MOST_BYTES", 2 * largest)
    ballot = ChannelBallot(engine, CHANNEL)
    assert [ballot.vote([b])[0] for b in BALLOTS] == votes
    assert ballot._bytes == sum(p.size for p in ballot._prefixes.values()) <= 2 * largest
    # The last ones used have stayed.
    assert list(ballot._prefixes)[-1] == channel_prefix(CARDS[2], ())


@pytest.mark.parametrize("longest", [192, 20])
def test_a_text_is_cut_at_so_many_tokens(engine, longest):
    text = "really " * 400
    config = dataclasses.replace(CHANNEL, max_text_tokens=longest)
    (vote,) = ChannelBallot(engine, config).vote([Ballot(text, CARDS)])
    scores, size = straight_scores(engine, Ballot(text.strip(), CARDS), longest=longest)
    assert size == longest
    assert vote.scores == pytest.approx(scores, abs=NEAR * longest)
    assert CHANNEL.max_text_tokens == 192


def test_a_choice_ballot_cuts_a_text_at_so_many_tokens(engine):
    config = dataclasses.replace(CHANNEL, ballot="choice", exemplars=1)
    text = "my card was stolen in Oslo and it rains"
    size = len(engine.tokenize(text))
    whole, fits, cut = (
        ChoiceBallot(engine, dataclasses.replace(config, max_text_tokens=longest)).vote(
            [Ballot(text, CARDS)]
        )
        for longest in (192, size, size - 1)
    )
    assert whole == fits != cut


def test_a_text_longer_than_the_context_is_a_failure_and_the_next_vote_counts(small_llm, expected):
    engine = open_engine(small_llm, context=400)
    try:
        # Three sequences of 133 tokens.
        votes = ChannelBallot(engine, CHANNEL).vote([
            BALLOTS[0], Ballot("really " * 120, CARDS), BALLOTS[2]
        ])  # fmt: skip
        assert votes[1].scores is None
        assert votes[1].failure == "the context is full"
        assert largest_gap([votes[0], votes[2]], [expected[0], expected[2]]) < NEAR
        choice = ChoiceBallot(engine, dataclasses.replace(CHANNEL, ballot="choice"))
        failed, fine = choice.vote([Ballot("really " * 180, CARDS), Ballot("hi", CARDS[:1])])
        assert "more than the context" in failed.failure
        assert fine.failure is None
    finally:
        engine.close()


def test_exemplars_that_leave_no_room_for_the_text_are_not_shown(small_llm):
    long = "very " * 39 + "long"
    wordy = LabelCard("wordy", "", ("a short one", long, long + "er"), "name")
    engine = open_engine(small_llm, context=400)
    try:
        # Three sequences of 133 tokens: with the second exemplar there is no room for the text.
        config = dataclasses.replace(CHANNEL, exemplars=3)
        text = "where is my card " * 20
        size = len(engine.tokenize(" " + text.strip()))
        two = len(engine.tokenize(channel_prefix(wordy, wordy.exemplars[:2]), start=True))
        assert two < 133 < two + size
        (vote,) = ChannelBallot(engine, config).vote([Ballot(text, (wordy, *CARDS[1:]))])
        fits = dataclasses.replace(wordy, exemplars=wordy.exemplars[:1])
        (same,) = ChannelBallot(engine, config).vote([Ballot(text, (fits, *CARDS[1:]))])
        assert vote.failure is None
        assert vote == same
    finally:
        engine.close()


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_text_is_a_failure(engine, text):
    for kind in (ChannelBallot, ChoiceBallot):
        (vote,) = kind(engine, CHANNEL).vote([Ballot(text, CARDS)])
        assert (vote.scores, vote.failure) == (None, "the text is empty")


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


@pytest.mark.parametrize("text", ["🙂", "a\0b", "<|im_end|>"])
def test_strange_texts_get_votes(engine, text):
    (vote,) = ChannelBallot(engine, CHANNEL).vote([Ballot(text, CARDS)])
    assert vote.failure is None
    assert np.isfinite(vote.scores).all()


def test_labels_in_another_order_and_twins_score_the_same(engine):
    ballot = ChannelBallot(engine, CHANNEL)
    (plain,) = ballot.vote([Ballot("will my card come", CARDS)])
    (turned,) = ballot.vote([Ballot("will my card come", CARDS[::-1])])
    assert turned.scores == plain.scores[::-1]
    # Four prefixes, but three sequences: in two turns.
    (more,) = ballot.vote([Ballot("will my card come", (*CARDS, CARDS[0]))])
    twins = normalised(np.array((*plain.scores, plain.scores[0])))
    assert more.scores == pytest.approx(twins, abs=4 * NEAR)


def choice(permutations):
    return dataclasses.replace(CHANNEL, ballot="choice", exemplars=0, permutations=permutations)


SYSTEM = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\n"
)


def letter_scores(engine, text, cards):
    """log-softmax over the letters A, B, ... at the answer's place, computed here."""
    question = choice_instruction() + choice_options(cards, [()] * len(cards))
    parts = (SYSTEM, question, choice_message(text), "<|im_end|>\n<|im_start|>assistant\n")
    tokens = [t for part in parts for t in engine.tokenize(part, special=True)]
    letters = [engine.tokenize(letter) for letter in "ABC"[: len(cards)]]
    engine.divide(1)
    # From 64 tokens on, llama.cpp's attention adds up in another way: 0.2 nats at these letters.
    cut = len(tokens) - len(tokens) % 50
    for first in range(0, cut, 50):
        engine.read([Span(0, first, tokens[first : first + 50])])
    wanted = np.array([token for (token,) in letters])
    (raw,) = engine.following([Span(0, cut, tokens[cut:])], wanted)
    raw = raw.astype(float)
    return raw - np.log(np.exp(raw).sum())


def without_bias(engine, text, cards):
    """log p(letter | text) - log p(letter | no text)."""
    return letter_scores(engine, text, cards) - letter_scores(engine, "N/A", cards)


DRAWN = {"hi": [0, 2, 1], "is it going to snow in Oslo?": [1, 2, 0]}
"""The orders of the options, by sha256sum of text, a zero byte and label."""


def test_choice_is_what_a_text_adds_to_the_letters(engine):
    for text, order in DRAWN.items():
        (vote,) = ChoiceBallot(engine, choice(1)).vote([Ballot(text, CARDS)])
        by_hand = np.empty(3)
        by_hand[order] = normalised(without_bias(engine, text, [CARDS[i] for i in order]))
        assert vote.scores == pytest.approx(tuple(by_hand), abs=NEAR)
    assert np.exp(vote.scores).sum() == pytest.approx(1, abs=1e-5)


def test_cyclic_orders_are_averaged_over_the_candidates(engine):
    text = TEXTS[0]
    by_hand = np.zeros(3)
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        scores = without_bias(engine, text, [CARDS[i] for i in order])
        by_hand[list(order)] += scores / 3
    turned = (*CARDS[1:], CARDS[0])
    votes = ChoiceBallot(engine, choice(3)).vote([Ballot(text, o) for o in (CARDS, turned)])
    assert votes[0].scores == pytest.approx(tuple(normalised(by_hand)), abs=NEAR)
    # Turning the candidates turns the scores, and changes none.
    assert votes[1].scores == pytest.approx((*votes[0].scores[1:], votes[0].scores[0]), abs=1e-6)


def test_the_instruction_is_decoded_once(engine):
    ballot = ChoiceBallot(engine, choice(1))
    ballot.vote(BALLOTS[:1])
    decoded = engine.decoded_tokens
    first = ballot.vote(BALLOTS[1:2])
    end = len(engine.tokenize("<|im_end|>\n<|im_start|>assistant\n", special=True))
    options = choice_options(CARDS, [()] * 3)
    messages = [choice_message(text) for text in (TEXTS[1], "N/A")]
    own = sum(len(engine.tokenize(part)) for part in (options, *messages))
    assert engine.decoded_tokens - decoded == own + 2 * end
    assert ChoiceBallot(engine, choice(1)).vote(BALLOTS[1:2]) == first


def test_the_place_among_the_candidates_says_nothing_about_the_letter():
    cards = tuple(LabelCard(f"label {i}", "", (), "name") for i in range(4))
    first = np.zeros(4, dtype=int)
    for i in range(400):
        ballot, turned = (Ballot(f"text {i}", c) for c in (cards, cards[::-1]))
        (order,) = option_orders(ballot, 1)
        assert sorted(order) == [0, 1, 2, 3]
        assert option_orders(turned, 1) == [[3 - place for place in order]]
        assert option_orders(ballot, 2) == [order, order[2:] + order[:2]]
        first[order[0]] += 1
    assert first.min() > 75  # 100 are expected, give or take 9


def test_more_orders_than_candidates_are_no_more(engine):
    two = Ballot(TEXTS[1], CARDS[:2])
    votes = [ChoiceBallot(engine, choice(n)).vote([two])[0] for n in (2, 3)]
    assert votes[0] == votes[1]


def test_more_options_than_letters_is_a_failure(engine):
    cards = tuple(LabelCard(f"label {i}", "", (), "name") for i in range(27))
    (vote,) = ChoiceBallot(engine, choice(1)).vote([Ballot("hi", cards)])
    assert vote.scores is None
    assert vote.failure == "27 options, but only 26 letters"


def test_the_frame_is_the_models_template(engine):
    before, after, gap = chat_frame(engine, "Answer:")
    assert before == engine.tokenize(SYSTEM, special=True)
    assert after == engine.tokenize("<|im_end|>\n<|im_start|>assistant\n", special=True)
    assert gap == ""


@pytest.fixture(scope="module")
def begun(small_llm, tmp_path_factory):
    """SmolLM2, said to want its begin token in front of every text."""
    whole = bytearray(small_llm.path.read_bytes())
    key = b"tokenizer.ggml.add_bos_token"
    flag = whole.index(key) + len(key) + 4  # after the type
    assert whole[flag] == 0
    whole[flag] = 1
    path = tmp_path_factory.mktemp("begun") / "begun.gguf"
    path.write_bytes(whole)
    engine = LlamaEngine(path, context_tokens=256, batch_tokens=256, gpu_layers=0)
    yield engine
    engine.close()


@pytest.mark.parametrize("said", ["{{ bos_token }}", ""])
def test_a_frame_begins_with_the_begin_token_once(begun, monkeypatch, said):
    with_template(begun, monkeypatch, said + "<|im_end|>{{ messages[0].content }}<|im_end|>")
    (begin,) = begun.tokenize("<|im_start|>", special=True)
    (end,) = begun.tokenize("<|im_end|>", special=True)
    assert chat_frame(begun, "Answer:") == ([begin, end], [end], "")


def with_template(engine, monkeypatch, template):
    # In place of what the property read from the GGUF.
    monkeypatch.setitem(engine.__dict__, "chat_template", template)


# As that of Llama 3.2.
DATED = (
    '{%- if strftime_now is defined %}{% set today = strftime_now("%d %b %Y") %}'
    '{%- else %}{% set today = "26 Jul 2024" %}{% endif %}'
    "<|im_start|>system\nToday: {{ today }}<|im_end|>{{ messages[0]['content'] }}<|im_end|>"
)


def test_a_template_that_tells_the_date_gives_the_same_frame_every_day(engine, monkeypatch):
    with_template(engine, monkeypatch, DATED)
    frames = []
    for day in (3, 4):

        class Day(dt.datetime):
            @classmethod
            def now(cls, tz=None, day=day):
                return cls(2025, 2, day)

        monkeypatch.setattr(llama_chat_format, "datetime", Day)
        frames.append(chat_frame(engine, "Answer:"))
    assert frames[0] == frames[1]
    assert "Today: 26 Jul 2024" in engine.detokenize(frames[0][0])


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Hello!", "does not show the question once"),
        ("{{ messages[0].content | upper }}", "does not show the question once"),
        ("{{ messages[0].content | tojson }}", "does not show the question once"),
        ("{{ messages[0].content * 2 }}", "does not show the question once"),
        ("{{ 1 + 'a' }}", "unsupported operand"),
        ("{{ raise_exception('no users here') }}", "no users here"),
        ("{% for %}", "Expected"),
    ],
)
def test_a_template_that_can_not_show_the_question_is_a_failure(
    engine, monkeypatch, template, said
):
    with_template(engine, monkeypatch, template)
    with pytest.raises(DecodeError, match="chat template can't be used") as found:
        chat_frame(engine, "Answer:")
    assert said in str(found.value)
    (vote,) = ChoiceBallot(engine, choice(1)).vote(BALLOTS[:1])
    assert (vote.scores, vote.failure) == (None, str(found.value))


@pytest.mark.parametrize(
    "template",
    [
        "<|im_start|>{{ messages[0].content | trim }}<|im_end|>",
        # Of a template for texts and pictures.
        "<|im_start|>{{ messages[0]['content'][0]['text'] }}<|im_end|>",
        "<|im_start|>{% for part in messages[0].content %}{{ part.text + '' }}{% endfor %}"
        "<|im_end|>",
    ],
)
def test_templates_of_plain_and_of_typed_content(engine, monkeypatch, template):
    with_template(engine, monkeypatch, template)
    (start,) = engine.tokenize("<|im_start|>", special=True)
    (end,) = engine.tokenize("<|im_end|>", special=True)
    assert chat_frame(engine, "Answer:") == ([start], [end], "")


def test_a_control_token_in_a_text_ends_nothing(engine, monkeypatch):
    (end,) = engine.tokenize("<|im_end|>", special=True)
    seen = []
    whole = engine.following

    def following(spans, wanted=None):
        seen.extend(spans)
        return whole(spans, wanted)

    monkeypatch.setattr(engine, "following", following)
    (vote,) = ChoiceBallot(engine, choice(1)).vote([Ballot("hi <|im_end|>", CARDS)])
    assert vote.failure is None
    told, untold = (span.tokens.count(end) for span in seen)
    assert told == untold == 1
