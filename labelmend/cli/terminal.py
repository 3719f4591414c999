"""The one way to the terminal: text of files, names and servers can't steer it.

Whatever is printed goes through `GuardedStream`, which `main` puts before stdout and stderr, and
which spells control characters and those that turn the direction of writing. Rich's own colours and
bars pass it by: `open_console` spells what they hold.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_JOINERS = "\u200c\u200d"
"""They shape emoji and some scripts, and do nothing to a terminal."""

_STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069]")
"""What steers a terminal: the control characters but tab, line feed and carriage return, and those
that turn the direction of writing."""


def harmless(text: str) -> str:
    """Return a text on one line that can't steer the terminal: control characters are spelled."""
    return "".join(
        c
        if c.isprintable() or c in _JOINERS
        else " "
        if c.isspace()
        else c.encode("unicode_escape").decode()
        for c in text
    )


def spelled(text: str) -> str:
    """Return a text, of any number of lines, whose control characters are spelled as JSON does."""
    return _STEERS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


class GuardedStream:
    """A text stream that spells what would steer a terminal."""

    def __init__(self, stream: Any) -> None:
        """Stand before a stream, which `raw` is."""
        self.raw = stream

    def write(self, text: str) -> int:
        """Write a text, spelled; return its length, as streams do."""
        self.raw.write(spelled(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # through it, others would write around this
            raise AttributeError(name)
        return getattr(self.raw, name)

    def __iter__(self) -> Any:
        return iter(self.raw)


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Put a guard before stdout and stderr."""
    before = sys.stdout, sys.stderr
    out: Any = GuardedStream(before[0])
    err: Any = GuardedStream(before[1])
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def open_console(*, stderr: bool = False, **options: Any) -> "Console":
    """Return Rich's console on stdout or stderr; what is printed on it is spelled, too.

    Args:
        stderr: whether it is on stderr.
        options: of `rich.console.Console`.
    """
    from rich.console import Console
    from rich.segment import Segment

    class SpellingConsole(Console):
        """Spells texts before colours are put around them."""

        def _render_buffer(self, buffer: Iterable[Segment]) -> str:
            safe = (each if each.control else _spelled_segment(each) for each in buffer)
            return super()._render_buffer(safe)

    def _spelled_segment(segment: Segment) -> Segment:
        return Segment(spelled(segment.text), segment.style)

    stream = sys.stderr if stderr else sys.stdout
    return SpellingConsole(file=getattr(stream, "raw", stream), **options)
