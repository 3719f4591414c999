"""What a person picks in a picture: an area of the map, a point of it, or a cell of the matrix.

A page sends the shape, and the server picks the rows: those of a large table would be more than a
request may hold.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from labelmend.review.serving.requests import Label, Row

MOST_CORNERS = 500
"""Of an area: a hand draws fewer, and a request of as many is a third of what it may be."""

_FARTHEST = 1e6
"""A coordinate on the map: embeddings of unit length stay within 1."""

_Coordinate = Annotated[float, Field(strict=True, ge=-_FARTHEST, le=_FARTHEST)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Area(_Shape):
    """The texts in a polygon of the map, by its corners."""

    area: Annotated[
        tuple[tuple[_Coordinate, _Coordinate], ...], Field(min_length=3, max_length=MOST_CORNERS)
    ]


class Near(_Shape):
    """A text, by its row, and those most like it."""

    near: Annotated[Row, Field(strict=True)]


class Cell(_Shape):
    """The texts with one given and one proposed label."""

    given: Label
    proposed: Label


Choice = Area | Near | Cell
