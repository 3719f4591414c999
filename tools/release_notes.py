"""Prints the changelog's section of a version, once all that tells a version tells this one.

    python tools/release_notes.py 0.2.0 > notes.md

The release workflow runs it before it builds anything. It needs nothing but Python.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def told_versions(root: Path) -> dict[str, str | None]:
    """Return the version that each file tells, by the file's name."""

    def found(name: str, pattern: str) -> str | None:
        match = re.search(pattern, (root / name).read_text("utf-8"), re.MULTILINE)
        return match[1] if match else None

    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        "pyproject.toml": project["version"],
        "labelmend/version.py": found("labelmend/version.py", r'^__version__ = "(.+)"$'),
        "CITATION.cff": found("CITATION.cff", r"^version: (\S+)$"),
    }


def section(changelog: str, version: str) -> str:
    """Return what the changelog says of a version, without its heading; empty if nothing."""
    heading = rf"^## \[?{re.escape(version)}\]?(?: - \d{{4}}-\d\d-\d\d)?$"
    _, *after = re.split(heading, changelog, maxsplit=1, flags=re.MULTILINE)
    return re.split(r"^## ", after[0], maxsplit=1, flags=re.MULTILINE)[0].strip() if after else ""


def problems(root: Path, version: str) -> list[str]:
    """Return what stands in the way of a release, a line each."""
    told = told_versions(root).items()
    lines = [f"{name} says {found}, not {version}" for name, found in told if found != version]
    if not section((root / "CHANGELOG.md").read_text("utf-8"), version):
        lines.append(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD', or an empty one")
    return lines


def main() -> None:
    """Print the section, or what is wrong."""
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/release_notes.py VERSION")
    version = sys.argv[1]
    wrong = problems(ROOT, version)
    if wrong:
        sys.exit("\n".join(wrong))
    sys.stdout.write(section((ROOT / "CHANGELOG.md").read_text("utf-8"), version) + "\n")


if __name__ == "__main__":
    main()
