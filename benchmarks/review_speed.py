"""How fast the review page is, measured in a browser, and how much memory it takes.

    python benchmarks/review_speed.py [--sizes ROWSxLABELS,...] [--folder FOLDER] [--no-report]

Makes tables of these sizes and the files of a run on them (see `made_run.py`), serves each by
`labelmend review` in a process of its own, and plays a person in headless Chromium:

- how long the page takes to open, from the command's start and from the browser's call;
- 60 answers by Enter, each measured in the page from the key to the next row painted;
- a sitting of 100 rows that a script answers without waiting for anything but the page;
- typing a word into the search of labels, each letter to its list painted;
- answers at a person's pace while the rows are ranked anew in the background.

Where the table is large, ten thousand answers are there already. Memory is the proportional set
size of the server and its children together, looked at twice a second. Writes its section of
benchmarks/RESULTS.md. Needs Playwright and a Chromium of the system.
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT
from statistics import median

import psutil
from correction import package_versions
from made_run import made_run
from playwright.sync_api import Page, sync_playwright
from results_file import write_section
from sitting import Server

from labelmend.data.answer_file import append_answers
from labelmend.data.answers import Answer, Saw, Shown, now
from labelmend.data.request import TableRequest
from labelmend.parallel import usable_cores
from labelmend.review.table import ReviewTable

HERE = Path(__file__).resolve().parent
SIZES = "15100x151,200000x5000"
KEYS, SITTING, REFIT_KEYS = 60, 100, 40
"""Answers of which the median is; of the sitting; and while the rows are ranked anew."""

LARGE, ANSWERED = 100_000, 10_000
"""Rows from which on a table has answers already, and how many."""

PACE_MS = 400
"""Between two answers while the rows are ranked anew: nobody reads faster."""

WORD = "topic 0001"
"""Typed into the search of labels."""

GOALS = {15_100: 100, 200_000: 200}
"""Milliseconds that the median key may take, by rows: the issue's numbers."""

OPEN_S, REFIT_MS, ROW_S, MEMORY_GIB = 2.0, 300, 0.3, 1.5
"""What else the issue asks for."""

_TYPED = """
() => {
  const field = document.querySelector('dialog input'), times = [];
  window.typed = times;
  field.addEventListener('keydown', () => {
    const begun = performance.now();
    requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - begun)));
  }, true);
}
"""
"""Measures each letter, from the key to the list painted."""


@dataclass
class Measured:
    """One table.

    Attributes:
        rows: of the table.
        labels: of its label set.
        from_start: seconds from the command's start to the first row painted.
        from_call: seconds from the browser's call to the first row painted.
        keys: milliseconds from each key to the next row painted.
        sitting: seconds a row of the scripted sitting.
        search: milliseconds of each letter.
        during: milliseconds from key to row while rows are ranked anew.
        refit: seconds that ranking anew took.
        peak: GiB of the server and its children at most; the server alone when it had opened.
    """

    rows: int
    labels: int
    from_start: float = 0.0
    from_call: float = 0.0
    keys: list[float] = field(default_factory=list)
    sitting: float = 0.0
    search: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)
    refit: float = 0.0
    peak: tuple[float, float] = (0.0, 0.0)


class Memory:
    """Watches the proportional set size of a process and its children."""

    def __init__(self, process: int) -> None:
        self._root = psutil.Process(process)
        self._ended = threading.Event()
        self.peak = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def now(self) -> float:
        """Return GiB."""
        total = 0
        for process in (self._root, *self._root.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:  # it has just ended
                continue
        return total / 2**30

    def has_child(self) -> bool:
        """Whether anything runs beside the server."""
        return bool(self._root.children())

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            try:
                self.peak = max(self.peak, self.now())
            except psutil.Error:
                return

    def close(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._thread.join()


class Tab:
    """A tab that presses keys, and the page's own measurements."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, address: str) -> None:
        """Open the page; return when a row is painted."""
        self.page.goto(address)
        self.page.wait_for_function("() => document.querySelector('#row').dataset.row")
        self.page.evaluate("() => new Promise(r => requestAnimationFrame(() => setTimeout(r)))")

    def settle(self) -> None:
        """Wait until nothing of the page is on its way."""
        self.page.wait_for_selector("body:not([data-busy])")
        self.page.wait_for_selector("#progress section")

    def answer(self) -> float:
        """Press Enter; return milliseconds from the key to the next row painted."""
        count = "() => performance.getEntriesByName('key-to-row').length"
        before = self.page.evaluate(count)
        self.page.wait_for_selector("body:not([data-busy])")
        self.page.keyboard.press("Enter")
        self.page.wait_for_function(f"before => ({count})() > before", arg=before)
        taken: float = self.page.evaluate(
            "() => performance.getEntriesByName('key-to-row').at(-1).duration"
        )
        return taken

    def search(self) -> list[float]:
        """Type a word into the search of labels; return milliseconds of each letter."""
        self.page.keyboard.press("/")
        self.page.wait_for_selector("dialog[open] input")
        self.page.evaluate(_TYPED)
        for letter in WORD:
            self.page.keyboard.press("Space" if letter == " " else letter)
        self.page.wait_for_function(f"() => window.typed.length >= {len(WORD)}")
        found: list[float] = self.page.evaluate("() => window.typed")
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector("dialog", state="detached")
        return found


def measure(page: Page, table: Path, rows: int, labels: int) -> Measured:
    """Serve a table, and play a person."""
    found = Measured(rows, labels)
    if rows >= LARGE:
        _answer_some(table)
    began = time.perf_counter()
    server = Server(table)
    memory = Memory(server.child.pid)
    try:
        tab = Tab(page)
        called = time.perf_counter()
        tab.open(server.address)
        ended = time.perf_counter()
        found.from_start, found.from_call = ended - began, ended - called
        tab.settle()
        opened = memory.now()
        found.keys = [tab.answer() for _ in range(KEYS)]
        _until_alone(memory)
        began = time.perf_counter()
        for _ in range(SITTING):
            tab.answer()
        found.sitting = (time.perf_counter() - began) / SITTING
        found.search = tab.search()
        _until_alone(memory)
        found.during, found.refit = _during(tab, memory)
        found.peak = memory.peak, opened
    finally:
        memory.close()
        server.end(SIGINT)
    return found


def _answer_some(table: Path) -> None:
    """Let somebody have answered rows that are spread over the order."""
    read = ReviewTable.read(TableRequest(table))
    rows = read.order[:: max(len(read.order) // ANSWERED, 1)][:ANSWERED].tolist()
    answers = [
        Answer(
            text_sha256=read.keys[row],
            id=read.mended.dataset.ids[row],
            verdict="label",
            labels=(read.evidence.proposed[row] or read.labels[0],),
            who="ben",
            when=now(),
            shown=Shown("queue"),
            saw=Saw(given=True, proposed=True),
        )
        for row in rows
    ]
    append_answers(table.with_name("answers.jsonl"), answers)


def _until_alone(memory: Memory) -> None:
    """Wait until nothing runs beside the server."""
    quiet = 0
    while quiet < 5:
        quiet = 0 if memory.has_child() else quiet + 1
        time.sleep(0.2)


def _during(tab: Tab, memory: Memory) -> tuple[list[float], float]:
    """Answer until the rows are being ranked anew, and on until that has ended.

    Returns:
        milliseconds of the keys that were pressed meanwhile, and the seconds that it took.
    """
    for _ in range(REFIT_KEYS):
        tab.answer()
        if memory.has_child():
            break
    taken: list[float] = []
    began = time.perf_counter()
    while memory.has_child() and len(taken) < REFIT_KEYS * 10:
        taken.append(tab.answer())
        tab.page.wait_for_timeout(PACE_MS)
    return taken, time.perf_counter() - began


def report(found: Sequence[Measured]) -> str:
    """Return the section of RESULTS.md."""
    load = os.getloadavg()[0]
    lines = [
        "# Speed of the review page",
        "",
        "`python benchmarks/review_speed.py`: `labelmend review` on made tables, answered in "
        "headless Chromium on the same machine. From the key to the next row painted, as the page "
        "measures it; one that had to wait for the rows to be ranked anew is among those of that "
        f"line. Tables of {LARGE:,} rows and more have {ANSWERED:,} answers before anybody begins.",
        f"{package_versions()}; {platform.machine()}, {usable_cores()} cores; load {load:.1f}.",
        "",
    ]
    for one in found:
        goal = next((ms for rows, ms in sorted(GOALS.items()) if one.rows <= rows), 200)
        during = max(one.during, default=0.0)
        lines += [
            f"## {one.rows:,} rows, {one.labels:,} labels",
            "",
            "| what | goal | measured | |",
            "|---|---|---|---|",
            _line("key to next row, median", f"{goal} ms", median(one.keys), goal, "ms"),
            _line("the same, slowest of 60", "", max(one.keys), None, "ms"),
            _line(
                "the page opens, from the command", f"{OPEN_S:.0f} s", one.from_start, OPEN_S, "s"
            ),
            _line("the same, from the browser's call", "", one.from_call, None, "s"),
            _line("scripted sitting, a row", f"{ROW_S} s", one.sitting, ROW_S, "s"),
            _line("a letter of the search, slowest", "", max(one.search), None, "ms"),
            _line("ranking anew takes", "", one.refit, None, "s"),
            _line(
                f"key to next row meanwhile, slowest of {len(one.during)}",
                f"{REFIT_MS} ms",
                during,
                REFIT_MS,
                "ms",
            ),
            _line(
                "memory with children, at most", f"{MEMORY_GIB} GiB", one.peak[0], MEMORY_GIB, "GiB"
            ),
            _line("the server when the page is open", "", one.peak[1], None, "GiB"),
            "",
        ]
    return "\n".join(lines)


def _line(what: str, goal: str, value: float, most: float | None, unit: str) -> str:
    said = f"{value:.0f} ms" if unit == "ms" else f"{value:.2f} {unit}"
    verdict = "" if most is None else "reached" if value < most else "**not reached**"
    return f"| {what} | {f'under {goal}' if goal else ''} | {said} | {verdict} |"


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default=SIZES, help="rows x labels, separated by commas")
    parser.add_argument("--folder", type=Path, help="where the tables are made, or are already")
    parser.add_argument("--no-report", action="store_true", help="print it, and write no file")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for size in options.sizes.split(","):
            rows, labels = map(int, size.split("x"))
            place = (options.folder or Path(folder)) / size
            table = place / "mended.csv"
            if not table.exists():
                place.mkdir(parents=True, exist_ok=True)
                made_run(place, rows, labels, 0)
            place.joinpath("answers.jsonl").unlink(missing_ok=True)
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            found.append(measure(context.new_page(), table, rows, labels))
            context.close()
        browser.close()
    text = report(found)
    print(text)
    if not options.no_report:
        write_section(HERE / "RESULTS.md", "review-speed", text)


if __name__ == "__main__":
    main()
