"""Tables in, a report out: what `compare-baseline` does where rows may have several labels."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.classify.data import RareLabels, overlapping_rows
from labelmend.classify.several.data import SetTraining, set_training, trainable
from labelmend.classify.several.linear import require_kind
from labelmend.classify.several.train import train_sets
from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config
from labelmend.data.duplicates import text_groups
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import LabelSets, LoadedSets, aligned, load_sets
from labelmend.data.write import atomic_files, check_output_folder
from labelmend.errors import ColumnError, ConfigError, InputError, OutputError
from labelmend.evaluation.compare import Outcome
from labelmend.evaluation.comparison import (
    AFTER,
    BEFORE,
    GOLD,
    SCHEMA_VERSION,
    outcome_record,
    overall,
)
from labelmend.evaluation.set_compare import SetTest, compare_sets
from labelmend.evaluation.set_metrics import evaluate_sets
from labelmend.evaluation.set_runs import SetComparison, SetRun
from labelmend.extras import installed_versions, require
from labelmend.protocols import Progress
from labelmend.regular_file import recorded
from labelmend.report.several.comparison import sets_page, titles
from labelmend.report.several.mending import SetMending, read_set_mending
from labelmend.report.several.page import sets_html_page
from labelmend.retrieval.space import open_space
from labelmend.types import Bools
from labelmend.version import __version__
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import require_encoders
from labelmend.workflows.compare import model_records
from labelmend.workflows.train_sets import (
    MENDED_PREFIX,
    MENDED_SETS,
    as_joined,
    read_sets,
    where,
)

PAGE, RECORD, MARKDOWN = "report.html", "comparison.json", "comparison.md"

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "sentence-transformers", "torch", "onnxruntime")


@dataclass(frozen=True)
class SetComparisonRequest:
    """Which tables, and which of their columns.

    Attributes:
        before: the table with the labels as given.
        after: that with the mended ones; None where `before` has both.
        test: that with labels that are held for true.
        mended_column: the mended labels; None for `mended_labels`, or, of columns of 0 and 1,
            those called `mended_` and their name.
        gold_column: the true labels of the training texts, in `before`; None to go without.
        test_label_column: of the test table; None as in `before`.
        keep_overlap: test on texts that are trained on, too.
        rare_labels: what is done with labels of fewer than two texts.
    """

    before: TableRequest
    after: Path | None
    test: Path | None
    mended_column: str | None = None
    gold_column: str | None = None
    test_label_column: str | None = None
    keep_overlap: bool = False
    rare_labels: RareLabels = "drop"


def compare_sets_files(
    request: SetComparisonRequest,
    folder: Path,
    config: Config,
    kinds: Sequence[str],
    seeds: Sequence[int],
    progress: Progress,
    *,
    others: Sequence[Given] = (),
) -> SetComparison:
    """Train the same classifiers on the labels as given and as mended, and write what is better.

    Args:
        request: the tables.
        folder: where the report is written; made if missing.
        config: the encoders and the classifiers' settings.
        kinds: of classifiers.
        seeds: of the trainings; at least one.
        progress: hears how far the work is.
        others: what the user gave besides; nothing that was given is written to.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    require("plotly", by="the report")
    test_path, files = _checked(request, folder, config, kinds, others)
    before = request.before.path
    tables = _tables(request, config)
    data, notes = _training(request, tables)
    asked = as_joined(request.before, tables[BEFORE].shape.joined_by)
    test, told = _test(replace(request, before=asked), config, test_path, data)
    labels = tuple(sorted({*test.labels, *(k for one in data.values() for k in one.labels)}))
    rows = SetTest(aligned(test.given, test.labels, labels), text_groups(test.texts))
    setting = _Setting(data, test, labels, rows)
    models = [locate(encoder.model) for encoder in config.encoders]
    runs, said = _runs(setting, config, models, kinds, seeds, progress)
    outcomes = compare_sets(
        [(kind, _called(runs, kind, BEFORE), _called(runs, kind, AFTER)) for kind in kinds],
        rows,
        config.seed,
    )
    sizes = {name: len(one.sets) for name, one in tables.items()}
    notes = (*notes, *told, *said)
    sources = {BEFORE: before, AFTER: request.after, "test": request.test}
    mending = read_set_mending(tables, config.seed)
    changes = {"missing": [mending]} if isinstance(mending, str) else mending.to_json()
    comparison = SetComparison(
        runs=runs,
        outcomes=outcomes,
        conditions=sizes,
        test_rows=len(test),
        read={name: one.columns.in_words for name, one in tables.items()},
        notes=notes,
        files=files,
        record={
            "schema_version": SCHEMA_VERSION,
            "labelmend": __version__,
            "task": "several",
            "input": {
                name: {"path": recorded(path), "sha256": table_digest(path)}
                for name, path in sources.items()
                if path is not None
            },
            "test_rows": len(test),
            "seeds": list(seeds),
            "config": config_to_dict(config),
            **_found_record(sizes, outcomes, runs),
            "mending": changes,
            "models": model_records(models),
            "notes": list(notes),
            "versions": {"python": platform.python_version(), **installed_versions(_LIBRARIES)},
        },
    )
    _write(comparison, mending, folder)
    return comparison


def _checked(
    request: SetComparisonRequest,
    folder: Path,
    config: Config,
    kinds: Sequence[str],
    others: Sequence[Given],
) -> tuple[Path, tuple[Path, ...]]:
    """Find out before any work whether it can be done; return the test table and the files.

    Raises:
        LabelmendError: it can't.
    """
    for kind in kinds:
        require_kind(kind)
    if request.test is None:
        raise ConfigError(
            "several labels a row are compared on a table that a person checked; give one with "
            "--test"
        )
    require_encoders(config.encoders, by=f"profile {config.profile}")
    before = request.before.path
    settle(before, request.after, request.test, folder)
    check_output_folder(folder, "the report", None)
    files = (folder / PAGE, folder / RECORD, folder / MARKDOWN)
    inputs = (*given(before), *given(request.after), *given(request.test, "the test table"))
    claim((*inputs, *given_models(config), *others), _outputs(files))
    return request.test, files


@dataclass(frozen=True)
class _Setting:
    """What is trained on and tested on."""

    data: dict[str, SetTraining]
    test: LabelSets
    labels: tuple[str, ...]
    rows: SetTest


def _tables(request: SetComparisonRequest, config: Config) -> dict[str, LoadedSets]:
    """Read the versions of the labels.

    Raises:
        InputError: a table can't be used.
        ColumnError: its columns can't be found, or are the same twice.
    """
    before = request.before
    found = {BEFORE: read_sets(before, config.data)}
    path = request.after or before.path
    table = read_table(path, before.encoding, header=before.header)
    plain = as_joined(before, found[BEFORE].shape.joined_by)
    after = replace(plain, path=path, label_column=None, label_columns=())
    if request.mended_column is not None or MENDED_SETS in table.columns:
        after = replace(after, label_column=request.mended_column or MENDED_SETS)
    elif before.label_columns:
        columns = tuple(found[BEFORE].shape.columns)
        mended = tuple(f"{MENDED_PREFIX}{column}" for column in columns)
        there = set(mended) <= set(table.columns)
        after = replace(after, label_columns=mended if there else columns)
    found[AFTER] = read_sets(after, config.data)
    one, two = found[BEFORE], found[AFTER]
    if (
        request.after is None
        and one.columns.label == two.columns.label
        and not (before.label_columns and after.label_columns[:1] != tuple(one.shape.columns)[:1])
    ):
        raise ColumnError(
            f"{path}: the labels as given and the mended ones are to be the same columns; name the "
            "mended one with --mended-column, or give the mended table as well"
        )
    if request.gold_column is not None:
        gold = replace(plain, label_column=request.gold_column, label_columns=())
        found[GOLD] = read_sets(gold, config.data)
    return found


def _training(
    request: SetComparisonRequest, tables: Mapping[str, LoadedSets]
) -> tuple[dict[str, SetTraining], tuple[str, ...]]:
    """Return what is trained on, by version of the labels, with notes."""
    data: dict[str, SetTraining] = {}
    notes: list[str] = []
    for name, loaded in tables.items():
        data[name], told = trainable(set_training(loaded.sets), where(loaded), request.rare_labels)
        notes += [
            note("{condition:name}: {note:name}", condition=name, note=line)
            for line in (*loaded.notes, *told)
        ]
    return data, tuple(notes)


def _test(
    request: SetComparisonRequest, config: Config, path: Path, data: Mapping[str, SetTraining]
) -> tuple[LabelSets, tuple[str, ...]]:
    """Read the test table, and take out what is trained on.

    Raises:
        InputError: nothing is left, or no row that is has a label.
    """
    asked = replace(request.before, path=path)
    if request.test_label_column is not None:
        asked = replace(asked, label_column=request.test_label_column, label_columns=())
    elif not asked.label_columns:
        columns = read_table(path, asked.encoding, header=asked.header).columns
        asked = replace(
            asked, label_column=asked.label_column if asked.label_column in columns else None
        )
    known = {label for one in data.values() for label in one.labels}
    sets = load_sets(asked, config.data, () if asked.label_columns else known).sets
    overlap = overlapping_rows(sets.texts, [one.texts for one in data.values()])
    notes: tuple[str, ...] = ()
    if len(overlap):
        said = note(
            "{count} of {rows} test rows have a text that is trained on; they stay in, as told"
            if request.keep_overlap
            else "{count} of {rows} test rows have a text that is trained on; they are taken out "
            "of the test",
            count=len(overlap),
            rows=len(sets),
        )
        notes = (said,)
    if len(overlap) and not request.keep_overlap:
        left = np.setdiff1d(np.arange(len(sets)), overlap).tolist()
        sets = replace(
            sets,
            ids=tuple(sets.ids[row] for row in left),
            texts=tuple(sets.texts[row] for row in left),
            given=sets.given[left],
        )
    if not sets.given.any():
        raise InputError(
            f"{path}: no labelled row is left whose text is not trained on; give other texts, or "
            "keep those with --keep-overlap"
        )
    return sets, notes


def _runs(
    setting: _Setting,
    config: Config,
    models: Sequence[LocatedModel],
    kinds: Sequence[str],
    seeds: Sequence[int],
    progress: Progress,
) -> tuple[tuple[SetRun, ...], tuple[str, ...]]:
    """Train and test everything; with what the user should know of the encoders.

    The space is that of the training texts: what is tested on has no say in it.
    """
    space = open_space(config.encoders, models)
    texts = sorted({text for one in setting.data.values() for text in one.texts})
    place = {text: i for i, text in enumerate(texts)}
    embeddings = space.fit(texts, progress)
    tested = space.queries(setting.test.texts)
    space.release()
    runs = []
    for kind in kinds:
        for condition, one in setting.data.items():
            own = embeddings[[place[text] for text in one.texts]]
            for seed in seeds:
                trained = train_sets(one, own, config.classify, kind, seed, progress)
                found = trained.classifier.predict(tested)
                strange = [label for label in setting.labels if label not in set(one.labels)]
                names = (*one.labels, *strange)
                metrics = evaluate_sets(
                    aligned(setting.test.given, setting.test.labels, names),
                    *(found.called, found.probabilities, names),
                    text_of=setting.rows.text_of,
                    draws=0,
                )
                called = aligned(found.called, one.labels, setting.labels)
                runs.append(SetRun(kind, condition, seed, metrics, called))
    return tuple(runs), space.notes


def _called(runs: Sequence[SetRun], kind: str, condition: str) -> Bools:
    return np.stack([r.called for r in runs if (r.kind, r.condition) == (kind, condition)])


def _found_record(
    sizes: dict[str, int], outcomes: Sequence[Outcome], runs: Sequence[SetRun]
) -> dict[str, Any]:
    """Return as JSON what the comparison found."""
    return {
        "conditions": sizes,
        "verdict": overall(outcomes),
        "outcomes": [outcome_record(outcome) for outcome in outcomes],
        "runs": [
            {"kind": r.kind, "condition": r.condition, "seed": r.seed, "metrics": asdict(r.metrics)}
            for r in runs
        ],
    }


def _outputs(files: Sequence[Path]) -> tuple[Output, ...]:
    """Return what is written, with what tells that what is there already is ours."""
    for path in files:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder where a file is to stand; move it")
    if not files[0].parent.is_dir():
        return ()
    page, record, text = files
    return (
        Output(page, "report", ("labelmend",)),
        Output(record, "comparison", ('"labelmend": ',)),
        Output(text, "comparison", titles()),
    )


def _write(comparison: SetComparison, mending: SetMending | str, folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: can't make this folder: {error.strerror}; name another with -o"
        ) from None
    record = json.dumps(comparison.record, indent=2, ensure_ascii=False)
    texts = (sets_html_page(comparison, mending), f"{record}\n", sets_page(comparison))
    with atomic_files(comparison.files) as paths:
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8", errors="replace")
