"""The Russian catalogue is whole, and what is compiled is what it says."""

import ast
import string
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from labelmend.voice.catalogue import catalogue
from labelmend.voice.forms import FORMS, forms_of
from labelmend.voice.recall import recalled
from labelmend.voice.speak import note, retell, speaking

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import voice  # noqa: E402

WIDTH = "123456789"
"""How wide a number is written is each language's own."""

BUILT = "run: .venv/bin/python tools/voice.py"


@pytest.fixture(scope="module")
def sentences():
    return voice.gathered()


@pytest.fixture(scope="module")
def russian():
    return {message.id: message.string for message in voice.read("ru") if message.id}


def fields(sentence):
    """Name, and format, of each fact of a sentence."""
    return [(n, spec) for _, n, spec, _ in string.Formatter().parse(sentence) if n is not None]


def test_every_sentence_is_told_in_russian(sentences, russian):
    assert len(sentences) > 150
    assert [one for one in sentences if not russian.get(one)] == [], BUILT
    assert [one for one in russian if isinstance(one, str) and one not in sentences] == [], BUILT


def test_what_is_committed_is_what_the_source_gives():
    made = voice.brought_up("ru")
    assert voice.written(made) == (voice.FOLDER / "ru.po").read_bytes(), BUILT
    assert voice.compiled(voice.read("ru")) == (voice.FOLDER / "ru.mo").read_bytes(), BUILT


def test_facts_are_the_same_in_both_languages(sentences, russian):
    for sentence in sentences:
        told = russian[sentence]
        english = {name for name, spec in fields(sentence)}
        assert {name for name, _ in fields(told)} == english, sentence
        # What is a number, or a sentence of its own, is one in both.
        for name, spec in fields(told):
            alike = {s.lstrip(WIDTH) for n, s in fields(sentence) if n == name}
            assert FORMS.fullmatch(spec) or spec.lstrip(WIDTH) in alike, (sentence, name, spec)
        assert told.strip() == told or sentence.strip() != sentence


def test_every_word_that_goes_by_a_number_has_all_forms(sentences, russian):
    for sentence in sentences:
        for _, spec in fields(sentence):
            if FORMS.fullmatch(spec):
                assert set(forms_of(spec)) == {"one", "other"}, sentence
        for _, spec in fields(russian[sentence]):
            if FORMS.fullmatch(spec):
                assert {"one", "few", "many"} <= set(forms_of(spec)), russian[sentence]


def example(spec):
    """A fact that a format takes."""
    if spec in {"", "words", "name"}:
        return "neighbour"
    return 0.25 if spec.endswith(("%", "f", "g", "e")) else 1234


def test_every_kept_sentence_is_found_again(sentences):
    """What `note` makes is told in Russian, whatever the sentence."""
    noted = [s for s, places in sentences.items() if {"note", "meant"} & {c for _, c in places}]
    assert len(noted) > 20
    with speaking("ru"):
        for sentence in noted:
            facts = {name: example(spec) for name, spec in fields(sentence) if not forms(spec)}
            facts |= {name: 2 for name, _ in fields(sentence) if name not in facts}
            said = note(sentence, **facts)
            assert recalled(said, "ru") is not None, said
            assert retell(said), said


def forms(spec):
    return FORMS.fullmatch(spec) is not None


def test_a_sentence_is_a_literal():
    with pytest.raises(TypeError, match="line 1: a sentence can't be an f-string"):
        voice.literals(ast.parse('f"{x}"').body[0].value)
    choice = ast.parse('"a" if x else ("b" if y else "c")').body[0].value
    assert voice.literals(choice) == ["a", "b", "c"]
    assert voice.literals(ast.parse("name").body[0].value) == []


def test_a_sentence_that_is_not_told_would_be_seen(tmp_path):
    whole = (voice.FOLDER / "ru.po").read_bytes()
    path = tmp_path / "ru.po"
    path.write_bytes(whole.replace("больше {share:.1%}".encode(), b""))
    with path.open("rb") as file:
        assert voice.untold(read_po(file, locale="ru")) == ["over {share:.1%}"]


def test_the_categories_are_those_of_cldr():
    from babel import Locale

    rule = Locale("ru").plural_form
    known = catalogue("ru")
    assert [known.category(n) for n in range(1200)] == [rule(n) for n in range(1200)]
