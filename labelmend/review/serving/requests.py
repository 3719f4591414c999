"""What the page may send: the bodies of its requests, checked."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.config import JsonDict

from labelmend.review.batches import MOST_ROWS
from labelmend.review.queues import Queue
from labelmend.review.seats import Tab
from labelmend.review.sitting import SaidOfBatch

_MOST_ROW = 2**31
"""No table that fits in memory has a row of such a number."""

_LONGEST_LABEL = 4096
"""Characters: far more than any label has."""


def _unicode(value: str) -> str:
    """Refuse what no file can hold.

    Raises:
        ValueError: it is half a character.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("no Unicode") from None
    return value


def _whole(value: object) -> object:
    """Return a number without a fraction as JSON means it: 1.0 is 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Unicode = AfterValidator(_unicode)
TabName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
Who = Annotated[
    str,
    # One character at least that no reader of the schema takes for white space.
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=80,
        pattern=r"[^\s\x00-\x20\x7f-\xa0\ufeff]",
    ),
    Unicode,
]
Label = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_LABEL), Unicode]
Row = Annotated[int, Field(ge=0, lt=_MOST_ROW), BeforeValidator(_whole)]


class FromTab(BaseModel):
    """Any request: which tab, and who sits before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    tab: TabName
    who: Who

    def sender(self) -> Tab:
        """Return the tab."""
        return Tab(self.tab, self.who)


class NextRow(FromTab):
    """The next row, please; `skip` is put off."""

    queue: Queue
    skip: Row | None = None


class OneRow(FromTab):
    """Something of one row."""

    queue: Queue
    row: Row


_ANSWER_RULE: JsonDict = {
    "if": {"properties": {"verdict": {"const": "label"}}},
    "then": {"properties": {"label": {"type": "string"}}, "required": ["label"]},
    "else": {"properties": {"label": {"type": "null"}}},
}
"""Says to readers of the schema what the sitting checks: who says a label names it."""


class NewAnswer(OneRow):
    """An answer: see `SaidOfBatch`."""

    model_config = ConfigDict(json_schema_extra=_ANSWER_RULE)

    verdict: Literal["label", "none", "unsure"]
    label: Label | None = None
    # JSON has lists; only their items are held to their types.
    more: Annotated[tuple[Row, ...], Field(max_length=MOST_ROWS, strict=False)] = ()
    revealed: bool = False

    def said(self) -> SaidOfBatch:
        """Return what is said."""
        labels = () if self.label is None else (self.label,)
        return SaidOfBatch(
            self.queue, self.row, self.verdict, labels, self.revealed, more=self.more
        )


class NewGoal(FromTab):
    """How narrow the intervals of wrong labels are to be, 0 to 1."""

    goal: Annotated[float, Field(gt=0, le=1)]
