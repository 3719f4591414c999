"""The kind `lightgbm`: gradient-boosted trees on the axes that tell the labels apart."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.arrays import principal_axes, unit_rows
from labelmend.classify.heads.embedding import EmbeddingHead
from labelmend.classify.heads.tree_text import MOST_BYTES, check_trees, trees_alone
from labelmend.classify.scorer import FEATURES, Examples, OnnxGraph
from labelmend.configs.schema import ClassifyConfig, LightgbmConfig
from labelmend.errors import ModelError
from labelmend.extras import require
from labelmend.regular_file import read_regular
from labelmend.types import Bools, Doubles, Floats, Ints
from labelmend.weights.array_file import read_arrays
from labelmend.weights.locate import LocatedModel

BOOSTER = "booster.txt"
AXES = "axes.npz"

_LAST_BITS = 1e-5
"""Features that differ by more than this are not the same."""


@dataclass(frozen=True)
class TreeScorer:
    """LightGBM's trees on discriminant axes.

    Attributes:
        booster: a lightgbm.Booster with K outputs.
        axes: float32 [d, m].
        offset: float32 [m].
    """

    booster: Any
    axes: Floats
    offset: Floats

    def scores(self, embeddings: Floats) -> Doubles:
        """Return float64 [b, K]."""
        found = self.booster.predict(self.features(embeddings), raw_score=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)

    def features(self, embeddings: Floats) -> Floats:
        """Return float32 [b, m], what the trees split on."""
        return unit_rows(embeddings @ self.axes + self.offset)

    def leaves(self, features: Floats) -> Ints:
        """Return int64 [b, t], the leaf of each tree that each text reaches."""
        found = self.booster.predict(features, pred_leaf=True, num_threads=1)
        return np.asarray(found, dtype=np.int64).reshape(len(features), -1)

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM's text, and the axes."""
        self.booster.save_model(str(folder / BOOSTER))
        np.savez(folder / AXES, allow_pickle=False, axes=self.axes, offset=self.offset)

    def to_onnx(self, graph: OnnxGraph, texts: str) -> str:
        """Draw the trees."""
        turned = graph.unit_rows(graph.linear(texts, self.axes, self.offset), np.float32)
        features = graph.add("Identity", turned, called=FEATURES)
        dump = self.booster.dump_model()
        # Thresholds are doubles, and a feature that equals one has to stay on its side.
        found = graph.trees(
            graph.cast(features, np.float64), dump["num_tree_per_iteration"], _tree_attributes(dump)
        )
        return graph.cast(found, np.float64)

    def on_edge(self, embeddings: Floats, features: Floats) -> Bools:
        """Return bool [b], the texts whose features agree and whose leaves don't."""
        own = self.features(embeddings)
        alike: Bools = np.abs(own - features).max(axis=1) <= _LAST_BITS
        moved: Bools = (self.leaves(own) != self.leaves(features)).any(axis=1)
        return alike & moved


class LightgbmHead(EmbeddingHead):
    """Trees that split along the axes of shrunk linear discriminant analysis."""

    name = "lightgbm"
    libraries: tuple[str, ...] = ("lightgbm", "scikit-learn")

    def check(self, config: ClassifyConfig) -> tuple[LocatedModel, ...]:
        """Find out before any work whether LightGBM is installed.

        Raises:
            ExtraMissingError: it is not.
        """
        require("lightgbm", by="--kind lightgbm")
        return super().check(config)

    def learn(self, examples: Examples, config: ClassifyConfig) -> TreeScorer:
        """Train one classifier."""
        require("lightgbm")
        import lightgbm

        settings = config.lightgbm
        axes, offset = _discriminant_axes(examples, config.components, settings)
        data = lightgbm.Dataset(
            unit_rows(examples.embeddings @ axes + offset),
            examples.labels,
            weight=examples.weights,
            params={"max_bin": settings.max_bin, "verbose": -1},
        )
        least_rows = max(1, len(examples.labels) // settings.leaves_of_small_tables)
        parameters = {
            "objective": "multiclass",
            "num_class": examples.label_count,
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.num_leaves,
            "feature_fraction": settings.feature_fraction,
            "min_data_in_leaf": min(settings.min_data_in_leaf, least_rows),
            "lambda_l2": settings.lambda_l2,
            "bagging_fraction": settings.bagging_fraction,
            "bagging_freq": 1,
            "max_bin": settings.max_bin,
            "seed": examples.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        return TreeScorer(lightgbm.train(parameters, data, settings.num_iterations), axes, offset)

    def load(self, folder: Path) -> TreeScorer:
        """Read trees and axes.

        Raises:
            ModelError: they can't be read.
        """
        held = read_arrays(folder / AXES, {"axes": 2, "offset": 1})
        return read_trees(folder / BOOSTER, held["axes"], held["offset"])


def read_trees(path: Path, axes: Floats, offset: Floats) -> TreeScorer:
    """Read LightGBM's text, after it was checked: LightGBM trusts all that it says.

    Raises:
        ModelError: it is none.
    """
    require("lightgbm")
    import lightgbm

    try:
        text = read_regular(path, MOST_BYTES).decode()
        check_trees(text, axes.shape[1])
        booster = lightgbm.Booster(model_str=trees_alone(text))
    except (lightgbm.basic.LightGBMError, OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise ModelError(f"{path}: can't be read ({said}); train the model again") from None
    return TreeScorer(booster, axes, offset)


def _discriminant_axes(
    examples: Examples, components: int, settings: LightgbmConfig
) -> tuple[Floats, Floats]:
    """Return axes [d, m] and offset [m] that tell labels apart.

    Trees split along single axes, and the embeddings' own mean little one by one. Shrunk linear
    discriminant analysis (Fisher 1936) gives axes that mean something. Where no label has two rows
    that differ, there is no spread within labels to hold them against; the principal axes serve.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    mean, axes = principal_axes(examples.embeddings, components)
    most = min(settings.components, examples.label_count - 1)
    turned: Floats = axes[:, :most]
    if len(examples.labels) > examples.label_count:
        analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=settings.shrinkage)
        with contextlib.suppress(np.linalg.LinAlgError):
            analysis.fit((examples.embeddings - mean) @ axes, examples.labels)
            turned = np.asarray(axes @ analysis.scalings_[:, :most], dtype=np.float32)
    return turned, np.asarray(-mean @ turned, dtype=np.float32)


def _tree_attributes(dump: Mapping[str, Any]) -> dict[str, Any]:
    """Return LightGBM's trees as the attributes of a TreeEnsembleRegressor, all in double."""
    require("onnx")
    from onnx import numpy_helper

    nodes: dict[str, list[Any]] = {
        name: [] for name in ("treeids", "nodeids", "featureids", "modes", "truenodeids")
    } | {"falsenodeids": []}
    thresholds: list[float] = []
    leaves: dict[str, list[int]] = {"treeids": [], "nodeids": [], "ids": []}
    weights: list[float] = []
    labels = dump["num_tree_per_iteration"]

    def append(tree: int, node: Mapping[str, Any], place: int) -> int:
        """Write a node and all below it; return the next free place."""
        nodes["treeids"].append(tree)
        nodes["nodeids"].append(place)
        row = len(thresholds)
        is_leaf = "leaf_value" in node
        nodes["modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
        nodes["featureids"].append(0 if is_leaf else node["split_feature"])
        thresholds.append(0.0 if is_leaf else node["threshold"])
        for side in ("truenodeids", "falsenodeids"):
            nodes[side].append(0)
        if is_leaf:
            leaves["treeids"].append(tree)
            leaves["nodeids"].append(place)
            leaves["ids"].append(tree % labels)
            weights.append(node["leaf_value"])
            return place + 1
        assert node["decision_type"] == "<=", "embeddings have no categories"
        nodes["truenodeids"][row] = place + 1
        free = append(tree, node["left_child"], place + 1)
        nodes["falsenodeids"][row] = free
        return append(tree, node["right_child"], free)

    for tree in dump["tree_info"]:
        append(tree["tree_index"], tree["tree_structure"], 0)
    return {
        **{f"nodes_{name}": values for name, values in nodes.items()},
        "nodes_values_as_tensor": numpy_helper.from_array(np.array(thresholds), "thresholds"),
        **{f"target_{name}": values for name, values in leaves.items()},
        "target_weights_as_tensor": numpy_helper.from_array(np.array(weights), "leaves"),
    }
