"""A Ray cluster: joining one, starting one on this machine, and what its nodes have."""

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labelmend.errors import ClusterError, shown
from labelmend.extras import require
from labelmend.parallel import usable_cores
from labelmend.version import __version__

AUTO, HERE = "auto", "local"
"""Addresses: of a cluster of which this machine is a node, and of one that is started for a run."""

RETRIES = 3
"""Times that a block is carried again where its process or node was lost. One that kills whatever
carries it, as by its memory, must not do so for ever."""

_SETTINGS = MappingProxyType(
    {
        # Ray counts those that run out of memory apart, and carries them again for ever.
        "RAY_task_oom_retries": str(RETRIES),
        # What Ray tells of lost processes and nodes would stand between our lines, on stdout.
        "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
        # Errors of blocks that nobody waits for any more.
        "RAY_IGNORE_UNHANDLED_ERRORS": "1",
        # Else Ray warns of a variable that nobody has set.
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
)
"""Environment variables that Ray reads as it is imported; those that the user has set stand."""

_ANSWER_SECONDS = 5.0
"""That a head node is waited for. Ray itself would wait for two minutes, and then end us."""

_HEAD_SECONDS, _BETWEEN_LOOKS = 15.0, 0.5
"""That a head node which has answered is waited for until it does so again, and between two looks.
Chosen by hand: a head that is started again takes some seconds."""

_CHECK_SECONDS = 120.0
"""That nodes are waited for until they have said which labelmend they have."""

_REMOVALS, _BETWEEN_REMOVALS = 10, 0.2
"""Times that Ray's files are removed, as long as they come again, and seconds in between."""

_LONGEST_FOLDER = 40
"""Characters of a folder for Ray's files: a socket's path takes some sixty more, of 107."""


@dataclass(frozen=True)
class Node:
    """What a living node of the cluster can give to work.

    Attributes:
        name: its address.
        cores: at least one.
        gpus: as many.
    """

    name: str
    cores: int
    gpus: float

    def holds(self, cores: int, gpus: float) -> int:
        """Return how many models this node holds that ask for so much each."""
        count = self.cores // cores
        return min(count, int(self.gpus / gpus)) if gpus else count


def nodes_of(ray: Any) -> list[Node]:
    """Return the living nodes that have a core for work.

    Raises:
        ClusterError: the head node is lost.
    """
    await_head(ray)
    found = []
    for node in ray.nodes():
        has = node["Resources"] if node["Alive"] else {}
        if has.get("CPU", 0) >= 1:
            found.append(Node(node["NodeManagerAddress"], int(has["CPU"]), has.get("GPU", 0.0)))
    return found


def head_answers(ray: Any) -> bool:
    """Tell whether somebody listens where the head node of the joined cluster was."""
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def await_head(ray: Any) -> None:
    """Wait until the head node answers, before it is asked for anything.

    Without it Ray itself would wait for a minute, deaf to signals, and then end this process.

    Raises:
        ClusterError: it doesn't.
    """
    until = time.monotonic() + _HEAD_SECONDS
    while not head_answers(ray):
        if time.monotonic() > until:
            raise ClusterError(
                "the head node of the Ray cluster is lost; start the cluster again, then run the "
                "command again"
            )
        time.sleep(_BETWEEN_LOOKS)


@contextmanager
def joined_cluster(address: str) -> Iterator[Any]:
    """Join a cluster, or start one, and leave it in the end.

    A cluster that this process has joined already is used by the address `auto`, and not left.

    Args:
        address: `auto`, `local`, or HOST:PORT of the head node.

    Yields:
        the module `ray`.

    Raises:
        ExtraMissingError: Ray is not installed.
        ClusterError: nobody answers there, or a node has no labelmend, or another.
    """
    require("ray", by="--executor ray", instead=", or leave --executor out")
    if address not in (AUTO, HERE):
        _check_answers(address, address)
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if address == HERE:
        _make_token()
    import ray

    if ray.is_initialized():
        if address != AUTO:
            raise ClusterError(
                f"--ray-address {address}: this process has joined a Ray cluster already; use auto"
            )
        yield ray
        return
    with _started(ray) if address == HERE else _joined(ray, address):
        _check_nodes(ray, address)
        yield ray


def _make_token() -> None:
    """Let nobody else use what is started here: its ports are open to the network.

    Ray reads the token as it is imported, and would make one in the home folder. Where Ray is
    imported already, or the user has settled it, that stands.
    """
    settled = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
    if "ray" not in sys.modules and not any(name in os.environ for name in settled):
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))


@contextmanager
def _joined(ray: Any, address: str) -> Iterator[None]:
    place = address
    if address == AUTO:
        place = os.environ.get("RAY_ADDRESS", "").strip() or _noted_address()
        if place:
            _check_answers(address, place)
    try:
        if place:
            _begin(ray, address=place)
        else:
            _begin_noted_elsewhere(ray)
        yield
    finally:
        ray.shutdown()


def _begin_noted_elsewhere(ray: Any) -> None:
    """Join what Ray itself finds on this machine, as one that was started with `--temp-dir`.

    Raises:
        ClusterError: it finds nothing.
    """
    try:
        _begin(ray, address=AUTO)
    except ClusterError as error:
        raise ClusterError(
            "--ray-address auto: no Ray runs on this machine; start it with `ray start`, or give "
            "--ray-address local"
        ) from error


@contextmanager
def _started(ray: Any) -> Iterator[None]:
    """Start Ray on this machine, for this run alone."""
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_FOLDER:
        parent = "/tmp"  # noqa: S108 - the folder in it is made anew, for us alone
    folder = tempfile.mkdtemp(prefix="labelmend-ray-", dir=parent)
    cores = usable_cores()
    try:
        # Without an address Ray would join what RAY_ADDRESS names.
        _begin(ray, address="local", num_cpus=cores, include_dashboard=False, _temp_dir=folder)
        yield
    finally:
        ray.shutdown()
        _remove(Path(folder))


def _remove(folder: Path) -> None:
    """Remove Ray's files; its processes may write a last line to them as they end."""
    for _ in range(_REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_BETWEEN_REMOVALS)


def _begin(ray: Any, **how: Any) -> None:
    """Join or start as `how` says; whatever goes wrong is said in a line.

    Raises:
        ClusterError: it goes wrong.
    """
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with _nothing_on_stderr():
            ray.init(log_to_driver=False, logging_level="CRITICAL", configure_logging=False, **how)
    except (Exception, SystemExit) as error:
        raise ClusterError(
            f"can't join the Ray cluster ({shown(said_by(error))[1:-1]}); see whether its token, "
            "its Ray and its Python are those of here"
        ) from error
    finally:
        if is_main:  # Ray's own would end us with another exit code
            signal.signal(signal.SIGTERM, handler)


@contextmanager
def _nothing_on_stderr() -> Iterator[None]:
    """Keep off the terminal what Ray's C++ side says each second while it waits for an answer."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _noted_address() -> str:
    """Return where Ray has noted the cluster that was started last on this machine."""
    folder = Path(os.environ.get("RAY_TMPDIR") or "/tmp")  # noqa: S108 - Ray's own
    with suppress(OSError, UnicodeDecodeError):
        return (folder / "ray" / "ray_current_cluster").read_text("utf-8").strip()
    return ""


def _check_answers(address: str, place: str) -> None:
    """Make sure that somebody answers.

    Raises:
        ClusterError: nobody does, or the address is none.
    """
    host, _, port = place.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise ClusterError(f"--ray-address {shown(place)}: give auto, local, or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise ClusterError(
            f"--ray-address {address}: nobody answers at {shown(place)[1:-1]} ({said}); start a "
            "cluster there, or give --ray-address local"
        ) from None


def _check_nodes(ray: Any, address: str) -> None:
    """Make sure that each node has this labelmend.

    Raises:
        ClusterError: one has none, or another; or no node has a core for work.
    """
    if not nodes_of(ray):
        raise ClusterError(f"--ray-address {address}: no node of the cluster has a core for work")

    require("ray")
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def version() -> str:
        from labelmend.version import __version__

        return __version__

    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)
            task = ray.remote(version).options(num_cpus=0, scheduling_strategy=where)
            asked[node["NodeManagerAddress"]] = task.remote()
    for name, answer in asked.items():
        try:
            found = ray.get(answer, timeout=_CHECK_SECONDS)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if not isinstance(cause, ImportError):
                raise ClusterError(
                    f"--ray-address {address}: node {name} runs nothing: {said_by(error)}"
                ) from None
            raise ClusterError(
                f"--ray-address {address}: node {name} has no labelmend; install labelmend "
                f"{__version__} there with the same extras as here"
            ) from None
        if found != __version__:
            raise ClusterError(
                f"--ray-address {address}: node {name} has labelmend {found}, and this is "
                f"{__version__}; install the same everywhere"
            )


def said_by(error: BaseException) -> str:
    """Return the first line of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
