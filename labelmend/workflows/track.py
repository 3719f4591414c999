"""What an experiment server is told of a command's outcome: `--mlflow`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from labelmend.errors import ConfigError, OutputError
from labelmend.evaluation.baseline import by_condition
from labelmend.evaluation.evaluate import Metrics, headline
from labelmend.report.comparison import mean_figure
from labelmend.retrain.project import open_project
from labelmend.retrain.sets.known import base_of_sets
from labelmend.retrain.step import Step
from labelmend.tracking.mlflow_server import MlflowServer
from labelmend.tracking.tracked import Tracked, flattened, tracked_model
from labelmend.voice.speak import meant, note
from labelmend.workflows.report import Report
from labelmend.workflows.retrain import RetrainOutcome
from labelmend.workflows.train import TrainOutcome
from labelmend.workflows.tune import TuneOutcome


def log_training(server: MlflowServer, outcome: TrainOutcome) -> str:
    """Log a trained classifier, and return the run's id.

    Raises:
        OutputError: the server does not take it; the model is in its place.
    """
    return server.log(tracked_model("train-classifier", outcome.folder))


def log_comparison(server: MlflowServer, report: Report) -> str:
    """Log a comparison of classifiers, and return the run's id.

    Raises:
        OutputError: the server does not take it; the report is in its place.
    """
    comparison = report.comparison
    metrics: dict[str, float | None] = {}
    for outcome in comparison.outcomes:
        for difference in outcome.differences:
            metrics[f"{outcome.kind}/{difference.figure}/change"] = difference.change
            metrics[f"{outcome.kind}/{difference.figure}/low"] = difference.low
            metrics[f"{outcome.kind}/{difference.figure}/high"] = difference.high
        metrics[f"{outcome.kind}/mcnemar"] = outcome.test.adjusted
        for condition, runs in by_condition(comparison.runs, outcome.kind).items():
            for name in headline(runs[0].metrics):
                figure = mean_figure(runs, partial(_figure, name=name))
                metrics[f"{outcome.kind}/{condition}/{name}"] = figure
    asked = ("input", "seeds", "config", "weighted_by_confidence", "operating_point", "verdict")
    params = {name: comparison.record.get(name) for name in asked}
    curves = {
        f"{run.kind}/{run.condition}/{run.seed}": [
            (
                float(place),
                {
                    "in_scope_accuracy": float(run.curve.in_scope_accuracy[place]),
                    "oos_recall": float(run.curve.oos_recall[place]),
                },
            )
            for place in range(len(run.curve.thresholds))
        ]
        for run in comparison.runs
    }
    return server.log(
        Tracked(
            "compare-baseline",
            params=dict(flattened(params)),
            metrics=metrics,
            curves=curves,
            files=[("report", path) for path in report.files],
        )
    )


def _figure(metrics: Metrics, name: str) -> float | None:
    return headline(metrics)[name]


def log_tuning(server: MlflowServer, outcome: TuneOutcome) -> str:
    """Log a tuned encoder, and return the run's id.

    Raises:
        OutputError: the server does not take it; the encoder is in its place.
    """
    metrics: dict[str, float | None] = {}
    for name, recalls in (("recall", outcome.recall), ("gold_recall", outcome.gold_recall or {})):
        for encoder, by_depth in recalls.items():
            for depth, share in by_depth.items():
                metrics[f"{name}/{encoder}/at {depth}"] = share
    losses = [(float(step), {"loss": loss}) for step, loss in enumerate(outcome.losses)]
    return server.log(
        Tracked(
            "tune-embedder",
            params={
                "base": outcome.base.name,
                "base_sha256": outcome.base.digest,
                "texts": int(outcome.texts.trained.sum()),
                "held_out": outcome.measured,
                "steps": len(outcome.losses),
            },
            metrics=metrics,
            curves={"training": losses},
            files=[("encoder", outcome.folder)],
        )
    )


def check_retraining(project: Path) -> None:
    """Make sure before any work that a project's versions can be logged.

    Raises:
        ConfigError: its models give several labels a text, which MLflow is not told of.
        LabelmendError: it can't be read.
    """
    if base_of_sets(open_project(project)):
        raise ConfigError(
            f"--mlflow: logs models of one label a text, and the base of {project} has several; "
            "leave it out"
        )


def log_retraining(server: MlflowServer, outcome: RetrainOutcome) -> tuple[str, ...]:
    """Log the versions that a step made; return a note where the server did not take one.

    A step is done by then, and the next one must not wait for a server.
    """
    notes = []
    for step in outcome.steps:
        if step.version is not None and step.event is not None:
            try:
                server.log(_tracked_step(step))
            except OutputError as error:
                notes.append(note(_NOT_LOGGED, version=step.version.id, said=str(error)))
    return tuple(notes)


_NOT_LOGGED = meant("{version} was not logged: {said:name}")


def _tracked_step(step: Step) -> Tracked:
    version = step.version
    assert version is not None
    base = Tracked("retrain") if step.model is None else tracked_model("retrain", step.model)
    record: dict[str, Any] = version.model_dump(mode="json")
    asked = ("id", "kind", "data_sha256", "rows", "new_rows", "verdict", "champion_before")
    metrics = {name: value for name, value in version.metrics.items() if value is not None}
    return Tracked(
        command=base.command,
        params={
            **base.params,
            **{f"version.{name}": record[name] for name in asked},
            "version.reasons": "; ".join(version.reasons),
        },
        metrics={**base.metrics, **metrics},
        curves=base.curves,
        texts={
            **base.texts,
            "version.json": json.dumps(record, indent=2, ensure_ascii=False),
        },
        model=base.model,
    )
