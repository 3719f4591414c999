"""What the page may send: the bodies of its requests, checked."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from labelmend.review.batches import MOST_ROWS
from labelmend.review.queues import Queue
from labelmend.review.sitting import Said, Tab

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


Unicode = AfterValidator(_unicode)
TabName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
Who = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    Unicode,
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=_LONGEST_LABEL), Unicode
]
Row = Annotated[int, Field(ge=0, lt=_MOST_ROW)]


class FromTab(BaseModel):
    """Any request: which tab, and who sits before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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


class NewAnswer(OneRow):
    """An answer: see `Said`."""

    verdict: Literal["label", "none", "unsure"]
    label: Label | None = None
    more: Annotated[tuple[Row, ...], Field(max_length=MOST_ROWS)] = ()
    revealed: bool = False

    def said(self) -> Said:
        """Return what is said."""
        return Said(self.queue, self.row, self.verdict, self.label, self.more, self.revealed)


class NewGoal(FromTab):
    """How narrow the intervals of wrong labels are to be, 0 to 1."""

    goal: Annotated[float, Field(gt=0, le=1)]
