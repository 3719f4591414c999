"""Model folders of whatever task: the card says which one reads them."""

from pathlib import Path

from labelmend.classify.folder import SEVERAL, SOFT, task_of
from labelmend.classify.model_folder import SavedModel, load_model
from labelmend.classify.several.model_folder import SavedSets, load_sets_model
from labelmend.classify.soft.model_folder import SoftModel, load_soft_model
from labelmend.weights.signature import TrustedKey

AnyModel = SavedModel | SavedSets | SoftModel
"""A model of one label a text, of several, or of soft targets."""


def load_any(folder: Path, trusted: TrustedKey | None = None) -> AnyModel:
    """Read a model folder, after its files were held to their hashes.

    Args:
        folder: of the model.
        trusted: the key that has to have signed its card; None where anybody's will do.

    Raises:
        ModelMissingError: there is none.
        ModelHashError: a file is missing or was changed.
        ModelError: it is of no task that is known, holds a pickle, or can't be read.
    """
    task = task_of(folder)
    if task == SEVERAL:
        return load_sets_model(folder, trusted)
    if task == SOFT:
        return load_soft_model(folder, trusted)
    return load_model(folder, trusted)
