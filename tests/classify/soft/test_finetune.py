from dataclasses import replace
from types import SimpleNamespace

import pytest

from labelmend.classify.soft.finetune import HEAD_RATE, LAYER_DECAY, parameter_groups
from labelmend.configs.load import load_config

CONFIG = load_config("embedded").classify


def parameter(*shape, learns=True):
    return SimpleNamespace(ndim=len(shape), requires_grad=learns)


NAMES = {
    "encoder.0.auto_model.embeddings.word_embeddings.weight": parameter(9, 2),
    "encoder.0.auto_model.encoder.layer.0.attention.self.query.weight": parameter(2, 2),
    "encoder.0.auto_model.encoder.layer.0.attention.self.query.bias": parameter(2),
    "encoder.0.auto_model.encoder.layer.1.output.dense.weight": parameter(2, 2),
    "encoder.0.auto_model.pooler.dense.weight": parameter(2, 2),
    "encoder.0.auto_model.encoder.layer.1.frozen.weight": parameter(2, 2, learns=False),
    "head.weight": parameter(1, 2),
    "head.bias": parameter(1),
}


def test_deeper_layers_learn_more_slowly_and_the_head_faster():
    model = SimpleNamespace(named_parameters=NAMES.items)
    settings = replace(CONFIG.finetune, learning_rate=1.0, weight_decay=0.5)
    rates = {}
    for group in parameter_groups(model, settings):
        for one in group["params"]:
            name = next(name for name, other in NAMES.items() if other is one)
            rates[name.rpartition(".layer.")[2]] = (group["lr"], group["weight_decay"])
    decay = LAYER_DECAY
    assert list(rates.values()) == [
        (pytest.approx(decay**2), 0.5),
        (pytest.approx(decay), 0.5),
        (pytest.approx(decay), 0.0),
        (1.0, 0.5),
        (1.0, 0.5),
        (HEAD_RATE, 0.5),
        (HEAD_RATE, 0.0),
    ]
