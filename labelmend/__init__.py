"""labelmend mends the labels of noisy text-classification data with local models.

    import labelmend

    dataset = labelmend.make_dataset(texts, labels)
    result = labelmend.mend(dataset)

`mend_sets` mends labels of which a text may have several.

`NoisyLabelCorrector` and `find_label_issues` serve those who bring their own embeddings or
out-of-fold probabilities, and `TextClassifier` learns from what was mended. Everything is imported
on first use, so `import labelmend` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from labelmend.telemetry import switch_off

switch_off()  # before any library loads

if TYPE_CHECKING:
    from labelmend.api import make_dataset, mend, mend_sets
    from labelmend.configs.load import load_config
    from labelmend.estimators.noisy_labels import NoisyLabelCorrector, find_label_issues
    from labelmend.estimators.text_classifier import TextClassifier
    from labelmend.relabel.diagnostics.explain import explain
    from labelmend.relabel.result import Relabelling
    from labelmend.types import Dataset
    from labelmend.version import __version__

__all__ = [
    "Dataset",
    "NoisyLabelCorrector",
    "Relabelling",
    "TextClassifier",
    "__version__",
    "explain",
    "find_label_issues",
    "load_config",
    "make_dataset",
    "mend",
    "mend_sets",
]

_HOMES = {
    "Dataset": "labelmend.types",
    "NoisyLabelCorrector": "labelmend.estimators.noisy_labels",
    "Relabelling": "labelmend.relabel.result",
    "TextClassifier": "labelmend.estimators.text_classifier",
    "__version__": "labelmend.version",
    "explain": "labelmend.relabel.diagnostics.explain",
    "find_label_issues": "labelmend.estimators.noisy_labels",
    "load_config": "labelmend.configs.load",
    "make_dataset": "labelmend.api",
    "mend": "labelmend.api",
    "mend_sets": "labelmend.api",
}


def __getattr__(name: str) -> Any:
    if name == "relabel":  # the subpackage, which could be called until version 0.1
        return import_module("labelmend.relabel")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
