"""Exporting classifiers of one label a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelmend.classify.model_folder import SavedModel
from labelmend.onnx.onnx_folder import OnnxPredictions, Outputs
from labelmend.onnx.onnx_graph import classifier_graph, with_features
from labelmend.onnx.parity import Int8Cost, Parity, int8_cost, parity_of
from labelmend.onnx.task import CheckTexts
from labelmend.retrieval.space import TextSpace


@dataclass(frozen=True)
class SingleExport:
    """A model, see `ExportTask`."""

    model: SavedModel

    values = "probabilities"

    @property
    def kind(self) -> str:
        """Of the classifier."""
        return self.model.classifier.kind

    @property
    def size(self) -> str:
        """How many labels it has, in words."""
        return f"{len(self.model.classifier.labels)} labels"

    def graph(self) -> Any:
        """Return `classifier_graph` of it.

        Raises:
            ModelError: its kind can't be exported.
        """
        return classifier_graph(self.model.classifier, self.model.means)

    def asked(self, graph: Any) -> Any:
        """Return the graph that also says what trees split on."""
        return with_features(graph)

    def parity(self, space: TextSpace, texts: CheckTexts, found: Outputs) -> Parity:
        """Hold labels, flags and probabilities against the model's."""
        (embeddings,) = texts.placed(space)
        return parity_of(self.model.classifier, embeddings, OnnxPredictions.of(found))

    def cost(
        self, texts: CheckTexts, before: Outputs, after: Outputs, sizes: tuple[int, int]
    ) -> Int8Cost:
        """Compare labels, and where these are known how many are right."""
        labels = self.model.classifier.labels
        one, two = OnnxPredictions.of(before), OnnxPredictions.of(after)
        return int8_cost(labels, texts, one, two, sizes)

    def facts(self) -> Mapping[str, Any]:
        """Return kind and labels."""
        classifier = self.model.classifier
        return {
            "kind": classifier.kind,
            "labels": list(classifier.labels),
            "oos_label": None if classifier.oos is None else classifier.labels[classifier.oos],
        }
