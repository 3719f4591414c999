"""What `labelmend serve` does: it binds, opens models and their exports, and answers."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labelmend.classify.any_model import load_any
from labelmend.classify.folder import CARD, SEVERAL, SINGLE, SOFT, require_task, task_of
from labelmend.classify.model_folder import load_model
from labelmend.classify.soft.model_folder import SoftModel
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table
from labelmend.errors import ConfigError, ModelError, ModelMissingError
from labelmend.extras import require
from labelmend.onnx.open_export import open_export
from labelmend.protocols import NoProgress, Progress
from labelmend.voice.speak import ENGLISH, Language, note, tell
from labelmend.weights.hashing import sha256_of
from labelmend.weights.home import cache_home
from labelmend.weights.signature import TrustedKey
from labelmend.workflows.export import export_file

if TYPE_CHECKING:
    from labelmend.journal.entries import LogTask
    from labelmend.journal.log import Journal, LogRequest
    from labelmend.serve.app import Part
    from labelmend.serve.models.loaded import AnyLoaded
    from labelmend.serve.models.watch import Tell, Watch
    from labelmend.serve.parts.drift import Seen
    from labelmend.serve.place import Place
    from labelmend.serve.server import ServeServer
    from labelmend.serve.service import Limits, Role, Service

_NEEDED = (
    *("fastapi", "uvicorn", "httptools", "orjson", "prometheus_client"),
    *("onnx", "onnxruntime", "tokenizers"),
)
"""Packages of the extra `serve`."""

_KEPT_EXPORTS = 4
"""Exports that stay in the cache: of two models, and of those before them."""


@dataclass(frozen=True)
class Models:
    """Which models are served, and how they are opened.

    Attributes:
        model: folder of a model, or a registry, whose champion is meant.
        against: another one; None for none.
        is_plain: run them as `predict` does, without an export.
        trust_key: a public key of minisign that has to have signed them.
    """

    model: Path
    against: Path | None = None
    is_plain: bool = False
    trust_key: Path | None = None


@dataclass(frozen=True)
class ServeRequest:
    """What is served, where and how.

    Attributes:
        models: that are served.
        place: where.
        limits: of what is asked.
        language: of the page.
        every: seconds between two looks for a new model; 0 for none.
        log: of requests and feedback; None for none.
        reference: a table that the log is held against; None for the model's folder.
    """

    models: Models
    place: "Place"
    limits: "Limits"
    language: Language = ENGLISH
    every: float = 2.0
    log: "LogRequest | None" = None
    reference: Path | None = None


@dataclass
class Running:
    """A server that is ready, and what watches its models.

    Attributes:
        server: answers.
        watch: swaps models; None where nobody does.
        journal: the log of requests; None where there is none.
    """

    server: "ServeServer"
    watch: "Watch | None"
    journal: "Journal | None" = None

    def serve(self) -> None:
        """Answer until a signal comes, and then all that was accepted."""
        if self.watch is not None:
            self.watch.start()
        try:
            self.server.serve()
        finally:
            self.close()

    def close(self) -> None:
        """Let everything go."""
        if self.watch is not None:
            self.watch.stop()
        self.server.close()
        if self.journal is not None:
            self.journal.close()


def open_server(
    request: ServeRequest, progress: Progress, hear: "Tell", parts: Sequence["Part"] = ()
) -> Running:
    """Bind, open the models, and put the server together.

    Args:
        request: what is served.
        progress: hears how far an export is.
        hear: hears of models that are swapped.
        parts: what others add to the application; those of the command come from `parts_of`.

    Raises:
        LabelmendError: a model can't be used, the extra is not installed, or the address is taken.
    """
    require(*_NEEDED, by="serve")
    from labelmend.serve.parts.drift import DriftWatch, drift_part
    from labelmend.serve.parts.feedback import log_part
    from labelmend.serve.server import Listener, ServeServer

    listener = Listener(request.place)
    service = journal = None
    try:
        task = served_task(request.models)
        if request.log is not None:
            request.log.check(_logged(task))
        if request.reference is not None:
            _check_reference(request, task)
        service = open_service(request.models, request.limits, progress)
        if request.log is not None:
            journal = request.log.open(_logged(task))
            parts = (*parts, log_part(service, journal))
        if request.log is not None and task == SINGLE:
            watch_drift = DriftWatch(partial(_seen, request, service), request.language)
            parts = (*parts, drift_part(watch_drift))
        server = ServeServer(listener, service, parts, request.language)
        watch = watching(service, request.models, request.every, hear)
    except BaseException:
        if service is not None:
            service.close()
        if journal is not None:
            journal.close()
        listener.close()
        raise
    return Running(server, watch, journal)


def _logged(task: str) -> "LogTask":
    """Return the task of a log of models of a task.

    Raises:
        ConfigError: no log is kept of such.
    """
    if task == SOFT:
        raise ConfigError(
            "--log: keeps labels and what people say of them, and a model of soft targets has "
            "none; leave it out"
        )
    return "several" if task == SEVERAL else "single"


def _check_reference(request: ServeRequest, task: str) -> None:
    """See before any work whether the log can be held against the table.

    Raises:
        LabelmendError: it can't.
    """
    assert request.reference is not None, "somebody names it"
    if task != SINGLE:
        raise ConfigError(
            "--reference: drift is looked for behind models of one label a text alone; leave it out"
        )
    if request.log is None:
        raise ConfigError("--reference: nothing is compared without --log; name a file with --log")
    read_table(request.reference)


def _seen(request: ServeRequest, service: "Service") -> "Seen":
    """Hold the newest texts of the log against what the model was trained on.

    Raises:
        LabelmendError: the log or the reference can't be used, or the model is another one by now.
    """
    from labelmend.report.drift.words import drift_lines, headline
    from labelmend.serve.models.open_model import version_of
    from labelmend.serve.models.watch import model_folder
    from labelmend.serve.parts.drift import Seen
    from labelmend.workflows.monitor import look_at_log

    assert request.log is not None, "there is no panel without a log"
    served = service.models["main"]
    folder = model_folder(request.models.model)
    model = load_model(folder)
    if version_of(folder) != served.version:
        raise ModelError(f"{folder}: is another model than the one that answers; ask again later")
    place = partial(service.placed_aside, served)
    found = look_at_log(request.log.path, request.reference, model, place)
    drift, notes = found.drift, [tell("Note: {note:name}", note=one) for one in found.notes]
    return Seen(bool(drift.found), headline(drift), (*drift_lines(drift), *notes), drift.to_json())


def watching(service: "Service", models: Models, every: float, hear: "Tell") -> "Watch | None":
    """Return what will see new models, and swap them in; None where nobody looks.

    Args:
        service: whose models are swapped.
        models: where they lie.
        every: seconds between two looks; 0 for none.
        hear: hears of it.
    """
    from labelmend.serve.models.watch import Watch

    if not every:
        return None
    paths: dict[Role, Path] = {"main": models.model}
    if models.against is not None:
        paths["against"] = models.against
    return Watch(service, paths, partial(load, models=models, progress=NoProgress()), every, hear)


def open_service(
    models: Models, limits: "Limits | None" = None, progress: Progress | None = None
) -> "Service":
    """Open models, to ask them without HTTP: `await service.answer(texts)`.

    Args:
        models: which.
        limits: of what waits; those of the command if None.
        progress: hears how far an export is.

    Raises:
        LabelmendError: a model can't be used.
    """
    require(*_NEEDED, by="serve")
    from labelmend.serve.models.watch import model_folder
    from labelmend.serve.service import Limits, Service

    progress = progress or NoProgress()
    task = served_task(models)
    if models.against is not None:
        require_task(model_folder(models.against), (task,), f"serve beside {models.model.name}")
    main = load(models.model, models, progress)
    against = None if models.against is None else load(models.against, models, progress)
    return Service(main, against, limits or Limits())


def served_task(models: Models) -> str:
    """Return the task of the model that is served, as its card says it."""
    from labelmend.serve.models.watch import model_folder

    return task_of(model_folder(models.model))


def load(path: Path, models: Models, progress: Progress) -> "AnyLoaded":
    """Open a model and warm it up; its export is made if there is none.

    Args:
        path: of its folder, or of a registry.
        models: how.
        progress: hears how far an export is.

    Raises:
        LabelmendError: it can't be used.
    """
    require(*_NEEDED, by="serve")
    from labelmend.serve.models.open_model import VERSION_DIGITS, open_onnx, open_plain
    from labelmend.serve.models.watch import model_folder

    settle(path)
    folder = model_folder(path)
    if not folder.exists():
        raise ModelMissingError(
            f"{path}: no such folder; give one that `labelmend train-classifier` wrote"
        )
    trusted = None if models.trust_key is None else TrustedKey.read(models.trust_key)
    model = load_any(folder, trusted)
    if isinstance(model, SoftModel) and model.is_pair:
        raise ModelError(
            f"{folder}: reads two texts as a pair, and who asks serve gives one; use `labelmend "
            "predict` or `labelmend export`"
        )
    digest = sha256_of(folder / CARD, trust_cache=False)
    version = digest[:VERSION_DIGITS]
    if models.is_plain:
        return open_plain(model, folder, version)
    try:
        export = _export(folder, digest, models, progress)
        return open_onnx(model, folder, version, export)
    except ModelError as error:
        # Most models have an export. Those that have none are what `predict` runs, and right.
        loaded = open_plain(model, folder, version)
        told = note(
            "{folder}: is run as predict runs it, for it has no export: {why}",
            folder=folder,
            why=str(error),
        )
        return replace(loaded, notes=(*loaded.notes, told))


def _export(folder: Path, digest: str, models: Models, progress: Progress) -> Path:
    """Return the folder of a model's export in the cache; it is made if it is not there.

    Raises:
        LabelmendError: it can't be made.
    """
    place = cache_home() / "serve"
    target = place / f"{digest[:32]}-onnx"
    with suppress(ModelError):
        if open_export(target).model_sha256 == digest:
            with suppress(OSError):  # where nothing can be written, nothing is removed either
                os.utime(target)
            return target
    place.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target, ignore_errors=True)
    export_file(folder, target, None, progress, trust_key=models.trust_key)
    _forget_old(place)
    return target


def _forget_old(place: Path) -> None:
    """Remove the exports that were not used for longest: a model has a hundred megabytes."""
    found = [(path.stat().st_mtime, path) for path in place.glob("*-onnx") if path.is_dir()]
    for _, path in sorted(found, reverse=True)[_KEPT_EXPORTS:]:
        shutil.rmtree(path, ignore_errors=True)
