"""Which engine carries the work of a run: the one place that knows them all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from labelmend.configs.schema import ClusterConfig
from labelmend.engines.ray_cluster import AUTO, joined_cluster
from labelmend.engines.ray_executor import RayExecutor
from labelmend.extras import require
from labelmend.parallel import LOCAL, Executor

EngineName = Literal["local", "ray"]
"""What `--executor` takes."""


@dataclass(frozen=True)
class Engine:
    """An engine that a user asks for.

    Attributes:
        name: `local` for threads of this process, `ray` for a cluster.
        address: of the cluster: `auto`, `local` for one that is started on this machine and ends
            with the run, or HOST:PORT of its head node.
    """

    name: EngineName = "local"
    address: str = AUTO

    def check(self) -> None:
        """Find out before anything is read whether what it needs is installed.

        Raises:
            ExtraMissingError: it is not.
        """
        if self.name == "ray":
            require("ray", by="--executor ray", instead=", or leave --executor out")

    @contextmanager
    def opened(self, config: ClusterConfig | None = None) -> Iterator[Executor]:
        """Start it, and end it after the work.

        Args:
            config: what each process of a cluster gets that holds a model; as the profile has it
                if None.

        Raises:
            ExtraMissingError: a package is missing.
            ClusterError: the cluster can't be used.
        """
        if self.name == "local":
            yield LOCAL
            return
        with joined_cluster(self.address) as ray:
            executor = RayExecutor(ray, **asdict(config or ClusterConfig()))
            try:
                yield executor
            finally:
                executor.close()


HERE = Engine()
"""Threads of this process."""
