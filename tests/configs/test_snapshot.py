"""What the profiles resolve to is frozen: a value changes by intent, and here too."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from labelmend.configs.load import config_to_dict, leaves, load_config
from labelmend.configs.profiles import PROFILES
from labelmend.relabel.evidence.classifier import ClassifierOptions
from labelmend.relabel.evidence.neighbour import NeighbourOptions

FROZEN = json.loads((Path(__file__).parent / "resolved.json").read_text("utf-8"))
RENAMED = {
    "classify.logreg.inverse_regularization": "classify.logreg.C",
    "classify.logreg.max_iterations": "classify.logreg.max_iter",
    "classify.linear_svm.inverse_regularization": "classify.linear_svm.C",
    "classify.linear_svm.max_iterations": "classify.linear_svm.max_iter",
    "classify.lightgbm.rounds": "classify.lightgbm.num_iterations",
    "classify.lightgbm.leaves": "classify.lightgbm.num_leaves",
    "classify.lightgbm.feature_share": "classify.lightgbm.feature_fraction",
    "classify.lightgbm.row_share": "classify.lightgbm.bagging_fraction",
    "classify.lightgbm.least_rows": "classify.lightgbm.min_data_in_leaf",
    "classify.lightgbm.penalty": "classify.lightgbm.lambda_l2",
    "retrieval.weights.bm25": "evidence.bm25.weight",
    "retrieval.weights.description": "evidence.description.weight",
    "retrieval.weights.prototype": "evidence.prototype.weight",
    "retrieval.weights.neighbour": "evidence.neighbour.weight",
    "retrieval.neighbour_sharpness": "neighbour.inverse_temperature",
    "suspect.folds": "classifier.folds",
    "suspect.components": "classifier.components",
    "suspect.inverse_regularization": "classifier.inverse_regularization",
    "suspect.max_iterations": "classifier.max_iterations",
}
"""Keys of the frozen file, which is older than they are, and what they are called now."""


def flat(tree):
    """Every value as JSON, by its dotted key: 1 and 1.0 are not the same."""

    def value(path):
        node = tree
        for key in path:
            node = node[key]
        return json.dumps(node)

    return {".".join(map(str, path)): value(path) for path in leaves(tree)}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_says_what_it_said_when_its_values_stood_in_yaml(profile):
    before = {RENAMED.get(key, key): value for key, value in flat(FROZEN[profile]).items()}
    config = load_config(profile)
    # No profile gives the sources options: theirs are their defaults.
    assert not any(source.options for source in config.evidence.values())
    options = {"classifier": ClassifierOptions(), "neighbour": NeighbourOptions()}
    defaults = json.loads(json.dumps({name: asdict(one) for name, one in options.items()}))
    now = flat(config_to_dict(config)) | flat(defaults)
    assert len(before) > 100
    assert {key: now.get(key) for key in before} == before
