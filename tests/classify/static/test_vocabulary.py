from dataclasses import replace

import pytest
from fixtures.word_tokenizer import ABC, write_word_tokenizer

from labelmend.classify.static.vocabulary import (
    _words,
    encoder_words,
    save_tokenizer,
    student_tokenizer,
    token_ids,
)
from labelmend.retrieval.encoders.tokenizer import whole_text_tokenizer
from labelmend.weights.locate import LocatedModel

TEXTS = ["The card was lost", "the card was stolen", "card losses", "Карта утеряна", "ещё карта"]


@pytest.fixture
def static(settings):
    return settings.static


def tokens_of(tokenizer, tokens, text):
    (ids,) = token_ids(tokenizer, [text])
    return [tokens[i] for i in ids]


def test_frequent_words_are_tokens_and_rare_ones_are_read_in_pieces(static):
    tokenizer, tokens = student_tokenizer(TEXTS, (), static)
    assert tokens[:3] == ("[UNK]", "[CLS]", "[SEP]")
    assert tokens_of(tokenizer, tokens, "THE card") == ["[CLS]", "the", "card", "[SEP]"]
    assert "карта" in tokens
    pieces = tokens_of(tokenizer, tokens, "stolen")[1:-1]
    assert len(pieces) > 1
    assert pieces[0] + "".join(piece.removeprefix("##") for piece in pieces[1:]) == "stolen"
    # A word that no row has, of letters that some row has.
    assert "[UNK]" not in tokens_of(tokenizer, tokens, "cards")
    assert tokens_of(tokenizer, tokens, "🦊") == ["[CLS]", "[UNK]", "[SEP]"]
    assert tokens_of(tokenizer, tokens, "") == ["[CLS]", "[SEP]"]


def test_words_of_the_encoders_in_the_tables_letters(static):
    words = ("Lost", "stole", "card", "xyz", "чек", "##en", "two words")
    _, tokens = student_tokenizer(TEXTS, words, replace(static, encoder_words=2))
    _, all_tokens = student_tokenizer(TEXTS, words, static)
    assert tokens[-2:] == ("lost", "stole")  # the first two; lost is read in pieces without
    assert all_tokens[-3:] == ("lost", "stole", "##en")
    # No x stands in the table, and card is a word of its own anyway.
    assert {"xyz", "two words", "чек"}.isdisjoint(all_tokens)
    assert all_tokens.count("card") == 1


def test_neither_order_nor_chance_changes_the_tokens(static):
    texts = [f"{a}{b}{c} {c}{a}" for a in "abcde" for b in "fghij" for c in "klmno"]
    found = {student_tokenizer(order, (), static)[1] for order in (texts, texts[::-1], texts)}
    assert len(found) == 1


def test_half_a_character_is_read(static):
    tokenizer, tokens = student_tokenizer([*TEXTS, "card \ud83d"], (), static)
    assert "card" in tokens_of(tokenizer, tokens, "card \ud83d")


def test_a_tokenizer_is_written_as_encoders_have_it(static, tmp_path):
    tokenizer, _ = student_tokenizer(TEXTS, (), static)
    save_tokenizer(tokenizer, tmp_path)
    read = whole_text_tokenizer(tmp_path)
    assert token_ids(read, TEXTS) == token_ids(tokenizer, TEXTS)


def test_words_by_the_mark_of_a_space():
    assert _words(["<s>", "▁card", "s", "▁", "▁pin"]) == ["card", "pin"]
    assert _words(["Ġcard", "ing", "Ġ"]) == ["card"]
    assert _words(["[PAD]", "card", "##ing", "["]) == ["card", "##ing", "["]


def test_words_of_encoders(tmp_path):
    write_word_tokenizer(tmp_path)
    model = LocatedModel("words", None, tmp_path, "0" * 64, 1, "here")
    assert encoder_words([model, model]) == ("ask", ":", *ABC.split())
    empty = tmp_path / "empty"
    empty.mkdir()
    assert encoder_words([LocatedModel("none", None, empty, "0" * 64, 1, "here")]) == ()
