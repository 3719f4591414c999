"""Which encoder is tuned."""

from dataclasses import replace

import pytest

from labelmend.configs.load import load_config
from labelmend.configs.schema import EncoderConfig
from labelmend.errors import ConfigError
from labelmend.retrieval.tuned import with_embedder
from labelmend.tune.base import tunable_encoder

CONFIG = load_config("embedded")


def test_the_profiles_first_one_that_torch_can_run(minilm, bge_small):
    torch = EncoderConfig("sentence-transformers", "bge-m3")
    both = replace(CONFIG, encoders=(EncoderConfig("onnx", bge_small.name), torch))
    assert tunable_encoder(both) == torch
    weights = EncoderConfig("onnx", minilm.name, query_prefix="query: ")
    assert tunable_encoder(replace(both, encoders=(weights, torch))) == weights


def test_without_one_that_which_the_profile_names(encoders):
    assert tunable_encoder(CONFIG).model == "all-MiniLM-L6-v2"
    for config in (load_config("multilingual"), with_embedder(CONFIG, "bge-small-en-v1.5")):
        with pytest.raises(ConfigError, match="the profile has none; name one with --embedder"):
            tunable_encoder(config)
