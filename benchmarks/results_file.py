"""What scripts write: records as they come, and Markdown files that several of them share.

Each script owns the part between its markers. A part called `correction` stands between
`<!-- correction:start -->` and `<!-- correction:end -->`.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

_SECTION = re.compile(r"<!-- ([\w-]+):start -->.*?<!-- \1:end -->", re.DOTALL)


def write_section(path: Path, name: str, text: str) -> None:
    """Put `text` between the markers of `name`, at the file's end where there are none yet."""
    old = path.read_text("utf-8") if path.exists() else ""
    section = f"<!-- {name}:start -->\n{text.strip()}\n<!-- {name}:end -->"
    found = next((match for match in _SECTION.finditer(old) if match[1] == name), None)
    if found:
        new = old[: found.start()] + section + old[found.end() :]
    else:
        new = f"{old.rstrip()}\n\n{section}\n".lstrip()
    path.write_text(new, "utf-8")


def write_around_sections(path: Path, text: str) -> None:
    """Replace all of the file but its marked sections, which follow the text."""
    old = path.read_text("utf-8") if path.exists() else ""
    sections = [match[0] for match in _SECTION.finditer(old)]
    path.write_text("\n\n".join([text.strip(), *sections]) + "\n", "utf-8")


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what `append_record` wrote; a line that an interruption cut short is passed over."""
    for text in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(text)
        except ValueError:
            continue


def typed(words: Sequence[str], left_out: Collection[str], folders: Collection[str]) -> list[str]:
    """Return what was typed, but for what changes no figure.

    Args:
        words: of the command line, after the script.
        left_out: options without a value.
        folders: options whose value is a folder or file of this machine.
    """
    told: list[str] = []
    waiting = False
    for word in words:
        if waiting or word in folders:
            waiting = not waiting
        elif word not in left_out and word.partition("=")[0] not in folders:
            told.append(word)
    return told


class _Keyed(Protocol):
    @property
    def key(self) -> Any: ...


L = TypeVar("L", bound=_Keyed)


def read_latest(path: Path, line: Callable[..., L]) -> dict[Any, L]:
    """Return the lines that the records hold, by their keys; of two alike the later one counts."""
    made = (line(**plain) for plain in read_records(path))
    return {one.key: one for one in made}


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line of JSON."""
    held = path.read_bytes() if path.exists() else b""
    cut_short = bool(held) and not held.endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if cut_short else "") + json.dumps(record) + "\n")
