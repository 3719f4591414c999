"""What a registry keeps of one version beside its model: the data, the figures, the verdict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labelmend.errors import ModelError
from labelmend.regular_file import parsed_json, read_regular

RECORD = "version.json"
"""The file of a version that says all of it but the model; its folder is a version by it."""

_MOST_BYTES = 64 << 20
"""Of a record: as much as a model card may have, whose figures it repeats."""

Verdict = Literal["promoted", "not better", "refused"]
"""`promoted`: it is to take the champion's place. `not better`: its rows count, but the champion
stays. `refused`: a gate found its new rows unsound, and later steps don't learn from them."""


class Version(BaseModel):
    """One version of a model.

    Attributes:
        format: of this record.
        id: its name in the registry.
        at: when it was made, ISO 8601 in UTC.
        kind: of the classifier.
        data_sha256: of the texts, labels and weights that it was trained on.
        rows: rows that it was trained on.
        new_rows: of these, those that came with it.
        verdict: what is to become of it.
        reasons: of the verdict, one line each.
        champion_before: the version whose place it takes, or took not; None for the first.
        metrics: on the held-out rows; shares from 0 to 1, by name; None where nothing was measured.
        comparison: with the champion on the same rows, as `compare-baseline` records it; None for
            the first.
        more: what else the step remembers, such as how far each source was read; plain JSON values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^v\d{5,9}$")]
    at: str
    kind: str
    data_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    rows: Annotated[int, Field(ge=0)]
    new_rows: Annotated[int, Field(ge=0)]
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    champion_before: str | None = None
    metrics: Mapping[str, float | None] = Field(default_factory=dict)
    comparison: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = Field(default_factory=dict)


def write_version(version: Version, folder: Path) -> None:
    """Write a version's record into its folder.

    Raises:
        OSError: it can't be written.
    """
    text = json.dumps(
        version.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False
    )
    (folder / RECORD).write_text(text + "\n", "utf-8")


def read_version(folder: Path) -> Version:
    """Read a version's record.

    Raises:
        ModelError: there is none, or it says something else.
    """
    path = folder / RECORD
    try:
        return Version.model_validate(parsed_json(read_regular(path, _MOST_BYTES)))
    except OSError as error:
        said = error.strerror or str(error)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        said = f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    except ValueError as error:
        said = str(error).splitlines()[0]
    raise ModelError(f"{path}: can't be read ({said}); restore the file from a copy") from None
