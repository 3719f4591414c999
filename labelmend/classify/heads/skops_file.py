"""scikit-learn models as files of skops, which execute nothing; equal models make equal files."""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from labelmend.errors import ModelError
from labelmend.regular_file import read_regular

_ID = re.compile(r'("__id__": |"file": ")(\d+)')
_SCHEMA = "schema.json"


def write_skops(model: Any, path: Path) -> None:
    """Write a fitted scikit-learn model.

    skops names objects by where they lie in memory, and dates the parts of its file. Here they are
    counted instead, and undated, so that equal models make equal files.

    Raises:
        ModelError: it is made of what skops can't write, or would not read without being told to
            trust it.
    """
    from skops.io import dumps, get_untrusted_types
    from skops.io.exceptions import UnsupportedTypeException

    name = type(model).__name__
    try:
        raw = dumps(model)
    except UnsupportedTypeException as error:
        said = str(error).splitlines()[0]
        raise ModelError(f"a {name} can't be written ({said}); choose another") from None
    untrusted = get_untrusted_types(data=raw)
    if untrusted:
        raise ModelError(
            f"a {name} can't be written: to read it again, {', '.join(untrusted)} would have to be "
            "trusted; choose another classifier"
        )
    with zipfile.ZipFile(io.BytesIO(raw)) as held:
        parts = {part: held.read(part) for part in held.namelist()}
    schema = parts.pop(_SCHEMA).decode()
    places = {
        old: str(new) for new, old in enumerate(dict.fromkeys(m[2] for m in _ID.finditer(schema)))
    }
    schema = _ID.sub(lambda m: m[1] + places[m[2]], schema)
    named = {_renamed(part, places): content for part, content in parts.items()}
    with zipfile.ZipFile(path, "w") as file:
        for part in sorted(named):
            file.writestr(zipfile.ZipInfo(part), named[part])
        file.writestr(zipfile.ZipInfo(_SCHEMA), schema)


def read_skops(path: Path, of: Collection[str] = ()) -> Any:
    """Read a scikit-learn model; nothing is trusted beyond what skops trusts by itself.

    It may be one of another version of scikit-learn, whose warning would stand in every prediction:
    the model card has the version.

    Args:
        path: of the file.
        of: names of the only classes of scikit-learn's that may be in it; none for any. Some, such
            as trees, believe the indices in their arrays.

    Raises:
        ModelError: it holds something else, or can't be read.
    """
    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io import loads
    from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            raw = read_regular(path)
            _check_parts(raw, of)
            return loads(raw, trusted=[])
    except UntrustedTypesFoundException as error:
        said = str(error).splitlines()[0]
        raise ModelError(
            f"{path}: holds types that could run foreign code ({said}); train the model again"
        ) from None
    except (
        UnsupportedTypeException,
        *(LookupError, TypeError, ValueError, OSError, AttributeError, ImportError),
        *(EOFError, MemoryError, NotImplementedError, RecursionError, zipfile.BadZipFile),
    ) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: can't be read ({said}); train the model again") from None


def _check_parts(raw: bytes, of: Collection[str]) -> None:
    """Make sure that nothing is packed, so that no part is larger than the file.

    Raises:
        ValueError: something is, or a class stands in it that may not.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as held:
        if any(part.compress_type != zipfile.ZIP_STORED for part in held.infolist()):
            raise ValueError("a part of it is packed")
        schema = held.read(_SCHEMA).decode()
    ahead = [json.loads(schema)]
    while ahead:
        node = ahead.pop()
        if isinstance(node, dict):
            module, name = str(node.get("__module__")), node.get("__class__")
            if of and module.startswith("sklearn.") and name not in of:
                raise ValueError(f"a {name} stands in it")
        ahead += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _renamed(part: str, places: dict[str, str]) -> str:
    stem, dot, rest = part.partition(".")
    return places.get(stem, stem) + dot + rest
