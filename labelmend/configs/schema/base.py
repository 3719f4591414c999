"""What every section of the settings is made of: one way to declare, check and change a value."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.dataclasses import dataclass

from labelmend.configs.problems import problem
from labelmend.errors import ConfigError

CHECKED = ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
)
"""Every section's: nothing unknown, no text for a number, no endless number; and the string below
a setting is its sentence."""

LOADING = "loading"
"""A context for pydantic: whoever gives it tells the user what is wrong himself."""

T = TypeVar("T")

Many = Annotated[tuple[T, ...], Strict(strict=False)]
"""A list in YAML; its items are checked strictly all the same."""

Share = Annotated[float, Field(ge=0, le=1, json_schema_extra={"unit": "share"})]


def at_least(bound: float, unit: str = "", *, most: float | None = None) -> Any:
    """Return the range of a number, and the unit that it counts in."""
    return Field(ge=bound, le=most, json_schema_extra={"unit": unit} if unit else None)


@dataclass(frozen=True, config=CHECKED)
class Section:
    """Base of all sections: a frozen dataclass that pydantic checks however it is made.

    `dataclasses.replace` makes a changed copy, as for all other frozen dataclasses here, and the
    copy is checked like a profile: replacing goes through the constructor, and the constructor is
    pydantic's. `dataclasses.asdict` and `vars` work as ever. That is why the sections are
    pydantic's dataclasses and no `BaseModel`s, whose `model_copy` checks nothing.

    A check of several settings together goes into `__post_init__`; the text of its `ValueError`
    begins with the name of the setting to change.

    Raises:
        ConfigError: a value is of the wrong type or out of its range, or a name is unknown.
    """

    FORMER: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What settings were called in profiles of versions before, and are called now."""

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(
        cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if info.context == LOADING:  # the whole profile is at work, and knows the whole key
                raise
            raise ConfigError(f"{cls.__name__}: {problem(error, cls)[1]}") from None
