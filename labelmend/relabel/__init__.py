"""The main job: candidates, evidence, label model, escalation, decisions, diagnostics.

Until version 0.1 this subpackage was the public function too: `labelmend.relabel(dataset)`. That
function is `labelmend.mend` now; the old call works for one more release, and says so.
"""

import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any


class _CalledByItsOldName(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Mend a dataset's labels; see `labelmend.mend`."""
        warnings.warn(
            "labelmend.relabel() is called labelmend.mend() now, and goes with version 0.3",
            DeprecationWarning,
            stacklevel=2,
        )
        return import_module("labelmend").mend(*args, **kwargs)


sys.modules[__name__].__class__ = _CalledByItsOldName
