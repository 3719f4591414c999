"""What Ray's worker processes run: the work of a block, held to the cores that it was given."""

from collections.abc import Callable, Sequence
from typing import Any

from labelmend.errors import LabelmendError
from labelmend.extras import require
from labelmend.parallel import granted_cores

_kept: dict[str, Callable[[Any], Any]] = {}
"""The work that this process carried last, by the name of its object: it is read once, not once a
block."""


def carry(references: Sequence[Any], block: Any, cores: int) -> Any:
    """Return what the work says of a block.

    Args:
        references: one, to the work in the object store.
        block: of the work.
        cores: that it may use.
    """
    require("ray")
    import ray

    name = references[0].hex()
    if name not in _kept:
        _kept.clear()
        _kept[name] = ray.get(references[0])
    with granted_cores(cores):
        return _kept[name](block)


class Holder:
    """Holds work whose model was loaded, for as long as blocks come.

    Args:
        work: as it comes from the object store, without its model.
        cores: that it may use.
    """

    def __init__(self, work: Callable[[Any], Any], cores: int) -> None:
        self._work = work
        self._cores = cores

    def is_here(self) -> bool:
        """Return True: the process has started."""
        return True

    def carry(self, block: Any) -> Any:
        """Return what the work says of a block.

        Raises:
            LabelmendError: as the work does; its line names the node, which may lack a model.
        """
        try:
            with granted_cores(self._cores):
                return self._work(block)
        except LabelmendError as error:
            error.args = (f"node {_address()}: {error}", *error.args[1:])
            raise


def _address() -> str:
    """Return the address of this node."""
    require("ray")
    import ray

    return str(ray.util.get_node_ip_address())
