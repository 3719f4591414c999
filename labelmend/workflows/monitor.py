"""What `labelmend monitor` does: a log is held against what its model was trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labelmend.classify.folder import CARD as MODEL_CARD
from labelmend.classify.folder import locate_encoders
from labelmend.classify.model_folder import SavedModel, load_model
from labelmend.classify.space import ProfileSpace, Space
from labelmend.configs.schema import Config
from labelmend.data.language.detect import detect_language
from labelmend.data.outputs.claim import Given, Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import refuse_second_input
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_files
from labelmend.drift.measure import Drift, DriftSettings, find_drift
from labelmend.drift.observed import Observed, is_log, observed_log, observed_table
from labelmend.drift.queue import intent_queue
from labelmend.drift.sample import Sample
from labelmend.errors import ConfigError, InputError
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Progress
from labelmend.report.drift.page import drift_page
from labelmend.retrieval.space import open_space
from labelmend.runs.layout import OutputPaths
from labelmend.types import Floats
from labelmend.voice.speak import meant, note
from labelmend.weights.signature import TrustedKey

_BLOCK = 256
"""Texts between two steps of the progress bar."""

_UNSURE = 0.5
"""As of `observed_table`: the probability below which a model's label is doubtful."""


@dataclass(frozen=True)
class MonitorRequest:
    """What is compared with what, and what is written.

    Attributes:
        log: a table, or the log of a served model.
        reference: a table, or the folder of a model.
        model: whose encoders are used, and which labels texts without a label; None for the
            reference, where that is one, else for the profile's encoders.
        settings: of the comparison.
        queue: to write examples of new intents to, for `labelmend review`; None for none.
        page: to write the HTML to; None for none.
        trust_key: a public key of minisign that has to have signed the model.
    """

    log: TableRequest
    reference: TableRequest
    model: Path | None = None
    settings: DriftSettings = field(default_factory=DriftSettings)
    queue: Path | None = None
    page: Path | None = None
    trust_key: Path | None = None


@dataclass(frozen=True)
class MonitorOutcome:
    """What was found, and where it is.

    Attributes:
        drift: what was found.
        log: that was read.
        queue: that was written; None without a new intent, or where none was asked for.
        page: likewise.
        notes: what the user should know.
    """

    drift: Drift
    log: Observed
    queue: Path | None
    page: Path | None
    notes: tuple[str, ...]


def monitor_log(request: MonitorRequest, config: Config, progress: Progress) -> MonitorOutcome:
    """Compare a log with its reference, and write what was asked for.

    Args:
        request: what is compared.
        config: whose encoders are used without a model.
        progress: hears how far the work is.

    Raises:
        LabelmendError: the input can't be used, or an output can't be written.
    """
    folder = request.model
    if folder is None and _is_model(request.reference.path):
        folder = request.reference.path
    settled = _claim(request, folder)
    key = None if request.trust_key is None else TrustedKey.read(request.trust_key)
    model = None if folder is None else load_model(folder, key)
    before, now, notes = _samples(request, folder, model, config, progress)
    observed, log = now
    settings = _spoken(request.settings, observed)
    progress.start("compare", 1)
    drift = find_drift(before, log, settings)
    progress.advance()
    observed = replace(observed, labels=log.labels)
    queue, page = _written(request, observed, drift, model)
    if request.queue is not None and queue is None:
        notes = (*notes, note("there is no new intent, so no queue was written"))
    return MonitorOutcome(drift, observed, queue, page, (*settled, *notes))


MOST_SEEN = 2000
"""Texts of each side that a server looks at: twice what embeddings are compared on, and a quarter
of a minute of its work with two encoders."""


def look_at_log(
    log: Path,
    reference: Path | None,
    model: SavedModel,
    place: Callable[[Sequence[str]], Floats],
    settings: DriftSettings | None = None,
) -> MonitorOutcome:
    """Compare the newest texts of a served model's log with its reference; nothing is written.

    Args:
        log: of the served model.
        reference: a table; None for the model's folder.
        model: that is served.
        place: returns float32 [n, d], texts in the space of the model.
        settings: of the comparison; the usual ones if None.

    Raises:
        LabelmendError: the log or the reference can't be used.
    """
    settings = settings or DriftSettings()
    limit = model.max_text_chars
    observed = observed_log(log, limit, MOST_SEEN)
    now = _sample(observed, place(observed.texts))
    settings = _spoken(settings, observed)
    if reference is None:
        # Drawn before they are widened: of fifty thousand a copy is 200 MB.
        known, rng = model.classifier.nearness.references, np.random.default_rng(settings.seed)
        rows = np.sort(rng.choice(len(known), size=min(len(known), MOST_SEEN), replace=False))
        before, table = _of_model(model, known[rows].astype(np.float32)), None
    else:
        asked = _with_oos(TableRequest(reference), model)
        table = observed_table(asked, limit, _text_columns(model)).some(MOST_SEEN, settings.seed)
        before = _sample(table, place(table.texts))
    notes = observed.notes
    if before.known_labels and not (table and table.predicted):
        notes = (*notes, note(_MODELS_LABELS))
    return MonitorOutcome(find_drift(before, now, settings), observed, None, None, notes)


_MODELS_LABELS = meant(
    "labels of the log are a model's, and those of the reference are not: its errors look like "
    "drift of labels; the best reference are held-out texts with its predictions"
)


def _spoken(settings: DriftSettings, log: Observed) -> DriftSettings:
    """Return settings that know the language of a log's texts."""
    if settings.language is not None:
        return settings
    return replace(settings, language=detect_language(log.texts, settings.seed).main)


def _is_model(path: Path) -> bool:
    return (path / MODEL_CARD).is_file()


def _claim(request: MonitorRequest, folder: Path | None) -> tuple[str, ...]:
    """See before any work whether everything can be read and written.

    Raises:
        LabelmendError: it can't.
    """
    settings = request.settings
    if not 0 < settings.level < 1:
        raise ConfigError(f"--level {settings.level:g}: give a share between 0 and 1, such as 0.05")
    outputs = [] if request.page is None else [Output(request.page)]
    if request.queue is not None:
        if request.queue.suffix.lower() != ".csv":
            raise ConfigError(f"--queue {request.queue}: a queue is CSV; end its name in .csv")
        outputs += OutputPaths.beside(request.queue).outputs(labels=True, store=False)
    inputs = [*given(request.log.path), *given(request.reference.path, "given as --reference")]
    if folder is not None:
        inputs.append(Given(folder, "the model"))
    claim(inputs, outputs)
    refuse_second_input([request.log.path, request.reference.path])
    written = [path for path in (request.queue, request.page) if path is not None]
    return settle(request.log.path, request.reference.path, *written)


def _samples(
    request: MonitorRequest,
    folder: Path | None,
    model: SavedModel | None,
    config: Config,
    progress: Progress,
) -> tuple[Sample, tuple[Observed, Sample], tuple[str, ...]]:
    """Read both sides, and place their texts in one space."""
    limit = config.data.max_text_chars if model is None else model.max_text_chars
    trained = None if model is None else _text_columns(model)
    log = request.log.path
    if is_log(log):
        now = observed_log(log, limit)
    else:
        now = observed_table(_with_oos(request.log, model), limit, trained)
    reference = None
    if not _is_model(request.reference.path):
        asked = _with_oos(request.reference, model)
        reference = observed_table(asked, limit, trained)
    space: Space | None = None
    if model is None or folder is None:
        if reference is None:
            raise InputError(f"{request.reference.path}: is no table and no model")
        space = ProfileSpace(config.encoders)
        known = space.fit(reference.texts, progress)
    else:
        models = locate_encoders(model, folder)
        space = open_space(model.encoders, models, model.means)
        known = (
            model.classifier.nearness.references.astype(np.float32)
            if reference is None
            else _placed(space, reference.texts, progress)
        )
    log_sample = _log_sample(now, _placed(space, now.texts, progress), model)
    before = _of_model(model, known) if reference is None and model else _sample(reference, known)
    notes = (*(reference.notes if reference else ()), *now.notes)
    predicted = now.predicted or (now.labels is None and log_sample.labels is not None)
    if predicted and before.labels is not None and not (reference and reference.predicted):
        notes = (*notes, note(_MODELS_LABELS))
    return before, (now, log_sample), notes


def _text_columns(model: SavedModel) -> tuple[str, ...] | None:
    """Return the text columns that a model was trained on."""
    data = model.card.get("data")
    said = data.get("columns") if isinstance(data, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(said.get("text"), str):
        return None
    return (said["text"], *(c for c in said.get("more_text") or () if isinstance(c, str)))


def _with_oos(request: TableRequest, model: SavedModel | None) -> TableRequest:
    """Return a request that knows the label of what fits no label, if the model does."""
    if request.oos_label is not None or model is None:
        return request
    return replace(request, oos_label=_oos(model))


def _oos(model: SavedModel) -> str | None:
    oos = model.classifier.oos
    return None if oos is None else model.classifier.labels[oos]


def _placed(space: Space, texts: Sequence[str], progress: Progress) -> Floats:
    progress.start("embed texts", len(texts))
    parts = []
    blocks = list(blocks_of(len(texts), _BLOCK))
    for found in LOCAL.map_blocks(lambda rows: space.queries(texts[rows]), blocks):
        parts.append(found)
        progress.advance(len(found))
    return np.concatenate(parts)


def _sample(observed: Observed | None, embeddings: Floats) -> Sample:
    assert observed is not None, "without a model the reference is a table"
    return Sample(embeddings, observed.texts, observed.labels, observed.outside, observed.doubtful)


def _log_sample(now: Observed, embeddings: Floats, model: SavedModel | None) -> Sample:
    """Return the log's sample; a model says what the log doesn't."""
    sample = _sample(now, embeddings)
    if model is None or now.labels is not None:
        return sample
    found = model.classifier.predict(embeddings)
    own = found.probabilities[np.arange(len(found.labels)), found.labels]
    return replace(
        sample,
        labels=tuple(model.classifier.labels[k] for k in found.labels),
        outside=found.is_oos,
        doubtful=np.asarray(own < _UNSURE, dtype=bool),
    )


def _of_model(model: SavedModel, references: Floats) -> Sample:
    """Return what a model's folder keeps of its training: vectors, and how many texts a label had.

    Its vectors are of texts in scope, and which label each has is not kept.
    """
    data = model.card.get("data")
    weights = data.get("label_weights") if isinstance(data, Mapping) else None
    labels: list[str] = []
    if isinstance(weights, Mapping):
        for label, weight in weights.items():
            if isinstance(weight, int | float) and np.isfinite(weight) and weight > 0:
                labels += [str(label)] * round(weight)
    return Sample(references, counted=tuple(labels) or None)


def _written(
    request: MonitorRequest, log: Observed, drift: Drift, model: SavedModel | None
) -> tuple[Path | None, Path | None]:
    """Write the queue and the page, both or neither; what was written comes back."""
    files: list[Path] = []
    contents: list[bytes] = []
    queue = request.queue if drift.intents else None
    if queue is not None:
        labels = set(log.labels or ())
        if model is not None:
            labels |= set(model.classifier.labels)
        oos = None if model is None else _oos(model)
        made = intent_queue(log, drift.intents, sorted(labels), oos)
        paths = OutputPaths.beside(queue)
        files += [paths.table, paths.evidence, paths.record, paths.labels]
        contents += [made.table, made.evidence, made.record, made.labels]
    if request.page is not None:
        page = drift_page(drift, log, request.reference.path.name)
        files.append(request.page)
        contents.append(page.encode("utf-8"))
    if files:
        with atomic_files(files) as temporary:
            for path, content in zip(temporary, contents, strict=True):
                path.write_bytes(content)
    return queue, request.page
