"""Runs a command in a pseudo-terminal and draws what it printed, as an SVG.

Needs `pip install pyte`, the terminal emulator, besides labelmend's own environment.

python docs/terminal_picture.py docs/demo.svg labelmend demo
"""

import io
import os
import pty
import re
import sys
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 100, 120


def main() -> None:
    """Run, watch the screen, draw it."""
    target, *command = sys.argv[1:]
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 4096)
        stream.feed(data)
        return data

    os.environ |= {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
    pty.spawn(command, read)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {' '.join(command)}", style="bold"))
    last = max(i for i, line in enumerate(screen.display) if line.strip())
    for line in range(last + 1):
        row = Text()
        for column in range(COLUMNS):
            cell = screen.buffer[line][column]
            colour = "" if cell.fg == "default" else cell.fg.replace("bright", "bright_")
            known = colour if not colour or colour.isalpha() or "_" in colour else f"#{colour}"
            row.append(cell.data, style=f"{'bold ' if cell.bold else ''}{known}".strip())
        console.print(row, soft_wrap=True)
    picture = console.export_svg(title="labelmend")
    # rich names web fonts; a picture of an offline tool asks no server.
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    Path(target).write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
