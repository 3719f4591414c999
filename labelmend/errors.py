"""Every error that labelmend raises on purpose.

LabelmendError            what the command line turns into one line and exit code 2
├── InputError            a file of the user's can't be read, or what it says can't be used
│   └── ColumnError       a column is missing, ambiguous or taken
├── ConfigError           a profile, a `--set` or a labels file says something unknown or impossible
├── ModelError            a model can't be used
│   ├── ModelMissingError it is not on this machine
│   └── ModelHashError    its file is not the pinned one
├── ExtraMissingError     an optional package is not installed
├── ClusterError          a cluster can't be reached, or can't carry the work
└── OutputError           the result can't be written; what was there before is whole

Each message is one line: what is wrong, where, and what to do.
"""

import difflib
from collections.abc import Iterable


class LabelmendError(Exception):
    """Base of all errors that a user can mend."""


class InputError(LabelmendError):
    """A file of the user's can't be read or used."""


class ColumnError(InputError):
    """A column is missing, ambiguous or already taken."""


class ConfigError(LabelmendError):
    """A configuration says something unknown or impossible."""


class ModelError(LabelmendError):
    """A model can't be used."""


class ModelMissingError(ModelError):
    """A model is not on this machine."""


class ModelHashError(ModelError):
    """A model's file differs from the pinned one."""


class ExtraMissingError(LabelmendError):
    """An optional package is not installed; the message names the extra that has it."""


class ClusterError(LabelmendError):
    """A cluster can't be reached, or can't carry the work."""


class OutputError(LabelmendError):
    """The result can't be written."""


_LONGEST_SHOWN = 80
"""Characters of a wrong value that are shown: a line of a terminal."""


def shown(value: object) -> str:
    """Return a wrong value for a message, on one line and not too long of it."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known name nearest to `name`, or an empty string."""
    folded = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


def row_list(rows: Iterable[int], limit: int = 5) -> str:
    """Return row numbers for a message: the first `limit`, then how many more."""
    numbers = list(rows)
    shown = ", ".join(str(n) for n in numbers[:limit])
    more = f" and {len(numbers) - limit} more" if len(numbers) > limit else ""
    return f"row{'s' if len(numbers) > 1 else ''} {shown}{more}"
