"""labelmend mends the labels of noisy text-classification data with local models.

    import labelmend

    dataset = labelmend.make_dataset(texts, labels)
    result = labelmend.relabel(dataset)

`NoisyLabelCorrector` and `find_label_issues` serve those who bring their own embeddings or
out-of-fold probabilities. Everything is imported on first use, so `import labelmend` is instant.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# onnxruntime 1.31 sends facts on the machine to its maker unless this is set before it loads.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from labelmend.configs.load import load_config
    from labelmend.relabel.api import make_dataset, relabel
    from labelmend.relabel.corrector import NoisyLabelCorrector, find_label_issues
    from labelmend.relabel.explain import explain
    from labelmend.types import Dataset, Relabelling

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "NoisyLabelCorrector",
    "Relabelling",
    "__version__",
    "explain",
    "find_label_issues",
    "load_config",
    "make_dataset",
    "relabel",
]

_HOMES = {
    "Dataset": "labelmend.types",
    "NoisyLabelCorrector": "labelmend.relabel.corrector",
    "Relabelling": "labelmend.types",
    "explain": "labelmend.relabel.explain",
    "find_label_issues": "labelmend.relabel.corrector",
    "load_config": "labelmend.configs.load",
    "make_dataset": "labelmend.relabel.api",
}


def __getattr__(name: str) -> Any:
    if name == "relabel":  # the callable subpackage; why, its own docstring says
        return import_module("labelmend.relabel")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
