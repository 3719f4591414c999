import io
import json
import sys

from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from labelmend.cli.terminal import GuardedStream, guarded_streams, harmless, open_console, spelled

EVIL = "a\x1b[38;5;201mb\x1b]0;owned\x07c\x9b31m\u202ed"
"""Colours, the window's title, an 8-bit sequence, and text that runs backwards."""

SPELLED = "a\\u001b[38;5;201mb\\u001b]0;owned\\u0007c\\u009b31m\\u202ed"


def test_what_steers_a_terminal_is_spelled():
    assert spelled(EVIL) == SPELLED
    assert spelled("tab\t, line\r\n and 👩‍🚀, שלום, ça") == "tab\t, line\r\n and 👩‍🚀, שלום, ça"
    assert harmless("a\x1b[0m\nb\u2028c\u2066") == "a\\x1b[0m b c\\u2066"
    # So JSON stays JSON, and says the same.
    line = json.dumps({"text": EVIL.replace("\x1b", "").replace("\x07", "")}, ensure_ascii=False)
    assert json.loads(spelled(line)) == json.loads(line)


def test_streams_are_guarded_and_put_back(capsys):
    before = sys.stdout, sys.stderr
    with guarded_streams():
        sys.stdout.write(f"{EVIL}\n")
        sys.stderr.writelines([EVIL, "\n"])
        assert not hasattr(sys.stdout, "buffer")
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == (f"{SPELLED}\n", f"{SPELLED}\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_console_keeps_its_own_colours_and_spells_the_rest(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", GuardedStream(screen))
    monkeypatch.setattr(sys, "stderr", GuardedStream(screen))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = open_console(highlight=False, width=300)
    table = Table(title=Text(EVIL))
    table.add_column(EVIL)
    table.add_row(Text(EVIL))
    console.print(Text(EVIL, style="bold"))
    console.print(f"[red]{EVIL}[/]")
    console.print(table)
    with Progress(console=open_console(stderr=True, width=300)) as bars:
        bars.add_task(EVIL, total=1)
    shown = screen.getvalue()
    # Rich drops the bell by itself.
    assert shown.count(SPELLED.replace("\\u0007", "")) >= 5
    assert "\x1b[1m" in shown  # its own bold
    assert not {"\x07", "\x9b", "\u202e"} & set(shown)
    assert "\x1b[38;5;201m" not in shown
    assert "\x1b]" not in shown
