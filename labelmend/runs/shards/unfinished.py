"""A folder of shards that is being written: whose it is, and what of it is done.

While a run is at work, `_labelmend/unfinished.jsonl` lies in its output folder, locked by the
process. Its first line says of which shards the table is made, each further one which shard is
written, of which outcome. A run that was killed is taken up by the next one on the same shards:
what it wrote of the very same outcome stays. The file goes when the run's record is written.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from labelmend.data.outputs.claim import Given, claim
from labelmend.data.outputs.locks import lock
from labelmend.data.shards.table import ShardedTable
from labelmend.errors import OutputError
from labelmend.regular_file import parsed_json, read_regular
from labelmend.runs.companions import digest_of
from labelmend.runs.layout import OutputPaths
from labelmend.version import __version__

NAME = "unfinished.jsonl"

_HIDDEN = "."
"""Names that begin so are no data: what is on its way, or an operating system's."""

_MOST_BYTES = 1 << 26
"""Of the file: a line a shard, 64 MiB are some 200,000 of them."""


@dataclass(frozen=True)
class Written:
    """A shard that is done.

    Attributes:
        name: of the shard.
        outcome: key of what it says.
        table: sha256 of the shard.
        evidence: sha256 of its evidence; empty where none is written.
    """

    name: str
    outcome: str
    table: str
    evidence: str


class Unfinished:
    """The output folder of a run, which is this process's until it is closed.

    Attributes:
        digests: sha256 of the shards that are read, by name.
    """

    def __init__(
        self,
        paths: OutputPaths,
        descriptor: int,
        digests: Mapping[str, str],
        done: Sequence[Written],
    ) -> None:
        self.digests = digests
        self._paths = paths
        self._descriptor = descriptor
        self._done = {one.name: one for one in done}

    def kept(self, name: str, outcome: str) -> Written | None:
        """Return a shard that needs not be written again; None where it does."""
        found = self._done.get(name)
        if found is None or found.outcome != outcome:
            return None
        try:
            table = digest_of(self._paths.table / name)
            evidence = digest_of(self._paths.evidence_of(name)) if found.evidence else ""
        except OSError:
            return None
        return found if (table, evidence) == (found.table, found.evidence) else None

    def add(self, one: Written) -> None:
        """Write down that a shard is done.

        Raises:
            OSError: it can't be.
        """
        self._done[one.name] = one
        os.write(self._descriptor, json.dumps(asdict(one)).encode() + b"\n")
        os.fsync(self._descriptor)

    def finish(self) -> None:
        """Remove the file, as all is written; the folders, too, where nothing lies beside it."""
        home = self._paths.record.parent
        (home / NAME).unlink(missing_ok=True)
        with suppress(OSError):
            for folder in (self._paths.evidence, home):
                folder.rmdir()

    @property
    def is_empty(self) -> bool:
        """Whether no shard is done."""
        return not self._done


def check_output(paths: OutputPaths, table: ShardedTable, inputs: Sequence[Given]) -> None:
    """Find out before any work whether shards may be written to a folder.

    Args:
        paths: of the run.
        table: that is read.
        inputs: all that the user gave.

    Raises:
        OutputError: it is a file, holds something, lies in the input's folder, or can't be written.
    """
    folder, source = paths.table, table.path
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f"{folder}: is a file, and shards are written to a folder; name a new one"
        )
    if folder.is_symlink() and not folder.exists():
        raise OutputError(f"{folder}: is a link that leads nowhere; remove it, or name a folder")
    above = Path(os.path.realpath(folder)).parent
    if source.is_dir() and Path(os.path.realpath(source)) in (above, *above.parents):
        raise OutputError(f"{folder}: lies in {source}, which is the input itself; write elsewhere")
    strange = _strange(paths, [shard.path.name for shard in table.shards])
    if strange is not None:
        raise OutputError(
            f"{folder}: is not empty (it holds {strange}); name an empty or a new folder"
        )
    claim(inputs, [], [folder])
    if not above.is_dir():
        raise OutputError(f"{folder}: the folder {folder.parent} is missing; create it first")
    if not os.access(folder if folder.is_dir() else above, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: can't be written to; choose another folder")


@contextmanager
def taken_up(paths: OutputPaths, digests: Mapping[str, str]) -> Iterator[Unfinished]:
    """Make the output folder of a run, or go on with one that a killed run left.

    Where nothing is done when an error ends the run, the folder is as it was before.

    Args:
        paths: of the run.
        digests: sha256 of the shards that are read, by name.

    Raises:
        OutputError: it can't be made, another process is at work in it, or it is of other shards.
    """
    folder, home = paths.table, paths.record.parent
    was_there, head = folder.is_dir(), {"labelmend": __version__, "shards": digests}
    try:
        paths.evidence.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise OutputError(f"{folder}: can't be written to ({error.strerror})") from None
    try:
        if lock(descriptor) is False:
            raise OutputError(f"{folder}: another run writes to it; name another folder, or wait")
        said = _lines(home / NAME, descriptor)
        if said and said[0].get("shards") != digests:
            raise OutputError(
                f"{folder}: holds an unfinished run on other shards; name an empty or a new folder"
            )
        if not said:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(head).encode() + b"\n")
        unfinished = Unfinished(paths, descriptor, digests, _written(said[1:]))
        try:
            yield unfinished
        except BaseException:
            if unfinished.is_empty and not paths.store.exists():
                _take_back(paths, was_there)
            raise
    finally:
        os.close(descriptor)


def _take_back(paths: OutputPaths, was_there: bool) -> None:
    home = paths.record.parent
    with suppress(OSError):
        (home / NAME).unlink(missing_ok=True)
        for folder in (paths.evidence, home, *([] if was_there else [paths.table])):
            folder.rmdir()


def _strange(paths: OutputPaths, names: Sequence[str]) -> str | None:
    """Return the name of what an output folder holds that is not of an unfinished run of ours."""
    try:
        found = sorted(one.name for one in paths.table.iterdir())
    except OSError:  # there is none, or whoever writes to it says why that can't be
        return None
    home = paths.record.parent
    ours = {home.name, *names} if (home / NAME).is_file() and not paths.record.exists() else set()
    return next((one for one in found if one not in ours and not one.startswith(_HIDDEN)), None)


def _lines(path: Path, descriptor: int) -> list[dict[str, object]]:
    """Return what whole lines of the file say; a last one that is torn is cut off."""
    found: list[dict[str, object]] = []
    with suppress(OSError, ValueError):
        raw = read_regular(path, _MOST_BYTES)
        os.ftruncate(descriptor, raw.rfind(b"\n") + 1)
        for line in raw.split(b"\n")[:-1]:
            said = parsed_json(line)
            if not isinstance(said, dict):
                break
            found.append(said)
    return found


def _written(lines: Sequence[dict[str, object]]) -> list[Written]:
    fields = ("name", "outcome", "table", "evidence")
    return [Written(*(str(line.get(field)) for field in fields)) for line in lines]
