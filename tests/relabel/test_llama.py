import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from labelmend.errors import ModelError
from labelmend.relabel.llama import ALL_TOKENS, DecodeError, LlamaEngine, Span


@pytest.fixture(scope="module")
def engine(smollm2):
    engine = LlamaEngine(smollm2.path, context_tokens=512, batch_tokens=48, gpu_layers=0)
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def forget(engine):
    engine.clear()


def next_token(engine, tokens, sequence=0, start=0):
    """Log-probabilities of the whole vocabulary after some tokens."""
    last = len(tokens) - 1
    (result,) = engine.decode([Span(sequence, start, tokens, {last: ALL_TOKENS})])
    return result[last]


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
    assert engine.chat_template is not None


def test_log_probabilities_sum_to_one(engine):
    following = next_token(engine, engine.tokenize("The capital of France is"))
    assert following.shape == (engine.vocabulary_size,)
    assert np.exp(following.astype(float)).sum() == pytest.approx(1, abs=1e-4)
    assert engine.detokenize([int(following.argmax())]) == " Paris"


def test_targets_are_those_of_the_whole_vocabulary(engine):
    tokens = engine.tokenize("one two three four five")
    (everything,) = engine.decode([Span(0, 0, tokens, dict.fromkeys(range(5), ALL_TOKENS))])
    engine.clear()
    wanted = {i: np.array([7, tokens[i]]) for i in (1, 3)}
    (some,) = engine.decode([Span(0, 0, tokens, wanted)])
    assert list(some) == [1, 3]
    for place, target in wanted.items():
        assert some[place] == pytest.approx(everything[place][target], abs=1e-4)


def test_sequences_do_not_see_each_other(engine):
    first, second = engine.tokenize("I lost my card and"), engine.tokenize("The weather in Oslo")
    alone = next_token(engine, first), next_token(engine, second, sequence=1)
    engine.clear()
    spans = [
        Span(s, 0, tokens, {len(tokens) - 1: ALL_TOKENS}) for s, tokens in ((3, second), (1, first))
    ]
    together = engine.decode(spans)
    assert together[1][len(first) - 1] == pytest.approx(alone[0], abs=1e-3)
    assert together[0][len(second) - 1] == pytest.approx(alone[1], abs=1e-3)


def test_a_copied_prefix_is_continued_as_if_it_were_decoded(engine):
    prefix, rest = engine.tokenize("My bank card was"), engine.tokenize(" stolen on Monday, so")
    whole = next_token(engine, prefix + rest)
    engine.clear()
    next_token(engine, prefix, sequence=2)
    engine.copy(2, 5)
    continued = next_token(engine, rest, sequence=5, start=len(prefix))
    assert continued == pytest.approx(whole, abs=1e-3)
    # The copy goes, what it shared stays.
    engine.remove(5)
    assert next_token(engine, rest, sequence=2, start=len(prefix)) == pytest.approx(whole, abs=1e-3)


def test_more_tokens_than_a_batch_are_decoded_in_parts(engine):
    tokens = engine.tokenize("We count: " + " ".join(map(str, range(60))))
    assert len(tokens) > 2 * engine.batch_tokens
    places = (0, engine.batch_tokens - 1, engine.batch_tokens, len(tokens) - 1)
    (parts,) = engine.decode([Span(0, 0, tokens, dict.fromkeys(places, ALL_TOKENS))])
    assert list(parts) == list(places)
    engine.clear()
    for place in places[:3]:
        engine.clear()
        assert parts[place] == pytest.approx(next_token(engine, tokens[: place + 1]), abs=1e-3)


def test_a_full_context_is_an_error_and_the_engine_lives_on(engine):
    tokens = engine.tokenize("hello world " * 400)
    assert len(tokens) > 512
    with pytest.raises(DecodeError, match="the context is full"):
        next_token(engine, tokens)
    engine.clear()
    assert next_token(engine, tokens[:8]).shape == (engine.vocabulary_size,)


def test_complete_is_greedy_and_the_same_alone_and_together(engine):
    prompts = [engine.tokenize(t) for t in ("One, two, three,", "The capital of France is")]
    together = engine.complete(prompts, 4)
    assert [len(reply) for reply in together] == [4, 4]
    assert engine.detokenize(together[1]).startswith(" Paris")
    assert together == [engine.complete([prompt], 4)[0] for prompt in prompts]
    greedy = [*prompts[0]]
    for _ in range(4):
        engine.clear()
        greedy.append(int(next_token(engine, greedy).argmax()))
    assert together[0] == greedy[-4:]


def test_complete_ends_at_an_end_token(engine):
    turn = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\nHi!<|im_end|>\n"
    cut = engine.tokenize(turn * 4, special=True)[:-3]
    assert engine.detokenize(cut).endswith("Hi")
    short, long = engine.complete([cut, engine.tokenize("One, two, three,")], 6)
    assert engine.detokenize(short) == "!"
    assert len(long) == 6


@pytest.mark.parametrize(("context", "batch"), [(256, 512), (256, 8), (64, 64)])
def test_odd_sizes_do_not_abort_the_process(smollm2, context, batch):
    # llama.cpp aborts where a batch exceeds the context, or has fewer tokens than sequences.
    engine = LlamaEngine(smollm2.path, context_tokens=context, batch_tokens=batch, gpu_layers=0)
    try:
        tokens = engine.tokenize("hello world " * 160)
        with pytest.raises(DecodeError):
            next_token(engine, tokens)
        engine.clear()
        assert next_token(engine, tokens[:20]).shape == (engine.vocabulary_size,)
        last = engine.sequences - 1
        assert next_token(engine, tokens[:5], sequence=last).shape == (engine.vocabulary_size,)
    finally:
        engine.close()


def test_closing_twice_is_harmless(smollm2):
    engine = LlamaEngine(smollm2.path, context_tokens=256, batch_tokens=32, gpu_layers=0)
    engine.close()
    engine.close()


@pytest.mark.parametrize("kept_bytes", [None, 0, 2_000, 2_000_000])
def test_a_damaged_file_is_one_line(smollm2, tmp_path, kept_bytes):
    path = tmp_path / "model.gguf"
    with smollm2.path.open("rb") as whole:
        path.write_bytes(b"hello\n" if kept_bytes is None else whole.read(kept_bytes))
    code = (
        "import sys; from pathlib import Path\n"
        "from labelmend.errors import ModelError\n"
        "from labelmend.relabel.llama import LlamaEngine\n"
        "try:\n"
        "    LlamaEngine(Path(sys.argv[1]), context_tokens=256, batch_tokens=64, gpu_layers=0)\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(f"{path}: llama.cpp can't load this model")
    assert done.stdout.count("\n") == 1


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="can't load"):
        LlamaEngine(tmp_path / "no.gguf", context_tokens=256, batch_tokens=64, gpu_layers=0)


def test_spans_are_frozen():
    span = Span(0, 0, [1], {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        span.start = 3
