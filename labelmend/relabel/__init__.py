"""The main job: describe, suspect, vote, fuse, decide.

This subpackage can be called: `labelmend.relabel(dataset, config)` is `labelmend.relabel.api`'s
function of the same name. It has to be the module itself that is called, since Python binds a
subpackage to its parent's attribute whenever one of its modules is first imported, and so would
replace a function there, sooner or later, by this module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.protocols import Progress
    from labelmend.types import Dataset, Relabelling


class _CallableModule(ModuleType):
    """A module that is called as the public function that shares its name."""

    def __call__(
        self,
        dataset: Dataset,
        config: Config | None = None,
        *,
        use_llm: bool = False,
        descriptions: Mapping[str, str] | None = None,
        votes: Mapping[str, Sequence[str | None]] | None = None,
        self_test: bool = False,
        progress: Progress | None = None,
    ) -> Relabelling:
        """Mend a dataset's labels; see `labelmend.relabel.api.relabel`."""
        from labelmend.relabel.api import relabel

        return relabel(
            dataset,
            config,
            use_llm=use_llm,
            descriptions=descriptions,
            votes=votes,
            self_test=self_test,
            progress=progress,
        )

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """Pickle by name, as functions are: it may be sent to worker processes."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _CallableModule
