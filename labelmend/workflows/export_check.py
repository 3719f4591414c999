"""The texts on which an export is held against its model: of a table, or the demo's."""

from importlib import resources

from labelmend.classify.any_model import AnyModel
from labelmend.classify.data import MENDED, row_texts
from labelmend.classify.model_folder import SavedModel
from labelmend.classify.soft.model_folder import SoftModel
from labelmend.data.dataset import choose_columns
from labelmend.data.read import read_table, table_digest
from labelmend.data.request import TableRequest
from labelmend.data.soft.targets import read_texts
from labelmend.errors import ConfigError
from labelmend.onnx.task import CheckTexts
from labelmend.regular_file import recorded
from labelmend.workflows.predict import trained_columns
from labelmend.workflows.predict_soft import soft_columns

_DEMO = "the demo's test texts"
_DEMO_PAIRS = "pairs of the demo's test texts"


def check_texts(
    request: TableRequest | None, model: AnyModel, pair: tuple[str, str] | None
) -> CheckTexts:
    """Read the texts that an export is checked on.

    Args:
        request: a table; None for the demo's test texts.
        model: whose columns are read where none is named.
        pair: two columns that are read as a pair.

    Raises:
        LabelmendError: the table can't be used, or is not of the model's task.
    """
    is_single, is_soft = isinstance(model, SavedModel), isinstance(model, SoftModel)
    if request is not None and request.label_column is not None and not is_single:
        raise ConfigError(
            "--label-column: int8 is scored against labels of models of one label a text alone; "
            "leave it out"
        )
    if pair is not None and not is_soft:
        raise ConfigError("--pair goes with models of soft targets, and this is none; leave it out")
    if request is None:
        demo = resources.files("labelmend.data.demo").joinpath("test.csv")
        with resources.as_file(demo) as path:
            # Whatever the columns are called that the model was trained on.
            found = _texts(TableRequest(path, text_column="text"), _DEMO, model)
        if not isinstance(model, SoftModel) or not model.is_pair:
            return found
        # Each stands with the one behind it.
        texts, second = found.texts, (*found.texts[1:], found.texts[0])
        return CheckTexts(texts, found.labels, _DEMO_PAIRS, found.sha256, second)
    source = recorded(request.path)
    if not isinstance(model, SoftModel):
        return _texts(request, source, model)
    table = read_table(request.path, request.encoding, header=request.header)
    columns = soft_columns(model, table, request.text_column, pair)
    first, *rest = read_texts(table, columns, model.max_text_chars).parts
    digest = table_digest(request.path)
    return CheckTexts(first, ("",) * len(first), source, digest, *rest)


def _texts(request: TableRequest, source: str, model: AnyModel) -> CheckTexts:
    table = read_table(request.path, request.encoding, header=request.header)
    label = request.label_column
    if label is None and MENDED in table.columns:
        label = MENDED
    named = request.text_column or trained_columns(model, table)
    columns = choose_columns(table, named, label, label_needed=False)
    texts, rows = row_texts(table, columns, model.max_text_chars)
    whole = [""] * len(table) if columns.label is None else table.values(columns.label)
    labels = [whole[row] for row in rows.tolist()]
    digest = table_digest(request.path)
    return CheckTexts(tuple(texts), tuple(labels), source, digest)
