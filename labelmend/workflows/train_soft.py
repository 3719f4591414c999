"""Files in, files out: what `train-classifier --target-columns` does."""

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.folder import check_folder
from labelmend.classify.soft.data import (
    SoftRows,
    content_digest,
    distinct_texts,
    embedded,
    ordered,
)
from labelmend.classify.soft.linear import Kind
from labelmend.classify.soft.model_folder import SoftModel, save_soft
from labelmend.classify.soft.train import FINETUNE, SoftTraining, linear_kind, train_soft
from labelmend.classify.space import EncodersUsed, ProfileSpace
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.outputs.claim import Given, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.read import table_digest
from labelmend.data.soft.targets import SoftRequest, SoftTable, load_soft
from labelmend.evaluation.soft_metrics import Figure, SoftMetrics, TargetMetrics, evaluate_soft
from labelmend.extras import installed_versions
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.weights.locate import locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.own_encoder import OwnEncoder
from labelmend.workflows.profile import read_language

_LIBRARIES = ("numpy", "scipy", "sentence-transformers", "torch", "onnxruntime")


@dataclass(frozen=True)
class SoftOutcome:
    """A finished training.

    Attributes:
        kind: of the model.
        data: what it was trained on.
        training: the model, and its held-out predictions.
        held_out: how good those are.
        folder: where the model was written.
        notes: what the user should know.
    """

    kind: str
    data: SoftTable
    training: SoftTraining
    held_out: SoftMetrics
    folder: Path
    notes: tuple[str, ...]


def train_soft_file(
    request: SoftRequest,
    folder: Path,
    config: Config,
    kind: str,
    progress: Progress,
    *,
    others: Sequence[Given] = (),
    chosen: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> SoftOutcome:
    """Train a model of soft targets on a table, and write its model folder.

    Args:
        request: the table and its columns.
        folder: of the model.
        config: the encoders and the classifiers' settings.
        kind: of the model.
        progress: hears how far the work is.
        others: what the user gave besides; nothing that was given is written to or removed.
        chosen: notes on why it is this profile.
        tell: hears before the work what the texts are in, and whether the encoders read it.

    Raises:
        LabelmendError: the input can't be used, or the model can't be written.
    """
    way = _Tuned(config, folder) if kind == FINETUNE else _Linear(config, linear_kind(kind))
    settled = settle(request.path, folder)
    folders = [folder, *way.folders]
    claim((*given(request.path), *given_models(config), *others), (), folders)
    check_folder(folder)
    data = load_soft(request, config.data)
    source = _data_record(data, table_digest(request.path))
    texts = distinct_texts(data.parts)
    located = [locate(encoder.model) for encoder in way.encoders]
    language = read_language(texts, way.encoders, located, chosen, tell)
    rows = ordered(data)
    training, used, facts = way.fit(rows, language.beginning(progress, tell))
    notes = (*data.notes, *language.notes, *used.notes)
    held_out = _measured(training, rows, data.targets, config.seed)
    card = {**_card(source, held_out, used, config, notes), **facts}
    model = _model(kind, data, training, used, config, card)
    save_soft(model, folder, _readme(model, data, held_out))
    for work in way.folders:
        shutil.rmtree(work, ignore_errors=True)
    return SoftOutcome(kind, data, training, held_out, folder, (*settled, *notes))


class _Linear:
    """Training on the profile's embeddings as they are."""

    folders: tuple[Path, ...] = ()

    def __init__(self, config: Config, kind: Kind) -> None:
        """See whether the encoders can be run.

        Raises:
            ExtraMissingError: a library is missing.
        """
        require_encoders(config.encoders, by=f"profile {config.profile}")
        self.encoders: tuple[EncoderConfig, ...] = config.encoders
        self._config, self._kind = config, kind

    def fit(
        self, rows: SoftRows, progress: Progress
    ) -> tuple[SoftTraining, EncodersUsed, dict[str, Any]]:
        """Return what was trained, its encoders, and what the card says besides."""
        config = self._config
        space = ProfileSpace(config.encoders)
        examples = embedded(rows, space, progress)
        training = train_soft(examples, self._kind, config.classify, config.seed, progress)
        return training, space.encoders(distinct_texts(rows.parts)), {}


class _Tuned:
    """Training of an encoder of its own."""

    def __init__(self, config: Config, folder: Path) -> None:
        """See whether the encoder can be fine-tuned, as `OwnEncoder` does."""
        self._own = OwnEncoder(config, folder)
        self.folders: tuple[Path, ...] = (self._own.work,)
        self.encoders = self._own.encoders
        self._config = config

    def fit(
        self, rows: SoftRows, progress: Progress
    ) -> tuple[SoftTraining, EncodersUsed, dict[str, Any]]:
        """Return what was trained, its encoder, and what the card says besides."""
        from labelmend.classify.soft.finetune import soft_training, tune_rows

        config, own = self._config, self._own
        tuned = tune_rows(rows, config.classify, own.base, config.seed, own.work, progress)
        return soft_training(tuned, rows.values), own.used(tuned), {"finetune": tuned.facts}


def _measured(
    training: SoftTraining, rows: SoftRows, targets: Sequence[str], seed: int
) -> SoftMetrics:
    """Return how good a training's held-out predictions are."""
    tested = training.tested
    groups = np.unique(rows.groups[tested], return_inverse=True)[1].astype(np.int64)
    return evaluate_soft(rows.values[tested], training.held_out, targets, groups, seed)


def _card(
    source: Mapping[str, Any],
    held_out: SoftMetrics,
    used: EncodersUsed,
    config: Config,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "data": source,
        "seed": config.seed,
        "config": config_to_dict(config)["classify"],
        "held_out": asdict(held_out),
        "models": [{"name": m.name, "sha256": m.digest, "source": m.source} for m in used.models],
        "notes": list(notes),
        "versions": {"python": platform.python_version(), **installed_versions(_LIBRARIES)},
    }


def _model(
    kind: str,
    data: SoftTable,
    training: SoftTraining,
    used: EncodersUsed,
    config: Config,
    card: Mapping[str, Any],
) -> SoftModel:
    penalties = {
        target: None if np.isnan(penalty) else penalty
        for target, penalty in zip(data.targets, training.penalties.tolist(), strict=True)
    }
    return SoftModel(
        kind=kind,
        targets=data.targets,
        is_pair=data.texts.is_pair,
        scorer=training.scorer,
        means=used.means,
        encoders=used.settings,
        encoder_digests=used.digests,
        max_text_chars=config.data.max_text_chars,
        card={**card, "penalties": penalties},
        own_encoder=used.own,
    )


def _data_record(data: SoftTable, digest: str) -> dict[str, Any]:
    return {
        "path": recorded(data.table.path),
        "sha256": digest,
        "content_sha256": content_digest(data),
        "rows": len(data),
        "groups": int(data.groups.max()) + 1,
        "columns": {
            "parts": [list(part) for part in data.texts.parts],
            "group": data.group_column,
        },
    }


def _readme(model: SoftModel, data: SoftTable, held_out: SoftMetrics) -> str:
    """Return the model card for people."""
    source, card = model.card["data"], model.card
    encoders = ", ".join(encoder["name"] for encoder in card["models"])
    lines = [
        "# A model of soft targets, trained by labelmend",
        "",
        "`labelmend predict THIS_FOLDER texts.csv -o out.csv` uses it. `model.json` says the same "
        "and more, for programs.",
        "",
        "| | |",
        "|---|---|",
        f"| kind | {model.kind} {'of' if model.own_encoder else 'on sentence embeddings'} "
        f"({encoders}) |",
        f"| trained on | {len(data):,} rows in {source['groups']:,} groups, "
        f"{'pairs of texts' if model.is_pair else 'texts'} from "
        f"{', '.join(f'`{name}`' for name in data.texts.names)}, sha256 {source['sha256'][:12]} |",
        f"| targets | {len(model.targets)} |",
        f"| seed | {card['seed']} |",
        "",
        "Measured on held-out groups of the table, with 95 % intervals over groups:",
        "",
        "| target | Spearman | cross-entropy | mean absolute error |",
        "|---|---|---|---|",
    ]
    rows: list[tuple[str, SoftMetrics | TargetMetrics]] = [("mean", held_out)]
    for name, found in [*rows, *held_out.targets.items()]:
        figures = (found.spearman, found.cross_entropy, found.absolute_error)
        cells = (" ".join(name.replace("|", "\\|").split()), *map(shown_figure, figures))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def shown_figure(figure: Figure) -> str:
    """Return a figure with its interval, `0.412 [0.387, 0.436]`; a dash where there is none."""
    if figure.value is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
