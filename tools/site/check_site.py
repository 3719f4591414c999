"""Checks a built site: every public name has a place, and nothing is asked of another machine.

    python tools/site/check_site.py build/site

Links and anchors were checked by the strict build.
"""

import re
import sys
import zlib
from pathlib import Path

from public import public_names

_LOADED = (
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=[\"']?(?:https?:)?//[^\s\"'>]+",
    r"<link\b(?=[^>]*\srel=[\"']?(?:stylesheet|preload|preconnect|dns-prefetch|icon|modulepreload))"
    r"[^>]*?\shref=[\"']?(?:https?:)?//[^\s\"'>]+",
    r"@import\s[^;]*//[^;]+;",
    r"url\(\s*[\"']?(?:https?:)?//[^)]+\)",
)
"""What a browser loads by itself when it shows a page."""


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Return what pages and style sheets load from other machines."""
    found = []
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        text = path.read_text("utf-8")
        for pattern in _LOADED:
            found += [
                f"{path.relative_to(site)}: {load[:120]}" for load in re.findall(pattern, text)
            ]
    return found


def places(inventory: bytes) -> set[str]:
    """Return the names in an inventory as Sphinx writes it: four lines, then packed ones."""
    packed = inventory.split(b"\n", 4)[4]
    lines = zlib.decompress(packed).decode("utf-8").splitlines()
    return {line.split(" ", 1)[0] for line in lines}


def without_place(site: Path) -> list[str]:
    """Return the public names that no page has."""
    there = places((site / "objects.inv").read_bytes()) | {"labelmend.__version__"}
    wanted = {f"{module}.{name}" for module, names in public_names().items() for name in names}
    return sorted(wanted - there)


def main() -> int:
    """Print what is wrong; return 1 if anything is."""
    site = Path(sys.argv[1])
    wrong = [f"loads from elsewhere: {load}" for load in loaded_from_elsewhere(site)]
    wrong += [f"public, but on no page: {name}" for name in without_place(site)]
    count = sum(len(names) for names in public_names().values())
    print("\n".join([*wrong, f"{count} public names, {len(wrong)} faults"]))
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
