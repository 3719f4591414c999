"""What a request is told that is refused: one form for all, and the schema says so."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

MEANINGS: Mapping[int, str] = {
    400: "The body can't be read.",
    401: "The token is missing or wrong.",
    403: "It comes from another page.",
    404: "There is no such row, label or path.",
    409: "It does not fit what is there: answered, held, hidden, nothing to do, no such edit.",
    413: "The body is too large.",
    421: "It is meant for another host.",
    422: "It is not of the form that is asked for.",
    500: "It could not be done, or not be written.",
}
"""Of the status of a refusal."""


class Refusal(BaseModel):
    """Why a request was refused.

    Attributes:
        error: a word, which the catalogue of strings has a sentence for.
        facts: of that sentence, by name.
    """

    error: str
    facts: dict[str, str] = {}


def documented() -> dict[int | str, dict[str, Any]]:
    """Return the refusals as an application's schema has them."""
    # A model would be looked at anew for each status of each path.
    schema = Refusal.model_json_schema()
    content = {"application/json": {"schema": schema}}
    return {
        status: {"description": meaning, "content": content} for status, meaning in MEANINGS.items()
    }
