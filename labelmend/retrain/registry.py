"""A folder that holds every version of a model, and names the one in use.

    registry.json        says that the folder is a registry
    versions/v00001/     one version: `model/` (a model folder), `version.json`, and what else the
                         step put there, such as its rows
    champion             a link to the model folder of the version in use
    history.jsonl        a line for all that happened; lines are added, and never changed
    staging/             versions in the making; what a killed step left is removed by the next

A version comes into being by one rename of its whole folder, and the champion is replaced by one
rename of a link, so that whoever reads, such as a server, sees the one before or the one after. A
version's record says whether it is to be the champion before the link says so: what a process that
was killed between the two left undone is done by the next one that opens the registry.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelmend.data.outputs.journal import sync_folder
from labelmend.data.outputs.lines import append_lines
from labelmend.data.outputs.locks import alone_in, lock
from labelmend.errors import InputError, ModelMissingError, OutputError
from labelmend.regular_file import parsed_json, regular_lines
from labelmend.retrain.version import RECORD, Version, read_version, write_version

CHAMPION = "champion"
MODEL = "model"
_MARK = "registry.json"
_VERSIONS = "versions"
_STAGING = "staging"
_HISTORY = "history.jsonl"
_LOCK = "step.lock"

_ID = re.compile(r"v(\d{5,9})")

_FORMAT = 1
"""Of the folder's layout; another number is another layout."""


@dataclass(frozen=True)
class Event:
    """A line of the history.

    Attributes:
        at: when, ISO 8601 in UTC.
        event: a verdict, "rolled back", or "accepted" where a person overruled a refusal.
        version: of which version.
        champion: the version in use from then on; None while there is none.
        reasons: why, one line each.
        recovered: whether a later process finished what a killed one had begun.
    """

    at: str
    event: str
    version: str
    champion: str | None
    reasons: tuple[str, ...] = ()
    recovered: bool = False


def is_registry(folder: Path) -> bool:
    """Tell whether a folder is a registry."""
    return (folder / _MARK).is_file()


def champion_id(folder: Path) -> str | None:
    """Return the version in use, by one look at the link: cheap enough to be asked every second."""
    try:
        place = (folder / CHAMPION).readlink()
    except OSError:
        return None
    name = place.parent.name
    return name if _ID.fullmatch(name) and place.name == MODEL else None


def champion_model(folder: Path) -> Path:
    """Return the model folder of the version in use, which stays when another takes its place.

    Raises:
        ModelMissingError: there is no such version.
    """
    version = champion_id(folder)
    if version is None or not (folder / _VERSIONS / version / MODEL).is_dir():
        raise ModelMissingError(
            f"{folder}: has no champion yet; run `labelmend retrain` to train one"
        )
    return folder / _VERSIONS / version / MODEL


class Registry:
    """A registry folder.

    Attributes:
        folder: its place.
    """

    def __init__(self, folder: Path) -> None:
        """Open a registry that is there, and finish what a killed process left undone.

        Raises:
            InputError: the folder is no registry.
            ModelError: a version's record can't be read.
            OutputError: it can't be written to.
        """
        if not is_registry(folder):
            what = "is no registry" if folder.is_dir() else "no such folder"
            raise InputError(f"{folder}: {what}; run `labelmend retrain` to make one")
        self.folder = folder
        with self._written():
            self._finish()

    @classmethod
    def make(cls, folder: Path) -> "Registry":
        """Open a registry; a folder that is missing or empty becomes one.

        Raises:
            OutputError: the folder holds something else, or can't be written to.
        """
        if not is_registry(folder):
            if folder.exists() and not folder.is_dir():
                raise OutputError(f"{folder}: is a file; give a folder for the registry")
            if not folder.parent.is_dir():
                raise OutputError(
                    f"{folder}: the folder {folder.parent} is missing; create it first"
                )
            if folder.is_dir() and any(name.name != _temporary(_MARK) for name in folder.iterdir()):
                raise OutputError(
                    f"{folder}: holds other files than a registry's; give an empty or a new folder"
                )
            with _told(folder):
                folder.mkdir(exist_ok=True)
                mark = folder / _temporary(_MARK)
                mark.write_text(json.dumps({"labelmend registry": _FORMAT}) + "\n", "utf-8")
                mark.replace(folder / _MARK)
        return cls(folder)

    # What is there.

    def ids(self) -> tuple[str, ...]:
        """Return the names of all versions, oldest first."""
        place = self.folder / _VERSIONS
        names = [path.name for path in place.iterdir()] if place.is_dir() else []
        known = [name for name in names if _ID.fullmatch(name)]
        return tuple(sorted(known, key=lambda name: int(name[1:])))

    def place(self, version: str) -> Path:
        """Return the folder of a version."""
        return self.folder / _VERSIONS / version

    def version(self, version: str) -> Version:
        """Read what is known of a version.

        Raises:
            ModelError: its record is missing or can't be read.
        """
        return read_version(self.place(version))

    def versions(self) -> tuple[Version, ...]:
        """Read what is known of all versions, oldest first.

        Raises:
            ModelError: a record can't be read.
        """
        return tuple(self.version(name) for name in self.ids())

    def champion(self) -> str | None:
        """Return the version in use; None while there is none."""
        return champion_id(self.folder)

    def history(self) -> tuple[Event, ...]:
        """Read all that happened, oldest first; a line that a killed process cut short is no line.

        Raises:
            OutputError: the file can't be read.
        """
        found = []
        try:
            with suppress(FileNotFoundError):
                for line in regular_lines(self.folder / _HISTORY):
                    event = _event(line)
                    if event is not None:
                        found.append(event)
        except OSError as error:
            raise OutputError(
                f"{self.folder / _HISTORY}: can't be read ({error.strerror or error}); mend that"
            ) from None
        return tuple(found)

    def champions(self) -> tuple[str, ...]:
        """Return the versions that were in use before the present one, and it; oldest first.

        Where it was rolled back to one of them, those behind it are forgotten.
        """
        held: list[str] = []
        for event in self.history():
            if event.champion is None or (held and held[-1] == event.champion):
                continue
            if event.event == "rolled back" and event.champion in held:
                del held[held.index(event.champion) + 1 :]
            else:
                held.append(event.champion)
        return tuple(held)

    def accepted(self) -> frozenset[str]:
        """Return the refused versions whose rows count, since a person said so."""
        return frozenset(e.version for e in self.history() if e.event == "accepted")

    # What changes it.

    @contextmanager
    def step(self) -> Iterator[bool]:
        """Be the only process that makes a version, until the block is left or the process ends.

        Yields:
            whether it is; False where another one is at work.

        Raises:
            OutputError: the folder can't be written to.
        """
        with _told(self.folder):
            handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            taken = lock(handle) is not False
            if taken:
                with _told(self.folder):
                    shutil.rmtree(self.folder / _STAGING, ignore_errors=True)
                with self._written():
                    self._finish()
            yield taken
        finally:
            os.close(handle)

    def stage(self) -> Path:
        """Make an empty folder for a version in the making; its model belongs into `model/`.

        Raises:
            OutputError: it can't be made.
        """
        place = self.folder / _STAGING / secrets.token_hex(8)
        with _told(self.folder):
            place.mkdir(parents=True)
        return place

    def next_id(self) -> str:
        """Return the name of the version that would be committed next."""
        last = max((int(name[1:]) for name in self.ids()), default=0)
        return f"v{last + 1:05d}"

    def commit(self, staged: Path, version: Version) -> Event:
        """Put a version in its place, and the champion's link with it where it is promoted.

        When this returns all is on the disk. A version that was compared with another champion than
        the present one, since somebody rolled back meanwhile, is not promoted.

        Args:
            staged: its folder, from `stage`.
            version: its record, with the name of `next_id`.

        Raises:
            OutputError: it can't be written; what was there before is whole.
        """
        with self._written():
            write_version(version, staged)
            for path in staged.rglob("*"):
                if path.is_file():
                    _sync(path)
            (self.folder / _VERSIONS).mkdir(exist_ok=True)
            staged.rename(self.place(version.id))
            sync_folder(self.folder / _VERSIONS)
            return self._settle(version, recovered=False)

    def rollback(self, to: str | None = None, reason: str = "") -> Event:
        """Put an earlier version in the champion's place.

        Args:
            to: its name; None for the champion before the present one.
            reason: why, for the history.

        Raises:
            InputError: there is no such version.
            OutputError: the folder can't be written to.
        """
        with self._written():
            held, now = self.champions(), self.champion()
            if to is None:
                if len(held) < len((now, "the one before")):
                    raise InputError(
                        f"{self.folder}: no champion came before {now or 'the first'}, so there "
                        "is nothing to go back to"
                    )
                to = held[-2]
            if not (self.place(to) / MODEL).is_dir() or not _ID.fullmatch(to):
                known = [name for name in self.ids() if (self.place(name) / MODEL).is_dir()]
                raise InputError(
                    f"{self.folder}: has no model of a version {to!r}; there are "
                    f"{', '.join(known[-_SHOWN:]) or 'none'}"
                )
            self._point(to)
            return self._log("rolled back", to, (reason,) if reason else ())

    def accept(self, version: str, reason: str = "") -> Event:
        """Let the rows of a refused version count from the next step on.

        Raises:
            InputError: there is no such version, or it was not refused.
            OutputError: the folder can't be written to.
        """
        with self._written():
            refused = [v.id for v in self.versions() if v.verdict == "refused"]
            if version not in refused:
                raise InputError(
                    f"{self.folder}: has no refused version {version!r}; refused were "
                    f"{', '.join(refused[-_SHOWN:]) or 'none'}"
                )
            return self._log("accepted", version, (reason,) if reason else ())

    def drop_models(self, keep: int) -> tuple[str, ...]:
        """Remove old models; what is known of their versions stays.

        Kept are the models of the newest versions, of the last champions, and of the present one.

        Args:
            keep: models of each that stay, at least 1.

        Returns:
            the versions whose models went.

        Raises:
            OutputError: one can't be removed.
        """
        with self._written():
            kept = {*self.ids()[-keep:], *self.champions()[-keep:], self.champion()}
            gone = [
                name
                for name in self.ids()
                if name not in kept and (self.place(name) / MODEL).is_dir()
            ]
            for name in gone:
                # Out of the way first: a folder with half a model is never seen.
                away = self.folder / _STAGING / secrets.token_hex(8)
                away.parent.mkdir(exist_ok=True)
                (self.place(name) / MODEL).rename(away)
                shutil.rmtree(away)
            return tuple(gone)

    def _finish(self) -> None:
        """Do what a killed process left undone: it had put a version in place, or a link."""
        logged = {event.version for event in self.history()}
        for name in self.ids():
            if name not in logged:
                self._settle(self.version(name), recovered=True)
        held, now = self.champions(), self.champion()
        if now is not None and (not held or held[-1] != now):
            self._log("rolled back", now, (), recovered=True)

    def _settle(self, version: Version, *, recovered: bool) -> Event:
        """Point to a version that is to be the champion, and write down what became of it."""
        now, event, reasons = self.champion(), version.verdict, version.reasons
        if event == "promoted" and now != version.id:
            if now == version.champion_before:
                self._point(version.id)
            else:
                said = f"the champion is {now} now, and it was compared with another"
                event, reasons = "not better", (*reasons, said)
        return self._log(event, version.id, reasons, recovered=recovered)

    def _point(self, version: str) -> None:
        temporary = self.folder / _temporary(CHAMPION)
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path(_VERSIONS) / version / MODEL, target_is_directory=True)
        temporary.replace(self.folder / CHAMPION)
        sync_folder(self.folder)

    def _log(
        self, event: str, version: str, reasons: Sequence[str], *, recovered: bool = False
    ) -> Event:
        written = Event(
            utc_now(), event, version, self.champion(), tuple(reasons), recovered=recovered
        )
        append_lines(self.folder / _HISTORY, [vars(written)], "events")
        return written

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Keep other processes from changing versions, link and history; tell what goes wrong."""
        with _told(self.folder), alone_in([self.folder]):
            yield


_SHOWN = 5
"""Versions that a message names."""


def utc_now() -> str:
    """Return this moment, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def is_version(folder: Path) -> bool:
    """Tell whether a folder is a version of a registry."""
    return bool(_ID.fullmatch(folder.name)) and (folder / RECORD).is_file()


def _temporary(name: str) -> str:
    return f".{name}.new"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _event(line: bytes) -> Event | None:
    try:
        held: dict[str, Any] = parsed_json(line)
        return Event(**{**held, "reasons": tuple(held["reasons"])})
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the system says of a registry's files into one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder}: can't be written to ({error.strerror or error}); mend that and run again; "
            "the versions in it are whole"
        ) from None
