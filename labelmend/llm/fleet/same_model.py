"""Whether several servers run the same model, as far as they tell.

vLLM tells where the weights come from (`root`, and `parent` of an adapter), llama-server the size,
the weights and the vocabulary of its file (`meta`), which other quantisations change. What a server
doesn't tell can't be compared.
"""

import threading
from collections.abc import Mapping
from typing import Any

from labelmend.errors import ModelError, shown

_COUNTS = ("size", "n_params", "n_vocab", "n_embd")


class SameModel:
    """What is known of the model that all servers are to run."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}
        self._turn = threading.Lock()

    def compare(self, url: str, told: Mapping[str, Any]) -> None:
        """Hold a server to what the others have told, and remember what it tells.

        Args:
            url: of the server.
            told: what it says of the model.

        Raises:
            ModelError: it runs another model, or the same in another quantisation.
        """
        facts = _facts(told)
        with self._turn:  # servers are checked at the same time
            for name, value in facts.items():
                first, expected = self._known.get(name, (url, value))
                if value != expected:
                    raise ModelError(
                        f"{url}: runs another model than {first}, or another quantisation of it: "
                        f"{name} is {shown(value)} and {shown(expected)}; votes are kept by model, "
                        "so the servers of one voter have to run the same file"
                    )
            for name, value in facts.items():
                self._known.setdefault(name, (url, value))


def _facts(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells a model from others; a path only by its end, as folders differ."""
    found = {}
    for name in ("root", "parent"):
        value = told.get(name)
        if isinstance(value, str) and value.strip("/"):
            found[name] = value.rstrip("/").rpartition("/")[2]
    told_of_file = told.get("meta")
    meta = told_of_file if isinstance(told_of_file, dict) else {}
    for name in _COUNTS:
        value = meta.get(name)
        if isinstance(value, int) and value > 0:
            found[name] = str(value)
    return found
