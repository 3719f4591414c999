"""Which model a path means now, and the thread that sees when it means another one.

A registry's champion is a link that is replaced by one rename, and a model folder is replaced as a
whole: so a look at the link and at the card tells, every few seconds, whether there is a new model.
It is loaded and warmed up beside the old one, and then takes its place between two batches.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from labelmend.classify.folder import CARD
from labelmend.errors import LabelmendError
from labelmend.serve.models.loaded import AnyLoaded
from labelmend.serve.service import Role, Service

CHAMPION = "champion"
"""What a registry calls the model in use; see `labelmend.retrain.registry`."""

_AGAIN = 60.0
"""Seconds after which a model is tried again that could not be loaded: a disk may be free again."""

Tell = Callable[[str, Role, str], None]
"""Hears that a model was `swapped`, its version, or that it `failed`, and why."""


def model_folder(path: Path) -> Path:
    """Return the folder of the model that a path means now: of a registry, its champion's."""
    champion = path / CHAMPION
    if not (path / CARD).exists() and os.path.lexists(champion):
        path = champion
    return Path(os.path.realpath(path))


class Watch:
    """A thread that loads what takes the place of a model, and swaps it in."""

    def __init__(
        self,
        service: Service,
        paths: Mapping[Role, Path],
        load: Callable[[Path], AnyLoaded],
        every: float,
        tell: Tell,
    ) -> None:
        """Remember how the models look now.

        Args:
            service: whose models are swapped.
            paths: of the models' folders or registries, by their roles.
            load: opens a model and warms it up.
            every: seconds between two looks.
            tell: hears of swaps, and of models that can't be loaded.
        """
        self._service, self._paths, self._load = service, dict(paths), load
        self._every, self._tell = every, tell
        self._looks = {role: _look(path) for role, path in paths.items()}
        self._again = dict.fromkeys(paths, float("inf"))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="labelmend-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a model that is being loaded is forgotten."""
        self._stopping.set()

    def look(self) -> None:
        """Look once, and swap what is new."""
        for role, path in self._paths.items():
            look = _look(path)
            if look is None or (look == self._looks[role] and time.monotonic() < self._again[role]):
                continue
            self._looks[role] = look
            self._swap(role, path)

    def _work(self) -> None:
        while not self._stopping.wait(self._every):
            self.look()

    def _swap(self, role: Role, path: Path) -> None:
        self._again[role] = float("inf")
        try:
            model = self._load(path)
            self._service.check(model)
        except LabelmendError as error:
            self._failed(role, str(error))
        except Exception as error:  # noqa: BLE001 -- the model before is served on, whatever it is
            self._failed(role, f"unexpected {type(error).__name__}")
        else:
            if model.version == self._service.models[role].version:
                # Where another one failed, it has its place again.
                self._service.problems.pop(role, None)
                return
            if not self._stopping.is_set():
                self._service.replace(role, model)
                self._tell("swapped", role, model.version)

    def _failed(self, role: Role, why: str) -> None:
        self._again[role] = time.monotonic() + _AGAIN
        self._service.problems[role] = why
        self._tell("failed", role, why)


def _look(path: Path) -> tuple[object, ...] | None:
    """Return what is another one where the model is another one; None where there is none."""
    folder = model_folder(path)
    try:
        found = (folder / CARD).stat()
    except OSError:
        return None
    return folder, found.st_ino, found.st_mtime_ns, found.st_size
