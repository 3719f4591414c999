"""Files in, files out: what `train-classifier` does where rows may have several labels."""

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from labelmend.classify.data import MENDED, RareLabels
from labelmend.classify.folder import check_folder
from labelmend.classify.heads.registry import find_head
from labelmend.classify.several.data import SetTraining, set_training, trainable
from labelmend.classify.several.linear import FINETUNE, require_kind
from labelmend.classify.several.model_folder import SavedSets, save_sets
from labelmend.classify.several.train import TrainedSets, train_sets
from labelmend.classify.space import EncodersUsed, ProfileSpace
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, DataConfig, EncoderConfig
from labelmend.data.cells.read import read_labels
from labelmend.data.dataset import ColumnChoice, choose_columns
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LoadedSets, SetShape, has_several, load_sets
from labelmend.data.table import SourceTable
from labelmend.errors import ColumnError
from labelmend.evaluation.set_metrics import SetMetrics, evaluate_sets, set_headline
from labelmend.extras import installed_versions
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.runs.again import as_the_run
from labelmend.runs.read import read_run
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.own_encoder import OwnEncoder
from labelmend.workflows.profile import read_language

MENDED_SETS = "mended_labels"
"""What `labelmend relabel` calls its column of a table with several labels a row."""

MENDED_PREFIX = "mended_"
"""Begins the names of its columns of 0 and 1."""

_LIBRARIES = ("numpy", "scipy", "sentence-transformers", "torch", "onnxruntime")
"""Distributions whose versions change what is learned."""


@dataclass(frozen=True)
class SetTrainOutcome:
    """A finished training.

    Attributes:
        trained: the classifier and its held-out predictions.
        data: what it was trained on.
        held_out: how good the held-out predictions are, over distinct texts.
        folder: where the model was written.
        columns: that were read.
        shape: how the table writes labels.
        notes: what the user should know.
    """

    trained: TrainedSets
    data: SetTraining
    held_out: SetMetrics
    folder: Path
    columns: ColumnChoice
    shape: SetShape
    notes: tuple[str, ...]


def sets_request(request: TableRequest) -> TableRequest | None:
    """Return how a table with several labels a row is read; None where rows have one each.

    Args:
        request: the table; its label column is `mended_label` or `mended_labels` by default, if
            there is one.

    Raises:
        InputError: the table can't be read.
        ColumnError: its columns can't be found.
    """
    if request.label_columns:
        return request
    table = read_table(request.path, request.encoding, header=request.header)
    named = request.label_column
    if named is None and MENDED in table.columns:
        return None
    if MENDED_SETS in table.columns and named in {None, MENDED_SETS}:
        return as_joined(replace(request, label_column=MENDED_SETS), _joined_by(request, table))
    run, _ = read_run(request.path, len(table))
    told = replace(as_the_run(request, table.columns, run), id_column=None)
    return told if has_several(told) else None


def as_joined(request: TableRequest, sign: str | None) -> TableRequest:
    """Return the request for a column whose labels are joined as those of another column are.

    A column says less of its sign the fewer combinations it holds, and these two are to be alike.

    Args:
        request: the user's, whose own sign counts for more.
        sign: that of the other column; None where it has none.
    """
    if sign is None or request.rules.separator is not None:
        return request
    return replace(request, rules=replace(request.rules, separator=sign))


def _joined_by(request: TableRequest, table: SourceTable) -> str | None:
    """Return the sign that joins the labels of the column that was mended, if it is still there."""
    others = tuple(column for column in table.columns if column != MENDED_SETS)
    try:
        found = choose_columns(replace(table, columns=others), request.text_column, None).label
    except ColumnError:
        return None
    return None if found is None else read_labels(table.values(found), request.rules).joined_by


def read_sets(request: TableRequest, config: DataConfig) -> LoadedSets:
    """Read a table; labels of which all columns are called mended are called without it.

    Raises:
        InputError: the table can't be used.
        ColumnError: its columns can't be found.
    """
    loaded = load_sets(request, config)
    columns = loaded.shape.columns
    if not columns or not all(name.startswith(MENDED_PREFIX) for name in columns):
        return loaded
    plain = {name: name.removeprefix(MENDED_PREFIX) for name in columns}
    if not all(plain.values()):
        return loaded
    # They have one beginning, so they are sorted without it, too.
    sets = replace(loaded.sets, labels=tuple(plain[label] for label in loaded.sets.labels))
    shape = replace(loaded.shape, columns={name: name for name in plain.values()})
    return replace(loaded, sets=sets, shape=shape)


def train_sets_file(
    request: TableRequest,
    folder: Path,
    config: Config,
    kind: str,
    progress: Progress,
    *,
    wish: float | None = None,
    rare_labels: RareLabels = "drop",
    others: Sequence[Given] = (),
    chosen: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> SetTrainOutcome:
    """Train a classifier a label on a table, and write their model folder.

    Args:
        request: the table, from `sets_request`.
        folder: of the model.
        config: the encoders and the classifier's settings.
        kind: of the classifier.
        progress: hears how far the work is.
        wish: precision that each label is to have; None for the best F1.
        rare_labels: what is done with labels of fewer than two texts.
        others: what the user gave besides; nothing that was given is written to or removed.
        chosen: notes on why it is this profile.
        tell: hears before the work what the texts are in, and whether the encoders read it.

    Raises:
        LabelmendError: the input can't be used, or the model can't be written.
    """
    way = _Tuned(config, folder, wish) if kind == FINETUNE else _Linear(config, kind, wish)
    settled = settle(request.path, folder)
    folders = [folder, *way.folders]
    claim((*given(request.path), *given_models(config), *others), (), folders)
    check_folder(folder)
    loaded = read_sets(request, config.data)
    digest = table_digest(request.path)
    data, told = trainable(set_training(loaded.sets), where(loaded), rare_labels)
    located = [locate(encoder.model) for encoder in way.encoders]
    language = read_language(data.texts, way.encoders, located, chosen, tell)
    trained, used, facts = way.fit(data, language.beginning(progress, tell))
    notes = (*loaded.notes, *told, *language.notes, *used.notes)
    source = _data_record(request, loaded, data, digest)
    written = SetsToWrite(trained, data, used, loaded.shape, source, wish, notes, facts)
    held_out = write_sets_model(written, config, folder)
    for work in way.folders:
        shutil.rmtree(work, ignore_errors=True)
    read = replace(loaded.columns, id=None)
    shape = loaded.shape
    return SetTrainOutcome(trained, data, held_out, folder, read, shape, (*settled, *notes))


class _Linear:
    """Training on the profile's embeddings as they are."""

    folders: tuple[Path, ...] = ()

    def __init__(self, config: Config, kind: str, wish: float | None) -> None:
        """See whether the encoders can be run, and the kind learns several labels.

        Raises:
            ConfigError: it can't.
            ExtraMissingError: a library is missing.
        """
        require_kind(kind)
        require_encoders(config.encoders, by=f"profile {config.profile}")
        self.encoders: tuple[EncoderConfig, ...] = config.encoders
        self._config, self._kind, self._wish = config, kind, wish

    def fit(
        self, data: SetTraining, progress: Progress
    ) -> tuple[TrainedSets, EncodersUsed, dict[str, Any]]:
        """Return what was trained, its encoders, and what the card says besides."""
        config, space = self._config, ProfileSpace(self.encoders)
        embeddings = space.fit(data.texts, progress)
        how = (config.classify, self._kind, config.seed, progress)
        return (
            train_sets(data, embeddings, *how, wish=self._wish),
            space.encoders(data.texts),
            {},
        )


class _Tuned:
    """Training of an encoder of its own."""

    def __init__(self, config: Config, folder: Path, wish: float | None) -> None:
        """See whether the encoder can be fine-tuned, as `OwnEncoder` does."""
        self._own = OwnEncoder(config, folder)
        self.folders: tuple[Path, ...] = (self._own.work,)
        self.encoders = self._own.encoders
        self._config, self._wish = config, wish

    def fit(
        self, data: SetTraining, progress: Progress
    ) -> tuple[TrainedSets, EncodersUsed, dict[str, Any]]:
        """Return what was trained, its encoder, and what the card says besides."""
        from labelmend.classify.several.finetune import tune_sets

        config, own = self._config, self._own
        how = (config.classify, own.base, config.seed, own.work, progress)
        found = tune_sets(data, *how, wish=self._wish)
        return found.trained, own.used(found.tuned), {"finetune": found.tuned.facts}


@dataclass(frozen=True)
class SetsToWrite:
    """A trained classifier, and what its card says of it.

    Attributes:
        trained: the classifier and its held-out predictions.
        data: what it was trained on.
        used: its encoders.
        shape: how the table writes labels.
        source: of the table, as JSON; see `label_rows`.
        wish: precision that each label is to have; None for the best F1.
        notes: what the user was told.
        facts: more of how it was trained, as JSON.
    """

    trained: TrainedSets
    data: SetTraining
    used: EncodersUsed
    shape: SetShape
    source: Mapping[str, Any]
    wish: float | None
    notes: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def write_sets_model(written: SetsToWrite, config: Config, folder: Path) -> SetMetrics:
    """Write a model folder; return how good the held-out predictions are.

    Raises:
        OutputError: it can't be written.
    """
    trained, data, used = written.trained, written.data, written.used
    found = trained.held_out
    held_out = evaluate_sets(
        data.carried[trained.tested],
        found.called,
        found.probabilities,
        data.labels,
        seed=config.seed,
    )
    card = {
        "data": written.source,
        "seed": config.seed,
        "wish_precision": written.wish,
        "config": config_to_dict(config)["classify"],
        "held_out": asdict(held_out),
        "label_thresholds": _thresholds(trained),
        "models": [{"name": m.name, "sha256": m.digest, "source": m.source} for m in used.models],
        "notes": list(written.notes),
        "versions": {
            "python": platform.python_version(),
            **installed_versions((*_LIBRARIES, *find_head(trained.classifier.kind).libraries)),
        },
        **written.facts,
    }
    model = _model(trained, used, written.shape, card, config)
    save_sets(model, folder, _readme(model, data, held_out))
    return held_out


def label_rows(data: SetTraining) -> dict[str, float]:
    """Return how many rows carry each label."""
    return dict(zip(data.labels, (data.weights @ data.carried).tolist(), strict=True))


def where(loaded: LoadedSets) -> str:
    """Return what messages call a table and its labels."""
    if loaded.columns.label is None:
        return f"{loaded.table.path}: {len(loaded.shape.columns)} columns of labels"
    return f"{loaded.table.path}: column {loaded.columns.label!r}"


def _thresholds(trained: TrainedSets) -> dict[str, float]:
    classifier = trained.classifier
    return dict(zip(classifier.labels, classifier.thresholds.tolist(), strict=True))


def _model(
    trained: TrainedSets,
    used: EncodersUsed,
    shape: SetShape,
    card: Mapping[str, Any],
    config: Config,
) -> SavedSets:
    return SavedSets(
        trained.classifier,
        shape,
        used.means,
        used.settings,
        used.digests,
        config.data.max_text_chars,
        card,
        used.own,
    )


def _data_record(
    request: TableRequest, loaded: LoadedSets, data: SetTraining, digest: str
) -> dict[str, Any]:
    return {
        "path": recorded(request.path),
        "sha256": digest,
        "content_sha256": data.digest,
        "rows": len(loaded.sets),
        "texts": len(data.texts),
        "columns": {
            "text": loaded.columns.text,
            "label": loaded.columns.label,
            "more_text": list(loaded.columns.more_text),
        },
        "label_rows": label_rows(data),
    }


def _readme(model: SavedSets, data: SetTraining, held_out: SetMetrics) -> str:
    """Return the model card for people."""
    classifier, card = model.classifier, model.card
    source, wish = card["data"], card["wish_precision"]
    column = source["columns"]["label"]
    lines = [
        "# A classifier of texts that may have several labels, trained by labelmend",
        "",
        "`labelmend predict THIS_FOLDER texts.csv -o out.csv` uses it. `model.json` says the same "
        "and more, for programs.",
        "",
        "| | |",
        "|---|---|",
        f"| kind | {classifier.kind} "
        f"{'on sentence embeddings' if model.own_encoder is None else 'of'} "
        f"({', '.join(used['name'] for used in card['models'])}) |",
        f"| trained on | {source['rows']:,} rows ({len(data.texts):,} distinct texts), "
        f"{'a column a label' if column is None else f'column `{column}`'}, sha256 "
        f"{source['sha256'][:12]} |",
        f"| labels | {len(classifier.labels)}, {data.carried.sum(axis=1).mean():.2f} a text |",
        f"| thresholds | {'best F1' if wish is None else f'precision {wish:g}'}, a label each |",
        f"| seed | {card['seed']} |",
        "",
        "Measured on held-out texts of the table, against the labels that they carry:",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {figure.value:.4f} |" for name, figure in set_headline(held_out).items()),
        "",
    ]
    return "\n".join(lines)
