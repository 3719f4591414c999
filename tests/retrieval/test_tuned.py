"""Encoders of one's own in a profile's place."""

import json

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.errors import ConfigError, ModelError, ModelMissingError
from labelmend.retrieval.tuned import (
    CARD,
    TRAINED_TEXTS,
    notes_on_tuned,
    read_tuning,
    text_hashes,
    with_embedder,
)
from labelmend.weights.locate import LocatedModel

CONFIG = load_config("embedded")


@pytest.fixture
def tuned(tmp_path):
    """A tuned encoder's folder, as far as these functions look into it."""
    folder = tmp_path / "embedder"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    card = {"format": 1, "encoder": {"query_prefix": "query: ", "max_tokens": 99}}
    (folder / CARD).write_text(json.dumps(card))
    np.save(folder / TRAINED_TEXTS, text_hashes(["Hello  there", "lost card"]))
    return folder


def located(folder):
    return LocatedModel(str(folder), None, folder, "0" * 64, 1, "your folder")


def test_hashes_are_of_texts_as_copies_share_them():
    found = text_hashes(["Hello  there", "hello there", "lost card"])
    assert found.dtype == np.uint64
    assert found.tolist() == sorted(set(found.tolist()))
    assert len(found) == 2
    assert text_hashes(["HELLO THERE"])[0] in found


def test_an_empty_file_of_hashes_is_told_in_one_line(tuned):
    (tuned / TRAINED_TEXTS).write_bytes(b"")
    with pytest.raises(ModelError, match="can't be read"):
        read_tuning(tuned)


def test_one_encoder_stands_for_all_and_reads_as_in_its_training(tuned, monkeypatch):
    monkeypatch.chdir(tuned.parent)
    (encoder,) = with_embedder(CONFIG, "embedder/").encoders
    assert encoder.backend == "sentence-transformers"
    assert encoder.model == str(tuned.resolve())
    assert (encoder.query_prefix, encoder.max_tokens) == ("query: ", 99)
    assert encoder.cache_gib == CONFIG.encoders[0].cache_gib


def test_a_known_name_keeps_the_profiles_settings(bge_small):
    (encoder,) = with_embedder(CONFIG, "bge-small-en-v1.5").encoders
    assert encoder == CONFIG.encoders[0]


def test_packaged_encoders_of_all_kinds_are_run_by_onnxruntime(minilm, use_multilingual):
    for model in (minilm, use_multilingual):
        (encoder,) = with_embedder(CONFIG, model.name).encoders
        assert (encoder.backend, encoder.model) == ("onnx", model.name)
    assert CONFIG.tune.encoder == "all-MiniLM-L6-v2"
    assert with_embedder(CONFIG, "bge-small-en-v1.5").tune.encoder == ""


def test_what_is_no_encoder_is_refused(tmp_path, bge_small):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ConfigError, match=r"holds no modules\.json"):
        with_embedder(CONFIG, str(tmp_path))
    with pytest.raises(ConfigError, match="is a reranker"):
        with_embedder(CONFIG, "ms-marco-MiniLM-L-12-v2")
    with pytest.raises(ModelMissingError, match="no such file or folder"):
        with_embedder(CONFIG, str(tmp_path / "gone" / "embedder"))
    with pytest.raises(ConfigError, match="did you mean 'all-MiniLM-L6-v2'"):
        with_embedder(CONFIG, "all-MiniLM-L6")


def test_texts_that_an_encoder_was_tuned_on_are_told(tuned, tmp_path):
    note = "was tuned on 1 of these 2 texts and their labels"
    (found,) = notes_on_tuned([located(tuned)], ["lost card", "LOST card", "never seen"])
    assert note in found
    assert notes_on_tuned([located(tuned)], ["never seen"]) == ()
    assert notes_on_tuned([located(tmp_path)], ["lost card"]) == ()
    assert read_tuning(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "can't be read"),
        ('{"format": 2}', "writes format 2, this one reads 1"),
        ('{"format": 1}', "can't be read"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(tuned, text, said):
    (tuned / CARD).write_text(text)
    with pytest.raises(ModelError, match=said):
        with_embedder(CONFIG, str(tuned))


def test_a_pickle_in_place_of_the_hashes_is_never_loaded(tuned):
    np.save(tuned / TRAINED_TEXTS, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError, match="can't be read"):
        read_tuning(tuned)
