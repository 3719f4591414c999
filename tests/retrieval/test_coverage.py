from pathlib import Path

import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.coverage import Coverage, notes_on_script, read_coverage
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


def test_a_script_that_is_not_read_is_told_before_any_work(folder, tmp_path):
    encoders = [EncoderConfig("onnx", "m"), EncoderConfig("onnx", "n")]

    def notes(texts, *folders):
        models = [LocatedModel(f.name[:1], None, f, "", 0, "") for f in folders]
        return notes_on_script(encoders[: len(models)], models, texts)

    # Two of three words; a text that stands twice is looked at once.
    note = (
        "encoder t does not read the script of these texts: 67% of their words are unknown, so "
        "little can be found; use one that does, such as that of --profile multilingual"
    )
    one = folder.with_name("tiny")
    folder.rename(one)
    assert notes(["xyz", "qrs", "play", "play"], one) == (note,)
    assert notes(["xyz", "qrs", "play"], one, one)[0].startswith("encoders t and t do not read")
    assert notes(["xyz", "qrs", "play"], one, Path("none")) == (note,)
    # A quarter.
    assert notes(["xyz", "play", "music", "a"], one) == ()
    assert notes([], one) == ()
    many = [f"play {i}" for i in range(5000)]
    assert notes(many, one) == notes(many[::-1], one)
