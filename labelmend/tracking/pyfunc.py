"""A model folder as MLflow loads it: it predicts as `labelmend predict` does.

MLflow calls `_load_pyfunc` with a copy of the folder. That is all that it is told: the folder holds
no pickle, and none is made of it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelmend.classify.folder import locate_encoders
from labelmend.classify.model_folder import load_model
from labelmend.classify.predicted import COLUMNS, predict_texts
from labelmend.configs.schema import ClassifyConfig
from labelmend.retrieval.space import open_space


class LoadedModel:
    """A model that MLflow loaded."""

    def __init__(self, folder: Path) -> None:
        """Read a model folder.

        Raises:
            ModelError: it can't be used here.
        """
        self._model = load_model(folder)
        located = locate_encoders(self._model, folder)
        self._space = open_space(self._model.encoders, located, self._model.means)
        columns = (self._model.card.get("data") or {}).get("columns") or {}
        self._columns = [columns.get("text"), *(columns.get("more_text") or ())]

    def predict(self, model_input: Any, params: Any = None) -> pd.DataFrame:  # noqa: ARG002
        """Return the columns that `labelmend predict` adds, a row a text.

        Args:
            model_input: texts: a list, a Series, or a table with the text columns of the training;
                of a table with one column, that one.
            params: MLflow's; there are none.
        """
        texts = self._texts(model_input)
        there = [number for number, text in enumerate(texts) if text.strip()]
        limit = self._model.max_text_chars
        found = predict_texts(
            self._model.classifier,
            self._space,
            [texts[number][:limit] for number in there],
            ClassifyConfig.batch_rows,
        )
        empty = ("", np.nan, False, "")
        made = {}
        for name, values, blank in zip(COLUMNS, found.columns(), empty, strict=True):
            column: list[Any] = [blank] * len(texts)
            for number, value in zip(there, values, strict=True):
                column[number] = value
            made[name] = column
        index = model_input.index if isinstance(model_input, pd.DataFrame | pd.Series) else None
        return pd.DataFrame(made, index=index)

    def _texts(self, given: Any) -> list[str]:
        if isinstance(given, pd.DataFrame):
            names = [name for name in self._columns if name in given.columns]
            if not names:
                names = list(given.columns[:1])
            rows = zip(*(_strings(given[name]) for name in names), strict=True)
            return ["\n".join(part for part in parts if part.strip()) for parts in rows]
        if isinstance(given, str):
            return [given]
        return _strings(given)


def _strings(values: Iterable[Any]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]


def _load_pyfunc(path: str) -> LoadedModel:
    """Load a model folder, as MLflow asks for it."""
    return LoadedModel(Path(path))
