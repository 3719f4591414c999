from pathlib import Path

import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.data.language.detect import TableLanguage
from labelmend.retrieval.coverage import (
    Coverage,
    notes_on_reading,
    profile_that_reads,
    read_coverage,
)
from labelmend.weights.locate import LocatedModel

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path):
    # Five whole words, and the single letters of "ab".
    pieces = ["[UNK]", "[CLS]", "[SEP]", "play", "music", "##al", "a", "##b", "##a", "音"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    model = tokenizers.models.WordPiece(vocab=vocabulary, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_words_whole_in_parts_in_letters_and_unknown(folder):
    # "musical" is two parts, "aba" three letters, "xyz" nothing; a Chinese character is a word.
    read = read_coverage(folder, 9, ["play musical", "aba xyz", "音", "a"])
    assert read == Coverage(texts=4, cut=0, words=6, unknown=2)
    assert read.lacking
    assert read.in_words("tiny") == (
        "encoder tiny: 0 of 4 texts are cut, and 33% of their words are unknown to it; another "
        "encoder may read them better (see docs/settings.md, encoders)"
    )


def test_what_is_cut_counts_the_marks_around_a_text(folder):
    # Three words and two marks are five tokens.
    text = "play play music"
    assert read_coverage(folder, 5, [text]).cut == 0
    assert read_coverage(folder, 4, [text]).cut == 1


def test_a_folder_without_a_tokenizer_and_no_texts(tmp_path, folder):
    assert read_coverage(tmp_path / "none", 9, ["play"]) is None
    nothing = read_coverage(folder, 9, [])
    assert nothing == Coverage(0, 0, 0, 0)
    assert not nothing.lacking


@pytest.mark.parametrize(
    ("cut", "unknown", "lacking"), [(0, 0, False), (0, 10, True), (1, 9, True), (0, 9, False)]
)
def test_a_hundredth_is_worth_a_word(cut, unknown, lacking):
    assert Coverage(100, cut, 1000, unknown).lacking is lacking


UNSURE = TableLanguage(3, 0, {}, {"Latin": 1.0}, None, mixed=False)
CHINESE = TableLanguage(3, 3, {"zh": 1.0}, {"Han": 1.0}, "zh", mixed=False)
GERMAN = TableLanguage(3, 3, {"de": 1.0}, {"Latin": 1.0}, "de", mixed=False)
ENGLISH = TableLanguage(3, 3, {"en": 1.0}, {"Latin": 1.0}, "en", mixed=False)
MIXED = TableLanguage(9, 9, {"en": 0.6, "de": 0.25, "bo": 0.15}, {"Latin": 0.85}, None, mixed=True)
THREE = TableLanguage(9, 9, {"fr": 0.4, "de": 0.3, "ja": 0.3}, {"Latin": 1.0}, None, mixed=True)


def reading(texts, found, *encoders):
    """Notes on encoders, each given by its name in models.yaml and its folder."""
    settings = [EncoderConfig("onnx", name) for name, _ in encoders]
    models = [LocatedModel(name, None, folder, "", 0, "") for name, folder in encoders]
    return notes_on_reading(settings, models, texts, found)


def test_a_script_that_is_not_read_is_told_before_any_work(folder):
    # Two of three words; a text that stands twice is looked at once.
    note = (
        "encoder mine does not read the script of these texts: 67% of their words are unknown, so "
        "little can be found; use one that does, such as those of --profile multilingual"
    )
    texts = ["xyz", "qrs", "play", "play"]
    mine, none = ("mine", folder), ("none", Path("none"))
    assert reading(texts, UNSURE, mine) == (note,)
    two = reading(texts, UNSURE, mine, ("other", folder))
    assert len(two) == 1
    assert two[0].startswith("encoders mine and other do not read the script")
    assert reading(texts, UNSURE, mine, none) == (note,)
    # A quarter.
    assert reading(["xyz", "play", "music", "a"], UNSURE, mine) == ()
    assert reading([], UNSURE, mine) == ()
    many = [f"play {i}" for i in range(5000)]
    assert reading(many, UNSURE, mine) == reading(many[::-1], UNSURE, mine)


def test_a_known_language_whose_words_are_unknown_is_one_note(folder):
    note = (
        "texts are in Chinese (Han), and encoder {} does not read them: 67% of their words are "
        "unknown, so little can be found; --profile multilingual reads Chinese"
    )
    texts = ["xyz", "qrs", "play"]
    for name in ("mine", "bge-small-en-v1.5"):
        assert reading(texts, CHINESE, (name, folder)) == (note.format(name),)
    # The first encoder is the one that counts.
    e5 = ("multilingual-e5-small", Path("none"))
    assert reading(texts, CHINESE, e5, ("bge-small-en-v1.5", folder)) == ()
    bge = ("bge-small-en-v1.5", folder)
    assert reading(texts, CHINESE, bge, e5) == (note.format("bge-small-en-v1.5"),)
    (soft,) = reading(["play"], GERMAN, bge, e5)
    assert ", and encoder bge-small-en-v1.5 was made for English" in soft
    # Its name says that it does, and its vocabulary that it does not.
    odd = reading(texts, ENGLISH, ("bge-small-en-v1.5", folder))
    assert "does not read the script" in odd[0]


def test_a_language_that_encoders_were_not_made_for_is_told_softly(folder):
    english = [("all-MiniLM-L6-v2", folder), ("bge-small-en-v1.5", folder)]
    assert reading(["play"], GERMAN, *english) == (
        "texts are in German (Latin), and encoders all-MiniLM-L6-v2 and bge-small-en-v1.5 were "
        "made for English: --profile multilingual reads German",
    )
    assert reading(["play"], ENGLISH, *english) == ()
    assert reading(["play"], UNSURE, *english) == ()
    # Nobody said what the user's encoder reads.
    assert reading(["play"], GERMAN, ("mine", folder)) == ()
    assert reading(["play"], GERMAN, ("mine", folder), *english) == ()


def test_of_a_mixed_table_what_is_not_read_is_told(folder):
    (note,) = reading(["play"], MIXED, ("all-MiniLM-L6-v2", folder))
    assert note == (
        "texts are mixed: 60% English, 25% German, 15% bo, and encoder all-MiniLM-L6-v2 was made "
        "for English: --profile multilingual-quality reads German and bo"
    )
    (note,) = reading(["play"], MIXED, ("use-multilingual-v3", folder))
    assert note.endswith("was made for other languages: --profile multilingual-quality reads bo")
    (note,) = reading(["xyz"], MIXED, ("all-MiniLM-L6-v2", folder))
    assert ", and encoder all-MiniLM-L6-v2 does not read all of them: 100% of their" in note
    (note,) = reading(["play"], THREE, ("all-MiniLM-L6-v2", folder))
    assert note.endswith(": --profile multilingual reads French, German and Japanese")


def test_the_profile_that_reads_languages(monkeypatch):
    assert profile_that_reads(["en"]) == "embedded"
    assert profile_that_reads(["en", "de"]) == "multilingual"
    monkeypatch.setattr("labelmend.retrieval.coverage.PROFILES", ("embedded", "multilingual"))
    assert profile_that_reads(["bo"]) is None
