import dataclasses
import struct

import llama_cpp
import numpy as np
import pytest

from labelmend.llm.engine import DecodeError, LlamaEngine, Span, log_normalisers
from labelmend.parallel import usable_cores


def opened(model):
    engine = LlamaEngine(
        model.path, context_tokens=1536, batch_tokens=48, gpu_layers=0, sequences=6
    )
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def whole(smollm2):
    yield from opened(smollm2)


@pytest.fixture
def engine(whole):
    """An engine that knows nothing, with the model that knows what texts mean."""
    whole.divide(6)
    return whole


@pytest.fixture(scope="module")
def few_layers(small_llm):
    yield from opened(small_llm)


@pytest.fixture
def small(few_layers):
    """The same for what no meaning is needed for."""
    few_layers.divide(6)
    return few_layers


def next_token(engine, tokens, sequence=0, start=0):
    """Log-probabilities of the whole vocabulary after some tokens."""
    (following,) = engine.following([Span(sequence, start, tokens)])
    return following


def test_tokens_come_back_as_text(engine):
    text = "Wo ist meine Karte? 🙂 ça va\n\tok"
    assert engine.detokenize(engine.tokenize(text)) == text
    assert engine.tokenize("") == []
    with_nul = engine.tokenize("a\0b")
    assert engine.detokenize(with_nul) == "a\0b"


def test_control_tokens_are_read_only_when_asked_for(engine):
    assert len(engine.tokenize("<|im_end|>", special=True)) == 1
    assert len(engine.tokenize("<|im_end|>")) > 1
    assert engine.is_end(engine.tokenize("<|im_end|>", special=True)[0])
    assert not engine.is_end(engine.tokenize("hello")[0])
    assert engine.special_token("bos") == "<|im_start|>"


def test_the_chat_template_is_the_files_own(engine, smollm2):
    with smollm2.path.open("rb") as file:
        header = file.read(4_000_000)
    _, _, value = header.partition(b"tokenizer.chat_template")
    # A GGUF string: its kind, 8, its length, its bytes.
    kind, length = struct.unpack_from("<IQ", value)
    assert kind == 8
    assert engine.chat_template == value[12 : 12 + length].decode()
    assert "<|im_start|>' + message['role']" in engine.chat_template


@pytest.mark.parametrize(("threads", "used"), [(1, 1), (3, 3), (0, usable_cores())])
def test_threads_reach_llama_cpp(small_llm, threads, used):
    engine = LlamaEngine(
        small_llm.path, context_tokens=256, batch_tokens=32, gpu_layers=0, threads=threads
    )
    try:
        for sequences in (1, 2):
            engine.divide(sequences)
            assert llama_cpp.llama_n_threads(engine._context) == used
            assert llama_cpp.llama_n_threads_batch(engine._context) == used
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("heads", "gpu_layers", "gpu_build", "flash"),
    [
        (9, 0, False, False),  # SmolLM2's 576 numbers in nine heads of 64
        (9, -1, False, False),  # nothing to put the layers on
        (9, -1, True, True),
        (9, 0, True, False),
        (8, 0, False, True),  # 72 each
        (0, 0, False, True),  # a model without attention, such as Mamba
    ],
)
def test_flash_attention_is_off_where_it_only_costs(
    small_llm, monkeypatch, heads, gpu_layers, gpu_build, flash
):
    made = []
    real = llama_cpp.llama_init_from_model

    def made_from(model, params):
        made.append(params.flash_attn_type)
        return real(model, params)

    monkeypatch.setattr(llama_cpp, "llama_init_from_model", made_from)
    monkeypatch.setattr(llama_cpp, "llama_model_n_head", lambda model: heads)
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: gpu_build)
    LlamaEngine(small_llm.path, context_tokens=256, batch_tokens=32, gpu_layers=gpu_layers).close()
    off, left_to_it = (
        llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
        llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    )
    assert made == [left_to_it if flash else off]


def test_log_probabilities_sum_to_one(engine):
    following = next_token(engine, engine.tokenize("The capital of France is"))
    assert following.shape == (engine.vocabulary_size,)
    assert np.exp(following.astype(float)).sum() == pytest.approx(1, abs=1e-4)
    assert engine.detokenize([int(following.argmax())]) == " Paris"


def test_scores_and_wanted_tokens_are_those_of_the_whole_vocabulary(engine):
    tokens = engine.tokenize("one two three four five")
    everything = []
    for end in range(1, len(tokens)):
        engine.clear()
        everything.append(next_token(engine, tokens[:end]))
    engine.clear()
    (scores,) = engine.score([Span(0, 0, tokens[:-1])], [tokens[1:]])
    assert scores.dtype == np.float32
    by_hand = [row[token] for row, token in zip(everything, tokens[1:], strict=True)]
    assert scores == pytest.approx(by_hand, abs=1e-3)
    engine.clear()
    wanted = np.array([7, tokens[-1]])
    (some,) = engine.following([Span(0, 0, tokens[:-1])], wanted)
    assert some == pytest.approx(everything[-1][wanted], abs=1e-3)
    engine.clear()
    (few,) = engine.score([Span(0, 0, tokens[:-1])], [[-1, tokens[2], -1, *tokens[4:]]])
    assert np.isnan(few[[0, 2]]).all()
    assert few[[1, 3]] == pytest.approx(scores[[1, 3]], abs=1e-3)
    assert engine.score([], []) == []


def test_normalisers_are_log_sums_of_exp():
    logits = np.log(np.array([[1, 2, 5], [3, 3, 10]] * 9, dtype=np.float32)) + 300
    assert log_normalisers(logits) - 300 == pytest.approx([np.log(8), np.log(16)] * 9, abs=1e-4)


def test_a_score_depends_on_its_own_sequence_only_to_the_last_bit(engine):
    first, second = engine.tokenize("I lost my card and"), engine.tokenize("The weather in Oslo")
    alone = next_token(engine, first), next_token(engine, second, sequence=1)
    engine.clear()
    next_token(engine, engine.tokenize("something else that is there"), sequence=4)
    together = engine.following([Span(0, 0, second), Span(1, 0, first), Span(2, 0, second)])
    assert (together[1] == alone[0]).all()
    assert (together[[0, 2]] == alone[1]).all()


def test_a_saved_prefix_is_continued_as_if_it_were_decoded(engine):
    prefix, rest = engine.tokenize("My bank card was"), engine.tokenize(" stolen on Monday, so")
    whole = next_token(engine, prefix + rest)
    engine.clear()
    next_token(engine, prefix, sequence=2)
    state = engine.save(2)
    engine.clear()
    for sequence in range(3):
        engine.restore(state, sequence)
    continued = engine.following([Span(i, len(prefix), rest) for i in range(3)])
    assert continued[0] == pytest.approx(whole, abs=1e-3)
    assert (continued == continued[0]).all()
    # Restoring replaces what a sequence held.
    engine.restore(state, 1)
    assert (next_token(engine, rest, sequence=1, start=len(prefix)) == continued[0]).all()
    engine.divide(1)
    with pytest.raises(DecodeError, match="full"):
        engine.restore(np.zeros(8, dtype=np.uint8), 0)


def test_more_tokens_than_a_batch_are_decoded_in_parts(small):
    tokens = small.tokenize("We count: " + " ".join(map(str, range(48))))
    assert len(tokens) > 2 * small.batch_tokens
    (parts,) = small.score([Span(0, 0, tokens[:-1])], [tokens[1:]])
    assert len(parts) == len(tokens) - 1
    for place in (0, small.batch_tokens - 1, small.batch_tokens):
        small.clear()
        following = next_token(small, tokens[: place + 1])
        assert parts[place] == pytest.approx(following[tokens[place + 1]], abs=1e-3)


def test_a_full_sequence_is_an_error_and_the_engine_lives_on(small):
    tokens = small.tokenize("hello world " * 400)
    assert small.sequence_tokens == 1536 // 6 < len(tokens)
    with pytest.raises(DecodeError, match="the context is full"):
        next_token(small, tokens)
    assert next_token(small, tokens[:8]).shape == (small.vocabulary_size,)
    small.divide(1)
    assert small.sequence_tokens == 1536
    assert next_token(small, tokens[:260]).shape == (small.vocabulary_size,)


def test_complete_is_greedy_and_the_same_alone_and_together(engine):
    prompts = [engine.tokenize(t) for t in ("One, two, three,", "The capital of France is")]
    together = engine.complete(prompts, 4)
    assert [len(reply) for reply in together] == [4, 4]
    assert engine.detokenize(together[1]).startswith(" Paris")
    with pytest.raises(DecodeError, match="more prompts than sequences"):
        engine.complete(prompts * 4, 4)
    assert together == [engine.complete([prompt], 4)[0] for prompt in prompts]
    greedy = [*prompts[0]]
    for _ in range(4):
        engine.clear()
        greedy.append(int(next_token(engine, greedy).argmax()))
    assert together[0] == greedy[-4:]


def test_what_prompts_begin_with_in_common_is_decoded_once(engine):
    shared = engine.tokenize("Once upon a time there was a king who had a")
    prompts = [shared + engine.tokenize(end) for end in (" daughter", " big horse")]
    apart = [engine.complete([prompt], 1) for prompt in prompts]
    decoded = engine.decoded_tokens
    assert [[reply] for reply in engine.complete(prompts, 1)] == apart
    assert engine.decoded_tokens - decoded == len(shared) + 1 + 2


def test_complete_ends_at_an_end_token(engine):
    turn = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\nHi!<|im_end|>\n"
    cut = engine.tokenize(turn * 4, special=True)[:-3]
    assert engine.detokenize(cut).endswith("Hi")
    short, long = engine.complete([cut, engine.tokenize("One, two, three,")], 6)
    assert engine.detokenize(short) == "!"
    assert len(long) == 6


def test_a_rule_lets_the_likeliest_through_that_it_can_take(engine):
    prompt = engine.tokenize("The capital of France is")
    told = []

    def rule(said, piece, left):
        told.append((said, piece, left))
        if "Paris" in (piece or ""):
            return "skip"
        return "end" if said.count(" ") == 2 else "take"

    (reply,) = engine.complete([prompt], 5, rule)
    assert told[0] == ("", " Paris", 5)
    # Greedy, but for the first word's first choice.
    ranked = np.argsort(-next_token(engine, prompt))
    engine.clear()
    assert engine.detokenize([int(ranked[0])]) == " Paris"
    assert reply[0] == next(t for t in ranked if "Paris" not in engine.detokenize([int(t)]))
    second = next_token(engine, [*prompt, reply[0]])
    assert reply[1] == int(second.argmax())
    said = engine.detokenize(reply)
    assert said.count(" ") == 2
    assert (told[-1][0], told[-1][2]) == (said, 5 - len(reply))


def test_a_rule_hears_of_the_end_and_may_refuse_it(engine):
    turn = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\nHi!<|im_end|>\n"
    cut = engine.tokenize(turn * 4, special=True)[:-2]
    assert engine.complete([cut], 6) == [[]]
    pieces = []

    def on(_said, piece, _left):
        pieces.append(piece)
        return "take" if piece else "skip"

    (reply,) = engine.complete([cut], 3, on)
    assert pieces[0] is None
    assert len(reply) == 3
    assert not any(engine.is_end(token) for token in reply)
    # Nothing is let through at all: the reply ends.
    assert engine.complete([cut], 3, lambda *_: "skip") == [[]]


@pytest.mark.parametrize(
    ("context", "batch", "sequences"), [(256, 512, 300), (256, 8, 12), (64, 64, 1), (5, 1, 9)]
)
def test_odd_sizes_do_not_abort_the_process(small_llm, context, batch, sequences):
    # llama.cpp aborts where a batch exceeds the context, or has fewer tokens than sequences.
    engine = LlamaEngine(
        small_llm.path,
        context_tokens=context,
        batch_tokens=batch,
        gpu_layers=0,
        sequences=sequences,
    )
    try:
        tokens = engine.tokenize("hello world " * 160)
        with pytest.raises(DecodeError):
            next_token(engine, tokens)
        engine.clear()
        last = engine.sequences - 1
        assert next_token(engine, tokens[:1], sequence=last).shape == (engine.vocabulary_size,)
    finally:
        engine.close()


def test_closing_twice_is_harmless(small_llm):
    engine = LlamaEngine(small_llm.path, context_tokens=256, batch_tokens=32, gpu_layers=0)
    engine.close()
    engine.close()


def test_spans_are_frozen():
    span = Span(0, 0, [1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        span.start = 3
