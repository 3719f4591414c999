"""What nobody expected: one line, and a log file that says where and holds no row of a table."""

import contextlib
import errno
import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

from labelmend.version import __version__

UNEXPECTED = 70
"""The exit code of a fault of ours: EX_SOFTWARE of sysexits.h."""

_LONGEST_MESSAGE = 300
"""Characters of an error's message that the log keeps."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\u201c[^\u201d]*\u201d")
_MARK = "'...'"


def log_unexpected(error: BaseException, arguments: list[str]) -> str:
    """Write the log of an error, and return the line that the user is told.

    The log has the places in the code, the versions and the names of the options: no text of a
    row, as far as that can be told. What messages quote is left out.

    Args:
        error: that reached the door.
        arguments: of the command line, without the program's name.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = "labelmend"
    for frame in frames:
        if f"{os.sep}labelmend{os.sep}" in frame.filename:
            inside = frame.filename.rpartition(f"{os.sep}labelmend{os.sep}")[2]
            place = f"labelmend/{inside.replace(os.sep, '/')}:{frame.lineno}"
    what = f"unexpected {type(error).__name__} in {place}"
    told = "this is a fault of labelmend, not of yours"
    path = _write(_log(error, arguments))
    if path is None:
        return f"{what}: {told}; please report this line"
    return f"{what}: {told}; please report this line with {path}, which holds none of your rows"


def of_the_machine(error: Exception) -> str | None:
    """Return the line of an error that lies with files or memory, and not with the code."""
    if isinstance(error, MemoryError):
        import psutil

        free = psutil.virtual_memory().available / 2**30
        said = f" ({_without_quotes(str(error)).rstrip('.')})" if str(error) else ""
        return (
            f"this machine's memory is not enough{said}, {free:.1f} GiB are free; give fewer rows, "
            "or lower the setting that asks for so much"
        )
    if isinstance(error, OSError) and (error.filename or error.errno in _FULL):
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{where}{error.strerror or error}; check the path, its permissions and its disk"
    return None


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENOMEM)
"""What the system says of a whole disk or machine, of no file in particular."""


def _log(error: BaseException, arguments: list[str]) -> str:
    lines = [
        f"labelmend {__version__}, Python {sys.version.split()[0]} on {sys.platform}",
        f"time: {time.strftime('%Y-%m-%dT%H:%M:%S%z')}",
        f"command: {' '.join(_shown(arguments))}",
        "",
    ]
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    for each in reversed(chain):
        lines += ["Traceback (most recent call last):"]
        lines += traceback.format_tb(each.__traceback__)
        lines += [f"{type(each).__name__}: {_without_quotes(str(each))}", ""]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def _shown(arguments: list[str]) -> list[str]:
    """Return the command and the names of its options; what was given to them stays away."""
    command = arguments[:1] if arguments and re.fullmatch("[a-z-]+", arguments[0]) else []
    names = [each.partition("=")[0] for each in arguments if each.startswith("-")]
    return command + [name for name in names if re.fullmatch("--?[a-z-]+", name)]


def _without_quotes(message: str) -> str:
    return " ".join(_QUOTED.sub(_MARK, message).split())[:_LONGEST_MESSAGE]


def _write(text: str) -> Path | None:
    """Write the log into the cache folder, or where temporary files go; None where neither can."""
    from labelmend.weights.home import cache_home

    name = f"labelmend-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for in_cache in (True, False):
        # Whatever is wrong with one folder, the other may do.
        with contextlib.suppress(Exception):
            path = (cache_home() / "logs" if in_cache else Path(tempfile.gettempdir())) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", errors="backslashreplace")
            path.chmod(0o600)
            return path
    return None
