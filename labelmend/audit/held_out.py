"""What a run would have decided of answered rows without their answers.

`labelmend relabel --answers` writes it to the evidence file, so that answers never prove what they
taught.
"""

from collections.abc import Collection
from pathlib import Path

from labelmend.errors import InputError
from labelmend.regular_file import parsed_json
from labelmend.relabel.diagnostics.explanation import HeldOut
from labelmend.runs.companions import two_runs
from labelmend.runs.layout import OutputPaths
from labelmend.runs.shards.joined import lines_of_evidence

_AGAIN = "run labelmend relabel --answers again, and then certify"


def read_held_out(table: Path, rows: Collection[int]) -> dict[int, HeldOut]:
    """Read it for some rows of a mended table.

    Args:
        table: the mended one.
        rows: indices of answered rows, from 0.

    Raises:
        InputError: the evidence file lacks it.
    """
    path = OutputPaths.beside(table).evidence
    wanted, found = set(rows), {}
    if not wanted:
        return {}
    mixed = two_runs(table)
    if mixed is not None:
        raise InputError(mixed)
    try:
        for row, line in enumerate(lines_of_evidence(path)):
            if row in wanted:
                found[row] = HeldOut.from_fields(parsed_json(line).get("held_out"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file, and without it what answers taught can't be certified; {_AGAIN}"
        ) from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: does not say what would have been decided of answered rows without their "
            f"answers; {_AGAIN}"
        ) from None
    if len(found) < len(wanted):
        raise InputError(f"{path} ends before the mended table does; {_AGAIN}")
    return found
