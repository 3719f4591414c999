from dataclasses import replace

from fixtures.word_tokenizer import ABC, write_word_tokenizer

from labelmend.configs.load import load_config
from labelmend.configs.schema import EncoderConfig, ServerConfig, VoterConfig
from labelmend.relabel.doubt import notes_on_length
from labelmend.relabel.run_models import RunModels
from labelmend.weights.locate import LocatedModel

CONFIG = load_config("embedded", [])


def test_every_model_that_reads_no_end_is_told(tmp_path):
    tiny = LocatedModel("tiny", "encoder", write_word_tokenizer(tmp_path), "0" * 64, 1, "here")
    voter = replace(CONFIG.voters[0], max_text_tokens=20)
    config = replace(
        CONFIG,
        encoders=(EncoderConfig(backend="onnx", model="tiny", max_tokens=12, max_windows=2),),
        reranker=replace(CONFIG.reranker, max_tokens=10),
    )
    models = RunModels((tiny,), replace(tiny, name="rr"), None, ((voter, replace(tiny, name="v")),))
    texts = [ABC, ABC[:19], *["a"] * 8]  # 26 words and 10, and two marks each
    assert notes_on_length(config, models, texts) == (
        "encoder tiny: 1 of 10 texts are longer than 2 windows of 12 tokens, so parts of them are "
        "not read; encoders.0.max_windows sets how many are",
        "reranker rr reads the begin of 20% of the texts, up to 10 tokens; reranker.max_tokens "
        "sets how many",
        "voter v reads the begin of 10% of the texts, up to 20 tokens; "
        "voters.0.max_text_tokens sets how many",
    )
    assert notes_on_length(config, models, ["a", "b"]) == ()
    assert notes_on_length(config, RunModels((), None, None, ()), texts) == ()
    # A hundredth of the texts is worth a word.
    assert len(notes_on_length(config, models, [ABC[:19], *["a"] * 99])) == 1
    assert notes_on_length(config, models, [ABC[:19], *["a"] * 100]) == ()


def test_a_server_counts_characters(tmp_path):
    tiny = LocatedModel("tiny", "encoder", write_word_tokenizer(tmp_path), "0" * 64, 1, "here")
    server = ServerConfig(url="http://127.0.0.1:9", max_text_chars=50)
    voter = VoterConfig(model="big", ballot="choice", server=server)
    config = replace(
        CONFIG, encoders=(EncoderConfig(backend="onnx", model="tiny", max_tokens=64),), voters=()
    )
    models = RunModels((tiny,), None, None, ((voter, replace(tiny, name="big")),))
    assert notes_on_length(config, models, [ABC, ABC[:50]]) == (
        "voter big reads the begin of 50% of the texts, up to 50 characters; "
        "voters.0.server.max_text_chars sets how many",
    )
