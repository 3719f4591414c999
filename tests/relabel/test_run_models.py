import os
import shutil
from dataclasses import replace

import llama_cpp
import pytest

from labelmend.configs.load import load_config
from labelmend.configs.schema import ServerConfig
from labelmend.errors import ConfigError, ModelError
from labelmend.llm.engine import LlamaEngine
from labelmend.relabel import run_models as models
from labelmend.relabel.run_models import RunModels, locate_models, notes_on_gpu, with_voters
from labelmend.weights import locate as locate_module
from labelmend.weights.gguf import GgufHeader

CONFIG = load_config()
SERVER = ServerConfig("http://host:8000", requests=4, retries=4, chat=True, top_logprobs=20)


def told_apart(config):
    """The voters with one more exemplar each than the one before."""
    voters = (replace(voter, exemplars=i) for i, voter in enumerate(config.voters))
    return replace(config, voters=tuple(voters))


def names(config):
    config = told_apart(config)
    found = locate_models(config, use_llm=True)
    assert list(found.all())[-len(found.voters) :] == [f"voter {m.name}" for _, m in found.voters]
    return [model.name for _, model in found.voters]


def test_a_small_model_is_added_with_the_channel_ballot(encoders, smollm2):
    config = with_voters(CONFIG, [str(smollm2.path)])
    first, added = config.voters
    assert first == CONFIG.voters[0]
    assert added == replace(first, model=str(smollm2.path), several=True)
    assert names(config) == ["SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1"]


@pytest.mark.parametrize(
    ("parameters", "chat", "ballot"),
    [
        (7_600_000_000, True, "choice"),
        (2_600_000_000, True, "choice"),
        (1_500_000_000, True, "channel"),
        (7_600_000_000, False, "channel"),
    ],
)
def test_large_chat_models_choose(smollm2, monkeypatch, parameters, chat, ballot):
    monkeypatch.setattr(models, "read_header", lambda _: GgufHeader("llama", parameters, chat))
    added = with_voters(CONFIG, [str(smollm2.path)]).voters[1]
    assert added.ballot == ballot
    assert added.gpu_layers == CONFIG.voters[0].gpu_layers
    # As the profile does that is made for such models.
    assert added.candidates == (10 if ballot == "choice" else CONFIG.voters[0].candidates)


def test_an_added_voter_has_the_threads_and_gpu_layers_of_the_first_one_here(smollm2):
    first = replace(CONFIG.voters[0], threads=1, gpu_layers=7)
    served = replace(first, server=SERVER, threads=3, gpu_layers=5)
    config = replace(CONFIG, voters=(served, first))
    for ballot in ("choice", "channel"):
        added = with_voters(config, [f"{ballot}:{smollm2.path}"]).voters[-1]
        assert (added.ballot, added.threads, added.gpu_layers) == (ballot, 1, 7)


def test_where_no_voter_runs_here_the_describer_says_how(smollm2):
    describe = replace(CONFIG.describe, threads=2, gpu_layers=3)
    config = replace(CONFIG, voters=(), describe=describe)
    specs = [f"{ballot}:{smollm2.path}" for ballot in ("choice", "channel")]
    added = with_voters(config, specs).voters
    assert [(v.threads, v.gpu_layers) for v in added] == [(2, 3), (2, 3)]


def test_a_gpu_that_llama_cpp_can_not_use_is_told_once(smollm2, monkeypatch):
    def notes(describe, *voters, describer=smollm2, server=None):
        config = replace(CONFIG, describe=replace(CONFIG.describe, gpu_layers=describe))
        asked = [replace(CONFIG.voters[0], gpu_layers=n, server=server) for n in voters]
        found = RunModels((), None, describer, tuple((voter, smollm2) for voter in asked))
        return notes_on_gpu(config, found)

    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    assert notes(0, 0) == ()
    (note,) = notes(-1, -1, 5)
    assert "built without" in note
    assert notes(0, 0, 5) == notes(-1) == (note,)
    assert notes(-1, 0, describer=None) == ()
    assert notes(0, -1, server=SERVER) == ()
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: True)
    assert notes(-1, -1) == ()


def test_a_ballot_set_by_hand_and_one_model_twice(encoders, smollm2):
    path = str(smollm2.path)
    config = with_voters(
        CONFIG, [f"choice:{path}", f"channel:{path}", "choice:SmolLM2-135M-Instruct"]
    )
    assert [v.ballot for v in config.voters] == ["channel", "choice", "channel", "choice"]
    assert [v.model for v in config.voters[1:]] == [path, path, "SmolLM2-135M-Instruct"]
    assert names(config) == [
        "SmolLM2-135M-Instruct (channel)",
        "SmolLM2-135M-Instruct.Q4_1 (choice)",
        "SmolLM2-135M-Instruct.Q4_1 (channel)",
        "SmolLM2-135M-Instruct (choice)",
    ]
    twice = replace(config, voters=(config.voters[0],) * 3)
    plain = "SmolLM2-135M-Instruct (channel)"
    assert names(twice) == [plain, f"{plain} 2", f"{plain} 3"]


def test_no_voter_is_called_as_another_source(encoders, smollm2, tmp_path):
    for name in ("reranker", "classifier"):
        shutil.copyfile(smollm2.path, tmp_path / f"{name}.gguf")
    config = with_voters(CONFIG, [str(tmp_path / f"{n}.gguf") for n in ("reranker", "classifier")])
    assert names(config)[1:] == ["reranker (channel)", "classifier (channel)"]


def test_a_model_on_a_server_is_not_looked_for_here(encoders):
    voter = replace(CONFIG.voters[0], model="Qwen/Qwen2.5-7B-Instruct", server=SERVER)
    ((_, model),) = locate_models(replace(CONFIG, voters=(voter,)), use_llm=True).voters
    assert (model.name, model.digest) == ("Qwen2.5-7B-Instruct", "")
    assert model.source == "served by http://host:8000/v1"
    wrong = replace(voter, server=replace(SERVER, url="host"))
    with pytest.raises(ConfigError, match="is no URL"):
        locate_models(replace(CONFIG, voters=(wrong,)), use_llm=True)
    assert locate_models(replace(CONFIG, voters=(wrong,)), use_llm=False).voters == ()


def test_one_model_does_not_cast_the_same_ballot_twice(encoders, smollm2):
    path = str(smollm2.path)
    for specs in ([f"channel:{path}"], [f"choice:{path}", "choice:SmolLM2-135M-Instruct"]):
        config = with_voters(CONFIG, specs)
        with pytest.raises(ConfigError, match="is among the voters already") as found:
            locate_models(config, use_llm=True)
        assert "\n" not in str(found.value)
        assert locate_models(config, use_llm=False).voters == ()
        assert len(locate_models(told_apart(config), use_llm=True).voters) == len(config.voters)
    both = with_voters(CONFIG, [f"choice:{path}"])
    assert len(locate_models(both, use_llm=True).voters) == 2


def test_a_gguf_whose_name_is_not_unicode(tmp_path, smollm2):
    path = tmp_path / os.fsdecode(b"caf\xe9.gguf")
    try:
        path.symlink_to(smollm2.path)
    except OSError:
        pytest.skip("this file system takes no such name")
    (voter,) = with_voters(replace(CONFIG, voters=()), [str(path)]).voters
    assert models._voter_model(voter).name == "caf\ufffd"
    LlamaEngine(path, context_tokens=256, batch_tokens=32, gpu_layers=0).close()


def test_a_folder_is_refused_before_its_files_are_read(tmp_path, monkeypatch):
    (tmp_path / "big.bin").write_bytes(b"weights")
    monkeypatch.setattr(locate_module, "sha256_of", lambda *_, **__: pytest.fail("it was read"))
    monkeypatch.chdir(tmp_path)
    for spec in (str(tmp_path), f"choice:{tmp_path}", ".", "channel:./"):
        with pytest.raises(ConfigError, match="is no GGUF file but a folder"):
            with_voters(CONFIG, [spec])
    for spec in ("choice:", "", "channel: "):
        with pytest.raises(ConfigError, match="names no model"):
            with_voters(CONFIG, [spec])


def test_what_can_not_vote(encoders, tmp_path, smollm2):
    text, half = tmp_path / "text.gguf", tmp_path / "half.gguf"
    text.write_text("hello")
    half.write_bytes(smollm2.path.read_bytes()[:5000])
    for spec, error, said in (
        (str(text), ModelError, "not a GGUF file"),
        (str(half), ModelError, "cut off or damaged"),
        (str(tmp_path / "none.gguf"), ModelError, "no such file or folder"),
        ("~nobody-of-that-name/mine.gguf", ModelError, "no such home folder"),
        ("m" * 300 + ".gguf", ModelError, "File name too long"),
        (str(encoders[0].path), ConfigError, "is no GGUF file"),
        ("all-MiniLM-L6-v2", ConfigError, "is no GGUF file"),
        ("choise:SmolLM2-135M-Instruct", ConfigError, "unknown model 'choise:SmolLM2"),
    ):
        with pytest.raises(error, match=said):
            with_voters(CONFIG, [spec])
