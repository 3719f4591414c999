"""Markdown files that several scripts write: each owns the part between its markers.

A part called `correction` stands between `<!-- correction:start -->` and `<!-- correction:end -->`.
"""

import re
from pathlib import Path

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
