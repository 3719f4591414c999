"""An MLflow server, told by MLflow's own client: parameters, metrics, curves, files, the model."""

import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmend.classify.folder import CARD
from labelmend.classify.model_card import read_json
from labelmend.errors import OutputError
from labelmend.extras import require
from labelmend.tracking.tracked import Tracked, flattened, measured
from labelmend.version import __version__

if TYPE_CHECKING:
    pass

EXPERIMENT = "labelmend"
"""The experiment, unless MLFLOW_EXPERIMENT_NAME names another one."""

_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""MLflow's own would have it try for minutes. What the environment says goes before."""

_LONGEST = 500
"""Characters of a parameter: what servers of all versions take."""

_MOST_PARAMS, _MOST_METRICS = 100, 1000
"""In one request: MLflow's own limits."""

_STRANGE = re.compile(r"[^\w\-. /]")
"""What the names of parameters and metrics may not have."""


class MlflowServer:
    """A server that answers.

    Attributes:
        uri: its address, without a password.
    """

    def __init__(self, uri: str) -> None:
        """Reach the server, before any work, and find or make the experiment.

        Raises:
            ExtraMissingError: MLflow's client is not installed.
            OutputError: the server can't be reached, or wants something else.
        """
        require("mlflow", by="--mlflow")
        for name, value in _IMPATIENT.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        self.uri = re.sub(r"//[^/@]*@", "//", uri)
        self._given = uri
        with self._told("nothing was done"):
            self._client: MlflowClient = MlflowClient(tracking_uri=uri)
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            known = self._client.get_experiment_by_name(name)
            self._experiment = (
                self._client.create_experiment(name) if known is None else known.experiment_id
            )

    def log(self, tracked: Tracked) -> str:
        """Log a run, and return its id; one that could not be logged whole is marked as failed.

        Raises:
            OutputError: the server does not take it.
        """
        with self._told("what the command wrote is in its place"):
            tags = {"labelmend.command": tracked.command, "labelmend.version": __version__}
            run = self._client.create_run(
                self._experiment, run_name=f"labelmend {tracked.command}", tags=tags
            )
            name: str = run.info.run_id
            try:
                self._log_all(name, tracked)
            except BaseException:
                self._client.set_terminated(name, "FAILED")
                raise
            self._client.set_terminated(name)
            return name

    def _log_all(self, run: str, tracked: Tracked) -> None:
        require("mlflow", by="--mlflow")
        from mlflow.entities import Metric, Param

        params = [
            Param(_named(name), str(value)[:_LONGEST]) for name, value in flattened(tracked.params)
        ]
        metrics = [
            Metric(_named(name), value, 0, 0) for name, value in measured(tracked.metrics).items()
        ]
        for curve, points in tracked.curves.items():
            metrics += [
                Metric(_named(f"{curve}/{name}"), value, 0, int(place))
                for place, figures in points
                for name, value in measured(figures).items()
            ]
        for start in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(run, params=params[start : start + _MOST_PARAMS])
        for start in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[start : start + _MOST_METRICS])
        for file, text in tracked.texts.items():
            self._client.log_text(run, text, file)
        for folder, path in tracked.files:
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            log(run, str(path), folder or None)
        if tracked.model is not None:
            self._log_model(run, tracked.model)

    def _log_model(self, run: str, model: Path) -> None:
        require("mlflow", by="--mlflow")
        from mlflow.models import ModelSignature
        from mlflow.pyfunc import save_model
        from mlflow.types import ColSpec, DataType, Schema

        with tempfile.TemporaryDirectory(prefix="labelmend-") as work, warnings.catch_warnings():
            # It misses an example of the input, which would be a text of somebody's.
            warnings.simplefilter("ignore")
            folder = Path(work) / "model"
            save_model(
                path=str(folder),
                # A module and a folder: nothing is pickled.
                loader_module="labelmend.tracking.pyfunc",
                data_path=str(model),
                pip_requirements=[f"labelmend[embedded]=={__version__}"],
                signature=ModelSignature(
                    inputs=Schema([ColSpec(DataType.string, _text_column(model))]),
                    outputs=Schema(
                        [
                            ColSpec(DataType.string, "predicted_label"),
                            ColSpec(DataType.double, "probability"),
                            ColSpec(DataType.boolean, "is_oos"),
                            ColSpec(DataType.string, "top_3"),
                        ]
                    ),
                ),
            )
            self._client.log_artifacts(run, str(folder), "model")

    @contextmanager
    def _told(self, rest: str) -> Iterator[None]:
        require("mlflow", by="--mlflow")
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:  # those of `requests` are OSErrors
            said = " ".join((str(error).splitlines() or [type(error).__name__])[0].split())
            said = said.replace(self._given, self.uri)
            raise OutputError(
                f"--mlflow {self.uri}: {said[:_LONGEST]}; check the address and the server; {rest}"
            ) from None


def _text_column(model: Path) -> str:
    card: Mapping[str, Any] = read_json(model / CARD) or {}
    columns = (card.get("data") or {}).get("columns") or {}
    return str(columns.get("text") or "text")


def _named(name: str) -> str:
    return _STRANGE.sub("_", name)
